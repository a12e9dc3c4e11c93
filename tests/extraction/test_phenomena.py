"""How English puts events: a sentence or two for each way of putting it, and what is read."""

from __future__ import annotations

import pytest

from timeline.domain.claims import ProposedClaim, ReportFrame
from timeline.errors import InvalidReport
from timeline.extraction import extractor as module
from timeline.extraction.extractor import RuleExtractor

from .conftest import Extract
from .scoring import reference


def claims_in(theatre: str, text: str, published: str = "2023-11-15") -> list[ProposedClaim]:
    """The claims of a text of a theatre, published on a Wednesday."""
    gazetteer, actors = reference(theatre)
    frame = ReportFrame(published=published)
    claims = RuleExtractor().extract(text, frame, gazetteer, actors).claims
    return [c for c in claims if c.type.value != "Statement"]


def told(claim: ProposedClaim) -> tuple[str, str | None, str | None, set[str | None]]:
    place = claim.place.name or claim.place.as_named if claim.place else None
    doers = {
        a.actor_id for a in claim.actors if a.role.value in ("initiator", "holder", "participant")
    }
    return claim.type.value, place, claim.occurred.edtf, doers


@pytest.mark.parametrize(
    ("theatre", "text", "expected"),
    [
        (
            "iraq",
            "On Monday warplanes of the US-led coalition bombed Tal Afar.",
            ("Airstrike", "Tal Afar", "2023-11-13", {"us-led-coalition"}),
        ),
        (
            "sahel",
            "Kidal is calm. On Tuesday jihadists of JNIM abducted a nun at Dori.",
            ("Detention", "Dori", "2023-11-14", {"jnim"}),
        ),
        (
            "myanmar",
            "In Myanmar's Shan State a junta jet bombed Lashio on Tuesday.",
            ("Airstrike", "Lashio", "2023-11-14", {"myanmar-military"}),
        ),
        (
            "sudan",
            "The Sudanese army has lost Nyala. Its drones struck Nyala on Monday.",
            ("Airstrike", "Nyala", "2023-11-13", {"sudanese-armed-forces"}),
        ),
        (
            "yemen",
            "Houthi fighters in Taiz raised their flag over Mokha on Sunday.",
            ("ControlChanged", "Mokha", "2023-11-12", {"houthis"}),
        ),
        (
            "ukraine",
            "Ukrainian forces took Bakhmut and Izium between 3 and 5 November.",
            ("ControlChanged", "Bakhmut", "2023-11-03/2023-11-05", {"ukraine"}),
        ),
        (
            "ukraine",
            "Russian cruise missiles struck Kharkiv overnight.",
            ("Shelling", "Kharkiv", "2023-11-14/2023-11-15", {"russia"}),
        ),
        (
            "ukraine",
            "Russia said on Monday that it had captured Avdiivka.",
            ("ControlChanged", "Avdiyivka", "../2023-11-13", {"russia"}),
        ),
        (
            "sudan",
            "RSF fighters killed 20 villagers in Nyala on Friday.",
            ("ViolenceAgainstCivilians", "Nyala", "2023-11-10", {"rapid-support-forces"}),
        ),
        (
            "iraq",
            "Most of the Islamic State militants had left for Mosul, but others fled Tikrit.",
            ("Withdrawal", "Tikrit", "../2023-11-15", set()),
        ),
    ],
)
def test_the_event_is_read(
    theatre: str, text: str, expected: tuple[str, str, str, set[str]]
) -> None:
    kind, place, edtf, doers = expected

    found = [told(c) for c in claims_in(theatre, text)]

    assert any(f[:3] == (kind, place, edtf) and doers <= f[3] for f in found), found


@pytest.mark.parametrize(
    "text",
    [
        "Baghdad has closed no road.",
        "Peshmerga soldiers executed none of the prisoners.",
        "Islamic State came close to capturing Tikrit.",
        "The rebels stopped short of attacking Djibo.",
        "Far from withdrawing from Taiz, the Houthis sent more men.",
        "There were no reports of shelling in Taiz.",
        "Nobody has claimed that Kherson was shelled.",
        "The army announced an offensive on Taiz.",
        "The militants shot down nothing.",
        "Al-Qaeda claimed that it had captured Djibo, but that proved false.",
    ],
)
def test_what_did_not_happen_is_not_told_as_having_happened(text: str) -> None:
    claims = claims_in("sahel", text)

    assert [c for c in claims if (c.modality, c.polarity) == ("asserted", "positive")] == []


def test_a_title_tells_of_no_event() -> None:
    assert claims_in("syria", 'The film "The Fall of Aleppo" was shown in Berlin on Monday.') == []


def test_a_relative_clause_in_a_question_is_told_as_a_fact() -> None:
    text = "Did the army, which took Palmyra on Sunday, also bomb Sukhnah?"

    found = {(c.type.value, c.modality.value) for c in claims_in("syria", text)}

    assert found == {("ControlChanged", "asserted"), ("Airstrike", "hypothetical")}


def test_who_enters_what_was_left_holds_it() -> None:
    text = "Iraqi soldiers abandoned Kirkuk on Monday and Kurdish peshmerga entered the city."

    (_, entered) = claims_in("iraq", text)

    assert told(entered)[:2] == ("ControlChanged", "Kirkuk")
    assert {(a.actor_id, a.role.value) for a in entered.actors} == {
        ("peshmerga", "holder"),
        ("government-of-iraq", "previous_holder"),
    }


def test_the_attackers_are_the_initiators_of_a_repelled_attack() -> None:
    (claim,) = claims_in(
        "iraq", "In Iraq, Kurdish forces repulsed an IS raid on Makhmur on Monday."
    )

    assert {(a.actor_id, a.role.value) for a in claim.actors} == {
        ("islamic-state", "initiator"),
        ("peshmerga", "target"),
    }


def test_each_of_two_dates_is_of_the_verb_before_it() -> None:
    text = "The RSF seized Nyala on Monday and shelled El Fasher on Tuesday."

    found = [(c.type.value, c.occurred.edtf) for c in claims_in("sudan", text)]

    assert found == [("ControlChanged", "2023-11-13"), ("Shelling", "2023-11-14")]


def test_a_destination_is_not_what_was_left() -> None:
    text = "The RSF attacked Nyala on Monday. Soldiers retreated to Ed Daein."

    (left,) = [c for c in claims_in("sudan", text) if c.type.value == "Withdrawal"]

    assert left.place is not None
    assert left.place.name == "Nyala"


def test_a_name_inside_a_longer_name_is_not_that_place(extract: Extract) -> None:
    (claim,) = extract("Rebels captured Umm al-Mayadin on Monday.")

    assert claim.place is not None
    assert claim.place.place_id is None


@pytest.mark.parametrize("bound", ["TEXT_CHARACTERS_MAX", "SENTENCES_PARSED_MAX", "CLAIMS_MAX"])
def test_what_would_not_be_read_is_refused(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, bound, 1)

    with pytest.raises(InvalidReport, match="file it in parts"):
        claims_in("syria", "Rebels took Azaz on Monday. The army took Homs on Tuesday.")
