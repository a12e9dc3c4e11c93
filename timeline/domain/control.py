"""Folds the standing claims about one place into who held it, and when: rules in docs/control.md.

Two passes. The first walks the evidence in the order in which it settles and keeps the state:
controlled, mixed, contested by rival claims, vacated or unknown. The second lays over it what does
not change the holder: days of fighting inside, sieges and cut routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.claims import Modality, Polarity
from timeline.domain.events import (
    Claim,
    Clash,
    ControlStated,
    RouteCut,
    RouteOpened,
    SiegeBegan,
    SiegeEnded,
)
from timeline.domain.holding import (
    HOLDING_TYPES,
    INSTANT,
    ControlClaim,
    ControlState,
    Evidence,
    Holder,
    State,
    evidence_of,
    holding_states,
    settling_order,
)
from timeline.domain.places import Relation
from timeline.domain.time import Precision

CONDITION_TYPES = (SiegeBegan, SiegeEnded, RouteCut, RouteOpened)
CONTROL_TYPES = (*HOLDING_TYPES, *CONDITION_TYPES, Clash)

__all__ = [
    "Condition",
    "Control",
    "ControlClaim",
    "ControlSpan",
    "ControlState",
    "Holder",
    "Support",
    "control_at",
    "control_spans",
    "moves_control",
]


class Condition(StrEnum):
    """What can be the case beside a holder."""

    BESIEGED = "besieged"
    CUT_OFF = "cut_off"


class Support(Struct, frozen=True, kw_only=True):
    """A claim that a span rests on; it counts from `settled` on.

    `is_of_holder` tells evidence of who holds the place from that of a condition beside it.
    """

    claim_id: str
    root: str
    settled: datetime
    latest: str
    is_of_holder: bool = True


class ControlSpan(Struct, frozen=True, kw_only=True):
    """A stretch of valid time, half-open, during which the state of a place is the same.

    Before `certain_from` the span is uncertain: the change lies between `since_earliest` (`None`:
    no lower bound is known) and `since_latest`, both inclusive as in `Occurred`. `valid_to` is
    `None` for the span that still lasts.
    """

    valid_from: datetime
    valid_to: datetime | None
    certain_from: datetime
    state: ControlState
    holders: tuple[Holder, ...]
    conditions: tuple[Condition, ...]
    since_earliest: str | None
    since_latest: str | None
    supports: tuple[Support, ...]


class Control(Struct, frozen=True, kw_only=True):
    """Who held a place at one moment, and how well that is known.

    `last_confirmed` is the date of the latest evidence up to that moment, `sources` the number of
    independent root sources that agree.
    """

    state: ControlState = ControlState.UNKNOWN
    holders: tuple[Holder, ...] = ()
    conditions: tuple[Condition, ...] = ()
    since_earliest: str | None = None
    since_latest: str | None = None
    certain: bool = True
    last_confirmed: str | None = None
    sources: int = 0
    claim_ids: tuple[str, ...] = ()


def moves_control(claim: Claim) -> bool:
    """Whether a claim can say anything about who holds its place.

    Only an asserted, positive claim at or in the place itself, dated at least "not later than".
    """
    place = claim.place
    return (
        isinstance(claim, CONTROL_TYPES)
        and claim.modality is Modality.ASSERTED
        and claim.polarity is Polarity.POSITIVE
        and place is not None
        and place.place_id is not None
        and place.relation in (Relation.AT, Relation.IN)
        and place.geo_precision == 1
        and claim.occurred.latest is not None
    )


def control_spans(claims: Iterable[ControlClaim], time_zone: str) -> tuple[ControlSpan, ...]:
    """Fold the standing claims about one place into who held it, and when.

    Args:
        claims: Standing claims about one place, in any order; those that cannot move control are
            passed over.
        time_zone: The casebook's, in which days are bounded.

    Returns:
        Half-open spans in valid time, earliest first, without overlap or gap; empty when nothing
        was said about control.
    """
    evidence = [evidence_of(c, time_zone) for c in claims if moves_control(c.claim)]
    states = holding_states(evidence)
    fighting = [e for e in evidence if isinstance(e.claim, Clash) and _is_dated_to_days(e)]
    conditions = sorted(
        (e for e in evidence if isinstance(e.claim, CONDITION_TYPES)), key=settling_order
    )
    return _laid_over(states, fighting, _condition_periods(conditions, states))


def control_at(spans: Sequence[ControlSpan], cutoff: datetime) -> Control:
    """The state at a moment, given as an exclusive end (`moment_end`)."""
    moment = cutoff - INSTANT
    span = next(
        (
            s
            for s in spans
            if s.valid_from <= moment and (s.valid_to is None or moment < s.valid_to)
        ),
        None,
    )
    if span is None:
        return Control()
    supports = [s for s in span.supports if s.settled <= moment] or list(span.supports)
    holding = [s for s in supports if s.is_of_holder] or supports
    return Control(
        state=span.state,
        holders=span.holders,
        conditions=span.conditions,
        since_earliest=span.since_earliest,
        since_latest=span.since_latest,
        certain=span.certain_from <= moment,
        last_confirmed=max(holding, key=lambda s: s.settled).latest if holding else None,
        sources=len({s.root for s in holding}),
        claim_ids=tuple(sorted({s.claim_id for s in supports})),
    )


def _is_dated_to_days(e: Evidence) -> bool:
    """A clash makes its days contested only when it is known which days they were."""
    return e.start is not None and e.claim.occurred.precision in (
        Precision.TIME,
        Precision.DAY,
        Precision.INTERVAL,
    )


class _Period(Struct, frozen=True, kw_only=True):
    """A stretch during which a condition holds, or fighting goes on."""

    start: datetime
    end: datetime | None
    evidence: Evidence
    condition: Condition | None = None

    def covers(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)


def _condition_periods(conditions: Sequence[Evidence], states: Sequence[State]) -> list[_Period]:
    """Sieges last until they are ended or the place changes hands; cut routes until opened."""
    periods: list[_Period] = []
    for condition, began, ended in (
        (Condition.BESIEGED, SiegeBegan, SiegeEnded),
        (Condition.CUT_OFF, RouteCut, RouteOpened),
    ):
        open_: Evidence | None = None
        for e in conditions:
            if isinstance(e.claim, began) and open_ is None:
                open_ = e
            elif isinstance(e.claim, ended) and open_ is not None:
                periods.append(
                    _Period(start=open_.settled, end=e.settled, evidence=open_, condition=condition)
                )
                open_ = None
        if open_ is not None:
            periods.append(
                _Period(start=open_.settled, end=None, evidence=open_, condition=condition)
            )
    return [_until_hands_change(p, states) for p in periods]


def _until_hands_change(period: _Period, states: Sequence[State]) -> _Period:
    if period.condition is not Condition.BESIEGED:
        return period
    for before, after in pairwise(states):
        changed = before.holders and after.holders and before.holders != after.holders
        taken = after.state is ControlState.CONTROLLED
        if changed and taken and period.covers(after.certain_from):
            return replace(period, end=after.certain_from)
    return period


def _fighting_periods(fighting: Sequence[Evidence], states: Sequence[State]) -> tuple[_Period, ...]:
    """Days of fighting inside; a change of control dated in them is what the fighting led to."""
    settled = sorted(s.settled for state in states for s in state.support)
    periods = []
    for e in fighting:
        assert e.start is not None  # noqa: S101
        end = next((m for m in settled if e.start <= m <= e.settled), e.settled + INSTANT)
        if e.start < end:
            periods.append(_Period(start=e.start, end=end, evidence=e))
    return tuple(periods)


def _laid_over(
    states: Sequence[State], fighting: Sequence[Evidence], conditions: Sequence[_Period]
) -> tuple[ControlSpan, ...]:
    fights = _fighting_periods(fighting, states)
    cuts = {s.begin for s in states}
    for period in (*fights, *conditions):
        cuts.add(period.start)
        if period.end is not None:
            cuts.add(period.end)
    ordered = sorted(cuts)
    spans: list[ControlSpan] = []
    for start, end in zip(ordered, [*ordered[1:], None], strict=True):
        state = next((s for s in reversed(states) if s.begin <= start), None)
        span = _span(
            start,
            end,
            state,
            [f.evidence for f in fights if f.covers(start)],
            [c for c in conditions if c.covers(start)],
        )
        if spans and _same(spans[-1], span):
            spans[-1] = replace(spans[-1], valid_to=end)
        else:
            spans.append(span)
    return tuple(spans)


def _span(
    start: datetime,
    end: datetime | None,
    state: State | None,
    fights: Sequence[Evidence],
    conditions: Sequence[_Period],
) -> ControlSpan:
    support = tuple(fights) if fights else state.support if state else ()
    kind = state.state if state else ControlState.UNKNOWN
    changes = [s for s in support if not isinstance(s.claim, ControlStated)] or list(support)
    if kind is not ControlState.CONTESTED and not fights:
        changes = _of_first_change(changes, state)
    earliest = [s.claim.occurred.earliest for s in changes]
    latest = [s for s in changes if s.claim.occurred.latest]
    beside = {c.evidence.claim.claim_id: c.evidence for c in conditions}
    return ControlSpan(
        valid_from=start,
        valid_to=end,
        certain_from=start if fights or state is None else state.certain_from,
        state=ControlState.CONTESTED if fights else kind,
        holders=state.holders if state else (),
        conditions=tuple(sorted({c.condition for c in conditions if c.condition})),
        since_earliest=None if None in earliest or not earliest else _first(changes),
        since_latest=max(latest, key=lambda s: s.settled).claim.occurred.latest if latest else None,
        supports=tuple(
            Support(
                claim_id=e.claim.claim_id,
                root=e.root,
                settled=e.settled,
                latest=e.claim.occurred.latest or "",
                is_of_holder=e in support,
            )
            for e in (*support, *beside.values())
        ),
    )


def _of_first_change(changes: list[Evidence], state: State | None) -> list[Evidence]:
    """What dates the change itself, and not a later confirmation of it."""
    if state is None:
        return changes
    return [e for e in changes if e.first <= state.certain_from]


def _first(changes: Sequence[Evidence]) -> str | None:
    return min(changes, key=lambda s: s.first).claim.occurred.earliest


def _same(one: ControlSpan, other: ControlSpan) -> bool:
    return replace(one, valid_from=other.valid_from, valid_to=other.valid_to) == other
