"""Keeps the fold over the evidence about one place up to date while evidence comes and goes.

The evidence that counts is taken in steps, one for each instant at which some of it settles. What a
step makes of the state before it is kept. After a change the fold goes on from the first step that
differs and stops where the state is what it was; so that one more claim costs what it changes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from timeline.domain.evidence import Evidence
from timeline.domain.holding import State, Step, step_of
from timeline.domain.superseding import Counting


class Changed(Struct, frozen=True, gc=False):
    """A step as it was and as it is; `None` for one that is not taken.

    `next_` is the instant of the step after it.
    """

    instant: datetime
    old: Step | None
    new: Step | None
    next_: datetime | None


class HoldingFold:
    """The states of one place, from evidence that comes and goes."""

    def __init__(self) -> None:
        self._counting = Counting()
        self._tied: dict[datetime, list[Evidence]] = {}
        self._steps: dict[datetime, Step] = {}
        self.instants: list[datetime] = []
        self.makers: list[datetime] = []

    def step(self, instant: datetime) -> Step:
        """The step at one of `instants`."""
        return self._steps[instant]

    def change(self, added: Iterable[Evidence], removed: Iterable[Evidence]) -> list[Changed]:
        """Let evidence come and go; returns the steps that differ, in order."""
        counts, gone = self._counting.change(added, removed)
        dirty = sorted({e.settled for e in (*counts, *gone)})
        for e in gone:
            self._tied[e.settled] = [t for t in self._tied[e.settled] if t != e]
        for e in counts:
            self._tied.setdefault(e.settled, []).append(e)
        return self._walk(dirty)

    def _walk(self, dirty: list[datetime]) -> list[Changed]:
        changed: list[Changed] = []
        was: State | None = None  # what came out of the last walked step before
        walked_to: datetime | None = None
        while dirty:
            instant = dirty.pop(0)
            index = bisect_left(self.instants, instant)
            previous = self.instants[index - 1] if index else None
            before = self._steps[previous].after if previous else None
            was_before = (
                was if walked_to is not None and self._follows(walked_to, previous) else before
            )
            old = self._steps.pop(instant, None)
            new = self._take(instant, before)
            self._keep(instant, old, new)
            was = old.after if old else was_before
            walked_to = instant
            is_now = new.after if new else before
            at = bisect_right(self.instants, instant)
            next_ = self.instants[at] if at < len(self.instants) else None
            if old != new:
                changed.append(Changed(instant, old, new, next_))
            following = next_ if is_now != was else self._looking_back(instant, old, new)
            if following is not None and (not dirty or dirty[0] > following):
                insort(dirty, following)
        return changed

    def _follows(self, walked_to: datetime, previous: datetime | None) -> bool:
        """Whether a walked step is the last before another, or was, before it went."""
        return previous is None or previous <= walked_to

    def _take(self, instant: datetime, before: State | None) -> Step | None:
        tied = self._tied.get(instant)
        if not tied:
            self._tied.pop(instant, None)
            return None
        return step_of(before, tied, lambda state, since: self.support(state, since, instant))

    def _keep(self, instant: datetime, old: Step | None, new: Step | None) -> None:
        if new is not None:
            self._steps[instant] = new
        if (old is None) != (new is None):
            _toggle(self.instants, instant)
        if (old is not None and old.made > 0) != (new is not None and new.made > 0):
            _toggle(self.makers, instant)

    def _looking_back(
        self, instant: datetime, old: Step | None, new: Step | None
    ) -> datetime | None:
        """The next step that rests on what was told here, if that differs."""
        if (old.joined if old else ()) == (new.joined if new else ()):
            return None
        at = bisect_right(self.makers, instant)
        if at < len(self.makers) and self._steps[self.makers[at]].looks_back:
            return self.makers[at]
        return None

    def support(
        self, state: State, since: datetime | None = None, until: datetime | None = None
    ) -> list[Evidence]:
        """The evidence of a state, oldest first.

        Args:
            state: Whose.
            since: What settles then or later; `None` is all.
            until: Steps before this instant; `None` is all.
        """
        made, number = state.origin
        begin = bisect_left(self.instants, made)
        after = bisect_right(self.makers, made)
        stop = len(self.instants)
        if until is not None:
            stop = bisect_left(self.instants, until)
        elif number < self._steps[made].made:
            stop = begin + 1
        elif after < len(self.makers):
            stop = bisect_right(self.instants, self.makers[after])
        found: list[list[Evidence]] = []
        for index in range(stop - 1, begin - 1, -1):
            instant = self.instants[index]
            if since is not None and instant < since:
                break
            wanted = number if instant == made else 0
            found.append([e for n, e in self._steps[instant].joined if n == wanted])
        carried = [e for e in state.carried if since is None or e.settled >= since]
        return [*carried, *(e for part in reversed(found) for e in part)]

    def last_step(self, moment: datetime) -> Step:
        """The last step at or before a moment; there is one."""
        return self._steps[self.instants[bisect_right(self.instants, moment) - 1]]

    def state(self, instant: datetime, number: int) -> State:
        """A state that a step made, as it was when the place left it, or as it is."""
        made_in = self._steps[instant]
        if number < made_in.made:
            return made_in.closed[number - 1 + made_in.had_incoming]
        after = bisect_right(self.makers, instant)
        if after < len(self.makers):
            return self._steps[self.makers[after]].closed[0]
        return self._steps[self.instants[-1]].after

    def made_by(self, index: int) -> list[State]:
        """The states that one of `makers` made."""
        instant = self.makers[index]
        return [self.state(instant, n + 1) for n in range(self._steps[instant].made)]

    def states_from(self, index: int) -> Iterator[State]:
        """The states in order, from those made by one of `makers` on."""
        for at in range(index, len(self.makers)):
            yield from self.made_by(at)

    def first_beginning_by(self, moment: datetime) -> int:
        """The last of `makers` whose first state begins by a moment, or the first of all."""
        found = bisect_right(
            range(len(self.makers)), moment, key=lambda i: self.state(self.makers[i], 1).begin
        )
        return max(found - 1, 0)

    def first_change(self, low: datetime, high: datetime) -> datetime | None:
        """The first instant of a stretch at which more than a statement settled."""
        for index in range(bisect_left(self.instants, low), len(self.instants)):
            if self.instants[index] >= high:
                return None
            if has_change(self._steps[self.instants[index]]):
                return self.instants[index]
        return None


def has_change(step: Step | None) -> bool:
    """Whether a state rests on more of a step than statements."""
    return step is not None and any(not e.voice.is_statement for _, e in step.joined)


def _toggle(instants: list[datetime], instant: datetime) -> None:
    at = bisect_left(instants, instant)
    if at < len(instants) and instants[at] == instant:
        del instants[at]
    else:
        instants.insert(at, instant)
