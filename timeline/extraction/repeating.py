"""Finds again the names of places that the gazetteer lacks: a name once told as a place is one.

"Fighting broke out in Gharyan. Gharyan is 80 km from the capital": the second has no preposition.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from timeline.domain.places import PlaceMention
from timeline.extraction.place_forms import ADJECTIVAL_AFTER, ARMED_AFTER
from timeline.extraction.relating import related

if TYPE_CHECKING:
    from timeline.extraction.mentions import Hit
    from timeline.extraction.placing import PlaceHit

NAMES_MAX, REPEATS_MAX, NAME_CHARACTERS_MIN = 60, 40, 4
_KINDS = frozenset({"settlement", "site"})
# What only a place is told by; "to X", "from X" and "of X" may be said of a person.
_LEAD = re.compile(
    r"\b(?:[Ii]n|[Aa]t|[Nn]ear|[Aa]round|[Oo]utside|[Ii]nside|[Ii]nto|[Tt]owards?|captured|seized|"
    r"retook|recaptured|entered|overran|stormed|besieged|shelled|bombed) \Z"
)


def with_repeats(text: str, found: list[PlaceHit], taken: list[Hit]) -> list[PlaceHit]:
    """The places with every further mention of an unknown one by the same name, in text order."""
    covered = bytearray(len(text))
    spans = [(h.start, h.end) for h in found] + [(t.start, t.end) for t in taken]
    for start, end in spans:
        covered[start:end] = b"\1" * (end - start)
    names: dict[str, PlaceHit] = {}
    for hit in found:
        name = text[hit.start : hit.end]
        is_unknown = hit.mention.place_id is None and hit.kind in _KINDS
        lead = text[max(0, hit.start - 14) : hit.start].removesuffix("the ")
        is_name = name == hit.mention.as_named and name[:1].isupper()
        is_long = len(name) >= NAME_CHARACTERS_MIN
        if is_unknown and is_name and is_long and _LEAD.search(lead) and len(names) < NAMES_MAX:
            names.setdefault(name, hit)
    made = list(found)
    for name, hit in names.items():
        for n, match in enumerate(re.finditer(rf"\b{re.escape(name)}\b(?!-|[ ][A-Z])", text)):
            start, end = match.span()
            is_other = ADJECTIVAL_AFTER.match(text, end) or ARMED_AFTER.match(text, end)
            if n >= REPEATS_MAX or any(covered[start:end]) or is_other:
                continue
            mention, aside = related(text, start, PlaceMention(as_named=name))
            made.append(hit._replace(start=start, end=end, mention=mention, is_aside=aside))
    return sorted(made, key=lambda p: p.start)
