"""Operators of one school, and buyers whose address changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0022a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("operators", "audit"):
        op.add_column(table, sa.Column("school", sa.Text(), server_default=sa.text("'*'"), nullable=False))
    op.create_index("ix_audit_school_id", "audit", ["school", "id"])
    op.add_column("customers", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("enrollments", sa.Column("former_user_id", sa.BigInteger(), nullable=True))
    op.add_column("users", sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_payments_school_made",
        "payments",
        ["school", sa.literal_column("created_at DESC"), sa.literal_column("merchant_order_id DESC")],
    )
