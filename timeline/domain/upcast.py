"""Brings an event's JSON from an older schema version to the newest, one small function a step.

Adding a step raises the version in which its type is written. A step invents nothing: what an older
version did not say stays unsaid. Why each version came is told in docs/events.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from timeline.errors import InvalidEvent

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def unchanged(data: dict[str, Any]) -> dict[str, Any]:
    """The next version may say more, and says what this one said in the same words."""
    return data


def affiliations_from(data: dict[str, Any]) -> dict[str, Any]:
    """`from_`, as Python spells it, became `from` in each affiliation of an actor."""
    if "affiliations" not in data:
        return data
    return {**data, "affiliations": [affiliation_from(a) for a in data["affiliations"]]}


def affiliation_from(data: dict[str, Any]) -> dict[str, Any]:
    """`from_`, as Python spells it, became `from`."""
    return {("from" if key == "from_" else key): value for key, value in data.items()}


# The claims of release 0.1.0; a type that comes later begins with casualties and weapons.
_CLAIMS_OF_FIRST_RELEASE = (
    "ControlChanged", "ControlStated", "Withdrawal", "Clash", "Airstrike", "Shelling", "Bombing",
    "SiegeBegan", "SiegeEnded", "RouteCut", "RouteOpened", "Movement", "Agreement", "Casualties",
    "Detention", "ViolenceAgainstCivilians", "AircraftLoss", "OtherIncident", "Statement",
)  # fmt: skip

# (event type, schema version it reads) -> the JSON of the next version.
UPCASTERS: dict[tuple[str, int], Upcaster] = {
    # Version 2 may hold casualties. The fatalities of version 1 tell nothing of who was killed.
    **{(type_, 1): unchanged for type_ in _CLAIMS_OF_FIRST_RELEASE},
    # Version 3 may hold weapons. The type of an earlier claim ("Shelling") names none.
    **{(type_, 2): unchanged for type_ in _CLAIMS_OF_FIRST_RELEASE},
    # So may the changes of a correction; no field that they could set has another name.
    ("ClaimCorrected", 1): unchanged,
    ("ClaimCorrected", 2): unchanged,
    # And the claims of a second opinion, which began with casualties.
    ("ReportRecoded", 1): unchanged,
    ("ActorRegistered", 1): affiliations_from,
    ("AffiliationStated", 1): affiliation_from,
}


def reads_as_newest(type_: str, version: int) -> bool:
    """Whether JSON of that version is JSON of the newest, and needs no step to be read.

    Of a version that nobody has written yet it is not: steps lead to each from the one before.
    """
    if version != 1 and (type_, version - 1) not in UPCASTERS:
        return False
    step = UPCASTERS.get((type_, version))
    while step is unchanged:
        version += 1
        step = UPCASTERS.get((type_, version))
    return step is None


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
