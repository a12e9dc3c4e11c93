"""Feeds the log to projections whose rows stand under one key, a bounded batch a transaction.

A batch is first applied whole. When that fails, the caller's transaction is rolled back and the
batch is taken again carefully: each projection in a savepoint, halved until the one event that
stops it is found. It then stands just before that event, with the reason, and the others go on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from timeline.projections import batches, checkpointing, event_types
from timeline.projections.batches import Batch, Projection, logged
from timeline.projections.checkpointing import REASON_LENGTH_MAX, Checkpoint
from timeline.store.engine import is_about_the_database
from timeline.store.event_store import Casebook, EventStore
from timeline.store.events import StoredEvent


@dataclass(frozen=True)
class Step:
    """What one batch came to: how many events were read, up to where, and the log's head."""

    events: int
    reached: int
    head: int


@dataclass(frozen=True)
class Failure:
    """The event that a projection cannot take, and why."""

    position: int
    reason: str


def is_poison(error: Exception, store: EventStore) -> bool:
    """Whether an error is about the event that was projected, and will come again with it."""
    return not isinstance(error, MemoryError) and not is_about_the_database(error, store.engine)


def reason_of(error: Exception) -> str:
    """An error in one line; without the statement and the values that a driver's error quotes."""
    told = error.orig if isinstance(error, DBAPIError) else error
    first = (str(told).strip().splitlines() or [""])[0]
    plain = "".join(c if c.isprintable() else " " for c in f"{type(error).__name__}: {first}")
    return plain[:REASON_LENGTH_MAX]


def advance(projection: Projection, batch: Batch) -> Failure | None:
    """Apply a batch up to the event that cannot be applied; `None` when all can.

    Raises:
        Exception: the database is the matter, not an event.
    """
    if not batch.events:
        return None
    try:
        with batch.connection.begin_nested():
            projection.apply(batch)
    except Exception as error:
        if not is_poison(error, batch.store):
            raise
        if len(batch.events) == 1:
            return Failure(batch.events[0].stored.position, reason_of(error))
    else:
        return None
    middle = batch.events[len(batch.events) // 2 - 1].stored.position
    return advance(projection, batch.between(0, middle)) or advance(
        projection, batch.between(middle, batch.until)
    )


class Feed:
    """Feeds one casebook's log to projections.

    Args:
        store: Whose log.
        key: Under which the rows and checkpoints stand: the casebook's name, or a build's.
        projections: Each after those whose tables it reads.
    """

    def __init__(self, store: EventStore, key: str, projections: Sequence[Projection]) -> None:
        self._store, self._key, self._projections = store, key, tuple(projections)
        types = [p.event_types for p in projections]
        known = [t for t in types if t is not None]
        # A build of projections that all name their types need not read the rest of the log.
        is_selective = key != store.casebook and len(known) == len(types)
        self._types = frozenset().union(*known) if is_selective else None

    def is_due(self, connection: Connection) -> bool:
        """Whether there is anything to feed, by what a reading transaction sees.

        Raises:
            SchemaMismatch: a newer release has built one of them.
        """
        return bool(self._due(connection))

    def _due(self, connection: Connection) -> frozenset[str]:
        """Those that can be fed; what stands still until it is swapped is not waited for."""
        head = self._store.head_in(connection).position
        checkpoints = self.checkpoints(connection)
        checkpointing.refuse_newer(checkpoints, self._projections)
        limit = checkpointing.limits(checkpoints, self._projections, head)
        return frozenset(n for n in limit if checkpoints[n].position < limit[n])

    def checkpoints(self, connection: Connection) -> dict[str, Checkpoint]:
        """The checkpoint of each projection."""
        found = checkpointing.read(connection, self._key)
        return checkpointing.completed(found, self._projections)

    def locked(
        self, connection: Connection, names: Collection[str] | None = None
    ) -> dict[str, Checkpoint]:
        """The checkpoints, those of some projections (all when `None`) locked until the end.

        The missing ones are written.
        """
        found = checkpointing.read(connection, self._key, locks=True, names=names)
        if names is not None:
            found = checkpointing.read(connection, self._key)
        wanted = checkpointing.completed(found, self._projections)
        missing = [c for name, c in wanted.items() if name not in found]
        if not missing:
            return wanted
        checkpointing.add(connection, self._key, missing)
        return self.locked(connection, names)

    def step(
        self, connection: Connection, *, carefully: bool = False, size: int | None = None
    ) -> Step | None:
        """Feed the next batch in the caller's write transaction; `None` when nothing is due.

        Args:
            connection: The transaction, which the caller rolls back on an exception.
            carefully: Find the event that stops a projection, and let the others go on.
            size: The most events to read; EVENTS_PER_BATCH when not given.

        Raises:
            SchemaMismatch: a newer release has built one of them.
            Exception: without `carefully`, whatever a projection raises.
        """
        due_ones = self._due(connection)
        if not due_ones:
            return None
        checkpoints = self.locked(connection, due_ones)
        checkpointing.refuse_newer(checkpoints, self._projections)
        casebook = self._store.casebook_row_in(connection)
        head = casebook.head.position
        limit = checkpointing.limits(checkpoints, self._projections, head)
        due = [
            c.position for n, c in checkpoints.items() if n in due_ones and c.position < limit[n]
        ]
        if not due:
            return None
        after = min(due)
        stored, until = self._page(connection, after, head, size or batches.EVENTS_PER_BATCH)
        whole = self._batch(connection, casebook, stored, until)
        reached = {name: c.position for name, c in checkpoints.items()}
        for p in self._projections:
            own = checkpoints[p.name]
            target = min((until, limit[p.name], *(reached[d] for d in p.depends_on)))
            if p.name not in due_ones or own.position >= target:
                continue
            batch = whole.between(own.position, target, p.event_types)
            failure = self._apply(p, batch, carefully=carefully)
            reached[p.name] = target if failure is None else failure.position - 1
            reason = None if failure is None else failure.reason
            new = replace(own, position=reached[p.name], reason=reason)
            checkpointing.write(connection, self._key, new)
        return Step(len(stored), until, head)

    def _apply(self, projection: Projection, batch: Batch, *, carefully: bool) -> Failure | None:
        if carefully:
            return advance(projection, batch)
        if batch.events:
            projection.apply(batch)
        return None

    def _page(
        self, connection: Connection, after: int, head: int, size: int
    ) -> tuple[list[StoredEvent], int]:
        """The next events, and up to where they are all that there is to feed."""
        if self._types is not None:
            page = event_types.page(connection, self._store, self._types, after, head, size)
            if page is not None:
                return page
        stored = list(self._store.read_in(connection, after, size, until=head))
        return stored, stored[-1].position if stored else head

    def _batch(
        self, connection: Connection, casebook: Casebook, stored: list[StoredEvent], until: int
    ) -> Batch:
        named = replace(casebook, casebook=self._key)
        return Batch(connection, connection, self._store, named, logged(stored), until)

    def stopped(self, checkpoints: Mapping[str, Checkpoint]) -> list[Projection]:
        """Those that an event stops."""
        return [
            p
            for p in self._projections
            if checkpoints[p.name].is_stopped and checkpoints[p.name].version == p.version
        ]

    def retry(self, connection: Connection) -> None:
        """Try again the events that stop projections, each alone; those that pass go on."""
        checkpoints = self.locked(connection)
        checkpointing.refuse_newer(checkpoints, self._projections)
        casebook = self._store.casebook_row_in(connection)
        for p in self.stopped(checkpoints):
            own = checkpoints[p.name]
            position = own.position + 1
            if any(checkpoints[d].position < position for d in p.depends_on):
                continue
            stored = list(self._store.read_in(connection, own.position, 1, until=position))
            batch = self._batch(connection, casebook, stored, position)
            failure = advance(p, batch.between(own.position, position, p.event_types))
            new = (
                replace(own, reason=failure.reason)
                if failure
                else replace(own, position=position, reason=None)
            )
            if new != own:
                checkpointing.write(connection, self._key, new)
                checkpoints[p.name] = new
