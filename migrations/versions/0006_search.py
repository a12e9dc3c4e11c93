"""The words that a search finds things by, and each engine's index of them.

Adds `search_texts`, which the projection `search` fills from the log afterwards, in batches, and
which is the same on both engines. Postgres has a GIN index on it. SQLite has an FTS5 table, whose
rows `search_index_rows` numbers (a rowid of `search_texts` itself could change with VACUUM), and
triggers that keep both. Whoever makes `search_texts` anew on SQLite makes the triggers anew too.

Locks: none on tables that are there. Rows: none are read or written.
Back: the tables and the index go; the log and the other projections stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

KEY = ("casebook", "kind", "item_id", "form")
OF_NEW = " AND ".join(f"{name} = NEW.{name}" for name in KEY)
OF_OLD = " AND ".join(f"{name} = OLD.{name}" for name in KEY)
ADD = f"""
    INSERT INTO search_index_rows (casebook, kind, item_id, form)
    VALUES (NEW.casebook, NEW.kind, NEW.item_id, NEW.form);
    INSERT INTO search_index (rowid, words)
    SELECT id, NEW.words FROM search_index_rows WHERE {OF_NEW};"""
REMOVE = f"""
    INSERT INTO search_index (search_index, rowid, words)
    SELECT 'delete', id, OLD.words FROM search_index_rows WHERE {OF_OLD};
    DELETE FROM search_index_rows WHERE {OF_OLD};"""
IS_OTHER = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in (*KEY, "words"))

ON_SQLITE = (
    """
CREATE TABLE search_index_rows (
    id INTEGER PRIMARY KEY,
    casebook TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_id TEXT NOT NULL,
    form INTEGER NOT NULL,
    UNIQUE (casebook, kind, item_id, form)
)
""",
    """
CREATE VIEW search_index_content AS
SELECT r.id, t.words
FROM search_index_rows AS r JOIN search_texts AS t USING (casebook, kind, item_id, form)
""",
    # Words have no punctuation left: whatever is no space belongs to one, in any script.
    """
CREATE VIRTUAL TABLE search_index USING fts5(
    words, content='search_index_content', content_rowid='id',
    tokenize='ascii', detail='none', columnsize=0
)
""",
    f"CREATE TRIGGER search_texts_added AFTER INSERT ON search_texts BEGIN {ADD} END",
    f"CREATE TRIGGER search_texts_removed AFTER DELETE ON search_texts BEGIN {REMOVE} END",
    f"""
CREATE TRIGGER search_texts_changed AFTER UPDATE ON search_texts WHEN {IS_OTHER}
BEGIN {REMOVE} {ADD} END
""",
)


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
        )
        return
    for statement in ON_SQLITE:
        op.execute(statement)


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE search_index")
        op.execute("DROP VIEW search_index_content")
        op.execute("DROP TABLE search_index_rows")
    op.drop_table("search_texts")
    op.execute("DELETE FROM checkpoints WHERE projection = 'search'")
