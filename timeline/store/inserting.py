"""Writes decided events and the head that they lead to, in the fastest way each driver has.

On SQLite that is `executemany`. On Postgres a few rows go, with the head and if asked the COMMIT,
in one round trip; many go through COPY in its binary form, built here a row at a time, where
psycopg's dumpers go value by value. COPY is fed in pieces, so that Postgres stores the first
events while the later ones are still being hashed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import psycopg
from sqlalchemy import Connection

from timeline.store.engine import postgres_driver, sqlite_driver
from timeline.store.events import Document, Head

Row = tuple[str, int, str, str, int, str, int, str, bytes, bytes, str, str, bytes, bytes]
"""The columns of `events`, in order."""

# Up to so many rows, and so many characters in them, one round trip is faster than COPY. A pipeline
# over a Unix socket hangs once a command nears 1 MB (docs/performance.md), so it is kept far below.
FEW_ROWS_MAX = 16
FEW_CHARACTERS_MAX = 64_000
COPY_ROWS_PER_PIECE = 100

_INSERT_ON_SQLITE = """
INSERT INTO events (casebook, position, event_id, stream, version, type, schema_version,
                    data, salt, digest, metadata, recorded_at, previous_hash, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# One statement does all: it writes nothing where the head is another than the rows begin after. It
# asks nothing of `events`, so that a plan made while the log is small stays right.
_INSERT_AFTER_HEAD = """
WITH moved AS (
    UPDATE casebooks SET position = %b, hash = %b, recorded_at = %b
    WHERE casebook = %b AND position = %b AND hash = %b
    RETURNING casebook
)
INSERT INTO events (casebook, position, event_id, stream, version, type, schema_version,
                    data, salt, digest, metadata, recorded_at, previous_hash, hash)
SELECT given.* FROM moved CROSS JOIN {given} AS given
"""
_INSERT_ONE = _INSERT_AFTER_HEAD.format(
    given="(VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b, %b))"
)
_INSERT_SOME = _INSERT_AFTER_HEAD.format(
    given="""unnest(
    %b::text[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::integer[],
    %b::text[], %b::bytea[], %b::bytea[], %b::text[], %b::text[], %b::bytea[], %b::bytea[])"""
)
_COPY = """
COPY events (position, event_id, version, schema_version, salt, digest, previous_hash, hash,
             casebook, recorded_at, stream, type, data, metadata)
FROM STDIN (FORMAT binary)
"""
_MOVE_HEAD = """
UPDATE casebooks SET position = {0}, hash = {0}, recorded_at = {0} WHERE casebook = {0}
"""
_MOVE_HEAD_ON_SQLITE, _MOVE_HEAD_ON_POSTGRES = _MOVE_HEAD.format("?"), _MOVE_HEAD.format("%b")
_INSERT_DOCUMENT = """
INSERT INTO documents (casebook, digest, media_type, byte_length, content)
VALUES ({0}, {0}, {0}, {0}, {0})
"""

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format": each row is the number of
# its fields, each field its length and its bytes. The fields of fixed length come first.
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_FIXED = struct.Struct(">h iq i36s iq ii i16s i32s i32s i32s")
_LENGTH = struct.Struct(">i").pack


class Rows:
    """The rows of one append, made as they are written; remembers the last one."""

    def __init__(self, rows: Iterable[Row], count: int, characters: int) -> None:
        self._rows, self.count, self.characters = rows, count, characters
        self.last: Row | None = None

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.last = row
            yield row

    @property
    def head(self) -> Head:
        """The head that they lead to, once they are made."""
        assert self.last is not None, "an append without events moves no head"  # noqa: S101
        return Head(self.last[1], self.last[13], self.last[11])

    @property
    def are_few(self) -> bool:
        """Whether one statement with all of them is faster than COPY."""
        return self.count <= FEW_ROWS_MAX and self.characters <= FEW_CHARACTERS_MAX


def insert_documents(
    connection: Connection, casebook: str, documents: Sequence[Document], present: set[str]
) -> None:
    """Store those of some documents whose digests are not among the present."""
    # The head's lock makes "absent" still true at the insert; ON CONFLICT would trip the guard.
    absent = {one.digest: one for one in documents if one.digest not in present}
    rows = [
        (casebook, one.digest, one.media_type, len(one.content), one.content)
        for one in absent.values()
        if one.content is not None
    ]
    if connection.dialect.name == "sqlite":
        sqlite_driver(connection).executemany(_INSERT_DOCUMENT.format("?"), rows)
        return
    with postgres_driver(connection).cursor() as cursor:
        for row in rows:
            cursor.execute(_INSERT_DOCUMENT.format("%b"), row)


def insert_events(connection: Connection, rows: Rows, head: Head, *, commits: bool = False) -> None:
    """Write events and move their casebook's head to the last of them.

    Args:
        connection: In a transaction that holds the head's lock.
        rows: At least one row, in order of position.
        head: The head as it is locked.
        commits: Whether to commit at the end, which saves Postgres a round trip; on SQLite it is
            left to the caller.
    """
    if connection.dialect.name == "sqlite":
        driver = sqlite_driver(connection)
        driver.executemany(_INSERT_ON_SQLITE, rows)
        driver.execute(_MOVE_HEAD_ON_SQLITE, _head(rows))
    elif rows.are_few:
        _insert_few(connection, rows, head, commits=commits)
    else:
        _copy(connection, rows, commits=commits)


def insert_after_head(
    driver: psycopg.Connection[Any], rows: Rows, head: Head
) -> psycopg.Cursor[Any]:
    """Write a few events and move the head, if the casebook's head still is the one given.

    Returns:
        A cursor whose `rowcount` tells how many were written: all or none.
    """
    given = list(rows)
    to = rows.head
    parameters = [to.position, to.hash, to.recorded_at, given[0][0], head.position, head.hash]
    if len(given) == 1:
        return driver.execute(_INSERT_ONE, parameters + list(given[0]), prepare=True)
    columns = map(list, zip(*given, strict=True))
    return driver.execute(_INSERT_SOME, [*parameters, *columns], prepare=True)


def insert_and_commit(driver: psycopg.Connection[Any], rows: Rows, head: Head) -> int:
    """Write a few events after the head, which is locked, and commit, in one round trip.

    Returns:
        How many rows were written: all or none.
    """
    with driver.pipeline():
        cursor = insert_after_head(driver, rows, head)
        driver.commit()
    return cursor.rowcount


def _head(rows: Rows) -> tuple[int, bytes, str, str]:
    head = rows.head
    assert rows.last is not None  # noqa: S101
    return head.position, head.hash, head.recorded_at or "", rows.last[0]


def _insert_few(connection: Connection, rows: Rows, head: Head, *, commits: bool) -> None:
    driver = postgres_driver(connection)
    if commits:
        written = insert_and_commit(driver, rows, head)
    else:
        written = insert_after_head(driver, rows, head).rowcount
    if written != rows.count:
        raise RuntimeError("the head moved under its lock; nothing was written")


def _copy(connection: Connection, rows: Rows, *, commits: bool) -> None:
    driver = postgres_driver(connection)
    with driver.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            copy.write(_COPY_HEADER)
            remaining = iter(rows)
            while piece := b"".join(map(_copy_row, islice(remaining, COPY_ROWS_PER_PIECE))):
                copy.write(piece)
            copy.write(_COPY_TRAILER)
        if commits:
            with driver.pipeline():
                cursor.execute(_MOVE_HEAD_ON_POSTGRES, _head(rows), prepare=True)
                driver.commit()
        else:
            cursor.execute(_MOVE_HEAD_ON_POSTGRES, _head(rows), prepare=True)


def _copy_row(row: Row) -> bytes:
    (casebook, position, event_id, stream, version, type_, schema_version,
     data, salt, digest, metadata, recorded_at, previous_hash, hash_) = row  # fmt: skip
    fixed = _FIXED.pack(
        14, 8, position, 36, event_id.encode(), 8, version, 4, schema_version,
        16, salt, 32, digest, 32, previous_hash, 32, hash_,
    )  # fmt: skip
    parts = [fixed]
    for text in (casebook, recorded_at, stream, type_, data, metadata):
        encoded = text.encode()
        parts += (_LENGTH(len(encoded)), encoded)
    return b"".join(parts)
