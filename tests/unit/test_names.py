"""Spellings: which tier answers, and that what is only near is never taken for the name."""

from __future__ import annotations

import pytest

from timeline.domain.names import Match, Name, NameIndex, Tier, exact_form, folded_form

INDEX = NameIndex(
    [
        ("khanasser", "Khanasser", [Name(name="خناصر", language="ar"), Name(name="Khanasir")]),
        ("kweires", "Kweires", [Name(name="Kuwayris"), Name(name="كويرس", language="ar")]),
        ("mare", "Mare`", [Name(name="Mari`"), Name(name="مارع", language="ar")]),
        ("raqqa", "Raqqa", [Name(name="ar-Raqqah")]),
        ("is", "Islamic State", [Name(name="IS", case_sensitive=True)]),
        ("bab-1", "al-Bab", []),
        ("bab-2", "Al Bab", []),
    ]
)


@pytest.mark.parametrize(
    ("spelling", "id_", "tier"),
    [
        ("khanasser", "khanasser", Tier.ID),
        ("Khanasser", "khanasser", Tier.EXACT),
        ("KHANASSER", "khanasser", Tier.EXACT),
        ("Khanasir", "khanasser", Tier.ALIAS),
        ("خناصر", "khanasser", Tier.ALIAS),
        ("Khanaser", "khanasser", Tier.SKELETON),
        ("Khanassir", "khanasser", Tier.SKELETON),
        ("Kweires", "kweires", Tier.EXACT),
        ("Kuwayres", "kweires", Tier.SKELETON),
        ("Kwairis", "kweires", Tier.SKELETON),
        ("Mare'", "mare", Tier.EXACT),
        ("Mareʿ", "mare", Tier.EXACT),
        ("Mare’", "mare", Tier.EXACT),
        ("Mari'", "mare", Tier.ALIAS),
        ("Mare", "mare", Tier.FOLDED),
        ("al-Raqqah", "raqqa", Tier.FOLDED),
        ("Rāqqa", "raqqa", Tier.FOLDED),
    ],
)
def test_a_spelling_is_known_at_its_surest_tier(spelling: str, id_: str, tier: Tier) -> None:
    ids, match = INDEX.find(spelling)

    assert (ids, match and match.tier) == ((id_,), tier)


def test_a_near_spelling_is_found_with_its_score() -> None:
    assert INDEX.find("Khanasserd") == (("khanasser",), Match(tier=Tier.FUZZY, score=0.947))


def test_a_name_that_is_only_near_resolves_to_nothing() -> None:
    assert INDEX.resolve("Raqqas") == (None, None)


def test_a_name_of_two_things_resolves_to_nothing() -> None:
    assert INDEX.resolve("Al-Bab") == (None, None)


def test_a_name_of_two_things_finds_both() -> None:
    assert INDEX.find("Al-Bab") == (("bab-1", "bab-2"), Match(tier=Tier.EXACT, score=1.0))


def test_a_short_name_whose_case_matters_is_found_as_written() -> None:
    assert INDEX.resolve("IS")[0] == "is"


@pytest.mark.parametrize("word", ["Is", "iS", "i.s."])
def test_a_short_name_whose_case_matters_is_not_the_word(word: str) -> None:
    assert INDEX.resolve(word) == (None, None)


@pytest.mark.parametrize("spelling", ["", "   ", "'", "xyz"])
def test_what_is_no_name_finds_nothing(spelling: str) -> None:
    assert INDEX.find(spelling) == ((), None)


def test_arabic_letter_variants_are_one_spelling() -> None:
    assert exact_form("إدلب") == exact_form("ادلب")


def test_arabic_vowel_marks_are_dropped() -> None:
    assert exact_form("حَلَب") == "حلب"


def test_hyphens_and_spaces_are_one() -> None:
    assert exact_form("Deir‑ez – Zor") == "deir ez zor"


def test_folding_drops_articles_and_accents() -> None:
    assert folded_form("ar-Raqqāh") == "raqqah"


def test_folding_keeps_a_name_that_is_nothing_but_an_article() -> None:
    assert folded_form("As") == "as"
