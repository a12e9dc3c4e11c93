"""Decides to whom an event is done: who is struck, and who held what another takes.

What is struck is often a thing ("positions", "a convoy", "a camp"): then whoever it belongs to is
the target. Where a parse has lost the object, the words right after the verb are read instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from timeline.extraction.acting import ActorHit
from timeline.extraction.grammar import CLIMB_MAX, Token, coordinated, left_edge
from timeline.extraction.parsing import lemma
from timeline.extraction.scene import Scene
from timeline.extraction.triggers import Trigger

PHRASE_TOKENS_MAX = 14
_TARGETS = frozenset({"actor", "site", "force", "vehicle_or_thing", "person"})
_OWNED = frozenset({"site", "force", "vehicle_or_thing", "aircraft", "structure", "air_arm", "gun"})
_TAKEN = frozenset({"place", "control", "settlement", "site", "region", "route"})
_OF_WHOM = frozenset({"belong", "loyal", "affiliate", "ally", "link"})
_FINITE = frozenset({"VBD", "VBZ", "VBP", "MD"})
_CLAUSE = frozenset({"where", "while", "when", "after", "before", "as", "who", "which", "that"})
_NATIONAL = re.compile(r"[A-Z][a-z]+(?:ian|ean|ish|ese|aqi|eli|eni|ench|can)")
_STRIKES = frozenset({"Airstrike", "Shelling"})


class Party(Protocol):
    """What is known so far of who takes part."""

    ids: set[str]

    def add_hit(self, hit: ActorHit, role: str) -> None:
        """Add one actor."""

    def has(self, *roles: str) -> bool:
        """Whether somebody fills one of these roles."""


def add_targets(trigger: Trigger, scene: Scene, roles: Party) -> None:
    """Add who is struck, taken from, besieged or shot down."""
    args, role = trigger.arguments, trigger.roles.get("obj")
    if trigger.is_nominal:
        return
    if role in ("previous_holder", "target", "participant"):
        for noun in args.object:
            _add_all(struck(noun, scene, frozenset(roles.ids)), role, roles)
    if trigger.type == "ControlChanged":
        _add_previous_holders(trigger, scene, roles)
    if trigger.type in _STRIKES or (role == "target" and trigger.type == "Bombing"):
        sites = [n for n in args.object if role != "target" and "site" in scene.classes(n)]
        for noun in [*args.after("on", "against"), *sites]:
            if scene.classes(noun) & _TARGETS:
                _add_all(struck(noun, scene, frozenset(roles.ids)), "target", roles)
    if role == "target" and not args.object and not args.is_passive and not roles.has("target"):
        _add_all(_after(trigger.token, scene, frozenset(roles.ids)), "target", roles)


def _add_all(hits: list[ActorHit], role: str, roles: Party) -> None:
    for hit in hits:
        roles.add_hit(hit, role)


def struck(noun: Token, scene: Scene, barred: frozenset[str]) -> list[ActorHit]:
    """The actors that a noun phrase names as hit, or to whom what it names belongs."""
    hits = scene.actors_of(noun, barred)
    if any(h.actor_id for h in hits):
        return [h for h in hits if h.actor_id or scene.cast.is_named(h)]
    owners = [o for n in coordinated(noun) for o in _owners(n, scene, barred)]
    return owners or hits


def _owners(noun: Token, scene: Scene, barred: frozenset[str]) -> list[ActorHit]:
    """As in "a camp of the army", "a Kurdish checkpoint"."""
    if not scene.classes(noun) & _OWNED:
        return []
    for child in noun.children:
        if child.lower_ == "of" or (child.dep_ == "acl" and lemma(child) in _OF_WHOM):
            preps = [child] if child.lower_ == "of" else list(child.children)
            nouns = [n for p in preps for n in p.children if n.dep_ == "pobj"]
            armed = [n for n in nouns if scene.classes(n) & {"force", "actor"}]
            found = [h for n in armed for h in scene.actors_of(n, barred)]
            if found:
                return found
    return _by_nationality(noun, scene)


def _by_nationality(noun: Token, scene: Scene) -> list[ActorHit]:
    by_adjective, offsets = scene.cast.by_adjective, scene.parse.offsets
    for child in noun.lefts:
        if child.dep_ in ("amod", "compound") and child.text in by_adjective:
            start, end = offsets[left_edge(noun)][0], offsets[noun.i][1]
            return [ActorHit(start, end, scene.phrase(noun), by_adjective[child.text])]
        if child.dep_ in ("amod", "compound") and _NATIONAL.fullmatch(child.text):
            start, end = offsets[left_edge(noun)][0], offsets[noun.i][1]
            return [ActorHit(start, end, scene.phrase(noun), None)]
    return []


def _after(verb: Token, scene: Scene, barred: frozenset[str]) -> list[ActorHit]:
    """The actor in the noun phrase right after a verb whose object the parse has lost.

    Read up to a comma, the next finite verb, or a preposition that does not tell of belonging, so
    that "targeted a convoy near the positions of X" names nobody.
    """
    doc, offsets = verb.doc, scene.parse.offsets
    last = verb.i
    for token in doc[verb.i + 1 : verb.i + 1 + PHRASE_TOKENS_MAX]:
        if token.tag_ in _FINITE or (token.dep_ == "punct" and token.text in ",;:"):
            break
        if token.dep_ == "cc" or token.lower_ in _CLAUSE:
            break
        belongs = token.lower_ == "of" or lemma(doc[token.i - 1]) in _OF_WHOM
        if token.pos_ == "ADP" and not belongs:
            break
        last = token.i
    words = [t for t in doc[verb.i + 1 : last + 1] if scene.classes(t) & _TARGETS]
    if last == verb.i or not words:
        return []
    hits = scene.cast.touching(offsets[verb.i + 1][0], offsets[last][1])
    named = [h for h in hits if h.actor_id not in barred and not _is_place(h, scene)]
    return named[:1]


def _is_place(hit: ActorHit, scene: Scene) -> bool:
    return any(p.start < hit.end and hit.start < p.end for p in scene.places)


def _add_previous_holders(trigger: Trigger, scene: Scene, roles: Party) -> None:
    """As in "rebel-held X", "captured X from Y", "control of X from Y"."""
    args = trigger.arguments
    taken = args.object if trigger.roles.get("obj") == "place" else []
    taken = args.subject if trigger.roles.get("subj") == "place" else taken
    for noun in taken:
        owners = [c for c in noun.children if c.dep_ in ("compound", "poss", "nmod", "amod")]
        for owner in owners:
            start, end = scene.parse.offsets[left_edge(owner)][0], scene.parse.offsets[owner.i][1]
            for hit in scene.cast.touching(start, end):
                if not _is_place(hit, scene) and owner.lower_ != "military":
                    roles.add_hit(hit, "previous_holder")
    if trigger.roles.get("from") != "previous_holder" or roles.has("previous_holder"):
        return
    for noun in _from_whom(trigger.token, scene):
        if scene.classes(noun) & {"actor", "force"} and not _on_the_way(noun, scene):
            _add_all(scene.actors_of(noun, frozenset(roles.ids)), "previous_holder", roles)


def _from_whom(verb: Token, scene: Scene) -> Iterator[Token]:
    """The nouns after "from" in the clause of a verb, whatever the parse hangs it on.

    Not what comes from somebody: "with weapons from X".
    """
    for token in verb.doc[verb.i + 1 :]:
        if token.tag_ in _FINITE or token.lower_ in _CLAUSE:
            return
        before = verb.doc[token.i - 1]
        is_taken = before.pos_ != "NOUN" or bool(scene.classes(before) & _TAKEN)
        if token.lower_ == "from" and is_taken and not _of_other_verb(token, verb):
            for noun in (n for n in token.children if n.dep_ == "pobj"):
                of = [c for c in noun.children if c.lower_ == "of" and lemma(noun) == "hand"]
                yield from [n for c in of for n in c.children] or [noun]


def _on_the_way(noun: Token, scene: Scene) -> bool:
    """Whether "from X" belongs to the name of a road or to a place."""
    start, end = scene.parse.offsets[noun.i]
    return any(p.start < end and start < p.end for p in scene.places)


def _of_other_verb(preposition: Token, verb: Token) -> bool:
    current = preposition.head
    for _ in range(CLIMB_MAX):
        if current == verb or current.head == current:
            return False
        if current.pos_ == "VERB":
            return True
        current = current.head
    return False
