"""What the words of a text are, what a search asks for, and where it is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timeline.domain.words import (
    SEARCH_LENGTH_MAX,
    SEARCH_WORDS_MAX,
    WORD_LENGTH_MAX,
    WORDS_INDEXED_MAX,
    Term,
    _any_words,
    _ascii_words,
    indexed_words,
    search_query,
    spans_found,
    words_of,
)
from timeline.errors import InvalidSearch


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "The army's 3rd Division took Al-Nusra's base",
            "the army 3rd division took al nusra base",
        ),
        ("Ma'arrat Maʿarrat Ma’arrat Maarrat", "maarrat maarrat maarrat maarrat"),
        ("Réné in MÜNCHEN, straße", "rene in munchen strasse"),
        ("خُنَاصِر خناصر خناصـر", "خناصر خناصر خناصر"),
        ("أعزاز إعزاز اعزاز", "اعزاز اعزاز اعزاز"),
        ("قلعة قلعه مصطفى مصطفي", "قلعه قلعه مصطفي مصطفي"),
        ("٢٠١٦ 2016 ²", "2016 2016 2"),
        ("Ніжин Ёлка", "ніжин елка"),
        ("x_y a.b/c@d #tag 1,000", "x y a b c d tag 1 000"),
        ("zero\u200bwidth \u202eright\u202c", "zerowidth right"),
        ("'quoted' words’ ''s", "quoted words s"),
        ("- | * \" ' %", ""),
    ],
)
def test_words_are_letters_and_digits_evened_out(text: str, words: str) -> None:
    assert " ".join(w.text for w in words_of(text)) == words


def test_a_word_knows_where_it_stands() -> None:
    text = "in «Khanâsser’s» town"

    spans = [text[w.start : w.end] for w in words_of(text)]

    assert spans == ["in", "Khanâsser", "town"]


@given(st.text(st.characters(codec="ascii")))
def test_the_short_way_for_plain_text_finds_what_the_long_way_finds(text: str) -> None:
    assert _ascii_words(text) == _any_words(text)


@given(st.text())
def test_a_word_is_nothing_that_an_engine_reads_otherwise(text: str) -> None:
    for word in words_of(text):
        assert 0 < len(word.text) <= WORD_LENGTH_MAX
        assert word.text.isalnum()
        assert word.text == word.text.lower()
        assert 0 <= word.start < word.end <= len(text)


def test_texts_are_kept_apart_and_bounded() -> None:
    assert indexed_words(["Took it.", "...", "Back"]) == "took it | back"
    assert indexed_words([]) == ""
    many = indexed_words(["a " * WORDS_INDEXED_MAX, "b"])
    assert many == " ".join(["a"] * WORDS_INDEXED_MAX)
    assert indexed_words(["x" * 5_000]) == "x" * WORD_LENGTH_MAX


def test_a_search_is_of_words_phrases_and_beginnings() -> None:
    query = search_query('Army "took back" khan* Al-Nus* “the town” NOT OR ~ "')

    assert query.terms == (
        Term(("army",)),
        Term(("took", "back")),
        Term(("khan",), is_prefix=True),
        Term(("al", "nus"), is_prefix=True),
        Term(("the", "town")),
        Term(("not",)),
        Term(("or",)),
    )


@pytest.mark.parametrize("text", ["", "   ", '"" * % -', "x" * (SEARCH_LENGTH_MAX + 1)])
def test_a_search_for_nothing_or_for_too_much_is_refused(text: str) -> None:
    with pytest.raises(InvalidSearch):
        search_query(text)


def test_a_search_has_a_bounded_number_of_words() -> None:
    assert len(search_query("a " * SEARCH_WORDS_MAX).words) == SEARCH_WORDS_MAX
    with pytest.raises(InvalidSearch, match="at most 20 words"):
        search_query("a " * (SEARCH_WORDS_MAX + 1))


def test_what_is_found_is_told_by_spans_without_overlap() -> None:
    text = "Tal Rifaat and Tal-Rifaat’s tal; Khanâsser"

    spans = spans_found(search_query('"tal rifaat" tal khan*'), text)

    assert [text[a:b] for a, b in spans] == ["Tal Rifaat", "Tal-Rifaat", "tal", "Khanâsser"]
