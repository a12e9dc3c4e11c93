"""Feeds the log to the projections: catch-up from their checkpoints, rebuild, and status.

Every projection that lags is fed in one pass over the log; rows and checkpoints are written in the
same transaction, so that a process killed in between loses and repeats nothing. Projections are
given in an order in which each may read the tables of those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, insert, select, update

from timeline.domain import events
from timeline.domain.standing import Fact, ReportStanding, report_standing
from timeline.errors import NotFound
from timeline.projections import tables
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.event_store import Casebook, EventStore
from timeline.store.events import StoredEvent

EVENTS_PER_BATCH = 1_000
REPORT_STREAM_PREFIX = "report-"


@dataclass(frozen=True)
class LoggedEvent:
    """A stored event with its payload read; `payload` is `None` when its content is withheld."""

    stored: StoredEvent
    payload: Struct | None


@dataclass
class Batch:
    """Some consecutive events of the log, and the transaction in which they are projected.

    `log` reads the log and the documents, `connection` the tables; the same transaction for the
    live tables, two databases for a replay.
    """

    log: Connection
    connection: Connection
    store: EventStore
    casebook: Casebook
    events: Sequence[LoggedEvent]
    until: int
    _standings: dict[str, ReportStanding] = field(default_factory=dict)

    def after(self, position: int) -> Batch:
        """The same batch without what a projection has read already; shares what is computed."""
        if not self.events or self.events[0].stored.position > position:
            return self
        later = [e for e in self.events if e.stored.position > position]
        return replace(self, events=later)

    @property
    def name(self) -> str:
        """The casebook's name, which every key holds."""
        return self.casebook.casebook

    @cached_property
    def report_ids(self) -> tuple[str, ...]:
        """The reports that these events are about."""
        streams = {e.stored.stream for e in self.events}
        return tuple(
            sorted(
                s.removeprefix(REPORT_STREAM_PREFIX)
                for s in streams
                if s.startswith(REPORT_STREAM_PREFIX)
            )
        )

    def standings(self) -> dict[str, ReportStanding]:
        """What stands of each of these reports, up to and with this batch."""
        wanted = [r for r in self.report_ids if r not in self._standings]
        if wanted:
            facts: dict[str, list[Fact]] = {r: [] for r in wanted}
            streams = [REPORT_STREAM_PREFIX + r for r in wanted]
            for stored in self.store.read_streams_in(self.log, streams):
                if stored.position <= self.until and stored.data is not None:
                    facts[stored.stream.removeprefix(REPORT_STREAM_PREFIX)].append(
                        Fact(
                            payload=payload_of(stored),
                            position=stored.position,
                            recorded_at=stored.recorded_at,
                        )
                    )
            for report_id, of_report in facts.items():
                self._standings[report_id] = report_standing(of_report, self.casebook.time_zone)
        return {r: self._standings[r] for r in self.report_ids}


class Projection(Protocol):
    """Tables that are a function of the log."""

    name: str
    version: int
    tables: tuple[Table, ...]

    def apply(self, batch: Batch) -> None:
        """Bring the tables from before the batch to after it."""


@dataclass(frozen=True)
class ProjectionStatus:
    """How far a projection has come: `state` is "live" or "behind"."""

    name: str
    version: int
    position: int
    state: str


def payload_of(stored: StoredEvent) -> Struct:
    """The typed payload of an event whose content is not withheld."""
    if stored.data is None:
        raise NotFound(f"the content of the event at position {stored.position} is withheld")
    return events.decode(stored.type, stored.schema_version, stored.data)


def logged(stored: Sequence[StoredEvent]) -> list[LoggedEvent]:
    """Events with their payloads read."""
    return [LoggedEvent(s, None if s.data is None else payload_of(s)) for s in stored]


class Runner:
    """Keeps the projections of one casebook beside its log, in the same database."""

    def __init__(self, store: EventStore, projections: Sequence[Projection]) -> None:
        self._store, self._projections = store, tuple(projections)

    def catch_up(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Project what the log holds beyond the checkpoints; returns how many events were new.

        Args:
            on_progress: Called after each batch with (position reached, head position).
        """
        total = 0
        while True:
            if self._is_current():
                return total
            with write_transaction(self._store.engine) as connection:
                done, reached, head = self._project_batch(connection)
            total += done
            if on_progress is not None:
                on_progress(reached, head)
            if reached >= head:
                return total

    def _is_current(self) -> bool:
        with read_transaction(self._store.engine) as connection:
            head = self._store.head_in(connection).position
            checkpoints = self._checkpoints(connection)
            return all(position >= head for position in checkpoints.values())

    def _project_batch(self, connection: Connection) -> tuple[int, int, int]:
        casebook = self._locked(connection)
        head = casebook.head.position
        checkpoints = self._checkpoints(connection)
        behind = min(checkpoints.values())
        stored = list(self._store.read_in(connection, behind, EVENTS_PER_BATCH, until=head))
        reached = stored[-1].position if stored else head
        self._write_batch(connection, casebook, stored, reached, checkpoints)
        return len(stored), reached, head

    def _write_batch(
        self,
        connection: Connection,
        casebook: Casebook,
        stored: Sequence[StoredEvent],
        until: int,
        checkpoints: dict[str, int],
    ) -> None:
        batch = Batch(connection, connection, self._store, casebook, logged(stored), until)
        for projection in self._projections:
            if checkpoints[projection.name] < until:
                projection.apply(batch.after(checkpoints[projection.name]))
                self._write_checkpoint(connection, projection, until)

    def _locked(self, connection: Connection) -> Casebook:
        """The casebook, after waiting for whoever else is projecting it."""
        for projection in self._projections:
            row = select(tables.checkpoints.c.position).where(
                tables.checkpoints.c.casebook == self._store.casebook,
                tables.checkpoints.c.projection == projection.name,
            )
            if connection.execute(row.with_for_update()).one_or_none() is None:
                self._add_checkpoint(connection, projection)
        return self._store.casebook_row_in(connection)

    def _add_checkpoint(self, connection: Connection, projection: Projection) -> None:
        values = {
            "casebook": self._store.casebook,
            "projection": projection.name,
            "version": projection.version,
            "position": 0,
        }
        if connection.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as postgres_insert

            statement = postgres_insert(tables.checkpoints).values(**values)
            connection.execute(statement.on_conflict_do_nothing())
        else:
            connection.execute(insert(tables.checkpoints).values(**values))

    def _checkpoints(self, connection: Connection) -> dict[str, int]:
        found = {row.projection: row for row in self._checkpoint_rows(connection)}
        return {p.name: found[p.name].position if p.name in found else 0 for p in self._projections}

    def _checkpoint_rows(self, connection: Connection) -> Sequence[tables.CheckpointRow]:
        c = tables.checkpoints.c
        rows = connection.execute(
            select(tables.checkpoints).where(c.casebook == self._store.casebook)
        )
        return [tables.CheckpointRow(**row) for row in rows.mappings()]

    def _write_checkpoint(
        self, connection: Connection, projection: Projection, position: int
    ) -> None:
        c = tables.checkpoints.c
        connection.execute(
            update(tables.checkpoints)
            .where(c.casebook == self._store.casebook, c.projection == projection.name)
            .values(position=position, version=projection.version)
        )

    def rebuild(
        self,
        names: Collection[str] = (),
        on_progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Empty some projections (all, when none is named) and project the log into them again.

        One transaction: readers see the old rows until the new ones are complete, and a process
        killed in between leaves the old ones.

        Raises:
            NotFound: no projection has one of the names.
        """
        unknown = sorted(set(names) - {p.name for p in self._projections})
        if unknown:
            known = ", ".join(p.name for p in self._projections)
            raise NotFound(f"no projection is called {', '.join(unknown)}; there are {known}")
        with write_transaction(self._store.engine) as connection:
            self._locked(connection)
            for projection in self._projections:
                if not names or projection.name in names:
                    self._empty(connection, projection)
            total = 0
            while True:
                done, reached, head = self._project_batch(connection)
                total += done
                if on_progress is not None:
                    on_progress(reached, head)
                if reached >= head:
                    return total

    def _empty(self, connection: Connection, projection: Projection) -> None:
        for table in projection.tables:
            connection.execute(delete(table).where(table.c.casebook == self._store.casebook))
        self._write_checkpoint(connection, projection, 0)

    def status(self) -> tuple[ProjectionStatus, ...]:
        """How far each projection has come."""
        with read_transaction(self._store.engine) as connection:
            head = self._store.head_in(connection).position
            checkpoints = self._checkpoints(connection)
        return tuple(
            ProjectionStatus(
                name=p.name,
                version=p.version,
                position=checkpoints[p.name],
                state="live" if checkpoints[p.name] >= head else "behind",
            )
            for p in self._projections
        )
