"""Says of which classes a noun is by the words around it: "glide bombs", "his men", "F-16s"."""

from __future__ import annotations

import re

from timeline.extraction.acting import MODEL
from timeline.extraction.grammar import Token, arguments
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

_FROM_THE_AIR = frozenset({"glide", "barrel", "aerial", "guided", "cluster", "vacuum"})


def by_its_words(token: Token, held: set[str]) -> set[str]:
    """The classes of a noun, put right by the words on it.

    Args:
        token: The noun.
        held: The classes that its lemma has.
    """
    low, held = lemma(token), set(held)
    lefts = {c.lower_ for c in token.lefts}
    if re.fullmatch(MODEL, token.text):
        held |= {"aircraft", "air_arm"}
    if "force" in held and _carries_relief(token):
        held.discard("force")
    if "suicide" in lefts:
        held = (held - {"air_arm"}) | {"suicide_bomber"}
    if low == "bomb" and lefts & _FROM_THE_AIR:
        held = (held - {"bomb"}) | {"air_arm"}
    if low == "force" and "air" in lefts:
        held.add("air_arm")
    if low == "man" and any(c.dep_ == "poss" for c in token.lefts):
        held.add("force")
    carrying = [c for c in token.rights if c.dep_ == "acl" and lemma(c) == "carry"]
    loads = [n for c in carrying for n in arguments(c).object]
    if any("force" in lexicon().classes(lemma(n)) for n in loads):
        held.add("force")
    return held


def _carries_relief(token: Token) -> bool:
    """As in "a convoy of aid trucks", which is no force."""
    loads = [t for c in token.rights if c.lower_ in ("of", "with", "carrying") for t in c.subtree]
    names = {lemma(t) for t in [*loads, *token.lefts]}
    return bool(names & (lexicon().nouns["relief"] | {"civilian", "refugee", "humanitarian"}))
