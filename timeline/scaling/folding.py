"""Folds the reports of one partition: their versions, entries and words, and what goes to others.

A report's whole stream, its amendments included, is in one partition, so that nothing else need be
known but who stands behind which source. What a claim says of control goes on to its place, what
it says of an incident to its type and days: a claim may touch several keys, a retraction none by
name, and neither matters here, since only what stands after all amendments is handed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from timeline.domain import events
from timeline.domain.actors import ActorTable, Roots
from timeline.domain.incident_claims import IncidentClaim
from timeline.domain.standing import Fact, ReportStanding, report_standing
from timeline.errors import ProjectionFailed
from timeline.projections import tables
from timeline.projections.control_forms import form_row
from timeline.projections.entries import actor_rows, entry_row
from timeline.projections.feeding import reason_of
from timeline.projections.identities import resolved_forms
from timeline.projections.incident_rows import ClaimRow, claim_values, told_row
from timeline.projections.reports import version_rows, waiting_rows
from timeline.projections.search import reported_rows
from timeline.scaling import plan as planning
from timeline.scaling.outcome import Outcome
from timeline.scaling.plan import Reference, partition_of
from timeline.scaling.runs import Keyed
from timeline.scaling.splitting import DIGEST_LENGTH, EVENTS, TEXTS, ToldEvent

CONTROL, LINKABLE, NAMED = "control", "linkable", "named"
# Claims that may be linked are dealt out by so many days of the first on which they may be.
BIN_DAYS = 16
NEVER_LINKED = ""

_Texts = dict[str, str]


class NamedClaim(msgspec.Struct, frozen=True):
    """A claim of a report of which an analyst names one; `stands` by what is known now."""

    claim: IncidentClaim
    stands: bool


def fold(outcome: Outcome, number: int) -> None:
    """Fold one partition, a report at a time."""
    reference = planning.read(outcome.work, planning.REFERENCE, Reference)
    folding = _Folding(outcome, reference)
    partition = str(number)
    told = groupby(outcome.handed(EVENTS, partition), itemgetter(0))
    texts = _Lookahead(outcome.handed(TEXTS, partition))
    for stream, rows in told:
        folding.report(list(rows), texts.of(stream))


class _Lookahead:
    """The texts of a partition, asked for in order of their reports."""

    def __init__(self, rows: Iterator[Keyed]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, stream: str) -> _Texts:
        """The texts of a report, by digest."""
        found: _Texts = {}
        while self._next is not None and self._next[0] <= stream:
            key, _, data = self._next
            if key == stream:
                found[data[:DIGEST_LENGTH].decode()] = data[DIGEST_LENGTH:].decode("utf-8")
            self._next = next(self._rows, None)
        return found


class _Folding:
    def __init__(self, outcome: Outcome, reference: Reference) -> None:
        self._outcome, self._named = outcome, reference.named
        self._key, self._zone = outcome.plan.key, outcome.plan.time_zone
        self._partitions = outcome.plan.partitions
        self._meant = reference.resolution()
        actors = ActorTable(reference.actors, self._meant.actors.merged())
        self._roots = Roots(reference.sources, actors)

    def report(self, rows: Sequence[Keyed], texts: _Texts) -> None:
        """Fold one report.

        Raises:
            ProjectionFailed: one of its events cannot be read or projected.
        """
        position = rows[-1][1]
        try:
            facts = []
            for _, position, data in rows:
                type_, version, told, recorded_at = msgspec.msgpack.decode(data, type=ToldEvent)
                payload = events.decode(type_, version, told)
                facts.append(Fact(payload=payload, position=position, recorded_at=recorded_at))
            self._write(report_standing(facts, self._zone), texts)
        except Exception as error:
            first = next(iter(self._outcome.plan.projections))
            raise ProjectionFailed(first, position, reason_of(error)) from error

    def _write(self, standing: ReportStanding, texts: _Texts) -> None:
        outcome, key = self._outcome, self._key
        if outcome.builds("reports"):
            outcome.add(tables.report_versions, version_rows(key, standing))
            outcome.add(tables.waiting_amendments, waiting_rows(key, standing))
        if outcome.builds("search"):
            found = reported_rows(key, self._zone, standing, texts, self._meant)
            outcome.add(tables.search_texts, found)
        if not outcome.builds("timeline"):
            return
        told: list[ClaimRow] = []
        for item, form, version in resolved_forms(standing, self._meant, with_rejected=True):
            entry = entry_row(key, self._zone, item, form, version, texts)
            outcome.add(tables.entries, [entry])
            outcome.add(tables.entry_actors, actor_rows(key, item.claim, form))
            if outcome.builds("control") and entry["moves_control"]:
                self._hand_on_control(item.claim, entry)
            if outcome.builds("incidents"):
                row = told_row(self._zone, self._roots, item.claim, entry)
                told += [row] if row is not None else []
        self._incident_claims(told)

    def _hand_on_control(self, claim: events.Claim, entry: Mapping[str, Any]) -> None:
        form = form_row(self._key, self._zone, self._roots, claim, entry)
        place_id = form["place_id"]
        partition = partition_of(place_id, self._partitions)
        self._outcome.hand_on(CONTROL, partition, place_id, 0, msgspec.msgpack.encode(form))

    def _incident_claims(self, told: Sequence[ClaimRow]) -> None:
        """What stands is handed on to be linked; what does not is in no incident."""
        outcome = self._outcome
        for row in told:
            if row.stands:
                data = msgspec.msgpack.encode(row)
                claim_id = row.claim.claim_id
                outcome.hand_on(LINKABLE, bin_of(row.claim, self._partitions), claim_id, 0, data)
            else:
                outcome.add(tables.incident_claims, [claim_values(self._key, row)])
        # A word on a claim may come to mean another of its report, and of no other.
        if any(row.claim.claim_id in self._named for row in told):
            for row in told:
                named = msgspec.msgpack.encode(NamedClaim(row.claim, row.stands))
                outcome.hand_on(NAMED, "all", row.claim.claim_id, row.claim.form, named)


def bin_of(claim: IncidentClaim, partitions: int) -> str:
    """Where a claim that stands is linked: `type|days`; what is never linked is dealt by its id."""
    if not claim.is_linkable or claim.first_day is None:
        return bin_name(NEVER_LINKED, int(partition_of(claim.claim_id, partitions)))
    return bin_name(claim.type, claim.first_day // BIN_DAYS)


def bin_name(type_: str, number: int) -> str:
    """The name of a bin of one type of claim."""
    return f"{type_}|{number:06}"
