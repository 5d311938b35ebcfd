"""The address to which a buyer who has paid wants the access instead, until a person decides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("email_wanted", sa.Text(), nullable=True))
