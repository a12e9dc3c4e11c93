"""Decides what one claim says of who holds a place, and when it counts.

Evidence is what is left of a claim for the fold (`fold.py`): small, so that 100,000 of them fit
into memory, and stored as it is beside the rows that rest on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property, lru_cache

from msgspec import Struct

from timeline.domain.actors import ActorRole
from timeline.domain.events import (
    Claim,
    Clash,
    ControlChanged,
    ControlStated,
    RouteCut,
    RouteOpened,
    SiegeBegan,
    SiegeEnded,
    Withdrawal,
)
from timeline.domain.holders import ControlClaim, Holder, in_order
from timeline.domain.time import Precision, start_of

INSTANT = timedelta(microseconds=1)

HOLDING_TYPES = (ControlChanged, ControlStated, Withdrawal)
CONDITION_TYPES = (SiegeBegan, SiegeEnded, RouteCut, RouteOpened)
CONTROL_TYPES: tuple[type[Claim], ...] = (*HOLDING_TYPES, *CONDITION_TYPES, Clash)

_DAYS = (Precision.TIME, Precision.DAY, Precision.INTERVAL)


class Voice(Struct, frozen=True, gc=False):
    """What claims say that say the same: all that decides whether two contradict each other."""

    type: str
    keys: frozenset[str]
    lost: frozenset[str]

    @property
    def is_withdrawal(self) -> bool:
        """Whether somebody left."""
        return self.type == "Withdrawal"

    @property
    def is_change(self) -> bool:
        """Whether the place changed hands."""
        return self.type == "ControlChanged"

    @property
    def is_statement(self) -> bool:
        """Whether it is only said who held the place."""
        return self.type == "ControlStated"


class Evidence(Struct, frozen=True, kw_only=True, dict=True):
    """A claim with its time on the axis: it may have begun at `start`, and settles at `settled`.

    `first` is `start`, or the beginning of the last day where that is not known. `actors` are those
    who hold or leave; `keys` theirs, `lost` the keys of who lost the place. `earliest` and `latest`
    are the claim's own words for its date.
    """

    claim_id: str
    report_id: str
    type: str
    root: str
    known_from: datetime
    start: datetime | None
    first: datetime
    settled: datetime
    earliest: str | None
    latest: str
    is_dated_to_days: bool
    offset: int
    actors: tuple[Holder, ...]
    lost: tuple[str, ...]

    @cached_property
    def voice(self) -> Voice:
        """What it says, without its date and source."""
        return _voice(self.type, self.actors, self.lost)


def evidence_of(item: ControlClaim, time_zone: str) -> Evidence:
    """A claim that can move control, with its place on the time axis."""
    claim, occurred = item.claim, item.claim.occurred
    end, start = occurred.end(time_zone), occurred.start(time_zone)
    assert end is not None and occurred.latest is not None  # noqa: S101, PT018
    role = ActorRole.INITIATOR if isinstance(claim, Withdrawal) else ActorRole.HOLDER
    return Evidence(
        claim_id=claim.claim_id,
        report_id=claim.report_id,
        type=type(claim).__name__,
        root=item.root,
        known_from=item.known_from,
        start=start,
        first=start if start is not None else start_of(occurred.latest, time_zone),
        settled=end - INSTANT,
        earliest=occurred.earliest,
        latest=occurred.latest,
        is_dated_to_days=occurred.precision in _DAYS,
        offset=claim.evidence.span_start if claim.evidence else 0,
        actors=_named(item, role),
        lost=tuple(sorted({h.key for h in _named(item, ActorRole.PREVIOUS_HOLDER)})),
    )


def _named(item: ControlClaim, role: ActorRole) -> tuple[Holder, ...]:
    """The actors of a role, each once, in order of name."""
    return in_order(
        Holder(
            name=a.name or a.as_named,
            actor_id=a.actor_id,
            whole=item.wholes.get(a.actor_id or ""),
        )
        for a in item.claim.actors
        if a.role is role
    )


@lru_cache(maxsize=4096)
def _voice(type_: str, actors: tuple[Holder, ...], lost: tuple[str, ...]) -> Voice:
    return Voice(type_, frozenset(h.key for h in actors), frozenset(lost))


def settling_order(e: Evidence) -> tuple[datetime, datetime, int, str]:
    """When a claim settles; on a tie what was known first, then the order of the report's text."""
    return e.settled, e.known_from, e.offset, e.claim_id


def is_telling(e: Evidence) -> bool:
    """Whether it tells of a holder at all; a statement that names none says nothing."""
    voice = e.voice
    return voice.is_change or voice.is_withdrawal or (voice.is_statement and bool(e.actors))


@lru_cache(maxsize=65536)
def contradicts(one: Voice, other: Voice) -> bool:
    """Whether both cannot be true of the same moment (docs/control.md, rule 14)."""
    if one.is_withdrawal and other.is_withdrawal:
        return False
    if one.is_withdrawal or other.is_withdrawal:
        return bool(one.keys & other.keys)
    if not one.keys or not other.keys:
        return bool(one.lost & other.keys or other.lost & one.keys)
    return one.keys != other.keys


def is_sequel(later: Voice, earlier: Voice) -> bool:
    """Whether what settles later is plainly what followed, and no objection.

    Leaving a place is the sequel of holding it, and taking it that of another's being said to
    hold it.
    """
    return (later.is_withdrawal and not earlier.is_withdrawal) or (
        later.is_change and earlier.is_statement
    )


def are_of_same_time(one: Evidence, other: Evidence) -> bool:
    """Whether both may have been on one day, and neither is plainly the sequel of the other."""
    if one.first > other.settled or other.first > one.settled:
        return False
    if one.settled == other.settled:
        return True
    earlier, later = (one, other) if one.settled < other.settled else (other, one)
    return not is_sequel(later.voice, earlier.voice)


def are_rivals(one: Evidence, other: Evidence) -> bool:
    """Whether two roots tell of one time what cannot both be true: who holds the place, who left.

    A root does not compete with itself: its later word supersedes the earlier.
    """
    return (
        one.root != other.root
        and is_telling(one)
        and is_telling(other)
        and are_of_same_time(one, other)
        and contradicts(one.voice, other.voice)
    )


class Since(Struct, frozen=True, gc=False, kw_only=True):
    """When a state began: inclusive bounds as instants and as the claims write them.

    `is_disputed` when the bounds span dates that cannot both be right.
    """

    low: datetime | None
    high: datetime
    earliest: str | None
    latest: str
    is_disputed: bool = False


def since_told(e: Evidence) -> Since:
    """What one claim tells of the beginning; a statement tells only that it lies not later."""
    is_statement = e.voice.is_statement
    return Since(
        low=None if is_statement else e.start,
        high=e.settled,
        earliest=None if is_statement else e.earliest,
        latest=e.latest,
    )


class Bounds(Struct, frozen=True, gc=False):
    """The earliest and the latest that some evidence tells, kept as more of it is added."""

    first: datetime
    start: datetime | None
    earliest: str | None
    is_open: bool
    last: datetime
    latest: str

    def with_(self, e: Evidence) -> Bounds:
        """These bounds, and those of one more; on a tie what was added first keeps its words."""
        is_first, is_last = e.first < self.first, e.settled > self.last
        return Bounds(
            e.first if is_first else self.first,
            e.start if is_first else self.start,
            e.earliest if is_first else self.earliest,
            self.is_open or e.start is None,
            e.settled if is_last else self.last,
            e.latest if is_last else self.latest,
        )

    def since(self) -> Since:
        """From the earliest to the latest that any of it tells."""
        return Since(
            low=None if self.is_open else self.start,
            high=self.last,
            earliest=None if self.is_open else self.earliest,
            latest=self.latest,
            is_disputed=True,
        )


def bounds_of(evidence: Iterable[Evidence], bounds: Bounds | None = None) -> Bounds:
    """The bounds of at least one claim, on top of `bounds`."""
    for e in evidence:
        if bounds is None:
            bounds = Bounds(e.first, e.start, e.earliest, e.start is None, e.settled, e.latest)
        else:
            bounds = bounds.with_(e)
    assert bounds is not None  # noqa: S101
    return bounds
