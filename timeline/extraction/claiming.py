"""Finds who claims an attack told before: "X claimed the attack", "claimed responsibility".

Claiming is no event of its own. Whoever claims it is named as the doer, where nobody else is.
"""

from __future__ import annotations

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import Modality, Polarity
from timeline.extraction.drafts import Draft
from timeline.extraction.grammar import Token, arguments
from timeline.extraction.modality import read_modality
from timeline.extraction.parsing import lemma
from timeline.extraction.scene import Scene

SENTENCES_BACK_MAX = 4
_CLAIMED = frozenset(
    {"attack", "assault", "ambush", "raid", "bombing", "blast", "strike", "responsibility"}
    | {"killing", "massacre", "explosion", "operation", "abduction", "kidnapping", "credit"}
)
_ATTACKS = frozenset(
    {"Clash", "Bombing", "Airstrike", "Shelling", "ViolenceAgainstCivilians", "Detention"}
)


def is_claimed(noun: Token) -> bool:
    """Whether an event noun is what somebody claims: "claimed the attack"."""
    return _claiming(noun) is not None


def _claiming(noun: Token) -> Token | None:
    """The verb by which somebody claims what a noun tells of."""
    is_event = lemma(noun) in _CLAIMED
    if is_event and (verb := _by_clause(noun)) is not None:
        return verb
    head = noun.head
    if (not is_event and noun.lower_ != "it") or noun.dep_ != "dobj":
        return None
    if any(c.dep_ == "nummod" for c in noun.children):
        return None  # "claimed 34 air strikes" tells of them
    is_taking = lemma(head) == "take" and lemma(noun) == "responsibility"
    return head if is_taking or lemma(head) == "claim" else None


def _by_clause(noun: Token) -> Token | None:
    """As in "attacks that X claimed", "an ambush claimed by X": the verb of claiming."""
    if noun.head.dep_ != "prep" and noun.dep_ != "appos":
        return None
    verbs = (c for c in noun.rights if c.dep_ in ("relcl", "acl") and lemma(c) == "claim")
    verb = next(verbs, None)
    if verb is None or any(c.dep_ in ("ccomp", "xcomp") for c in verb.children):
        return None
    return verb


def credit(scene: Scene, made: list[Draft], earlier: list[Draft], number: int) -> None:
    """Name whoever claims an attack as its doer, where it has none that is known.

    Args:
        scene: The sentence.
        made: Its own drafts.
        earlier: The drafts of earlier sentences.
        number: The number of the sentence.
    """
    for noun in scene.parse.doc:
        verb = _claiming(noun)
        if verb is None or not _is_told(verb):
            continue
        named = [h for s in arguments(verb).subject for h in scene.actors_of(s)]
        known = [h for h in named if h.actor_id is not None or h.as_named[:1].isupper()]
        recent = [d for d in earlier if number - d.sentence <= SENTENCES_BACK_MAX]
        attacks = [d for d in (*recent, *made) if d.type in _ATTACKS and d.is_occurrence]
        if not known or not attacks:
            continue
        last = attacks[-1]
        doers = [a for a in last.actors if a.role is ActorRole.INITIATOR]
        if any(a.actor_id or a.as_named[:1].isupper() for a in doers):
            continue
        claimant: ActorMention = scene.cast.mention(known[0], ActorRole.INITIATOR)
        last.actors = [claimant, *(a for a in last.actors if a not in doers)]


def _is_told(verb: Token) -> bool:
    reading = read_modality(verb)
    return (reading.modality, reading.polarity) == (Modality.ASSERTED, Polarity.POSITIVE)
