"""People killed, hurt and taken: how many, who they were, and of which incident."""

from __future__ import annotations

import pytest

from tests.extraction.conftest import Extract
from timeline.domain.actors import ActorRole
from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    ClaimType,
    Fatalities,
    Harm,
    ProposedClaim,
)

CIVILIANS, COMBATANTS, UNKNOWN = CasualtyGroup


def _one(claims: tuple[ProposedClaim, ...], kind: ClaimType) -> ProposedClaim:
    (claim,) = (c for c in claims if c.type is kind)
    return claim


def _told(claim: ProposedClaim) -> list[tuple[Harm, CasualtyGroup, int | None, int | None]]:
    return [(c.harm, c.group, c.low, c.high) for c in claim.casualties]


def test_soldiers_and_civilians_killed_are_told_apart_and_summed(extract: Extract) -> None:
    claim = _one(
        extract("Air strikes on Azaz killed 50 soldiers and 70 civilians on Sunday."),
        ClaimType.AIRSTRIKE,
    )

    assert claim.fatalities == Fatalities(low=120, best=120, high=120)
    assert _told(claim) == [
        (Harm.KILLED, COMBATANTS, 50, 50),
        (Harm.KILLED, CIVILIANS, 70, 70),
    ]


def test_the_wounded_are_counted_beside_the_dead_and_never_with_them(extract: Extract) -> None:
    claim = _one(
        extract("Government shelling killed at least 12 civilians and wounded 30 people in Azaz."),
        ClaimType.SHELLING,
    )

    assert claim.fatalities == Fatalities(low=12)
    assert _told(claim) == [(Harm.KILLED, CIVILIANS, 12, None), (Harm.WOUNDED, UNKNOWN, 30, 30)]


def test_a_range_gives_the_bounds_and_the_words(extract: Extract) -> None:
    claim = _one(
        extract("Russian jets bombed Azaz on Monday, killing between three and five rebels."),
        ClaimType.AIRSTRIKE,
    )

    assert claim.fatalities == Fatalities(low=3, high=5)
    assert claim.casualties == (
        CasualtyCount(
            harm=Harm.KILLED,
            group=COMBATANTS,
            role=ActorRole.TARGET,
            low=3,
            high=5,
            as_named="between three and five rebels",
        ),
    )


@pytest.mark.parametrize(
    ("number", "low", "best", "high"),
    [
        ("more than 20", 21, None, None),
        ("at least 20", 20, None, None),
        ("up to 20", None, None, 20),
        ("fewer than 20", None, None, 19),
        ("about 20", None, 20, None),
        ("two dozen", 24, 24, 24),
        ("1,200", 1200, 1200, 1200),
        ("forty-six", 46, 46, 46),
    ],
)
def test_a_number_bounds_the_dead_as_its_words_say(
    extract: Extract, number: str, low: int | None, best: int | None, high: int | None
) -> None:
    claims = extract(f"Russian jets bombed Azaz on Monday and killed {number} people.")

    assert _one(claims, ClaimType.AIRSTRIKE).fatalities == Fatalities(low=low, best=best, high=high)


def test_left_dead_and_injured_tells_of_the_dead_and_the_injured(extract: Extract) -> None:
    claim = _one(
        extract("A car bomb left 10 dead and 25 injured in Homs on Monday."), ClaimType.BOMBING
    )

    assert claim.fatalities == Fatalities(low=10, best=10, high=10)
    assert claim.occurred.edtf == "2016-02-22"
    assert _told(claim) == [(Harm.KILLED, UNKNOWN, 10, 10), (Harm.WOUNDED, UNKNOWN, 25, 25)]


def test_those_abducted_are_counted_as_detained_and_not_as_dead(extract: Extract) -> None:
    claim = _one(
        extract("In January Islamic State abducted 400 villagers from Azaz."), ClaimType.DETENTION
    )

    assert claim.fatalities is None
    assert _told(claim) == [(Harm.DETAINED, CIVILIANS, 400, 400)]


def test_a_tally_of_the_dead_is_a_claim_of_its_own(extract: Extract) -> None:
    claims = extract("Rebels shelled Azaz on Monday. Doctors in Homs counted 280 dead.")

    assert _one(claims, ClaimType.SHELLING).fatalities is None
    assert _one(claims, ClaimType.CASUALTIES).fatalities == Fatalities(low=280, best=280, high=280)


def test_deaths_that_are_denied_or_feared_are_counted_nowhere(extract: Extract) -> None:
    claims = extract("Russian jets bombed Azaz on Monday. The raid may have killed 12 civilians.")

    assert all(c.fatalities is None and not c.casualties for c in claims)


def test_rockets_and_vehicles_are_no_casualties(extract: Extract) -> None:
    claim = _one(
        extract("Russian jets bombed Azaz on Monday, destroying three tanks and five trucks."),
        ClaimType.AIRSTRIKE,
    )

    assert claim.casualties == ()
