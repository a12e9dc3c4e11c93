"""What ACLED tells apart by its means is told apart, and confidence rises where readings agree."""

from __future__ import annotations

import pytest

from tests.extraction.conftest import Extract


@pytest.mark.parametrize(
    ("text", "type_", "sub_event_type"),
    [
        ("A suicide bomber struck a post in Homs on Monday.", "Bombing", "Suicide bomb"),
        ("A militant blew himself up in Homs on Monday.", "Bombing", "Suicide bomb"),
        ("A car bomb exploded in Homs.", "Bombing", "Remote explosive/landmine/IED"),
        ("Syrian helicopters dropped chlorine bombs on Sarmin.", "Airstrike", "Chemical weapon"),
        ("The Syrian army shelled Douma with sarin.", "Shelling", "Chemical weapon"),
        ("Militants used mustard gas against Azaz.", "OtherIncident", "Chemical weapon"),
        ("Syrian helicopters bombed Azaz.", "Airstrike", "Air/drone strike"),
    ],
)
def test_the_sub_event_type_is_that_of_the_means(
    extract: Extract, text: str, type_: str, sub_event_type: str
) -> None:
    (claim,) = extract(text)

    assert (claim.type.value, claim.sub_event_type) == (type_, sub_event_type)


def test_those_killed_by_gas_are_the_figures_of_the_attack(extract: Extract) -> None:
    (claim,) = extract("A gas attack by the Syrian army on Azaz killed 80 people.")

    assert claim.sub_event_type == "Chemical weapon"
    assert claim.fatalities is not None
    assert claim.fatalities.best == 80


def test_confidence_is_higher_where_parse_and_nearness_agree(extract: Extract) -> None:
    (near,) = extract("Islamic State captured Azaz on Tuesday.")
    (far,) = extract("Islamic State, which Turkey had bombed for weeks, on Tuesday captured Azaz.")[
        -1:
    ]

    assert near.confidence is not None
    assert far.confidence is not None
    assert near.confidence > far.confidence


def test_what_was_done_for_is_no_result(extract: Extract) -> None:
    claims = extract("The Syrian army attacked Azaz on Monday to cut the road to Aleppo.")

    told = {(c.type.value, c.modality.value) for c in claims}
    assert ("Clash", "asserted") in told
    assert ("RouteCut", "asserted") not in told
