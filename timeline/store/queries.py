"""Asks the log's tables: one statement a function, on a connection that the caller holds.

A list goes to the database as one parameter (an array on Postgres, JSON on SQLite), so that the
statement is the same whatever the list's length.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, TextClause, select, text

from timeline.store import tables
from timeline.store.events import Document, StoredEvent

LIST_LENGTH_MAX = 5_000

_e = tables.events.c

# The primary key serves the order; `events_by_id` and `events_by_stream` serve the lists. CROSS
# JOIN and the unary plus keep SQLite's planner from walking the log once for each of the list.
_EVENTS_BY_IDS = """
SELECT e.event_id, e.position, e.stream, e.type, e.schema_version, e.data
FROM {list} AS given
CROSS JOIN events AS e
WHERE e.casebook = :casebook AND e.event_id = given.value
"""
_STREAM_VERSIONS = """
SELECT given.value,
       (SELECT max(e.version) FROM events AS e
        WHERE e.casebook = :casebook AND e.stream = given.value)
FROM {list} AS given
"""
_POSITIONS_OF_STREAMS = """
SELECT e.position
FROM {list} AS given
CROSS JOIN events AS e
WHERE e.casebook = :casebook AND e.stream = given.value AND +e.position > :after
"""
_DOCUMENTS = """
SELECT d.digest, d.media_type, d.content
FROM {list} AS given
CROSS JOIN documents AS d
WHERE d.casebook = :casebook AND d.digest = given.value
"""
_DOCUMENT_DIGESTS = """
SELECT d.digest
FROM {list} AS given
CROSS JOIN documents AS d
WHERE d.casebook = :casebook AND d.digest = given.value
"""
_LIST = {"sqlite": "json_each(:list)", "postgresql": "unnest(CAST(:list AS text[]))"}


def _statements(template: str) -> dict[str, TextClause]:
    # `AS given` names the column `given` on Postgres and `value` on SQLite.
    named = {
        "sqlite": template,
        "postgresql": template.replace("AS given", "AS given(value)"),
    }
    return {dialect: text(sql.replace("{list}", _LIST[dialect])) for dialect, sql in named.items()}


_BY_IDS = _statements(_EVENTS_BY_IDS)
_VERSIONS = _statements(_STREAM_VERSIONS)
_POSITIONS = _statements(_POSITIONS_OF_STREAMS)
_DOCS = _statements(_DOCUMENTS)
_DIGESTS = _statements(_DOCUMENT_DIGESTS)


@dataclass(frozen=True)
class Found:
    """What makes a retry: where an event id is stored, and with what."""

    position: int
    stream: str
    type: str
    schema_version: int
    data: str | None


def chunks(values: Iterable[str], size: int = LIST_LENGTH_MAX) -> Iterator[list[str]]:
    """The values in lists of at most `size`, in order."""
    given = list(values)
    for start in range(0, len(given), size):
        yield given[start : start + size]


def _list_parameter(connection: Connection, values: Sequence[str]) -> str | list[str]:
    if connection.dialect.name == "sqlite":
        return msgspec.json.encode(values).decode()
    return list(values)


def _rows(
    connection: Connection,
    statements: dict[str, TextClause],
    casebook: str,
    values: Iterable[str],
    **more: object,
) -> Iterator[Sequence[object]]:
    statement = statements[connection.dialect.name]
    for chunk in chunks(values):
        given = _list_parameter(connection, chunk)
        yield from connection.execute(statement, {"casebook": casebook, "list": given, **more})


def events_by_ids(connection: Connection, casebook: str, ids: Collection[str]) -> dict[str, Found]:
    """The events of the log among some ids, by id."""
    return {
        str(row[0]): Found(*row[1:])  # type: ignore[arg-type]
        for row in _rows(connection, _BY_IDS, casebook, ids)
    }


def stream_versions(
    connection: Connection, casebook: str, streams: Collection[str]
) -> dict[str, int]:
    """The version of each of some streams; 0 for a stream without events."""
    return {
        str(row[0]): row[1] if isinstance(row[1], int) else 0
        for row in _rows(connection, _VERSIONS, casebook, streams)
    }


def positions_of_streams(
    connection: Connection, casebook: str, streams: Collection[str], after: int
) -> list[int]:
    """The positions after `after` of all events of some streams, ascending."""
    rows = _rows(connection, _POSITIONS, casebook, streams, after=after)
    return sorted(row[0] for row in rows if isinstance(row[0], int))


def existing_documents(connection: Connection, casebook: str, digests: Collection[str]) -> set[str]:
    """Those of some digests that a document, withheld or not, is stored under."""
    return {str(row[0]) for row in _rows(connection, _DIGESTS, casebook, digests)}


def documents_by_digest(
    connection: Connection, casebook: str, digests: Collection[str]
) -> dict[str, Document]:
    """The documents stored under some digests, by digest; the unknown are left out."""
    return {
        str(row[0]): Document(*row)  # type: ignore[arg-type]
        for row in _rows(connection, _DOCS, casebook, digests)
    }


def log_page(
    connection: Connection,
    casebook: str,
    *,
    after: int,
    until: int | None,
    size: int,
    backwards: bool = False,
) -> list[StoredEvent]:
    """The first, or with `backwards` the last, `size` events of positions in (after, until]."""
    query = select(tables.events).where(_e.casebook == casebook, _e.position > after)
    if until is not None:
        query = query.where(_e.position <= until)
    order = _e.position.desc() if backwards else _e.position
    return _events(connection, query.order_by(order).limit(size))


def stream_page(
    connection: Connection, casebook: str, stream: str, after_version: int, size: int
) -> list[StoredEvent]:
    """The first `size` events of a stream with a version after `after_version`."""
    query = select(tables.events).where(
        _e.casebook == casebook, _e.stream == stream, _e.version > after_version
    )
    return _events(connection, query.order_by(_e.version).limit(size))


def events_at(connection: Connection, casebook: str, positions: Sequence[int]) -> list[StoredEvent]:
    """The events at some positions, in order of position."""
    query = select(tables.events).where(_e.casebook == casebook, _e.position.in_(positions))
    return _events(connection, query.order_by(_e.position))


def event_by_id(connection: Connection, casebook: str, event_id: str) -> StoredEvent | None:
    """The event of an id."""
    query = select(tables.events).where(_e.casebook == casebook, _e.event_id == event_id)
    return next(iter(_events(connection, query)), None)


def _events(connection: Connection, query: Select[Any]) -> list[StoredEvent]:
    return [StoredEvent(*row) for row in connection.execute(query)]
