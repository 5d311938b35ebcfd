"""Operators of one school, buyers whose address changed, messages in words of one's own, and what was said outside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0021"
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
    op.create_table(
        "wordings",
        sa.Column("school", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school", "kind", "language", name=op.f("pk_wordings")),
    )
    op.create_table(
        "preferences",
        sa.Column("school", sa.Text(), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=False),
        sa.Column("quiet_until", sa.Integer(), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=True),
        sa.Column("forgot_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school", name=op.f("pk_preferences")),
    )
    _exchanges()


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merchant_order_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchanges")),
    )
    op.create_index("ix_exchanges_merchant_order_id", "exchanges", ["merchant_order_id"])
