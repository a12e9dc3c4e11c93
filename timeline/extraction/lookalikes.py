"""Tells verbs that tell of an event from those that only look so: states, measures, outcomes."""

from __future__ import annotations

from timeline.extraction.grammar import Token, is_garden_path
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

HARM = frozenset({"kill", "wound", "injure", "destroy", "damage", "hit", "strike"})
_AS_IT_STANDS = frozenset({"besieged", "blockaded", "encircled", "surrounded", "occupied"})
_TAKEN_PART = frozenset({"part", "place", "office", "aim", "note", "steps", "refuge", "shelter"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj"})


def only_looks_like_a_verb(token: Token, low: str) -> bool:
    """Whether a word of an event's lemma is here a helper, a noun, a state or a part of another.

    Args:
        token: The word.
        low: Its lemma.
    """
    if token.dep_ in ("aux", "auxpass") or (low, token.tag_) == ("flee", "VBG"):
        return True
    if _is_noun_or_measure(token, low):
        return True
    if token.i and low in HARM and harms_next(token.doc[token.i - 1]):
        return True  # "X shelling killed three": the shelling is the event
    if token.dep_ == "acl" and low in ("broker", "mediate", "negotiate"):
        return True  # "under a deal brokered by X" names the deal
    if token.i and token.lower_ in _AS_IT_STANDS and _is_attributive(token):
        return True
    is_active = is_garden_path(token)
    if token.dep_ == "compound" and not is_active:
        return True
    told = is_active or (_has_agent(token) and token.head.pos_ == "PROPN")
    return token.dep_ == "amod" and not told


def _is_noun_or_measure(token: Token, low: str) -> bool:
    is_subject = token.tag_ == "VBG" and token.dep_ in _SUBJECTS
    if is_subject and token.lower_ in lexicon().noun_rules:
        return True
    if low in ("fight", "battle") and token.tag_ == "VBG" and token.head.lower_ == "of":
        return True  # "after a month of fighting"
    if low == "take" and any(c.lower_ in _TAKEN_PART for c in token.children if c.dep_ == "dobj"):
        return True
    # "has changed hands several times" tells of no one change
    return low == "change" and any(t.lower_ in ("times", "twice") for t in token.subtree)


def _is_attributive(token: Token) -> bool:
    """As in "aid reached besieged X", where the parse takes the state of X for what was done."""
    before, after = token.doc[token.i - 1], token.i + 1
    helpers = [c for c in token.children if c.dep_ in ("aux", "auxpass", "nsubj")]
    is_bare = all(c.i == token.i - 1 and c.tag_ == "VBD" and _is_full_verb(c) for c in helpers)
    names = after < len(token.doc) and token.doc[after].pos_ == "PROPN"
    return is_bare and names and (before.tag_ == "VBD" or before.pos_ in ("VERB", "ADP"))


def _is_full_verb(token: Token) -> bool:
    return lemma(token) not in ("be", "have", "do", "get")


def is_outcome(token: Token) -> bool:
    """Whether a killing only tells what another event did: "shelled the town and killed two"."""
    told = token.head
    return token.dep_ in ("conj", "advcl", "xcomp") and lemma(told) in lexicon().verbs


def _has_agent(token: Token) -> bool:
    return any(c.dep_ in ("agent", "npadvmod") for c in token.children)


def harms_next(token: Token) -> bool:
    """As in "X shelling hit Y", where the parse takes the shelling for a part of X's name."""
    if token.tag_ != "VBG" or token.i + 1 >= len(token.doc):
        return False
    after = token.doc[token.i + 1]
    is_past = after.tag_ == "VBD" or (after.tag_ == "VBN" and token.dep_ == "aux")
    return is_past and lemma(after) in HARM
