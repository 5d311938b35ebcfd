"""What an operator signs in with besides the password, and the wait between the two."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0050"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("operators", sa.Column("totp_secret", sa.LargeBinary(), nullable=True))
    op.add_column("operators", sa.Column("totp_step", sa.BigInteger(), nullable=True))
    op.add_column("operators", sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "recovery_codes",
        sa.Column("operator_id", ID, sa.ForeignKey("operators.id"), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
    )
    op.create_table(
        "half_sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("operator_id", ID, sa.ForeignKey("operators.id"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_half_sessions_operator_id", "half_sessions", ["operator_id"])
