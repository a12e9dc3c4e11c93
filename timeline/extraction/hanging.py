"""Hangs a date that a parse gave to a word of no event on the event that it tells of.

"Shells fired by rebels landed there on Sunday", with Sunday on the firing: the date goes up to the
first event above, but never past a verb of saying or one with a subject of its own.
"""

from __future__ import annotations

from timeline.extraction.date_forms import DateExpression
from timeline.extraction.grammar import CLIMB_MAX, Token
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

Dated = list[tuple[DateExpression, Token | None]]
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})


def attached(dated: Dated, words: set[int]) -> Dated:
    """The dates, each with the event word it belongs to where there is one.

    Args:
        dated: The dates of a sentence with what the parse hangs them on.
        words: Token indices of the event words and of the verbs that carry them.
    """
    return [(e, g if _holds(g, words) else _above(g, words) or g) for e, g in dated]


def _holds(governor: Token | None, words: set[int]) -> bool:
    return governor is None or governor.i in words or lemma(governor) in lexicon().all_saying


def _above(governor: Token | None, words: set[int]) -> Token | None:
    current = governor
    for _ in range(CLIMB_MAX):
        if current is None or current.head == current:
            return None
        has_subject = any(c.dep_ in _SUBJECTS for c in current.children)
        if has_subject and current.dep_ in ("conj", "ccomp", "relcl", "advcl", "parataxis"):
            return None
        current = current.head
        if current.i in words:
            return current
        if lemma(current) in lexicon().all_saying:
            return None
    return None
