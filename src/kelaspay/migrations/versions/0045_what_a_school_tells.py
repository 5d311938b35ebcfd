"""A school's own way to WhatsApp, its refund policy, and what an offer cost before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schools", sa.Column("whatsapp_phone_number_id", sa.Text(), nullable=True))
    op.add_column("schools", sa.Column("whatsapp_token", sa.LargeBinary(), nullable=True))
    op.add_column("schools", sa.Column("seller_refund_policy", sa.Text(), nullable=True))
    op.add_column("offers", sa.Column("price_before", sa.BigInteger(), nullable=True))
