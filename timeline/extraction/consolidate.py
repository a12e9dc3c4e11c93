"""Makes one claim of what a report tells twice, and keeps apart what only looks alike."""

from __future__ import annotations

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import StatementKind
from timeline.domain.places import Relation
from timeline.extraction.drafts import Draft
from timeline.extraction.weapons import joined

CANDIDATE_SENTENCES = 4
TWINS_MAX = 200
_INCIDENTS = frozenset({"Airstrike", "Shelling", "Bombing", "Clash"})


def consolidated(drafts: list[Draft]) -> list[Draft]:
    """The drafts, in order, with repeated tellings of one occurrence joined as further evidence."""
    kept: list[Draft] = []
    for draft in drafts:
        twin = next((k for k in reversed(kept[-TWINS_MAX:]) if _same(k, draft)), None)
        if twin is None:
            kept.append(draft)
        else:
            _join(twin, draft)
    return kept


def with_candidates(drafts: list[Draft]) -> list[Draft]:
    """Put those whom an identity statement names into the slot of the unnamed doer it is about.

    "Some battalions attacked X. Others say that they are from Y": Y is a candidate for the one
    initiator of that attack, never a further attacker.
    """
    unnamed = [d for d in drafts if d.is_occurrence and _has_unnamed_doer(d)]
    for statement in drafts:
        if statement.statement_kind is not StatementKind.IDENTITY:
            continue
        near = [d for d in unnamed if abs(d.sentence - statement.sentence) <= CANDIDATE_SENTENCES]
        if not near:
            continue
        event = min(near, key=lambda d: abs(d.sentence - statement.sentence))
        known = event.actor_keys()
        event.actors += [
            a
            for a in statement.actors
            if a.role is ActorRole.CANDIDATE and (a.actor_id or a.as_named.lower()) not in known
        ]
    return drafts


def _has_unnamed_doer(draft: Draft) -> bool:
    doers = [a for a in draft.actors if a.role in (ActorRole.INITIATOR, ActorRole.HOLDER)]
    return bool(doers) and all(a.actor_id is None and a.as_named.islower() for a in doers)


def _same(first: Draft, second: Draft) -> bool:
    if (first.type, first.modality, first.polarity) != (
        second.type,
        second.modality,
        second.polarity,
    ):
        return False
    if first.type == "Statement" or (
        first.evidence == second.evidence and first.place != second.place
    ):
        return False
    if (
        first.sentence == second.sentence
        and first.token_index == second.token_index
        and first.place != second.place
    ):
        return False
    if first.taken_noun != second.taken_noun and second.taken_noun is not None:
        return False  # "took X and cleared several hamlets"
    if first.attributed_to != second.attributed_to and (
        first.attributed_to and second.attributed_to
    ):
        return False
    return (
        _actors_agree(first, second)
        and _places_agree(first, second)
        and _dates_agree(first, second)
    )


def _actors_agree(first: Draft, second: Draft) -> bool:
    roles = ("initiator", "holder", "participant")
    lost = second.actor_keys("previous_holder") & first.actor_keys("holder")
    if lost or first.actor_keys("previous_holder") & second.actor_keys("holder"):
        return False  # "took it but lost it again"
    one, two = first.actor_keys(*roles), second.actor_keys(*roles)
    if one and two:
        return bool(one & two)
    return first.sentence == second.sentence or bool(one | two) is False or second.is_definite


def _places_agree(first: Draft, second: Draft) -> bool:
    a, b = first.place, second.place
    if a is None or b is None or not second.has_own_place or not first.has_own_place:
        near = second.sentence - first.sentence <= 2
        return near and (
            a is None
            or b is None
            or a.place_id == b.place_id
            or first.sentence == second.sentence
            or second.is_definite
        )
    if a.place_id and b.place_id:
        return a.place_id == b.place_id
    if a.relation is Relation.IN and b.relation is Relation.IN:
        return a.as_named == b.as_named
    return a.as_named.casefold() == b.as_named.casefold()


def _dates_agree(first: Draft, second: Draft) -> bool:
    if first.has_own_date and second.has_own_date:
        return (first.occurred.earliest, first.occurred.latest) == (
            second.occurred.earliest,
            second.occurred.latest,
        )
    if first.occurred == second.occurred:
        return True
    if first.type == "ControlStated":
        return True
    if not second.has_own_date and second.type in _INCIDENTS | {"ControlChanged", "Withdrawal"}:
        return second.is_definite or second.sentence == first.sentence
    return second.sentence == first.sentence and not (first.has_own_date and second.has_own_date)


def _join(first: Draft, second: Draft) -> None:
    """Add what the second telling adds; the first one's words stay in front."""
    if second.evidence != first.evidence and second.evidence not in first.also:
        first.also.append(second.evidence)
    first.also += [span for span in second.also if span not in (*first.also, first.evidence)]
    known = {a.actor_id or a.as_named.lower() for a in first.actors}
    for actor in second.actors:
        if (actor.actor_id or actor.as_named.lower()) not in known and _may_add(first, actor):
            first.actors.append(actor)
    if second.has_own_date and not first.has_own_date:
        first.occurred, first.has_own_date = second.occurred, True
    if second.has_own_place and not first.has_own_place:
        first.place, first.has_own_place = second.place, True
    if first.fatalities is None and not first.casualties:
        first.fatalities, first.casualties = second.fatalities, second.casualties
    first.quantity = first.quantity or second.quantity
    first.weapons = joined(first.weapons, second.weapons)
    first.attributed_to = first.attributed_to or second.attributed_to
    first.methods += 1


def _may_add(first: Draft, actor: ActorMention) -> bool:
    if actor.actor_id is None and first.actor_keys(actor.role.value):
        return False
    return not (actor.role.value == "initiator" and first.actor_keys("initiator"))
