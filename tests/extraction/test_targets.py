"""Who is struck, who held before, and that neither is ever taken for the doer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from timeline.domain.claims import ProposedClaim

from .scoring import SCORER, SHARED, claims_of

Extract = Callable[..., tuple[ProposedClaim, ...]]

HOME = "HOMS, Syria, 24 February 2016 — "


def parties(claim: ProposedClaim, role: str) -> set[str | None]:
    return {a.actor_id for a in claim.actors if a.role.value == role}


def told(extract: Extract, text: str, type_: str) -> ProposedClaim:
    return next(c for c in extract(HOME + text) if c.type.value == type_)


@pytest.mark.parametrize(
    ("sentence", "type_"),
    [
        ("Warplanes struck a column of the Syrian army heading to Khanasser.", "Airstrike"),
        ("Aircraft bombed the Syrian army near Khanasser.", "Airstrike"),
        ("Unknown jets hit Syrian army positions near Hama.", "Airstrike"),
        ("A drone attacked a Syrian army post near Hama.", "Airstrike"),
        ("Artillery shelled government positions in Khanasser.", "Shelling"),
        ("Four rockets landed on Assad militia positions in Khanasser.", "Shelling"),
        ("The army is in Hama. Jets bombed government forces near Morek.", "Airstrike"),
        ("The army ambushed a convoy of the Syrian army near Hama.", "Clash"),
    ],
)
def test_a_weapon_or_a_generic_noun_is_not_the_party_it_strikes(
    extract: Extract, sentence: str, type_: str
) -> None:
    claim = told(extract, sentence, type_)

    assert (parties(claim, "initiator") - {None}, parties(claim, "target")) == (
        set(),
        {"government-of-syria"},
    )


@pytest.mark.parametrize("sentence", ["Jets bombed Saraqib.", "Tanks shelled Saraqib."])
def test_a_weapon_does_not_stand_for_the_army_told_of_before(
    extract: Extract, sentence: str
) -> None:
    claims = extract(f"{HOME}The Syrian army entered Morek. {sentence}")

    assert parties(claims[-1], "initiator") == {None}


def test_the_jets_are_those_that_were_named_before(extract: Extract) -> None:
    claims = extract(f"{HOME}Russian jets left Latakia. The jets bombed Saraqib on Monday.")

    assert parties(claims[-1], "initiator") == {"russia"}


@pytest.mark.parametrize(
    ("sentence", "type_", "target"),
    [
        (
            "Russia's jets targeted a convoy belonging to the forces of al-Assad was heading on.",
            "Airstrike",
            "government-of-syria",
        ),
        ("Russian jets hit a camp of the army near Hama.", "Airstrike", "government-of-syria"),
        ("Turkish guns shelled SDF positions near Azaz.", "Shelling", "syrian-democratic-forces"),
        ("A mortar shell struck a Kurdish checkpoint in Afrin.", "Shelling", "ypg"),
        ("Rebels launched an attack on the garrison in Nubl.", "Clash", "government-of-syria"),
        (
            "Islamic State attacked the government garrison in Nubl.",
            "Clash",
            "government-of-syria",
        ),
        (
            "Coalition air strikes on IS positions killed ten near Raqqa.",
            "Airstrike",
            "islamic-state",
        ),
        ("Islamic State shot down a Russian Su-24 near Homs.", "AircraftLoss", "russia"),
    ],
)
def test_whoever_a_struck_thing_belongs_to_is_the_target(
    extract: Extract, sentence: str, type_: str, target: str
) -> None:
    assert parties(told(extract, sentence, type_), "target") == {target}


@pytest.mark.parametrize(
    "sentence",
    [
        "Russian jets targeted trucks near positions of the SDF at Manbij.",
        "Russian jets struck Palmyra and government troops advanced.",
        "Russian jets struck a hospital in Idlib, while government forces attacked Morek.",
    ],
)
def test_who_is_only_near_or_in_another_clause_is_no_target(
    extract: Extract, sentence: str
) -> None:
    assert parties(told(extract, sentence, "Airstrike"), "target") - {None} == set()


@pytest.mark.parametrize(
    ("sentence", "holder", "previous"),
    [
        ("IS seized Khanasser from government forces.", "islamic-state", "government-of-syria"),
        ("Rebels captured Azaz from IS.", "syrian-opposition", "islamic-state"),
        ("Rebel-held Azaz fell to Islamic State.", "islamic-state", "syrian-opposition"),
        ("The rebel-held town of Azaz fell to IS.", "islamic-state", "syrian-opposition"),
        ("The SDF drove IS out of Manbij.", "syrian-democratic-forces", "islamic-state"),
        ("Khanasser was lost by the army to IS.", "islamic-state", "government-of-syria"),
        ("Rebels took control of Morek from the army.", "syrian-opposition", "government-of-syria"),
        ("Rebels wrested Azaz from the hands of IS.", "syrian-opposition", "islamic-state"),
        ("Rebels took Azaz after IS withdrew from the town.", "syrian-opposition", "islamic-state"),
        ("The army took Morek with help from Russia.", "government-of-syria", None),
        ("Rebels captured Azaz with weapons from Turkey.", "syrian-opposition", None),
        ("Islamic State seized the road from Damascus to Palmyra.", "islamic-state", None),
    ],
)
def test_who_held_before_is_kept(
    extract: Extract, sentence: str, holder: str, previous: str | None
) -> None:
    claim = told(extract, sentence, "ControlChanged")

    assert parties(claim, "holder") == {holder}
    assert parties(claim, "previous_holder") == ({previous} if previous else set())


def test_a_place_that_changes_hands_is_not_also_held_by_its_loser(extract: Extract) -> None:
    claims = extract("Rebel-held Azaz fell to Islamic State.")

    assert [c.type.value for c in claims] == ["ControlChanged"]


def test_who_retakes_takes_it_from_who_took_it_before(extract: Extract) -> None:
    text = "The army retook Morek on Tuesday, two days after rebels had seized the town."
    back, lost = extract(HOME + text)

    assert parties(back, "previous_holder") == {"syrian-opposition"}
    assert parties(lost, "previous_holder") == {"government-of-syria"}


def test_a_taking_alone_names_no_loser_from_years_ago(extract: Extract) -> None:
    text = "The Syrian army took Morek on Tuesday. Rebels had seized Morek in May 2015."

    assert [parties(c, "previous_holder") for c in extract(HOME + text)] == [set(), set()]


def test_who_ends_a_siege_does_so_to_the_besieger(extract: Extract) -> None:
    claims = extract(
        f"{HOME}A government garrison in Nubl had been cut off for more than a year by rebels."
        " The Syrian army ended the siege of Nubl on Tuesday. Rebels had attacked Nubl on Monday."
    )
    ended, attack = claims

    assert (ended.type.value, parties(ended, "target")) == ("SiegeEnded", {"syrian-opposition"})
    assert (attack.type.value, parties(attack, "target")) == ("Clash", {"government-of-syria"})


def test_the_name_of_the_report_is_kept_for_is(extract: Extract) -> None:
    claim = told(extract, "IS seized Khanasser from government forces.", "ControlChanged")

    assert [a.as_named for a in claim.actors] == ["IS", "government forces"]


@pytest.mark.skipif(not SCORER.exists(), reason="../shared is not there")
def test_the_seed_article_tells_of_a_strike_on_the_ally() -> None:
    (path,) = (Path(SHARED) / "reports" / "seed").glob("*.txt")
    _, claims = claims_of(path)
    struck = [c for c in claims if c.type.value in ("Airstrike", "Shelling")]
    struck = [c for c in struck if c.modality.value == "asserted"]

    assert [(parties(c, "initiator"), parties(c, "target")) for c in struck] == [
        ({"russia"}, {"government-of-syria"})
    ] * 2
