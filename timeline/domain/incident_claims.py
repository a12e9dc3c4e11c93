"""Decides what a claim says of an incident, and reads out of it what the rule looks at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

from timeline.domain.actors import ActorRole
from timeline.domain.claims import ClaimType, Modality, Polarity
from timeline.domain.events import Claim
from timeline.domain.time import local_day

SPAN_DAYS_MAX = 3
TELLING_HEX_DIGITS = 20

# What tells of a state or of words, and of nothing that happened.
NO_INCIDENTS = frozenset({ClaimType.CONTROL_STATED.value, ClaimType.STATEMENT.value})


class Stance(StrEnum):
    """What a claim says of its incident: that it happened, or that it did not."""

    CORROBORATING = "corroborating"
    CONTRADICTING = "contradicting"


class IncidentClaim(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the rule looks at in one form of a claim.

    `telling` is the same for a claim that a revision of its report repeats. `root` is the source
    behind it. `known_from` is fixed-width UTC text. `first_day` and `last_day` are the inclusive
    days on which it may have happened, in the casebook's time zone, as ordinals of the proleptic
    Gregorian calendar; `None` where open. `parties` are (role, actor) of known actors, each as what
    it is undisputedly part of. `low`, `best` and `high` count the dead as the claim does.
    """

    claim_id: str
    form: int = 0
    report_id: str
    type: str
    stance: Stance
    telling: str
    root: str
    known_from: str
    first_day: int | None = None
    last_day: int | None = None
    place_id: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    geo_precision: int | None = None
    parties: tuple[tuple[str, str], ...] = ()
    low: int | None = None
    best: int | None = None
    high: int | None = None

    @property
    def order(self) -> tuple[str, str]:
        """Claims are taken in the order in which they became known, never of filing."""
        return self.known_from, self.claim_id

    @property
    def is_linkable(self) -> bool:
        """Whether the rule may link it: dated to a few days, and with a known place or a point."""
        if self.first_day is None or self.last_day is None:
            return False
        located = self.place_id is not None or (
            self.latitude is not None and self.longitude is not None
        )
        return located and self.last_day - self.first_day < SPAN_DAYS_MAX


def stance_of(claim: Claim) -> Stance | None:
    """What a claim says of its incident; `None` when it tells of none.

    What is attempted, forecast or hypothetical did not happen as told, and is no denial either.
    """
    if type(claim).__name__ in NO_INCIDENTS:
        return None
    if claim.modality is Modality.DENIED:
        return Stance.CONTRADICTING
    if claim.modality is not Modality.ASSERTED:
        return None
    is_negated = claim.polarity is Polarity.NEGATED
    return Stance.CONTRADICTING if is_negated else Stance.CORROBORATING


def incident_claim(
    claim: Claim,
    form: int,
    *,
    root: str,
    wholes: Mapping[str, str],
    known_from: str,
    quote: str | None,
    time_zone: str,
) -> IncidentClaim | None:
    """What the rule looks at in a claim; `None` when it tells of no incident.

    Args:
        claim: One form of it.
        form: Which.
        root: The source behind it.
        wholes: What its actors are undisputedly part of, where they are.
        known_from: When it became known in this form, as fixed-width UTC text.
        quote: Its words, where the report has a text.
        time_zone: The casebook's.
    """
    stance = stance_of(claim)
    if stance is None:
        return None
    place, when, dead = claim.place, claim.occurred, claim.fatalities
    return IncidentClaim(
        claim_id=claim.claim_id,
        form=form,
        report_id=claim.report_id,
        type=type(claim).__name__,
        stance=stance,
        telling=_telling(claim, quote),
        root=root,
        known_from=known_from,
        first_day=local_day(when.earliest, time_zone).toordinal() if when.earliest else None,
        last_day=local_day(when.latest, time_zone).toordinal() if when.latest else None,
        place_id=place.place_id if place else None,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        geo_precision=place.geo_precision if place else None,
        parties=_parties(claim, wholes),
        low=dead.low if dead else None,
        best=dead.best if dead else None,
        high=dead.high if dead else None,
    )


def _parties(claim: Claim, wholes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Known actors by role; who merely takes part is on the side that acts."""
    found = set()
    for actor in claim.actors:
        if actor.actor_id is None or actor.role is ActorRole.CANDIDATE:
            continue
        acts = actor.role is ActorRole.PARTICIPANT
        role = ActorRole.INITIATOR if acts else actor.role
        found.add((role.value, wholes.get(actor.actor_id, actor.actor_id)))
    return tuple(sorted(found))


def _telling(claim: Claim, quote: str | None) -> str:
    """What is the same in two versions of a report that tell the same.

    The claim's `ref`; else its words with the place that it names; else nothing but its id.
    """
    told: tuple[str, ...] = (claim.claim_id,)
    if claim.ref is not None:
        told = (claim.report_id, type(claim).__name__, "ref", claim.ref)
    elif quote is not None:
        place = claim.place.as_named if claim.place else ""
        told = (claim.report_id, type(claim).__name__, "quote", quote, place)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:TELLING_HEX_DIGITS]
