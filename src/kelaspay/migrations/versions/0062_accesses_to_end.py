"""Find the accesses that are to end and have not: they are few, and every few minutes they are looked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_enrollments_to_end",
        "enrollments",
        ["revoke_wanted"],
        sqlite_where=sa.text("revoke_wanted = 1 AND state != 'revoked'"),  # as its query says it
        postgresql_where=sa.text("revoke_wanted AND state != 'revoked'"),
    )
