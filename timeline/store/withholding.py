"""Erases the content of events and documents, in the log and in what a database file keeps of it.

The one update that the guards let through. Digests and hashes stay, so that the chain, seals and
proofs hold. What Postgres keeps until it is vacuumed, and what backups keep, is told in
docs/sealing.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine, update

from timeline.store import tables

_ROWS_PER_STATEMENT = 500
_FULL_TEXT_INDEXES = """
SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'
"""

_T = TypeVar("_T")


def erase_in(
    connection: Connection, casebook: str, positions: Collection[int], digests: Collection[str]
) -> None:
    """Erase the content of some events and documents in the caller's write transaction.

    The caller appends the `ContentWithheld` events that name them in the same transaction; what is
    erased already stays so.
    """
    if connection.dialect.name == "sqlite":
        # Zeroes what is erased where it stood; without it the bytes linger in the page.
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
    e, d = tables.events.c, tables.documents.c
    for some in _parts(sorted(positions)):
        connection.execute(
            update(tables.events)
            .where(e.casebook == casebook, e.position.in_(some), e.data.is_not(None))
            .values(data=None, salt=None)
        )
    for named in _parts(sorted(digests)):
        connection.execute(
            update(tables.documents)
            .where(d.casebook == casebook, d.digest.in_(named), d.content.is_not(None))
            .values(content=None)
        )


def scrub(engine: Engine) -> bool:
    """Leave no erased byte in a SQLite file or its write-ahead log: rewrites the file.

    Takes as long as copying the file, and needs as much room.

    Returns:
        Whether that is done: not on Postgres, where it is for the owner to do, and not while other
        processes hold the file.
    """
    if engine.dialect.name != "sqlite":
        return False
    pooled = engine.raw_connection()
    try:
        cursor = pooled.cursor()
        cursor.execute("PRAGMA secure_delete = ON")
        for name in cursor.execute(_FULL_TEXT_INDEXES).fetchall():
            # What was deleted from it stays in its segments until they are merged.
            cursor.execute(f'INSERT INTO "{name[0]}" ("{name[0]}") VALUES (\'rebuild\')')  # noqa: S608
        cursor.execute("VACUUM")
        row = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return row is not None and row[0] == 0
    except sqlite3.OperationalError:
        return False
    finally:
        pooled.close()


def _parts(values: Sequence[_T]) -> list[Sequence[_T]]:
    starts = range(0, len(values), _ROWS_PER_STATEMENT)
    return [values[start : start + _ROWS_PER_STATEMENT] for start in starts]
