"""Decides which events of the log make a message of a subscription, and what it is about.

A feed walks the log: every message belongs to the one event that made it, and its checkpoint is
that event's position. So a client that goes on from its last checkpoint misses nothing and gets
nothing twice, whatever was appended meanwhile. What a message tells is read from the projections
as they are when it is made, and no event is passed on that they have not read yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import and_, or_, select

from timeline.api.context import Context
from timeline.domain.control import Control, moves_control
from timeline.domain.events import Claim
from timeline.domain.places import Place, PlaceMention
from timeline.projections import event_types, tables
from timeline.projections.batches import REPORT_STREAM_PREFIX, names_of, payload_of
from timeline.projections.entry_queries import Entry
from timeline.store.engine import read_transaction
from timeline.store.events import StoredEvent

_CLAIMS = names_of(Claim)


@dataclass(frozen=True)
class EventTold:
    """An event of the log."""

    stored: StoredEvent


@dataclass(frozen=True)
class EntriesTold:
    """What an event did to a place's timeline."""

    position: int
    report_id: str
    is_amendment: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class ControlTold:
    """The places of whose control an event tells, with who holds them now."""

    position: int
    report_id: str
    places: tuple[tuple[Place, Control], ...]


Told = EventTold | EntriesTold | ControlTold


class Feed(Protocol):
    """What one subscription is about; equal feeds give the same messages."""

    def end(self, context: Context) -> int:
        """The last position up to which messages can be made now."""
        ...

    def page(self, context: Context, after: int, size: int) -> tuple[list[tuple[int, Told]], int]:
        """Messages of at most `size` events after a position, and up to where these are all."""
        ...


def _projected(context: Context, *names: str) -> int:
    """How far all of some projections have read."""
    c = tables.checkpoints.c
    query = select(c.position).where(c.casebook == context.store.casebook, c.projection.in_(names))
    with read_transaction(context.store.engine) as connection:
        found = list(connection.execute(query).scalars())
    return min(found) if len(found) == len(names) else 0


def _report_id(stored: StoredEvent) -> str | None:
    is_report = stored.stream.startswith(REPORT_STREAM_PREFIX)
    return stored.stream.removeprefix(REPORT_STREAM_PREFIX) if is_report else None


@dataclass(frozen=True)
class EventsFeed:
    """Events of the log, of some types or of all."""

    types: frozenset[str] | None

    def end(self, context: Context) -> int:
        """The head of the log."""
        return context.store.head().position

    def page(self, context: Context, after: int, size: int) -> tuple[list[tuple[int, Told]], int]:
        """One message an event."""
        end = self.end(context)
        if self.types is not None:
            with read_transaction(context.store.engine) as connection:
                found = event_types.page(connection, context.store, self.types, after, end, size)
            if found is not None:
                return [(e.position, EventTold(e)) for e in found[0]], found[1]
        read = _read(context, after, end, size)
        told = [e for e in read if self.types is None or e.type in self.types]
        return [(e.position, EventTold(e)) for e in told], _reached(read, after)


def _read(context: Context, after: int, end: int, size: int) -> list[StoredEvent]:
    count = min(size, end - after)
    return list(context.store.read(after, count)) if count > 0 else []


def _reached(read: Sequence[StoredEvent], after: int) -> int:
    return read[-1].position if read else after


@dataclass(frozen=True)
class EntriesFeed:
    """What becomes of a place's timeline, as known on a day or as known now."""

    place_id: str
    known_on: str | None

    def end(self, context: Context) -> int:
        """How far timelines have been projected."""
        return _projected(context, "timeline", "reports", "incidents", "control")

    def page(self, context: Context, after: int, size: int) -> tuple[list[tuple[int, Told]], int]:
        """A message for each new claim that stands there, and for each amendment of a report."""
        read = _read(context, after, self.end(context), size)
        place_id = context.gazetteer.canonical(self.place_id)
        claims = {}
        for event in read:
            claim = _claim(event)
            if claim is not None and place_id in _named(context, claim):
                claims[claim.claim_id] = event.position
        standing: dict[str, list[Entry]] = {}
        for entry in context.reader.claims(list(claims), self.known_on) if claims else ():
            if place_id in _named(context, entry.claim):
                standing.setdefault(entry.claim.claim_id, []).append(entry)
        told: list[tuple[int, Told]] = []
        of = {position: claim_id for claim_id, position in claims.items()}
        for event in read:
            report_id = _report_id(event)
            if report_id is None:
                continue
            found = tuple(standing.get(of.get(event.position, ""), ()))
            if found:
                told.append((event.position, EntriesTold(event.position, report_id, False, found)))
            elif (
                event.version > 1
                and event.type not in _CLAIMS
                and self._is_told(context, report_id)
            ):
                entries = tuple(
                    e
                    for e in context.reader.report_claims(report_id, self.known_on)
                    if place_id in _named(context, e.claim)
                )
                told.append((event.position, EntriesTold(event.position, report_id, True, entries)))
        return told, _reached(read, after)

    def _is_told(self, context: Context, report_id: str) -> bool:
        """Whether a report tells, or has ever told, of the place."""
        return context.gazetteer.canonical(self.place_id) in _ever_named(context, report_id)


@dataclass(frozen=True)
class ControlFeed:
    """What is told of who holds the places of a region; `None` is every place."""

    place_ids: frozenset[str] | None

    def end(self, context: Context) -> int:
        """How far control has been projected."""
        return _projected(context, "control", "timeline", "reports")

    def page(self, context: Context, after: int, size: int) -> tuple[list[tuple[int, Told]], int]:
        """A message for each event that tells who holds a place, or amends what a report told."""
        read = _read(context, after, self.end(context), size)
        touched: dict[int, list[str]] = {}
        for event in read:
            named = self._touched(context, event)
            if named:
                touched[event.position] = named
        places = context.gazetteer.places
        wanted = sorted({p for named in touched.values() for p in named if p in places})
        controls = context.reader.controls(wanted) if wanted else {}
        told: list[tuple[int, Told]] = []
        for event in read:
            named = [p for p in touched.get(event.position, ()) if p in places]
            if named:
                held = tuple((places[p], controls.get(p, Control())) for p in named)
                report_id = _report_id(event) or ""
                told.append((event.position, ControlTold(event.position, report_id, held)))
        return told, _reached(read, after)

    def _touched(self, context: Context, event: StoredEvent) -> list[str]:
        report_id = _report_id(event)
        if report_id is None:
            return []
        claim = _claim(event)
        if claim is not None:
            found: Iterable[str] = _named(context, claim) if moves_control(claim) else ()
        elif event.version > 1 and event.type not in _CLAIMS:
            found = _ever_named(context, report_id)
        else:
            found = ()
        if self.place_ids is None:
            return sorted(found)
        wanted = {context.gazetteer.canonical(id_) for id_ in self.place_ids}
        return sorted(p for p in found if p in wanted)


def _claim(event: StoredEvent) -> Claim | None:
    if event.type not in _CLAIMS or event.data is None:
        return None
    payload = payload_of(event)
    return payload if isinstance(payload, Claim) else None


def _named(context: Context, claim: Claim) -> set[str]:
    """The places that a claim names, by what their ids mean now."""
    mentions: tuple[PlaceMention | None, ...] = (claim.place, claim.place2)
    ids = (m.place_id for m in mentions if m is not None and m.place_id is not None)
    return {context.gazetteer.canonical(id_) for id_ in ids}


def _ever_named(context: Context, report_id: str) -> Collection[str]:
    """Every place that a report's claims name, in the log or in the form that stands now."""
    found: set[str] = set()
    for event in context.store.read_stream(REPORT_STREAM_PREFIX + report_id):
        claim = _claim(event)
        if claim is not None:
            found |= _named(context, claim)
    e = tables.entries.c
    query = select(e.place_id, e.place2_id).where(
        and_(e.casebook == context.store.casebook, e.report_id == report_id),
        or_(e.place_id.is_not(None), e.place2_id.is_not(None)),
    )
    with read_transaction(context.store.engine) as connection:
        for row in connection.execute(query):
            found |= {p for p in row if p is not None}
    return found
