"""What a report asserts: types, modality, attribution, evidence; and who may propose a claim."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct

from timeline.domain.actors import ActorMention, ActorRole, ActorTable
from timeline.domain.places import Gazetteer, PlaceMention
from timeline.domain.time import UNDATED, Occurred
from timeline.domain.weapons import WEAPONS_PER_CLAIM_MAX, Weapon, check_weapons

CLAIM_ID_HEX_DIGITS = 20
ACTORS_PER_CLAIM_MAX = 50
CASUALTIES_PER_CLAIM_MAX = 50
SPANS_PER_CLAIM_MAX = 100


class ClaimType(StrEnum):
    """What kind of thing a claim tells of; also the name of the stored event."""

    CONTROL_CHANGED = "ControlChanged"
    CONTROL_STATED = "ControlStated"
    WITHDRAWAL = "Withdrawal"
    CLASH = "Clash"
    AIRSTRIKE = "Airstrike"
    SHELLING = "Shelling"
    BOMBING = "Bombing"
    SIEGE_BEGAN = "SiegeBegan"
    SIEGE_ENDED = "SiegeEnded"
    ROUTE_CUT = "RouteCut"
    ROUTE_OPENED = "RouteOpened"
    MOVEMENT = "Movement"
    AGREEMENT = "Agreement"
    CASUALTIES = "Casualties"
    DETENTION = "Detention"
    VIOLENCE_AGAINST_CIVILIANS = "ViolenceAgainstCivilians"
    AIRCRAFT_LOSS = "AircraftLoss"
    OTHER_INCIDENT = "OtherIncident"
    STATEMENT = "Statement"


class Modality(StrEnum):
    """Whose word it is that it happened: the speaker's, never ours."""

    ASSERTED = "asserted"
    ATTEMPTED = "attempted"
    DENIED = "denied"
    FORECAST = "forecast"
    HYPOTHETICAL = "hypothetical"


class Polarity(StrEnum):
    """Whether the claim says that it happened or that it did not; only this negates."""

    POSITIVE = "positive"
    NEGATED = "negated"


class Certainty(StrEnum):
    """The speaker's own hedge."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"
    DOUBTFUL = "doubtful"


class StatementKind(StrEnum):
    """What a `Statement` is."""

    OPINION = "opinion"
    INTENT = "intent"
    IDENTITY = "identity"
    ALLEGIANCE = "allegiance"
    PRESENCE = "presence"
    CAUSE = "cause"
    DENIAL = "denial"
    PATTERN = "pattern"
    OTHER = "other"


class Verdict(StrEnum):
    """What a person found who read a claim beside the words that it was read out of."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ReviewStatus(StrEnum):
    """Whether a person has signed a claim: as it was read, with a correction, or not at all."""

    UNREVIEWED = "unreviewed"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REJECTED = "rejected"


class Qualifier(StrEnum):
    """How a quantity bounds the true number."""

    EXACTLY = "exactly"
    ABOUT = "about"
    MORE_THAN = "more_than"
    LESS_THAN = "less_than"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class Quantity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many of what: "more than 20 villages"."""

    value: Annotated[float, Meta(ge=0)]
    unit: Annotated[str, Meta(min_length=1, max_length=100)]
    qualifier: Qualifier = Qualifier.EXACTLY


Count = Annotated[int, Meta(ge=0, le=10_000_000)]


class Fatalities(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """People killed in all, as UCDP counts them; `None` where nothing is said of that bound."""

    low: Count | None = None
    best: Count | None = None
    high: Count | None = None

    def __post_init__(self) -> None:
        if not _bounds_told(self.low, self.best, self.high):
            raise ValueError("needs at least one of low, best and high")


def _bounds_told(*bounds: int | None) -> list[int]:
    told = [n for n in bounds if n is not None]
    if told != sorted(told):
        raise ValueError("must have low <= best <= high")
    return told


class Harm(StrEnum):
    """What was done to people; somebody who was wounded and then died is killed."""

    KILLED = "killed"
    WOUNDED = "wounded"
    MISSING = "missing"
    DETAINED = "detained"
    DISPLACED = "displaced"


class CasualtyGroup(StrEnum):
    """Who they were under the law of war; `unknown` where the report does not tell it."""

    CIVILIANS = "civilians"
    COMBATANTS = "combatants"
    UNKNOWN = "unknown"


class CasualtyCount(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How many people of one group came to one harm; no person stands in two counts of a claim.

    `role` is that of the actor for whom combatants fought, among the claim's own; `None` where it
    is not told. `as_named` are the report's words for them. A count without a number is one of
    whom the words alone tell ("several residents").
    """

    harm: Harm
    group: CasualtyGroup
    role: ActorRole | None = None
    low: Count | None = None
    best: Count | None = None
    high: Count | None = None
    as_named: Annotated[str, Meta(min_length=1, max_length=300)] | None = None

    def __post_init__(self) -> None:
        if not _bounds_told(self.low, self.best, self.high) and self.as_named is None:
            raise ValueError("needs at least one of low, best, high and as_named")
        if self.role is not None and self.group is not CasualtyGroup.COMBATANTS:
            raise ValueError("role is for whom combatants fought; leave it out for others")


def check_figures(fatalities: Fatalities | None, casualties: Sequence[CasualtyCount]) -> None:
    """Check that those who are counted as killed fit into the total, of which they are parts.

    The parts need not be all: of some of the dead nothing may be told. It is a rule for whoever
    writes, and none of reading, since a correction may reach the log before its claim.

    Raises:
        ValueError: there is no total, or the parts are more than the total can be.
    """
    killed = [c for c in casualties if c.harm is Harm.KILLED]
    if not killed:
        return
    if fatalities is None:
        raise ValueError(
            "casualties tell of people killed, so fatalities must say how many in all, at least low"
        )
    at_most = fatalities.high if fatalities.high is not None else fatalities.best
    at_least = sum(next((n for n in (c.low, c.best) if n is not None), 0) for c in killed)
    if at_most is not None and at_least > at_most:
        raise ValueError(
            f"casualties count at least {at_least} killed, more than the {at_most} of fatalities"
        )
    best = sum(c.best for c in killed if c.best is not None)
    if fatalities.best is not None and best > fatalities.best:
        raise ValueError(
            f"casualties add up to {best} killed by their best counts, more than the"
            f" {fatalities.best} of fatalities"
        )


def check_sides(actors: Sequence[ActorMention], casualties: Sequence[CasualtyCount]) -> None:
    """Check that the combatants counted fought for actors that the claim names.

    Raises:
        ValueError: no actor of the claim has the role.
    """
    roles = {a.role for a in actors}
    lost = next((c.role for c in casualties if c.role is not None and c.role not in roles), None)
    if lost is not None:
        raise ValueError(f"casualties name the role {lost}, which no actor of the claim has")


class Evidence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Half-open span of code points in the document exactly as it was filed."""

    span_start: Annotated[int, Meta(ge=0)]
    span_end: Annotated[int, Meta(ge=1)]

    def __post_init__(self) -> None:
        if self.span_end <= self.span_start:
            raise ValueError("must have span_start < span_end")


class ClaimFields(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What every claim can say; names as ACLED, UCDP and PLOVER have them where they have one.

    `sub_event_type` is ACLED's, `plover_event` and `plover_mode` are PLOVER's. `attributed_to` is
    who says so, in the report's words; `None` is the report's own voice. `evidence` is `None` for a
    coded report without text. `confidence` (0 to 1) is the coder's or extractor's in its reading.
    `fatalities` is the number of people killed in all; `casualties` tells the killed, the wounded
    and others apart by who they were, and is never added to it. `weapons` are those by which it was
    done, in order of naming, each once.
    """

    ref: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    modality: Modality = Modality.ASSERTED
    polarity: Polarity = Polarity.POSITIVE
    certainty: Certainty = Certainty.CERTAIN
    actors: Annotated[tuple[ActorMention, ...], Meta(max_length=ACTORS_PER_CLAIM_MAX)] = ()
    place: PlaceMention | None = None
    place2: PlaceMention | None = None
    occurred: Occurred = UNDATED
    sub_event_type: Annotated[str, Meta(max_length=100)] | None = None
    plover_event: Annotated[str, Meta(max_length=100)] | None = None
    plover_mode: Annotated[str, Meta(max_length=100)] | None = None
    quantity: Quantity | None = None
    fatalities: Fatalities | None = None
    casualties: Annotated[tuple[CasualtyCount, ...], Meta(max_length=CASUALTIES_PER_CLAIM_MAX)] = ()
    weapons: Annotated[tuple[Weapon, ...], Meta(max_length=WEAPONS_PER_CLAIM_MAX)] = ()
    attributed_to: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    evidence: Evidence | None = None
    also_evidence: Annotated[tuple[Evidence, ...], Meta(max_length=SPANS_PER_CLAIM_MAX)] = ()
    coded_by: Annotated[str, Meta(max_length=200)] | None = None
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None


class ProposedClaim(ClaimFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim as a coder or an extractor proposes it: not identified yet, not filed."""

    type: ClaimType
    statement_kind: StatementKind | None = None

    def __post_init__(self) -> None:
        if (self.type is ClaimType.STATEMENT) != (self.statement_kind is not None):
            raise ValueError("statement_kind belongs to a Statement, and a Statement needs one")
        check_figures(self.fatalities, self.casualties)
        check_sides(self.actors, self.casualties)
        check_weapons(self.weapons)


class ReportFrame(Struct, frozen=True, kw_only=True):
    """What a report's text says of itself; `published` is EDTF. `None` where it does not say."""

    title: str | None = None
    publisher: str | None = None
    published: str | None = None
    language: str | None = None


class Extraction(Struct, frozen=True, kw_only=True):
    """What an extractor made of a text.

    `notes` tell the person who files what it left out, and why, a sentence each.
    """

    frame: ReportFrame
    claims: tuple[ProposedClaim, ...]
    coded_by: str
    notes: tuple[str, ...] = ()


class Extractor(Protocol):
    """Turns report text into claims with spans; injected by the composition root."""

    def frame(self, text: str) -> ReportFrame:
        """Title, publisher, dateline and language, where they stand in the text."""

    def extract(
        self, text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
    ) -> Extraction:
        """The claims of a text; spans count code points of `text` as it stands.

        `frame` holds what is already known (front matter over `frame(text)`): `published` is what
        relative dates are reckoned from; without it they stay undated.
        """


def claim_id(claim: ProposedClaim, report_version: str, ordinal: int) -> str:
    """The id of a claim: derived, never random, so that filing again gives the same.

    `ordinal` tells apart claims of one report that agree in type, place and span.
    """
    place = claim.place
    span = claim.evidence
    parts = (
        report_version,
        claim.coded_by or "",
        claim.type.value,
        (place.place_id or place.as_named) if place else "",
        f"{span.span_start}-{span.span_end}" if span else "",
        claim.ref or "",
        str(ordinal),
    )
    written = msgspec.json.encode(parts)
    return "c-" + hashlib.sha256(written).hexdigest()[:CLAIM_ID_HEX_DIGITS]


def identified(claims: tuple[ProposedClaim, ...], report_version: str) -> tuple[str, ...]:
    """The ids of a report version's claims, in their order."""
    seen: dict[str, int] = {}
    ids = []
    for claim in claims:
        base = claim_id(claim, report_version, 0)
        ordinal = seen.get(base, 0)
        seen[base] = ordinal + 1
        ids.append(base if ordinal == 0 else claim_id(claim, report_version, ordinal))
    return tuple(ids)
