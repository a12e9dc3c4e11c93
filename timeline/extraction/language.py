"""Tells in which language a text is, or that it cannot be told.

English is told by its commonest words, since names of a war's places and groups mislead a detector
of languages in short texts; any other language by py3langid, where it is sure.
"""

from __future__ import annotations

import re

SAMPLE_CHARACTERS = 4000
# A shorter text could be anything; another script than the Latin tells more.
LATIN_LETTERS_MIN, OTHER_LETTERS_MIN = 40, 12
# By how much the best must lead the second best, per letter, in natural logarithms.
LEAD_PER_LETTER_MIN = 0.05
_ENGLISH_SHARE_MIN = 1 / 12
_ENGLISH = frozenset(
    (
        *("the", "of", "and", "in", "to", "on", "by", "with"),
        *("that", "was", "were", "from", "said", "had", "for", "at"),
    )
)


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of a text's language; `None` where it cannot be told.

    Args:
        text: A report's text without what it declares of itself.
    """
    sample = text[:SAMPLE_CHARACTERS]
    words = re.findall(r"[A-Za-z]+", sample)
    letters = sum(c.isalpha() for c in sample)
    latin = sum(len(w) for w in words)
    common = sum(w.lower() in _ENGLISH for w in words)
    if words and latin >= letters / 2 and common >= max(1, len(words) * _ENGLISH_SHARE_MIN):
        return "en"
    if letters < (LATIN_LETTERS_MIN if latin >= letters / 2 else OTHER_LETTERS_MIN):
        return None
    return _detected(" ".join(sample.split()), letters)


def _detected(sample: str, letters: int) -> str | None:
    import py3langid

    ranked = py3langid.rank(sample)
    (best, score), (_, second) = ranked[0], ranked[1]
    return str(best) if score - second >= LEAD_PER_LETTER_MIN * letters else None
