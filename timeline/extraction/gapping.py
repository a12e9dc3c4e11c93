"""Reads a verb that is told once for several places and dates: "left X on Monday, Y on Tuesday".

The parse makes one date of both, or hangs the second place on the first date. So pairs of place
and date are found by where they stand; each is a copy of the event that has the date before.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from timeline.extraction.date_forms import DateExpression
from timeline.extraction.dates import days_of
from timeline.extraction.dating import Calendar, Dated, bounded
from timeline.extraction.drafts import Draft, copied
from timeline.extraction.listing import words_of
from timeline.extraction.narrative import days_told
from timeline.extraction.parsing import Parse
from timeline.extraction.placing import PlaceHit

_BETWEEN = re.compile(
    r"(?:,| and| and then|, and|, and then|, then|;| then) (?:in |at |on |near |from |of |to )?"
    r"(?:(?:the |its )?(?:[a-z-]+ )?(?:town|city|village|base|hill|district)s? (?:of )?)?(?:the )?"
)
_RIGHT_AFTER = re.compile(r"(?: (?:itself|too|as well))?,? ?(?:only |just |late |early )?")


class Gap(NamedTuple):
    """A place with its own date, for which the verb of an earlier date is meant again."""

    before: DateExpression
    place: PlaceHit
    date: DateExpression


def gaps_in(
    parse: Parse, places: list[PlaceHit], dates: list[DateExpression], text: str
) -> list[Gap]:
    """The gapped pairs of a sentence, left to right.

    Args:
        parse: The sentence.
        places: Its places.
        dates: Its dates, left to right.
        text: The cleaned text.
    """
    start, end = parse.sentence.start, parse.sentence.end
    inside = [d for d in dates if start <= d.start < end]
    found = []
    for place in places:
        before = [d for d in inside if d.end <= place.start]
        after = [d for d in inside if d.start >= place.end]
        if not before or not after or place.kind == "road":
            continue
        joined = _BETWEEN.fullmatch(text[before[-1].end : place.start])
        if joined and _RIGHT_AFTER.fullmatch(text[place.end : after[0].start]):
            found.append(Gap(before[-1], place, after[0]))
    return found


def without_gapped(dated: Dated, gaps: list[Gap]) -> Dated:
    """The dates that are left for the event itself."""
    gapped = {g.date.start for g in gaps}
    return [d for d in dated if d[0].start not in gapped]


def told_again(
    gaps: list[Gap],
    owners: list[tuple[Draft, list[DateExpression]]],
    parse: Parse,
    text: str,
    calendar: Calendar,
) -> list[Draft]:
    """A draft for each gapped pair, after that of the date before it.

    Args:
        gaps: The pairs.
        owners: The drafts of the sentence, each with the dates that it bears.
        parse: The sentence.
        text: The cleaned text.
        calendar: The dates of the report.
    """
    made: list[Draft] = []
    for gap in gaps:
        owner = next((d for d, own in owners if gap.before in own and d.place is not None), None)
        if owner is None:
            continue
        days = days_of(gap.date, calendar.dateline, days_told(owner))
        if days is None:
            continue
        calendar.tell(days, owner.paragraph, owner.sentence, moves=False)
        occurred, _ = bounded([(gap.date, days)], calendar, owner.type)
        span = (words_of(gap.place, parse, text)[0], gap.date.end)
        again = copied(
            owner,
            place=gap.place.mention,
            occurred=occurred,
            evidence=span,
            quantity=None,
            also=[owner.evidence],
        )
        again.has_own_date = again.has_own_place = True
        made.append(again)
        owners.append((again, [gap.date]))
    return made
