"""Copies a casebook to another database: the same positions, hashes, times and documents.

Batches are transactions that move the target's head, so a copy that was interrupted goes on where
it stopped. Every hash is recomputed before a row is written: a log that does not hold is not
copied further than it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import msgspec
from sqlalchemy import Connection, Engine, insert, select, update

from timeline.errors import TimelineError, VerificationFailed
from timeline.store import hashing, queries, tables
from timeline.store.engine import (
    postgres_driver,
    read_transaction,
    sqlite_driver,
    write_transaction,
)
from timeline.store.event_store import Casebook, EventStore
from timeline.store.events import Document, Head, StoredEvent

EVENTS_PER_BATCH = 5_000
DOCUMENTS_PER_BATCH = 100

# What COPY's binary form has to be told; every other column of `events` is text.
_COPY_TYPES = {
    "position": "int8",
    "version": "int8",
    "schema_version": "int4",
    **dict.fromkeys(("salt", "digest", "previous_hash", "hash"), "bytea"),
}


class CopyRefused(TimelineError):
    """The target holds something else; copy to an empty database or casebook."""


@dataclass(frozen=True)
class Copied:
    """What a copy came to: how much was written now, and the head that both logs end in."""

    events: int
    documents: int
    head: Head


def copy_casebook(
    source: EventStore, target: EventStore, on_progress: Callable[[int, int], None] | None = None
) -> Copied:
    """Copy a log up to its head of now, and its documents, to a migrated database.

    Doing so again copies what is new.

    Args:
        source: Whose log is copied; it may go on growing.
        target: Under the same casebook's name; nobody else may append to it.
        on_progress: Called after each batch with (position reached, head position).

    Raises:
        CopyRefused: the target's log is not the beginning of the source's, or has other settings.
        VerificationFailed: the source's log does not hold.
        CasebookNotFound: the source has no such casebook.
        DatabaseUnavailable: one of the databases did not answer.
    """
    casebook = source.casebook_row()
    made = target.open_casebook(casebook.time_zone, casebook.theatre)
    if (made.time_zone, made.theatre) != (casebook.time_zone, casebook.theatre):
        raise CopyRefused(f"casebook {casebook.casebook!r} of the target has other settings")
    _require_beginning(source, made.head)
    documents = sum(_copy_documents(source, target))
    head, events = made.head, 0
    while head.position < casebook.head.position:
        head, count = _copy_batch(source, target, head, casebook)
        events += count
        if on_progress is not None:
            on_progress(head.position, casebook.head.position)
    return Copied(events=events, documents=documents, head=head)


def _require_beginning(source: EventStore, head: Head) -> None:
    if head.position == 0:
        return
    same = source.event_at(head.position)
    if same is None or same.hash != head.hash:
        raise CopyRefused(
            f"the target's log of {head.position} events is not the beginning of the source's;"
            " copy to an empty database"
        )


def _copy_batch(
    source: EventStore, target: EventStore, head: Head, casebook: Casebook
) -> tuple[Head, int]:
    until = min(head.position + EVENTS_PER_BATCH, casebook.head.position)
    batch = list(source.read(head.position, until=until))
    reached = _checked(batch, head)
    c = tables.casebooks.c
    with write_transaction(target.engine) as connection:
        if queries.locked_head(connection, target.casebook) != head:
            raise CopyRefused("somebody else writes to the target; copy to one that is at rest")
        _insert_events(connection, batch)
        connection.execute(
            update(tables.casebooks).where(c.casebook == target.casebook).values(**asdict(reached))
        )
    return reached, len(batch)


def _insert_events(connection: Connection, batch: Sequence[StoredEvent]) -> None:
    """Write rows as they are, NULL where content is withheld, by the fastest way of each driver."""
    rows = map(msgspec.structs.astuple, batch)
    columns = ", ".join(StoredEvent.__struct_fields__)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(StoredEvent.__struct_fields__))
        statement = f"INSERT INTO events ({columns}) VALUES ({marks})"  # noqa: S608 (our own names)
        sqlite_driver(connection).executemany(statement, rows)
        return
    with (
        postgres_driver(connection).cursor() as cursor,
        cursor.copy(f"COPY events ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([_COPY_TYPES.get(c, "text") for c in StoredEvent.__struct_fields__])
        for row in rows:
            copy.write_row(row)


def _checked(batch: Sequence[StoredEvent], head: Head) -> Head:
    """The head that a batch leads to, each hash recomputed; withheld content has only its digest.

    Raises:
        VerificationFailed: names the position.
    """
    position, last, recorded_at = head.position, head.hash, head.recorded_at
    for event in batch:
        position += 1
        header = hashing.header(
            casebook=event.casebook,
            position=event.position,
            event_id=event.event_id,
            stream=event.stream,
            version=event.version,
            type_=event.type,
            schema_version=event.schema_version,
            metadata=event.metadata,
            recorded_at=event.recorded_at,
        )
        told = (
            event.data is None
            or event.salt is None
            or (hashing.content_digest(event.salt, event.data.encode()) == event.digest)
        )
        follows = event.position == position and event.previous_hash == last
        if not (
            told and follows and hashing.chained_hash(last, header, event.digest) == event.hash
        ):
            raise VerificationFailed(
                f"the log does not hold at position {position}; it was copied up to there"
            )
        last, recorded_at = event.hash, event.recorded_at
    return Head(position, last, recorded_at)


def _copy_documents(source: EventStore, target: EventStore) -> Iterator[int]:
    """Copy what the target lacks, in batches; withheld documents go without content."""
    after = ""
    while True:
        with read_transaction(source.engine) as connection:
            page = _documents_page(connection, source.casebook, after)
        if not page:
            return
        digests = [str(row["digest"]) for row in page]
        with write_transaction(target.engine) as connection:
            present = queries.existing_documents(connection, target.casebook, digests)
            absent = [row for row in page if row["digest"] not in present]
            for row in absent:
                _require_whole(row)
            if absent:
                connection.execute(insert(tables.documents), absent)
        yield len(absent)
        after = digests[-1]


def _documents_page(connection: Connection, casebook: str, after: str) -> list[dict[str, object]]:
    d = tables.documents.c
    query = select(tables.documents).where(d.casebook == casebook, d.digest > after)
    ordered = query.order_by(d.digest).limit(DOCUMENTS_PER_BATCH)
    return [dict(row) for row in connection.execute(ordered).mappings()]


def _require_whole(row: dict[str, object]) -> None:
    content = row["content"]
    if isinstance(content, bytes) and Document.of("", content).digest != row["digest"]:
        raise VerificationFailed(f"document {row['digest']} does not hold; it was not copied")


def casebooks_of(engine: Engine) -> tuple[str, ...]:
    """The names of a database's casebooks."""
    with read_transaction(engine) as connection:
        names = connection.execute(select(tables.casebooks.c.casebook)).scalars()
        return tuple(sorted(names))
