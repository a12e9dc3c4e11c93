"""Builds claims about one place in a line, and asks who held it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import Evidence
from timeline.domain.control import Control, ControlClaim, control_at, control_spans
from timeline.domain.events import (
    Claim,
    Clash,
    ControlChanged,
    ControlStated,
    Withdrawal,
)
from timeline.domain.places import PlaceMention, Relation
from timeline.domain.time import UNDATED, end_of, moment_end, occurred_from_edtf

ZONE = "Asia/Damascus"


def told(
    type_: type[Claim],
    occurred: str | None,
    *actors: tuple[str, ActorRole],
    root: str = "A",
    known: str | None = None,
    report: str | None = None,
    offset: int = 0,
    relation: Relation = Relation.AT,
    geo_precision: int | None = 1,
    **fields: Any,  # noqa: ANN401 - any other field of the claim
) -> ControlClaim:
    """A claim at Khanasser; known by default at the end of the day on which it settles."""
    when = occurred_from_edtf(occurred) if occurred else UNDATED
    known_from = end_of((known or when.latest or "2016-03-31")[:10], ZONE)
    report_id = report or f"{root}-{known_from:%Y-%m-%d}"
    shape = (type_.__name__, occurred, actors, root, report_id, offset, sorted(fields.items()))
    claim = type_(
        claim_id="c-" + hashlib.sha256(repr(shape).encode()).hexdigest()[:20],
        report_id=report_id,
        report_version="0" * 64,
        actors=tuple(ActorMention(as_named=a, actor_id=a, name=a, role=r) for a, r in actors),
        place=PlaceMention(
            as_named="Khanasser",
            place_id="khanasser",
            relation=relation,
            geo_precision=geo_precision,
        ),
        occurred=when,
        evidence=Evidence(span_start=offset, span_end=offset + 1),
        **fields,
    )
    return ControlClaim(claim=claim, root=root, known_from=known_from)


def took(
    holder: str | tuple[str, ...] | None,
    day: str | None,
    lost_by: str | None = None,
    **how: Any,  # noqa: ANN401
) -> ControlClaim:
    """That a place changed hands to `holder`, or to each of several."""
    holders = (holder,) if isinstance(holder, str) else holder or ()
    actors = [(h, ActorRole.HOLDER) for h in holders]
    if lost_by:
        actors.append((lost_by, ActorRole.PREVIOUS_HOLDER))
    return told(ControlChanged, day, *actors, **how)


def held(holder: str | None, day: str | None, **how: Any) -> ControlClaim:  # noqa: ANN401
    """That `holder` had a place."""
    return told(ControlStated, day, *([(holder, ActorRole.HOLDER)] if holder else []), **how)


def left(who: str, day: str | None, **how: Any) -> ControlClaim:  # noqa: ANN401
    """That `who` withdrew from a place."""
    return told(Withdrawal, day, (who, ActorRole.INITIATOR), **how)


def fought(day: str | None, **how: Any) -> ControlClaim:  # noqa: ANN401
    """That there was fighting in a place."""
    return told(Clash, day, **how)


def at(claims: Sequence[ControlClaim], moment: str) -> Control:
    """Who held the place at the end of a day, or at an instant."""
    return control_at(control_spans(claims, ZONE), moment_end(moment, ZONE))


def state_at(claims: Sequence[ControlClaim], moment: str) -> tuple[str, ...]:
    """The state and the holders' names."""
    control = at(claims, moment)
    return control.state.value, *(h.name for h in control.holders)


def since_at(claims: Sequence[ControlClaim], moment: str) -> tuple[str | None, str | None]:
    """The bounds between which the state began."""
    control = at(claims, moment)
    return control.since_earliest, control.since_latest
