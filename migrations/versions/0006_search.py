"""The words that a search finds things by, and each engine's index of them.

Adds `search_texts`, which the projection `search` fills from the log afterwards, in batches, and
which is the same on both engines. Postgres has a GIN index on it. SQLite has an FTS5 table, whose
rows `search_index_rows` numbers (a rowid of `search_texts` itself could change with VACUUM), and
triggers that keep both. Whoever makes `search_texts` anew on SQLite makes the triggers anew too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.projections import search_index
from timeline.store.plans import Measured, Plan

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PLAN = Plan(
    does="makes the table and the index by which `search` finds words",
    locks="nothing: the tables are new",
    touches=(),
    rebuilds=("search",),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.04),
        Measured("SQLite 3.40", events=132_864, seconds=0.05),
        Measured("Postgres 18", events=0, seconds=0.06),
        Measured("Postgres 18", events=132_864, seconds=0.05),
    ),
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "search_texts",
        sa.Column("casebook", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("item_id", TEXT, nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("report_id", TEXT, nullable=True),
        sa.Column("words", TEXT, nullable=False),
        sa.Column("sort_key", TEXT, nullable=False),
        sa.Column("known_from", TEXT, nullable=False),
        sa.Column("known_until", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("casebook", "kind", "item_id", "form"),
    )
    op.create_index(
        "search_texts_by_report", "search_texts", ["casebook", "report_id"], unique=False
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "search_texts_by_word",
            "search_texts",
            [sa.text("array_to_tsvector(string_to_array(words, ' '))")],
            unique=False,
            postgresql_using="gin",
            # Else what was written last waits in a list that every search walks through.
            postgresql_with={"fastupdate": "off"},
        )
        return
    for statement in search_index.MAKE:
        op.execute(statement)


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        for statement in search_index.DROP:
            op.execute(statement)
    op.drop_table("search_texts")
    op.execute("DELETE FROM checkpoints WHERE projection = 'search'")
