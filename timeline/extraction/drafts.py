"""A claim in the making: the proposed claim with what only the extraction needs of it."""

from __future__ import annotations

import math

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.actors import ActorMention
from timeline.domain.claims import (
    CasualtyCount,
    Certainty,
    ClaimType,
    Evidence,
    Fatalities,
    Modality,
    Polarity,
    ProposedClaim,
    Quantity,
    StatementKind,
)
from timeline.domain.places import PlaceMention
from timeline.domain.time import UNDATED, Occurred
from timeline.domain.weapons import Weapon
from timeline.extraction.lexicon import lexicon

STATES_OF = frozenset({"state", "state_forces"})


class Draft(Struct, kw_only=True):
    """What has been found out about one event so far."""

    type: str
    token_index: int
    sentence: int
    paragraph: int
    evidence: tuple[int, int]
    modality: Modality = Modality.ASSERTED
    polarity: Polarity = Polarity.POSITIVE
    certainty: Certainty = Certainty.CERTAIN
    actors: list[ActorMention] = []
    place: PlaceMention | None = None
    occurred: Occurred = UNDATED
    attributed_to: str | None = None
    quantity: Quantity | None = None
    fatalities: Fatalities | None = None
    casualties: list[CasualtyCount] = []
    weapons: tuple[Weapon, ...] = ()
    statement_kind: StatementKind | None = None
    also: list[tuple[int, int]] = []
    has_own_date: bool = False
    has_own_place: bool = False
    is_nominal: bool = False
    is_definite: bool = False
    verb_index: int = -1
    methods: int = 1
    is_retaken: bool = False
    is_reported: bool = False
    is_entry: bool = False
    is_repelled: bool = False
    taken_noun: str | None = None
    means: str | None = None
    agreed: int = 0

    @property
    def is_occurrence(self) -> bool:
        """Whether it says that something happened."""
        return (
            self.type != "Statement"
            and self.modality is Modality.ASSERTED
            and self.polarity is Polarity.POSITIVE
        )

    def actor_keys(self, *roles: str) -> set[str]:
        """Ids, or names as written, of the actors in these roles (all when none is given)."""
        return {
            a.actor_id or a.as_named.lower()
            for a in self.actors
            if not roles or a.role.value in roles
        }


def place_key(place: PlaceMention | None) -> str | None:
    """What two mentions of one place have in common; `None` for no place."""
    return (place.place_id or place.as_named) if place is not None else None


def copied(draft: Draft, **changes: object) -> Draft:
    """A draft of its own with some fields changed."""
    copy = Draft(**{name: getattr(draft, name) for name in draft.__struct_fields__})
    copy.actors, copy.also = list(draft.actors), list(draft.also)
    copy.fatalities, copy.casualties = None, []  # nobody dies at each of several places
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy


def as_claim(draft: Draft, coded_by: str, state_ids: frozenset[str]) -> ProposedClaim:
    """The draft in the domain's form.

    Args:
        draft: What was found out.
        coded_by: The extractor and its version.
        state_ids: Ids of actors that are states, for ACLED's two kinds of taking territory.
    """
    codes = dict(lexicon().types[draft.type])
    sub_event = codes["sub_event_type"]
    holders = draft.actor_keys("holder")
    if draft.type == "ControlChanged" and holders & state_ids:
        sub_event = codes["state_sub_event_type"]
    sub_event = codes.get(f"{draft.means}_sub_event_type") or sub_event
    spans = sorted({s for s in draft.also if s != draft.evidence})
    return ProposedClaim(
        type=ClaimType(draft.type),
        statement_kind=draft.statement_kind,
        modality=draft.modality,
        polarity=draft.polarity,
        certainty=draft.certainty,
        actors=tuple(draft.actors),
        place=draft.place,
        occurred=draft.occurred,
        sub_event_type=sub_event,
        plover_event=codes["plover_event"],
        plover_mode=codes["plover_mode"],
        quantity=draft.quantity,
        fatalities=draft.fatalities,
        casualties=_of_own_sides(draft),
        weapons=draft.weapons,
        attributed_to=draft.attributed_to,
        evidence=Evidence(span_start=draft.evidence[0], span_end=draft.evidence[1]),
        also_evidence=tuple(Evidence(span_start=a, span_end=b) for a, b in spans),
        coded_by=coded_by,
        confidence=confidence(draft),
    )


def _of_own_sides(draft: Draft) -> tuple[CasualtyCount, ...]:
    """The counts, none for a role that no actor of the claim has any more."""
    roles = {a.role for a in draft.actors}
    return tuple(c if c.role in roles else replace(c, role=None) for c in draft.casualties)


# Logistic weights, fitted on our own reports for "type, doer, place and date all right"; the
# constant on the blind half, whose reports were not tuned on (docs/extraction.md).
_CONSTANT, _PER_AGREEMENT, _NAMES_DOER = -2.3, 0.4, 0.65
_OWN_PLACE, _OWN_DATE, _BY_VERB, _RESOLVED = 0.55, 0.7, 0.25, 0.6
_LOWEST, _HIGHEST = 0.2, 0.95


def confidence(draft: Draft) -> float:
    """How likely type, doer, place and date are all right, to 0.05, from 0.2 to 0.95.

    What counts most is on how many of doer, place and date parse and nearness agree
    (`linear.agreements`); then whether the event's own words name a doer, a place and a date.
    """
    is_resolved = draft.place is not None and draft.place.place_id is not None
    logit = _CONSTANT + _PER_AGREEMENT * draft.agreed + _NAMES_DOER * bool(draft.actors)
    logit += _OWN_PLACE * draft.has_own_place + _OWN_DATE * draft.has_own_date
    logit += _BY_VERB * (not draft.is_nominal) + _RESOLVED * is_resolved
    share = 1 / (1 + math.exp(-logit))
    return round(min(_HIGHEST, max(_LOWEST, round(share * 20) / 20)), 2)
