"""Nothing leaks: what did not happen is never an asserted, positive occurrence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timeline.domain.claims import ClaimType, Modality, Polarity, ProposedClaim

Extract = Callable[..., tuple[ProposedClaim, ...]]

NOT_TOLD = """
The army may storm Raqqa in the coming days.
Rebels plan to capture Azaz before winter.
Turkey threatened to shell Afrin if the talks fail.
The militants failed to take Khanasser.
Government forces did not withdraw from Palmyra.
Moscow denied bombing a hospital in Idlib.
Officials warned that Islamic State could seize Deir ez-Zor.
The coalition will strike Raqqa tonight.
Rebels were preparing an assault on Nubl.
The army refused to leave Homs.
No air strikes hit Aleppo on Monday.
If the truce collapses, Russian jets will bomb Idlib.
The minister called for a ceasefire in Aleppo.
Insurgents nearly captured Hama.
Analysts expect the fall of Mosul.
The group has yet to take Tabqa.
Fears of an attack on Manbij have grown.
Turkey wants the YPG to withdraw from Manbij.
The rebels tried to retake Saraqib.
It is unclear whether the army captured Morek.
The battle of Khanasser changed the war.
The truce in Aleppo is fragile.
Plans to encircle Aleppo were dropped.
Neither side took Jobar.
The army was unable to capture Darayya.
Rebels said they would not attack Damascus.
Had the army taken Idlib, the war would have ended.
The city would have fallen without Russian air strikes.
They accused Turkey of planning to invade Afrin.
The army prevented rebels from seizing Nubl.
The attack on Aleppo was called off.
Washington ruled out a strike on Damascus.
State media reported the shelling of Douma, which never took place.
The shelling of Douma, which never took place, was reported by state media.
The Russian raid on Saraqib that never happened was on television.
Islamic State claimed it had captured Azaz, which did not happen.
Reports that rebels captured Azaz were false.
The capture of Azaz by rebels was fabricated.
The shelling of Douma by the army turned out to be untrue.
The shelling of Douma, which may take place on Friday, worries residents.
""".strip().splitlines()


def occurrences(claims: tuple[ProposedClaim, ...]) -> list[ProposedClaim]:
    return [
        c
        for c in claims
        if c.type is not ClaimType.STATEMENT
        and c.modality is Modality.ASSERTED
        and c.polarity is Polarity.POSITIVE
    ]


@pytest.mark.parametrize("sentence", NOT_TOLD)
def test_what_did_not_happen_is_no_occurrence(extract: Extract, sentence: str) -> None:
    assert occurrences(extract(f"ALEPPO, 24 February 2016 — {sentence}")) == []


@pytest.mark.parametrize(
    ("sentence", "type_", "modality", "polarity"),
    [
        ("The rebels tried to retake Saraqib.", "ControlChanged", "attempted", "positive"),
        ("The militants failed to take Khanasser.", "ControlChanged", "asserted", "negated"),
        ("Moscow denied bombing a hospital in Idlib.", "Airstrike", "denied", "positive"),
        ("The coalition will strike Raqqa tonight.", "Airstrike", "forecast", "positive"),
        ("The army may storm Raqqa.", "Clash", "hypothetical", "positive"),
        ("The army did not withdraw from Palmyra.", "Withdrawal", "asserted", "negated"),
    ],
)
def test_the_reading_is_kept_with_the_claim(
    extract: Extract, sentence: str, type_: str, modality: str, polarity: str
) -> None:
    told = [c for c in extract(sentence) if c.type.value == type_]

    assert [(c.modality.value, c.polarity.value) for c in told] == [(modality, polarity)]


@pytest.mark.parametrize(
    "sentence",
    [
        "The Russian bombing of Saraqib, which took place on Monday, killed ten.",
        "Rebels captured Azaz after the attack on Mare, which never took place.",
        "Rebels captured Azaz, which had never fallen before.",
    ],
)
def test_a_clause_about_something_else_does_not_negate(extract: Extract, sentence: str) -> None:
    assert len(occurrences(extract(sentence))) == 1


def test_what_is_presupposed_inside_an_intention_did_happen(extract: Extract) -> None:
    claims = extract("The army plans to bomb the villages captured by Islamic State near Mare.")

    assert [c.type.value for c in occurrences(claims)] == ["ControlChanged"]


def test_reported_speech_is_asserted_and_attributed(extract: Extract) -> None:
    (claim,) = extract("Activists said Russian jets bombed Saraqib on Tuesday.")

    assert (claim.modality.value, claim.attributed_to) == ("asserted", "Activists")


def test_a_denial_is_a_denied_statement(extract: Extract) -> None:
    (claim,) = extract("The coalition denied responsibility.")

    assert (claim.type.value, claim.modality.value) == ("Statement", "denied")
    assert claim.statement_kind == "denial"
