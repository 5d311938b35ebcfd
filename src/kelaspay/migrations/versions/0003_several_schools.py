"""Several schools: each with its own way in, its merchant, its offers, products, users, payments and events. The school
of the environment variables is ''.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schools", sa.Column("api_key", sa.LargeBinary(), nullable=True))
    op.add_column("schools", sa.Column("merchant_code", sa.Text(), nullable=True))
    op.add_column("schools", sa.Column("duitku_api_key", sa.LargeBinary(), nullable=True))
    op.add_column("schools", sa.Column("callback_path", sa.Text(), nullable=True))
    op.create_index(op.f("ix_schools_callback_path"), "schools", ["callback_path"], unique=True)
    for table in ("offers", "payments", "inbox"):
        op.add_column(table, sa.Column("school", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("offers", sa.Column("description", sa.Text(), nullable=True))
    op.add_column("offers", sa.Column("picture", sa.Text(), nullable=True))
    op.add_column("products", sa.Column("image", sa.Text(), nullable=True))
    for table, column in (("products", "product_id"), ("users", "email")):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("school", sa.Text(), server_default=sa.text("''"), nullable=False))
            batch.drop_constraint(f"pk_{table}", type_="primary")
            batch.create_primary_key(f"pk_{table}", ["school", column])
