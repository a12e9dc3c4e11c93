"""Decides which places a text names, and how an event there would relate to them.

A gazetteer name, a name after a word of place ("the village of X") or before one ("X air base").
"Countryside of X" is never X; what the gazetteer does not know stays named and unresolved.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from timeline.domain.places import Gazetteer, Place, PlaceKind, PlaceMention, Relation
from timeline.extraction.mentions import Hit, place_names
from timeline.extraction.neighbours import located, sharing_relation
from timeline.extraction.place_forms import (
    ADJECTIVAL_AFTER,
    ADJECTIVE,
    ARMED_AFTER,
    CAPITAL,
    CAPITAL_LEAD,
    COUNTED_BEFORE,
    COUNTRY,
    DATED_AFTER,
    KIND_AFTER,
    KIND_BEFORE,
    KIND_OF,
    LOOSE,
    NATIONALITY,
    NOT_PLACES,
    OF_NAME,
    ORGANISATION,
    PART,
    PART_BEFORE,
    PART_OF_TOWN,
    QUARTER_AFTER,
    REGION,
    REGION_AFTER,
    REGION_BEFORE,
    ROAD,
    ROAD_AFTER,
    ROAD_MARK,
    SITE_AFTER,
    SITE_NAMED,
    SOLDIERS_AFTER,
    STREET,
    SUBJECT,
    TITLE_BEFORE,
    TOWN_AFTER,
    is_no_place_here,
)
from timeline.extraction.relating import related
from timeline.extraction.repeating import with_repeats

NEIGHBOURS_MAX = 80
_SITE_KINDS = {
    PlaceKind.AIRBASE,
    PlaceKind.BASE,
    PlaceKind.FACILITY,
    PlaceKind.POWER_STATION,
    PlaceKind.CAMP,
    PlaceKind.CROSSING,
    PlaceKind.HILL,
    PlaceKind.ISLAND,
}
_STRICT = ((KIND_OF, True), (KIND_AFTER, True))
_REGION_KINDS = {PlaceKind.COUNTRY, PlaceKind.GOVERNORATE, PlaceKind.REGION}


class PlaceHit(NamedTuple):
    """A place as the text names it here; half-open code points."""

    start: int
    end: int
    mention: PlaceMention
    kind: str
    is_anaphor: bool = False
    is_aside: bool = False

    @property
    def is_region(self) -> bool:
        """Whether it is a stretch of country and not a spot."""
        return self.kind == "region"


def find_places(text: str, gazetteer: Gazetteer, taken: list[Hit]) -> list[PlaceHit]:
    """Every place that a cleaned text names, left to right.

    Args:
        text: The cleaned text.
        gazetteer: The places of the casebook's theatre.
        taken: Names of actors; a place inside a longer name of an actor is no place.
    """
    found: list[PlaceHit] = []
    for hit in place_names(gazetteer).find(text):
        if is_no_place_here(text, hit.start, hit.end):
            continue
        near = _around(taken, hit.start)
        if any(t.start <= hit.start and hit.end <= t.end and t[:2] != hit[:2] for t in near):
            continue
        found.append(_known(text, hit, gazetteer))
    found = _without_overlap(found)
    covered = bytearray(len(text))
    for known in found:
        covered[known.start : known.end] = b"\1" * (known.end - known.start)
    for pattern, strict in (*_STRICT, (SUBJECT, False), (LOOSE, False)):
        for match in pattern.finditer(text):
            if any(covered[match.start("name") : match.end("name")]):
                continue
            if pattern is KIND_AFTER and OF_NAME.match(text, match.end()):
                continue  # "the Red Sea port of X"
            unknown = _unknown(text, match, gazetteer, taken, strict)
            is_listed = any(covered[max(0, match.start() - 2) : match.start() + 1])
            is_listed = is_listed or DATED_AFTER.match(text, match.end()) is not None
            is_listed = is_listed or KIND_BEFORE.search(text[: match.start()][-20:]) is not None
            if text[match.start()] == "," and unknown and not unknown.mention.place_id:
                unknown = unknown if is_listed else None  # rather a person than a place
            if unknown is not None:
                found.append(unknown)
                covered[unknown.start : unknown.end] = b"\1" * (unknown.end - unknown.start)
    found = with_repeats(text, found, taken)
    found = sharing_relation(text, found)
    found = located(text, found)
    return _with_roads(text, found, gazetteer)


_Spanned = TypeVar("_Spanned", Hit, PlaceHit)


def _around(items: list[_Spanned], position: int) -> list[_Spanned]:
    """The items near a code point, of a list in text order: enough, and bounded."""
    at = bisect_left(items, position, key=lambda item: item.start)
    return items[max(0, at - NEIGHBOURS_MAX) : at + NEIGHBOURS_MAX]


def _known(text: str, hit: Hit, gazetteer: Gazetteer) -> PlaceHit:
    """A gazetteer name, widened by its words of place and related by those before it."""
    start, end = hit.start, hit.end
    place = gazetteer.get(hit.ids[0]) if len(hit.ids) == 1 else None
    before = REGION_BEFORE.search(text, max(0, start - 60), start)
    after = REGION_AFTER.match(text, end)
    if place is None or place.kind not in _REGION_KINDS:
        if before:
            return _region(text, before.start(), end, gazetteer)
        if after:
            part = PART_BEFORE.search(text, max(0, start - 20), start)
            return _region(text, part.start() if part else start, after.end(), gazetteer)
        site = SITE_AFTER.match(text, end)
        if site:
            whole = _resolved(text[start : site.end()], gazetteer)
            if whole is not None:
                place, end = whole, site.end()
            elif not re.search(r"(?i)town|city|village", site.group()):
                mention = PlaceMention(as_named=text[start : site.end()], geo_precision=1)
                relation = related(text, start, mention)
                kind = "part" if PART_OF_TOWN.search(site.group()) else "site"
                return PlaceHit(start, site.end(), relation[0], kind, is_aside=relation[1])
            else:
                end = site.end()
    part = PART_BEFORE.search(text, max(0, start - 20), start)
    if part and (whole := _resolved(text[part.start() : end], gazetteer)):
        place, start = whole, part.start()
    named = PlaceMention(as_named=text[start:end])
    mention, aside = related(text, start, named)
    filled = _filled(mention, place, gazetteer)
    return PlaceHit(start, end, filled, _kind(place), is_aside=aside)


def _filled(mention: PlaceMention, place: Place | None, gazetteer: Gazetteer) -> PlaceMention:
    """The mention as the gazetteer fills it in; something in a region is in it, not at it."""
    if place is not None and place.kind in _REGION_KINDS and mention.relation is Relation.AT:
        mention = replace(mention, relation=Relation.IN)
    filled = gazetteer.mention(mention)
    if place is not None and filled.place_id != place.place_id:
        by_id = gazetteer.mention(replace(mention, place_id=place.place_id))
        filled = by_id if by_id.place_id else filled
    return filled


def _resolved(name: str, gazetteer: Gazetteer) -> Place | None:
    """The place of exactly this name, by a spelling and not by likeness."""
    hits = place_names(gazetteer).find(name)
    whole = [h for h in hits if h.end - h.start >= len(name) - 1 and len(h.ids) == 1]
    return gazetteer.get(whole[0].ids[0]) if whole else None


def _region(text: str, start: int, end: int, gazetteer: Gazetteer) -> PlaceHit:
    """As in "Eastern countryside of X": the region of that name, or unresolved, but never X."""
    named = re.sub(r"\Athe ", "", text[start:end])
    start = end - len(named)
    place = None
    for spelling in _region_spellings(named):
        place = place or _resolved(spelling, gazetteer)
    mention = PlaceMention(as_named=named, relation=Relation.IN, geo_precision=3)
    if place is not None:
        return PlaceHit(start, end, _filled(mention, place, gazetteer), "region")
    return PlaceHit(start, end, mention, "region")


def _region_spellings(named: str) -> list[str]:
    match = re.fullmatch(
        rf"(?:(?P<part>(?i:{PART})) )?(?P<kind>{REGION}) of (?:the )?(?P<name>.+)", named
    ) or re.fullmatch(rf"(?:(?P<part>(?i:{PART})) )?(?P<name>.+?)(?:'s)? (?P<kind>{REGION})", named)
    if match is None:
        return [named]
    part, kind, name = match["part"] or "", match["kind"].lower(), match["name"]
    return [
        named,
        f"{part} {kind} of {name}".strip(),
        f"{part} {name} {kind}".strip(),
        f"{part} {name} countryside".strip() if part else f"{name} {kind}",
    ]


def _kind(place: Place | None) -> str:
    if place is None:
        return "settlement"
    if place.kind is PlaceKind.NEIGHBOURHOOD:
        return "part"
    if place.kind in _REGION_KINDS:
        return "region"
    if place.kind is PlaceKind.ROAD:
        return "road"
    return "site" if place.kind in _SITE_KINDS else "settlement"


def _unknown(
    text: str, match: re.Match[str], gazetteer: Gazetteer, taken: list[Hit], strict: bool
) -> PlaceHit | None:
    """A name that the gazetteer does not hold by its spelling: by consonants, or as named."""
    name = match["name"]
    start, end = match.start("name"), match.end("name")
    if NOT_PLACES.match(name) or (name.isupper() and not strict):
        return None
    is_longer = _is_in_longer_name(text, match, start) or TOWN_AFTER.match(text, end)
    if ADJECTIVE.fullmatch(name.removesuffix("s")) or is_longer:
        return None
    if is_no_place_here(text, start, end) or _is_partys(text, start, end, taken, strict=strict):
        return None
    if text.endswith("capital of ", 0, start):
        mention = PlaceMention(as_named=name, relation=Relation.IN, geo_precision=3)
        return PlaceHit(start, end, mention, "region", is_aside=True)
    whole = text[start : match.end()] if strict else name
    resolved = gazetteer.mention(PlaceMention(as_named=name))
    is_sure = resolved.match is not None and resolved.match.score >= 0.8 and len(name) >= 5
    if not strict and not is_sure and _looks_like_no_place(text, start, end):
        return None
    is_region = bool(re.search(rf"{REGION}\Z", whole) or re.match(REGION, match.group()))
    if is_region:
        shown = whole if whole != name else match.group()
        return PlaceHit(
            start,
            end,
            PlaceMention(as_named=shown, relation=Relation.IN, geo_precision=3),
            "region",
        )
    named = PlaceMention(as_named=whole if strict and not is_sure else name)
    mention, aside = related(text, start, named)
    if is_sure:
        mention = gazetteer.mention(mention)
    around = match.group() + text[end : end + 15].split(",", maxsplit=1)[0]
    is_part = PART_OF_TOWN.search(around) or QUARTER_AFTER.match(text, end)
    if is_part and not is_sure:
        return PlaceHit(start, end, mention, "part", is_aside=aside)
    if STREET.search(name) and not is_sure:
        return PlaceHit(start, end, replace(mention, geo_precision=2), "road", is_aside=aside)
    if COUNTRY.fullmatch(name) and not is_sure:
        return PlaceHit(start, end, replace(mention, geo_precision=3), "region", is_aside=aside)
    if strict and not is_sure and SITE_NAMED.search(whole):
        end = max(end, match.end())
    kind = (
        "settlement"
        if is_sure or not re.search(r"(?i)base|airport|camp|dam|field", whole)
        else "site"
    )
    return PlaceHit(start, end, mention, kind, is_aside=aside)


def _is_partys(text: str, start: int, end: int, taken: list[Hit], *, strict: bool) -> bool:
    """Whether a name is that of a party here: not "on Abu Dhabi", but "a base of X soldiers"."""
    clash = [t for t in _around(taken, start) if t.start < end and start < t.end]
    before = CAPITAL_LEAD.search(text, max(0, start - 14), start)
    is_seat = CAPITAL.fullmatch(text, start, end) and before
    return bool(clash and not is_seat) or bool(strict and SOLDIERS_AFTER.match(text, end))


def _is_in_longer_name(text: str, match: re.Match[str], start: int) -> bool:
    """As in "Institute for the Study of War", "Temple of Bel": "of" joins it to a name before."""
    lead = text[match.start() : start].strip()
    if lead == "of" and COUNTED_BEFORE.search(text, max(0, match.start() - 24), match.start()):
        return True
    title = TITLE_BEFORE.search(text, max(0, match.start() - 30), match.start())
    if lead not in ("of", "of the") or title is None:
        return False
    return re.search(r"[.!?:;—–]\s*\Z|\A\s*\Z|\n\Z", text[: title.start()][-4:]) is None


def _looks_like_no_place(text: str, start: int, end: int) -> bool:
    """Whether a capitalised name is rather a person, a group, a weapon or an adjective."""
    name, after = text[start:end], text[end : end + 14]
    if ADJECTIVAL_AFTER.match(after) or ARMED_AFTER.match(after) or ORGANISATION.search(name):
        return True
    is_landmark = re.match(r"(?:Jabal|Jebel|Tell?|Tal|Kafr|Wadi|Bab|Mount|Camp) ", name)
    return bool((NATIONALITY.search(name) and not is_landmark) or re.search(r"\d", name))


def _without_overlap(hits: list[PlaceHit]) -> list[PlaceHit]:
    kept: list[PlaceHit] = []
    for hit in sorted(hits, key=lambda h: (h.start, h.start - h.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
        elif hit.end > kept[-1].end:
            kept[-1] = hit
    return kept


def _with_roads(text: str, places: list[PlaceHit], gazetteer: Gazetteer) -> list[PlaceHit]:
    """Add "the road to X" as the road that joins X to a place named before it."""
    roads: list[PlaceHit] = []
    everywhere = places
    for match in ROAD.finditer(text):
        places = _around(everywhere, match.start())
        if any(p.kind == "road" and p.start <= match.start() < p.end for p in places):
            continue
        after = ROAD_AFTER.match(text, match.end())
        after = (
            after if after and re.search(r"[A-Z]|\bto\b|city|town|capital", after.group()) else None
        )
        end = after.end() if after else match.end()
        ends = [p for p in places if match.start() - 25 <= p.start < end and not p.is_region]
        end = max([match.end(), *(p.end for p in ends if p.end <= end + 20)])
        named = " ".join(
            re.sub(r"\A(?:the|a|its|their|an) ", "", text[match.start() : end]).split()
        )
        road = _joining(match.start(), end, ends, places, gazetteer)
        mention = PlaceMention(as_named=named[:300], geo_precision=2)
        if road is not None:
            mention = gazetteer.mention(PlaceMention(as_named=named[:300], place_id=road.place_id))
        elif not ends and not (own := _own_name(text, match, after)):
            earlier = [r.mention for r in roads if r.end <= match.start()]
            if not earlier or after:
                continue
            mention = earlier[-1]
        elif not ends:
            mention = PlaceMention(as_named=own, geo_precision=2)
        roads.append(PlaceHit(match.start(), end, mention, "road"))
    covered = {k for r in roads for k in range(r.start, r.end)}
    inner = [p for p in everywhere if not (p.start in covered and p.end - 1 in covered)]
    return sorted([*inner, *roads], key=lambda p: p.start)


def _own_name(text: str, road: re.Match[str], after: re.Match[str] | None) -> str:
    """As in "coast road", "road to Turkey": what tells it from other roads; else nothing."""
    before = ROAD_MARK.search(text, max(0, road.start() - 30), road.start())
    word = before.group() if before else ""
    named = after.group() if after and re.search(r"[A-Z]", after.group()) else ""
    return (
        " ".join((word + text[road.start() : road.end()] + named).split()) if word or named else ""
    )


def _joining(
    start: int, end: int, ends: list[PlaceHit], places: list[PlaceHit], gazetteer: Gazetteer
) -> Place | None:
    """The one known road between the places named with it, or named last before it."""
    named = {p.mention.place_id for p in ends if p.mention.place_id}
    roads = [p for p in gazetteer.places.values() if p.kind is PlaceKind.ROAD and p.connects]
    if len(named) > 1:
        roads = [r for r in roads if named <= set(r.connects)]
    elif named:
        roads = [r for r in roads if named & set(r.connects)]
    else:
        return None
    around = [p for p in places if p.start < end + 60]
    for place in sorted(around, key=lambda p: abs(p.start - start)):
        fitting = [r for r in roads if place.mention.place_id in r.connects]
        if place.mention.place_id not in named and fitting:
            return fitting[0] if len(fitting) == 1 else None
    return roads[0] if len(roads) == 1 and len(named) > 1 else None
