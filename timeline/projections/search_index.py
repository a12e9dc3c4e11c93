"""Keeps what SQLite looks words up in: an FTS5 table that triggers make follow `search_texts`.

Postgres needs none of it: an index there cannot differ from its table. `search_index_rows` numbers
the rows, since the rowid of a table with another key may change with VACUUM. The statements are
part of migration 0006 and as frozen as `search_texts`; a batch migration of that table drops the
triggers, and has to make the index anew.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from timeline.store.engine import write_transaction

_KEY = ("casebook", "kind", "item_id", "form")
_COLUMNS = ", ".join(_KEY)
_OF_NEW = " AND ".join(f"{name} = NEW.{name}" for name in _KEY)
_OF_OLD = " AND ".join(f"{name} = OLD.{name}" for name in _KEY)
# ruff: noqa: S608 - every name in these statements is our own
_ADD = f"""
    INSERT INTO search_index_rows ({_COLUMNS})
    VALUES (NEW.casebook, NEW.kind, NEW.item_id, NEW.form);
    INSERT INTO search_index (rowid, words)
    SELECT id, NEW.words FROM search_index_rows WHERE {_OF_NEW};"""
_REMOVE = f"""
    INSERT INTO search_index (search_index, rowid, words)
    SELECT 'delete', id, OLD.words FROM search_index_rows WHERE {_OF_OLD};
    DELETE FROM search_index_rows WHERE {_OF_OLD};"""
_IS_OTHER = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in (*_KEY, "words"))

_TRIGGERS = {
    "search_texts_added": f"AFTER INSERT ON search_texts BEGIN {_ADD} END",
    "search_texts_removed": f"AFTER DELETE ON search_texts BEGIN {_REMOVE} END",
    "search_texts_changed": (
        f"AFTER UPDATE ON search_texts WHEN {_IS_OTHER} BEGIN {_REMOVE} {_ADD} END"
    ),
}
DROP = (
    *(f"DROP TRIGGER IF EXISTS {name}" for name in _TRIGGERS),
    "DROP TABLE IF EXISTS search_index",
    "DROP VIEW IF EXISTS search_index_content",
    "DROP TABLE IF EXISTS search_index_rows",
)
# Words have no punctuation left: whatever is no space belongs to one, in any script.
MAKE = (
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
    """
CREATE VIRTUAL TABLE search_index USING fts5(
    words, content='search_index_content', content_rowid='id',
    tokenize='ascii', detail='none', columnsize=0
)
""",
    *(f"CREATE TRIGGER {name} {body}" for name, body in _TRIGGERS.items()),
)
_FILL = (
    f"INSERT INTO search_index_rows ({_COLUMNS}) SELECT {_COLUMNS} FROM search_texts",
    "INSERT INTO search_index (search_index) VALUES ('rebuild')",
)
_MISSING = f"""
SELECT count(*) FROM (
    SELECT {_COLUMNS} FROM search_texts EXCEPT SELECT {_COLUMNS} FROM search_index_rows
)
"""
_CHECK = "INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)"


def renew(engine: Engine) -> None:
    """Make the index anew from the table; nothing on Postgres."""
    if engine.dialect.name != "sqlite":
        return
    with write_transaction(engine) as connection:
        for statement in (*DROP, *MAKE, *_FILL):
            connection.exec_driver_sql(statement)


def fault(engine: Engine) -> str | None:
    """Why the index does not find what the table holds; `None` when it does."""
    if engine.dialect.name != "sqlite":
        return None
    with write_transaction(engine) as connection:
        missing_triggers = set(_TRIGGERS) - _triggers(connection)
        if missing_triggers:
            return f"{', '.join(sorted(missing_triggers))} missing"
        if connection.execute(text(_MISSING)).scalar_one():
            return "it lacks rows"
        try:
            connection.exec_driver_sql(_CHECK)
        except DatabaseError as error:
            if not isinstance(error.orig, sqlite3.DatabaseError) or "malformed" not in str(error):
                raise
            return "it holds other words"
    return None


def _triggers(connection: Connection) -> set[str]:
    query = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    return set(connection.execute(query).scalars())
