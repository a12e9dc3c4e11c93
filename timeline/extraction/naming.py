"""Finds the name that a group is given beside its noun: "an alliance calling itself X", "of X"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timeline.extraction.acting import ActorHit
from timeline.extraction.grammar import Token, left_edge
from timeline.extraction.parsing import lemma

if TYPE_CHECKING:
    from timeline.extraction.scene import Scene

NAMED_WITHIN_WORDS_MAX = 8
_BANDS = frozenset(
    {"force", "fighter", "gunman", "man", "soldier", "militant", "rebel", "troop", "member"}
)
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


def leading(noun: Token, scene: Scene) -> ActorHit | None:
    """As in "rebels led by X": X says more than their kind."""
    led = [c for c in noun.rights if c.dep_ == "acl" and lemma(c) in ("lead", "command")]
    by = [n for c in led for p in c.children if p.dep_ == "agent" for n in p.children]
    hits = [h for n in by for h in scene.cast.touching(*scene.parse.offsets[n.i])]
    return next((h for h in hits if scene.cast.fights(h) and not h.is_generic), None)


def of_band(noun: Token, scene: Scene) -> ActorHit | None:
    """As in "gunmen of the X group", "forces loyal to X": X, though the table lacks it."""
    if lemma(noun) not in _BANDS:
        return None
    preps = [c for c in noun.rights if c.lower_ in ("of", "from")]
    preps += [p for c in noun.rights if c.lower_ == "loyal" for p in c.children]
    for name in (n for p in preps for n in p.children if n.dep_ == "pobj"):
        start, end = scene.parse.offsets[left_edge(name)][0], scene.parse.offsets[name.i][1]
        is_place = any(p.start < end and start < p.end for p in scene.places)
        marks = [name, *name.lefts]
        if not is_place and any(t.pos_ == "PROPN" and t.text[:1].isupper() for t in marks):
            return ActorHit(start, end, scene.phrase(name), None)
    return None


def of_leader(noun: Token, first: int, last: int, scene: Scene) -> ActorHit | None:
    """As in "X's founder said that his men ...": X."""
    before = [t for t in noun.doc[: noun.i] if t.dep_ in ("nsubj", "nsubjpass") and t != noun]
    for leader in reversed(before):
        near = [t for t in leader.subtree if abs(t.i - leader.i) <= NAMED_WITHIN_WORDS_MAX]
        start = scene.parse.offsets[near[0].i][0]
        for hit in scene.cast.touching(start, scene.parse.offsets[near[-1].i][1]):
            return ActorHit(first, last, scene.phrase(noun), hit.actor_id, True)
    return None
