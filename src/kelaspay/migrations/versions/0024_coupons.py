"""Coupons, which orders have them, and what they took off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("coupon", sa.Text(), nullable=True))
    op.add_column("payments", sa.Column("discount", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "coupons",
        sa.Column("school", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("offer", sa.Text(), nullable=True),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("most_each", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redeemed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school", "code", name=op.f("pk_coupons")),
    )
    op.create_table(
        "redemptions",
        sa.Column("merchant_order_id", sa.String(length=50), nullable=False),
        sa.Column("school", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["merchant_order_id"],
            ["payments.merchant_order_id"],
            name=op.f("fk_redemptions_merchant_order_id_payments"),
        ),
        sa.PrimaryKeyConstraint("merchant_order_id", name=op.f("pk_redemptions")),
    )
    op.create_index("ix_redemptions_code", "redemptions", ["code"])
