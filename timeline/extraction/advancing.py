"""Names who takes a place of which a report says only that it fell, from who advances in it.

Where one actor alone takes places, cuts roads or besieges in a report, what "fell first" or "had
been surrounded" fell to that one, or was surrounded by it. An assault that was beaten back without
a word of whose it was is of whoever besieges the place or attacked last.
"""

from __future__ import annotations

from msgspec.structs import replace

from timeline.domain.actors import ActorMention, ActorRole
from timeline.extraction.drafts import Draft, place_key

CLAIMS_COMPARED_MAX = 300
_ADVANCING = {
    "ControlChanged": ActorRole.HOLDER,
    "SiegeBegan": ActorRole.INITIATOR,
    "SiegeEnded": ActorRole.INITIATOR,
    "RouteCut": ActorRole.INITIATOR,
}
_DOERLESS = {"ControlChanged": ActorRole.HOLDER, "SiegeBegan": ActorRole.INITIATOR}
_ATTACKS = frozenset({"Clash", "Shelling", "Airstrike", "Bombing", "SiegeBegan"})


def with_those_who_advance(drafts: list[Draft]) -> list[Draft]:
    """The drafts, in order; those without a doer have the one who alone advances, if any."""
    told = [d for d in drafts if d.is_occurrence][:CLAIMS_COMPARED_MAX]
    advancing = {
        a.actor_id or a.as_named: a
        for d in told
        if d.type in _ADVANCING
        for a in d.actors
        if a.role is _ADVANCING[d.type] and (a.actor_id or a.as_named[:1].isupper())
    }
    if len(advancing) == 1:
        (actor,) = advancing.values()
        relieves = any(d.type == "SiegeEnded" and _is_among(d, actor) for d in told)
        for draft in told:
            if not (relieves and draft.type == "SiegeBegan"):  # nobody ends his own siege
                _give(draft, actor)
    for number, draft in enumerate(told):
        if draft.is_repelled and not draft.actor_keys("initiator", "participant"):
            sole = next(iter(advancing.values())) if len(advancing) == 1 else None
            _name_repelled(draft, told[:number], sole)
    return drafts


def _give(draft: Draft, actor: ActorMention) -> None:
    role = _DOERLESS.get(draft.type)
    if role is None or (draft.is_nominal and draft.type == "ControlChanged"):
        return
    if draft.actor_keys(role.value, "participant") or _is_among(draft, actor):
        return
    draft.actors.insert(0, replace(actor, role=role))


def _is_among(draft: Draft, actor: ActorMention) -> bool:
    return (actor.actor_id or actor.as_named.lower()) in draft.actor_keys()


def _name_repelled(draft: Draft, before: list[Draft], sole: ActorMention | None) -> None:
    """As in "beat back an assault on the base": of who attacked there, besieges it, advances."""
    for other in reversed([d for d in before if d.type in _ATTACKS]):
        same = place_key(other.place) == place_key(draft.place)
        doers = [a for a in other.actors if a.role is ActorRole.INITIATOR and a.actor_id]
        if same and doers and not _is_among(draft, doers[0]):
            draft.actors.append(replace(doers[0], role=ActorRole.INITIATOR))
            return
    if sole is not None and not _is_among(draft, sole):
        draft.actors.append(replace(sole, role=ActorRole.INITIATOR))
