"""Says what mending reference data is given and comes to, and which fields a correction sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from timeline.domain.actors import PART_OF, Actor, ActorTable
from timeline.domain.identities import id_of, way_up
from timeline.domain.names import Name
from timeline.domain.places import Gazetteer, Place
from timeline.domain.reference_events import AffiliationStated
from timeline.errors import InvalidEvent

T = TypeVar("T", bound=Place | Actor)


@dataclass(frozen=True)
class Mended:
    """What mending came to.

    Attributes:
        id: The place or actor that it is about: the one that others are merged into, or the one
            that is itself again.
        position: Of the last event appended; `None` when all was so before.
        version: Of the stream of `id` after it.
        duplicate: The id that is merged into `id`, by a merge.
    """

    id: str
    position: int | None
    version: int
    duplicate: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Word:
    """Who says so and why, and what they expect.

    Attributes:
        requested_by: Who says so.
        reason: Why, in a sentence.
        expected_version: The version that the stream must have; `None` takes any.
    """

    requested_by: str
    reason: str | None = None
    expected_version: int | None = None

    def told(self) -> dict[str, Any]:
        """What an event tells of it.

        Raises:
            InvalidEvent: nobody says so.
        """
        requested_by, reason = self.requested_by.strip(), (self.reason or "").strip()
        if not requested_by:
            raise InvalidEvent("say who says so; it stays in the log")
        return {"requested_by": requested_by, "reason": reason or None}


def changes_of(values: Mapping[str, object], unset: Sequence[str]) -> dict[str, object]:
    """The changes of a correction: the values that are given, and null for what is to be unset."""
    told = {field: value for field, value in values.items() if value is not None}
    return {**told, **dict.fromkeys(unset)}


def both_or_neither(own: Place, changes: Mapping[str, object]) -> None:
    """Hold a correction to leave a place a whole point, or none.

    Raises:
        InvalidEvent: it would have a latitude alone, or a longitude.
    """
    point = (changes.get("latitude", own.latitude), changes.get("longitude", own.longitude))
    if point.count(None) == 1:
        raise InvalidEvent(f"place {own.place_id} has a latitude and a longitude, or neither")


def renamed(
    own: T,
    changes: Mapping[str, object],
    add: Sequence[Name],
    remove: Collection[str],
    merged: Sequence[T],
) -> dict[str, object]:
    """The other names after a correction, as JSON; the name that it had is one of them.

    Args:
        own: As it is registered.
        changes: The other changes.
        add: Names to add.
        remove: Names to take away, from it or from what was merged into it.
        merged: What was merged into it.

    Raises:
        InvalidEvent: it has not the name that is to be taken away.
    """
    names = list(own.names)
    name = changes.get("name", own.name)
    if name != own.name:
        names.append(Name(name=own.name))
    there = [n.name for n in names]
    elsewhere = [n.name for one in merged for n in one.names]
    for gone in remove:
        by_it = next((id_of(one) for one in merged if one.name == gone), None)
        if by_it is not None:
            raise InvalidEvent(
                f"{gone!r} is the name of {by_it}, which was merged into {id_of(own)}; unmerge it,"
                " correct its name, and merge it again"
            )
        if gone not in there and gone not in elsewhere:
            raise InvalidEvent(f"{id_of(own)} has no other name {gone!r}")
    names += [n for n in add if n.name not in there]
    kept = {n.name: n for n in names if n.name not in remove and n.name != name}
    return {"names": msgspec.to_builtins([*kept.values()])}


def without_names(own: T, remove: Collection[str]) -> T:
    """A place or actor without some of its other names."""
    return replace(own, names=tuple(n for n in own.names if n.name not in remove))


def differing(own: T, fixed: T) -> dict[str, object]:
    """The fields that differ with their new JSON values; `None` for what is unset."""
    was, now = msgspec.to_builtins(own), msgspec.to_builtins(fixed)
    names = sorted(n for n in was.keys() | now.keys() if was.get(n) != now.get(n))
    return {name: now.get(name) for name in names}


def require_no_circle(actors: ActorTable, stated: AffiliationStated) -> None:
    """Refuse what would make an actor a part of itself, directly or through others.

    Raises:
        InvalidEvent: it would; what is disputed is kept, since nothing is reckoned by it.
    """
    own, whole = stated.actor_id, stated.actor
    if own == whole:
        raise InvalidEvent(f"actor {own} cannot be affiliated with itself")
    if stated.relation != PART_OF or stated.disputed:
        return
    way = way_up(whole, own, actors.wholes)
    if way is not None:
        raise InvalidEvent(
            f"actor {own} cannot be part of itself: {whole} is part of"
            f" {', that of '.join(way[1:])}; if somebody says so nevertheless, state it as disputed"
        )


def require_apart(gazetteer: Gazetteer, one: str, other: str) -> None:
    """Refuse to merge a place with one that it lies within: a part is no duplicate of the whole.

    Raises:
        InvalidEvent: one of them lies within the other.
    """
    for inner, outer in ((one, other), (other, one)):
        if outer in {p.place_id for p in gazetteer.containers(inner)}:
            raise InvalidEvent(
                f"place {inner} lies within {outer}, so they are two;"
                f" if that is wrong, correct first what {inner} lies within"
            )
