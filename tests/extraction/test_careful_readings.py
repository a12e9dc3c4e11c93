"""Where the report does not say it, no claim says it: no date, no army, no yes to a question."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timeline.domain.claims import ProposedClaim

Extract = Callable[..., tuple[ProposedClaim, ...]]


@pytest.mark.parametrize(
    ("first", "edtf", "anchor"),
    [
        ("on Monday", "../2016-02-24", "dateline"),
        ("on Wednesday", "2016-02-24", "narrative"),
        ("last week", "../2016-02-24", "dateline"),
        ("on 31 November 2015", "../2016-02-24", "dateline"),
    ],
)
def test_what_is_told_next_is_not_on_the_same_day(
    extract: Extract, first: str, edtf: str, anchor: str
) -> None:
    text = f"Islamic State captured Khanasser {first}. The army recaptured Khanasser."

    occurred = extract(text)[1].occurred

    assert (occurred.edtf, occurred.anchor.value) == (edtf, anchor)


def test_the_next_thing_told_of_a_place_is_of_the_day_told(extract: Extract) -> None:
    text = "Rebels overran Khanasser on Monday. The army withdrew from the town to the south."

    assert extract(text)[1].occurred.edtf == "2016-02-22"


def test_a_verb_told_once_for_two_places_gives_each_its_day(extract: Extract) -> None:
    claims = extract("The rebels left Azaz on Sunday, Mare on Monday.")

    told = [(c.place.place_id if c.place else None, c.occurred.edtf) for c in claims]
    assert told == [("azaz", "2016-02-21"), ("mare", "2016-02-22")]


@pytest.mark.parametrize(
    "text",
    [
        "Once the army captures Palmyra, it can march on Deir ez-Zor.",
        "During the exercise, jets bombed mock targets near Tartus.",
        "The bomb in Azaz was found and defused before it exploded.",
        "At no point did the rebels withdraw from Azaz.",
        "Militants often attack convoys on the road to Azaz.",
        "The army announced the fall of Azaz too soon.",
        "The goal of the army is the recapture of Azaz.",
    ],
)
def test_what_is_awaited_staged_usual_or_warded_off_has_not_happened(
    extract: Extract, text: str
) -> None:
    done = [c for c in extract(text) if c.modality.value == "asserted"]

    assert [c.type for c in done if c.polarity.value == "positive"] == []


def test_the_day_before_stays_exact(extract: Extract) -> None:
    claims = extract("Rebels seized Azaz on Monday. A day earlier the army entered Palmyra.")

    assert [c.occurred.edtf for c in claims] == ["2016-02-22", "2016-02-21"]


@pytest.mark.parametrize(
    "when", ["31 November 2015", "30 February", "2016-02-30", "26 February", "20 April"]
)
def test_a_day_that_cannot_be_takes_no_other(extract: Extract, when: str) -> None:
    claims = extract(f"Rebels seized Azaz on Monday. Islamic State captured Khanasser on {when}.")

    assert [c.occurred.edtf for c in claims] == ["2016-02-22", "../2016-02-24"]


@pytest.mark.parametrize(
    ("question", "modality"),
    [
        ("Did Islamic State capture Khanasser on Tuesday?", "hypothetical"),
        ("Has the army entered Palmyra?", "hypothetical"),
        ("Was Azaz captured by rebels on Monday?", "hypothetical"),
        ("Who bombed the camp near Ayyash on Sunday evening?", "asserted"),
    ],
)
def test_only_what_a_question_presupposes_is_told(
    extract: Extract, question: str, modality: str
) -> None:
    (claim,) = extract(question)

    assert claim.modality.value == modality


@pytest.mark.parametrize("words", ["The army", "The military", "Troops"])
@pytest.mark.parametrize("foreign", ["Russia bombed", "Turkey shelled"])
def test_an_army_is_not_that_of_the_foreign_state_named_last(
    extract: Extract, words: str, foreign: str
) -> None:
    claims = extract(f"{foreign} Azaz on Monday. {words} captured Palmyra on Tuesday.")

    assert [a.actor_id for a in claims[1].actors] == ["government-of-syria"]


def test_the_army_in_a_foreign_capital_is_that_states(extract: Extract) -> None:
    (claim,) = extract("The army in Ankara shelled Afrin on Monday.")

    assert "turkey" in {a.actor_id for a in claim.actors}


def test_is_at_the_start_is_a_name(extract: Extract) -> None:
    (claim,) = extract("IS captured Khanasser on Tuesday.")

    assert [(a.role.value, a.actor_id) for a in claim.actors] == [("holder", "islamic-state")]


@pytest.mark.parametrize(
    "sentence",
    [
        "Reports that Islamic State captured Khanasser on Tuesday are false.",
        "The claim that rebels seized Azaz was wrong.",
    ],
)
def test_what_is_called_false_or_wrong_is_negated(extract: Extract, sentence: str) -> None:
    assert {c.polarity.value for c in extract(sentence)} == {"negated"}
