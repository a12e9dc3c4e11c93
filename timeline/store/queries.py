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
import psycopg
from psycopg import sql
from sqlalchemy import Connection

from timeline.errors import CasebookNotFound
from timeline.store.engine import postgres_driver, sqlite_driver
from timeline.store.events import Document, Head, StoredEvent

LIST_LENGTH_MAX = 5_000

Row = tuple[Any, ...]

_COLUMNS = """
    e.casebook, e.position, e.event_id, e.stream, e.version, e.type, e.schema_version,
    e.data, e.salt, e.digest, e.metadata, e.recorded_at, e.previous_hash, e.hash"""

# The primary key serves the order; `events_by_id` and `events_by_stream` serve the lists. Each of
# the list is looked up by itself: on SQLite CROSS JOIN and the unary plus say so, on Postgres a
# lateral subquery that OFFSET 0 keeps apart. While a log grows fast its statistics lag behind, and
# a planner left to choose hashes the whole log for each append.
_EVENTS_BY_IDS = """
SELECT e.event_id, e.position, e.stream, e.type, e.schema_version, e.data
FROM {list}
CROSS JOIN {each_event} e.casebook = :casebook AND e.event_id = given.value{end_event}
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
CROSS JOIN {each_event} e.casebook = :casebook AND e.stream = given.value
    AND +e.position > :after{end_event}
"""
_DOCUMENTS = """
SELECT d.digest, d.media_type, d.content
FROM {list}
CROSS JOIN {each_document} d.casebook = :casebook AND d.digest = given.value{end_document}
"""
_DOCUMENT_DIGESTS = """
SELECT d.digest
FROM {list}
CROSS JOIN {each_document} d.casebook = :casebook AND d.digest = given.value{end_document}
"""
_PARTS = {
    "sqlite": {
        "list": "json_each(:list) AS given",
        "each_event": "events AS e WHERE",
        "each_document": "documents AS d WHERE",
        "end_event": "",
        "end_document": "",
        "lock": "",
        "place_in": "instr(e.data, :naming)",
    },
    "postgresql": {
        "list": "json_array_elements_text(CAST(:list AS json)) AS given(value)",
        "each_event": "LATERAL (SELECT * FROM events AS e WHERE",
        "each_document": "LATERAL (SELECT * FROM documents AS d WHERE",
        "end_event": " OFFSET 0) AS e",
        "end_document": " OFFSET 0) AS d",
        "lock": " FOR UPDATE",
        "place_in": "strpos(e.data, :naming)",
    },
}
_LOCKED_HEAD = """
SELECT c.position, c.hash, c.recorded_at FROM casebooks AS c WHERE c.casebook = :casebook{lock}
"""
_BEGIN_WITH_LOCKED_HEAD = """
BEGIN;
SELECT c.position, c.hash, c.recorded_at FROM casebooks AS c WHERE c.casebook = {} FOR UPDATE
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
CROSS JOIN {each_event} e.casebook = :casebook
    AND e.position = CAST(given.value AS bigint){end_event}
ORDER BY e.position
"""
_BY_ID = """
SELECT {columns}
FROM events AS e
WHERE e.casebook = :casebook AND e.event_id = :event_id
"""
# Scans of the log, for audits: `events` is frozen and has no index by type or by what it says. Data
# is canonical JSON, where a place's id can only stand like this; ids hold no quotes.
_POSITIONS_OF_TYPES = """
SELECT e.position
FROM events AS e
WHERE e.casebook = :casebook AND e.position <= :until
    AND e.type IN (SELECT given.value FROM {list})
ORDER BY e.position
"""
_STREAMS_NAMING = """
SELECT DISTINCT e.stream
FROM events AS e
WHERE e.casebook = :casebook AND e.position <= :until AND {place_in} > 0
ORDER BY e.stream
"""


def _statements(template: str) -> dict[str, str]:
    """The statement in each driver's form, by the dialect's name."""
    template = template.replace("{columns}", _COLUMNS)
    texts = {}
    for dialect, parts in _PARTS.items():
        texts[dialect] = template
        for name, part in parts.items():
            texts[dialect] = texts[dialect].replace(f"{{{name}}}", part)
    texts["postgresql"] = re.sub(r":(\w+)", r"%(\1)s", texts["postgresql"])
    return texts


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
_OF_TYPES = _statements(_POSITIONS_OF_TYPES)
_NAMING = _statements(_STREAMS_NAMING)
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


# A pipeline over a Unix socket hangs once a command nears 1 MB; this is kept far below.
PIPELINED_CHARACTERS_MAX = 64_000

Question = tuple[Mapping[str, str], Mapping[str, object]]
"""A statement in each dialect, and its parameters."""


def fetched_together(connection: Connection, questions: Sequence[Question]) -> list[list[Row]]:
    """All rows of each of some statements: on Postgres in one round trip, when they are short."""
    characters = sum(
        len(value) for _, given in questions for value in given.values() if isinstance(value, str)
    )
    dialect = connection.dialect.name
    if dialect == "sqlite" or characters > PIPELINED_CHARACTERS_MAX:
        return [fetched(connection, statements, given) for statements, given in questions]
    driver = postgres_driver(connection)
    with driver.pipeline():
        cursors = [
            driver.cursor(binary=True).execute(statements[dialect], given, prepare=False)
            for statements, given in questions
        ]
    return [cursor.fetchall() for cursor in cursors]


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


@dataclass(frozen=True)
class State:
    """What an append is judged by: the head, locked, and what the log holds of what it names.

    Attributes:
        found: The events among its ids, by id.
        versions: The version of each of its streams; 0 for a stream without events.
        documents: Those of its documents' digests that are stored.
    """

    head: Head
    found: dict[str, Found]
    versions: dict[str, int]
    documents: set[str]


def locked_state(
    connection: Connection,
    casebook: str,
    ids: Collection[str],
    streams: Collection[str],
    digests: Collection[str],
) -> State:
    """Lock the casebook's head until the transaction ends, and look up what an append names.

    Raises:
        CasebookNotFound: there is no such casebook.
    """
    questions: list[Question] = [(_HEAD, {"casebook": casebook})]
    kinds = [0]
    for kind, (statements, values) in enumerate(
        ((_BY_IDS, ids), (_VERSIONS, streams), (_DIGESTS, digests)), start=1
    ):
        for chunk in chunks(values):
            questions.append((statements, {"casebook": casebook, "list": list_parameter(chunk)}))
            kinds.append(kind)
    rows: list[list[Row]] = [[], [], [], []]
    for kind, answer in zip(kinds, fetched_together(connection, questions), strict=True):
        rows[kind] += answer
    if not rows[0]:
        raise CasebookNotFound(casebook)
    return State(
        Head(*rows[0][0]),
        {row[0]: Found(*row[1:]) for row in rows[1]},
        {row[0]: row[1] or 0 for row in rows[2]},
        {row[0] for row in rows[3]},
    )


def locked_head(connection: Connection, casebook: str) -> Head:
    """The casebook's head, locked until the transaction ends.

    Raises:
        CasebookNotFound: there is no such casebook.
    """
    return locked_state(connection, casebook, (), (), ()).head


def begin_with_locked_head(driver: psycopg.Connection[Any], casebook: str) -> Head | None:
    """Begin a transaction and lock the casebook's head in one message; None when it has none.

    Args:
        driver: In autocommit mode; what it begins here must be ended.
        casebook: Whose head to lock.
    """
    # Several statements in one message take no parameters, and cannot be prepared.
    statement = sql.SQL(_BEGIN_WITH_LOCKED_HEAD).format(sql.Literal(casebook))
    cursor = driver.execute(statement, prepare=False)
    cursor.nextset()
    row = cursor.fetchone()
    return None if row is None else Head(*row)


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


def positions_of_types(
    connection: Connection, casebook: str, types: Collection[str], until: int
) -> list[int]:
    """The positions up to `until` of all events of some types, ascending; scans the log."""
    rows = _rows(connection, _OF_TYPES, casebook, sorted(types), until=until)
    return sorted(row[0] for row in rows)


def streams_naming(connection: Connection, casebook: str, place_id: str, until: int) -> list[str]:
    """The streams with an event up to `until` that names a place by its id; scans the log.

    An event names it where it was, or was corrected to be, and as the place itself.
    """
    naming = f'"place_id":{msgspec.json.encode(place_id).decode()}'
    given = {"casebook": casebook, "naming": naming, "until": until}
    return [row[0] for row in fetched(connection, _NAMING, given)]


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
