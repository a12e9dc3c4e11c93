"""Says what changed in what was known between two dates of knowledge, and which reports did it.

Both sides are read from the same entries by their known time, so a correction by its outlet is a
change from the day it was published on; what we had misread was never known otherwise and is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import and_, not_, or_, select, union

from timeline.domain.control_changes import ControlChange, control_changes
from timeline.domain.events import (
    Amendment,
    Basis,
    Claim,
    ClaimCorrected,
    ClaimReinstated,
    ClaimRetracted,
    ReportRetracted,
)
from timeline.domain.places import Place
from timeline.domain.time import instant_text, known_end
from timeline.errors import InvalidDate
from timeline.projections import tables
from timeline.projections.batches import REPORT_STREAM_PREFIX, payload_of
from timeline.projections.changes import ChangeKind, EntryChange, entry_changes
from timeline.projections.entry_queries import (
    Entry,
    ReportView,
    entries_where,
    entry_from,
    stands,
)
from timeline.projections.reading import Reader
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore


class CauseKind(StrEnum):
    """How a report changed what was known."""

    REPORT = "report"
    REVISION = "revision"
    CORRECTION = "correction"
    RETRACTION = "retraction"
    REINSTATEMENT = "reinstatement"


_CAUSE_OF: dict[type[Amendment], CauseKind] = {
    ClaimCorrected: CauseKind.CORRECTION,
    ClaimRetracted: CauseKind.RETRACTION,
    ReportRetracted: CauseKind.RETRACTION,
    ClaimReinstated: CauseKind.REINSTATEMENT,
}


@dataclass(frozen=True)
class Cause:
    """What made something known otherwise.

    `report_id` is the report that says so: the claim's own, or the one that amends it; `None` for
    an amendment entered by hand. `reported` is its publication, EDTF.
    """

    kind: CauseKind
    report_id: str | None
    reported: str | None
    reason: str | None = None


@dataclass(frozen=True)
class KnownOtherwise:
    """A claim that became known, or is known otherwise, and why."""

    change: EntryChange
    because: tuple[Cause, ...]


@dataclass(frozen=True)
class PlaceDifference:
    """What is known otherwise about one place; `place` is `None` for claims without a known one."""

    place: Place | None
    control: tuple[ControlChange, ...]
    entries: tuple[KnownOtherwise, ...]


@dataclass(frozen=True)
class _Amended:
    """An amendment by its outlet that came to count between the two dates."""

    payload: Amendment
    reported: str | None

    def is_about(self, claim: Claim) -> bool:
        payload = self.payload
        if isinstance(payload, ReportRetracted):
            return True
        return getattr(payload, "target", None) in (claim.ref, claim.claim_id)


class KnowledgeDiff:
    """Compares what was known at two moments of the reported axis, in one casebook."""

    def __init__(self, store: EventStore, reader: Reader) -> None:
        self._store, self._reader = store, reader

    def between(
        self, known_on: str, and_on: str, place_id: str | None = None
    ) -> tuple[PlaceDifference, ...]:
        """What was known otherwise on `and_on` than on `known_on`, by place in order of name.

        Args:
            known_on: A day, meaning the whole of it, or an instant with offset.
            and_on: The same; not before `known_on`.
            place_id: Only this place.

        Returns:
            Only places of which something differs; claims without a known place come last.

        Raises:
            InvalidDate: a date is none, or they are the wrong way round.
        """
        first, second = self._moment(known_on), self._moment(and_on)
        if second < first:
            raise InvalidDate(and_on, f"lies before {known_on}; give the earlier date first")
        by_report = self._entries(first, second, place_id)
        found: dict[str | None, list[KnownOtherwise]] = {}
        for report_id, (before, after) in by_report.items():
            for change in self._explained(report_id, entry_changes(before, after), first, second):
                for place in _places(change.change, place_id):
                    found.setdefault(place, []).append(change)
        return self._by_place(found, known_on, and_on)

    def _moment(self, text: str) -> datetime:
        moment = self._reader.cutoff(text)
        assert moment is not None  # noqa: S101 - `None` is only for no date
        return moment

    def _entries(
        self, first: datetime, second: datetime, place_id: str | None
    ) -> dict[str, tuple[list[Entry], list[Entry]]]:
        """What stood before and after of each report of which anything stands otherwise."""
        e = tables.entries.c
        was, now = stands(first), stands(second)
        differs = or_(and_(was, not_(now)), and_(not_(was), now))
        touched = select(e.report_id).where(e.casebook == self._reader.casebook, differs)
        parts = [touched]
        if place_id is not None:  # apart, so that an index finds either
            parts = [touched.where(c == place_id) for c in (e.place_id, e.place2_id)]
        query = entries_where(self._reader.casebook, or_(was, now), e.report_id.in_(union(*parts)))
        ordered = query.add_columns(was.label("was"), now.label("now")).order_by(
            e.report_id, e.sort_key, e.claim_id, e.form
        )
        found: dict[str, tuple[list[Entry], list[Entry]]] = {}
        with read_transaction(self._store.engine) as connection:
            for row in connection.execute(ordered).mappings():
                entry = entry_from(dict(row))
                before, after = found.setdefault(entry.report.report_id, ([], []))
                if row["was"]:
                    before.append(entry)
                if row["now"]:
                    after.append(entry)
        return found

    def _explained(
        self, report_id: str, changes: Sequence[EntryChange], first: datetime, second: datetime
    ) -> list[KnownOtherwise]:
        if not changes:
            return []
        versions = self._reader.report(report_id)
        amended = self._amended(report_id, first, second)
        return [
            KnownOtherwise(change, tuple(_causes(change, versions, amended, first, second)))
            for change in changes
        ]

    def _amended(self, report_id: str, first: datetime, second: datetime) -> list[_Amended]:
        time_zone = self._reader.time_zone
        found = []
        for stored in self._store.read_stream(REPORT_STREAM_PREFIX + report_id):
            payload = None if stored.data is None else payload_of(stored)
            if isinstance(payload, Amendment) and payload.basis is Basis.SOURCE:
                said = known_end(payload.reported, stored.recorded_at, time_zone)
                if first < said <= second:
                    found.append(_Amended(payload, payload.reported.edtf))
        return found

    def _by_place(
        self, found: dict[str | None, list[KnownOtherwise]], known_on: str, and_on: str
    ) -> tuple[PlaceDifference, ...]:
        ids = [place_id for place_id in found if place_id is not None]
        before = self._reader.control_histories(ids, known_on)
        after = self._reader.control_histories(ids, and_on)
        known = self._reader.gazetteer().places
        differences = [
            PlaceDifference(
                place=known.get(place_id) if place_id else None,
                control=control_changes(before.get(place_id, ()), after.get(place_id, ()))
                if place_id
                else (),
                entries=tuple(sorted(changes, key=lambda c: c.change.entry.key)),
            )
            for place_id, changes in found.items()
        ]
        return tuple(sorted(differences, key=_place_order))


def _place_order(difference: PlaceDifference) -> tuple[bool, str, str]:
    place = difference.place
    return (place is None, place.name if place else "", place.place_id if place else "")


def _places(change: EntryChange, wanted: str | None) -> list[str | None]:
    """The places that a changed claim names, before and after; `None` when it names none."""
    sides = [e.claim for e in (change.before, change.after) if e is not None]
    named = {p.place_id for c in sides for p in (c.place, c.place2) if p is not None and p.place_id}
    if wanted is not None:
        return [wanted] if wanted in named else []
    return [*sorted(named)] if named else [None]


def _causes(
    change: EntryChange,
    versions: Sequence[ReportView],
    amended: Iterable[_Amended],
    first: datetime,
    second: datetime,
) -> Iterable[Cause]:
    """The version that brought or replaced the claim, and the amendments that aim at it."""
    ids = [v.report_version for v in versions]
    if change.after is not None:
        brought = ids.index(change.after.report.report_version)
    else:
        assert change.before is not None  # noqa: S101 - a change has at least one side
        brought = ids.index(change.before.report.report_version) + 1
    is_new = brought < len(ids) and (
        instant_text(first) < versions[brought].known_from <= instant_text(second)
    )
    if is_new and not (change.kind is ChangeKind.CHANGED and _same_version(change)):
        version = versions[brought]
        kind = CauseKind.REVISION if brought else CauseKind.REPORT
        yield Cause(kind, version.report_id, version.reported_edtf)
    claims = [e.claim for e in (change.before, change.after) if e is not None]
    for one in amended:
        if any(one.is_about(claim) for claim in claims):
            kind = _CAUSE_OF[type(one.payload)]
            yield Cause(kind, one.payload.by_report_id, one.reported, one.payload.reason)


def _same_version(change: EntryChange) -> bool:
    before, after = change.before, change.after
    return bool(before and after and before.report.report_version == after.report.report_version)
