"""Whether a person has signed a claim, beside each entry of a timeline.

Adds `entries.review`. Every row that is there is unreviewed, as a replay would have it: no log from
before this revision holds a review, so nothing is built again. A rejected claim has a row with an
empty known time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.store.plans import Measured, Plan

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="adds to the entries whether a person has reviewed the claim",
    locks="writers and readers of entries, for as long as it takes to change the catalogue",
    touches=("entries",),
    rebuilds=(),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.08),
        Measured("SQLite 3.40", events=132_864, seconds=0.12),
        Measured("Postgres 18", events=0, seconds=0.11),
        Measured("Postgres 18", events=132_864, seconds=0.18),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("entries", sa.Column("review", TEXT, nullable=False, server_default="unreviewed"))


def downgrade() -> None:
    # Who migrates up again has the reviews that a log holds by then from a replay.
    op.execute(
        "UPDATE checkpoints SET version = 0 WHERE projection = 'timeline' AND EXISTS (SELECT 1"
        " FROM entries e WHERE e.casebook = checkpoints.casebook AND e.review <> 'unreviewed')"
    )
    op.execute("DELETE FROM entries WHERE review = 'rejected'")
    op.drop_column("entries", "review")
