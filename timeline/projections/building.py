"""Builds projections anew beside their live rows, and swaps them in one transaction.

A build stands in the same tables as the live rows, under a key that no casebook has: readers, who
all ask for a casebook, never see it, and it needs neither DDL nor a right that a writer lacks. It
has checkpoints of its own, written with its rows, so a build that was killed goes on where it
stopped. Its rows come from the log alone: with a projection those are built whose tables it reads.
When it has reached the head, the live rows are made equal to it and caught up with what the log
got meanwhile; all that is one transaction. The build's rows are thrown away after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, delete

from timeline.errors import BuildTakenOver, ProjectionFailed
from timeline.projections import batches, checkpointing, swapping
from timeline.projections.batches import Batch, LoadedLast, Projection
from timeline.projections.checkpointing import SPENT, Checkpoint, build_key
from timeline.projections.comparing import Difference
from timeline.projections.feeding import Feed, Step, is_poison
from timeline.projections.swapping import Swap
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.event_store import EventStore

# A writer that waits for SQLite's one lock looks for it every 0.1 s: between two batches it has to
# be free for as long, or nobody else gets it.
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.11, 0.5
# A batch of a build grows and shrinks so that it holds its locks for about so long: on SQLite the
# database's one lock, on Postgres only that of the build's own checkpoints.
BATCH_SECONDS, BATCH_SECONDS_ON_POSTGRES = 0.5, 10.0
EVENTS_PER_BATCH_MIN, EVENTS_PER_BATCH_MAX = 500, 10_000
CATCH_UP_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild came to.

    Attributes:
        projections: Those whose rows were replaced.
        events: How many events were read, by this process.
        difference: The rows that the swap wrote.
        locked_seconds: How long the swap's transaction (the longest, when there were several) held
            the projections' checkpoints; on SQLite, the database's one lock.
    """

    projections: tuple[str, ...]
    events: int = 0
    difference: Difference = field(default_factory=Difference)
    locked_seconds: float = 0.0


def members(projections: Sequence[Projection], names: Collection[str]) -> tuple[str, ...]:
    """The named projections and those that read what they write, in order."""
    wanted = set(names)
    for p in projections:
        if wanted.intersection(p.depends_on):
            wanted.add(p.name)
    return tuple(p.name for p in projections if p.name in wanted)


def with_sources(projections: Sequence[Projection], names: Collection[str]) -> tuple[str, ...]:
    """The named projections and those whose tables they read, in order."""
    wanted = set(names)
    for p in reversed(projections):
        if p.name in wanted:
            wanted.update(p.depends_on)
    return tuple(p.name for p in projections if p.name in wanted)


def loaded_last(projections: Sequence[Projection]) -> list[LoadedLast]:
    """Those that are loaded from the tables of the others, when no other reads theirs."""
    found = [p for p in projections if isinstance(p, LoadedLast)]
    names = {p.name for p in found}
    return found if all(names.isdisjoint(p.depends_on) for p in projections) else []


def paused_after(store: EventStore, seconds: float) -> None:
    """Let others have SQLite's lock, after having held it for some seconds."""
    if store.engine.dialect.name == "sqlite":
        time.sleep(min(max(seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX))


class Build:
    """One rebuild of some projections of a casebook.

    Args:
        store: Whose log.
        projections: All of the casebook's, each after those whose tables it reads.
        names: What is wanted; what reads their tables is built with them.
        swap_seconds_max: How long the swap may hold SQLite's lock; `None` is as long as it takes.
    """

    def __init__(
        self,
        store: EventStore,
        projections: Sequence[Projection],
        names: Collection[str],
        swap_seconds_max: float | None = None,
    ) -> None:
        self._swap_seconds_max = swap_seconds_max
        self._store, self._projections = store, tuple(projections)
        self._key = build_key(store.casebook)
        self._live = Feed(store, store.casebook, projections)
        self._events, self._size, self._is_loading = 0, batches.EVENTS_PER_BATCH, False
        self._choose(names)

    def _choose(self, names: Collection[str]) -> None:
        self.members = members(self._projections, names)
        chosen = with_sources(self._projections, self.members)
        self._built = [p for p in self._projections if p.name in chosen]
        self._feed = Feed(self._store, self._key, self._built)
        self._loaded = loaded_last(self._built)
        fed = [p for p in self._built if p not in self._loaded]
        self._feed_of_sources = Feed(self._store, self._key, fed)

    @property
    def built(self) -> tuple[Projection, ...]:
        """What is built: the members, and those whose tables they read."""
        return tuple(self._built)

    def run(
        self,
        catch_up: Callable[[], object],
        on_progress: Callable[[int, int], None] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Rebuilt | None:
        """Build, swap and tidy up; `None` when told to stop: it can be gone on with.

        Args:
            catch_up: Brings the live projections to the head; called now and then.
            on_progress: Called after each batch with (position reached, head position).
            should_stop: Asked after each batch.

        Raises:
            ProjectionFailed: an event cannot be projected; the live rows are as they were.
            BuildTakenOver: another process began another rebuild.
            SwapTooLong: the swap took longer than it may; the build can be gone on with.
            DatabaseUnavailable: the database did not answer; the build can be gone on with.
        """
        swaps = self._begin()
        self._events, caught_up_at, is_level = 0, time.monotonic(), False
        try:
            while (step := self._step()) is not None:
                self._events += step.events
                if on_progress is not None:
                    on_progress(step.reached, step.head)
                is_at_head = step.reached >= step.head and not self._is_loading
                if is_at_head and is_level:
                    break
                if should_stop():
                    return None
                if is_at_head or time.monotonic() - caught_up_at > CATCH_UP_EVERY_SECONDS:
                    catch_up()
                    caught_up_at, is_level = time.monotonic(), is_at_head
            rebuilt = self._swap(swaps)
            catch_up()
        except BuildTakenOver:
            if self._swaps() == swaps:
                raise
            return Rebuilt(self.members, self._events)  # another process has finished the same
        sweep(self._store, self._built)
        return rebuilt

    def _begin(self) -> int:
        """Take up the build that is there, or begin one; returns how often there was a swap."""
        with read_transaction(self._store.engine) as connection:
            found = checkpointing.read(connection, self._key)
        if found and not _is_spent(found) and not self._is_mine(found):
            # What somebody else has begun is not thrown away, but finished with this.
            self._choose({*self.members, *found})
        if found and not self._is_mine(found):
            throw_away(self._store, self._projections)
        with write_transaction(self._store.engine) as connection:
            there = checkpointing.read(connection, self._key, locks=True)
            if not there:
                begun = [Checkpoint(p.name, p.version, 0) for p in self._built]
                checkpointing.add(connection, self._key, begun)
            for checkpoint in there.values():
                if checkpoint.is_stopped:
                    checkpointing.write(connection, self._key, replace(checkpoint, reason=None))
            return _swaps(self._live.locked(connection))

    def _is_mine(self, found: Mapping[str, Checkpoint]) -> bool:
        wanted = {p.name: p.version for p in self._built}
        is_going_on = all(c.position >= 0 for c in found.values())
        return is_going_on and {n: c.version for n, c in found.items()} == wanted

    def _swaps(self) -> int:
        with read_transaction(self._store.engine) as connection:
            return _swaps(self._live.checkpoints(connection))

    def _step(self) -> Step | None:
        try:
            with write_transaction(self._store.engine) as connection:
                started = time.monotonic()  # the wait for the lock is over
                step = self._feed_or_load(connection, self._require_mine(connection))
        except Exception as error:
            if not is_poison(error, self._store) or isinstance(error, BuildTakenOver):
                raise
            if self._is_loading:
                return self._follow_the_log()
            with write_transaction(self._store.engine) as connection:
                started = time.monotonic()
                found = self._require_mine(connection)
                step = self._feed_or_load(connection, found, carefully=True)
            self._refuse_stopped()
        took = time.monotonic() - started
        if step is None or (step.reached >= step.head and not self._is_loading):
            return step
        is_postgres = self._store.engine.dialect.name == "postgresql"
        wanted = BATCH_SECONDS_ON_POSTGRES if is_postgres else BATCH_SECONDS
        if took > wanted:
            self._size = max(self._size // 2, EVENTS_PER_BATCH_MIN)
        elif took < wanted / 2:
            self._size = min(2 * self._size, EVENTS_PER_BATCH_MAX)
        paused_after(self._store, took)
        return step

    def _feed_or_load(
        self, connection: Connection, found: Mapping[str, Checkpoint], *, carefully: bool = False
    ) -> Step | None:
        """Feed a batch, or once the sources stand at the head load a part of what is made of them.

        The sources stand still from the first part to the last of all that are loaded.
        """
        self._is_loading = False
        waiting = [p for p in self._loaded if found[p.name].position == 0]
        if not waiting:
            return self._feed.step(connection, carefully=carefully, size=self._size)
        if all(found[p.name].position == found[p.name].builds == 0 for p in self._loaded):
            step = self._feed_of_sources.step(connection, carefully=carefully, size=self._size)
            if step is not None:
                self._is_loading = step.reached >= step.head
                return step
        sources = self._feed_of_sources.checkpoints(connection)
        until = min((c.position for c in sources.values()), default=0)
        if until == 0:
            return None
        self._is_loading = True
        loaded = waiting[0]
        own = found[loaded.name]
        casebook = replace(self._store.casebook_row_in(connection), casebook=self._key)
        batch = Batch(connection, connection, self._store, casebook, (), until)
        part = loaded.load_part(batch, own.builds)
        done = replace(own, position=until, builds=0) if part is None else replace(own, builds=part)
        checkpointing.write(connection, self._key, done)
        return Step(0, until, casebook.head.position)

    def _follow_the_log(self) -> Step | None:
        """Load nothing, but feed all from the beginning: that finds the event that stops it."""
        with write_transaction(self._store.engine) as connection:
            swapping.allow_long_statements(connection)
            found = self._require_mine(connection)
            for p in self._loaded:
                for table in p.tables:
                    connection.execute(delete(table).where(table.c.casebook == self._key))
                begun = replace(found[p.name], position=0, builds=0)
                checkpointing.write(connection, self._key, begun)
        self._loaded = []
        self._is_loading = False
        return self._step()

    def _refuse_stopped(self) -> None:
        with read_transaction(self._store.engine) as connection:
            for checkpoint in self._feed.checkpoints(connection).values():
                if checkpoint.reason is not None:
                    raise ProjectionFailed(
                        checkpoint.projection, checkpoint.position + 1, checkpoint.reason
                    )

    def _require_mine(self, connection: Connection) -> dict[str, Checkpoint]:
        found = checkpointing.read(connection, self._key, locks=True)
        if not self._is_mine(found):
            raise BuildTakenOver
        return found

    def _swap(self, swaps: int) -> Rebuilt:
        """Make the live rows those of the build.

        All in one transaction; but of projections that had nothing yet each in its own, since
        nobody can have been told of one what does not go with another.
        """
        wanted = [p for p in self._built if p.name in self.members]
        with read_transaction(self._store.engine) as connection:
            live = self._live.checkpoints(connection)
        is_first = all(live[p.name].position == 0 for p in wanted)
        difference, longest = Difference(), 0.0
        for part in [[p] for p in wanted] if is_first else [wanted]:
            written, seconds = self._swap_some(part, swaps, is_last=part[-1] is wanted[-1])
            swaps += len(part)
            difference += written
            longest = max(longest, seconds)
            if is_first:
                paused_after(self._store, seconds)
        return Rebuilt(self.members, self._events, difference, longest)

    def _swap_some(
        self, some: Sequence[Projection], swaps: int, *, is_last: bool
    ) -> tuple[Difference, float]:
        key, seconds_max = self._store.casebook, self._swap_seconds_max
        swap = Swap(self._live, key, self._key, some, seconds_max)
        with write_transaction(self._store.engine, swap.compare) as connection:
            live = self._live.locked(connection, [p.name for p in some])
            started = time.monotonic()
            built = self._require_mine(connection)
            if _swaps(live) != swaps:
                raise BuildTakenOver
            difference = swap.write(connection, live, built)
            for checkpoint in built.values() if is_last else ():
                checkpointing.write(connection, self._key, replace(checkpoint, position=SPENT))
        return difference, time.monotonic() - started


def _is_spent(checkpoints: Mapping[str, Checkpoint]) -> bool:
    return any(c.position == SPENT for c in checkpoints.values())


def _swaps(checkpoints: Mapping[str, Checkpoint]) -> int:
    return sum(c.builds for c in checkpoints.values())


def throw_away(store: EventStore, projections: Sequence[Projection]) -> None:
    """End a build, whoever is at it, and delete its rows."""
    key = build_key(store.casebook)
    with write_transaction(store.engine) as connection:
        for checkpoint in checkpointing.read(connection, key, locks=True).values():
            checkpointing.write(connection, key, replace(checkpoint, position=SPENT))
    sweep(store, projections)


def sweep(store: EventStore, projections: Sequence[Projection]) -> None:
    """Delete the rows of a build that has ended, in bounded transactions; its mark goes last.

    Each of them holds the mark's lock: nobody begins another build under the same key meanwhile.
    """
    key = build_key(store.casebook)
    for table in (table for p in projections for table in p.tables):
        count = swapping.ROWS_PER_DELETE
        while count >= swapping.ROWS_PER_DELETE:
            started = time.monotonic()
            with write_transaction(store.engine) as connection:
                if not _is_spent(checkpointing.read(connection, key, locks=True)):
                    return
                count = swapping.delete_some(connection, table, key)
            paused_after(store, time.monotonic() - started)
    with write_transaction(store.engine) as connection:
        if _is_spent(checkpointing.read(connection, key, locks=True)):
            checkpointing.remove(connection, key)
