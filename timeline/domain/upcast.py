"""Brings an event's JSON from an older schema version to the newest, one small function a step.

Every type is in its first version so far, so the table is empty; the read point goes through
`to_newest` all the same, so that a step is added by adding a function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

# (event type, schema version it reads) -> the JSON of the next version.
UPCASTERS: dict[tuple[str, int], Upcaster] = {}


def to_newest(type_: str, version: int, data: dict[str, Any]) -> dict[str, Any]:
    """`data` of `version`, brought forward step by step until no step is left."""
    while (step := UPCASTERS.get((type_, version))) is not None:
        data, version = step(data), version + 1
    return data
