"""Which place or actor an id means, once some were merged or put right.

Adds `place_identities` and `actor_identities`. No log from before this revision holds a merge or a
correction. The versions of the projections that know of them are raised all the same, so that no
process of an older release, which would pass over them, goes on with rows of this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.store.plans import Measured, Plan

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="makes the tables of places and actors that were merged or put right",
    locks="nothing: the tables are new",
    touches=(),
    rebuilds=("places", "actors", "timeline", "search"),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.12),
        Measured("SQLite 3.40", events=132_864, seconds=0.07),
        Measured("Postgres 18", events=0, seconds=0.09),
        Measured("Postgres 18", events=132_864, seconds=0.24),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TABLES = ("place_identities", "actor_identities")


def upgrade() -> None:
    for table in TABLES:
        op.create_table(
            table,
            sa.Column("casebook", TEXT, nullable=False),
            sa.Column("id", TEXT, nullable=False),
            sa.Column("family", TEXT, nullable=False),
            sa.Column("into_id", TEXT, nullable=True),
            sa.Column("data", TEXT, nullable=False),
            sa.Column("located", TEXT, nullable=False),
            sa.Column("reason", TEXT, nullable=True),
            sa.Column("requested_by", TEXT, nullable=True),
            sa.Column("position", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("casebook", "id"),
        )


def downgrade() -> None:
    # What was merged is not among the rows of places and actors, and no release before knows why.
    op.execute(
        "UPDATE checkpoints SET version = 0"
        " WHERE projection IN ('places', 'actors', 'timeline', 'search')"
    )
    for table in TABLES:
        op.drop_table(table)
