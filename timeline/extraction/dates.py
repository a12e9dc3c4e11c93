"""Says which days an expression of time means, against a dateline or the narrative.

Rules, not a library: on 40 expressions against a dateline no library got more than 29 right
(FINDINGS, Dates). "Tuesday" on a Wednesday is yesterday; "a day earlier" is reckoned from the last
date told; what is still to come resolves forward.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

import pendulum

from timeline.extraction.date_forms import (
    MONTHS,
    NUMBERS,
    ORDINALS,
    PATTERNS,
    SEASONS,
    WEEKDAYS,
    DateExpression,
    Form,
)

# A day without a year this soon after the dateline is a slip or still to come.
AFTER_DATELINE_DAYS_MAX = 60
LOOSE_DAYS = 7
_THIRDS = {"start": "early", "beginning": "early", "middle": "mid", "end": "late", "close": "late"}
_FEASTS = {
    "new year's day": (1, 1),
    "new year's eve": (12, 31),
    "new year's night": (1, 1),
    "christmas day": (12, 25),
    "christmas eve": (12, 24),
}


class Days(NamedTuple):
    """Inclusive first and last day; EDTF where the form has one of its own (month, season)."""

    first: date
    last: date
    edtf: str | None = None


def calendar_day(text: str) -> str | None:
    """The ISO day of a fully written date ("24 February, 2016"), or `None`."""
    squeezed = " ".join(text.split())
    for form, pattern in PATTERNS:
        if form in (Form.ISO, Form.DAY) and (match := pattern.search(squeezed.title())):
            parts = {k: v for k, v in match.groupdict().items() if v}
            expression = DateExpression(0, 0, form, parts)
            if form is Form.ISO or "year" in parts:
                days = days_of(expression, None, None)
                return days.first.isoformat() if days else None
    return None


def days_of(
    expression: DateExpression,
    dateline: date | None,
    narrative: Days | None,
    *,
    forward: bool = False,
) -> Days | None:
    """The days an expression names, before its preposition is looked at.

    Args:
        expression: What was found.
        dateline: The day the report was published; `None` leaves relative ones unresolved.
        narrative: The last date told, from which "a day earlier" is reckoned.
        forward: Whether it is about what is still to come, so that "Friday" is the next one.
    """
    try:
        return _days(expression, dateline, narrative, forward)
    except (ValueError, OverflowError):
        return None


def _days(e: DateExpression, line: date | None, story: Days | None, forward: bool) -> Days | None:
    parts = e.parts
    if e.form is Form.ISO:
        return _one(date.fromisoformat(parts["iso"]))
    if e.form is Form.DAY:
        return _day_of_month(parts, line, forward)
    if e.form in (Form.MONTH, Form.SEASON, Form.YEAR):
        return _long_period(e, line, forward)
    if e.form is Form.SHIFT:
        if "same" in parts and line and (story is None or _is_long(story)):
            return Days(line - pendulum.duration(days=1), line)  # "during the night"
        line_day = _one(line) if line and not e.is_hour and "within" not in parts else None
        return _shifted(parts, story or line_day)
    if line is None:
        return None
    if e.form is Form.WEEKDAY:
        day = _weekday(parts, line, forward)
        return Days(day - pendulum.duration(days=1), day) if "over" in parts else _one(day)
    if e.form is Form.DEICTIC:
        if parts.get("word", "").lower() == "overnight":
            return Days(line - pendulum.duration(days=1), line)
        offset = {"yesterday": -1, "tomorrow": 1}.get(parts.get("word", "").lower(), 0)
        return _one(line + pendulum.duration(days=offset))
    if e.form is Form.AGO:
        is_loose = parts["unit"].lower() == "week"
        return _moved(_one(line), -_number(parts["n"]), parts["unit"], is_loose=is_loose)
    if e.form is Form.PERIOD:
        return _this_or_last(parts, line)
    return None


def _is_long(days: Days) -> bool:
    return (days.last - days.first).days > 1


def _one(day: date) -> Days:
    return Days(day, day)


def _number(word: str) -> int:
    if word.isdigit():
        return int(word)
    return NUMBERS.index(word.lower()) if word.lower() in NUMBERS else 1


def running_days(expression: DateExpression) -> int | None:
    """How many days something has gone on for ("for the fourth day running": 4)."""
    word = expression.parts.get("nth", "").lower()
    if word in ORDINALS:
        return ORDINALS.index(word)
    digits = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)", word)
    return int(digits.group(1)) if digits else None


def clause_shift(expression: DateExpression, main: Days) -> Days | None:
    """The date of B in "A, two days after B", from the date of A."""
    if "hours" in expression.parts:
        return main
    sign = -1 if expression.parts["way"].lower() == "after" else 1
    return _moved(main, sign * _number(expression.parts["n"]), expression.parts["unit"])


def main_of_clause_shift(expression: DateExpression, other: Days) -> Days | None:
    """The date of A in "two days after B, A", from the date of B."""
    if "hours" in expression.parts:
        return other
    sign = 1 if expression.parts["way"].lower() == "after" else -1
    return _moved(other, sign * _number(expression.parts["n"]), expression.parts["unit"])


def _month_number(name: str) -> int:
    return next(i for i, m in enumerate(MONTHS, 1) if m.startswith(name.lower().rstrip(".")[:3]))


def _day_of_month(parts: dict[str, str], line: date | None, forward: bool) -> Days | None:
    if "feast" in parts:
        month, day = _FEASTS[parts["feast"].lower()]
    else:
        month, day = _month_number(parts["month"]), int(parts["day"])
    if "year" in parts:
        return _one(date(int(parts["year"]), month, day))
    if "year_word" in parts and line is not None:
        return _one(date(line.year - (parts["year_word"].lower() == "last"), month, day))
    if line is None:
        return None
    found = date(line.year, month, day)
    if forward and found < line:
        found = date(line.year + 1, month, day)
    elif not forward and found > line:
        if (found - line).days <= AFTER_DATELINE_DAYS_MAX:
            return None  # a slip, or still to come: last year's day would be a guess
        found = date(line.year - 1, month, day)
    return _one(found)


def _long_period(e: DateExpression, line: date | None, forward: bool) -> Days | None:
    parts = e.parts
    year = int(parts["year"]) if "year" in parts else None
    if e.form is Form.YEAR:
        assert year is not None  # noqa: S101 - the pattern has a year
        return _third(Days(date(year, 1, 1), date(year, 12, 31), str(year)), parts)
    if year is None and line is None:
        return None
    if e.form is Form.MONTH:
        month = _month_number(parts["month"])
        if year is None and line is not None:
            year = line.year - (month > line.month and not forward)
            year += month < line.month and forward
        if line is not None and "year_word" in parts:
            year = line.year - (parts["year_word"].lower() == "last")
        assert year is not None  # noqa: S101 - set above
        if "unit" in parts:
            return _part_of(_whole_month(year, month), parts)
        if "nth_week" in parts:
            return _week_of(_whole_month(year, month), parts["nth_week"].lower())
        return _third(_whole_month(year, month), parts)
    season = SEASONS[parts["season"].lower()]
    first_month = {21: 3, 22: 6, 23: 9, 24: 12}[season]
    if year is None and line is not None:
        year = line.year - (first_month > line.month)
    assert year is not None  # noqa: S101 - set above
    last = pendulum.date(year, first_month, 1).add(months=3).subtract(days=1)
    return Days(date(year, first_month, 1), _plain(last), f"{year}-{season}")


def _third(days: Days, parts: dict[str, str]) -> Days:
    """The early, middle or late third of a month or year."""
    which = parts.get("third", "").lower()
    if not which:
        return days
    third = ((days.last - days.first).days + 1) // 3
    which = _THIRDS.get(which, which)
    steps = {"early": (0, third - 1), "mid": (third, 2 * third - 1)}.get(which)
    start = days.first
    if steps is None:
        return Days(start + pendulum.duration(days=2 * third), days.last)
    first, last = (start + pendulum.duration(days=step) for step in steps)
    return Days(first, last)


def _week_of(month: Days, which: str) -> Days:
    """Seven days of a month, counted from its first or back from its last."""
    if which == "last":
        return Days(month.last - pendulum.duration(days=6), month.last)
    start = month.first + pendulum.duration(days=7 * ("first", "second", "third").index(which))
    return Days(start, start + pendulum.duration(days=6))


def _part_of(month: Days, parts: dict[str, str]) -> Days:
    """As in "the first ten days of January"."""
    days = _number(parts["n"]) * (7 if parts["unit"].lower() == "week" else 1)
    if parts["which"].lower() == "last":
        return Days(month.last - pendulum.duration(days=days - 1), month.last)
    return Days(month.first, month.first + pendulum.duration(days=days - 1))


def _whole_month(year: int, month: int) -> Days:
    first = pendulum.date(year, month, 1)
    return Days(_plain(first), _plain(first.end_of("month")), f"{year}-{month:02d}")


def _plain(day: date) -> date:
    return date(day.year, day.month, day.day)


def _weekday(parts: dict[str, str], line: date, forward: bool) -> date:
    wanted = WEEKDAYS.index(parts["weekday"].lower())
    which = parts.get("which", "").lower()
    if forward or which in ("next", "the following"):
        ahead = (wanted - line.weekday()) % 7
        return line + pendulum.duration(days=ahead or (7 if which == "next" else 0))
    back = (line.weekday() - wanted) % 7
    return line - pendulum.duration(days=back or (7 if which in ("last", "the previous") else 0))


def _moved(days: Days, steps: int, unit: str, *, is_loose: bool = False) -> Days | None:
    """The days some steps on; "a week ago" is loose, "a week after X" is the seventh day."""
    unit = unit.lower().rstrip("s")
    first, last = pendulum.date(*days.first.timetuple()[:3]), days.last
    if unit in ("day", "night"):
        span = last - days.first
        moved = _plain(first.add(days=steps))
        return Days(moved, moved + span)
    if unit == "week":
        around = first.add(weeks=steps)
        if days.first != days.last:
            return Days(_plain(around), _plain(around.add(days=(last - days.first).days)))
        give = 1 if is_loose else 0
        return Days(_plain(around.subtract(days=give)), _plain(around.add(days=give)))
    if unit == "month":
        whole = first.add(months=steps)
        return _whole_month(whole.year, whole.month)
    year = first.add(years=steps).year
    return Days(date(year, 1, 1), date(year, 12, 31), str(year))


def _shifted(parts: dict[str, str], story: Days | None) -> Days | None:
    if story is None:
        return None
    if parts.keys() & {"soon", "same", "hour", "hour_", "at_once"}:
        return story
    if "within" in parts:
        until = _moved(story, _number(parts["n"]), parts["unit"])
        return Days(story.first, until.last) if until is not None else None
    if "before" in parts:
        return _whole_before(story, parts["before"].lower())
    way, unit = parts["way"].lower(), parts.get("unit", "day")
    unit = "day" if unit.lower() in ("morning", "afternoon", "evening") else unit
    if "n" in parts:
        is_loose = (story.last - story.first).days > LOOSE_DAYS
        if is_loose and unit.lower().rstrip("s") in ("day", "night", "week"):
            return None  # nobody reckons a week from a month
        sign = -1 if way in ("earlier", "before") else 1
        return _moved(story, sign * _number(parts["n"]), unit)
    if way in ("same", "that", "hours", "hour", "minutes"):
        return story
    return _moved(story, -1 if way in ("day", "night", "previous", "preceding") else 1, unit)


def _whole_before(story: Days, unit: str) -> Days:
    """The calendar week, month or year before that of a day."""
    first = pendulum.date(story.first.year, story.first.month, story.first.day)
    if unit == "week":
        monday = first.subtract(days=first.weekday() + 7)
        return Days(_plain(monday), _plain(monday.add(days=6)))
    if unit == "month":
        earlier = first.subtract(months=1)
        return _whole_month(earlier.year, earlier.month)
    return Days(date(first.year - 1, 1, 1), date(first.year - 1, 12, 31), str(first.year - 1))


def _this_or_last(parts: dict[str, str], line: date) -> Days | None:
    which = parts.get("which", "last").lower().replace("past", "last")
    if "n" in parts:
        units = {"hour": 1 / 24, "week": 7}.get(parts["unit"].lower(), 1) * _number(parts["n"])
        return Days(line - pendulum.duration(days=max(1, round(units))), line)
    today = pendulum.date(line.year, line.month, line.day)
    if parts.get("unit", "").lower() == "weekend":
        saturday = line - pendulum.duration(days=(line.weekday() - 5) % 7)
        return Days(saturday, saturday + pendulum.duration(days=1))
    which = {"previous": "last", "following": "next"}.get(which, which)
    step = {"last": -1, "this": 0, "next": 1}[which]
    if "month" in parts and "unit" not in parts:
        month = _month_number(parts["month"])
        year = line.year - (month > line.month or (which == "last" and month == line.month))
        return _whole_month(year + (2 if which == "next" else 0) * (month <= line.month), month)
    unit = parts["unit"].lower()
    if unit == "night":
        return _one(_plain(today.add(days=step)))
    if unit == "month":
        month_start = today.add(months=step)
        days = _whole_month(month_start.year, month_start.month)
    elif unit == "year":
        days = Days(
            date(line.year + step, 1, 1), date(line.year + step, 12, 31), str(line.year + step)
        )
    else:
        monday = today.subtract(days=today.weekday()).add(weeks=step)
        days = Days(_plain(monday), _plain(monday.add(days=6)))
    if which == "this":
        return Days(days.first, line)
    return days
