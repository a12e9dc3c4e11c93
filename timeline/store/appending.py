"""Decides and writes one append: all of it, or nothing, at the end of a casebook's log.

The head row is locked first, so appends to a casebook happen one after another: positions have no
gaps, follow the order of commit and roll back with their transaction. The price is one commit at a
time; what it buys is that a reader with a checkpoint misses nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from timeline.errors import (
    CasebookNotFound,
    EventIdReused,
    InvalidDocument,
    InvalidEvent,
    PartlyAppended,
    WrongExpectedVersion,
)
from timeline.store import hashing, tables
from timeline.store.events import (
    ANY,
    DATA_BYTES_MAX,
    DOCUMENT_BYTES_MAX,
    EVENTS_PER_APPEND_MAX,
    METADATA_BYTES_MAX,
    STREAM_LENGTH_MAX,
    Appended,
    Document,
    Head,
    NewEvent,
    StreamAppend,
)
from timeline.store.queries import Found, events_by_ids, existing_documents, stream_versions

Clock = Callable[[], datetime]
"""Gives the present as an aware datetime."""

# One statement a batch; both bounds keep a statement well below what the drivers take.
BATCH_ROWS_MAX = 1_000
BATCH_BYTES_MAX = 16_000_000

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)

_INSERT_ON_SQLITE = """
INSERT INTO events (casebook, position, event_id, stream, version, type, schema_version,
                    data, salt, digest, metadata, recorded_at, previous_hash, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Sent as binary arrays (%b): psycopg quotes each element of a text array, at thrice the time.
_INSERT_ON_POSTGRES = """
INSERT INTO events (casebook, position, event_id, stream, version, type, schema_version,
                    data, salt, digest, metadata, recorded_at, previous_hash, hash)
SELECT * FROM unnest(
    %b::text[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::integer[],
    %b::text[], %b::bytea[], %b::bytea[], %b::text[], %b::text[], %b::bytea[], %b::bytea[])
"""

Row = tuple[
    str, int, str, str, int, str, int, str, bytes, bytes, str, str, bytes, bytes
]  # the columns of `events`, in order


@dataclass(frozen=True)
class Prepared:
    """One event checked, salted and digested: all that can be done before the log is locked."""

    event: NewEvent
    data: str
    metadata: str
    salt: bytes
    digest: bytes


@dataclass(frozen=True)
class PreparedAppend:
    """The events for one stream, checked."""

    stream: str
    expected_version: int | None
    events: tuple[Prepared, ...]


def prepare(appends: Sequence[StreamAppend]) -> tuple[PreparedAppend, ...]:
    """Check and digest what is to be appended; needs no database.

    Raises:
        InvalidEvent: an event breaks a bound, its data is not one canonical JSON object, or an
            id is given twice.
    """
    count = sum(len(one.events) for one in appends)
    if count > EVENTS_PER_APPEND_MAX:
        raise InvalidEvent(f"an append holds {EVENTS_PER_APPEND_MAX} events at most, not {count}")
    seen: set[str] = set()
    prepared = []
    for one in appends:
        if not 0 < len(one.stream) <= STREAM_LENGTH_MAX or "\0" in one.stream:
            raise InvalidEvent(f"a stream's name has 1 to {STREAM_LENGTH_MAX} characters")
        if one.expected_version is not ANY and one.expected_version < 0:
            raise InvalidEvent(f"stream {one.stream}: no stream has a version below 0")
        for event in one.events:
            if event.event_id in seen:
                raise InvalidEvent(f"event id {event.event_id} is given twice in one append")
            seen.add(event.event_id)
        events = tuple(_prepared(event) for event in one.events)
        prepared.append(PreparedAppend(one.stream, one.expected_version, events))
    return tuple(prepared)


def _prepared(event: NewEvent) -> Prepared:
    name = f"event {event.event_id}"
    if not _UUID.fullmatch(event.event_id):
        raise InvalidEvent(f"{name}: the id is not a UUID in lower case")
    if not 0 < len(event.type) <= STREAM_LENGTH_MAX or "\0" in event.type:
        raise InvalidEvent(f"{name}: a type's name has 1 to {STREAM_LENGTH_MAX} characters")
    if not 1 <= event.schema_version < 2**31:
        raise InvalidEvent(f"{name}: schema versions count from 1")
    try:
        data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
    except UnicodeEncodeError as error:
        raise InvalidEvent(f"{name}: the data is not UTF-8") from error
    if len(data) > DATA_BYTES_MAX:
        raise InvalidEvent(f"{name}: {len(data)} bytes of data, {DATA_BYTES_MAX} at most")
    if not hashing.is_canonical(data):
        raise InvalidEvent(f"{name}: the data is not one canonical JSON object")
    metadata = hashing.canonical(event.metadata)
    if len(metadata) > METADATA_BYTES_MAX:
        raise InvalidEvent(f"{name}: {METADATA_BYTES_MAX} bytes of metadata at most")
    salt = os.urandom(hashing.SALT_BYTES)
    digest = hashing.content_digest(salt, data)
    return Prepared(event, data.decode(), metadata.decode(), salt, digest)


def check_documents(documents: Sequence[Document]) -> None:
    """Refuse documents that are too long or not what their digest says.

    Raises:
        InvalidDocument: one of them is.
    """
    for document in documents:
        if document.content is None:
            raise InvalidDocument(document.digest, "it has no content")
        if len(document.content) > DOCUMENT_BYTES_MAX:
            raise InvalidDocument(document.digest, f"{DOCUMENT_BYTES_MAX} bytes at most")
        if sha256(document.content).hexdigest() != document.digest:
            raise InvalidDocument(document.digest, "its bytes have another SHA-256")


def append(
    connection: Connection,
    casebook: str,
    clock: Clock,
    appends: Sequence[PreparedAppend],
    documents: Sequence[Document],
) -> Appended:
    """Append in the caller's write transaction; see `EventStore.append` for what is refused."""
    head = locked_head(connection, casebook)
    _insert_documents(connection, casebook, documents)
    ids = [prepared.event.event_id for one in appends for prepared in one.events]
    found = events_by_ids(connection, casebook, ids)
    _refuse_reused_ids(appends, found)
    if ids and len(found) == len(ids):
        return Appended(tuple(found[id_].position for id_ in ids), head.position, 0, len(ids))
    versions = stream_versions(connection, casebook, {one.stream for one in appends})
    decided = decide(appends, found, versions)
    if not decided:
        return Appended((), head.position, 0, 0)
    now = hashing.instant_text(clock())
    recorded_at = now if head.recorded_at is None else max(now, head.recorded_at)
    rows = _chained(casebook, head, recorded_at, decided)
    _insert_events(connection, rows)
    connection.execute(
        update(tables.casebooks)
        .where(tables.casebooks.c.casebook == casebook)
        .values(position=rows[-1][1], hash=rows[-1][13], recorded_at=recorded_at)
    )
    new = {row[2]: row[1] for row in rows}
    positions = tuple(new[id_] if id_ in new else found[id_].position for id_ in ids)
    return Appended(positions, rows[-1][1], len(rows), len(found))


def locked_head(connection: Connection, casebook: str) -> Head:
    """The casebook's head, locked until the transaction ends.

    Raises:
        CasebookNotFound: there is no such casebook.
    """
    c = tables.casebooks.c
    row = connection.execute(
        select(c.position, c.hash, c.recorded_at).where(c.casebook == casebook).with_for_update()
    ).one_or_none()
    if row is None:
        raise CasebookNotFound(casebook)
    return Head(row[0], row[1], row[2])


def decide(
    appends: Sequence[PreparedAppend], found: Mapping[str, Found], versions: Mapping[str, int]
) -> list[tuple[str, int, Prepared]]:
    """Judge each stream's expectation and number the events that are missing.

    Args:
        appends: What is asked for.
        found: The events among them that the log holds already, by id, with the same content.
        versions: The present version of each stream; 0 when a stream has no events.

    Returns:
        Stream, version and event of all that is to be written, in order.

    Raises:
        PartlyAppended: a stream that expects a version has some of its events in the log.
        WrongExpectedVersion: a stream has another version than expected.
    """
    current = dict(versions)
    decided: list[tuple[str, int, Prepared]] = []
    for one in appends:
        missing = [prepared for prepared in one.events if prepared.event.event_id not in found]
        version = current.get(one.stream, 0)
        if one.expected_version is not ANY:
            if len(missing) < len(one.events):
                present = len(one.events) - len(missing)
                raise PartlyAppended(one.stream, present, len(missing))
            if version != one.expected_version:
                raise WrongExpectedVersion(one.stream, one.expected_version, version)
        decided.extend(
            (one.stream, version + ordinal, prepared)
            for ordinal, prepared in enumerate(missing, start=1)
        )
        current[one.stream] = version + len(missing)
    return decided


def _refuse_reused_ids(appends: Sequence[PreparedAppend], found: Mapping[str, Found]) -> None:
    for one in appends:
        for prepared in one.events:
            event = prepared.event
            stored = found.get(event.event_id)
            if stored is None:
                continue
            kind = (one.stream, event.type, event.schema_version)
            is_same_kind = (stored.stream, stored.type, stored.schema_version) == kind
            # Nothing can tell whether withheld content was the same; it must not come back.
            is_same_data = stored.data is None or stored.data == prepared.data
            if not (is_same_kind and is_same_data):
                raise EventIdReused(event.event_id, stored.position)


def _chained(
    casebook: str, head: Head, recorded_at: str, decided: Iterable[tuple[str, int, Prepared]]
) -> list[Row]:
    rows: list[Row] = []
    previous = head.hash
    for position, (stream, version, prepared) in enumerate(decided, start=head.position + 1):
        event = prepared.event
        header = hashing.header(
            casebook=casebook,
            position=position,
            event_id=event.event_id,
            stream=stream,
            version=version,
            type_=event.type,
            schema_version=event.schema_version,
            metadata=prepared.metadata,
            recorded_at=recorded_at,
        )
        hash_ = hashing.chained_hash(previous, header, prepared.digest)
        rows.append(
            (casebook, position, event.event_id, stream, version, event.type,
             event.schema_version, prepared.data, prepared.salt, prepared.digest,
             prepared.metadata, recorded_at, previous, hash_)
        )  # fmt: skip
        previous = hash_
    return rows


def _insert_events(connection: Connection, rows: Sequence[Row]) -> None:
    for batch in _batches(rows):
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(_INSERT_ON_SQLITE, batch)
        else:
            columns = tuple(list(column) for column in zip(*batch, strict=True))
            connection.exec_driver_sql(_INSERT_ON_POSTGRES, columns)


def _batches(rows: Sequence[Row]) -> Iterable[list[Row]]:
    batch: list[Row] = []
    size_bytes = 0
    for row in rows:
        row_bytes = len(row[7]) + len(row[10])
        if batch and (len(batch) == BATCH_ROWS_MAX or size_bytes + row_bytes > BATCH_BYTES_MAX):
            yield batch
            batch, size_bytes = [], 0
        batch.append(row)
        size_bytes += row_bytes
    if batch:
        yield batch


def _insert_documents(connection: Connection, casebook: str, documents: Sequence[Document]) -> None:
    # The head's lock makes "absent" still true at the insert; ON CONFLICT would trip the guard.
    present = existing_documents(connection, casebook, [one.digest for one in documents])
    for document in {one.digest: one for one in documents}.values():
        if document.digest not in present and document.content is not None:
            connection.execute(
                insert(tables.documents).values(
                    casebook=casebook,
                    digest=document.digest,
                    media_type=document.media_type,
                    byte_length=len(document.content),
                    content=document.content,
                )
            )
