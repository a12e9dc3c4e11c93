"""Keeps what does not change the holder: days of fighting inside, sieges and cut routes.

The second pass over the evidence about one place. A period of it can end with what the first pass
(`fold.py`) finds: fighting with the change it led to, a siege when the besieged are gone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain, pairwise

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.events import Claim, RouteCut, RouteOpened, SiegeBegan, SiegeEnded
from timeline.domain.evidence import Evidence, settling_order
from timeline.domain.fold import Changed, HoldingFold, has_change
from timeline.domain.holders import ControlState
from timeline.domain.holding import State, Step
from timeline.domain.superseding import ByDate
from timeline.domain.time import end_of_day

_ENDINGS = (SiegeEnded.__name__, RouteOpened.__name__)
FOREVER = datetime.max.replace(tzinfo=UTC)
# Fighting lasts to the end of its last day, which has 25 hours where clocks are put back.
_DAY_MAX = timedelta(hours=26)


class Condition(StrEnum):
    """What can be the case beside a holder."""

    BESIEGED = "besieged"
    CUT_OFF = "cut_off"


class Period(Struct, frozen=True, gc=False, kw_only=True):
    """A stretch during which a condition holds or, without one, fighting goes on."""

    start: datetime
    end: datetime | None
    evidence: Evidence
    condition: Condition | None = None

    def covers(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment and (self.end is None or moment < self.end)

    def overlaps(self, low: datetime, high: datetime | None) -> bool:
        """Whether it has a moment of a half-open stretch."""
        return (high is None or self.start < high) and (self.end is None or low < self.end)


class GoingOn:
    """Periods, asked for moments that do not go back."""

    def __init__(self, periods: Sequence[Period]) -> None:
        numbered = list(enumerate(periods))
        self._coming = sorted(numbered, key=lambda item: (item[1].start, item[0]), reverse=True)
        self._going_on: list[tuple[int, Period]] = []

    def at(self, moment: datetime) -> list[Period]:
        """Those that cover a moment, in the order in which they were given."""
        while self._coming and self._coming[-1][1].start <= moment:
            self._going_on.append(self._coming.pop())
        self._going_on = sorted(item for item in self._going_on if item[1].covers(moment))
        return [period for _, period in self._going_on]


Difference = tuple[list[Period], list[Period]]


class Fighting:
    """Days of fighting inside; a change of control dated in them is what the fighting led to."""

    def __init__(self, holding: HoldingFold, time_zone: str) -> None:
        self._holding, self._time_zone = holding, time_zone
        self._by_date = ByDate()
        self._periods: dict[str, Period] = {}

    def change(
        self, added: Iterable[Evidence], removed: Iterable[Evidence], steps: Iterable[Changed]
    ) -> Difference:
        """Let evidence come and go, after the holders did; returns periods gone and new."""
        doubtful: dict[str, Evidence | None] = {}
        for e in removed:
            if _is_fight(e):
                self._by_date.remove(e)
                doubtful[e.claim_id] = None
        for e in added:
            if _is_fight(e):
                self._by_date.add(e)
                doubtful[e.claim_id] = e
        for step in steps:
            if has_change(step.old) != has_change(step.new):
                for e in self._by_date.overlapping(step.instant - _DAY_MAX, step.instant):
                    doubtful[e.claim_id] = e
        gone, new = [], []
        for claim_id, known in doubtful.items():
            was = self._periods.pop(claim_id, None)
            period = None if known is None else self._period(known)
            if period is not None:
                self._periods[claim_id] = period
            if was != period:
                gone += [was] if was else []
                new += [period] if period else []
        return gone, new

    def between(self, low: datetime, high: datetime | None) -> list[Period]:
        """The periods that have a moment of a stretch, in settling order."""
        found = self._by_date.overlapping(low - _DAY_MAX, high or FOREVER)
        periods = [self._periods[e.claim_id] for e in found if e.claim_id in self._periods]
        overlapping = [p for p in periods if p.overlaps(low, high)]
        return sorted(overlapping, key=lambda p: settling_order(p.evidence))

    def all(self) -> list[Period]:
        """Every period, in settling order."""
        return sorted(self._periods.values(), key=lambda p: settling_order(p.evidence))

    def _period(self, e: Evidence) -> Period | None:
        assert e.start is not None  # noqa: S101
        last = end_of_day(e.settled, self._time_zone)
        end = self._holding.first_change(e.start, last) or last
        return Period(start=e.start, end=end, evidence=e) if e.start < end else None


def _is_fight(e: Evidence) -> bool:
    """A clash makes its days contested only when it is known which days they were."""
    return e.type == "Clash" and e.start is not None and e.is_dated_to_days


class Conditions:
    """Sieges last until they are ended or the place changes hands; cut routes until opened."""

    def __init__(self, holding: HoldingFold) -> None:
        self._sieges = _Sequence(holding, Condition.BESIEGED, SiegeBegan, SiegeEnded)
        self._cuts = _Sequence(holding, Condition.CUT_OFF, RouteCut, RouteOpened)

    def change(
        self, added: Sequence[Evidence], removed: Sequence[Evidence], steps: Sequence[Changed]
    ) -> Difference:
        """Let evidence come and go, after the holders did; returns periods gone and new."""
        hands_since = min((_hands_since(s) for s in steps), default=FOREVER)
        sieges = self._sieges.change(added, removed, hands_since)
        cuts = self._cuts.change(added, removed, FOREVER)
        return sieges[0] + cuts[0], sieges[1] + cuts[1]

    def between(self, low: datetime, high: datetime | None) -> list[Period]:
        """The periods that have a moment of a stretch: sieges, then cut routes, as they began."""
        return self._sieges.between(low, high) + self._cuts.between(low, high)

    @property
    def periods(self) -> list[Period]:
        """Every period: sieges, then cut routes, as they began."""
        return self._sieges.periods + self._cuts.periods


class _Sequence:
    """The periods of one condition, which follow one another."""

    def __init__(
        self, holding: HoldingFold, condition: Condition, began: type[Claim], ended: type[Claim]
    ) -> None:
        self._holding, self._condition = holding, condition
        self._began, self._ended_by = began.__name__, ended.__name__
        self._evidence: list[tuple[tuple[datetime, bool, datetime, int, str], Evidence]] = []
        self._told: list[Period] = []
        self.periods: list[Period] = []

    def change(
        self, added: Iterable[Evidence], removed: Iterable[Evidence], hands_since: datetime
    ) -> Difference:
        """Let evidence come and go; the place may be in other hands from an instant on."""
        told_since = FOREVER
        for e in removed:
            if e.type in (self._began, self._ended_by):
                del self._evidence[bisect_left(self._evidence, (_ends_last(e),))]
                told_since = min(told_since, e.settled)
        for e in added:
            if e.type in (self._began, self._ended_by):
                insort(self._evidence, (_ends_last(e), e))
                told_since = min(told_since, e.settled)
        since = min(told_since, hands_since)
        keep = bisect_left(self._told, since, key=lambda p: p.end or FOREVER)
        if since == FOREVER or (told_since == FOREVER and keep == len(self._told)):
            return [], []
        old = self.periods[keep:]
        self._told[keep:] = self._as_told(self._told[keep - 1].end if keep else None)
        new = [self._ended(p) for p in self._told[keep:]]
        self.periods[keep:] = new
        return [p for p in old if p not in new], [p for p in new if p not in old]

    def between(self, low: datetime, high: datetime | None) -> list[Period]:
        """The periods that have a moment of a stretch."""
        start = bisect_right(self._told, low, key=lambda p: p.end or FOREVER)
        found: list[Period] = []
        for period in self.periods[start:]:
            if high is not None and period.start >= high:
                break
            if period.overlaps(low, high):
                found.append(period)
        return found

    def _as_told(self, after: datetime | None) -> list[Period]:
        """The periods by what is told of them alone, after the one that ended at an instant."""
        periods: list[Period] = []
        open_: Evidence | None = None
        start = bisect_right(self._evidence, after, key=lambda e: e[0][0]) if after else 0
        for _, e in self._evidence[start:]:
            if e.type == self._began and open_ is None:
                open_ = e
            elif e.type == self._ended_by and open_ is not None:
                periods.append(self._period(open_, e.settled))
                open_ = None
        if open_ is not None:
            periods.append(self._period(open_, None))
        return periods

    def _period(self, began: Evidence, end: datetime | None) -> Period:
        return Period(start=began.settled, end=end, evidence=began, condition=self._condition)

    def _ended(self, period: Period) -> Period:
        """A siege ends when the besieged leave, or somebody else takes the place for certain."""
        if self._condition is not Condition.BESIEGED:
            return period
        held_by: frozenset[str] = frozenset()
        states = self._holding.states_from(self._held_before(period.start))
        for state, following in pairwise(chain(states, (None,))):
            assert state is not None  # noqa: S101
            if period.end is not None and state.certain_from >= period.end:
                break
            if following is not None and following.begin <= state.certain_from:
                continue  # it was disputed or followed at once, and never held for certain
            has_changed = _is_held(state) and bool(held_by) and not held_by & state.keys
            has_left = state.state is ControlState.VACATED
            if (has_changed or has_left) and period.covers(state.certain_from):
                return replace(period, end=state.certain_from)
            held_by = state.keys if _is_held(state) else held_by
        return period

    def _held_before(self, moment: datetime) -> int:
        """The number of the makers from which on to look for who held the place at a moment."""
        holding = self._holding
        index = bisect_left(holding.makers, moment)
        while index > 0:
            index -= 1
            states = holding.made_by(index)
            following = [*states[1:], next(holding.states_from(index + 1), None)]
            for state, next_ in zip(states, following, strict=True):
                is_fleeting = next_ is not None and next_.begin <= state.certain_from
                if _is_held(state) and not is_fleeting and state.certain_from < moment:
                    return index
        return 0


def _is_held(state: State) -> bool:
    return state.state in (ControlState.CONTROLLED, ControlState.MIXED)


def _ends_last(e: Evidence) -> tuple[datetime, bool, datetime, int, str]:
    """Settling order, but what began and ended on one day has ended."""
    settled, known_from, offset, claim_id = settling_order(e)
    return settled, e.type in _ENDINGS, known_from, offset, claim_id


def _hands_since(changed: Changed) -> datetime:
    """From when on the place may have been in other hands than it was."""
    steps: list[Step] = [s for s in (changed.old, changed.new) if s is not None]
    return min(state.begin for step in steps for state in (*step.closed, step.after))
