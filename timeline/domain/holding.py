"""Walks the evidence about who holds a place in the order in which it settles: the first pass.

It keeps the state: controlled, mixed, contested by rival claims, vacated or unknown. The rules, with
their reasons, are in docs/control.md; `control.py` lays conditions and days of fighting over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.actors import ActorRole
from timeline.domain.events import Claim, ControlChanged, ControlStated, Withdrawal
from timeline.domain.names import folded_form
from timeline.domain.time import start_of

INSTANT = timedelta(microseconds=1)

HOLDING_TYPES = (ControlChanged, ControlStated, Withdrawal)


class ControlState(StrEnum):
    """How a place is held."""

    CONTROLLED = "controlled"
    CONTESTED = "contested"
    MIXED = "mixed"
    VACATED = "vacated"
    UNKNOWN = "unknown"


class Holder(Struct, frozen=True, kw_only=True, order=True):
    """Who holds a place; `actor_id` is `None` for a name that is no known actor."""

    name: str
    actor_id: str | None = None

    @property
    def key(self) -> str:
        """What makes two mentions the same holder."""
        return self.actor_id or f"named:{folded_form(self.name)}"


class ControlClaim(Struct, frozen=True, kw_only=True):
    """A standing claim, the root source behind it, and since when it is known."""

    claim: Claim
    root: str
    known_from: datetime


class Evidence(Struct, frozen=True, kw_only=True):
    """A claim with its time on the axis: it may have begun at `start`, and settles at `settled`."""

    claim: Claim
    root: str
    known_from: datetime
    start: datetime | None
    first: datetime
    settled: datetime
    actors: tuple[Holder, ...]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(h.key for h in self.actors)

    @property
    def is_withdrawal(self) -> bool:
        return isinstance(self.claim, Withdrawal)

    def overlaps(self, other: Evidence) -> bool:
        return self.first <= other.settled and other.first <= self.settled

    def contradicts(self, other: Evidence) -> bool:
        """Whether both cannot be true of the same moment."""
        if self.is_withdrawal and other.is_withdrawal:
            return False
        if self.is_withdrawal or other.is_withdrawal:
            return bool(self.keys & other.keys)
        return self.keys != other.keys


class State(Struct, frozen=True, kw_only=True):
    """The first pass's state: what holds from `begin` on, on the strength of `support`."""

    begin: datetime
    certain_from: datetime
    state: ControlState
    holders: tuple[Holder, ...]
    support: tuple[Evidence, ...]


def holding_states(evidence: Iterable[Evidence]) -> list[State]:
    """The states of a place in the order in which they settle, from evidence in any order."""
    holding = _not_superseded([e for e in evidence if isinstance(e.claim, HOLDING_TYPES)])
    states: list[State] = []
    for item in sorted(holding, key=settling_order):
        _apply(states, item)
    return states


def evidence_of(item: ControlClaim, time_zone: str) -> Evidence:
    """A claim that can move control, with its place on the time axis."""
    occurred = item.claim.occurred
    end = occurred.end(time_zone)
    assert end is not None and occurred.latest is not None  # noqa: S101, PT018
    start = occurred.start(time_zone)
    role = ActorRole.INITIATOR if isinstance(item.claim, Withdrawal) else ActorRole.HOLDER
    named = {
        holder.key: holder
        for holder in (
            Holder(name=a.name or a.as_named, actor_id=a.actor_id)
            for a in item.claim.actors
            if a.role is role
        )
    }
    return Evidence(
        claim=item.claim,
        root=item.root,
        known_from=item.known_from,
        start=start,
        first=start if start is not None else start_of(occurred.latest, time_zone),
        settled=end - INSTANT,
        actors=tuple(sorted(named.values())),
    )


def settling_order(e: Evidence) -> tuple[datetime, int, datetime, str]:
    """When a claim settles; on a tie withdrawals first, then changes, then states."""
    rank = 0 if e.is_withdrawal else 1 if isinstance(e.claim, ControlChanged) else 2
    return e.settled, rank, e.known_from, e.claim.claim_id


def _not_superseded(evidence: list[Evidence]) -> list[Evidence]:
    """Without what the same root source has told otherwise in a later report."""
    return [e for e in evidence if not any(_supersedes(o, e, evidence) for o in evidence)]


def _supersedes(later: Evidence, earlier: Evidence, evidence: Sequence[Evidence]) -> bool:
    if later.root != earlier.root or later.known_from <= earlier.known_from:
        return False
    if later.claim.report_id == earlier.claim.report_id:
        return False
    both_changes = isinstance(later.claim, ControlChanged) and isinstance(
        earlier.claim, ControlChanged
    )
    if later.overlaps(earlier):
        return later.contradicts(earlier) or both_changes
    if not both_changes or later.keys != earlier.keys:
        return False
    # The same change under another date, with nothing told in between: a corrected date.
    low, high = sorted((later.settled, earlier.settled))
    return not any(low < e.settled < high and e.contradicts(later) for e in evidence)


def _apply(states: list[State], e: Evidence) -> None:
    current = states[-1] if states else None
    rivals = [
        s
        for s in (current.support if current else ())
        if s.root != e.root and s.overlaps(e) and s.contradicts(e)
    ]
    if current is not None and rivals:
        states.append(_contested(current, e))
    elif e.is_withdrawal:
        _apply_withdrawal(states, current, e)
    elif current is not None and _joins_dispute(current, e):
        states[-1] = replace(current, support=(*current.support, e))
    elif current is not None and _confirms(current, e):
        states[-1] = _confirmed(current, e)
    else:
        state = ControlState.UNKNOWN
        if e.actors:
            state = ControlState.MIXED if len(e.actors) > 1 else ControlState.CONTROLLED
        states.append(_new_state(current, e, state, e.actors))


def _new_state(
    current: State | None, e: Evidence, state: ControlState, holders: tuple[Holder, ...]
) -> State:
    """What holds from `e` on; it may have begun earlier, but not before what was settled last."""
    begin = e.start if e.start is not None else e.settled
    if current is not None:
        begin = max(begin, *(s.settled for s in current.support), current.begin)
    return State(
        begin=min(begin, e.settled),
        certain_from=e.settled,
        state=state,
        holders=holders,
        support=(e,),
    )


def _contested(current: State, e: Evidence) -> State:
    """Different holders from different roots for the same time: all of them are named."""
    together = (*(s for s in current.support if s.overlaps(e)), e)
    holders = {h.key: h for s in together for h in s.actors}
    return State(
        begin=max(current.begin, e.first),
        certain_from=e.settled,
        state=ControlState.CONTESTED,
        holders=tuple(sorted(holders.values())),
        support=together,
    )


def _joins_dispute(current: State, e: Evidence) -> bool:
    """A dispute lasts until evidence dated later than all of it."""
    return current.state is ControlState.CONTESTED and any(s.overlaps(e) for s in current.support)


def _confirms(current: State, e: Evidence) -> bool:
    held = current.state in (ControlState.CONTROLLED, ControlState.MIXED)
    return held and frozenset(h.key for h in current.holders) == e.keys


def _confirmed(current: State, e: Evidence) -> State:
    """The same holder again; a rival date for the same change leaves the span uncertain so far."""
    rival_date = (
        isinstance(e.claim, ControlChanged)
        and all(isinstance(s.claim, ControlChanged) for s in current.support)
        and all(s.root != e.root for s in current.support)
        and e.first > current.certain_from
    )
    certain_from = e.settled if rival_date else current.certain_from
    return replace(current, support=(*current.support, e), certain_from=certain_from)


def _apply_withdrawal(states: list[State], current: State | None, e: Evidence) -> None:
    if current is None or current.state is ControlState.UNKNOWN:
        states.append(_new_state(current, e, ControlState.VACATED, ()))
        return
    left = tuple(h for h in current.holders if h.key not in e.keys)
    if len(left) == len(current.holders):
        return
    state = ControlState.VACATED
    if left:
        state = ControlState.CONTROLLED if len(left) == 1 else current.state
    states.append(_new_state(current, e, state, left))
