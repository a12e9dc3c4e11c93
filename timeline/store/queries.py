"""Asks the log's tables: one statement a function, on a connection that the caller holds.

A list goes to the database as one parameter, a JSON array, so that the statement is the same
whatever the list's length. Statements go to the driver itself, and rows come back as it makes them:
on Postgres in its binary form. None is prepared on the server: a plan made while the log was small
would walk it once it is large.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import msgspec
from sqlalchemy import Connection

from timeline.errors import CasebookNotFound
from timeline.store.engine import postgres_driver, sqlite_driver
from timeline.store.events import Document, Head, StoredEvent

LIST_LENGTH_MAX = 5_000

Row = tuple[Any, ...]

_COLUMNS = """
    e.casebook, e.position, e.event_id, e.stream, e.version, e.type, e.schema_version,
    e.data, e.salt, e.digest, e.metadata, e.recorded_at, e.previous_hash, e.hash"""

# The primary key serves the order; `events_by_id` and `events_by_stream` serve the lists. CROSS
# JOIN and the unary plus keep SQLite's planner from walking the log once for each of the list.
_EVENTS_BY_IDS = """
SELECT e.event_id, e.position, e.stream, e.type, e.schema_version, e.data
FROM {list}
CROSS JOIN events AS e
WHERE e.casebook = :casebook AND e.event_id = given.value
"""
_STREAM_VERSIONS = """
SELECT given.value,
       (SELECT max(e.version) FROM events AS e
        WHERE e.casebook = :casebook AND e.stream = given.value)
FROM {list}
"""
_POSITIONS_OF_STREAMS = """
SELECT e.position
FROM {list}
CROSS JOIN events AS e
WHERE e.casebook = :casebook AND e.stream = given.value AND +e.position > :after
"""
_DOCUMENTS = """
SELECT d.digest, d.media_type, d.content
FROM {list}
CROSS JOIN documents AS d
WHERE d.casebook = :casebook AND d.digest = given.value
"""
_DOCUMENT_DIGESTS = """
SELECT d.digest
FROM {list}
CROSS JOIN documents AS d
WHERE d.casebook = :casebook AND d.digest = given.value
"""
_LIST = {
    "sqlite": "json_each(:list) AS given",
    "postgresql": "json_array_elements_text(CAST(:list AS json)) AS given(value)",
}
_LOCKED_HEAD = """
SELECT c.position, c.hash, c.recorded_at FROM casebooks AS c WHERE c.casebook = :casebook{lock}
"""
# The primary key serves both directions; `events_by_stream` serves a stream.
_PAGE = """
SELECT {columns}
FROM events AS e
WHERE e.casebook = :casebook AND e.position > :after AND e.position <= :until
ORDER BY e.position LIMIT :size
"""
_PAGE_BACKWARDS = _PAGE.replace("e.position LIMIT", "e.position DESC LIMIT")
_STREAM_PAGE = """
SELECT {columns}
FROM events AS e
WHERE e.casebook = :casebook AND e.stream = :stream AND e.version > :after
ORDER BY e.version LIMIT :size
"""
_BY_POSITIONS = """
SELECT {columns}
FROM {list}
CROSS JOIN events AS e
WHERE e.casebook = :casebook AND e.position = CAST(given.value AS bigint)
ORDER BY e.position
"""
_BY_ID = """
SELECT {columns}
FROM events AS e
WHERE e.casebook = :casebook AND e.event_id = :event_id
"""


def _statements(template: str) -> dict[str, str]:
    """The statement in each driver's form, by the dialect's name."""
    template = template.replace("{columns}", _COLUMNS)
    sqlite = template.replace("{list}", _LIST["sqlite"]).replace("{lock}", "")
    postgres = template.replace("{list}", _LIST["postgresql"]).replace("{lock}", " FOR UPDATE")
    return {"sqlite": sqlite, "postgresql": re.sub(r"(?<!:):(\w+)", r"%(\1)s", postgres)}


_BY_IDS = _statements(_EVENTS_BY_IDS)
_VERSIONS = _statements(_STREAM_VERSIONS)
_POSITIONS = _statements(_POSITIONS_OF_STREAMS)
_DOCS = _statements(_DOCUMENTS)
_DIGESTS = _statements(_DOCUMENT_DIGESTS)
_HEAD = _statements(_LOCKED_HEAD)
_FORWARDS = _statements(_PAGE)
_BACKWARDS = _statements(_PAGE_BACKWARDS)
_OF_STREAM = _statements(_STREAM_PAGE)
_AT = _statements(_BY_POSITIONS)
_ONE = _statements(_BY_ID)
_POSITION_MAX = 2**63 - 1


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


def fetched(
    connection: Connection, statements: Mapping[str, str], parameters: Mapping[str, object]
) -> list[Row]:
    """All rows of a statement, as the driver makes them."""
    dialect = connection.dialect.name
    if dialect == "sqlite":
        return sqlite_driver(connection).execute(statements[dialect], parameters).fetchall()
    cursor = postgres_driver(connection).cursor(binary=True)
    return cursor.execute(statements[dialect], parameters, prepare=False).fetchall()


def list_parameter(values: Sequence[str | int]) -> str:
    """A list as the one parameter that the statements take it in."""
    return msgspec.json.encode(values).decode()


def _rows(
    connection: Connection,
    statements: Mapping[str, str],
    casebook: str,
    values: Iterable[str],
    **more: object,
) -> Iterator[Row]:
    for chunk in chunks(values):
        given = list_parameter(chunk)
        yield from fetched(connection, statements, {"casebook": casebook, "list": given, **more})


def locked_head(connection: Connection, casebook: str) -> Head:
    """The casebook's head, locked until the transaction ends.

    Raises:
        CasebookNotFound: there is no such casebook.
    """
    rows = fetched(connection, _HEAD, {"casebook": casebook})
    if not rows:
        raise CasebookNotFound(casebook)
    return Head(*rows[0])


def events_by_ids(connection: Connection, casebook: str, ids: Collection[str]) -> dict[str, Found]:
    """The events of the log among some ids, by id."""
    return {row[0]: Found(*row[1:]) for row in _rows(connection, _BY_IDS, casebook, ids)}


def stream_versions(
    connection: Connection, casebook: str, streams: Collection[str]
) -> dict[str, int]:
    """The version of each of some streams; 0 for a stream without events."""
    return {row[0]: row[1] or 0 for row in _rows(connection, _VERSIONS, casebook, streams)}


def positions_of_streams(
    connection: Connection, casebook: str, streams: Collection[str], after: int
) -> list[int]:
    """The positions after `after` of all events of some streams, ascending."""
    rows = _rows(connection, _POSITIONS, casebook, streams, after=after)
    return sorted(row[0] for row in rows)


def existing_documents(connection: Connection, casebook: str, digests: Collection[str]) -> set[str]:
    """Those of some digests that a document, withheld or not, is stored under."""
    return {row[0] for row in _rows(connection, _DIGESTS, casebook, digests)}


def documents_by_digest(
    connection: Connection, casebook: str, digests: Collection[str]
) -> dict[str, Document]:
    """The documents stored under some digests, by digest; the unknown are left out."""
    return {row[0]: Document(*row) for row in _rows(connection, _DOCS, casebook, digests)}


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
    given = {
        "casebook": casebook,
        "after": after,
        "until": _POSITION_MAX if until is None else until,
        "size": size,
    }
    return _events(connection, _BACKWARDS if backwards else _FORWARDS, given)


def stream_page(
    connection: Connection, casebook: str, stream: str, after_version: int, size: int
) -> list[StoredEvent]:
    """The first `size` events of a stream with a version after `after_version`."""
    given = {"casebook": casebook, "stream": stream, "after": after_version, "size": size}
    return _events(connection, _OF_STREAM, given)


def events_at(connection: Connection, casebook: str, positions: Sequence[int]) -> list[StoredEvent]:
    """The events at some positions, in order of position."""
    given = {"casebook": casebook, "list": list_parameter(positions)}
    return _events(connection, _AT, given)


def event_by_id(connection: Connection, casebook: str, event_id: str) -> StoredEvent | None:
    """The event of an id."""
    given = {"casebook": casebook, "event_id": event_id}
    return next(iter(_events(connection, _ONE, given)), None)


def _events(
    connection: Connection, statements: Mapping[str, str], given: Mapping[str, object]
) -> list[StoredEvent]:
    return list(starmap(StoredEvent, fetched(connection, statements, given)))
