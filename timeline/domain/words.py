"""Decides what the words of a text are to a search, and what a search asks for.

Both engines index these words, and not words of their own making, so a search finds the same on
each. A word is a run of letters and digits in any script, with case, diacritics and the variants of
Arabic letters evened out; there is no stemming and there are no stop words. See docs/search.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from timeline.errors import InvalidSearch

SEARCH_LENGTH_MAX = 300
SEARCH_WORDS_MAX = 20
# Longer ones are cut to it, in texts as in searches; Postgres takes 2,046 bytes.
WORD_LENGTH_MAX = 64
# Of one thing's texts together; Postgres takes 1 MB, whatever the script.
WORDS_INDEXED_MAX = 2_000
NAME_KEPT_LENGTH_MAX = 60
# Stands between two texts: no word, so no phrase reaches from one into the other.
BOUNDARY = "|"

_APOSTROPHES = frozenset("'‘’ʿʾʼ`´′")
_LETTERS = str.maketrans({"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ı": "i", "ـ": None})
_INVISIBLE = frozenset({"Mn", "Me", "Cf"})
_ASCII_WORD = re.compile(r"[A-Za-z0-9](?:['`]*[A-Za-z0-9])*")
_ASCII_POSSESSIVE = re.compile(r"['`]+[sS]\Z")
_QUOTED = re.compile('["“”„«»]')


@dataclass(frozen=True)
class Word:
    """A word of a text, and the span of code points that it stands in, half-open."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Term:
    """Words that stand one after the other; the last is only how a word begins if `is_prefix`."""

    words: tuple[str, ...]
    is_prefix: bool = False

    def matches_at(self, words: Sequence[str]) -> bool:
        """Whether these words are the term's."""
        if len(words) != len(self.words) or words[:-1] != self.words[:-1]:
            return False
        return words[-1].startswith(self.words[-1]) if self.is_prefix else words == self.words


@dataclass(frozen=True)
class SearchQuery:
    """What a search asks for: all of its terms, in any order."""

    terms: tuple[Term, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of all terms, as they were typed."""
        return tuple(word for term in self.terms for word in term.words)


def words_of(text: str) -> list[Word]:
    """The words of a text, in order."""
    return _ascii_words(text) if text.isascii() else _any_words(text)


def indexed_words(texts: Iterable[str]) -> str:
    """The words of some texts as they are indexed: with spaces, and `|` between two texts."""
    told: list[str] = []
    left = WORDS_INDEXED_MAX
    for text in texts:
        words = _spelled(text)[:left]
        if words:
            told.append(" ".join(words))
            left -= len(words)
    return f" {BOUNDARY} ".join(told)


def search_query(text: str) -> SearchQuery:
    """Read a search: words, "phrases", and how words begin*; all of them have to be there.

    Nothing else has a meaning: what is no letter or digit parts words, as in the texts. Words that
    are joined by it ("Al-Nusra") are a phrase.

    Raises:
        InvalidSearch: it has no word, or too many.
    """
    if len(text) > SEARCH_LENGTH_MAX:
        raise InvalidSearch(f"a search has at most {SEARCH_LENGTH_MAX} characters")
    terms: list[Term] = []
    for index, part in enumerate(_QUOTED.split(text)):
        for chunk in [part] if index % 2 else part.split():
            words = tuple(word.text for word in words_of(chunk))
            if words:
                terms.append(Term(words, is_prefix=chunk.rstrip(" .,;:!?)").endswith("*")))
    if not terms:
        raise InvalidSearch("a search needs at least one word")
    query = SearchQuery(tuple(terms))
    if len(query.words) > SEARCH_WORDS_MAX:
        raise InvalidSearch(f"a search has at most {SEARCH_WORDS_MAX} words")
    return query


def spans_found(query: SearchQuery, text: str) -> tuple[tuple[int, int], ...]:
    """Where a text holds terms of a query: half-open spans of code points, without overlap."""
    words = words_of(text)
    spelled = tuple(word.text for word in words)
    spans = sorted(
        (words[at].start, words[at + len(term.words) - 1].end)
        for term in query.terms
        for at in range(len(words) - len(term.words) + 1)
        if term.matches_at(spelled[at : at + len(term.words)])
    )
    apart: list[tuple[int, int]] = []
    for start, end in spans:
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return tuple(apart)


def _spelled(text: str) -> tuple[str, ...]:
    """The words of a text, without where they stand; names, which come again, are kept."""
    return _spelled_name(text) if len(text) <= NAME_KEPT_LENGTH_MAX else _spell(text)


def _spell(text: str) -> tuple[str, ...]:
    if text.isascii():
        return tuple(_plain(word) for word in _ASCII_WORD.findall(text))
    return tuple(word.text for word in _any_words(text))


_spelled_name = lru_cache(maxsize=16384)(_spell)


def _ascii_words(text: str) -> list[Word]:
    found = []
    for match in _ASCII_WORD.finditer(text):
        word, start = match.group(), match.start()
        end = start + len(_ASCII_POSSESSIVE.sub("", word))
        found.append(Word(_plain(word), start, end))
    return found


def _plain(word: str) -> str:
    """An ASCII word as it is compared: small, without the possessive, without apostrophes."""
    if not word.isalnum():
        word = _ASCII_POSSESSIVE.sub("", word).replace("'", "").replace("`", "")
    return word.lower()[:WORD_LENGTH_MAX]


def _any_words(text: str) -> list[Word]:
    found: list[Word] = []
    letters: list[str] = []
    start = end = 0
    # How many letters there were at the last apostrophe, and where the word ended then.
    before: tuple[int, int] | None = None
    for at, character in enumerate(text + " "):
        folded = _folded(character)
        if folded is None:
            if letters:
                if before is not None and letters[before[0] :] == ["s"]:
                    letters, end = letters[: before[0]], before[1]
                found.append(Word("".join(letters)[:WORD_LENGTH_MAX], start, end))
            letters, before = [], None
        elif folded:
            start = start if letters else at
            letters.append(folded)
            end = at + 1
        elif letters and character in _APOSTROPHES:
            before = len(letters), end
    return found


@lru_cache(maxsize=8192)
def _folded(character: str) -> str | None:
    """What a character adds to a word: nothing if it only stands inside; `None` parts words."""
    if character in _APOSTROPHES or unicodedata.category(character) in _INVISIBLE:
        return ""
    if not character.isalnum():
        return None
    even = unicodedata.normalize("NFKD", character).casefold().translate(_LETTERS)
    even = unicodedata.normalize("NFKD", even)
    return "".join(_digit(c) for c in even if c.isalnum())


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
