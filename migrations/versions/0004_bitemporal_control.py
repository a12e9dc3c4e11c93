"""Control by valid and known time: rectangles and links to claims replace the spans known now.

The new tables are empty: projections are built by replaying the log (`timeline rebuild control`).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.store.plans import Measured, Plan

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="replaces the spans of control by what is known now with rectangles of valid and known"
    " time, which the projection `control` builds from the log",
    locks="`control_claims` and `control_spans`, whole, while they are dropped",
    touches=("control_claims", "control_spans"),
    rebuilds=("control",),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.03),
        Measured("SQLite 3.40", events=132_864, seconds=0.17),
        Measured("Postgres 18", events=0, seconds=0.09),
        Measured("Postgres 18", events=132_864, seconds=0.11),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _forget_checkpoint()
    # Nobody can still read them: the release before refuses a schema that it does not know.
    for table in ("control_claims", "control_spans"):
        op.execute(f"-- squawk-ignore ban-drop-table\nDROP TABLE {table}")
    op.create_table(
        "control_places",
        *_texts("casebook", "place_id"),
        sa.Column("claims", sa.Integer(), nullable=False),
        *_texts("digest"),
        sa.PrimaryKeyConstraint("casebook", "place_id"),
    )
    op.create_table(
        "control_claims",
        *_texts("casebook", "place_id", "claim_id", "known_from", "known_to", "report_id"),
        *_texts("source_id", "attributed_to", nullable=True),
        *_texts("root", "data"),
        sa.PrimaryKeyConstraint("casebook", "place_id", "claim_id", "known_from"),
    )
    op.create_index(
        "control_claims_by_report", "control_claims", ["casebook", "report_id"], unique=False
    )
    op.create_index(
        "control_claims_known",
        "control_claims",
        ["casebook", "place_id", "known_from"],
        unique=False,
    )
    op.create_index(
        "control_claims_void",
        "control_claims",
        ["casebook", "place_id", "known_to"],
        unique=False,
    )
    op.create_index(
        "control_claims_by_voice",
        "control_claims",
        ["casebook", "source_id", "attributed_to", "root"],
        unique=False,
    )
    op.create_table(
        "control_rectangles",
        *_texts("casebook", "place_id", "valid_from", "known_from", "valid_to", "known_to"),
        *_texts("supports_from", "fought_since", "beside_since", "pending", nullable=True),
        *_texts("data"),
        sa.PrimaryKeyConstraint("casebook", "place_id", "valid_from", "known_from"),
    )
    op.create_index(
        "control_rectangles_at_the_end",
        "control_rectangles",
        ["casebook", "place_id", "valid_to", "known_from"],
        unique=False,
    )
    op.create_table(
        "control_links",
        *_texts("casebook", "place_id", "kind", "joined", "claim_id", "known_from", "known_to"),
        *_texts("until", "settled", "latest", "root"),
        sa.PrimaryKeyConstraint("casebook", "place_id", "kind", "joined", "claim_id", "known_from"),
    )


def downgrade() -> None:
    _forget_checkpoint()
    for table in ("control_links", "control_rectangles", "control_claims", "control_places"):
        op.drop_table(table)
    op.create_table(
        "control_spans",
        *_texts("casebook", "place_id"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        *_texts("valid_from"),
        *_texts("valid_to", nullable=True),
        *_texts("state", "data"),
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
        *_texts("casebook", "place_id", "claim_id", "report_id"),
        sa.PrimaryKeyConstraint("casebook", "place_id", "claim_id"),
    )
    op.create_index(
        "control_claims_by_report", "control_claims", ["casebook", "report_id"], unique=False
    )


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=nullable) for name in names]


def _forget_checkpoint() -> None:
    """Let the projection of control begin anew: its tables are other ones."""
    op.execute("DELETE FROM checkpoints WHERE projection = 'control'")
