"""Names what goes into the store and what comes out of it, and the bounds on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import msgspec

from timeline.settings import NAME_LENGTH_MAX, REPORT_BYTES_MAX

# Bounds on one append and on one page of a read.
EVENTS_PER_APPEND_MAX = 100_000
DATA_BYTES_MAX = 4_000_000
METADATA_BYTES_MAX = 64_000
STREAM_LENGTH_MAX = NAME_LENGTH_MAX
DOCUMENT_BYTES_MAX = REPORT_BYTES_MAX
EVENTS_PER_PAGE = 500
STREAMS_PER_READ_MAX = 10_000
DOCUMENTS_PER_READ_MAX = 1_000

ANY: Final = None
"""The expected version of an append that holds whatever the stream's version is."""


class NewEvent(msgspec.Struct, frozen=True):
    """An event to append.

    Attributes:
        event_id: A UUID in its canonical lower-case form; the same id is stored once.
        type: The event's type.
        schema_version: The version of the type's schema, from 1.
        data: One JSON object, canonical as `hashing.canonical` writes it.
        metadata: What is told beside the content; hashed, but no part of what makes a retry.
    """

    event_id: str
    type: str
    schema_version: int
    data: bytes | str
    metadata: Mapping[str, object] = {}


@dataclass(frozen=True)
class Author:
    """Who makes a change, and by which way: `cli` or `graphql`; told in each event's metadata."""

    name: str
    via: str
    token_id: str | None = None

    def sign(self, event: NewEvent) -> NewEvent:
        """The event with its author beside it."""
        told: dict[str, object] = {"by": self.name, "via": self.via}
        if self.token_id is not None:
            told["token"] = self.token_id
        return msgspec.structs.replace(event, metadata={**event.metadata, **told})


@dataclass(frozen=True)
class StreamAppend:
    """Events for one stream, in order, and the version that the stream must have before them.

    An expected version of 0 says that the stream does not exist yet; `ANY` expects nothing. One
    append may name a stream twice: the second is judged after the first.
    """

    stream: str
    expected_version: int | None
    events: Sequence[NewEvent]


@dataclass(frozen=True)
class Document:
    """A document's bytes under their SHA-256 in lower-case hex; no content when withheld."""

    digest: str
    media_type: str
    content: bytes | None = field(repr=False)

    @classmethod
    def of(cls, media_type: str, content: bytes) -> Document:
        """The document of some bytes, under their digest."""
        return cls(sha256(content).hexdigest(), media_type, content)


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An event exactly as its row holds it; `data` and `salt` are None when it is withheld."""

    casebook: str
    position: int
    event_id: str
    stream: str
    version: int
    type: str
    schema_version: int
    data: str | None
    salt: bytes | None
    digest: bytes
    metadata: str
    recorded_at: str
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True)
class Head:
    """The end of a casebook's log: position 0, 32 zero bytes and None while it is empty."""

    position: int
    hash: bytes
    recorded_at: str | None


@dataclass(frozen=True)
class Appended:
    """What an append came to.

    Attributes:
        positions: The position of each event given, in the order given.
        head_position: The last position of the log afterwards.
        appended: How many events were new.
        already: How many were in the log before, with the same content.
    """

    positions: tuple[int, ...]
    head_position: int
    appended: int
    already: int
