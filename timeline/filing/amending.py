"""Corrects, retracts and reinstates filed claims and reports on an analyst's word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from timeline.domain.claims import check_figures, check_sides
from timeline.domain.events import (
    Basis,
    ClaimCorrected,
    ClaimReinstated,
    ClaimRetracted,
    ReportRetracted,
    corrected,
    encode,
)
from timeline.domain.time import UNDATED, Occurred, occurred_from_edtf
from timeline.errors import InvalidDate, InvalidEvent, NotFound
from timeline.filing.coded import coded_changes
from timeline.filing.deciding import FUTURE_PUBLICATION_MAX, new_event, resolved_changes
from timeline.filing.identity import event_id
from timeline.projections.reading import Entry, Reader
from timeline.projections.runner import DECIDED_BY, Runner
from timeline.store.appending import Clock
from timeline.store.event_store import EventStore
from timeline.store.events import StreamAppend


class Amending:
    """Amends what is filed in one casebook; nothing is ever erased."""

    def __init__(self, store: EventStore, reader: Reader, runner: Runner, clock: Clock) -> None:
        self._store, self._reader, self._runner, self._clock = store, reader, runner, clock

    def correct(
        self,
        report_id: str,
        target: str,
        changes: Mapping[str, Any],
        *,
        basis: Basis,
        reported: str | None = None,
        reason: str | None = None,
        expected_version: int | None = None,
    ) -> int:
        """Put fields of a claim right; returns the event's position.

        Args:
            report_id: The report that makes the claim.
            target: The claim's `ref` or `claim_id`.
            changes: Claim fields as in a coded report.
            basis: Source if the outlet corrected itself, coding if we had misread it.
            reported: When the outlet corrected itself (EDTF); needed for basis source.
            reason: Why, in a sentence.
            expected_version: Of the report's stream; `None` takes whichever it is.

        Raises:
            NotFound: no such report, or no such claim in it.
            WrongExpectedVersion: somebody appended to the report's stream meanwhile.
            InvalidEvent: a field that cannot be set, or a value that does not fit.
            InvalidDate: a date is none.
        """
        claim_id = self._claim_id(report_id, target)
        values = checked_changes(self._reader, self._reader.claims([claim_id]), changes)
        return self._append(
            report_id,
            ClaimCorrected(
                report_id=report_id,
                target=claim_id,
                basis=basis,
                reported=self._reported(basis, reported),
                reason=reason,
                changes=values,
            ),
            expected_version,
        )

    def retract(
        self,
        report_id: str,
        target: str | None,
        *,
        basis: Basis,
        reported: str | None = None,
        reason: str | None = None,
        expected_version: int | None = None,
    ) -> int:
        """Let a claim, or all of a report without `target`, no longer stand; returns the position.

        Raises:
            NotFound: no such report, or no such claim in it.
            WrongExpectedVersion: somebody appended to the report's stream meanwhile.
            InvalidEvent: basis source without a date.
            InvalidDate: the date is none.
        """
        when = self._reported(basis, reported)
        if target is None:
            self._require_report(report_id)
            payload: Struct = ReportRetracted(
                report_id=report_id, basis=basis, reported=when, reason=reason
            )
        else:
            claim_id = self._claim_id(report_id, target)
            payload = ClaimRetracted(
                report_id=report_id, target=claim_id, basis=basis, reported=when, reason=reason
            )
        return self._append(report_id, payload, expected_version)

    def reinstate(
        self,
        report_id: str,
        target: str,
        *,
        basis: Basis,
        reported: str | None = None,
        reason: str | None = None,
        expected_version: int | None = None,
    ) -> int:
        """Let a retracted claim stand again; returns the event's position.

        Raises:
            NotFound: no such report, or no such claim in it.
            WrongExpectedVersion: somebody appended to the report's stream meanwhile.
            InvalidEvent: basis source without a date.
            InvalidDate: the date is none.
        """
        payload = ClaimReinstated(
            report_id=report_id,
            target=self._claim_id(report_id, target),
            basis=basis,
            reported=self._reported(basis, reported),
            reason=reason,
        )
        return self._append(report_id, payload, expected_version)

    def _require_report(self, report_id: str) -> None:
        self._runner.catch_up()
        self._runner.require_going(*DECIDED_BY)
        if not self._reader.report(report_id):
            raise NotFound(f"no report has the id {report_id!r}; see `timeline query`")

    def _claim_id(self, report_id: str, target: str) -> str:
        """The claim meant now, so that a version filed later does not change what was meant."""
        self._require_report(report_id)
        claim_id = self._reader.claim_id(report_id, target)
        if claim_id is None:
            raise NotFound(f"report {report_id!r} has no claim {target!r}")
        return claim_id

    def _append(self, report_id: str, payload: Struct, expected_version: int | None) -> int:
        stream = f"report-{report_id}"
        version = self._store.expected_version(stream, expected_version)
        # The stream's version makes the same amendment, made again later, another event.
        key = event_id(self._store.casebook, stream, str(version), encode(payload).decode())
        new = new_event(payload, key, {"command": "amend"})
        appended = self._store.append([StreamAppend(stream, version, (new,))])
        self._runner.catch_up_after_append()
        return appended.positions[0]

    def _reported(self, basis: Basis, reported: str | None) -> Occurred:
        if basis is Basis.CODING:
            if reported is not None:
                raise InvalidEvent("basis coding holds at every known time; leave the date out")
            return UNDATED
        if reported is None:
            raise InvalidEvent("basis source needs the date on which the outlet corrected itself")
        when = occurred_from_edtf(reported)
        begins = when.start("UTC") or when.end("UTC")
        if begins is None or begins > self._clock() + FUTURE_PUBLICATION_MAX:
            raise InvalidDate(reported, "lies in the future")
        return when


def checked_changes(
    reader: Reader, forms: Iterable[Entry], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """What a correction sets, as it is stored, with the places and actors that its words name.

    Args:
        reader: Knows places and actors.
        forms: The claim as it stands; figures that contradict each other then are refused.
        changes: Claim fields as in a coded report.

    Raises:
        InvalidEvent: a field that cannot be set, or a value that does not fit.
        InvalidDate: `occurred` is no date.
    """
    try:
        values = coded_changes(changes)
    except ValueError as fault:
        raise InvalidEvent(f"the correction {fault}") from None
    values = resolved_changes(values, reader.gazetteer(), reader.actor_table())
    if not {"fatalities", "casualties", "actors"} & set(values):
        return values
    for entry in forms:
        form = corrected(entry.claim, values)
        try:
            check_figures(form.fatalities, form.casualties)
            check_sides(form.actors, form.casualties)
        except ValueError as fault:
            raise InvalidEvent(f"the correction does not hold: {fault}") from None
    return values
