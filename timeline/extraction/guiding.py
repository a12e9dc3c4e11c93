"""Decides what the parser is shown in place of what would cost it the structure of a sentence.

A date between commas is left out, a place's name is shown as one that the model knows, and a date
at the head of a sentence gets the comma that the writer left out.
"""

from __future__ import annotations

import re

from timeline.extraction.date_forms import DateExpression, Form
from timeline.extraction.parsing import Guide
from timeline.extraction.placing import PlaceHit
from timeline.extraction.sentences import Sentence

_NAME = re.compile(
    r"(?:(?:al|el|ash|as|az|ar|ad|at|an)-)?[A-Z\u00c0-\u00de][\w'’-]*"
    r"(?: (?:(?:al|el|ez|es|de|ed)[ -])?[A-Z\u00c0-\u00de][\w'’-]*)*"
)
# A second name set off by commas: ", as X now calls itself,", ", formerly known as X,".
_ALSO_CALLED = re.compile(
    r"(?P<aside>,? \(?(?:as [^,.;()]{2,40}? (?:now )?(?:calls? (?:itself|themselves)|is (?:now )?"
    r"(?:called|known)|styles itself)|(?:formerly|previously|once|also|better) "
    r"(?:known as |called )"
    r"[^,.;()]{2,40})\)?)(?=,)"
)
_NO_BREAK = re.compile(
    r"\s*(?:,|;|:|\.|and\b|or\b|to\b|of\b|in\b|at\b|,|–|—|was\b|were\b|saw\b|is\b)"
)
_LEAD = 4
_IN_PLACE = re.compile(r"(?:In|At|Near|Outside|Inside|Around)(?: the)? ")
_SUBJECT_NEXT = re.compile(r" (?:(?:the|a|an|its|their|two|three|several|some) |[A-Z][\w-]+ )")


_TITLE = re.compile(
    r"\b(?:film|movie|documentary|novel|book|play|series|song|album|game|painting|exhibition|memoir|"
    r"podcast|poem|opera|report|article|titled|entitled|called)s?,? "
    r"(?P<title>\"[A-Z][^\"\n]{1,120}\")"
)


def titles_in(text: str) -> list[tuple[int, int]]:
    """The half-open code points of titles: the film "The Fall of X" tells of no fall."""
    return [m.span("title") for m in _TITLE.finditer(text)]


def guide_of(
    text: str, places: list[PlaceHit], dates: list[DateExpression], sentences: list[Sentence]
) -> Guide:
    """What to spare the parser in these sentences of a cleaned text."""
    drop = [_with_comma(text, d) for d in dates if _is_set_off(text, d)]
    drop = sorted([*drop, *(m.span("aside") for m in _ALSO_CALLED.finditer(text))])
    names = sorted(span for p in places for span in _names_in(text, p))
    starts = {s.start for s in sentences}
    breaks = {d.end for d in dates if _opens(text, d, starts)}
    breaks |= {p.end for p in places if _opens_with_place(text, p, starts)}
    return Guide(drop, names, frozenset(breaks))


def _names_in(text: str, place: PlaceHit) -> list[tuple[int, int]]:
    """The capitalised words of a place, without the words of its kind."""
    if place.is_anaphor or place.kind == "road":
        return []
    found = [m.span() for m in _NAME.finditer(text, place.start, place.end)]
    return [(a, b) for a, b in found if b - a > 1]


def _opens(text: str, date: DateExpression, starts: set[int]) -> bool:
    """Whether a date stands at the head of a sentence without a comma after it."""
    if not any(start in starts for start in range(date.start - _LEAD, date.start + 1)):
        return False
    return _NO_BREAK.match(text, date.end) is None


def _opens_with_place(text: str, place: PlaceHit, starts: set[int]) -> bool:
    """As in "In X the army recaptured Y": the writer left out the comma after X."""
    lead = next((m for n in (3, 5) if (m := _IN_PLACE.match(text, place.start - n))), None)
    if lead is None or lead.end() != place.start or lead.start() not in starts:
        return False
    return _SUBJECT_NEXT.match(text, place.end) is not None


def _is_set_off(text: str, date: DateExpression) -> bool:
    """Whether a date interrupts its clause: "took control, Tuesday afternoon, of X"."""
    before = text[max(0, date.start - 3) : date.start].rstrip(" ")
    after = text[date.end : date.end + 4].lstrip(" ")
    return (
        date.form in (Form.WEEKDAY, Form.DAY, Form.DEICTIC)
        and not date.preposition
        and before.endswith(",")
        and (after.startswith((",", "of ", "of\n")))
    )


def _with_comma(text: str, date: DateExpression) -> tuple[int, int]:
    start = text.rindex(",", 0, date.start)
    rest = text[date.end : date.end + 2]
    return start, date.end + (rest.index(",") + 1 if "," in rest else 0)
