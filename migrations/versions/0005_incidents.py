"""The incidents' tables: which claims tell of the same thing, and what analysts say of that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.store.plans import Measured, Plan

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="makes the tables of incidents, which the projection `incidents` fills from the log",
    locks="nothing: the tables are new",
    touches=(),
    rebuilds=("incidents",),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.04),
        Measured("SQLite 3.40", events=132_864, seconds=0.11),
        Measured("Postgres 18", events=0, seconds=0.08),
        Measured("Postgres 18", events=132_864, seconds=0.06),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

TABLES = ("incident_claims", "incident_words", "incidents")


def upgrade() -> None:
    op.create_table(
        "incident_claims",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("claim_id", TEXT, nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("report_id", TEXT, nullable=False),
        sa.Column("stance", TEXT, nullable=False),
        sa.Column("telling", TEXT, nullable=False),
        sa.Column("bucket", TEXT, nullable=True),
        sa.Column("source_id", TEXT, nullable=True),
        sa.Column("attributed_to", TEXT, nullable=True),
        sa.Column("root", TEXT, nullable=False),
        sa.Column("known_from", TEXT, nullable=False),
        sa.Column("known_until", TEXT, nullable=True),
        sa.Column("rule_group", TEXT, nullable=True),
        sa.Column("incident_id", TEXT, nullable=True),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "claim_id", "form"),
    )
    for name, column in (
        ("incident_claims_by_bucket", "bucket"),
        ("incident_claims_by_report", "report_id"),
        ("incident_claims_by_incident", "incident_id"),
        ("incident_claims_by_group", "rule_group"),
        ("incident_claims_by_telling", "telling"),
    ):
        op.create_index(name, "incident_claims", ["casebook", column], unique=False)
    op.create_table(
        "incidents",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("incident_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("place_id", TEXT, nullable=True),
        sa.Column("sort_key", TEXT, nullable=False),
        sa.Column("earliest", TEXT, nullable=True),
        sa.Column("latest", TEXT, nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("sources", sa.Integer(), nullable=False),
        sa.Column("denials", sa.Integer(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=True),
        sa.Column("best", sa.BigInteger(), nullable=True),
        sa.Column("high", sa.BigInteger(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "incident_id"),
    )
    op.create_index(
        "incidents_by_time", "incidents", ["casebook", "sort_key", "incident_id"], unique=False
    )
    op.create_index(
        "incidents_by_place",
        "incidents",
        ["casebook", "place_id", "sort_key", "incident_id"],
        unique=False,
    )
    op.create_table(
        "incident_words",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("claim_id", TEXT, nullable=False),
        sa.Column("is_link", sa.Boolean(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("requested_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "position", "claim_id"),
    )
    op.create_index(
        "incident_words_by_claim", "incident_words", ["casebook", "claim_id"], unique=False
    )


def downgrade() -> None:
    op.execute("DELETE FROM checkpoints WHERE projection = 'incidents'")
    for table in TABLES:
        op.drop_table(table)
