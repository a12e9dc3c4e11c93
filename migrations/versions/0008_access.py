"""Who may do what by GraphQL: API tokens, and answers to requests that may come again.

Adds `tokens` and `idempotent_requests`. Neither is derived from the log, and the log needs neither.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.errors import TimelineError
from timeline.store.plans import Measured, Plan

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="makes the tables of API tokens and of answers to requests with an idempotency key",
    locks="nothing: the tables are new",
    touches=(),
    rebuilds=(),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.49),
        Measured("SQLite 3.40", events=132_864, seconds=0.38),
        Measured("Postgres 18", events=0, seconds=0.26),
        Measured("Postgres 18", events=132_864, seconds=0.25),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("token_id", TEXT, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=True),
        sa.Column("revoked_at", TEXT, nullable=True),
        sa.CheckConstraint("length(secret_hash) = 32", name="tokens_hash_32_bytes"),
        sa.PrimaryKeyConstraint("casebook", "token_id"),
    )
    op.create_table(
        "idempotent_requests",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("requester", TEXT, nullable=False),
        sa.Column("request_key", TEXT, nullable=False),
        sa.Column("input_digest", TEXT, nullable=False),
        sa.Column("answer", TEXT, nullable=True),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "requester", "request_key"),
    )
    op.create_index(
        "idempotent_requests_by_expiry",
        "idempotent_requests",
        ["casebook", "expires_at"],
        unique=False,
    )


def downgrade() -> None:
    valid = "SELECT count(*) FROM tokens WHERE revoked_at IS NULL"
    lost = op.get_bind().execute(sa.text(valid)).scalar_one()
    if lost:
        raise TimelineError(
            f"this downgrade would lose the API tokens that are not revoked ({lost}); it was"
            " refused: see `timeline token list`, and `timeline token revoke` each first"
        )
    op.drop_table("idempotent_requests")
    op.drop_table("tokens")
