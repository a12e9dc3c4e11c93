"""Builds events for the store's contract tests, and tampers with a log as only an owner can."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import msgspec
from sqlalchemy import Connection, Engine

from timeline.store import guards
from timeline.store.engine import write_transaction
from timeline.store.events import (
    ANY,
    Appended,
    Document,
    Head,
    NewEvent,
    StoredEvent,
    StreamAppend,
)
from timeline.store.hashing import canonical

NAMESPACE = uuid.UUID("8f1c2f0e-3a55-4a3c-9b57-0e5d2f9a7c11")


class Store(Protocol):
    """What the contract asks of an event store; `EventStore` tells what each method promises."""

    def append(
        self, appends: Sequence[StreamAppend], documents: Sequence[Document] = ()
    ) -> Appended: ...
    def read(
        self,
        after: int = 0,
        limit: int | None = None,
        *,
        backwards: bool = False,
        until: int | None = None,
    ) -> Iterator[StoredEvent]: ...
    def read_stream(self, stream: str, after_version: int = 0) -> Iterator[StoredEvent]: ...
    def read_streams(self, streams: Collection[str], after: int = 0) -> Iterator[StoredEvent]: ...
    def event_at(self, position: int) -> StoredEvent | None: ...
    def event_by_id(self, event_id: str) -> StoredEvent | None: ...
    def stream_version(self, stream: str) -> int: ...
    def stream_versions(self, streams: Collection[str]) -> dict[str, int]: ...
    def head(self) -> Head: ...
    def document(self, digest: str) -> Document | None: ...
    def documents(self, digests: Collection[str]) -> dict[str, Document]: ...
    def checkpoint(self, position: int) -> str: ...
    def parse_checkpoint(self, text: str) -> int: ...


def event_id(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))


def event(name: str, *, type_: str = "ReportFiled", **data: object) -> NewEvent:
    """An event whose id follows from its name."""
    return NewEvent(event_id(name), type_, 1, canonical({"name": name, **data}), {"by": "desk"})


def put(store: Store, stream: str, *names: str, expected: int | None = ANY) -> Appended:
    """Append events of these names to one stream."""
    return store.append([StreamAppend(stream, expected, [event(name) for name in names])])


def names(store: Store) -> list[str]:
    """The names of all events, in log order."""
    return [name_of(stored.data) for stored in store.read()]


def name_of(data: str | None) -> str:
    return "(withheld)" if data is None else str(msgspec.json.decode(data)["name"])


@contextmanager
def unguarded(engine: Engine) -> Iterator[Connection]:
    """A transaction without the guards, as a database's owner could have; they stand after it."""
    with write_transaction(engine) as connection:
        for table in guards.TABLES:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            else:
                for suffix in ("update", "delete", "replace"):
                    connection.exec_driver_sql(f"DROP TRIGGER {table}_refuse_{suffix}")
        yield connection
        guards.apply(connection)
