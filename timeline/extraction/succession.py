"""Adds to claims what other claims of the same report say of the other party.

Only what is entailed: who retakes a place takes it from whoever is told to have taken it before,
and who ends a siege ends that of whoever is told to besiege the place.
"""

from __future__ import annotations

from msgspec.structs import replace

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.places import Relation
from timeline.extraction.drafts import Draft, copied

CLAIMS_COMPARED_MAX = 300
ENTERED_SENTENCES_MAX = 1
_ATTACKS = frozenset({"Clash", "Shelling", "Airstrike"})


def with_other_parties(drafts: list[Draft], lasting: list[Draft]) -> list[Draft]:
    """The drafts, each with the party that the report names for it elsewhere.

    Args:
        drafts: The claims in the making.
        lasting: Sieges told as a state ("had been cut off for a year by X"); no claims themselves.
    """
    drafts += _name_entered([d for d in drafts if d.is_occurrence][:CLAIMS_COMPARED_MAX])
    told = [d for d in drafts if d.is_occurrence and _is_at_known_place(d)][:CLAIMS_COMPARED_MAX]
    _name_losers([d for d in told if d.type == "ControlChanged"], told)
    states = [d for d in lasting if d.is_occurrence and _is_at_known_place(d)]
    sieges = [d for d in told if d.type == "SiegeBegan"] + states[:CLAIMS_COMPARED_MAX]
    for siege in sieges:
        _name_sides([d for d in told if _place(d) == _place(siege)], siege)
    return drafts


def _name_entered(told: list[Draft]) -> list[Draft]:
    """As in "X left the town and Y entered it": Y holds it now, and what X left with it."""
    also: list[Draft] = []
    left = [d for d in told if d.type == "Withdrawal"]
    for entry in (d for d in told if d.is_entry and d.type in ("Clash", "Movement")):
        gone = [d for d in left if abs(d.sentence - entry.sentence) <= ENTERED_SENTENCES_MAX]
        gone = [d for d in gone if _place(d) is not None and _place(d) == _place(entry)]
        doers = entry.actor_keys("initiator")
        if not doers or not gone or doers & gone[-1].actor_keys("initiator"):
            continue
        entry.type = "ControlChanged"
        entry.actors = [
            replace(a, role=ActorRole.HOLDER) if a.role is ActorRole.INITIATOR else a
            for a in entry.actors
        ]
        _give(entry, gone[-1], ActorRole.INITIATOR, ActorRole.PREVIOUS_HOLDER)
        left_with_it = [d for d in left if _is_left_with(d, gone[-1])]
        also += [copied(entry, place=d.place, also=[entry.evidence]) for d in left_with_it]
    return also


def _is_left_with(other: Draft, gone: Draft) -> bool:
    """As in "X left A and B, and Y moved in": A, where B is what Y is told to enter."""
    if other.sentence != gone.sentence or _place(other) in (None, _place(gone)):
        return False
    same_doer = other.actor_keys("initiator") == gone.actor_keys("initiator")
    return same_doer and other.verb_index == gone.verb_index


def _name_losers(taken: list[Draft], told: list[Draft]) -> None:
    for draft in taken:
        left = [d for d in told if d.type == "Withdrawal" and d.sentence == draft.sentence]
        for withdrawal in (d for d in left if _place(d) == _place(draft)):
            _give(draft, withdrawal, ActorRole.INITIATOR, ActorRole.PREVIOUS_HOLDER)
    for draft in (d for d in taken if d.is_retaken):
        before = [d for d in taken if d is not draft and _precedes(d, draft)]
        latest = max(before, key=lambda d: d.occurred.latest or "", default=None)
        if latest is not None:
            _give(draft, latest, ActorRole.HOLDER, ActorRole.PREVIOUS_HOLDER)
            if len(before) == 1:
                _give(latest, draft, ActorRole.HOLDER, ActorRole.PREVIOUS_HOLDER)


def _name_sides(here: list[Draft], siege: Draft) -> None:
    """Who ends a siege does it to the besieger; the besieger attacks the besieged."""
    besiegers, besieged = siege.actor_keys("initiator"), siege.actor_keys("target")
    for draft in (d for d in here if d is not siege):
        doers = draft.actor_keys("initiator")
        if draft.type == "SiegeEnded" and doers and not doers & besiegers:
            _give(draft, siege, ActorRole.INITIATOR, ActorRole.TARGET)
        if draft.type == "SiegeBegan" and not doers - besiegers:
            _give(draft, siege, ActorRole.TARGET, ActorRole.TARGET)
        if draft.type in _ATTACKS and doers and doers <= besiegers and not doers & besieged:
            _give(draft, siege, ActorRole.TARGET, ActorRole.TARGET)


def _place(draft: Draft) -> str | None:
    return draft.place.place_id or draft.place.as_named if draft.place is not None else None


def _is_at_known_place(draft: Draft) -> bool:
    place = draft.place
    if place is None:
        return False
    is_told_again = place.as_named.lower().startswith("the ")
    return place.relation in (Relation.AT, Relation.IN) or is_told_again


def _precedes(first: Draft, second: Draft) -> bool:
    """Whether a taking is of the same place, by somebody else, and dated before the other."""
    one, two = first.actor_keys("holder"), second.actor_keys("holder")
    if _place(first) != _place(second) or not one or not two or one & two:
        return False
    latest, earliest = first.occurred.latest, second.occurred.earliest
    return latest is not None and earliest is not None and latest < earliest


def _give(draft: Draft, other: Draft, from_role: ActorRole, to_role: ActorRole) -> None:
    """Name in one claim the party of another, unless it names somebody there already."""
    if draft.actor_keys(to_role.value):
        return
    known = draft.actor_keys()
    for actor in other.actors:
        if actor.role is from_role and actor.actor_id and actor.actor_id not in known:
            draft.actors.append(
                ActorMention(
                    as_named=actor.as_named, role=to_role, actor_id=actor.actor_id, name=actor.name
                )
            )
