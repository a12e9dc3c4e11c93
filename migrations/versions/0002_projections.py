"""The projections' tables: all of them can be dropped and built again from the log.

Text is compared byte by byte on both engines, so that order does not hang on a database's locale.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.store.plans import Measured, Plan

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="makes the projections' tables and their indexes, which the log then fills",
    locks="nothing: the tables are new",
    touches=(),
    rebuilds=("places", "actors", "reports", "timeline", "control"),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.07),
        Measured("SQLite 3.40", events=132_864, seconds=0.09),
        Measured("Postgres 18", events=0, seconds=0.17),
        Measured("Postgres 18", events=132_864, seconds=0.13),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

TABLES = (
    "actors",
    "checkpoints",
    "control_claims",
    "control_spans",
    "entries",
    "entry_actors",
    "places",
    "report_versions",
    "sources",
    "waiting_amendments",
)


def upgrade() -> None:
    _create_reference_tables()
    _create_report_tables()
    _create_control_tables()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _create_reference_tables() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("projection", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("casebook", "projection"),
    )
    op.create_table(
        "places",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("place_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("within", TEXT, nullable=True),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("casebook", "place_id"),
    )
    op.create_index("places_by_position", "places", ["casebook", "position"], unique=False)
    op.create_index("places_by_name", "places", ["casebook", "name", "place_id"], unique=False)
    op.create_table(
        "actors",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("actor_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("casebook", "actor_id"),
    )
    op.create_index("actors_by_position", "actors", ["casebook", "position"], unique=False)
    op.create_index("actors_by_name", "actors", ["casebook", "name", "actor_id"], unique=False)
    op.create_table(
        "sources",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("source_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("affiliated_with", TEXT, nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("casebook", "source_id"),
    )
    op.create_index("sources_by_position", "sources", ["casebook", "position"], unique=False)


def _create_report_tables() -> None:
    op.create_table(
        "report_versions",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("report_id", TEXT, nullable=False),
        sa.Column("report_version", TEXT, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("title", TEXT, nullable=True),
        sa.Column("url", TEXT, nullable=True),
        sa.Column("source_id", TEXT, nullable=True),
        sa.Column("source_name", TEXT, nullable=True),
        sa.Column("reported_edtf", TEXT, nullable=True),
        sa.Column("undated", sa.Boolean(), nullable=False),
        sa.Column("language", TEXT, nullable=True),
        sa.Column("text_digest", TEXT, nullable=True),
        sa.Column("coded_by", TEXT, nullable=True),
        sa.Column("claim_count", sa.Integer(), nullable=False),
        sa.Column("known_from", TEXT, nullable=False),
        sa.Column("known_until", TEXT, nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("casebook", "report_id", "report_version"),
    )
    op.create_index(
        "report_versions_by_digest", "report_versions", ["casebook", "report_version"], unique=False
    )
    op.create_index("report_versions_by_url", "report_versions", ["casebook", "url"], unique=False)
    op.create_table(
        "waiting_amendments",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("report_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("casebook", "position"),
    )
    op.create_table(
        "entries",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("claim_id", TEXT, nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("modality", TEXT, nullable=False),
        sa.Column("polarity", TEXT, nullable=False),
        sa.Column("place_id", TEXT, nullable=True),
        sa.Column("place2_id", TEXT, nullable=True),
        sa.Column("place_as_named", TEXT, nullable=True),
        sa.Column("sort_key", TEXT, nullable=False),
        sa.Column("starts", TEXT, nullable=True),
        sa.Column("ends", TEXT, nullable=True),
        sa.Column("moves_control", sa.Boolean(), nullable=False),
        sa.Column("report_id", TEXT, nullable=False),
        sa.Column("report_version", TEXT, nullable=False),
        sa.Column("source_id", TEXT, nullable=True),
        sa.Column("quote", TEXT, nullable=True),
        sa.Column("is_amended", sa.Boolean(), nullable=False),
        sa.Column("known_from", TEXT, nullable=False),
        sa.Column("known_until", TEXT, nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "claim_id", "form"),
    )
    op.create_index(
        "entries_by_place",
        "entries",
        ["casebook", "place_id", "sort_key", "claim_id", "form"],
        unique=False,
    )
    op.create_index(
        "entries_by_place2",
        "entries",
        ["casebook", "place2_id", "sort_key", "claim_id", "form"],
        unique=False,
    )
    op.create_index(
        "entries_by_report", "entries", ["casebook", "report_id", "position"], unique=False
    )
    op.create_index(
        "entries_by_time", "entries", ["casebook", "sort_key", "claim_id", "form"], unique=False
    )
    op.create_index(
        "entries_of_control", "entries", ["casebook", "moves_control", "place_id"], unique=False
    )
    op.create_table(
        "entry_actors",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("claim_id", TEXT, nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("report_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "claim_id", "form", "actor", "role"),
    )
    op.create_index(
        "entry_actors_by_actor",
        "entry_actors",
        ["casebook", "actor", "claim_id", "form"],
        unique=False,
    )


def _create_control_tables() -> None:
    op.create_table(
        "control_spans",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("place_id", TEXT, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("valid_from", TEXT, nullable=False),
        sa.Column("valid_to", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "place_id", "ordinal"),
    )
    op.create_index(
        "control_spans_by_time",
        "control_spans",
        ["casebook", "valid_from", "valid_to"],
        unique=False,
    )
    op.create_table(
        "control_claims",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("place_id", TEXT, nullable=False),
        sa.Column("claim_id", TEXT, nullable=False),
        sa.Column("report_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("casebook", "place_id", "claim_id"),
    )
    op.create_index(
        "control_claims_by_report", "control_claims", ["casebook", "report_id"], unique=False
    )
