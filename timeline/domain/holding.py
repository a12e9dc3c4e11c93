"""Walks the evidence about who holds a place in the order in which it settles: the first pass.

A state is controlled, mixed, contested by rival claims, vacated or unknown. Of the evidence that a
state rests on, it keeps only what the next step asks for, so that one more confirmation costs the
same whether ten came before it or ten thousand. The rules, with their reasons, are in
docs/control.md; `fold.py` keeps the steps, and lays conditions and fighting over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.evidence import (
    INSTANT,
    Bounds,
    Evidence,
    Since,
    Voice,
    bounds_of,
    contradicts,
    is_sequel,
    settling_order,
    since_told,
)
from timeline.domain.holders import ControlState, Holder, in_order

# Which of a place's states: the instant of the step that made it, and its number in that step.
Origin = tuple[datetime, int]


class Heard(Struct, frozen=True, gc=False):
    """When a voice was last heard in a state, from whom, and when last from anybody else."""

    last: datetime
    root: str
    last_of_others: datetime | None

    def again(self, e: Evidence) -> Heard:
        """With one more that settles no earlier."""
        if e.root == self.root:
            return Heard(e.settled, e.root, self.last_of_others)
        return Heard(e.settled, e.root, self.last)

    def besides(self, root: str) -> datetime | None:
        """When it was last heard from another root."""
        return self.last_of_others if root == self.root else self.last


class State(Struct, frozen=True, gc=False, kw_only=True):
    """What holds from `begin` on, as far as the evidence settled so far goes.

    `floor` is what `begin` cannot go below, since something else was settled until then. `carried`
    is evidence from before the step that made the state on which it rests as well. `bounds` are of
    all its evidence, `tied` who said what at the last instant of it.
    """

    origin: Origin
    begin: datetime
    certain_from: datetime
    state: ControlState
    holders: tuple[Holder, ...]
    keys: frozenset[str]
    since: Since
    floor: datetime | None
    carried: tuple[Evidence, ...]
    heard: Mapping[Voice, Heard]
    roots: frozenset[str]
    bounds: Bounds
    tied: frozenset[tuple[Voice, str]]

    def has_heard(self, wanted: Callable[[Voice], bool]) -> bool:
        """Whether any of its evidence is of such a voice."""
        return any(wanted(voice) for voice in self.heard)


class Step(Struct, frozen=True, gc=False, kw_only=True):
    """What the evidence that settles at one instant makes of a state.

    `closed` are the states that ended in it, the incoming one first if there was any; `after` is
    the last. `joined` is the evidence by the state that it supports: 0 is the incoming one, others
    are numbered as they were made. `looks_back` when a state made here rests on earlier evidence.
    """

    had_incoming: bool
    closed: tuple[State, ...]
    after: State
    made: int
    joined: tuple[tuple[int, Evidence], ...]
    looks_back: bool


Earlier = Callable[[State, datetime | None], Sequence[Evidence]]


def step_of(before: State | None, tied: Sequence[Evidence], earlier: Earlier) -> Step | None:
    """Apply evidence that settles at one instant.

    Args:
        before: The state until then.
        tied: The evidence, at least one, in any order.
        earlier: Gives the evidence of the incoming state from before the step, oldest first, that
            settles at an instant or later (`None`: all of it).

    Returns:
        `None` only when nothing can be said from it.
    """
    keys = before.keys if before else frozenset()
    walk = _Walk(before, tied[0].settled, earlier)
    ordered = sorted(tied, key=settling_order)
    for e in sorted(ordered, key=lambda e: _rank_in_tie(e.voice, keys)):
        walk.apply(e)
    return walk.step()


def _rank_in_tie(said: Voice, held_by: frozenset[str]) -> int:
    """Which of several claims that settle at once comes first (docs/control.md, rule 18).

    The holder leaves, others take the place, the holder takes it back, others leave again; what is
    only stated comes last.
    """
    if said.is_withdrawal:
        return 0 if said.keys & held_by else 4
    if said.is_change:
        return 1 if not said.keys else 3 if said.keys == held_by else 2
    return 5


class _Walk:
    """One step while it is taken."""

    def __init__(self, before: State | None, settled: datetime, earlier: Earlier) -> None:
        self._before, self._settled, self._earlier = before, settled, earlier
        self._state = before
        self._closed: list[State] = []
        self._joined: list[tuple[int, Evidence]] = []
        self._made = 0
        self._looks_back = False

    def step(self) -> Step | None:
        if self._state is None:
            return None
        return Step(
            had_incoming=self._before is not None,
            closed=tuple(self._closed),
            after=self._state,
            made=self._made,
            joined=tuple(self._joined),
            looks_back=self._looks_back,
        )

    def apply(self, e: Evidence) -> None:
        current = self._state
        if current is None:
            self._make(e, *_outcome(e))
        elif _is_rivalled(current, e):
            self._contest(current, e)
        elif e.voice.is_withdrawal:
            self._withdraw(current, e)
        elif _joins_dispute(current, e):
            self._joined.append((self._made, e))
            joined = _supported(current, e)
            self._state = replace(joined, since=joined.bounds.since())
        elif _confirms(current, e):
            self._confirm(current, e)
        elif not _is_of_the_past(current, e):
            self._make(e, *_outcome(e))

    def _support(self, since: datetime | None) -> list[Evidence]:
        """The evidence of the present state, oldest first, that settles at `since` or later."""
        current, number = self._state, self._made
        assert current is not None  # noqa: S101
        found = [e for n, e in self._joined if n == number]
        found = [*current.carried, *found] if number else [*self._earlier(current, since), *found]
        return [e for e in found if since is None or e.settled >= since]

    def _make(
        self,
        e: Evidence,
        state: ControlState,
        holders: tuple[Holder, ...],
        carried: Sequence[Evidence] = (),
    ) -> None:
        """What holds from `e` on; it may have begun before, after what was settled last."""
        current, floor = self._state, None
        if current is not None:
            floor = max(current.bounds.last + INSTANT, current.begin)
        low = e.start if e.start is not None else e.settled
        begin = begin_of(low, floor, e.settled)
        self._enter(e, carried, begin, state, holders, since_told(e), floor)

    def _enter(
        self,
        e: Evidence,
        carried: Sequence[Evidence],
        begin: datetime,
        state: ControlState,
        holders: tuple[Holder, ...],
        since: Since,
        floor: datetime | None,
    ) -> None:
        if self._state is not None:
            self._closed.append(self._state)
        self._made += 1
        self._joined.append((self._made, e))
        together = (*carried, e)
        self._state = State(
            origin=(self._settled, self._made),
            begin=begin,
            certain_from=e.settled,
            state=state,
            holders=holders,
            keys=frozenset(h.key for h in holders),
            since=since,
            floor=floor,
            carried=tuple(carried),
            heard=_heard(together),
            roots=frozenset(c.root for c in together),
            bounds=bounds_of(together),
            tied=frozenset((c.voice, c.root) for c in together if c.settled == e.settled),
        )

    def _contest(self, current: State, e: Evidence) -> None:
        """Different holders from different roots for the same time: all of them are named."""
        self._looks_back = self._looks_back or not self._made
        overlapping = self._support(e.first)
        together = (*overlapping, e)
        self._enter(
            e,
            overlapping,
            max(current.begin, e.first),
            ControlState.CONTESTED,
            in_order(h for s in together for h in s.actors),
            bounds_of(together).since(),
            None,
        )

    def _confirm(self, current: State, e: Evidence) -> None:
        self._joined.append((self._made, e))
        self._state = _confirmed(current, e)

    def _withdraw(self, current: State, e: Evidence) -> None:
        if current.state is ControlState.UNKNOWN:
            self._make(e, ControlState.VACATED, ())
            return
        if current.state is ControlState.VACATED:
            if current.has_heard(lambda v: v.is_withdrawal and bool(v.keys & e.voice.keys)):
                self._confirm(current, e)
            return
        left = tuple(h for h in current.holders if h.key not in e.voice.keys)
        if len(left) == len(current.holders):
            return
        if not left:
            self._make(e, ControlState.VACATED, ())
            return
        self._looks_back = self._looks_back or not self._made
        keys = frozenset(h.key for h in left)
        holding = [s for s in self._support(None) if s.voice.keys & keys]
        self._make(e, ControlState.CONTROLLED if len(left) == 1 else current.state, left, holding)


def begin_of(low: datetime, floor: datetime | None, settled: datetime) -> datetime:
    """When a state begins: at its lower bound, after what was settled before, and by its date."""
    return min(low if floor is None else max(low, floor), settled)


def _outcome(e: Evidence) -> tuple[ControlState, tuple[Holder, ...]]:
    """What a claim alone makes of a place."""
    if e.voice.is_withdrawal:
        return ControlState.VACATED, ()
    if not e.actors:
        return ControlState.UNKNOWN, ()
    return ControlState.MIXED if len(e.actors) > 1 else ControlState.CONTROLLED, e.actors


def _heard(evidence: Iterable[Evidence]) -> Mapping[Voice, Heard]:
    heard: dict[Voice, Heard] = {}
    for e in evidence:
        known = heard.get(e.voice)
        heard[e.voice] = known.again(e) if known else Heard(e.settled, e.root, None)
    return heard


def _supported(state: State, e: Evidence) -> State:
    """The same on the strength of one more, which settles no earlier than the rest."""
    voice, known = e.voice, state.heard.get(e.voice)
    said = (voice, e.root)
    return replace(
        state,
        heard={
            **state.heard,
            voice: known.again(e) if known else Heard(e.settled, e.root, None),
        },
        roots=state.roots if e.root in state.roots else state.roots | {e.root},
        bounds=state.bounds.with_(e),
        tied=state.tied | {said} if e.settled == state.bounds.last else frozenset((said,)),
    )


def _is_rivalled(current: State, e: Evidence) -> bool:
    """Whether another root has told otherwise about the same time."""
    for voice, heard in current.heard.items():
        last = heard.besides(e.root)
        if last is None or not contradicts(voice, e.voice):
            continue
        if last == e.settled or (last >= e.first and not is_sequel(e.voice, voice)):
            return True
    return False


def _joins_dispute(current: State, e: Evidence) -> bool:
    """A dispute lasts until evidence dated later than all of it."""
    return current.state is ControlState.CONTESTED and any(
        heard.last == e.settled or (heard.last >= e.first and not is_sequel(e.voice, voice))
        for voice, heard in current.heard.items()
    )


def _confirms(current: State, e: Evidence) -> bool:
    """The same holder again, or a change without a named holder that may be the one known."""
    if current.state is ControlState.CONTESTED:
        return False
    if e.actors:
        return current.keys == e.voice.keys
    if e.voice.lost & current.keys:
        return False
    return any(
        voice.is_change and (e.start is None or e.first <= heard.last)
        for voice, heard in current.heard.items()
    )


def _is_of_the_past(current: State, e: Evidence) -> bool:
    """Whether a claim tells only of what the present state has left behind.

    That is a loss by somebody who does not hold the place, and a statement that its own root
    source has overtaken on the same day.
    """
    lost = e.voice.lost
    if not e.actors:
        return bool(lost) and current.state is not ControlState.UNKNOWN and not lost & current.keys
    return (
        e.voice.is_statement
        and e.settled == current.bounds.last
        and any(root == e.root and contradicts(said, e.voice) for said, root in current.tied)
    )


def _confirmed(current: State, e: Evidence) -> State:
    """The same told again: a closer date narrows the beginning, a rival date makes it uncertain."""
    state = _supported(current, e)
    if current.holders and not set(e.actors) <= set(current.holders):
        holders = in_order((*current.holders, *e.actors))
        state = replace(state, holders=holders, keys=frozenset(h.key for h in holders))
    since = current.since
    if e.voice.is_statement or e.start is None:
        return state
    if e.start <= since.high:
        if since.is_disputed or (since.low is not None and e.start <= since.low):
            return state
        since = replace(since, low=e.start, earliest=e.earliest)
        return replace(
            state, since=since, begin=begin_of(e.start, current.floor, current.certain_from)
        )
    if e.root in current.roots or current.has_heard(lambda v: v.is_statement):
        return state
    since = replace(since, high=e.settled, latest=e.latest, is_disputed=True)
    return replace(state, since=since, certain_from=e.settled)
