"""Finds "the town", "the base" and the like, and which place named before they stand for.

The last fitting one: a town for a town, an airport for a base, and rather one at which something
happened than one that only said where ("near X").
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise

from msgspec.structs import replace

from timeline.domain.places import Gazetteer, PlaceKind, PlaceMention, Relation
from timeline.extraction.place_forms import ANAPHOR, SEVERAL, SITE_KINDS
from timeline.extraction.placing import PlaceHit
from timeline.extraction.relating import related

NEIGHBOURS_MAX = 80
RECALL_CHARACTERS = 450
TIME_CLAUSE_MAX = 90
_SETTLEMENT_WORDS = frozenset(
    {"town", "city", "village", "hamlet", "settlement", "enclave", "provincial capital"}
    | {"district", "neighbourhood", "neighborhood"}
)
_PARTS = frozenset({"district", "neighbourhood", "neighborhood"})
_BASES = frozenset({PlaceKind.AIRBASE, PlaceKind.BASE, PlaceKind.CAMP, PlaceKind.FACILITY})
_KINDS = {
    "base": _BASES,
    "station": frozenset({PlaceKind.POWER_STATION, PlaceKind.FACILITY}),
    "crossing": frozenset({PlaceKind.CROSSING}),
    "bridge": frozenset({PlaceKind.CROSSING}),
    "hill": frozenset({PlaceKind.HILL}),
    "island": frozenset({PlaceKind.ISLAND}),
    "dam": frozenset({PlaceKind.FACILITY}),
    "port": frozenset({PlaceKind.FACILITY}),
    "refinery": frozenset({PlaceKind.FACILITY}),
    "hospital": frozenset({PlaceKind.FACILITY}),
}


def with_anaphors(
    text: str, places: list[PlaceHit], gazetteer: Gazetteer, body: int
) -> list[PlaceHit]:
    """The places with those that "the town" and the like stand for, left to right.

    Args:
        text: The cleaned text.
        places: What it names.
        gazetteer: The places of the theatre.
        body: Where the body begins; what the dateline names is the last to be meant.
    """
    found = list(places)
    for match in ANAPHOR.finditer(text):
        at = bisect_left(places, match.start(), key=lambda p: p.start)
        near = places[max(0, at - NEIGHBOURS_MAX) : at + NEIGHBOURS_MAX]
        if any(p.start < match.end() and match.start() < p.end for p in near):
            continue
        before = [p for p in near if p.end <= match.start()]
        told = [p for p in before if p.start >= body]
        main = [p for p in told if not _is_in_time_clause(text, p)]
        told = main if main and main[-1].start >= match.start() - RECALL_CHARACTERS else told
        meant = _meant(match, told, gazetteer) or _meant(match, before, gazetteer)
        if meant is not None:
            found.append(_standing(text, match, meant, gazetteer))
    for match in SEVERAL.finditer(text):
        first = _first_of_several(text, match, places)
        if first is not None:
            found.append(_standing(text, match, first, gazetteer))
    return sorted(found, key=lambda p: p.start)


def _is_in_time_clause(text: str, place: PlaceHit) -> bool:
    """As in "X fell on Monday, a week after Y had fallen": Y only says when."""
    before = text[max(0, place.start - TIME_CLAUSE_MAX) : place.start]
    return _TIME_CLAUSE.search(before) is not None


_TIME_CLAUSE = re.compile(
    r", (?:just |only )?(?:\w+ )?(?:hours?|days?|weeks?|months?|years?) (?:after|before)\b[^.;]*\Z"
)


def _first_of_several(text: str, match: re.Match[str], places: list[PlaceHit]) -> PlaceHit | None:
    """As in "the two towns": the first of those named last, side by side, before them."""
    at = bisect_left(places, match.start(), key=lambda p: p.start)
    near = [p for p in places[max(0, at - NEIGHBOURS_MAX) : at] if p.end <= match.start()]
    for one, other in reversed(list(pairwise(near))):
        if text[one.end : other.start] == " and " and one.kind == other.kind:
            return one
    return None


def _meant(match: re.Match[str], before: list[PlaceHit], gazetteer: Gazetteer) -> PlaceHit | None:
    """The place that the words stand for, of those named before them."""
    kind = match["kind"].lower()
    if kind == "area":
        fitting = before
    elif kind in _SETTLEMENT_WORDS:
        wanted = {"settlement", "part"} if kind in _PARTS else {"settlement"}
        fitting = [p for p in before if p.kind in wanted]
        if all(p.mention.relation is Relation.TOWARD for p in fitting):  # where they only went
            sited = [t for p in before if (t := _town_of(p, gazetteer)) is not None]
            fitting = sited or fitting
        fitting = fitting or [t for p in before if (t := _town_of(p, gazetteer)) is not None]
        sized = [p for p in fitting if _has_size(p, kind, gazetteer)]
        if kind == "city":
            sized = [p for p in sized if p.mention.place_id] or sized
        points = match.group()[:4].lower() in ("that", "this")
        fitting = fitting if points else (sized or fitting)
    elif kind == "province":
        fitting = [p for p in before if p.kind == "region"]
    else:
        fitting = [p for p in before if p.kind == "site" and _is_such(p, kind, gazetteer)]
    direct = [p for p in fitting if not p.is_aside] or fitting
    if not direct:
        return None
    if kind in _SETTLEMENT_WORDS:
        at = [p for p in direct if p.mention.relation in (Relation.AT, Relation.IN)]
        if at and match.start() - at[-1].end <= RECALL_CHARACTERS:
            return at[-1]
    return direct[-1]


def _has_size(place: PlaceHit, kind: str, gazetteer: Gazetteer) -> bool:
    """Whether a place is, as far as is known, the city or village that is spoken of."""
    wanted = {"city": PlaceKind.CITY, "village": PlaceKind.VILLAGE}.get(kind)
    known = gazetteer.get(place.mention.place_id or "")
    return wanted is None or known is None or known.kind is wanted


def _town_of(site: PlaceHit, gazetteer: Gazetteer) -> PlaceHit | None:
    """As in "Mosul airport": Mosul, for a city that is spoken of later."""
    first, _, rest = site.mention.as_named.partition(" ")
    if site.kind != "site" or not rest:
        return None
    town = gazetteer.mention(PlaceMention(as_named=first))
    if town.place_id is None or town.place_id == site.mention.place_id:
        return None
    return site._replace(mention=town, kind="settlement")


def _is_such(place: PlaceHit, kind: str, gazetteer: Gazetteer) -> bool:
    """Whether a site is of the kind that is spoken of: a base may be called an airport."""
    group, words = next((g for g in SITE_KINDS.items() if kind in g[1]), (kind, (kind,)))
    if any(word in place.mention.as_named.lower() for word in words):
        return True
    known = gazetteer.get(place.mention.place_id or "")
    return known is not None and known.kind in _KINDS.get(group, frozenset())


def _standing(text: str, match: re.Match[str], meant: PlaceHit, gazetteer: Gazetteer) -> PlaceHit:
    last, kind = meant.mention, match["kind"].lower()
    mention, aside = related(text, match.start(), PlaceMention(as_named=match.group()))
    away_of = last.relation in (Relation.NEAR, Relation.TOWARD) and mention.relation is Relation.AT
    if last.place_id:
        mention = gazetteer.mention(replace(mention, place_id=last.place_id))
    else:
        mention = replace(mention, as_named=last.as_named)
    if " old " in match.group().lower() and mention.relation is Relation.AT:
        mention = replace(
            mention, relation=Relation.IN, geo_precision=2
        )  # "the old city" is a part
    if kind == "area" or (away_of and kind not in _SETTLEMENT_WORDS and kind != "province"):
        mention = replace(mention, relation=Relation.NEAR, geo_precision=2)
    return PlaceHit(match.start(), match.end(), mention, meant.kind, True, aside)
