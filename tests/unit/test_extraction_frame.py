"""What a report's head tells of it, and where its sentences end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timeline.extraction.clean import cleaned
from timeline.extraction.frame import read_head
from timeline.extraction.sentences import split_sentences


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_cleaning_never_moves_a_code_point(text: str) -> None:
    assert len(cleaned(text)) == len(text)


def test_odd_characters_are_evened_out() -> None:
    assert cleaned("took\u00a0 control of “Mare`”") == 'took  control of "Mare\'"'


def test_a_head_with_title_publisher_and_date() -> None:
    frame = read_head("Army retakes town\n\nExample Post | 24 February, 2016\n\nThe army.").frame

    assert (frame.title, frame.publisher, frame.published) == (
        "Army retakes town",
        "Example Post",
        "2016-02-24",
    )


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("ALEPPO, 25 February 2016 — Troops left.", "2016-02-25"),
        ("BEIRUT, February 25, 2016 (Example) - Troops left.", "2016-02-25"),
        ("Published: 2016-02-25\nTroops left.", "2016-02-25"),
        ("Troops left on 25 February 2016.", None),
    ],
)
def test_a_dateline_is_read_only_at_the_head(text: str, published: str | None) -> None:
    assert read_head(text).frame.published == published


def test_a_source_line_names_the_publisher() -> None:
    assert read_head("Troops left.\nMore came.\nSource: Example Agency").frame.publisher == (
        "Example Agency"
    )


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The army was in the town and left it.", "en"),
        ("Ahrar al-Sham took Kafr Zita, Khan Shaykhun and Maarrat al-Numan on Monday.", "en"),
        ("سيطر الجيش على البلدة", "ar"),
        ("Армія повернула собі місто у четвер, кажуть посадовці.", "uk"),
        ("L'armée a repris la ville au groupe jeudi, ont dit des responsables.", "fr"),
        ("El ejército recuperó el pueblo el jueves, dijeron los vecinos.", "es"),
        ("Ordu perşembe günü kasabayı geri aldı, dedi yetkililer.", "tr"),
        ("The army took the town of خناصر on Thursday, officials said.", "en"),
        ("Jets struck Ithriya.", None),
        ("12 45 2016", None),
    ],
)
def test_the_language_is_told_where_it_can_be(text: str, language: str | None) -> None:
    assert read_head(text).frame.language == language


def sentences(text: str) -> list[str]:
    return [" ".join(text[s.start : s.end].split()) for s in split_sentences(text)]


def test_a_heading_does_not_run_into_the_next_sentence() -> None:
    assert sentences("Raids on the town\nJets came. They left.") == [
        "Raids on the town",
        "Jets came.",
        "They left.",
    ]


def test_a_hard_wrapped_paragraph_is_one() -> None:
    assert sentences("The army came to the\ntown of Azaz and\nleft it on Monday.") == [
        "The army came to the town of Azaz and left it on Monday."
    ]


def test_a_semicolon_ends_a_sentence_and_an_abbreviation_does_not() -> None:
    assert sentences("Gen. Smith came; he left the U.S. base.") == [
        "Gen. Smith came;",
        "he left the U.S. base.",
    ]
