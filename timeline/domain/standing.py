"""Decides which claims of a report stand, in which form, and during which known time.

The input is everything the log says of one report, in any order; the result does not depend on the
order in which it was filed, so that a correction filed before its target simply waits. Rules:
docs/architecture.md, "What was known when"; DESIGN, "Corrections have a basis" and "Revisions".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from timeline.domain.claims import ReviewStatus, Verdict
from timeline.domain.events import (
    CORRECTABLE_FIELDS,
    Amendment,
    Basis,
    Claim,
    ClaimCorrected,
    ClaimReinstated,
    ClaimRetracted,
    ClaimReviewed,
    ReportRetracted,
    ReportRevised,
    ReportVersion,
    corrected,
    encode,
)
from timeline.domain.time import known_end

ALWAYS = datetime(1, 1, 1, tzinfo=UTC)


class Fact(Struct, frozen=True, kw_only=True):
    """One stored event about a report: its payload, position and record time."""

    payload: Struct
    position: int
    recorded_at: str


class Standing(Struct, frozen=True, kw_only=True):
    """One form of a claim, and the half-open known time during which it stands.

    `known_until` is `None` while nothing voids it. `amended_by` holds the positions of the
    amendments that gave the claim this form. A rejected one stands during an empty time.
    """

    claim: Claim
    position: int
    known_from: datetime
    known_until: datetime | None
    amended_by: tuple[int, ...] = ()
    review: ReviewStatus = ReviewStatus.UNREVIEWED


class ReportStanding(Struct, frozen=True, kw_only=True):
    """A report's versions, oldest publication first, its standing claims, and what still waits.

    `rejected` are claims that a person found not to be what their words say; they never stand.
    """

    versions: tuple[tuple[ReportVersion, datetime, int], ...]
    claims: tuple[Standing, ...]
    waiting: tuple[Fact, ...]
    rejected: tuple[Standing, ...] = ()

    def forms(
        self, *, with_rejected: bool = False
    ) -> Iterator[tuple[Standing, int, ReportVersion]]:
        """The standing claims with the number of each form, from 0, and the version it is of."""
        versions = {v.report_version: v for v, _, _ in self.versions}
        numbers: dict[str, int] = {}
        for item in (*self.claims, *(self.rejected if with_rejected else ())):
            claim_id = item.claim.claim_id
            number = numbers[claim_id] = numbers.get(claim_id, -1) + 1
            yield item, number, versions[item.claim.report_version]


class _Timed(Struct, frozen=True, kw_only=True):
    """An amendment with the known time from which it counts; ALWAYS for basis coding."""

    payload: Amendment
    counts_from: datetime
    said_at: datetime
    position: int


def report_standing(facts: Iterable[Fact], time_zone: str) -> ReportStanding:
    """What stands of one report.

    Args:
        facts: Every event of the report's stream, in any order.
        time_zone: The casebook's, in which days are bounded.

    Returns:
        Claims in the order of their position; a claim that no version and no amendment lets stand
        at any known time is left out.
    """
    kept = sorted(facts, key=lambda f: f.position)
    versions = sorted(
        (
            (f.payload, known_end(f.payload.reported, f.recorded_at, time_zone), f.position)
            for f in kept
            if isinstance(f.payload, ReportVersion)
        ),
        key=_version_order,
    )
    amendments = [_timed(f, time_zone) for f in kept if isinstance(f.payload, Amendment)]
    if len(versions) == 1 and not amendments:
        return _as_filed(versions[0], kept)
    claims = [f for f in kept if isinstance(f.payload, Claim)]
    standing: list[Standing] = []
    rejected: list[Standing] = []
    answered = {a.position for a in amendments if versions and _is_of_report(a)}
    for fact in claims:
        claim = fact.payload
        assert isinstance(claim, Claim)  # noqa: S101
        if not any(v[0].report_version == claim.report_version for v in versions):
            continue
        aimed = [a for a in amendments if _aims_at(a, claim, versions, claims)]
        answered.update(a.position for a in aimed)
        if review_status(a.payload for a in aimed) is ReviewStatus.REJECTED:
            rejected.append(_rejected(fact, claim, aimed, versions))
        else:
            standing += _forms(fact, claim, aimed, versions)
    waiting = tuple(
        f for f in kept if isinstance(f.payload, Amendment) and f.position not in answered
    )
    return ReportStanding(
        versions=tuple(versions),
        claims=tuple(standing),
        waiting=waiting,
        rejected=tuple(rejected),
    )


def review_status(amendments: Iterable[Amendment]) -> ReviewStatus:
    """Whether a person has signed a claim, from what amends it, in the order of the log.

    The last verdict counts; a reinstatement by coding takes a rejection back. A claim that is
    accepted in a form which a correction by coding gave it is corrected.
    """
    verdict: Verdict | None = None
    is_corrected = False
    for amendment in amendments:
        if isinstance(amendment, ClaimReviewed):
            verdict = amendment.verdict
        elif amendment.basis is not Basis.CODING:
            continue
        elif isinstance(amendment, ClaimCorrected):
            is_corrected = True
        elif isinstance(amendment, ClaimReinstated) and verdict is Verdict.REJECTED:
            verdict = None
    if verdict is Verdict.ACCEPTED and is_corrected:
        return ReviewStatus.CORRECTED
    return ReviewStatus(verdict.value) if verdict else ReviewStatus.UNREVIEWED


def _rejected(
    fact: Fact,
    claim: Claim,
    amendments: Sequence[_Timed],
    versions: Sequence[tuple[ReportVersion, datetime, int]],
) -> Standing:
    """A rejected claim as it was put right last, from when its version is known."""
    known = next(v[1] for v in versions if v[0].report_version == claim.report_version)
    form, by = _amended(claim, sorted(amendments, key=_counting_order))
    return Standing(
        claim=form,
        position=fact.position,
        known_from=known,
        known_until=known,
        amended_by=by,
        review=ReviewStatus.REJECTED,
    )


def _amended(claim: Claim, counting: Iterable[_Timed]) -> tuple[Claim, tuple[int, ...]]:
    """The form that corrections give a claim, and their positions."""
    by = []
    for amendment in counting:
        if isinstance(amendment.payload, ClaimCorrected):
            claim = corrected(claim, amendment.payload.changes)
            by.append(amendment.position)
    return claim, tuple(by)


def _as_filed(
    version: tuple[ReportVersion, datetime, int], facts: Sequence[Fact]
) -> ReportStanding:
    """What stands of a report of one version that nothing was said of: all that it claims."""
    payload, known_from, _ = version
    claims = tuple(
        Standing(claim=f.payload, position=f.position, known_from=known_from, known_until=None)
        for f in facts
        if isinstance(f.payload, Claim) and f.payload.report_version == payload.report_version
    )
    return ReportStanding(versions=(version,), claims=claims, waiting=())


def _version_order(
    version: tuple[ReportVersion, datetime, int],
) -> tuple[datetime, bool, bool, str]:
    """By publication; of versions published together, one that says it is an update is the later.

    Position plays no part, so that what is known does not depend on the order of filing.
    """
    payload, known, _ = version
    is_revision = isinstance(payload, ReportRevised)
    return known, payload.updated is not None, is_revision, payload.report_version


def _counting_order(amendment: _Timed) -> tuple[datetime, int, int, bytes]:
    """Coding first, in the order in which we put it right; then the source's words as they came.

    Of words of a source that count from one moment, a reinstatement is the last, since it
    presupposes a retraction; otherwise their content decides, and never the order of filing.
    """
    payload = amendment.payload
    if payload.basis is Basis.CODING:
        return amendment.counts_from, amendment.position, 0, b""
    rank = 0 if isinstance(payload, ClaimCorrected) else 1
    if isinstance(payload, ClaimReinstated):
        rank = 2
    return amendment.counts_from, 0, rank, encode(payload)


def _is_of_report(amendment: _Timed) -> bool:
    return isinstance(amendment.payload, ReportRetracted)


def _timed(fact: Fact, time_zone: str) -> _Timed:
    amendment = fact.payload
    assert isinstance(amendment, Amendment)  # noqa: S101
    said_at = known_end(amendment.reported, fact.recorded_at, time_zone)
    return _Timed(
        payload=amendment,
        counts_from=ALWAYS if amendment.basis is Basis.CODING else said_at,
        said_at=said_at,
        position=fact.position,
    )


def _aims_at(
    amendment: _Timed,
    claim: Claim,
    versions: Sequence[tuple[ReportVersion, datetime, int]],
    claims: Sequence[Fact],
) -> bool:
    """Whether an amendment is about this claim.

    An outlet speaks for itself alone. It retracts what it had published by then, and corrects one
    claim. What we had misread we have misread in every version that says the same there.
    """
    payload = amendment.payload
    by_source = payload.basis is Basis.SOURCE
    version, known, _ = next(v for v in versions if v[0].report_version == claim.report_version)
    told_by = version.source.source_id if version.source else None
    if by_source and payload.by_source_id and told_by and payload.by_source_id != told_by:
        return False
    if isinstance(payload, ReportRetracted):
        return not by_source or known <= amendment.said_at
    target = _target(amendment, versions, claims)
    if isinstance(payload, ClaimReviewed):  # carried over by filing, where the words are equal
        return target is not None and target.claim_id == claim.claim_id
    if target is None or by_source or target.claim_id == claim.claim_id:
        return target is not None and target.claim_id == claim.claim_id
    return says_the_same(target, claim, payload)


def _target(
    amendment: _Timed,
    versions: Sequence[tuple[ReportVersion, datetime, int]],
    claims: Sequence[Fact],
) -> Claim | None:
    """The claim that a claim id names, or a `ref` in the version current when this was said.

    If it was said before any version, that is the first.
    """
    payload = amendment.payload
    assert isinstance(  # noqa: S101
        payload, ClaimCorrected | ClaimRetracted | ClaimReinstated | ClaimReviewed
    )
    known = [c.payload for c in claims if isinstance(c.payload, Claim)]
    named = next((c for c in known if c.claim_id == payload.target), None)
    if named is not None:
        return named
    by_version = {c.report_version: c for c in known if c.ref == payload.target}
    dated = [v for v in versions if v[0].report_version in by_version]
    if not dated:
        return None
    index = max(bisect_right([v[1] for v in dated], amendment.said_at) - 1, 0)
    return by_version[dated[index][0].report_version]


def says_the_same(one: Claim, other: Claim, payload: Amendment) -> bool:
    """Whether two versions' claims are the same telling, as far as an amendment is concerned."""
    if type(one) is not type(other) or one.ref != other.ref:
        return False
    fields = CORRECTABLE_FIELDS
    if isinstance(payload, ClaimCorrected) and one.ref is not None:
        fields = frozenset(payload.changes)
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def _forms(
    fact: Fact,
    claim: Claim,
    amendments: Sequence[_Timed],
    versions: Sequence[tuple[ReportVersion, datetime, int]],
) -> list[Standing]:
    """The forms that one claim takes over known time, split where an amendment counts from."""
    index = next(
        (i for i, v in enumerate(versions) if v[0].report_version == claim.report_version), None
    )
    if index is None:
        return []
    begin = versions[index][1]
    end = versions[index + 1][1] if index + 1 < len(versions) else None
    inside = {a.counts_from for a in amendments if begin < a.counts_from}
    cuts = sorted({begin, *(c for c in inside if end is None or c < end)})
    bounds: list[datetime | None] = [*cuts[1:], end]
    review = review_status(a.payload for a in amendments)
    forms: list[Standing] = []
    for start, until in zip(cuts, bounds, strict=True):
        if until is not None and until <= start:
            continue
        counting = sorted(
            (a for a in amendments if a.counts_from <= start),
            key=_counting_order,
        )
        if not _stands(counting):
            continue
        form, by = _amended(claim, counting)
        forms.append(
            Standing(
                claim=form,
                position=fact.position,
                known_from=start,
                known_until=until,
                amended_by=by,
                review=review,
            )
        )
    return forms


def _stands(counting: Sequence[_Timed]) -> bool:
    stands = True
    for amendment in counting:
        if isinstance(amendment.payload, ClaimRetracted | ReportRetracted):
            stands = False
        elif isinstance(amendment.payload, ClaimReinstated):
            stands = True
    return stands


def standing_on(forms: Iterable[Standing], cutoff: datetime | None) -> tuple[Standing, ...]:
    """The forms that stand at a known time (an exclusive end); `None` is all that is known."""
    return tuple(
        s
        for s in forms
        if (cutoff is None or s.known_from <= cutoff)
        and (s.known_until is None or (cutoff is not None and cutoff < s.known_until))
    )
