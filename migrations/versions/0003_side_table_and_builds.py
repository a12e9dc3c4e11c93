"""Why a projection stands still, how often it was built anew, and a side table of the log by type.

Adds two columns to `checkpoints` (`reason`, `builds`) and makes `event_types`, which is filled
afterwards, in batches, by the projection `types`: `timeline project` or `timeline rebuild types`.

Back: the columns and the table go, and with them builds that are under way; the log and the
projections stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.store.plans import Measured, Plan

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="adds why a projection stands still and how often it was built to `checkpoints`, and makes"
    " the side table `event_types`, which the projection `types` fills afterwards in batches",
    locks="`checkpoints`, whole, for the moment of two ADD COLUMN that do not rewrite it",
    touches=("checkpoints",),
    rebuilds=("types",),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.05),
        Measured("SQLite 3.40", events=132_864, seconds=0.04),
        Measured("Postgres 18", events=0, seconds=0.05),
        Measured("Postgres 18", events=132_864, seconds=0.05),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# Rows that are being built stand in the projections' tables under a name of their own.
BUILD_MARK = "\x1fbuild"
PROJECTED = (
    "actors",
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
    op.add_column("checkpoints", sa.Column("reason", TEXT, nullable=True))
    op.add_column(
        "checkpoints", sa.Column("builds", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table(
        "event_types",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("casebook", "type", "position"),
    )


def downgrade() -> None:
    checkpoints = sa.table("checkpoints", sa.column("casebook"), sa.column("projection"))
    building = sa.select(checkpoints.c.casebook).where(
        checkpoints.c.casebook.like(sa.literal("%" + BUILD_MARK))
    )
    for key in set(op.get_bind().execute(building).scalars()):
        for name in (*PROJECTED, "checkpoints"):
            table = sa.table(name, sa.column("casebook"))
            op.execute(sa.delete(table).where(table.c.casebook == key))
    op.execute(sa.delete(checkpoints).where(checkpoints.c.projection == "types"))
    op.drop_table("event_types")
    op.drop_column("checkpoints", "builds")
    op.drop_column("checkpoints", "reason")
