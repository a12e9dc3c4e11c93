"""Makes one claim for each further place that is named as taken, held or left with the first."""

from __future__ import annotations

import re

from timeline.extraction.drafts import Draft, copied
from timeline.extraction.parsing import Parse
from timeline.extraction.placing import PlaceHit
from timeline.extraction.scene import Scene

PLACES_PER_EVENT_MAX = 12
_MOVES_CONTROL = frozenset({"ControlChanged", "ControlStated", "Withdrawal"})
_JOINED = re.compile(
    r"\s*(?:,|and|, and|&|as well as|,? and the|, the)\s*(?:the )?"
    r"(?:(?:town|village|city|base)s? of )?"
)
_LISTED = re.compile(
    r"\A[\s,]*(?:and )?(?:(?:the )?most notabl[ey]\s+(?:\w+\s+)?"
    r"(?:of which |of them |among them )?(?:is|are|was|were|being)?|"
    r"(?:[^.;]{0,60},? )?(?:and|along|together) with "
    r"(?:it |them )?(?:the )?(?:\w+ ){0,2}"
    r"(?:village|town|hamlet|hill|suburb)s?|(?:most )?notably|including|among them|"
    r"chief among them|such as)[\s:,]+(?:the )?\Z",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\s*(?:and|,) \w+ (?:\w+ )?(?:villages|hills|hilltops)\b.{0,20}")


def listed_places(draft: Draft, scene: Scene, text: str) -> list[Draft]:
    """A draft for each place after the first ("X, Y and Z", "villages, among them X")."""
    if draft.type not in _MOVES_CONTROL or draft.place is None:
        return []
    names = [p for p in scene.places if not p.is_aside and p.kind != "road"]
    last = next((p for p in names if p.mention.as_named == draft.place.as_named), None)
    found: list[Draft] = []
    for place in names if last is not None else []:
        assert last is not None  # noqa: S101 - the loop has no rounds otherwise
        if place.start < last.end or place.is_anaphor or len(found) >= PLACES_PER_EVENT_MAX:
            continue
        between = text[last.end : place.start]
        joined, listed = _JOINED.fullmatch(between), _LISTED.match(between)
        if not (joined or listed):
            last = place if _COUNTED.fullmatch(between) else last
            continue
        known = draft.place.place_id
        is_same = known is not None and place.mention.place_id == known
        if not is_same and not (joined and last.is_region != place.is_region):
            span = words_of(place, scene.parse, text)
            found.append(
                copied(
                    draft, place=place.mention, evidence=span, quantity=None, also=[draft.evidence]
                )
            )
        last = place
    return found


def words_of(place: PlaceHit, parse: Parse, text: str) -> tuple[int, int]:
    """The name with the words before it, at least three."""
    start, end, first = place.start, place.end, parse.sentence.start
    while len(text[start:end].split()) < 3 and start > first:
        start = max(first, text.rfind(" ", 0, start - 1) + 1)
    return (start, end) if len(text[start:end].split()) >= 3 else (first, parse.sentence.end)
