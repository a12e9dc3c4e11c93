"""Decides and writes appends: each whole or not at all, at the end of a casebook's log.

The head row is locked first, so appends to a casebook happen one after another: positions have no
gaps, follow the order of commit and roll back with their transaction. The price is one commit at a
time; what it buys is that a reader with a checkpoint misses nothing. Several requests can share a
transaction (group commit): each is judged by itself against the log as those before it leave it,
so that a conflict refuses one of them only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from timeline.errors import (
    EventIdReused,
    InvalidDocument,
    InvalidEvent,
    PartlyAppended,
    TimelineError,
    WrongExpectedVersion,
)
from timeline.store import hashing, inserting
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
from timeline.store.inserting import Row, Rows
from timeline.store.queries import Found, State, locked_state

Clock = Callable[[], datetime]
"""Gives the present as an aware datetime."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """One event checked, salted and digested: all that can be done before the log is locked."""

    event_id: str
    type: str
    schema_version: int
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


@dataclass(frozen=True)
class Request:
    """One append, checked: for some streams, with documents."""

    appends: tuple[PreparedAppend, ...]
    documents: tuple[Document, ...]

    @property
    def event_ids(self) -> list[str]:
        """The ids of its events, in the order given."""
        return [prepared.event_id for one in self.appends for prepared in one.events]


@dataclass
class Situation:
    """The log's state as the requests that were granted so far leave it.

    Attributes:
        position: The last position, granted events included.
        found: The events of the requests that the log holds, by id.
        versions: The version of each stream that the requests name.
        granted: Stream, version and event of what is to be written, in order.
    """

    position: int
    found: dict[str, Found]
    versions: dict[str, int]
    granted: list[tuple[str, int, Prepared]] = field(default_factory=list)


def prepare(appends: Sequence[StreamAppend], documents: Sequence[Document] = ()) -> Request:
    """Check and digest what is to be appended; needs no database.

    Raises:
        InvalidEvent: an event breaks a bound, its data is not one canonical JSON object, or an
            id is given twice.
        InvalidDocument: a document is too long, or not what its digest says.
    """
    count = sum(len(one.events) for one in appends)
    if count > EVENTS_PER_APPEND_MAX:
        raise InvalidEvent(f"an append holds {EVENTS_PER_APPEND_MAX} events at most, not {count}")
    seen: set[str] = set()
    prepared = []
    metadata = _Metadata()
    for one in appends:
        _check_stream(one)
        for event in one.events:
            if event.event_id in seen:
                raise InvalidEvent(f"event id {event.event_id} is given twice in one append")
            seen.add(event.event_id)
        events = tuple(_prepared(event, metadata) for event in one.events)
        prepared.append(PreparedAppend(one.stream, one.expected_version, events))
    check_documents(documents)
    return Request(tuple(prepared), tuple(documents))


def _check_stream(append: StreamAppend) -> None:
    if not 0 < len(append.stream) <= STREAM_LENGTH_MAX or "\0" in append.stream:
        raise InvalidEvent(f"a stream's name has 1 to {STREAM_LENGTH_MAX} characters")
    if not _is_utf_8(append.stream):
        raise InvalidEvent("a stream's name holds what UTF-8 cannot")
    if append.expected_version is not ANY and append.expected_version < 0:
        raise InvalidEvent(f"stream {append.stream}: no stream has a version below 0")


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Metadata:
    """Writes metadata as canonical JSON; a batch mostly gives the same object again and again."""

    def __init__(self) -> None:
        self._last: Mapping[str, object] | None = None
        self._text = ""

    def text(self, metadata: Mapping[str, object], name: str) -> str:
        if metadata is not self._last:
            encoded = hashing.canonical(metadata)
            if len(encoded) > METADATA_BYTES_MAX:
                raise InvalidEvent(f"{name}: {METADATA_BYTES_MAX} bytes of metadata at most")
            self._last, self._text = metadata, encoded.decode()
        return self._text


def _prepared(event: NewEvent, metadata: _Metadata) -> Prepared:
    event_id, type_, given = event.event_id, event.type, event.data
    name = f"event {event_id}"
    if not _UUID.fullmatch(event_id):
        raise InvalidEvent(f"{name}: the id is not a UUID in lower case")
    if not 0 < len(type_) <= STREAM_LENGTH_MAX or "\0" in type_ or not _is_utf_8(type_):
        raise InvalidEvent(f"{name}: a type's name has 1 to {STREAM_LENGTH_MAX} characters")
    if not 1 <= event.schema_version < 2**31:
        raise InvalidEvent(f"{name}: schema versions count from 1")
    try:
        data = given.encode() if isinstance(given, str) else bytes(given)
    except UnicodeEncodeError as error:
        raise InvalidEvent(f"{name}: the data is not UTF-8") from error
    if len(data) > DATA_BYTES_MAX:
        raise InvalidEvent(f"{name}: {len(data)} bytes of data, {DATA_BYTES_MAX} at most")
    if not hashing.is_canonical(data):
        raise InvalidEvent(f"{name}: the data is not one canonical JSON object")
    salt = os.urandom(hashing.SALT_BYTES)
    digest = hashing.content_digest(salt, data)
    text = given if isinstance(given, str) else data.decode()
    return Prepared(
        event_id,
        type_,
        event.schema_version,
        text,
        metadata.text(event.metadata, name),
        salt,
        digest,
    )


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
    connection: Connection, casebook: str, clock: Clock, request: Request, *, commits: bool = False
) -> Appended:
    """Append in the caller's write transaction; see `EventStore.append` for what is refused.

    Args:
        connection: In a write transaction.
        casebook: Whose log it is.
        clock: Asked once.
        request: What to append.
        commits: Whether the caller ends its transaction right after, and lets this do it.
    """
    [outcome] = append_all(connection, casebook, clock, [request], commits=commits)
    if isinstance(outcome, TimelineError):
        raise outcome
    return outcome


def append_all(
    connection: Connection,
    casebook: str,
    clock: Clock,
    requests: Sequence[Request],
    *,
    commits: bool = False,
) -> list[Appended | TimelineError]:
    """Judge requests one after another, and write those that are granted, in that order.

    Returns:
        For each request what it came to, or why it is refused; a refused one leaves no trace.

    Raises:
        CasebookNotFound: there is no such casebook.
    """
    state = _locked_state(connection, casebook, requests)
    head = state.head
    situation = Situation(head.position, state.found, state.versions)
    outcomes: list[Appended | TimelineError] = []
    documents: list[Document] = []
    for request in requests:
        try:
            outcomes.append(_judge(request, situation))
        except TimelineError as refusal:
            outcomes.append(refusal)
        else:
            documents += request.documents
    if documents:
        inserting.insert_documents(connection, casebook, documents, state.documents)
    if situation.granted:
        now = hashing.instant_text(clock())
        recorded_at = now if head.recorded_at is None else max(now, head.recorded_at)
        rows = Rows(
            _chained(casebook, head, recorded_at, situation.granted),
            len(situation.granted),
            sum(len(one.data) + len(one.metadata) for _, _, one in situation.granted),
        )
        inserting.insert_events(connection, rows, commits=commits)
    return outcomes


def _locked_state(connection: Connection, casebook: str, requests: Sequence[Request]) -> State:
    ids = {id_ for request in requests for id_ in request.event_ids}
    streams = {one.stream for request in requests for one in request.appends}
    digests = {document.digest for request in requests for document in request.documents}
    return locked_state(connection, casebook, ids, streams, digests)


def _judge(request: Request, situation: Situation) -> Appended:
    """Grant a request, or raise why it is refused and leave the situation as it is."""
    ids = request.event_ids
    found = {id_: situation.found[id_] for id_ in ids if id_ in situation.found}
    _refuse_reused_ids(request.appends, found)
    if ids and len(found) == len(ids):
        positions = tuple(found[id_].position for id_ in ids)
        return Appended(positions, situation.position, 0, len(ids))
    decided = decide(request.appends, found, situation.versions)
    for position, (stream, version, one) in enumerate(decided, start=situation.position + 1):
        stored = Found(position, stream, one.type, one.schema_version, one.data)
        situation.found[one.event_id] = stored
        situation.versions[stream] = version
    situation.position += len(decided)
    situation.granted += decided
    positions = tuple(situation.found[id_].position for id_ in ids)
    return Appended(positions, situation.position, len(decided), len(found))


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
        missing = [prepared for prepared in one.events if prepared.event_id not in found]
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
    if not found:
        return
    for one in appends:
        for prepared in one.events:
            stored = found.get(prepared.event_id)
            if stored is None:
                continue
            kind = (one.stream, prepared.type, prepared.schema_version)
            is_same_kind = (stored.stream, stored.type, stored.schema_version) == kind
            # Nothing can tell whether withheld content was the same; it must not come back.
            is_same_data = stored.data is None or stored.data == prepared.data
            if not (is_same_kind and is_same_data):
                raise EventIdReused(prepared.event_id, stored.position)


def _chained(
    casebook: str, head: Head, recorded_at: str, granted: Iterable[tuple[str, int, Prepared]]
) -> Iterator[Row]:
    previous = head.hash
    for position, (stream, version, one) in enumerate(granted, start=head.position + 1):
        header = hashing.header(
            casebook=casebook,
            position=position,
            event_id=one.event_id,
            stream=stream,
            version=version,
            type_=one.type,
            schema_version=one.schema_version,
            metadata=one.metadata,
            recorded_at=recorded_at,
        )
        hash_ = hashing.chained_hash(previous, header, one.digest)
        yield (
            casebook, position, one.event_id, stream, version, one.type, one.schema_version,
            one.data, one.salt, one.digest, one.metadata, recorded_at, previous, hash_,
        )  # fmt: skip
        previous = hash_
