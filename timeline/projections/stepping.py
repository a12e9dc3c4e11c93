"""Replays a log event by event and says of each what it changed: claims that stand, and control.

It goes along the record axis, so that it also shows what was misread for a while and put right
later. Each event is projected by itself; that costs some milliseconds, so what lies before the
first step is projected in batches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Literal, TypeGuard

from sqlalchemy import ColumnElement, Connection, Engine, or_, select

from timeline.domain.control import ControlSpan
from timeline.domain.control_changes import ControlChange, control_changes
from timeline.domain.events import Claim
from timeline.domain.identities import Mended, subject, told_otherwise
from timeline.domain.places import Place
from timeline.projections import tables
from timeline.projections.batches import (
    EVENTS_PER_BATCH,
    REPORT_STREAM_PREFIX,
    Batch,
    LoggedEvent,
    Projection,
    logged,
)
from timeline.projections.changes import EntryChange, entry_changes
from timeline.projections.entry_queries import Entry, entries_where, entry_from, stands
from timeline.projections.identities import ACTOR_MENDING, PLACE_MENDING
from timeline.projections.reading import Reader
from timeline.projections.replaying import apply_all, recorded_until, tables_in_memory
from timeline.projections.roots import ROOT_TYPES
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.event_store import Casebook, EventStore
from timeline.store.events import StoredEvent


@dataclass(frozen=True)
class Step:
    """One event, and what it changed of what is known by the whole log so far."""

    event: LoggedEvent
    entries: tuple[EntryChange, ...]
    control: tuple[tuple[Place, ControlChange], ...]

    def touches(self, place_ids: Collection[str]) -> bool:
        """Whether it says or changes anything about a place, given by all ids that mean it."""
        claims = [e.claim for c in self.entries for e in (c.before, c.after) if e is not None]
        if isinstance(self.event.payload, Claim):
            claims.append(self.event.payload)
        mentions = [m for c in claims for m in (c.place, c.place2) if m is not None]
        payload = self.event.payload
        mended = {subject(payload), *told_otherwise(payload)} if _mends(payload, "place") else set()
        named = {*mended, *(m.place_id for m in mentions), *(p.place_id for p, _ in self.control)}
        return not named.isdisjoint(place_ids)


class Stepping:
    """A replay in progress: iterate over `steps`; `reader` answers from what they have made."""

    def __init__(
        self,
        store: EventStore,
        projections: Sequence[Projection],
        engine: Engine,
        log: Connection,
    ) -> None:
        self._store, self._projections, self._log = store, tuple(projections), log
        self._tables = engine
        self._spans: dict[str, tuple[ControlSpan, ...]] = {}
        self.reader = Reader(engine, store.casebook, documents=store)
        self.position = 0
        self.events = 0
        self.recorded_at: str | None = None

    def steps(
        self, *, since: int = 1, until: int | None = None, recorded_before: str | None = None
    ) -> Iterator[Step]:
        """Every event from position `since` on, with what it changed; what lies before is silent.

        Args:
            since: The first position to tell of.
            until: The last position; `None` is the head.
            recorded_before: Stop before what was recorded at this instant or later (UTC text).
        """
        casebook = self._store.casebook_row_in(self._log)
        silent = recorded_until(
            self._store.read_in(self._log, until=_before(since, until)), recorded_before
        )
        while batch := list(islice(silent, EVENTS_PER_BATCH)):
            self._project(batch, casebook)
        self._spans = self._histories(self.reader.gazetteer().places)
        told = self._store.read_in(self._log, self.position, until=until)
        for stored in recorded_until(told, recorded_before):
            yield self._step(stored, casebook)

    def _project(self, stored: Sequence[StoredEvent], casebook: Casebook) -> Batch:
        last = stored[-1]
        with write_transaction(self._tables) as target:
            batch = Batch(self._log, target, self._store, casebook, logged(stored), last.position)
            apply_all(self._projections, batch)
        self.position, self.recorded_at = last.position, last.recorded_at
        self.events += len(stored)
        return batch

    def _step(self, stored: StoredEvent, casebook: Casebook) -> Step:
        report_id = stored.stream.removeprefix(REPORT_STREAM_PREFIX)
        is_of_report = report_id != stored.stream
        [told] = logged([stored])
        of_report = tables.entries.c.report_id == report_id
        asked = (lambda: of_report) if is_of_report else partial(self._told_of, told)
        before = self._entries(asked())
        [event] = self._project([stored], casebook).events
        changes = entry_changes(before, self._entries(asked()))
        places: Iterable[str] = _places(changes)
        if isinstance(event.payload, ROOT_TYPES):
            places = tuple(self._spans)
        return Step(event, changes, tuple(self._control_changes(places)))

    def _told_of(self, event: LoggedEvent) -> ColumnElement[bool] | None:
        """The entries that what is mended may tell otherwise, by what its ids mean now."""
        ids = told_otherwise(event.payload)
        if not ids:
            return None
        if _mends(event.payload, "place"):
            places = {self.reader.gazetteer().canonical(id_) for id_ in ids}
            c = tables.entries.c
            return or_(c.place_id.in_(places), c.place2_id.in_(places))
        actors = {self.reader.actor_table().canonical(id_) for id_ in ids}
        a = tables.entry_actors.c
        named = select(a.claim_id).where(a.casebook == self.reader.casebook, a.actor.in_(actors))
        return tables.entries.c.claim_id.in_(named)

    def _entries(self, asked: ColumnElement[bool] | None) -> list[Entry]:
        if asked is None:
            return []
        query = entries_where(self.reader.casebook, stands(None), asked)
        with read_transaction(self._tables) as connection:
            return [entry_from(dict(row)) for row in connection.execute(query).mappings()]

    def _histories(self, places: Iterable[str]) -> dict[str, tuple[ControlSpan, ...]]:
        return self.reader.control_histories(list(places))

    def _control_changes(self, places: Iterable[str]) -> Iterator[tuple[Place, ControlChange]]:
        touched = tuple(places)
        if not touched:
            return
        now = self._histories(touched)
        known = self.reader.gazetteer().places
        for place_id in touched:
            spans = now.get(place_id, ())
            # What was merged into another place is told of that one from here on.
            if place_id in known:
                for change in control_changes(self._spans.get(place_id, ()), spans):
                    yield known[place_id], change
            self._spans[place_id] = spans


def _mends(payload: object, kind: Literal["place", "actor"]) -> TypeGuard[Mended]:
    return isinstance(payload, PLACE_MENDING if kind == "place" else ACTOR_MENDING)


def _before(since: int, until: int | None) -> int:
    return since - 1 if until is None else min(since - 1, until)


def _places(changes: Iterable[EntryChange]) -> tuple[str, ...]:
    claims = [e.claim for c in changes for e in (c.before, c.after) if e is not None]
    return tuple(sorted({c.place.place_id for c in claims if c.place and c.place.place_id}))


@contextmanager
def stepping(store: EventStore, projections: Sequence[Projection]) -> Iterator[Stepping]:
    """A replay in memory, event by event, for as long as the context lasts.

    Args:
        store: The log to read.
        projections: In the order in which each may read the tables of those before it.
    """
    with tables_in_memory(store) as engine, read_transaction(store.engine) as log:
        yield Stepping(store, projections, engine, log)
