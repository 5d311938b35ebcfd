"""Let callbacks for orders that are not known be counted, however many events there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    unknown = sa.text("outcome = 'unknown_order'")
    op.create_index("ix_inbox_unknown", "inbox", ["id"], sqlite_where=unknown, postgresql_where=unknown)
