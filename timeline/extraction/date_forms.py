"""Finds expressions of time by their form: data for the most part, one pattern a form.

What an expression means is worked out elsewhere (`dates`), against a dateline. The order of the
patterns decides where two overlap: the first that matches keeps its words.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
ORDINALS = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
SEASONS = {"spring": 21, "summer": 22, "autumn": 23, "fall": 23, "winter": 24}

_M = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_D, _Y = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<year>(?:19|20)\d{2})"
_W = rf"(?P<weekday>{'|'.join(w.capitalize() for w in WEEKDAYS)})"
_PART = r"(?:[ ](?:early[ ])?(?:morning|afternoon|evening|night|noon|dawn))?"
_N = rf"(?P<n>\d{{1,3}}|an?|{'|'.join(NUMBERS[1:])})"
_UNIT = r"(?P<unit>day|night|week|month|year)s?"
_PREP = (
    r"(?:(?P<prep>(?i:since|until|till|before|after|by|from|between|late[ ]in|early[ ]in|on|in|"
    r"during|late[ ]on|early[ ]on|at|of|for))[ ](?:the[ ])?)?"
)


class Form(StrEnum):
    """Which kind of expression it is, and so what it is reckoned from."""

    ISO = "iso"
    DAY = "day"
    MONTH = "month"
    SEASON = "season"
    YEAR = "year"
    WEEKDAY = "weekday"
    DEICTIC = "deictic"
    PERIOD = "period"
    AGO = "ago"
    SHIFT = "shift"
    CLAUSE_SHIFT = "clause_shift"
    RUNNING = "running"
    VAGUE = "vague"


PATTERNS: tuple[tuple[Form, re.Pattern[str]], ...] = tuple(
    (form, re.compile(pattern, flags))
    for form, pattern, flags in (
        (
            Form.RUNNING,
            (
                r"\bfor (?:the|an?) (?P<nth>\w+)(?: (?:consecutive|straight|successive))?"
                r" day(?: running| in a row| straight)?\b"
            ),
            re.IGNORECASE,
        ),
        (
            Form.CLAUSE_SHIFT,
            (
                r"\b(?:(?:a few|several|some|just|\w+) )?(?P<hours>hours?|minutes)"
                r" (?P<way>after|before)(?= \w)"
            ),
            re.IGNORECASE,
        ),
        (Form.CLAUSE_SHIFT, rf"\b{_N} {_UNIT} (?P<way>after|before)(?= \w)", re.IGNORECASE),
        (
            Form.CLAUSE_SHIFT,
            (
                r"\b(?P<n>a|the) (?P<unit>day) (?P<way>after|before)(?= (?:the|an?|"
                r"its|their|his|[A-Z])\w* ?)(?=[^.,;]*\b\w)"
            ),
            0,
        ),
        (
            Form.VAGUE,
            (
                r"\b(?:after |for )?"
                r"(?:several|a few|some|many|recent|a number of|a couple of)"
                r" (?:days|weeks|months|years)(?: (?:later|earlier|before|ago|after))?\b"
            ),
            re.IGNORECASE,
        ),
        (Form.SHIFT, rf"\b{_N} {_UNIT} (?P<way>earlier|later|before|afterwards)\b", re.IGNORECASE),
        (
            Form.SHIFT,
            r"\bthe (?:(?P<way>day|night)|(?P<before>week|month|year)) (?:before|earlier)\b",
            re.IGNORECASE,
        ),
        (
            Form.SHIFT,
            (
                r"\b(?:(?:a few |several |some )?(?P<way>hours?|minutes)"
                r" (?:later|earlier|before|afterwards|after)|within (?P<soon>hours)"
                r"|(?P<at_once>shortly|soon|immediately) (?:before|afterwards?|thereafter))\b"
                r"(?! [a-z])"
            ),
            re.IGNORECASE,
        ),
        (
            Form.SHIFT,
            (
                r"\b(?:on |in )?the (?P<way>same|previous|next|following|preceding) "
                r"(?P<unit>day|night|week|month|year|morning|afternoon|evening)\b"
            ),
            re.IGNORECASE,
        ),
        (
            Form.SHIFT,
            (
                r"\b(?:on |later )?(?P<way>that) (?:same )?"
                r"(?P<unit>day|night|morning|afternoon|evening)\b"
            ),
            re.IGNORECASE,
        ),
        (Form.SHIFT, r"\b(?:throughout|during) the (?P<same>day|night)\b", re.IGNORECASE),
        (
            Form.SHIFT,
            (
                r"\b(?:later )?(?:(?:in|by|during) the (?:early |late )?"
                r"(?P<hour>morning|afternoon|evening|day)"
                r"|(?:at|around|by|before|after|towards) (?P<hour_>noon|midday|midnight|dusk|dawn|"
                r"nightfall|sunset|sunrise|night))\b(?! (?:on|of) )"
            ),
            re.IGNORECASE,
        ),
        (Form.DAY, rf"{_PREP}\b{_D} {_M} (?:of )?(?P<year_word>last|this) year\b", 0),
        (
            Form.MONTH,
            (
                rf"{_PREP}(?:(?P<third>early|mid|late)[- ])?\b{_M} (?:of )?"
                r"(?P<year_word>last|this) year\b"
            ),
            0,
        ),
        (
            Form.PERIOD,
            (
                rf"\b(?:in|over|during|within) the (?:past|last) {_N} (?P<unit>hour|day|night|"
                r"week)s\b"
            ),
            re.IGNORECASE,
        ),
        (
            Form.MONTH,
            (
                rf"\b(?:in|during|over|within) the (?P<which>first|last) {_N} (?P<unit>day|week)s"
                rf" of {_M}(?:,? {_Y})?"
            ),
            re.IGNORECASE,
        ),
        (
            Form.SHIFT,
            rf"\b(?P<within>within) {_N} (?P<unit>day|week|month)s?\b(?! of)",
            re.IGNORECASE,
        ),
        (Form.AGO, rf"\b{_N} {_UNIT} ago\b", re.IGNORECASE),
        (
            Form.PERIOD,
            (
                r"\b(?:(?:early|late|earlier|later) )?(?P<which>last|next|this) (?P<unit>week|"
                r"month|year|night)\b(?! of)"
            ),
            re.IGNORECASE,
        ),
        (
            Form.PERIOD,
            (
                r"\b(?:(?:at|over|during|on|throughout) the |(?=last |this |next ))"
                r"(?:(?P<which>past|last|next|this) )?(?P<unit>weekend)\b"
            ),
            re.IGNORECASE,
        ),
        (Form.PERIOD, rf"\b(?P<which>last|next|this) {_M}", 0),
        (Form.PERIOD, rf"\bthe (?P<which>previous|following) {_M}(?! \d)", 0),
        (Form.WEEKDAY, rf"\b(?P<over>[Oo]vernight) (?:in|on|from|to)*(?:to |on )?\b{_W}\b", 0),
        (Form.DEICTIC, r"\b(?P<word>overnight)\b", re.IGNORECASE),
        (Form.DEICTIC, r"\b(?P<word>today|yesterday|tomorrow|tonight)\b", re.IGNORECASE),
        (
            Form.DEICTIC,
            r"\b(?:this|(?P<word>yesterday)) (?:morning|afternoon|evening)\b",
            re.IGNORECASE,
        ),
        (
            Form.DAY,
            r"\b(?:on |at )?(?P<feast>New Year's (?:Day|Eve|[Nn]ight)|Christmas (?:Day|Eve))\b",
            0,
        ),
        (Form.ISO, rf"{_PREP}\b(?P<iso>(?:19|20)\d{{2}}-\d{{2}}-\d{{2}})\b", re.IGNORECASE),
        (
            Form.DAY,
            (
                rf"\b(?P<prep>[Bb]etween|[Ff]rom|of) (?:the )?{_D}(?= (?:and|to|until) (?:the )?"
                rf"\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_M}(?:,? {_Y})?)"
            ),
            0,
        ),
        (
            Form.MONTH,
            (
                r"\b(?:in |during )?the (?P<nth_week>first|second|third|last) week of "
                rf"{_M}(?:,? {_Y})?"
            ),
            0,
        ),
        (Form.DAY, rf"{_PREP}(?:(?:{_W}),? )?\b{_D}(?: of)? {_M}(?:,? {_Y})?", 0),
        (Form.DAY, rf"{_PREP}(?:(?:{_W}),? )?\b{_M} {_D}(?!\d)(?:,? {_Y})?", 0),
        (
            Form.SEASON,
            rf"{_PREP}(?P<season>spring|summer|autumn|fall|winter) (?:of )?{_Y}\b",
            re.IGNORECASE,
        ),
        (
            Form.SEASON,
            (
                r"\b(?P<prep>in|since|during) (?:the )?(?P<season>spring|summer|autumn|winter)"
                r"\b"
            ),
            re.IGNORECASE,
        ),
        (
            Form.MONTH,
            (
                r"\b(?:(?:at|in|by|towards?) |(?P<prep>since|until|from) )the "
                rf"(?P<third>end|close|start|beginning|middle) of {_M}(?! \d{{1,2}}\b)(?:,? {_Y})?"
            ),
            re.IGNORECASE,
        ),
        (
            Form.MONTH,
            rf"{_PREP}(?:(?P<third>early|mid|late)[- ])?\b{_M},?(?: of)? {_Y}\b",
            re.IGNORECASE,
        ),
        (
            Form.MONTH,
            (
                r"\b(?P<prep>in|since|until|during|by|from|before|after|In|Since|During|Until)"
                rf" (?:(?P<third>early|mid|late)[- ])?{_M}(?! \d)"
            ),
            0,
        ),
        (Form.MONTH, rf"\b(?P<third>early|mid|late)[- ]{_M}(?! \d)", 0),
        (
            Form.WEEKDAY,
            (
                rf"{_PREP}(?:(?P<which>last|next|this|the previous|the following|early|late)"
                rf" )?\b{_W}{_PART}\b(?! (?:prayers?|market|mosque))"
            ),
            0,
        ),
        (
            Form.YEAR,
            (
                rf"\b(?P<prep>in|since|until|during|from|by|before|after) (?:(?P<third>early|"
                rf"mid|late)[- ])?{_Y}\b(?![-–]\d)"
            ),
            re.IGNORECASE,
        ),
    )
)


class DateExpression(NamedTuple):
    """An expression of time: where it stands, its form and its parts."""

    start: int
    end: int
    form: Form
    parts: dict[str, str]

    @property
    def preposition(self) -> str:
        """The word that turns the date into a bound ("since", "by"), or an empty string."""
        return self.parts.get("prep", "").lower()

    @property
    def is_hour(self) -> bool:
        """Whether it only says at what time of the day ("in the evening")."""
        return not self.parts.keys().isdisjoint(("hour", "hour_", "at_once"))

    @property
    def is_relative(self) -> bool:
        """Whether it is reckoned from another date of the narrative."""
        return self.form in (Form.SHIFT, Form.CLAUSE_SHIFT)


def find_dates(text: str, offset: int = 0) -> list[DateExpression]:
    """Every expression of time, left to right, without overlap."""
    taken: list[DateExpression] = []
    for form, pattern in PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.start() + offset, match.end() + offset
            if all(end <= t.start or start >= t.end for t in taken):
                parts = {k: v for k, v in match.groupdict().items() if v}
                taken.append(DateExpression(start, end, form, parts))
    return sorted(taken)
