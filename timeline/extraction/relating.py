"""Says how an event would relate to a place, by the words right before its name."""

from __future__ import annotations

import re

from msgspec.structs import replace

from timeline.domain.places import PlaceMention, Relation
from timeline.extraction.place_forms import (
    AWAY,
    BETWEEN,
    COMPASS,
    NEAR,
    NUMBER_WORDS,
    PARTLY,
    TOWARD,
)

_SAID_IN = re.compile(
    r"\b(?:told|said|saying|speaking|briefed|announced)(?: (?:a |the )?(?:reporters|journalists|"
    r"news conference|briefing|parliament|press))? (?:on \w+ )?(?:in|from) \Z"
)


def related(text: str, start: int, mention: PlaceMention) -> tuple[PlaceMention, bool]:
    """The mention with the relation that the words before it tell, and whether it is an aside."""
    text = re.sub(r" {2,}", " ", text[max(0, start - 80) : start])
    low, start = 0, len(text)
    away = AWAY.search(text, low, start)
    if away and (away["n"] or away["way"]):
        km = _kilometres(away["n"], away["unit"]) if away["n"] else None
        bearing = COMPASS[_hyphened(away["way"])] if away["way"] else None
        prior = text[low : away.start()].rstrip()
        aside = prior.endswith(",") and not away["n"]
        aside = aside or bool(
            re.search(r"\b(?:town|village|city|base|camp|hamlet|airport)\Z", prior)
        )
        return replace(
            mention, relation=Relation.NEAR, geo_precision=2, distance_km=km, bearing=bearing
        ), aside
    if _SAID_IN.search(text):  # where it was said, and not where it was
        return mention, True
    if NEAR.search(text, low, start):
        return replace(mention, relation=Relation.NEAR, geo_precision=2), False
    if TOWARD.search(text, low, start):
        return replace(mention, relation=Relation.TOWARD, geo_precision=2), True
    if BETWEEN.search(text, low, start):
        return replace(mention, relation=Relation.NEAR, geo_precision=2), True
    if PARTLY.search(text, low, start):
        return replace(mention, relation=Relation.NEAR, geo_precision=2), False
    if re.search(
        r"\b(?:(?:road|highway|route|border)s? (?:to|from|with)|"
        r"(?:link|connect|join)(?:s|ed|ing)? (?:\w+ ){0,2}(?:to|with)|lead(?:s|ing)? to) "
        r"(?:the )?\Z",
        text[low:start],
    ):
        return replace(mention, relation=Relation.TOWARD, geo_precision=2), True
    return mention, False


def _hyphened(way: str) -> str:
    low = way.lower().replace(" ", "-")
    return re.sub(r"\A(north|south)-?(east|west)\Z", r"\1-\2", low)


def _kilometres(number: str, unit: str) -> float:
    value = float(NUMBER_WORDS.get(number, number))
    return round(value * 1.609344, 2) if unit.startswith("mile") else value
