"""Replays a log, or the beginning of it, into tables in memory: what the log knew at a point.

The live tables are not touched, so this also tells whether they equal a fresh replay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import msgspec
from sqlalchemy import Connection, Engine, Table, insert, select
from sqlmodel import SQLModel

from timeline.errors import DatabaseBusy, ProjectionFailed
from timeline.projections import batches, checkpointing
from timeline.projections import tables as _tables  # noqa: F401 - declares the tables
from timeline.projections.batches import Batch, LoadedLast, Projection, logged
from timeline.projections.building import loaded_last, members
from timeline.projections.checkpointing import ProjectionStatus
from timeline.projections.feeding import advance, is_poison
from timeline.projections.reading import Reader
from timeline.projections.runner import Runner
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import StoredEvent
from timeline.store.tables import casebooks

SNAPSHOT_TRIES_MAX = 5


@dataclass(frozen=True)
class Replay:
    """A log replayed up to and with `position`; `reader` answers from it."""

    position: int
    recorded_at: str | None
    events: int
    reader: Reader
    engine: Engine


@contextmanager
def replayed(
    store: EventStore,
    projections: Sequence[Projection],
    *,
    until: int | None = None,
    recorded_before: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Replay]:
    """A replay in memory, for as long as the context lasts.

    Args:
        store: The log to read.
        projections: In the order in which each may read the tables of those before it.
        until: The last position to read; `None` is the head.
        recorded_before: Read only what was recorded before this instant (fixed-width UTC text).
        on_progress: Called after each batch with (position reached, head position).

    Raises:
        ProjectionFailed: an event cannot be projected; names it.
    """
    with tables_in_memory(store) as engine:
        with read_transaction(store.engine) as log, write_transaction(engine) as target:
            casebook = store.casebook_row_in(log)
            last: StoredEvent | None = None
            count = 0
            loaded = loaded_last(projections)
            fed = [p for p in projections if p not in loaded]
            found = recorded_until(store.read_in(log, until=until), recorded_before)
            while stored := list(islice(found, batches.EVENTS_PER_BATCH)):
                last, count = stored[-1], count + len(stored)
                batch = Batch(log, target, store, casebook, logged(stored), last.position)
                apply_all(fed, batch)
                if on_progress is not None:
                    on_progress(last.position, casebook.head.position)
            if last is not None:
                whole = Batch(log, target, store, casebook, (), last.position)
                load_all(loaded, whole)
        yield Replay(
            position=last.position if last else 0,
            recorded_at=last.recorded_at if last else None,
            events=count,
            reader=Reader(engine, store.casebook, documents=store),
            engine=engine,
        )


def load_all(projections: Sequence[LoadedLast], whole: Batch) -> None:
    """Make rows from the tables of the others; where that fails, from the log, event by event.

    Raises:
        ProjectionFailed: an event cannot be projected; names it.
    """
    try:
        with whole.connection.begin_nested():
            for projection in projections:
                done: int | None = 0
                while done is not None:
                    done = projection.load_part(whole, done)
    except Exception as error:
        if not is_poison(error, whole.store):
            raise
    else:
        return
    events = whole.store.read_in(whole.log, until=whole.until)
    while stored := list(islice(events, batches.EVENTS_PER_BATCH)):
        batch = Batch(
            whole.log,
            whole.connection,
            whole.store,
            whole.casebook,
            logged(stored),
            stored[-1].position,
        )
        apply_all(projections, batch)


@contextmanager
def tables_in_memory(store: EventStore) -> Iterator[Engine]:
    """A database in memory with the projections' tables, empty, and the log's casebook."""
    engine = connect("sqlite://")
    try:
        row = select(casebooks).where(casebooks.c.casebook == store.casebook)
        with read_transaction(store.engine) as log, write_transaction(engine) as target:
            SQLModel.metadata.create_all(target)
            target.execute(insert(casebooks), [dict(log.execute(row).mappings().one())])
        yield engine
    finally:
        engine.dispose()


def apply_all(projections: Sequence[Projection], batch: Batch) -> None:
    """Project a batch into tables that hold nothing else, each projection the events it reads.

    Raises:
        ProjectionFailed: an event cannot be projected; names it.
    """
    for projection in projections:
        part = batch.between(0, batch.until, projection.event_types)
        failure = advance(projection, part)
        if failure is not None:
            raise ProjectionFailed(projection.name, failure.position, failure.reason)


def recorded_until(
    events: Iterator[StoredEvent], recorded_before: str | None
) -> Iterator[StoredEvent]:
    """The events before the first that was not recorded before an instant; `None` is no bound."""
    for event in events:
        if recorded_before is not None and event.recorded_at >= recorded_before:
            return
        yield event


@dataclass(frozen=True)
class Verified:
    """How live tables compare with a replay.

    Attributes:
        position: Up to where both were read.
        events: How many events were replayed.
        different: The tables that do not equal the replay.
        halted: The projections that stand still, which were not compared.
    """

    position: int
    events: int
    different: tuple[str, ...]
    halted: tuple[ProjectionStatus, ...]


def verified(
    store: EventStore,
    projections: Sequence[Projection],
    runner: Runner,
    on_progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Bring the live tables to the head, and compare them with a replay of the log, by checksum.

    What is appended meanwhile plays no part: checksums and positions are of one snapshot.

    Raises:
        DatabaseBusy: the projections were never found at one position.
        ProjectionFailed: an event cannot be projected that was projected before.
    """
    for _ in range(SNAPSHOT_TRIES_MAX):
        runner.catch_up()
        halted = runner.halted()
        left_out = members(projections, {s.name for s in halted})
        going = [p for p in projections if p.name not in left_out]
        with read_transaction(store.engine) as live:
            found = checkpointing.read(live, store.casebook)
            positions = {found[p.name].position for p in going if p.name in found}
            if len(positions) > 1:
                continue
            sums = _checksums(live, going, store.casebook)
        position = positions.pop() if positions else 0
        with (
            replayed(store, going, until=position, on_progress=on_progress) as replay,
            read_transaction(replay.engine) as fresh,
        ):
            of_replay = _checksums(fresh, going, store.casebook)
        different = tuple(name for name, live_sum in sums.items() if of_replay[name] != live_sum)
        return Verified(position, replay.events, different, halted)
    raise DatabaseBusy("the projections never stood at one position; try again")


def _checksums(
    connection: Connection, projections: Sequence[Projection], casebook: str
) -> dict[str, str]:
    compared = [table for projection in projections for table in projection.tables]
    return {table.name: checksum(connection, table, casebook) for table in compared}


def differing_tables(
    store: EventStore, projections: Sequence[Projection], replay: Replay
) -> tuple[str, ...]:
    """The live tables that do not equal a replay of the whole log, by checksum."""
    with read_transaction(store.engine) as live, read_transaction(replay.engine) as fresh:
        now = _checksums(live, projections, store.casebook)
        again = _checksums(fresh, projections, store.casebook)
    return tuple(name for name in now if now[name] != again[name])


def checksum(connection: Connection, table: Table, casebook: str) -> str:
    """SHA-256 over a casebook's rows of a table in the order of its key; same on every engine."""
    total = hashlib.sha256()
    query = select(table).where(table.c.casebook == casebook).order_by(*table.primary_key.columns)
    for row in connection.execute(query):
        total.update(msgspec.json.encode(tuple(row)))
        total.update(b"\n")
    return total.hexdigest()
