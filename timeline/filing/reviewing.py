"""Signs claims on a person's word: accepted, corrected or rejected; adds what was not read.

What is decided at once is appended at once. The basis of a review is coding: it holds at every
known time, and carries over to other versions of the report where type and words are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.claims import ReviewStatus, Verdict, claim_id
from timeline.domain.events import (
    Basis,
    Claim,
    ClaimCorrected,
    ClaimReviewed,
    claim_from,
    corrected,
    encode,
)
from timeline.domain.time import occurred_from_edtf
from timeline.errors import InvalidEvent, InvalidReport, NotFound
from timeline.filing.amending import checked_changes
from timeline.filing.coded import coded_claim
from timeline.filing.deciding import check_dates, new_event, resolved
from timeline.filing.filing import DECISIONS_MAX, MOVED_ON
from timeline.filing.history import ReportHistory, read_history
from timeline.filing.identity import event_id
from timeline.filing.recoding import Opinion, read_opinions
from timeline.projections.reading import Entry, Reader, ReportView
from timeline.projections.runner import DECIDED_BY, Runner
from timeline.store.event_store import EventStore
from timeline.store.events import NewEvent, StreamAppend

SIGNATURES_PER_APPEND_MAX = 2_000
_SIGNED = (ReviewStatus.ACCEPTED, ReviewStatus.CORRECTED)


@dataclass(frozen=True)
class Signature:
    """What a person decides of one claim, by its `ref` or claim id.

    `changes` are claim fields as in a coded report, put right before the claim is accepted. Whoever
    rejects says why.
    """

    target: str
    verdict: Verdict
    changes: Mapping[str, Any] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Reviewed:
    """What a signature came to; `position` is that of its event, `None` when it stood already."""

    claim_id: str
    review: ReviewStatus
    position: int | None


class Reviewing:
    """Reviews the claims of one casebook."""

    def __init__(self, store: EventStore, reader: Reader, runner: Runner) -> None:
        self._store, self._reader, self._runner = store, reader, runner

    def claims(self, report_id: str) -> tuple[Entry, ...]:
        """The claims of a report's current version in the order of filing, rejected ones too.

        Raises:
            NotFound: no such report.
        """
        self.version(report_id)
        found = self._reader.report_claims(report_id, reviews=tuple(ReviewStatus))
        return tuple(e for e in found if e.report.is_current)

    def version(self, report_id: str) -> ReportView:
        """The current version of a report.

        Raises:
            NotFound: no such report.
        """
        versions = self._reader.report(report_id)
        if not versions:
            raise NotFound(f"no report has the id {report_id!r}; see `timeline query`")
        return next(v for v in versions if v.is_current)

    def text(self, report_id: str) -> str | None:
        """The text of a report's current version; `None` without one, or when it is withheld.

        Raises:
            NotFound: no such report.
        """
        return self._reader.text(self.version(report_id).text_digest)

    def put_right(self, entry: Entry, changes: Mapping[str, Any]) -> Claim:
        """What a claim would be with fields put right; stores nothing.

        Raises:
            InvalidEvent: a field that cannot be set, or a value that does not fit.
            InvalidDate: a date is none.
        """
        return corrected(entry.claim, checked_changes(self._reader, [entry], changes))

    def sign(
        self,
        report_id: str,
        signatures: Sequence[Signature],
        *,
        reviewed_by: str,
        expected_version: int | None = None,
    ) -> tuple[Reviewed, ...]:
        """Record what a person decided of some claims of a report: all of it, or nothing.

        With `expected_version` the report's stream must have that version.

        Returns:
            One for each signature, in their order.

        Raises:
            NotFound: no such report, or no such claim in its current version.
            InvalidEvent: a correction that does not fit, a rejection without a reason, or nobody
                who says so.
            InvalidDate: a date is none.
            WrongExpectedVersion: others kept amending the same report meanwhile.
            EventIdReused: as WrongExpectedVersion.
            PartlyAppended: as WrongExpectedVersion.
        """
        who = _named(reviewed_by)
        if len(signatures) > SIGNATURES_PER_APPEND_MAX:
            raise InvalidEvent(f"sign {SIGNATURES_PER_APPEND_MAX:,} claims at once at the most")
        for attempt in range(1, DECISIONS_MAX + 1):
            try:
                return self._sign_once(report_id, signatures, who, expected_version)
            except MOVED_ON:
                if attempt == DECISIONS_MAX:
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _sign_once(
        self, report_id: str, signatures: Sequence[Signature], who: str, expected: int | None
    ) -> tuple[Reviewed, ...]:
        version = self._stream_version(report_id, expected)
        entries = self.claims(report_id)
        payloads: list[Struct] = []
        at: list[tuple[str, int | None]] = []
        filed: set[str] = set()
        for signature in signatures:
            if signature.target in filed:  # named twice
                at.append((signature.target, None))
                continue
            taken = self._taken_over(report_id, entries, signature, who)
            if taken is not None:
                at.append((signature.target, len(payloads)))
                payloads += taken
                filed.add(signature.target)
                continue
            entry = _entry(entries, signature.target, report_id)
            made = self._payloads(entry, signature, who)
            payloads += made
            at.append((entry.claim.claim_id, len(payloads) - 1 if made else None))
        positions: tuple[int, ...] = ()
        if payloads:
            history = read_history(self._store, report_id)
            payloads += _carried(history, payloads)
            positions = self._append(report_id, version, payloads)
        now = {e.claim.claim_id: e.review for e in self.claims(report_id)}
        return tuple(
            Reviewed(id_, now[id_], None if index is None else positions[index])
            for id_, index in at
        )

    def _payloads(self, entry: Entry, signature: Signature, who: str) -> list[Struct]:
        """The events of one signature; none when the claim stands as it says already."""
        reason = (signature.reason or "").strip() or None
        common: dict[str, Any] = {
            "report_id": entry.claim.report_id,
            "target": entry.claim.claim_id,
            "basis": Basis.CODING,
            "reason": reason,
            "requested_by": who,
        }
        if signature.verdict is Verdict.REJECTED:
            if signature.changes:
                raise InvalidEvent("correct a claim or reject it, not both")
            if reason is None:
                raise InvalidEvent("say why the claim is rejected; the reason stays in the log")
            if entry.review is ReviewStatus.REJECTED:
                return []
            return [ClaimReviewed(**common, verdict=Verdict.REJECTED)]
        made: list[Struct] = []
        if signature.changes:
            values = checked_changes(self._reader, [entry], signature.changes)
            if corrected(entry.claim, values) != entry.claim:
                made.append(ClaimCorrected(**common, changes=values))
        if made or entry.review not in _SIGNED:
            made.append(ClaimReviewed(**common, verdict=Verdict.ACCEPTED))
        return made

    def opinions(self, report_id: str) -> tuple[Opinion, ...]:
        """Second opinions on the current version of a report, in the order of the log.

        Raises:
            NotFound: no such report.
        """
        version = self.version(report_id).report_version
        found = read_opinions(self._store, [report_id]).get(report_id, ())
        return tuple(o for o in found if o.report_version == version)

    def _taken_over(
        self, report_id: str, entries: Sequence[Entry], signature: Signature, who: str
    ) -> list[Struct] | None:
        """The events by which a claim of a second opinion is filed; `None` if it is none."""
        if any(signature.target in (e.claim.claim_id, e.claim.ref) for e in entries):
            return None
        opinions = self.opinions(report_id)
        found = ((o, o.claims.get(signature.target)) for o in opinions)
        opinion, proposed = next(((o, c) for o, c in found if c is not None), (None, None))
        if opinion is None or proposed is None:
            return None
        if signature.verdict is Verdict.REJECTED or signature.changes:
            raise InvalidEvent(
                "a claim of a second opinion counts for nothing until it is accepted: leave it, or"
                " accept it first and correct it then"
            )
        self._require_unfiled(report_id, signature.target)
        claim = claim_from(proposed, signature.target, report_id, opinion.report_version)
        review = ClaimReviewed(
            report_id=report_id,
            target=claim.claim_id,
            basis=Basis.CODING,
            reason=(signature.reason or "").strip() or None,
            requested_by=who,
            verdict=Verdict.ACCEPTED,
        )
        return [claim, review]

    def add(
        self,
        report_id: str,
        fields: Mapping[str, Any],
        *,
        reviewed_by: str,
        expected_version: int | None = None,
    ) -> Reviewed:
        """Add a claim that was not read out of a report; whoever adds it has coded and signed it.

        Args:
            report_id: The report, to whose current version the claim is added.
            fields: As in a coded report; words of the report are quoted where it has a text.
            reviewed_by: Who says so.
            expected_version: Of the report's stream; `None` takes whichever it is.

        Raises:
            NotFound: no such report.
            InvalidEvent: what is wrong with the claim, or it is there already.
            WrongExpectedVersion: others kept amending the same report meanwhile.
            EventIdReused: as WrongExpectedVersion.
            PartlyAppended: as WrongExpectedVersion.
        """
        who = _named(reviewed_by)
        for attempt in range(1, DECISIONS_MAX + 1):
            try:
                return self._add_once(report_id, fields, who, expected_version)
            except MOVED_ON:
                if attempt == DECISIONS_MAX:
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _add_once(
        self, report_id: str, fields: Mapping[str, Any], who: str, expected: int | None
    ) -> Reviewed:
        version = self._stream_version(report_id, expected)
        view = self.version(report_id)
        text = self._reader.text(view.text_digest)
        try:
            proposed = replace(coded_claim(fields, text), coded_by=who)
        except ValueError as fault:
            raise InvalidEvent(f"the claim does not fit: {fault}") from None
        if text is not None and proposed.evidence is None:
            raise InvalidEvent("quote the words of the report that say so")
        (proposed,) = resolved([proposed], self._reader.gazetteer(), self._reader.actor_table())
        if view.reported_edtf is not None:
            try:
                check_dates(report_id, [proposed], occurred_from_edtf(view.reported_edtf))
            except InvalidReport as fault:
                raise InvalidEvent(fault.reason.removeprefix("claims[0].")) from None
        id_ = claim_id(proposed, view.report_version, 0)
        for known in read_history(self._store, report_id).claims:
            if known.claim_id == id_ or (known.ref and known.ref == proposed.ref):
                raise InvalidEvent(f"the claim is there already, as {known.ref or known.claim_id}")
        self._require_unfiled(report_id, id_)
        payloads = [
            claim_from(proposed, id_, report_id, view.report_version),
            ClaimReviewed(
                report_id=report_id,
                target=id_,
                basis=Basis.CODING,
                requested_by=who,
                verdict=Verdict.ACCEPTED,
            ),
        ]
        positions = self._append(report_id, version, payloads)
        return Reviewed(id_, ReviewStatus.ACCEPTED, positions[0])

    def _key(self, report_id: str, claim_id_: str) -> str:
        return event_id(self._store.casebook, f"report-{report_id}", "reviewed-in", claim_id_)

    def _require_unfiled(self, report_id: str, claim_id_: str) -> None:
        """What was retracted is reinstated, not filed anew; what was withheld stays away."""
        if self._store.event_by_id(self._key(report_id, claim_id_)) is not None:
            raise InvalidEvent(
                f"claim {claim_id_} was filed before, and retracted or withheld since: it is not"
                " filed again"
            )

    def _stream_version(self, report_id: str, expected: int | None) -> int:
        """Read before what is decided on is: what others append after this is a conflict."""
        version = self._store.expected_version(f"report-{report_id}", expected)
        self._runner.catch_up()
        self._runner.require_going(*DECIDED_BY)
        return version

    def _append(self, report_id: str, version: int, payloads: Sequence[Struct]) -> tuple[int, ...]:
        stream = f"report-{report_id}"
        new: list[NewEvent] = []
        for number, payload in enumerate(payloads):
            if isinstance(payload, Claim):
                key = self._key(report_id, payload.claim_id)
            else:  # the stream's version makes the same review, made again later, another event
                parts = (stream, str(version), str(number), encode(payload).decode())
                key = event_id(self._store.casebook, *parts)
            new.append(new_event(payload, key, {"command": "review"}))
        appended = self._store.append([StreamAppend(stream, version, tuple(new))])
        self._runner.catch_up_after_append()
        return tuple(appended.positions)


def _named(who: str) -> str:
    if not who.strip():
        raise InvalidEvent("say who reviews; the name stays in the log")
    return who.strip()


def _entry(entries: Sequence[Entry], target: str, report_id: str) -> Entry:
    found = [e for e in entries if target in (e.claim.claim_id, e.claim.ref)]
    if not found:
        raise NotFound(
            f"report {report_id!r} has no claim {target!r} that can be reviewed; see"
            f" `timeline review {report_id} --json`"
        )
    return found[-1]


def _carried(history: ReportHistory, payloads: Sequence[Struct]) -> tuple[ClaimReviewed, ...]:
    reviews = [p for p in payloads if isinstance(p, ClaimReviewed)]
    corrections = [p for p in payloads if isinstance(p, ClaimCorrected)]
    latest = {r.target: r.verdict for r in history.reviews}
    carried = history.carried(reviews, corrections)
    return tuple(r for r in carried if latest.get(r.target) is not r.verdict)
