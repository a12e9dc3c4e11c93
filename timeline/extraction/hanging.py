"""Hangs a date that a parse gave to a word of no event on the event that it tells of.

"Shells fired by rebels landed there on Sunday", with Sunday on the firing: the date goes up to the
first event above, but never past a verb of saying or one with a subject of its own.
"""

from __future__ import annotations

from timeline.extraction.date_forms import DateExpression
from timeline.extraction.grammar import (
    CLIMB_MAX,
    Token,
    governing_verb,
    is_pluperfect,
    is_simple_past,
)
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import Parse, lemma

Dated = list[tuple[DateExpression, Token | None]]
_OPENING = frozenset({"while", "when", "as", "after", "because", "although", "though", "where"})
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


def opens_after(verb: Token, expression: DateExpression, parse: Parse) -> bool:
    """As in "bombed X on Tuesday while an office was opened": the clause opens after the date."""
    before = any(t.pos_ == "VERB" and parse.offsets[t.i][0] < expression.start for t in parse.doc)
    opening = [c for c in verb.children if c.lower_ in _OPENING and c.dep_ in ("mark", "advmod")]
    return before and any(parse.offsets[c.i][0] >= expression.end for c in opening if c.i < verb.i)


def tells_of(verb: Token, noun: Token) -> bool:
    """As in "the assault on X, in which 70 died on Tuesday", whatever the parse hangs it on."""
    which = [n for c in verb.children if c.lower_ == "in" for n in c.children if n.tag_ == "WDT"]
    return bool(which) and noun.i < verb.i and verb.doc[which[0].i - 2].text == ","


def told_on_from(verb: Token) -> Token | None:
    """As in "shelled X on Tuesday, which Y then left": the verb whose story it carries on."""
    clause = verb.head if verb.dep_ == "conj" else verb
    which = [c for c in clause.children if c.i < clause.i and c.tag_ in ("WDT", "WP", "WRB")]
    if clause.dep_ != "relcl" or not which or not is_simple_past(verb) or is_pluperfect(verb):
        return None
    first = which[0].left_edge.i
    return governing_verb(clause) if first and verb.doc[first - 1].text == "," else None
