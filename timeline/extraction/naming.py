"""Finds the name that a group is given beside its noun: "an alliance calling itself X"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timeline.extraction.acting import ActorHit
from timeline.extraction.grammar import Token, left_edge
from timeline.extraction.parsing import lemma

if TYPE_CHECKING:
    from timeline.extraction.scene import Scene

NAMED_WITHIN_WORDS_MAX = 8
_NAMING = frozenset({"call", "name", "dub", "know", "style", "term"})


def name_beside(noun: Token, scene: Scene) -> ActorHit | None:
    """As in "an alliance calling itself X", "M23 rebels backed by Y": X, and M23."""
    offsets = scene.parse.offsets
    if not scene.classes(noun) & {"force", "actor"}:
        return None
    for child in noun.subtree:
        is_naming = child.dep_ in ("acl", "relcl") and lemma(child) in _NAMING
        if not is_naming or not noun.i < child.i <= noun.i + NAMED_WITHIN_WORDS_MAX:
            continue
        names = [c for c in child.rights if c.dep_ in ("oprd", "attr", "dobj", "pobj")]
        names += [n for c in child.rights if c.dep_ == "prep" for n in c.children]
        names = [t for t in names if t.pos_ != "PRON"]
        if names and names[-1].doc[left_edge(names[-1])].text[:1].isupper():
            start, end = offsets[left_edge(names[-1])][0], offsets[names[-1].i][1]
            known = scene.cast.touching(start, end)
            return known[0] if known else ActorHit(start, end, scene.phrase(names[-1]), None)
    marks = [c for c in noun.lefts if c.dep_ in ("compound", "nmod") and c.pos_ == "PROPN"]
    marks = [c for c in marks if "place" not in scene.classes(c)]
    is_bare = not any(c.pos_ == "PROPN" for c in noun.rights)
    if marks and is_bare and marks[0].text[:1].isupper() and "force" in scene.classes(noun):
        return ActorHit(offsets[left_edge(noun)][0], offsets[noun.i][1], scene.phrase(noun), None)
    return None
