"""By which weapons something was done: those that the event's own clause names, and no others."""

from __future__ import annotations

import pytest

from tests.extraction.conftest import Extract
from tests.extraction.weapon_scores import reports, score
from timeline.domain.weapons import Weapon, WeaponKind
from timeline.extraction.weapons import arsenal, joined

Told = list[tuple[str, str | None]]


def _told(extract: Extract, text: str) -> Told:
    """The weapons of all claims of a text, in order."""
    weapons = [w for claim in extract(text) for w in claim.weapons]
    return [(w.as_named, w.kind.value if w.kind else None) for w in weapons]


@pytest.mark.parametrize(
    ("text", "weapons"),
    [
        (
            "The Syrian army shelled Azaz with mortars and heavy artillery on Monday.",
            [("mortars", "explosives"), ("heavy artillery", "explosives")],
        ),
        (
            "Rebels attacked Azaz using Grad rockets on Monday.",
            [("Grad rockets", "explosives")],
        ),
        ("Turkish artillery shelled Azaz on Monday.", [("artillery", "explosives")]),
        ("A suicide car bomb exploded in Homs.", [("suicide car bomb", "explosives")]),
        ("Two rockets landed in Azaz on Monday.", [("rockets", "explosives")]),
        ("A drone strike on Azaz killed four fighters.", [("drone", None)]),
        ("An IED killed three soldiers near Azaz on Monday.", [("IED", "explosives")]),
        ("Sniper fire killed a civilian in Azaz on Monday.", [("Sniper fire", "firearms")]),
        ("Barrel bombs were dropped on Azaz on Monday.", [("Barrel bombs", "explosives")]),
        (
            "Syrian helicopters dropped four chlorine barrel bombs on Sarmin.",
            [("chlorine barrel bombs", "chemical")],
        ),
        (
            "Russian jets bombed Azaz with white phosphorus shells.",
            [("white phosphorus shells", "incendiary")],
        ),
        (
            "Mortar and machine-gun fire hit Azaz on Monday.",
            [("Mortar", "explosives"), ("machine-gun fire", "firearms")],
        ),
        (
            "Rebels shot down a helicopter near Azaz with a surface-to-air missile on Monday.",
            [("surface-to-air missile", "explosives")],
        ),
        ("A bus hit a landmine near Azaz, killing six people.", [("landmine", "explosives")]),
        ("The army's 122mm rockets hit Azaz on Monday.", [("122mm rockets", "explosives")]),
        (
            "Militiamen killed ten villagers with knives in Azaz.",
            [("knives", "melee")],
        ),
        ("The army captured Azaz using artillery.", [("artillery", "explosives")]),
        ("Rebels may attack Homs with drones, an officer warned.", [("drones", None)]),
    ],
)
def test_the_weapons_of_an_event_are_those_that_its_clause_names(
    extract: Extract, text: str, weapons: Told
) -> None:
    assert _told(extract, text) == weapons


@pytest.mark.parametrize(
    "text",
    [
        "The Syrian army captured Azaz on Monday and seized mortars and rockets.",
        "Rebels shot down a Syrian drone near Azaz on Monday.",
        "Russian jets destroyed two rocket launchers and a drone workshop near Azaz.",
        "Rebels attacked a convoy carrying rockets near Azaz on Monday.",
        "The coalition destroyed a truck packed with explosives in Azaz on Monday.",
        "Russian jets bombed rebels using mortars near Azaz.",
        "Government tanks entered Azaz on Monday.",
        "Turkey sent tanks and howitzers to the border near Azaz on Monday.",
        "Police arrested three men with explosives in Homs on Monday.",
        "Rebels clashed with soldiers near a salt mine at Azaz on Monday.",
    ],
)
def test_a_weapon_that_is_the_object_or_only_near_is_no_means(extract: Extract, text: str) -> None:
    assert extract(text)
    assert _told(extract, text) == []


def test_the_bomb_is_the_car_bomb_told_of_before() -> None:
    car_bomb, grenade = Weapon(as_named="car bombs"), Weapon(as_named="grenade")

    assert joined([car_bomb], [Weapon(as_named="bomb"), grenade]) == (car_bomb, grenade)
    assert joined([grenade], [car_bomb, Weapon(as_named="Grenades")]) == (grenade, car_bomb)


def test_each_name_has_one_kind_and_is_written_as_it_is_looked_up() -> None:
    lists = arsenal()
    names = [name for some in lists.kinds.values() for name in some]

    assert set(lists.kinds) == {*WeaponKind, "untold"} - {"fake", "other"}
    assert len(names) == len(set(names))
    assert [n for n in names if n != n.lower() or "-" in n] == []
    assert set(lists.only) <= set(names)


def test_the_weapons_of_hand_coded_reports_are_found_and_no_others() -> None:
    wanted, told, right, differing = score("own", reports("own")[::3])

    assert (wanted, told - right) == (13, 0), differing
    assert right >= 12, differing
