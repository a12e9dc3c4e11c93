"""Reads uncertain dates and says which instants they cover and when something counts as known.

Dates come in as EDTF (ISO 8601-2:2019, levels 0 and 1) and leave as inclusive bounds in the
casebook's time zone. Inside, intervals are half-open and in UTC. EDTF's grammar is left to the
`edtf` library; the forms it misreads (a trailing `%`, `..`, an empty start) are taken apart here
first, so that none of them reaches it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

import pendulum
from edtf import parse_edtf as _parse_edtf
from edtf.parser.edtf_exceptions import EDTFParseException
from msgspec import Meta, Struct

from timeline.errors import InvalidDate

YEAR_MIN, YEAR_MAX = 1900, 2100
EDTF_LENGTH_MAX = 60

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
# Levels 0 and 1: a date, or one with its last parts unspecified. A season stands for a month.
_DATE = re.compile(
    r"(\d{4}|\d{3}X|\d{2}XX|\d{4}-(0[1-9]|1[0-2]|2[1-4])|\d{4}-(0[1-9]|1[0-2])-(\d{2}|XX)"
    r"|\d{4}-XX(-XX)?)\Z",
    re.ASCII,
)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})\Z")
_LOCAL_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\Z")
_WINTER = 24


class Precision(StrEnum):
    """How closely a date is known; `interval` stands for two dates with different bounds."""

    TIME = "time"
    DAY = "day"
    MONTH = "month"
    SEASON = "season"
    YEAR = "year"
    INTERVAL = "interval"
    NOT_LATER_THAN = "not_later_than"
    NOT_EARLIER_THAN = "not_earlier_than"
    UNKNOWN = "unknown"


class Anchor(StrEnum):
    """What a relative date was reckoned from: the dateline, an earlier event, or nothing."""

    DATELINE = "dateline"
    NARRATIVE = "narrative"
    UNANCHORED = "unanchored"


class Occurred(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When something happened, as far as the report tells.

    `earliest` and `latest` are inclusive: an ISO day in the casebook's time zone, or a date and
    time with offset where the hour is known. `None` means that this side is open: `earliest: None,
    latest: D` is "not later than D". Both `None` means undated, and then `edtf` is `None` too.
    """

    edtf: Annotated[str, Meta(max_length=EDTF_LENGTH_MAX)] | None = None
    earliest: Annotated[str, Meta(max_length=40)] | None = None
    latest: Annotated[str, Meta(max_length=40)] | None = None
    precision: Precision = Precision.UNKNOWN
    anchor: Anchor = Anchor.UNANCHORED

    @property
    def is_dated(self) -> bool:
        """Whether at least one side is bounded."""
        return self.earliest is not None or self.latest is not None

    @property
    def is_bounded(self) -> bool:
        """Whether both sides are bounded."""
        return self.earliest is not None and self.latest is not None

    def start(self, time_zone: str) -> datetime | None:
        """First instant covered, UTC; `None` when open."""
        return None if self.earliest is None else start_of(self.earliest, time_zone)

    def end(self, time_zone: str) -> datetime | None:
        """First instant no longer covered, UTC; `None` when open."""
        return None if self.latest is None else end_of(self.latest, time_zone)


UNDATED = Occurred()


def on_day(day: str | date, anchor: Anchor = Anchor.UNANCHORED) -> Occurred:
    """A whole known day."""
    return occurred_from_edtf(str(day), anchor)


def not_later_than(day: str | date, anchor: Anchor = Anchor.DATELINE) -> Occurred:
    """On `day` or some time before it; the start is unknown."""
    return occurred_from_edtf(f"../{day}", anchor)


@lru_cache(maxsize=4096)
def occurred_from_edtf(text: str, anchor: Anchor = Anchor.UNANCHORED) -> Occurred:
    """Read an EDTF string into inclusive bounds.

    Qualifiers (`~ ? %`) and unspecified digits (`X`) are kept in `edtf`; a qualifier does not
    widen the bounds, since EDTF does not say by how much. Seasons are the northern ones; winter
    (24) runs from December of its year to the end of February. `[..]` and `{..}` sets are refused.

    Raises:
        InvalidDate: not EDTF, not a day of the calendar, ends before it starts, or its year lies
            outside YEAR_MIN..YEAR_MAX.
    """
    written = text.strip()
    if not written:
        raise InvalidDate(text, "is empty; leave the date out when it is not known")
    if len(written) > EDTF_LENGTH_MAX:
        raise InvalidDate(written[:20] + "…", f"is longer than {EDTF_LENGTH_MAX} characters")
    parts = written.split("/")
    if len(parts) > 2:
        raise InvalidDate(text, "has more than one '/'; write START/END")
    sides = [_side(part, text) for part in parts]
    earliest, latest = sides[0][0], sides[-1][1]
    if earliest is None and latest is None:
        raise InvalidDate(text, "says nothing; leave the date out when it is not known")
    if earliest and latest and end_of(latest, "UTC") <= start_of(earliest, "UTC"):
        raise InvalidDate(text, "ends before it starts")
    precision = sides[0][2] if len(parts) == 1 else _interval_precision(sides[0], sides[1])
    return Occurred(
        edtf=written, earliest=earliest, latest=latest, precision=precision, anchor=anchor
    )


_Side = tuple[str | None, str | None, Precision]


def _interval_precision(start: _Side, end: _Side) -> Precision:
    if start[0] is None:
        return Precision.NOT_LATER_THAN
    if end[1] is None:
        return Precision.NOT_EARLIER_THAN
    return start[2] if start == end else Precision.INTERVAL


def _side(part: str, whole: str) -> _Side:
    """One side of an interval, or the whole date, as (earliest, latest, precision)."""
    part = part.strip()
    if part in ("", ".."):
        return None, None, Precision.UNKNOWN
    bare = part.rstrip("~?%")
    if _INSTANT.match(bare):
        return _instant_side(bare, whole)
    if _LOCAL_TIME.match(bare):
        raise InvalidDate(whole, "has an hour but no offset; add one, such as +02:00")
    if not _DATE.match(bare):
        reason = "is not a date; write YYYY-MM-DD, YYYY-MM, YYYY or START/END"
        if re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", bare):
            reason = "is no day of the calendar"
        raise InvalidDate(whole, reason)
    try:
        parsed = _parse_edtf(bare)
        low, high = parsed.lower_strict(), parsed.upper_strict()
        earliest = date(low.tm_year, low.tm_mon, low.tm_mday)
        latest = date(high.tm_year, high.tm_mon, high.tm_mday)
    except (EDTFParseException, ValueError):
        raise InvalidDate(whole, "is no day of the calendar") from None
    if re.fullmatch(rf"\d{{4}}-{_WINTER}", bare):
        latest = date(low.tm_year + 1, 3, 1) - pendulum.duration(days=1)
    for bound in (earliest, latest):
        if not YEAR_MIN <= bound.year <= YEAR_MAX:
            raise InvalidDate(whole, f"lies outside the years {YEAR_MIN} to {YEAR_MAX}")
    return earliest.isoformat(), latest.isoformat(), _precision(bare)


def _instant_side(text: str, whole: str) -> _Side:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidDate(whole, "is no moment of the calendar") from None
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise InvalidDate(whole, f"lies outside the years {YEAR_MIN} to {YEAR_MAX}")
    return moment.isoformat(), moment.isoformat(), Precision.TIME


def _precision(bare: str) -> Precision:
    year, month, day, *_ = [*bare.split("-"), "XX", "XX"]
    if "X" in year or "X" in month:
        return Precision.YEAR if "X" not in year else Precision.INTERVAL
    if int(month) > 12:
        return Precision.SEASON
    return Precision.MONTH if "X" in day else Precision.DAY


@lru_cache(maxsize=65536)
def start_of(bound: str, time_zone: str) -> datetime:
    """First instant of an inclusive bound (an ISO day or an instant with offset), in UTC."""
    if _DAY.match(bound):
        return _midnight(bound, time_zone)
    return datetime.fromisoformat(bound).astimezone(UTC)


@lru_cache(maxsize=65536)
def end_of(bound: str, time_zone: str) -> datetime:
    """First instant after an inclusive bound, in UTC: half-open."""
    if _DAY.match(bound):
        return _midnight((date.fromisoformat(bound) + pendulum.duration(days=1)), time_zone)
    moment = datetime.fromisoformat(bound).astimezone(UTC)
    return moment + pendulum.duration(microseconds=1)


def local_day(bound: str, time_zone: str) -> date:
    """The calendar day of an inclusive bound: a day itself, or an instant's in the time zone."""
    if _DAY.match(bound):
        return date.fromisoformat(bound)
    local = pendulum.instance(datetime.fromisoformat(bound)).in_timezone(time_zone)
    return local.date()


@lru_cache(maxsize=65536)
def end_of_day(moment: datetime, time_zone: str) -> datetime:
    """First instant after the day in which an instant lies, in UTC."""
    local = pendulum.instance(moment).in_timezone(time_zone)
    return end_of(local.date().isoformat(), time_zone)


@lru_cache(maxsize=65536)
def _midnight(day: str | date, time_zone: str) -> datetime:
    d = date.fromisoformat(day) if isinstance(day, str) else day
    midnight = pendulum.datetime(d.year, d.month, d.day, tz=time_zone)
    # A plain datetime: pendulum's subclass is not one that is stored or encoded.
    return datetime.fromtimestamp(midnight.int_timestamp, tz=UTC)


def moment_end(text: str, time_zone: str) -> datetime:
    """The exclusive end of what a person means by a point of time in a question.

    A day means the whole day in the casebook's time zone; an instant needs an offset. Something is
    known on it, or has happened by it, when its own exclusive end is not after this one.

    Raises:
        InvalidDate: neither a day of the calendar nor an instant with offset.
    """
    written = text.strip()
    if not (_DAY.match(written) or _INSTANT.match(written)):
        reason = "is neither a day (YYYY-MM-DD) nor an instant with offset (…T14:00:00+02:00)"
        if _LOCAL_TIME.match(written):
            reason = "has an hour but no offset; add one, such as +02:00"
        raise InvalidDate(text, reason)
    latest = occurred_from_edtf(written).latest
    assert latest is not None  # noqa: S101 - a single date has both bounds
    return end_of(latest, time_zone)


def check_time_zone(name: str) -> str:
    """The IANA name, as given.

    Raises:
        InvalidDate: no such time zone.
    """
    try:
        pendulum.timezone(name)
    except Exception:  # noqa: BLE001 - pendulum raises several unrelated classes here
        raise InvalidDate(name, "is no IANA time zone, such as Asia/Damascus") from None
    return name


@lru_cache(maxsize=65536)
def instant_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, fixed width, so that text order is time order."""
    if moment.tzinfo is None:
        raise InvalidDate(str(moment), "has no time zone")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='microseconds')[:26]}Z"


def instant_from_text(text: str) -> datetime:
    """The inverse of `instant_text`."""
    return datetime.fromisoformat(text)


def known_end(reported: Occurred, recorded_at: str, time_zone: str) -> datetime:
    """When a report counts as known: the exclusive end of its latest possible publication.

    A report without any (`--undated`) counts from the moment it was recorded.
    """
    end = reported.end(time_zone)
    return end if end is not None else end_of(recorded_at.replace("Z", "+00:00"), time_zone)


def sort_key(occurred: Occurred, time_zone: str) -> str:
    """Order in a timeline: by first known instant; "not later than D" sorts at the end of D.

    Undated claims come last.
    """
    start, end = occurred.start(time_zone), occurred.end(time_zone)
    if start is not None:
        return instant_text(start)
    if end is not None:
        return instant_text(end - pendulum.duration(microseconds=1))
    return "9999-12-31T23:59:59.999999Z"
