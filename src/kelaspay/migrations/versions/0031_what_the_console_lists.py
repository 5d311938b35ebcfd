"""What Thinkific tells of an access, whose a message and a refused callback is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("told_activated_at", "told_expiry_date", "told_at"):
        op.add_column("enrollments", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("school", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.execute(
        "UPDATE messages SET school = (SELECT payments.school FROM payments"
        " WHERE payments.merchant_order_id = messages.merchant_order_id)"
        " WHERE EXISTS (SELECT 1 FROM payments"
        " WHERE payments.merchant_order_id = messages.merchant_order_id AND payments.school <> '')"
    )
    op.create_index("ix_messages_school_id", "messages", ["school", "id"])
    op.create_index("ix_messages_kind_id", "messages", ["kind", "id"])
    op.create_table(
        "refusals_of_schools",
        sa.Column("school", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("school", "hour", "reason", name=op.f("pk_refusals_of_schools")),
    )
