"""Find the orders that were given to another address and are still to be taken from the one before: they are few, and
every minute they are looked for.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    had = sa.text("former_user_id IS NOT NULL")
    op.create_index("ix_enrollments_former", "enrollments", ["former_user_id"], sqlite_where=had, postgresql_where=had)
