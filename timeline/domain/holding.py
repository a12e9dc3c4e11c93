"""Walks the evidence about who holds a place in the order in which it settles: the first pass.

It keeps the state: controlled, mixed, contested by rival claims, vacated or unknown. The rules,
with their reasons, are in docs/control.md; `control.py` lays conditions and fighting over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.actors import ActorRole
from timeline.domain.events import Claim, ControlChanged, ControlStated, Withdrawal
from timeline.domain.holders import ControlClaim, ControlState, Holder, in_order
from timeline.domain.time import start_of

INSTANT = timedelta(microseconds=1)

HOLDING_TYPES = (ControlChanged, ControlStated, Withdrawal)


class Evidence(Struct, frozen=True, kw_only=True):
    """A claim with its time on the axis: it may have begun at `start`, and settles at `settled`.

    `actors` are those who hold or leave, `keys` theirs, `lost` the keys of who lost the place.
    """

    claim: Claim
    root: str
    known_from: datetime
    start: datetime | None
    first: datetime
    settled: datetime
    actors: tuple[Holder, ...]
    keys: frozenset[str]
    lost: frozenset[str]
    is_change: bool
    is_statement: bool
    is_withdrawal: bool

    def overlaps(self, other: Evidence) -> bool:
        """Whether both may have been on one day."""
        return self.first <= other.settled and other.first <= self.settled

    def contradicts(self, other: Evidence) -> bool:
        """Whether both cannot be true of the same moment (docs/control.md, rule 14)."""
        if self.is_withdrawal and other.is_withdrawal:
            return False
        if self.is_withdrawal or other.is_withdrawal:
            return bool(self.keys & other.keys)
        if not self.keys or not other.keys:
            return bool(self.lost & other.keys or other.lost & self.keys)
        return self.keys != other.keys

    def is_of_same_time(self, other: Evidence) -> bool:
        """Whether neither is plainly the sequel of the other.

        Leaving a place is the sequel of holding it, and taking it that of another's being said to
        hold it, when it settles later.
        """
        earlier, later = sorted((self, other), key=lambda e: e.settled)
        is_sequel = (later.is_withdrawal and not earlier.is_withdrawal) or (
            later.is_change and earlier.is_statement
        )
        return self.overlaps(other) and not (is_sequel and earlier.settled < later.settled)


class Since(Struct, frozen=True, kw_only=True):
    """When a state began: inclusive bounds as instants and as the claims write them.

    `is_disputed` when the bounds span dates that cannot both be right.
    """

    low: datetime | None
    high: datetime
    earliest: str | None
    latest: str
    is_disputed: bool = False


class State(Struct, frozen=True, kw_only=True):
    """The first pass's state: what holds from `begin` on, on the strength of `support`.

    `floor` is what `begin` cannot go below, since something else was settled until then.
    """

    begin: datetime
    certain_from: datetime
    state: ControlState
    holders: tuple[Holder, ...]
    support: tuple[Evidence, ...]
    since: Since
    floor: datetime | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the holders."""
        return frozenset(h.key for h in self.holders)


def holding_states(evidence: Iterable[Evidence]) -> list[State]:
    """The states of a place in the order in which they settle, from evidence in any order."""
    telling = [
        e
        for e in evidence
        if isinstance(e.claim, HOLDING_TYPES) and (e.actors or not e.is_statement)
    ]
    holding = sorted(_not_superseded(telling), key=settling_order)
    states: list[State] = []
    for _, tied in groupby(holding, key=lambda e: e.settled):
        keys = states[-1].keys if states else frozenset()
        for item in sorted(tied, key=lambda e: _rank_in_tie(e, keys)):
            _apply(states, item)
    return states


def evidence_of(item: ControlClaim, time_zone: str) -> Evidence:
    """A claim that can move control, with its place on the time axis."""
    occurred = item.claim.occurred
    end = occurred.end(time_zone)
    assert end is not None and occurred.latest is not None  # noqa: S101, PT018
    start = occurred.start(time_zone)
    is_withdrawal = isinstance(item.claim, Withdrawal)
    actors = _named(item, ActorRole.INITIATOR if is_withdrawal else ActorRole.HOLDER)
    return Evidence(
        claim=item.claim,
        root=item.root,
        known_from=item.known_from,
        start=start,
        first=start if start is not None else start_of(occurred.latest, time_zone),
        settled=end - INSTANT,
        actors=actors,
        keys=frozenset(h.key for h in actors),
        lost=frozenset(h.key for h in _named(item, ActorRole.PREVIOUS_HOLDER)),
        is_change=isinstance(item.claim, ControlChanged),
        is_statement=isinstance(item.claim, ControlStated),
        is_withdrawal=is_withdrawal,
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


def settling_order(e: Evidence) -> tuple[datetime, datetime, int, str]:
    """When a claim settles; on a tie what was known first, then the order of the report's text."""
    span = e.claim.evidence
    return e.settled, e.known_from, span.span_start if span else 0, e.claim.claim_id


def _rank_in_tie(e: Evidence, held_by: frozenset[str]) -> int:
    """Which of several claims that settle at once comes first (docs/control.md, rule 18).

    The holder leaves, others take the place, the holder takes it back, others leave again; what is
    only stated comes last.
    """
    if e.is_withdrawal:
        return 0 if e.keys & held_by else 4
    if e.is_change:
        return 1 if not e.keys else 3 if e.keys == held_by else 2
    return 5


def _not_superseded(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Without what the same root source has told otherwise in a later report."""
    by_root: dict[str, list[Evidence]] = {}
    for e in evidence:
        by_root.setdefault(e.root, []).append(e)
    return [e for e in evidence if not any(_supersedes(o, e, evidence) for o in by_root[e.root])]


def _supersedes(later: Evidence, earlier: Evidence, evidence: Sequence[Evidence]) -> bool:
    if later.known_from <= earlier.known_from:
        return False
    if later.claim.report_id == earlier.claim.report_id:
        return False
    if later.contradicts(earlier):
        return later.is_of_same_time(earlier)
    if not (later.is_change and earlier.is_change and later.keys == earlier.keys):
        return False
    low, high = sorted((earlier, later), key=lambda e: e.settled)
    if high.start is None or high.start <= low.settled:
        return False  # both dates can be right: the closer one will date the change
    # The same change under another date, with nothing told in between: a corrected date.
    return not any(
        low.settled <= e.settled <= high.settled and e.contradicts(later) for e in evidence
    )


def _apply(states: list[State], e: Evidence) -> None:
    current = states[-1] if states else None
    if current is None:
        states.append(_new_state(None, e, *_outcome(e)))
    elif any(
        s.root != e.root and s.is_of_same_time(e) and s.contradicts(e) for s in current.support
    ):
        states.append(_contested(current, e))
    elif e.is_withdrawal:
        _apply_withdrawal(states, current, e)
    elif _joins_dispute(current, e):
        support = (*current.support, e)
        states[-1] = replace(current, support=support, since=since_of(support))
    elif _confirms(current, e):
        states[-1] = _confirmed(current, e)
    elif not _is_of_the_past(current, e):
        states.append(_new_state(current, e, *_outcome(e)))


def _outcome(e: Evidence) -> tuple[ControlState, tuple[Holder, ...]]:
    """What a claim alone makes of a place."""
    if e.is_withdrawal:
        return ControlState.VACATED, ()
    if not e.actors:
        return ControlState.UNKNOWN, ()
    return ControlState.MIXED if len(e.actors) > 1 else ControlState.CONTROLLED, e.actors


def _new_state(
    current: State | None, e: Evidence, state: ControlState, holders: tuple[Holder, ...]
) -> State:
    """What holds from `e` on; it may have begun earlier, but not before what was settled last."""
    floor = None
    if current is not None:
        floor = max(*(s.settled + INSTANT for s in current.support), current.begin)
    begin = e.start if e.start is not None else e.settled
    return State(
        begin=_begin(begin, floor, e.settled),
        certain_from=e.settled,
        state=state,
        holders=holders,
        support=(e,),
        since=_since(e),
        floor=floor,
    )


def _begin(low: datetime, floor: datetime | None, settled: datetime) -> datetime:
    return min(low if floor is None else max(low, floor), settled)


def _since(e: Evidence) -> Since:
    """What one claim tells of the beginning; a statement tells only that it lies not later."""
    occurred = e.claim.occurred
    return Since(
        low=None if e.is_statement else e.start,
        high=e.settled,
        earliest=None if e.is_statement else occurred.earliest,
        latest=occurred.latest or "",
    )


def since_of(evidence: Sequence[Evidence]) -> Since:
    """From the earliest to the latest that any of them tells; needs at least one."""
    first = min(evidence, key=lambda e: e.first)
    last = max(evidence, key=lambda e: e.settled)
    is_open = any(e.start is None for e in evidence)
    return Since(
        low=None if is_open else first.start,
        high=last.settled,
        earliest=None if is_open else first.claim.occurred.earliest,
        latest=last.claim.occurred.latest or "",
        is_disputed=True,
    )


def _contested(current: State, e: Evidence) -> State:
    """Different holders from different roots for the same time: all of them are named."""
    together = (*(s for s in current.support if s.overlaps(e)), e)
    return State(
        begin=max(current.begin, e.first),
        certain_from=e.settled,
        state=ControlState.CONTESTED,
        holders=in_order(h for s in together for h in s.actors),
        support=together,
        since=since_of(together),
    )


def _joins_dispute(current: State, e: Evidence) -> bool:
    """A dispute lasts until evidence dated later than all of it."""
    return current.state is ControlState.CONTESTED and any(
        s.is_of_same_time(e) for s in current.support
    )


def _confirms(current: State, e: Evidence) -> bool:
    """The same holder again, or a change without a named holder that may be the one known."""
    if current.state is ControlState.CONTESTED:
        return False
    if e.actors:
        return current.keys == e.keys
    if e.lost & current.keys:
        return False
    return any(
        s.is_change and (e.start is None or e.first <= s.settled) and s.first <= e.settled
        for s in current.support
    )


def _is_of_the_past(current: State, e: Evidence) -> bool:
    """Whether a claim tells only of what the present state has left behind.

    That is a loss by somebody who does not hold the place, and a statement that its own root
    source has overtaken on the same day.
    """
    if not e.actors:
        return (
            bool(e.lost)
            and current.state is not ControlState.UNKNOWN
            and not (e.lost & current.keys)
        )
    return e.is_statement and any(
        s.root == e.root and s.settled == e.settled and s.contradicts(e) for s in current.support
    )


def _confirmed(current: State, e: Evidence) -> State:
    """The same told again: a closer date narrows the beginning, a rival date makes it uncertain."""
    support = (*current.support, e)
    if current.holders:
        current = replace(current, holders=in_order((*current.holders, *e.actors)))
    since = current.since
    if e.is_statement or e.start is None:
        return replace(current, support=support)
    if e.start <= since.high:
        if since.is_disputed or (since.low is not None and e.start <= since.low):
            return replace(current, support=support)
        since = replace(since, low=e.start, earliest=e.claim.occurred.earliest)
        begin = _begin(e.start, current.floor, current.certain_from)
        return replace(current, support=support, since=since, begin=begin)
    if any(s.is_statement or s.root == e.root for s in current.support):
        return replace(current, support=support)
    latest = e.claim.occurred.latest or ""
    since = replace(since, high=e.settled, latest=latest, is_disputed=True)
    return replace(current, support=support, since=since, certain_from=e.settled)


def _apply_withdrawal(states: list[State], current: State, e: Evidence) -> None:
    if current.state is ControlState.UNKNOWN:
        states.append(_new_state(current, e, ControlState.VACATED, ()))
        return
    if current.state is ControlState.VACATED:
        if any(s.is_withdrawal and s.keys & e.keys for s in current.support):
            states[-1] = _confirmed(current, e)
        return
    left = tuple(h for h in current.holders if h.key not in e.keys)
    if len(left) == len(current.holders):
        return
    if not left:
        states.append(_new_state(current, e, ControlState.VACATED, ()))
        return
    state = ControlState.CONTROLLED if len(left) == 1 else current.state
    remaining = _new_state(current, e, state, left)
    holding = tuple(s for s in current.support if s.keys & remaining.keys)
    states.append(replace(remaining, support=(*holding, e)))
