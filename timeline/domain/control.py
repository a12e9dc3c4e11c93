"""Folds the standing claims about one place into who held it, and when: rules in docs/control.md.

Two passes. The first walks the evidence in the order in which it settles and keeps the state:
controlled, mixed, contested by rival claims, vacated or unknown (`holding.py`, `fold.py`). The
second lays over it what does not change the holder: days of fighting inside, sieges and cut routes
(`beside.py`). Here both are put together into spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.beside import Condition, GoingOn, Period
from timeline.domain.claims import Modality, Polarity
from timeline.domain.events import Claim
from timeline.domain.evidence import (
    CONTROL_TYPES,
    INSTANT,
    Evidence,
    bounds_of,
    evidence_of,
)
from timeline.domain.holders import ControlClaim, ControlState, Holder
from timeline.domain.holding import State
from timeline.domain.places import Relation
from timeline.domain.slabs import PlaceFold

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
    return spans_of_evidence(evidence, time_zone)


def spans_of_evidence(evidence: Sequence[Evidence], time_zone: str) -> tuple[ControlSpan, ...]:
    """`control_spans` of claims of which the evidence is known."""
    fold = PlaceFold(time_zone)
    fold.change(evidence, ())
    states = list(fold.holding.states_from(0))
    supports = [_supports(fold.holding.support(s), is_of_holder=True) for s in states]
    fights, conditions = GoingOn(fold.fighting.all()), GoingOn(fold.conditions.periods)
    periods = [*fold.fighting.all(), *fold.conditions.periods]
    cuts = {s.begin for s in states} | {p.start for p in periods}
    ordered = sorted(cuts | {p.end for p in periods if p.end})
    spans: list[ControlSpan] = []
    seen: list[object] = []
    current = -1
    for start, end in zip_longest(ordered, ordered[1:]):
        while current + 1 < len(states) and states[current + 1].begin <= start:
            current += 1
        fighting, beside = fights.at(start), conditions.at(start)
        state = states[current] if current >= 0 else None
        rests_on = supports[current] if state else ()
        # Spans that rest on the same are one, unless they are certain from their own beginning on.
        same: list[object] = [current, beside] if state and not fighting else [start]
        if same == seen:
            spans[-1] = replace(spans[-1], valid_to=end)
        else:
            spans.append(_span(start, end, state, rests_on, fighting, beside))
        seen = same
    return tuple(spans)


def span_at(spans: Sequence[ControlSpan], moment: datetime) -> ControlSpan | None:
    """The span that holds an instant; `None` where nothing was said."""
    covering = (
        s for s in spans if s.valid_from <= moment and (s.valid_to is None or moment < s.valid_to)
    )
    return next(covering, None)


def control_at(spans: Sequence[ControlSpan], cutoff: datetime) -> Control:
    """The state at a moment, given as an exclusive end (`moment_end`)."""
    moment = cutoff - INSTANT
    span = span_at(spans, moment)
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


def _span(
    start: datetime,
    end: datetime | None,
    state: State | None,
    support: tuple[Support, ...],
    fights: Sequence[Period],
    conditions: Sequence[Period],
) -> ControlSpan:
    kind = state.state if state else ControlState.UNKNOWN
    since = state.since if state else None
    if fights:
        rivals = state if state and kind is ControlState.CONTESTED else None
        evidence = [f.evidence for f in fights]
        support = (*(support if rivals else ()), *_supports(evidence, is_of_holder=True))
        kind = ControlState.CONTESTED
        since = bounds_of(evidence, rivals.bounds if rivals else None).since()
    beside = {c.evidence.claim_id: c.evidence for c in conditions}
    if beside:
        support = (*support, *_supports(beside.values(), is_of_holder=False))
    return ControlSpan(
        valid_from=start,
        valid_to=end,
        certain_from=start if fights or state is None else state.certain_from,
        state=kind,
        holders=state.holders if state else (),
        conditions=tuple(sorted({c.condition for c in conditions if c.condition})),
        since_earliest=since.earliest if since else None,
        since_latest=since.latest if since else None,
        supports=support,
    )


def _supports(evidence: Iterable[Evidence], *, is_of_holder: bool) -> tuple[Support, ...]:
    return tuple(
        Support(
            claim_id=e.claim_id,
            root=e.root,
            settled=e.settled,
            latest=e.latest,
            is_of_holder=is_of_holder,
        )
        for e in evidence
    )
