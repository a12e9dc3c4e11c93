"""Checks, salts and digests what is to be appended: all that needs neither database nor lock."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

import msgspec

from timeline.errors import InvalidDocument, InvalidEvent
from timeline.store import hashing
from timeline.store.events import (
    ANY,
    DATA_BYTES_MAX,
    DOCUMENT_BYTES_MAX,
    EVENTS_PER_APPEND_MAX,
    METADATA_BYTES_MAX,
    STREAM_LENGTH_MAX,
    Document,
    NewEvent,
    StreamAppend,
)

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
        # The system is asked once for all salts of a stream.
        salts = BytesIO(os.urandom(hashing.SALT_BYTES * len(one.events)))
        events = tuple(
            _prepared(event, metadata, salts.read(hashing.SALT_BYTES)) for event in one.events
        )
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


def _prepared(event: NewEvent, metadata: _Metadata, salt: bytes) -> Prepared:
    event_id, type_, given = event.event_id, event.type, event.data
    name = f"event {event_id}"
    if not _UUID.fullmatch(event_id):
        raise InvalidEvent(f"{name}: the id is not a UUID in lower case")
    if not 0 < len(type_) <= STREAM_LENGTH_MAX or "\0" in type_ or not _is_utf_8(type_):
        raise InvalidEvent(f"{name}: a type's name has 1 to {STREAM_LENGTH_MAX} characters")
    if not 1 <= event.schema_version < 2**31:
        raise InvalidEvent(f"{name}: schema versions count from 1")
    try:
        data = given.encode() if isinstance(given, str) else given
    except UnicodeEncodeError as error:
        raise InvalidEvent(f"{name}: the data is not UTF-8") from error
    if len(data) > DATA_BYTES_MAX:
        raise InvalidEvent(f"{name}: {len(data)} bytes of data, {DATA_BYTES_MAX} at most")
    if not hashing.is_canonical(data):
        raise InvalidEvent(f"{name}: the data is not one canonical JSON object")
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
