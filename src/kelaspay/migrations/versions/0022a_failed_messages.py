"""An index on the messages that failed, for whoever counts them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022a"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("state = 'failed'")
    op.create_index("ix_messages_failed", "messages", ["id"], sqlite_where=where, postgresql_where=where)
