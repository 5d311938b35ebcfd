"""Let an offer's payments and a school's sales be found by time, at a million payments too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_payments_offer_made",
        "payments",
        ["offer", sa.literal_column("created_at DESC"), sa.literal_column("merchant_order_id DESC")],
    )
    paid = sa.text("paid_at IS NOT NULL")
    op.create_index(
        "ix_payments_school_paid",
        "payments",
        ["school", "paid_at", "status", "payment_amount"],
        sqlite_where=paid,
        postgresql_where=paid,
    )
