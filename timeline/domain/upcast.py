"""Brings an event's JSON from an older schema version to the newest, one small function a step.

Every type is in its first version so far, so the table is empty; the read point goes through
`to_newest` all the same, so that a step is added by adding a function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from timeline.errors import InvalidEvent

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

# (event type, schema version it reads) -> the JSON of the next version.
UPCASTERS: dict[tuple[str, int], Upcaster] = {}


def to_newest(type_: str, version: int, data: dict[str, Any]) -> dict[str, Any]:
    """`data` of `version`, brought forward step by step until no step is left."""
    while (step := UPCASTERS.get((type_, version))) is not None:
        data, version = step(data), version + 1
    return data


def check_chains(known_types: Collection[str]) -> None:
    """Check at start that every type can be brought forward from its first version without a gap.

    Raises:
        InvalidEvent: a step is missing, or belongs to a type that nobody knows.
    """
    for type_ in sorted({name for name, _ in UPCASTERS}):
        steps = sorted(version for name, version in UPCASTERS if name == type_)
        if type_ not in known_types:
            raise InvalidEvent(f"an upcaster reads the event type {type_}, which does not exist")
        if steps != list(range(1, len(steps) + 1)):
            raise InvalidEvent(
                f"the upcasters of {type_} read the versions {steps}; they must begin with 1 and"
                " leave none out"
            )
