"""GraphQL types of claims that are not filed: what an extractor proposes, and second opinions."""

from __future__ import annotations

from collections.abc import Collection

import strawberry
from strawberry import ID

from timeline.api.context import Group
from timeline.api.described import described
from timeline.api.enums import Certainty, ClaimType, Modality, Polarity, StatementKind
from timeline.api.values import (
    ActorMention,
    CasualtyCount,
    Evidence,
    Fatalities,
    Occurred,
    PlaceMention,
    Quantity,
    Weapon,
)
from timeline.domain import claims
from timeline.domain.claims import ProposedClaim


@described
class ExtractedClaim:
    """A claim that filing a report would append, as far as it is known before."""

    type: ClaimType = strawberry.field(description="What kind of thing it tells of.")
    modality: Modality = strawberry.field(description="The speaker's.")
    polarity: Polarity = strawberry.field(
        description="Whether it says that it happened, or that it did not."
    )
    certainty: Certainty = strawberry.field(description="The speaker's own hedge.")
    statement_kind: StatementKind | None = strawberry.field(
        description="What kind of Statement it is; null for every other type."
    )
    actors: list[ActorMention] = strawberry.field(description="Who takes part, in which role.")
    place: PlaceMention | None = strawberry.field(description="Where; null when not told.")
    place2: PlaceMention | None = strawberry.field(
        description='The second place of "between one and the other"; null otherwise.'
    )
    occurred: Occurred = strawberry.field(
        description="When it happened (valid time); its fields are null when undated."
    )
    quantity: Quantity | None = strawberry.field(description="How many of what; null: not told.")
    fatalities: Fatalities | None = strawberry.field(
        description="People killed in all; null: not told."
    )
    casualties: list[CasualtyCount] = strawberry.field(
        description="Killed, wounded and others apart by who they were; empty when not told."
    )
    weapons: list[Weapon] = strawberry.field(
        description="By what it was done, in order of naming; empty when not told."
    )
    attributed_to: str | None = strawberry.field(
        description="Who says so, in the report's words; null is the report's own voice."
    )
    evidence: Evidence | None = strawberry.field(
        description="The span of the report that says so, with its words; null without text."
    )
    also_evidence: list[Evidence] = strawberry.field(description="Further spans that say the same.")
    confidence: float | None = strawberry.field(
        description="The extractor's confidence in its reading, 0 to 1; null: not told."
    )


@described
class SecondOpinion:
    """What another extractor read in a version of a report; it counts for nothing by itself.

    A claim of it is filed when a person accepts it under its id.
    """

    coded_by: str = strawberry.field(description="The extractor with its version.")
    recorded_at: str = strawberry.field(
        description="When the log stored it (record time), RFC 3339 in UTC."
    )
    claim_ids: list[ID] = strawberry.field(
        description="The id of each claim, in the order of `claims`; of one that was accepted it is"
        " the id of the filed claim."
    )
    claims: list[ExtractedClaim] = strawberry.field(description="In the order of the reading.")


def extracted(proposed: Collection[ProposedClaim], text: str) -> list[ExtractedClaim]:
    """The GraphQL types of claims read in a text; their places are looked up together."""
    named = [m.place_id for c in proposed for m in (c.place, c.place2) if m is not None]
    group = Group(p for p in named if p is not None)
    return [_extracted(c, text, group) for c in proposed]


def _extracted(claim: ProposedClaim, text: str, group: Group) -> ExtractedClaim:
    def spanned(span: claims.Evidence) -> Evidence:
        quote = text[span.span_start : span.span_end]
        return Evidence(span_start=span.span_start, span_end=span.span_end, quote=quote)

    return ExtractedClaim(
        type=claim.type,
        modality=claim.modality,
        polarity=claim.polarity,
        certainty=claim.certainty,
        statement_kind=claim.statement_kind,
        actors=[ActorMention.of(a) for a in claim.actors],
        place=PlaceMention.of(claim.place, group),
        place2=PlaceMention.of(claim.place2, group),
        occurred=Occurred.of(claim.occurred),
        quantity=Quantity.of(claim.quantity),
        fatalities=Fatalities.of(claim.fatalities),
        casualties=[CasualtyCount.of(c) for c in claim.casualties],
        weapons=[Weapon.of(w) for w in claim.weapons],
        attributed_to=claim.attributed_to,
        evidence=spanned(claim.evidence) if claim.evidence else None,
        also_evidence=[spanned(s) for s in claim.also_evidence],
        confidence=claim.confidence,
    )
