"""Pairs what a timeline told before with what it tells after, claim by claim.

A revision repeats most of its report under new claim ids. What says the same as before is no
change; what has the same `ref`, or the same type and words, is the same claim told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from timeline.domain.events import Claim
from timeline.projections.entry_queries import Entry

# How somebody who is known was spelled.
_SPELLING = frozenset({"as_named", "name", "match"})
# What tells where and by whom a claim was read, and not what it says.
_NOT_SAID = frozenset(
    {"claim_id", "report_version", "ref", "evidence", "also_evidence", "coded_by", "confidence"}
)


class ChangeKind(StrEnum):
    """What became of a claim: it came to stand, ceased to, or stands in another form."""

    ADDED = "added"
    WITHDRAWN = "withdrawn"
    CHANGED = "changed"


@dataclass(frozen=True)
class EntryChange:
    """One claim that does not stand as it stood; `fields` names what it says otherwise."""

    kind: ChangeKind
    before: Entry | None
    after: Entry | None
    fields: tuple[str, ...] = ()

    @property
    def entry(self) -> Entry:
        """The claim as it stands now, or as it stood last."""
        entry = self.after or self.before
        assert entry is not None  # noqa: S101 - a change has at least one side
        return entry


def entry_changes(before: Iterable[Entry], after: Iterable[Entry]) -> tuple[EntryChange, ...]:
    """What is between two states of some reports' entries.

    Args:
        before: All entries of these reports that stood before.
        after: All that stand after.

    Returns:
        The changes, in order of valid time.
    """
    was, now = list(before), list(after)
    pairs = [
        *_taken(was, now, _id),
        *_taken(was, now, _says),
        *_taken(was, now, _ref),
        *_taken(was, now, _words),
    ]
    changes = [
        EntryChange(ChangeKind.CHANGED, old, new, fields)
        for old, new in pairs
        if (fields := _differing(old, new))
    ]
    changes += [EntryChange(ChangeKind.WITHDRAWN, old, None) for old in was]
    changes += [EntryChange(ChangeKind.ADDED, None, new) for new in now]
    return tuple(sorted(changes, key=lambda c: (c.entry.key, c.kind)))


def _id(entry: Entry) -> Hashable:
    return entry.claim.claim_id


def _ref(entry: Entry) -> Hashable:
    claim = entry.claim
    return None if claim.ref is None else (claim.report_id, entry.type, claim.ref)


def _words(entry: Entry) -> Hashable:
    return None if entry.quote is None else (entry.claim.report_id, entry.type, entry.quote)


def _taken(
    was: list[Entry], now: list[Entry], key: Callable[[Entry], Hashable]
) -> list[tuple[Entry, Entry]]:
    """Takes out of both lists those that have one key, one of each at a time; no key, no pair."""
    waiting: dict[Hashable, list[Entry]] = {}
    for old in was:
        if (found := key(old)) is not None:
            waiting.setdefault(found, []).append(old)
    pairs = []
    for new in now:
        candidates = waiting.get(key(new))
        if candidates:
            pairs.append((candidates.pop(0), new))
    taken = {id(entry) for pair in pairs for entry in pair}
    was[:] = [entry for entry in was if id(entry) not in taken]
    now[:] = [entry for entry in now if id(entry) not in taken]
    return pairs


def _said(claim: Claim) -> dict[str, object]:
    told: dict[str, Any] = msgspec.to_builtins(claim)
    said = {name: value for name, value in told.items() if name not in _NOT_SAID}
    for name in ("place", "place2"):
        if name in said:
            said[name] = _meant(said[name], "place_id")
    if "actors" in said:
        said["actors"] = [_meant(actor, "actor_id") for actor in said["actors"]]
    return said


def _meant(mention: dict[str, Any], id_: str) -> dict[str, Any]:
    """A mention without its spelling, where it is known who or what is meant."""
    if mention.get(id_) is None:
        return mention
    return {name: value for name, value in mention.items() if name not in _SPELLING}


def _says(entry: Entry) -> Hashable:
    return entry.type, msgspec.json.encode(_said(entry.claim), order="sorted")


def _differing(old: Entry, new: Entry) -> tuple[str, ...]:
    one, other = _said(old.claim), _said(new.claim)
    return tuple(sorted(name for name in {*one, *other} if one.get(name) != other.get(name)))


def report_ids(changes: Sequence[EntryChange]) -> tuple[str, ...]:
    """The reports whose claims changed, each once, in order."""
    return tuple(sorted({c.entry.report.report_id for c in changes}))
