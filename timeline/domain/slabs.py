"""Cuts valid time into slabs in which the answer to "who held it" is the same at every moment.

What stands here of one place is its control as known at one moment; evidence comes and goes, and
`PlaceFold.change` says which slabs and which links from them to claims come and go with it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

from msgspec import Struct

from timeline.domain.beside import Condition, Conditions, Fighting, GoingOn, Period
from timeline.domain.evidence import Bounds, Evidence, Since, bounds_of
from timeline.domain.fold import Changed, HoldingFold
from timeline.domain.holders import ControlState, Holder
from timeline.domain.holding import Origin, State, Step

# Before all that can be dated, by more than the length of a day.
DAWN = datetime(1, 1, 3, tzinfo=UTC)
HOLDS, FIGHTS, BESIDE = "holds", "fights", "beside"


class Answer(Struct, frozen=True, gc=False, kw_only=True):
    """Who held a place and how well that is known, but for the claims that it rests on.

    `origin` is of the state whose evidence counts, `None` where it does not; `fought_since` and
    `beside_since` are when the first of the fighting and of the conditions began that are still
    going on. Where nothing is settled yet, it rests on what settles first, at `pending`.
    """

    state: ControlState = ControlState.UNKNOWN
    holders: tuple[Holder, ...] = ()
    conditions: tuple[Condition, ...] = ()
    since_earliest: str | None = None
    since_latest: str | None = None
    certain: bool = True
    last_confirmed: str | None = None
    sources: int = 0
    origin: Origin | None = None
    fought_since: datetime | None = None
    beside_since: datetime | None = None
    pending: datetime | None = None


class Slab(Struct, frozen=True, gc=False):
    """A half-open stretch of valid time with one answer; `valid_to` is `None` while it lasts."""

    valid_from: datetime
    valid_to: datetime | None
    answer: Answer


class Link(Struct, frozen=True, gc=False):
    """A claim that slabs rest on.

    Of a state (`kind` holds) it supports the one made at `joined`, or going on then with `number`
    0. Fighting and conditions last from `joined` to `until`.
    """

    kind: str
    joined: datetime
    number: int
    claim_id: str
    root: str
    settled: datetime
    latest: str
    until: datetime | None = None


class Difference(Struct, frozen=True, gc=False):
    """What a change of evidence takes away, and what it brings."""

    slabs_gone: tuple[Slab, ...]
    slabs_new: tuple[Slab, ...]
    links_gone: tuple[Link, ...]
    links_new: tuple[Link, ...]


class PlaceFold:
    """Control of one place as known at one moment."""

    def __init__(self, time_zone: str) -> None:
        self.holding = HoldingFold()
        self.fighting = Fighting(self.holding, time_zone)
        self.conditions = Conditions(self.holding)
        self._starts: list[datetime] = []
        self._slabs: dict[datetime, Slab] = {}
        self._drawn: dict[Origin, _Head] = {}

    def change(self, added: Sequence[Evidence], removed: Sequence[Evidence]) -> Difference:
        """Let evidence come and go."""
        steps = self.holding.change(added, removed)
        fights = self.fighting.change(added, removed, steps)
        conditions = self.conditions.change(added, removed, steps)
        links_gone = {link for s in steps for link in _links_of_step(s.instant, s.old)}
        links_new = {link for s in steps for link in _links_of_step(s.instant, s.new)}
        for kind, (gone, new) in ((FIGHTS, fights), (BESIDE, conditions)):
            links_gone.update(_link_of_period(kind, p) for p in gone)
            links_new.update(_link_of_period(kind, p) for p in new)
        stretches = [self._stretch(s) for s in steps]
        stretches += [(p.start, p.end) for part in (*fights, *conditions) for p in part]
        slabs_gone, slabs_new = self._cut_anew(_joined(stretches))
        return Difference(
            slabs_gone,
            slabs_new,
            tuple(links_gone - links_new),
            tuple(links_new - links_gone),
        )

    def slabs(self) -> list[Slab]:
        """All slabs, earliest first."""
        return [self._slabs[start] for start in self._starts]

    def _stretch(self, changed: Changed) -> tuple[datetime, datetime | None]:
        """The valid time in which a step that differs can make a difference.

        From the beginning of a state that is not what it was when its slabs were cut.
        """
        low, new = changed.instant, changed.new
        made = new.made if new else 0
        for number in range(made, changed.old.made if changed.old else 0):
            low = min(low, self._drawn.pop((changed.instant, number + 1)).begin)
        finals = [self.holding.state(changed.instant, n + 1) for n in range(made)]
        if new and new.had_incoming:
            finals += new.closed[:1]
        if changed.next_ is None and self.holding.instants:
            finals.append(self.holding.step(self.holding.instants[-1]).after)
        for state in finals:
            drawn, head = self._drawn.get(state.origin), self._head(state)
            if drawn != head:
                low = min(low, head.begin, drawn.begin if drawn else low)
                self._drawn[state.origin] = head
        return low, changed.next_

    def _cut_anew(
        self, stretches: Iterable[tuple[datetime, datetime | None]]
    ) -> tuple[tuple[Slab, ...], tuple[Slab, ...]]:
        gone: dict[datetime, Slab] = {}
        new: dict[datetime, Slab] = {}
        for low, high in stretches:
            first = max(bisect_left(self._starts, low) - 1, 0)
            stop = len(self._starts) if high is None else bisect_right(self._starts, high)
            begin = self._starts[first] if first < stop and self._starts[first] < low else None
            end = self._starts[stop] if stop < len(self._starts) else None
            for start in self._starts[first:stop]:
                slab = self._slabs.pop(start)
                if new.pop(start, None) is None:
                    gone[start] = slab
            cut = self._cut(begin, end)
            self._starts[first:stop] = [s.valid_from for s in cut]
            for slab in cut:
                self._slabs[slab.valid_from] = slab
                if gone.get(slab.valid_from) == slab:
                    del gone[slab.valid_from]
                else:
                    new[slab.valid_from] = slab
        return tuple(gone.values()), tuple(new.values())

    def _cut(self, begin: datetime | None, end: datetime | None) -> list[Slab]:
        """The slabs between two of their bounds; `None` is before the first and after the last."""
        low = begin or DAWN
        fights = self.fighting.between(low, end)
        conditions = self.conditions.between(low, end)
        states = self._states_between(low, end)
        cuts = {p.start for p in (*fights, *conditions)} | {s.begin for s in states}
        cuts.update(p.end for p in (*fights, *conditions) if p.end)
        cuts.update(p.evidence.settled for p in fights)
        for state, following in zip_longest(states, states[1:]):
            stop = following.begin if following else end
            cuts.update(self._cuts_of(state, low, stop))
        ordered = sorted(c for c in cuts if c >= low and (end is None or c < end))
        if begin is not None and ordered[:1] != [begin]:
            ordered.insert(0, begin)
        fighting, beside = GoingOn(fights), GoingOn(conditions)
        slabs: list[Slab] = []
        current = -1
        if not ordered:
            return slabs
        for start, stop in zip_longest(ordered, [*ordered[1:], end]):
            while current + 1 < len(states) and states[current + 1].begin <= start:
                current += 1
            answer = self._answer(
                start,
                states[current] if current >= 0 else None,
                fighting.at(start),
                beside.at(start),
            )
            if slabs and slabs[-1].answer == answer:
                slabs[-1] = Slab(slabs[-1].valid_from, stop, answer)
            else:
                slabs.append(Slab(start, stop, answer))
        return slabs

    def _states_between(self, low: datetime, high: datetime | None) -> list[State]:
        found: list[State] = []
        for state in self.holding.states_from(self.holding.first_beginning_by(low)):
            if high is not None and state.begin >= high:
                break
            if found and state.begin <= low:
                found.clear()
            found.append(state)
        return found

    def _cuts_of(self, state: State, low: datetime, stop: datetime | None) -> Iterator[datetime]:
        """When the answer can differ within a state, up to its end."""
        made, instants = state.origin[0], self.holding.instants
        if stop is None or state.certain_from < stop:
            yield state.certain_from
        yield from (c.settled for c in state.carried if stop is None or c.settled < stop)
        for index in range(max(bisect_right(instants, max(made, low)) - 1, 0), len(instants)):
            if stop is not None and instants[index] >= stop:
                break
            yield instants[index]

    def _answer(
        self,
        moment: datetime,
        state: State | None,
        fights: Sequence[Period],
        conditions: Sequence[Period],
    ) -> Answer:
        kind = state.state if state else ControlState.UNKNOWN
        counts = state if not fights or kind is ControlState.CONTESTED else None
        told = self._told(moment, counts, fights, conditions)
        since = state.since if state else None
        if fights:
            kind = ControlState.CONTESTED
            evidence = [f.evidence for f in fights]
            since = bounds_of(evidence, counts.bounds if counts else None).since()
        return Answer(
            state=kind,
            holders=state.holders if state else (),
            conditions=tuple(sorted({c.condition for c in conditions if c.condition})),
            since_earliest=since.earliest if since else None,
            since_latest=since.latest if since else None,
            certain=bool(fights) or state is None or state.certain_from <= moment,
            last_confirmed=told.latest,
            sources=len(told.roots),
            origin=counts.origin if counts else None,
            fought_since=min((f.start for f in fights), default=None),
            beside_since=min((c.start for c in conditions), default=None),
            pending=told.pending,
        )

    def _told(
        self,
        moment: datetime,
        state: State | None,
        fights: Sequence[Period],
        conditions: Sequence[Period],
    ) -> _Told:
        """What the evidence settled by a moment tells; or else what settles first."""
        parts = [self._told_of_state(moment, state)] if state else []
        beside = fights or (() if state else conditions)
        for e in (p.evidence for p in beside):
            is_settled = e.settled <= moment
            parts.append(
                _Told(
                    e.settled,
                    e.latest if is_settled else None,
                    frozenset((e.root,)),
                    None if is_settled else e.settled,
                )
            )
        settled = [p for p in parts if p.pending is None]
        if settled:
            last = max(settled, key=lambda p: p.last)
            return _Told(last.last, last.latest, _roots(settled), None)
        first = min((p.last for p in parts), default=moment)
        return _Told(
            first,
            None,
            _roots(p for p in parts if p.last == first),
            first if parts else None,
        )

    def _told_of_state(self, moment: datetime, state: State) -> _Told:
        made, number = state.origin
        if moment >= made:
            after = self.holding.last_step(moment).after
            return _Told(after.bounds.last, after.bounds.latest, after.roots, None)
        settled = [c for c in state.carried if c.settled <= moment]
        if settled:
            bounds = bounds_of(settled)
            return _Told(bounds.last, bounds.latest, frozenset(c.root for c in settled), None)
        first = state.carried[0].settled if state.carried else made
        roots = {c.root for c in state.carried if c.settled == first}
        if first == made:
            roots |= {e.root for n, e in self.holding.step(made).joined if n == number}
        return _Told(first, None, frozenset(roots), first)

    def _head(self, state: State) -> _Head:
        is_contested = state.state is ControlState.CONTESTED
        told = self._told_of_state(state.begin, state) if state.begin < state.origin[0] else None
        return _Head(
            state.begin,
            state.certain_from,
            state.state,
            state.holders,
            state.since,
            state.carried,
            state.bounds if is_contested else None,
            told.roots if told else frozenset(),
        )


class _Told(Struct, frozen=True, gc=False):
    """What some evidence tells: when it settled last, its date, its roots.

    `pending` is when the first of it settles, if none has.
    """

    last: datetime
    latest: str | None
    roots: frozenset[str]
    pending: datetime | None


class _Head(Struct, frozen=True, gc=False):
    """What all slabs of a state have in common."""

    begin: datetime
    certain_from: datetime
    state: ControlState
    holders: tuple[Holder, ...]
    since: Since
    carried: tuple[Evidence, ...]
    bounds: Bounds | None
    pending_roots: frozenset[str]


def _roots(parts: Iterable[_Told]) -> frozenset[str]:
    return frozenset[str]().union(*(p.roots for p in parts))


def _joined(
    stretches: Iterable[tuple[datetime, datetime | None]],
) -> list[tuple[datetime, datetime | None]]:
    """The same stretches, with those that overlap or touch made one."""
    joined: list[tuple[datetime, datetime | None]] = []
    for low, high in sorted(stretches, key=lambda s: s[0]):
        if joined and (joined[-1][1] is None or low <= joined[-1][1]):
            last = joined[-1][1]
            joined[-1] = (
                joined[-1][0],
                None if last is None or high is None else max(last, high),
            )
        else:
            joined.append((low, high))
    return joined


def _links_of_step(instant: datetime, step: Step | None) -> Iterator[Link]:
    if step is None:
        return
    for number, e in step.joined:
        yield Link(HOLDS, instant, number, e.claim_id, e.root, e.settled, e.latest)
    for state in (*step.closed, step.after):
        if state.origin[0] == instant:
            for e in state.carried:
                number = state.origin[1]
                yield Link(HOLDS, instant, number, e.claim_id, e.root, e.settled, e.latest)


def _link_of_period(kind: str, period: Period) -> Link:
    e = period.evidence
    return Link(kind, period.start, 0, e.claim_id, e.root, e.settled, e.latest, period.end)
