"""The tables. Alembic's migrations make them; a test proves that both agree."""

from __future__ import annotations

import sqlalchemy as sa

from kelaspay.store.database import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

offers = sa.Table(
    "offers",
    metadata,
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("folded_name", sa.Text, nullable=False, index=True),
    sa.Column("price", sa.BigInteger, nullable=False),
    sa.Column("course_id", sa.BigInteger),
    sa.Column("bundle_id", sa.BigInteger),
    sa.Column("product_id", sa.BigInteger),
    sa.Column("access_days", sa.Integer),
    sa.Column("on_sale_from", UtcDateTime),
    sa.Column("on_sale_until", UtcDateTime),
    sa.Column("retired_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("description", sa.Text),
    sa.Column("picture", sa.Text),
    sa.Column("price_before", sa.BigInteger),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("school", sa.Text, primary_key=True, server_default=sa.text("''")),
    sa.Column("product_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("productable_type", sa.Text, nullable=False),
    sa.Column("productable_id", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("folded_name", sa.Text, nullable=False, index=True),
    sa.Column("slug", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("price", sa.Text),
    sa.Column("synced_at", UtcDateTime, nullable=False),
    sa.Column("gone_at", UtcDateTime),
    sa.Column("image", sa.Text),
    sa.Column("days_until_expiry", sa.Integer),
    sa.Index("ix_products_productable", "productable_type", "productable_id"),
)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("merchant_order_id", sa.String(50), primary_key=True),
    sa.Column("public_id", sa.Text, nullable=False, unique=True),
    sa.Column("offer", sa.Text, nullable=False, index=True),
    sa.Column("product_details", sa.Text, nullable=False),
    sa.Column("payment_amount", sa.BigInteger, nullable=False),
    sa.Column("payment_method", sa.String(2)),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("course_id", sa.BigInteger),
    sa.Column("bundle_id", sa.BigInteger),
    sa.Column("product_id", sa.BigInteger),
    sa.Column("access_days", sa.Integer),
    sa.Column("return_url", sa.Text),
    sa.Column("reference", sa.Text, index=True),
    sa.Column("payment_url", sa.Text),
    sa.Column("va_number", sa.Text),
    sa.Column("qr_string", sa.Text),
    sa.Column("amount_received", sa.BigInteger),
    sa.Column("attention", sa.Text),
    sa.Column("attention_text", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("paid_at", UtcDateTime),
    sa.Column("completed_at", UtcDateTime),
    sa.Column("asks", sa.Integer, nullable=False, server_default="0"),
    sa.Column("asked_at", UtcDateTime),
    sa.Column("sparse_asks", sa.Integer, nullable=False, server_default="0"),
    sa.Column("sparse_asked_at", UtcDateTime),
    sa.Column("next_ask_at", UtcDateTime),
    sa.Column("language", sa.Text, nullable=False, server_default=sa.text("'id'")),
    sa.Column("idempotency_key", sa.Text, unique=True),
    sa.Column("request_digest", sa.Text),
    sa.Column("invoice_fault", sa.Text),
    sa.Column("invoice_lease_until", sa.Float),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("coupon", sa.Text),
    sa.Column("discount", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("fee", sa.BigInteger, nullable=False, server_default="0"),
)
sa.Index("ix_payments_made", payments.c.created_at.desc(), payments.c.merchant_order_id.desc())
sa.Index(
    "ix_payments_to_ask",
    payments.c.next_ask_at,
    sqlite_where=payments.c.next_ask_at.is_not(None),
    postgresql_where=payments.c.next_ask_at.is_not(None),
)
sa.Index(
    "ix_payments_sparse_asked",
    payments.c.sparse_asked_at,
    sqlite_where=payments.c.sparse_asked_at.is_not(None),
    postgresql_where=payments.c.sparse_asked_at.is_not(None),
)
sa.Index(
    "ix_payments_attention",
    payments.c.attention,
    sqlite_where=payments.c.attention.is_not(None),
    postgresql_where=payments.c.attention.is_not(None),
)
sa.Index(
    "ix_payments_unfinished",
    payments.c.paid_at,
    sqlite_where=payments.c.status.in_(("paid", "review")),
    postgresql_where=payments.c.status.in_(("paid", "review")),
)

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("merchant_order_id", sa.ForeignKey(payments.c.merchant_order_id), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False, index=True),
    sa.Column("phone", sa.Text, nullable=False, index=True),
    sa.Column("changed_at", UtcDateTime),
    sa.Column("email_wanted", sa.Text),
)

invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("merchant_order_id", sa.ForeignKey(payments.c.merchant_order_id), nullable=False, index=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("payment_method", sa.String(2)),
    sa.Column("payment_url", sa.Text, nullable=False),
    sa.Column("va_number", sa.Text, index=True),
    sa.Column("qr_string", sa.Text),
    sa.Column("made_at", UtcDateTime, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("merchant_order_id", sa.ForeignKey(payments.c.merchant_order_id), primary_key=True),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("wake_at", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("fault", sa.Text),
    sa.Column("fault_text", sa.Text),
    sa.Column("holder", sa.Text),
    sa.Column("lease_until", sa.Float),
    sa.Column("poked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("traceparent", sa.Text),
)
sa.Index(
    "ix_jobs_wake",
    jobs.c.wake_at,
    sqlite_where=sa.text("active = 1"),  # as its queries say it: SQLite takes the index only then
    postgresql_where=jobs.c.active,
)

enrollments = sa.Table(
    "enrollments",
    metadata,
    sa.Column("merchant_order_id", sa.ForeignKey(payments.c.merchant_order_id), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("user_id", sa.BigInteger, index=True),
    sa.Column("user_created", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("course_id", sa.BigInteger),
    sa.Column("bundle_id", sa.BigInteger),
    sa.Column("enrollment_id", sa.Text),
    sa.Column("activated_at", UtcDateTime),
    sa.Column("expiry_date", UtcDateTime),
    sa.Column("enroll_tried", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("external_order_state", sa.Text),
    sa.Column("external_order_id", sa.BigInteger),
    sa.Column("refund_state", sa.Text),
    sa.Column("revoke_wanted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("kept_by", sa.Text),  # when it ended: the order by which the buyer keeps what it gave
    sa.Column("enrolled_at", UtcDateTime),
    sa.Column("percentage_completed", sa.Text),
    sa.Column("completed_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("former_user_id", sa.BigInteger),
    sa.Column("had_until", UtcDateTime),  # what its user had before, by no order of ours; once it ended: what stayed
    sa.Column("former_had_until", UtcDateTime),
    sa.Column("inside_until", sa.JSON(none_as_null=True)),  # courses of its bundle that its user had for longer
    sa.Column("told_activated_at", UtcDateTime),
    sa.Column("told_expiry_date", UtcDateTime),
    sa.Column("told_at", UtcDateTime),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("school", sa.Text, primary_key=True, server_default=sa.text("''")),
    sa.Column("email", sa.Text, primary_key=True),
    sa.Column("user_id", sa.BigInteger, nullable=False, index=True),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("signed_in_at", UtcDateTime),
    sa.Column("doubted_at", UtcDateTime),  # since when Thinkific tells otherwise
)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("merchant_order_id", sa.Text),
    sa.Column("reference", sa.Text),
    sa.Column("result_code", sa.Text),
    sa.Column("receipt", sa.Text),
    sa.Column("amount", sa.BigInteger),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False, server_default="0"),
    sa.Column("started_at", UtcDateTime),
    sa.Column("outcome", sa.Text),
    sa.Column("traceparent", sa.Text),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
)
# An order's events are found, and one that came before is known again, by one index of those that were taken in hand. A
# callback goes to the table's end and touches no index but that of what waits, which grows at its end, too.
_of_order = sa.and_(inbox.c.merchant_order_id.is_not(None), inbox.c.started_at.is_not(None))
_of_no_order = sa.and_(inbox.c.merchant_order_id.is_(None), inbox.c.started_at.is_not(None))
sa.Index(
    "ix_inbox_taken",
    inbox.c.merchant_order_id,
    inbox.c.source,
    inbox.c.digest,
    inbox.c.school,
    unique=True,
    sqlite_where=_of_order,
    postgresql_where=_of_order,
)
sa.Index(
    "ix_inbox_taken_of_no_order",
    inbox.c.source,
    inbox.c.digest,
    inbox.c.school,
    unique=True,
    sqlite_where=_of_no_order,
    postgresql_where=_of_no_order,
)
sa.Index(
    "ix_inbox_waiting",
    inbox.c.id,
    sqlite_where=inbox.c.started_at.is_(None),
    postgresql_where=inbox.c.started_at.is_(None),
)
sa.Index(
    "ix_inbox_unknown",
    inbox.c.id,
    sqlite_where=inbox.c.outcome == "unknown_order",
    postgresql_where=inbox.c.outcome == "unknown_order",
)

refusals = sa.Table(
    "refusals",
    metadata,
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)

refusals_of_schools = sa.Table(
    "refusals_of_schools",
    metadata,
    sa.Column("school", sa.Text, primary_key=True),
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)

story = sa.Table(
    "story",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("merchant_order_id", sa.Text, nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("text", sa.Text),
)

executors = sa.Table(
    "executors",
    metadata,
    sa.Column("executor_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("works", sa.Boolean, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("beat_at", sa.Float, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)

sa.Index(
    "ix_payments_status_made",
    payments.c.status,
    payments.c.created_at.desc(),
    payments.c.merchant_order_id.desc(),
)
sa.Index(
    "ix_payments_school_made",
    payments.c.school,
    payments.c.created_at.desc(),
    payments.c.merchant_order_id.desc(),
)
sa.Index(
    "ix_payments_offer_made",
    payments.c.offer,
    payments.c.created_at.desc(),
    payments.c.merchant_order_id.desc(),
)
sa.Index(
    "ix_payments_school_paid",
    payments.c.school,
    payments.c.paid_at,
    payments.c.status,
    payments.c.payment_amount,
    sqlite_where=payments.c.paid_at.is_not(None),
    postgresql_where=payments.c.paid_at.is_not(None),
)
sa.Index("ix_enrollments_state", enrollments.c.state)
ACCESS_TO_END = sa.and_(enrollments.c.revoke_wanted, enrollments.c.state != sa.literal_column("'revoked'"))
"""As its index and its query both must say it: a database takes the index only then."""
sa.Index(
    "ix_enrollments_to_end",
    enrollments.c.revoke_wanted,
    sqlite_where=ACCESS_TO_END,
    postgresql_where=ACCESS_TO_END,
)
sa.Index(
    "ix_enrollments_former",
    enrollments.c.former_user_id,
    sqlite_where=enrollments.c.former_user_id.is_not(None),
    postgresql_where=enrollments.c.former_user_id.is_not(None),
)
sa.Index(
    "ix_payments_paid",
    payments.c.paid_at,
    payments.c.status,
    payments.c.payment_amount,
    sqlite_where=payments.c.paid_at.is_not(None),
    postgresql_where=payments.c.paid_at.is_not(None),
)

schools = sa.Table(
    "schools",
    metadata,
    sa.Column("subdomain", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("gid", sa.Text),
    sa.Column("access_token", sa.LargeBinary),
    sa.Column("refresh_token", sa.LargeBinary),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("refresh_lease_until", sa.Float),
    sa.Column("connected_at", UtcDateTime, nullable=False),
    sa.Column("api_key", sa.LargeBinary),
    sa.Column("merchant_code", sa.Text),
    sa.Column("duitku_api_key", sa.LargeBinary),
    sa.Column("callback_path", sa.Text),
    sa.Column("seller_name", sa.Text),
    sa.Column("seller_address", sa.Text),
    sa.Column("seller_email", sa.Text),
    sa.Column("seller_phone", sa.Text),
    sa.Column("whatsapp_phone_number_id", sa.Text),
    sa.Column("whatsapp_token", sa.LargeBinary),
    sa.Column("seller_refund_policy", sa.Text),
    sa.Index("ix_schools_callback_path", "callback_path", unique=True),
)

oauth_states = sa.Table(
    "oauth_states",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("subdomain", sa.Text, nullable=False),
    sa.Column("browser", sa.String(64), nullable=False, index=True),
    sa.Column("verifier", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("merchant_order_id", sa.String(50), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("lease_until", sa.Float),
    sa.Column("blank", sa.Text),
    sa.Column("recipient", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("text", sa.Text),
    sa.Column("html", sa.Text),
    sa.Column("fault", sa.Text),
    sa.Column("raised_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("school", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.UniqueConstraint("merchant_order_id", "kind"),
    sa.Index("ix_messages_school_id", "school", "id"),
    sa.Index("ix_messages_kind_id", "kind", "id"),
)
sa.Index(
    "ix_messages_waiting",
    messages.c.due_at,
    sqlite_where=messages.c.state == "waiting",
    postgresql_where=messages.c.state == "waiting",
)
sa.Index(
    "ix_messages_failed",
    messages.c.id,
    sqlite_where=messages.c.state == "failed",
    postgresql_where=messages.c.state == "failed",
)
