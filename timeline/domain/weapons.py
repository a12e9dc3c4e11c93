"""By which weapons something was done, as a report names them, and of which kind they are."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

WEAPONS_PER_CLAIM_MAX = 20
WEAPON_LENGTH_MAX = 100


class WeaponKind(StrEnum):
    """What a weapon is: the weapon types of the Global Terrorism Database (GTD, `weaptype1`).

    Its 13, "unknown", is no kind here, but none told.
    """

    BIOLOGICAL = "biological"
    CHEMICAL = "chemical"
    RADIOLOGICAL = "radiological"
    NUCLEAR = "nuclear"
    FIREARMS = "firearms"
    EXPLOSIVES = "explosives"
    FAKE = "fake"
    INCENDIARY = "incendiary"
    MELEE = "melee"
    VEHICLE = "vehicle"
    SABOTAGE_EQUIPMENT = "sabotage_equipment"
    OTHER = "other"


class Weapon(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A weapon by which it was done, in the words of the report.

    `kind` is `None` where the words do not tell it ("a drone").
    """

    as_named: Annotated[str, Meta(min_length=1, max_length=WEAPON_LENGTH_MAX)]
    kind: WeaponKind | None = None


def check_weapons(weapons: Sequence[Weapon]) -> None:
    """Check that each weapon is named once; like figures, a rule for whoever writes.

    Raises:
        ValueError: one is named twice.
    """
    named = [w.as_named.casefold() for w in weapons]
    twice = next((n for n in named if named.count(n) > 1), None)
    if twice is not None:
        raise ValueError(f"weapons name {twice!r} twice")
