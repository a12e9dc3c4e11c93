"""Reads what a report says of itself: title, publisher, dateline, language.

Only what stands at the head (or in a "Source: X" line) is taken; nothing is guessed from the body.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from timeline.domain.claims import ReportFrame
from timeline.extraction.clean import cleaned
from timeline.extraction.dates import calendar_day
from timeline.extraction.language import language_of

HEAD_LINES_MAX = 12
TITLE_CHARACTERS_MAX = 200

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DATE = (
    rf"(?:(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?[ ]+)?"
    rf"(?:\d{{1,2}}[ ]+{_MONTH},?[ ]+\d{{4}}"
    rf"|{_MONTH}[ ]+\d{{1,2}},?[ ]+\d{{4}}|\d{{4}}-\d{{2}}-\d{{2}}))"
)
_PLACE_LINE = re.compile(
    rf"[ ]*(?P<place>[A-Z][\w'. /-]{{1,40}}(?:,[ ]*[A-Z][\w'. -]{{1,40}})?),?[ ]+"
    rf"\(?(?P<date>{_DATE})\)?(?:[ ]*\((?P<agency>[A-Z][\w ]{{1,30}})\))?[ ]*(?:[-–—:]+)[ ]*"
)
_DATE_LINE = re.compile(rf"[ ]*(?P<date>{_DATE})[ ]*(?:[-–—:]+[ ]+|\Z)")
_PUBLISHER_LINE = re.compile(
    rf"[ ]*(?P<publisher>[^|\n]{{2,100}}?)[ ]*\|[ ]*(?P<date>{_DATE})[ ]*\Z", re.IGNORECASE
)
_SOURCE_LINE = re.compile(
    r"[ ]*(?:Source|Publisher|Outlet|Published by)[ ]*:[ ]*(?P<publisher>[^\n]{2,100}?)[ ]*\Z",
    re.IGNORECASE,
)
_DATED_LINE = re.compile(
    rf"[ ]*(?:Date|Published|Posted|Dateline)(?:[ ]+on)?[ ]*:?[ ]+(?P<date>{_DATE})[ ]*\Z",
    re.IGNORECASE,
)
_BYLINE = re.compile(r"[ ]*(?P<publisher>[A-Z][\w' .-]{1,60}):[ ]*\Z")


class Head(NamedTuple):
    """The frame, and which code points of the text told it and hold no events."""

    frame: ReportFrame
    spans: tuple[tuple[int, int], ...]


def read_head(text: str) -> Head:
    """What the head of a report says of it, and where.

    Args:
        text: The report as filed, or cleaned: the offsets are the same.
    """
    even = cleaned(text)
    found: dict[str, str] = {}
    spans: list[tuple[int, int]] = []
    lines = [(m.start(), m.group()) for m in re.finditer(r"[^\n]+", even) if m.group().strip()]
    for index, (start, line) in enumerate(lines[:HEAD_LINES_MAX]):
        used = _read_line(line, found)
        if used:
            spans.append((start, start + used))
        elif index == 0 and len(lines) > 1 and _is_title(line):
            found["title"] = line.strip()
            spans.append((start, start + len(line)))
    for start, line in lines[-2:]:
        if len(lines) > 2 and (match := _SOURCE_LINE.match(line)):
            found.setdefault("publisher", _tidied(match["publisher"]))
            spans.append((start, start + len(line)))
    frame = ReportFrame(
        title=found.get("title"),
        publisher=found.get("publisher"),
        published=found.get("published"),
        language=language_of(even),
    )
    return Head(frame, tuple(dict.fromkeys(spans)))


def _read_line(line: str, found: dict[str, str]) -> int:
    """Take from a line what it tells of the report; the number of code points it used."""
    whole = (_PUBLISHER_LINE, _SOURCE_LINE, _DATED_LINE, _BYLINE)
    for pattern in (*whole, _PLACE_LINE, _DATE_LINE):
        match = pattern.match(line)
        if match is None:
            continue
        groups = match.groupdict()
        day = calendar_day(groups["date"]) if groups.get("date") else None
        if groups.get("date") and day is None:
            continue
        if day is not None:
            if "published" in found and pattern in (_PLACE_LINE, _DATE_LINE):
                return match.end()
            found.setdefault("published", day)
        for key in ("publisher", "agency"):
            if groups.get(key):
                found.setdefault("publisher", _tidied(groups[key] or ""))
        return match.end() if pattern in (_PLACE_LINE, _DATE_LINE) else len(line)
    return 0


def _tidied(publisher: str) -> str:
    return re.sub(r"[ ]+(Editor|Staff|Desk|Newsroom)\Z", "", " ".join(publisher.split()))


def _is_title(line: str) -> bool:
    bare = line.strip()
    return len(bare) <= TITLE_CHARACTERS_MAX and not re.search(r"[.!?;:,]['\"]?\Z", bare)
