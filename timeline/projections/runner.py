"""Keeps a casebook's projections at its log: catch-up, builds beside the live rows, and status.

Every projection that lags is fed in one pass over the log; rows and checkpoints are written in the
same transaction, so that a process killed in between loses and repeats nothing. An event that
cannot be projected stops its projection and those that read its tables, nothing else. A projection
whose version was raised keeps its old rows, as they are, until those of the new version are built:
at once in a small log, else by `timeline project`, `timeline serve` or `timeline rebuild`. One that
holds nothing yet of a long log is built too, which is faster than to follow it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from sqlalchemy.exc import ProgrammingError

from timeline.errors import (
    BuildTakenOver,
    DatabaseBusy,
    NotFound,
    ProjectionFailed,
    SchemaMismatch,
    SwapTooLong,
)
from timeline.projections import building, checkpointing, swapping
from timeline.projections.batches import (
    REPORT_STREAM_PREFIX,
    Batch,
    LoggedEvent,
    Projection,
    logged,
    payload_of,
)
from timeline.projections.building import (
    BATCH_SECONDS,
    PAUSE_SECONDS_MIN,
    Build,
    Rebuilt,
    paused_after,
)
from timeline.projections.checkpointing import ProjectionStatus, build_key
from timeline.projections.feeding import Feed, Step, is_poison
from timeline.projections.swapping import UNASKED_SECONDS_MAX
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.event_store import EventStore

__all__ = [
    "DECIDED_BY",
    "REPORT_STREAM_PREFIX",
    "Batch",
    "LoggedEvent",
    "Projection",
    "ProjectionStatus",
    "Rebuilt",
    "Runner",
    "logged",
    "payload_of",
]

logger = logging.getLogger(__name__)

# Up to so many events a command that finds a raised version builds it before it goes on.
EVENTS_BUILT_AT_ONCE_MAX = 10_000
# By these it is decided what a filed report becomes; the other projections only answer questions.
DECIDED_BY = ("places", "actors", "reports")
_INSUFFICIENT_PRIVILEGE = "42501"


class Runner:
    """Keeps the projections of one casebook beside its log, in the same database.

    Args:
        store: Whose log.
        projections: Each after those whose tables it reads.

    Raises:
        ValueError: a projection depends on one that is not before it.
    """

    def __init__(self, store: EventStore, projections: Sequence[Projection]) -> None:
        self._store, self._projections = store, tuple(projections)
        seen: set[str] = set()
        for p in self._projections:
            if not seen.issuperset(p.depends_on):
                raise ValueError(f"{p.name} depends on {p.depends_on}, before it are {seen}")
            seen.add(p.name)
        self._feed = Feed(store, store.casebook, self._projections)
        self._names = tuple(p.name for p in self._projections)
        self._has_tried_to_build = False

    def catch_up(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Project what the log holds beyond the checkpoints; returns how many events were read.

        An event that cannot be projected is tried again, and raises nothing: see `status`.

        Args:
            on_progress: Called after each batch with (position reached, head position).

        Raises:
            SchemaMismatch: a newer release has built a projection.
            DatabaseUnavailable: the database did not answer.
        """
        self._retry_stopped()
        total = self._build_what_is_empty(on_progress) + self._feed_all(on_progress)
        self._build_if_small(on_progress)
        return total

    def catch_up_after_append(self) -> tuple[str, ...]:
        """Catch up with what was just stored; returns what keeps the projections from it.

        That is no failure of the append: its events are in the log, and are projected later.
        """
        try:
            self.catch_up()
        except DatabaseBusy as busy:
            return (f"stored, and projected later: {busy}",)
        return tuple(f"stored, but {status}" for status in self.halted())

    def catch_up_after_withholding(self, report_ids: Collection[str]) -> tuple[str, ...]:
        """Leave nothing of what was withheld in any projection's rows; returns what to know.

        A build beside the live rows is thrown away. Where a projection of the log itself stands
        still, its rows of these reports are deleted: they come back, without what was withheld,
        when it goes on. What is folded from others' rows (control) holds no words of a report, and
        needs its own rows to know what to fold again: it stays as it is until then.
        """
        self.discard_build()
        self.catch_up()
        halted = self.halted()
        names = {status.name for status in halted}
        direct = [p for p in self._projections if p.name in names and _rewrites_reports(p)]
        with write_transaction(self._store.engine) as connection:
            for table in (table for p in direct for table in p.tables if "report_id" in table.c):
                swapping.delete_reports(connection, table, self._store.casebook, report_ids)
        gone = {p.name for p in direct}
        return tuple(
            f"{status}; until then its rows of the report"
            f" {'are deleted' if status.name in gone else 'stay as they are'}"
            for status in halted
        )

    def _feed_all(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        total = 0
        while True:
            with read_transaction(self._store.engine) as connection:
                if not self._feed.is_due(connection):
                    return total
            started = time.monotonic()
            step = self._step()
            if step is None:
                return total
            total += step.events
            if on_progress is not None:
                on_progress(step.reached, step.head)
            if step.reached >= step.head:
                return total
            took = time.monotonic() - started
            if took > BATCH_SECONDS:
                paused_after(self._store, PAUSE_SECONDS_MIN)

    def _step(self) -> Step | None:
        try:
            with write_transaction(self._store.engine) as connection:
                return self._feed.step(connection)
        except Exception as error:
            if not is_poison(error, self._store):
                raise
        with write_transaction(self._store.engine) as connection:
            return self._feed.step(connection, carefully=True)

    def _retry_stopped(self) -> None:
        with read_transaction(self._store.engine) as connection:
            if not self._feed.stopped(self._feed.checkpoints(connection)):
                return
        try:
            with write_transaction(self._store.engine) as connection:
                self._feed.retry(connection)
        except ProgrammingError as error:
            # Who may only read still gets the answers there are.
            if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
                raise

    def _build_what_is_empty(self, on_progress: Callable[[int, int], None] | None) -> int:
        """Build what holds nothing of a long log: that costs a fraction of following it."""
        with read_transaction(self._store.engine) as connection:
            checkpoints = self._feed.checkpoints(connection)
            head = self._store.head_in(connection).position
        if head <= EVENTS_BUILT_AT_ONCE_MAX:
            return 0
        names = [
            p.name
            for p in self._projections
            if (checkpoints[p.name].position, checkpoints[p.name].version) == (0, p.version)
            and not checkpoints[p.name].is_stopped
        ]
        if not names:
            return 0
        try:
            built = self._build(names, on_progress, lambda: False)
        except ProjectionFailed:
            self.discard_build()  # the log is followed instead, up to the event that stops it
            return 0
        except BuildTakenOver:
            return 0
        return 0 if built is None else built.events

    def _build_if_small(self, on_progress: Callable[[int, int], None] | None) -> None:
        if self._has_tried_to_build:
            return
        self._has_tried_to_build = True
        if self._store.head().position <= EVENTS_BUILT_AT_ONCE_MAX:
            self.build_outdated(on_progress)

    def build_outdated(
        self,
        on_progress: Callable[[int, int], None] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Rebuilt | None:
        """Build the projections whose version was raised, if any; `None` when there are none.

        An event that cannot be projected leaves the old rows, and raises nothing: see `status`. So
        does a swap for which others would wait too long: `rebuild` is for that.

        Args:
            on_progress: Called after each batch with (position reached, head position).
            should_stop: Asked after each batch; the build can then be gone on with.

        Raises:
            DatabaseUnavailable: the database did not answer; the build can be gone on with.
        """
        names = self.outdated()
        if not names:
            return None
        try:
            return self._build(names, on_progress, should_stop, UNASKED_SECONDS_MAX)
        except (ProjectionFailed, BuildTakenOver, SwapTooLong) as fault:
            logger.warning("the rebuild of %s stopped: %s", ", ".join(names), fault)
            return None

    def outdated(self) -> tuple[str, ...]:
        """The projections whose rows are of an older version's rules, or were never built."""
        return tuple(n for n, version in self._of_other_versions().items() if version > 0)

    def _of_other_versions(self) -> dict[str, int]:
        """By how much this release's version is above that of the rows, where it differs."""
        with read_transaction(self._store.engine) as connection:
            checkpoints = self._feed.checkpoints(connection)
        raised = {p.name: p.version - checkpoints[p.name].version for p in self._projections}
        return {name: by for name, by in raised.items() if by}

    def rebuild(
        self,
        names: Collection[str] = (),
        on_progress: Callable[[int, int], None] | None = None,
        prepare: Callable[[Collection[str]], object] | None = None,
    ) -> Rebuilt:
        """Build some projections (all, when none is named) anew beside their rows, and swap.

        Those that read the tables of the named ones are built with them. Readers see the old rows
        until the new ones are complete. A process killed in between leaves the old ones, and the
        next rebuild goes on where it stopped.

        Args:
            names: Of projections.
            on_progress: Called after each batch with (position reached, head position).
            prepare: Called first with the names of what is wanted; may load rows that were computed
                elsewhere, from which the build then goes on.

        Raises:
            NotFound: no projection has one of the names.
            ProjectionFailed: an event cannot be projected; the old rows stay.
            BuildTakenOver: another process began another rebuild.
            DatabaseUnavailable: the database did not answer; the build can be gone on with.
        """
        unknown = sorted(set(names) - set(self._names))
        if unknown:
            known = ", ".join(self._names)
            raise NotFound(f"no projection is called {', '.join(unknown)}; there are {known}")
        wanted = {*names, *self._of_other_versions()} if names else set(self._names)
        if prepare is not None:
            prepare(wanted)
        try:
            built = self._build(wanted, on_progress, lambda: False)
        except ProjectionFailed:
            if not self.outdated():
                self.discard_build()
            raise
        assert built is not None  # noqa: S101 - nobody stops it
        return built

    def _build(
        self,
        names: Collection[str],
        on_progress: Callable[[int, int], None] | None,
        should_stop: Callable[[], bool],
        swap_seconds_max: float | None = None,
    ) -> Rebuilt | None:
        build = Build(self._store, self._projections, names, swap_seconds_max)
        return build.run(self._catch_up_meanwhile, on_progress, should_stop)

    def _catch_up_meanwhile(self) -> None:
        # Going back to an older release's rules is refused to all but a rebuild.
        with suppress(SchemaMismatch):
            self._feed_all()

    def discard_build(self) -> None:
        """Throw away what was built beside the live rows, if anything was."""
        with read_transaction(self._store.engine) as connection:
            if not checkpointing.read(connection, build_key(self._store.casebook)):
                return
        building.throw_away(self._store, self._projections)

    def status(self) -> tuple[ProjectionStatus, ...]:
        """How far each projection has come, and why it does not go on."""
        with read_transaction(self._store.engine) as connection:
            head = self._store.head_in(connection).position
            live = self._feed.checkpoints(connection)
            build = checkpointing.read(connection, build_key(self._store.casebook))
        return checkpointing.statuses(live, build, self._projections, head)

    def halted(self) -> tuple[ProjectionStatus, ...]:
        """The projections that stand still while the log goes on."""
        return tuple(s for s in self.status() if s.is_halted)

    def require_going(self, *names: str) -> None:
        """Refuse to decide anything by projections that stand still while the log goes on.

        Raises:
            ProjectionHalted: names the first of them, and why.
        """
        head = self._store.head().position
        checkpointing.require_going(self.status(), names, head)


def _rewrites_reports(projection: Projection) -> bool:
    """Whether it writes a report's rows anew without asking what it wrote of the report before."""
    return not projection.depends_on or projection.name == "search"
