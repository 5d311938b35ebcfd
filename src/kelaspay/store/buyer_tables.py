"""The tables of what buyers use: coupons, and the codes that prove an address. Part of the same `metadata`."""

from __future__ import annotations

import sqlalchemy as sa

from kelaspay.store.database import UtcDateTime
from kelaspay.store.tables import metadata, payments

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("school", sa.Text, primary_key=True, server_default=sa.text("''")),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("percent", sa.Integer),
    sa.Column("amount", sa.BigInteger),
    sa.Column("offer", sa.Text),
    sa.Column("most", sa.Integer),
    sa.Column("most_each", sa.Integer),
    sa.Column("valid_from", UtcDateTime),
    sa.Column("valid_until", UtcDateTime),
    sa.Column("retired_at", UtcDateTime),
    sa.Column("redeemed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

redemptions = sa.Table(
    "redemptions",
    metadata,
    sa.Column("merchant_order_id", sa.ForeignKey(payments.c.merchant_order_id), primary_key=True),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("given_back_at", UtcDateTime),
    sa.Index("ix_redemptions_code", "code"),
)

buyer_codes = sa.Table(
    "buyer_codes",
    metadata,
    sa.Column("who", sa.String(64), primary_key=True),
    sa.Column("code", sa.String(64)),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("sends", sa.Integer, nullable=False),
)
