"""Who did what to whom, and where."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timeline.domain.claims import ProposedClaim

Extract = Callable[..., tuple[ProposedClaim, ...]]


@pytest.mark.parametrize(
    ("sentence", "type_", "roles"),
    [
        (
            "Rebels captured Azaz from Islamic State on Monday.",
            "ControlChanged",
            {("holder", "syrian-opposition"), ("previous_holder", "islamic-state")},
        ),
        (
            "Azaz was captured by rebels on Monday.",
            "ControlChanged",
            {("holder", "syrian-opposition")},
        ),
        ("Palmyra fell to Islamic State.", "ControlChanged", {("holder", "islamic-state")}),
        (
            "Russian jets bombed Islamic State fighters near Palmyra.",
            "Airstrike",
            {("initiator", "russia"), ("target", "islamic-state")},
        ),
        ("Turkish artillery shelled Afrin.", "Shelling", {("initiator", "turkey")}),
        (
            "The withdrawal of Islamic State from Palmyra surprised many.",
            "Withdrawal",
            {("initiator", "islamic-state")},
        ),
        (
            "Russia carried out air strikes on Saraqib.",
            "Airstrike",
            {("initiator", "russia")},
        ),
        (
            "Islamic State shot down a helicopter near Homs.",
            "AircraftLoss",
            {("initiator", "islamic-state")},
        ),
        ("Azaz remained in rebel hands.", "ControlStated", {("holder", "syrian-opposition")}),
        (
            "Islamic State attacked Kobani and cut the road to Aleppo.",
            "Clash",
            {("initiator", "islamic-state")},
        ),
    ],
)
def test_the_roles_of_a_sentence(
    extract: Extract, sentence: str, type_: str, roles: set[tuple[str, str]]
) -> None:
    claim = next(c for c in extract(f"{sentence} Syria.") if c.type.value == type_)
    found = {(a.role.value, a.actor_id) for a in claim.actors if a.actor_id}

    assert found == roles


@pytest.mark.parametrize(
    ("words", "place_id", "relation", "precision", "distance", "bearing"),
    [
        ("in Mare", "mare", "at", 1, None, None),
        ("near Palmyra", "palmyra", "near", 2, None, None),
        ("3 km west of the town of Khanasser", "khanasser", "near", 2, 3.0, 270.0),
        ("five kilometres north-east of Palmyra", "palmyra", "near", 2, 5.0, 45.0),
        ("north of Azaz", "azaz", "near", 2, None, 0.0),
        ("around Khanasir", "khanasser", "near", 2, None, None),
        ("on the outskirts of Raqqa", "raqqa", "near", 2, None, None),
        ("in the eastern countryside of Aleppo", "eastern-aleppo-countryside", "in", 3, None, None),
        ("in Idlib province", "idlib-governorate", "in", 3, None, None),
    ],
)
def test_a_relative_place_is_kept_relative(
    extract: Extract,
    words: str,
    place_id: str,
    relation: str,
    precision: int,
    distance: float | None,
    bearing: float | None,
) -> None:
    claim = next(c for c in extract(f"Russian jets bombed rebels {words}."))
    assert claim.place is not None

    told = claim.place
    assert (told.place_id, told.relation.value, told.geo_precision) == (
        place_id,
        relation,
        precision,
    )
    assert (told.distance_km, told.bearing) == (distance, bearing)


def test_the_countryside_of_a_town_is_never_the_town(extract: Extract) -> None:
    (claim,) = extract("Islamic State withdrew from the southern countryside of Lyman.")

    assert claim.place is not None
    assert (claim.place.place_id, claim.place.geo_precision) == (None, 3)


def test_an_unknown_village_stays_named_and_unresolved(extract: Extract) -> None:
    (claim,) = extract("Rebels captured the village of Umm Xyzzat on Monday.")

    assert claim.place is not None
    assert (claim.place.place_id, claim.place.as_named) == (None, "Umm Xyzzat")


def test_leaving_villages_of_a_region_does_not_leave_the_town_told_of_before(
    extract: Extract,
) -> None:
    claims = extract("The army is strong in Khanasser. Islamic State withdrew from two villages.")

    assert [(c.place.place_id, c.place.relation.value) for c in claims if c.place] == [
        ("khanasser", "near")
    ]


def test_every_place_of_a_list_gets_a_claim(extract: Extract) -> None:
    claims = extract("Rebels captured Saraqib, Ariha and Binnish on Tuesday.")

    assert [c.place.place_id for c in claims if c.place] == ["saraqib", "ariha", "binnish"]


def test_a_withdrawal_names_no_successor(extract: Extract) -> None:
    (claim,) = extract("Islamic State pulled out of Manbij before the SDF.")

    assert {a.role.value for a in claim.actors} == {"initiator"}


def test_buses_and_kilometres_are_no_casualties(extract: Extract) -> None:
    claims = extract("Russian jets burned three buses 15 km from Khanasser.")

    assert [c.fatalities for c in claims] == [None] * len(claims)


def test_the_dead_go_to_the_incident(extract: Extract) -> None:
    (claim,) = extract("Russian jets bombed Saraqib on Monday, killing at least 12 people.")

    assert claim.fatalities is not None
    assert (claim.fatalities.low, claim.fatalities.best) == (12, None)


def test_what_is_told_twice_is_one_claim(extract: Extract) -> None:
    claims = extract(
        "Russian jets bombed Saraqib on Monday. The Russian raids burned three buses in Saraqib."
    )

    assert [(c.type.value, len(c.also_evidence)) for c in claims] == [("Airstrike", 1)]


def test_one_anonymous_source_keeps_its_words(extract: Extract) -> None:
    claims = extract(
        "Military sources said Russian jets bombed Saraqib on Monday; while four rockets landed on"
        " Azaz."
    )

    assert {c.attributed_to for c in claims} == {"Military sources"}
