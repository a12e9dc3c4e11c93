"""Decides what an incident comes to: its type, place, days, independent sources and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from timeline.domain.claims import ClaimType
from timeline.domain.incident_claims import IncidentClaim, Stance
from timeline.domain.incidents import REGION, Group

INCIDENT_ID_PREFIX = "i-"
_CLAIM_ID_PREFIX = "c-"


class Figures(Struct, frozen=True, kw_only=True):
    """People killed: the lowest figure told, the best, and the highest."""

    low: int
    best: int
    high: int


class Incident(Struct, frozen=True, kw_only=True):
    """What one or more claims tell of one thing that happened, or that is said not to have.

    `earliest` and `latest` are inclusive ISO days; `None` where open. Claims are in the order in
    which they became known. Sources are counted by root: `sources` of those who say that it
    happened, `denials` of those who say that it did not. `counts` tells whether its figures may
    be summed with others': what nobody can tell apart from other incidents is not.
    """

    incident_id: str
    type: str
    place_id: str | None
    earliest: str | None
    latest: str | None
    corroborating: tuple[str, ...]
    contradicting: tuple[str, ...]
    sources: int
    denials: int
    figures: Figures | None
    counts: bool


def incident_id(claim_id: str) -> str:
    """The id of the incident whose first known claim this is."""
    return INCIDENT_ID_PREFIX + claim_id.removeprefix(_CLAIM_ID_PREFIX)


def claim_id_of(incident: str) -> str:
    """The claim by which an incident is named; the inverse of `incident_id`."""
    return _CLAIM_ID_PREFIX + incident.removeprefix(INCIDENT_ID_PREFIX)


def incident_of(group: Group) -> Incident:
    """What a group of claims comes to.

    Args:
        group: Claims of one incident, in the order in which they became known; at least one.
    """
    happened = [c for c in group if c.stance is Stance.CORROBORATING]
    denied = [c for c in group if c.stance is Stance.CONTRADICTING]
    telling = happened or denied
    types = Counter(c.type for c in telling)
    type_ = max(types, key=lambda t: types[t])  # of equals the first known, as Counter keeps order
    earliest, latest = _days(telling)
    located = any(c.is_linkable and c.geo_precision != REGION for c in happened)
    return Incident(
        incident_id=incident_id(group[0].claim_id),
        type=type_,
        place_id=_place(telling),
        earliest=earliest,
        latest=latest,
        corroborating=tuple(c.claim_id for c in happened),
        contradicting=tuple(c.claim_id for c in denied),
        sources=len({c.root for c in happened}),
        denials=len({c.root for c in denied}),
        figures=figures_of(happened),
        counts=located and type_ != ClaimType.CASUALTIES,
    )


def figures_of(claims: Sequence[IncidentClaim]) -> Figures | None:
    """The dead of one incident, each root source speaking once, by the last that it said.

    Of what one root said at the same time the greater counts: parts are less than the whole. The
    lowest low and the highest high. Of several best figures the lowest, since nobody here can weigh
    sources. `None` when nobody gives a figure.
    """
    last: dict[str, tuple[str, int, int, int]] = {}
    for claim in claims:
        told = _told(claim)
        if told is not None:
            word = (claim.known_from, told.best, told.high, told.low)
            last[claim.root] = max(last.get(claim.root, word), word)
    if not last:
        return None
    return Figures(
        low=min(low for _, _, _, low in last.values()),
        best=min(best for _, best, _, _ in last.values()),
        high=max(high for _, _, high, _ in last.values()),
    )


def _told(claim: IncidentClaim) -> Figures | None:
    """A claim's figures with what it leaves out: "at least 10" is 10, "up to 30" is 0 to 30."""
    low, best, high = claim.low, claim.best, claim.high
    told = [n for n in (low, best, high) if n is not None]
    if not told:
        return None
    only_high = low is None and best is None
    middle = best if best is not None else told[0]
    return Figures(low=0 if only_high else told[0], best=middle, high=told[-1])


def _place(claims: Sequence[IncidentClaim]) -> str | None:
    """The closest place told; of several that are equally close the one most told of."""
    placed = [c for c in claims if c.place_id is not None]
    if not placed:
        return None
    times = Counter(c.place_id for c in placed)
    closest = min(placed, key=lambda c: (c.geo_precision or REGION, -times[c.place_id], c.order))
    return closest.place_id


def _days(claims: Sequence[IncidentClaim]) -> tuple[str | None, str | None]:
    """The days that all dates share; those that do not share any give both bounds."""
    firsts = [c.first_day for c in claims if c.first_day is not None]
    lasts = [c.last_day for c in claims if c.last_day is not None]
    first, last = max(firsts, default=None), min(lasts, default=None)
    if first is not None and last is not None and first > last:
        first, last = min(firsts), max(lasts)
    return _iso(first), _iso(last)


def _iso(day: int | None) -> str | None:
    return None if day is None else date.fromordinal(day).isoformat()
