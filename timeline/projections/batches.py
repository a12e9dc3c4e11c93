"""Defines what a projection is, and what it is fed: batches of consecutive events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Protocol, TypeVar, runtime_checkable

from msgspec import Struct
from sqlalchemy import Connection, Table

from timeline.domain import events
from timeline.domain.standing import Fact, ReportStanding, report_standing
from timeline.errors import NotFound
from timeline.store.event_store import Casebook, EventStore
from timeline.store.events import (
    DOCUMENTS_PER_READ_MAX,
    STREAMS_PER_READ_MAX,
    StoredEvent,
)

EVENTS_PER_BATCH = 1_000
REPORT_STREAM_PREFIX = "report-"

_S = TypeVar("_S", bound=Struct)


class LoggedEvent:
    """A stored event, whose payload is read when it is first asked for.

    So an event that cannot be read stops those projections alone that want to read it.
    """

    __slots__ = ("_payload", "stored")

    def __init__(self, stored: StoredEvent) -> None:
        self.stored = stored
        self._payload: Struct | None = None

    @property
    def payload(self) -> Struct | None:
        """What it says; `None` when its content is withheld."""
        if self._payload is None and self.stored.data is not None:
            self._payload = payload_of(self.stored)
        return self._payload


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
    _texts: dict[str, str | None] = field(default_factory=dict)
    _has_all_types: bool = True

    def between(self, after: int, until: int, event_types: Collection[str] | None = None) -> Batch:
        """The part in (after, until], of these types of event (all when `None`).

        What is computed is shared when the part ends where the batch does.
        """
        if until == self.until and event_types is None and self._begins_after(after):
            return self
        part = [
            e
            for e in self.events
            if after < e.stored.position <= until
            and (event_types is None or e.stored.type in event_types)
        ]
        shared = self._standings if until == self.until else {}
        has_all = self._has_all_types and event_types is None
        return replace(self, events=part, until=until, _standings=shared, _has_all_types=has_all)

    def with_events(self, stored: Iterable[StoredEvent]) -> Batch:
        """Some events in place of these, which need not be all that there are."""
        return replace(self, events=logged(list(stored)), _has_all_types=False)

    def without_events(self) -> Batch:
        """The same transaction without any event, and with nothing that was computed so far."""
        return replace(self, events=(), _standings={}, _texts={}, _has_all_types=False)

    def _begins_after(self, after: int) -> bool:
        return not self.events or self.events[0].stored.position > after

    @property
    def name(self) -> str:
        """The key under which rows are written and read: the first of every table's key.

        It is the casebook's name, or while a projection is built beside the live one, a name of
        its own: derive nothing else from it.
        """
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

    @cached_property
    def new_report_ids(self) -> frozenset[str]:
        """Those of them whose streams begin here: no row can be there of them yet."""
        return frozenset(
            e.stored.stream.removeprefix(REPORT_STREAM_PREFIX)
            for e in self.events
            if e.stored.version == 1 and e.stored.stream.startswith(REPORT_STREAM_PREFIX)
        )

    @cached_property
    def known_report_ids(self) -> tuple[str, ...]:
        """Those of them of which rows may be there."""
        return tuple(r for r in self.report_ids if r not in self.new_report_ids)

    def of(self, *types: type[_S]) -> Iterator[tuple[_S, StoredEvent]]:
        """The payloads of some types of event, in order; others are not even read."""
        names = names_of(*types)
        for event in self.events:
            if event.stored.type in names and isinstance(event.payload, types):
                yield event.payload, event.stored

    def has(self, *types: type[Struct]) -> bool:
        """Whether one of these types of event is among them."""
        names = names_of(*types)
        return any(event.stored.type in names for event in self.events)

    def standings(self) -> dict[str, ReportStanding]:
        """What stands of each of these reports, up to and with this batch."""
        return self.standings_of(self.report_ids)

    def standings_of(self, report_ids: Iterable[str]) -> dict[str, ReportStanding]:
        """What stands of each of some reports, up to and with this batch.

        A report whose stream begins in the batch lies in it whole, and is not read again.
        """
        ids = tuple(report_ids)
        missing = [r for r in ids if r not in self._standings]
        in_batch = self.new_report_ids if self._has_all_types else frozenset[str]()
        facts: dict[str, list[Fact]] = {r: [] for r in missing}
        for event in self.events if not in_batch.isdisjoint(missing) else ():
            report_id = event.stored.stream.removeprefix(REPORT_STREAM_PREFIX)
            if report_id in in_batch and report_id in facts and event.stored.data is not None:
                facts[report_id].append(_fact(event.stored, event.payload))
        elsewhere = [REPORT_STREAM_PREFIX + r for r in missing if r not in in_batch]
        for start in range(0, len(elsewhere), STREAMS_PER_READ_MAX):
            streams = elsewhere[start : start + STREAMS_PER_READ_MAX]
            for stored in self.store.read_streams_in(self.log, streams):
                if stored.position <= self.until and stored.data is not None:
                    report_id = stored.stream.removeprefix(REPORT_STREAM_PREFIX)
                    facts[report_id].append(_fact(stored, payload_of(stored)))
        for report_id, of_report in facts.items():
            self._standings[report_id] = report_standing(of_report, self.casebook.time_zone)
        return {r: self._standings[r] for r in ids}

    def texts_of(self, standings: Iterable[ReportStanding]) -> dict[str, str]:
        """The texts that reports' spans count in, by digest; withheld ones are left out."""
        digests = sorted(
            {
                version.text_document.digest
                for standing in standings
                for version, _, _ in standing.versions
                if version.text_document is not None
            }
        )
        missing = [d for d in digests if d not in self._texts]
        for start in range(0, len(missing), DOCUMENTS_PER_READ_MAX):
            part = missing[start : start + DOCUMENTS_PER_READ_MAX]
            self._texts.update(dict.fromkeys(part))
            for digest, document in self.store.documents_in(self.log, part).items():
                if document.content is not None:
                    self._texts[digest] = document.content.decode("utf-8")
        return {d: text for d in digests if (text := self._texts[d]) is not None}


def _fact(stored: StoredEvent, payload: Struct | None) -> Fact:
    assert payload is not None  # noqa: S101 - only what has content is asked for
    return Fact(payload=payload, position=stored.position, recorded_at=stored.recorded_at)


class Projection(Protocol):
    """Tables that are a function of the log.

    Attributes:
        name: Its name, in `timeline status` and `timeline rebuild`.
        version: Raised when its rows would be others for the same log; it is then built anew
            beside the old rows, and swapped.
        depends_on: The projections whose tables it reads. They stand at the batch's end or
            further on, never before it.
        event_types: The only types of event that it is fed; `None` feeds it all.
        tables: What it writes, each with `casebook` first in its key.
    """

    name: str
    version: int
    depends_on: tuple[str, ...]
    event_types: frozenset[str] | None
    tables: tuple[Table, ...]

    def apply(self, batch: Batch) -> None:
        """Bring the tables from before the batch to after it."""


@runtime_checkable
class LoadedLast(Projection, Protocol):
    """A projection whose rows can be made, all at once, from the tables that it reads.

    Beside the live rows, and in a replay, that costs a fraction of following the log.
    """

    def load_part(self, batch: Batch, done: int) -> int | None:
        """Write a part of its rows into tables that hold the parts before it, and nothing else.

        Args:
            batch: Of no events; the tables that are read stand at `until`, and do not change
                before the last part is written.
            done: What the part before returned; 0 for the first.

        Returns:
            Above 0, where the next part begins; `None` when there is none.
        """


@cache
def names_of(*types: type[Struct]) -> frozenset[str]:
    """The names under which events of these payload types are stored."""
    return frozenset(n for n, struct in events.EVENT_TYPES.items() if issubclass(struct, types))


def payload_of(stored: StoredEvent) -> Struct:
    """The typed payload of an event whose content is not withheld."""
    if stored.data is None:
        raise NotFound(f"the content of the event at position {stored.position} is withheld")
    return events.decode(stored.type, stored.schema_version, stored.data)


def logged(stored: Sequence[StoredEvent]) -> list[LoggedEvent]:
    """Events whose payloads are read when they are asked for."""
    return [LoggedEvent(s) for s in stored]
