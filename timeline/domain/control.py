"""Folds the standing claims about one place into who held it, and when: rules in docs/control.md.

Two passes. The first walks the evidence in the order in which it settles and keeps the state:
controlled, mixed, contested by rival claims, vacated or unknown. The second lays over it what does
not change the holder: days of fighting inside, sieges and cut routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import zip_longest

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.claims import Modality, Polarity
from timeline.domain.events import (
    Claim,
    Clash,
    RouteCut,
    RouteOpened,
    SiegeBegan,
    SiegeEnded,
)
from timeline.domain.holders import ControlClaim, ControlState, Holder
from timeline.domain.holding import (
    HOLDING_TYPES,
    INSTANT,
    Evidence,
    State,
    evidence_of,
    holding_states,
    settling_order,
    since_of,
)
from timeline.domain.places import Relation
from timeline.domain.time import Precision, end_of_day

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

    `last_confirmed` is the date of the latest evidence of the state up to that moment, `None` while
    nothing that it rests on is settled. `sources` is the number of independent root sources behind
    the state; of a contested one it counts every side.
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
    fighting = sorted(
        (e for e in evidence if isinstance(e.claim, Clash) and _is_dated_to_days(e)),
        key=settling_order,
    )
    conditions = sorted(
        (e for e in evidence if isinstance(e.claim, CONDITION_TYPES)), key=_ends_last
    )
    fights = _fighting_periods(fighting, states, time_zone)
    return _laid_over(states, fights, _condition_periods(conditions, states))


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
    of_holder = [s for s in span.supports if s.is_of_holder] or span.supports
    settled = [s for s in of_holder if s.settled <= moment]
    # Where nothing is settled yet, the span rests on what settles first.
    holding = settled or _first_to_settle(of_holder)
    beside = [s for s in span.supports if not s.is_of_holder and s.settled <= moment]
    return Control(
        state=span.state,
        holders=span.holders,
        conditions=span.conditions,
        since_earliest=span.since_earliest,
        since_latest=span.since_latest,
        certain=span.certain_from <= moment,
        last_confirmed=max(settled, key=lambda s: s.settled).latest if settled else None,
        sources=len({s.root for s in holding}),
        claim_ids=tuple(sorted({s.claim_id for s in (*holding, *beside)})),
    )


def _first_to_settle(supports: Sequence[Support]) -> list[Support]:
    first = min((s.settled for s in supports), default=None)
    return [s for s in supports if s.settled == first]


def _is_dated_to_days(e: Evidence) -> bool:
    """A clash makes its days contested only when it is known which days they were."""
    return e.start is not None and e.claim.occurred.precision in (
        Precision.TIME,
        Precision.DAY,
        Precision.INTERVAL,
    )


def _ends_last(e: Evidence) -> tuple[datetime, bool, datetime, int, str]:
    """Settling order, but what began and ended on one day has ended."""
    settled, known_from, offset, claim_id = settling_order(e)
    return settled, isinstance(e.claim, SiegeEnded | RouteOpened), known_from, offset, claim_id


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
    """A siege ends when the besieged leave, or somebody else takes the place for certain."""
    if period.condition is not Condition.BESIEGED:
        return period
    held_by: frozenset[str] = frozenset()
    for state, following in zip_longest(states, states[1:]):
        if following is not None and following.begin <= state.certain_from:
            continue  # it was disputed or followed at once, and never held for certain
        is_held = state.state in (ControlState.CONTROLLED, ControlState.MIXED)
        has_changed = is_held and bool(held_by) and not held_by & state.keys
        has_left = state.state is ControlState.VACATED
        if (has_changed or has_left) and period.covers(state.certain_from):
            return replace(period, end=state.certain_from)
        held_by = state.keys if is_held else held_by
    return period


def _fighting_periods(
    fighting: Sequence[Evidence], states: Sequence[State], time_zone: str
) -> list[_Period]:
    """Days of fighting inside; a change of control dated in them is what the fighting led to."""
    settled = sorted(s.settled for state in states for s in state.support if not s.is_statement)
    periods = []
    for e in fighting:
        assert e.start is not None  # noqa: S101
        last = end_of_day(e.settled, time_zone)
        end = next((m for m in settled if e.start <= m < last), last)
        if e.start < end:
            periods.append(_Period(start=e.start, end=end, evidence=e))
    return periods


def _laid_over(
    states: Sequence[State], fights: Sequence[_Period], conditions: Sequence[_Period]
) -> tuple[ControlSpan, ...]:
    cuts = {s.begin for s in states}
    for period in (*fights, *conditions):
        cuts.add(period.start)
        if period.end is not None:
            cuts.add(period.end)
    ordered = sorted(cuts)
    spans: list[ControlSpan] = []
    for start, end in zip_longest(ordered, ordered[1:]):
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
    support = state.support if state else ()
    kind = state.state if state else ControlState.UNKNOWN
    since = state.since if state else None
    if fights:
        rivals = support if kind is ControlState.CONTESTED else ()
        support, kind = (*rivals, *fights), ControlState.CONTESTED
        since = since_of(support)
    beside = {c.evidence.claim.claim_id: c.evidence for c in conditions}
    return ControlSpan(
        valid_from=start,
        valid_to=end,
        certain_from=start if fights or state is None else state.certain_from,
        state=kind,
        holders=state.holders if state else (),
        conditions=tuple(sorted({c.condition for c in conditions if c.condition})),
        since_earliest=since.earliest if since else None,
        since_latest=since.latest if since else None,
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


def _same(one: ControlSpan, other: ControlSpan) -> bool:
    return replace(one, valid_from=other.valid_from, valid_to=other.valid_to) == other
