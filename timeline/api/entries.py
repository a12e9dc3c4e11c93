"""GraphQL types of timeline entries: claims, each with the words and the report that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import ID

from timeline.api.context import ClaimGroup, Group, Info
from timeline.api.described import answered, described
from timeline.api.enums import (
    Certainty,
    ClaimType,
    Modality,
    Polarity,
    ReviewStatus,
    StatementKind,
)
from timeline.api.limits import ROWS_MAX
from timeline.api.nodes import Identity, Node
from timeline.api.reports import KnownOn, Report, report_of
from timeline.api.rivals import rivals_of
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
from timeline.domain.events import Claim, Statement
from timeline.projections import reading

if TYPE_CHECKING:
    from timeline.api.incidents import Incident

__all__ = ["Entry", "EntryGroup", "KnownOn", "entries_of", "entries_of_each", "find_claim"]


@described
class Entry(Node):
    """A claim in a timeline: what one report says, in the form in which it stands.

    Claims that contradict each other stand side by side.
    """

    claim_id: ID = strawberry.field(description="The claim's id.")
    type: ClaimType = strawberry.field(description="What kind of thing it tells of.")
    modality: Modality = strawberry.field(
        description="Whose word it is that it happened: the speaker's, never ours."
    )
    polarity: Polarity = strawberry.field(
        description="Whether it says that it happened, or that it did not."
    )
    certainty: Certainty = strawberry.field(description="The speaker's own hedge.")
    statement_kind: StatementKind | None = strawberry.field(
        description="What kind of Statement it is; null for every other type."
    )
    actors: list[ActorMention] = strawberry.field(description="Who takes part, in which role.")
    place: PlaceMention | None = strawberry.field(
        description="Where, as the report names it; null when not told."
    )
    place2: PlaceMention | None = strawberry.field(
        description='The second place of "between one and the other"; null otherwise.'
    )
    occurred: Occurred = strawberry.field(
        description="When it happened (valid time); its fields are null when undated."
    )
    sub_event_type: str | None = strawberry.field(
        description="ACLED's sub-event type; null when not coded."
    )
    plover_event: str | None = strawberry.field(
        description="PLOVER's event type; null when not coded."
    )
    plover_mode: str | None = strawberry.field(description="PLOVER's mode; null when not coded.")
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
        description="The span of the report that says so; null for a coded report without text."
    )
    also_evidence: list[Evidence] = strawberry.field(
        description="Further spans of the same report that say the same."
    )
    quote: str | None = strawberry.field(
        description="The words of `evidence`; null without text, or when it is withheld."
    )
    confidence: float | None = strawberry.field(
        description="The coder's or extractor's confidence in its reading, 0 to 1; null: not told."
    )
    coded_by: str | None = strawberry.field(
        description="The person or the extractor with its version; null when not told."
    )
    is_amended: bool = strawberry.field(
        description="Whether a correction gave the claim the form in which it stands here."
    )
    review: ReviewStatus = strawberry.field(
        description="Whether a person has read the claim beside its words, and signed it."
    )
    report: Report = strawberry.field(description="The version of the report that says so.")
    group: strawberry.Private[ClaimGroup]

    def identity(self) -> Identity:
        """It is found by its id, and by the day on which it was known in this form."""
        known_on = self.group.known_on
        return ("Entry", str(self.claim_id), *([] if known_on is None else [known_on]))

    @answered
    def competing(self, info: Info) -> list[Entry]:
        """The standing claims that tell otherwise, as known then, in order of valid time.

        Those that deny its incident, or that it denies; and those of other root sources that say
        of who holds the place, for the same time, what cannot be true beside it.
        """
        group = self.group
        rivals = group.once("rivals", lambda: rivals_of(info, group))
        told = group.once(
            "competing", lambda: EntryGroup(chain.from_iterable(rivals.values()), group.known_on)
        )
        return told.in_order(info, rivals[str(self.claim_id)])

    @answered
    def incident(
        self, info: Info
    ) -> Annotated[Incident, strawberry.lazy("timeline.api.incidents")] | None:
        """The incident that it tells of, with whatever else tells of it, as known then.

        Null for what tells of none: a state, a statement, and what is attempted, forecast or
        hypothetical.
        """
        from timeline.api.incidents import IncidentGroup, incident_of

        incidents = self.group.incidents(info.context)
        found = incidents.get(str(self.claim_id))
        if found is None:
            return None
        group = self.group.once(
            "of incidents", lambda: IncidentGroup(incidents.values(), self.group.known_on)
        )
        return incident_of(found, group)


def entries_of(found: Iterable[reading.Entry], known_on: str | None = None) -> list[Entry]:
    """The GraphQL types of some entries of one answer, as they stood on `known_on`."""
    found = list(found)
    named = [m.place_id for e in found for m in (e.claim.place, e.claim.place2) if m is not None]
    group = Group(p for p in named if p is not None)
    at = (e.claim.place.place_id for e in found if e.claim.place is not None)
    ids = (e.claim.claim_id for e in found)
    claims = ClaimGroup(ids, known_on, (p for p in at if p is not None))
    reports = Group(e.report.report_id for e in found)
    return [_entry(e, group, claims, reports) for e in found]


def entries_of_each(
    told: Mapping[str, Sequence[reading.Entry]], known_on: str | None
) -> dict[str, list[Entry]]:
    """The GraphQL types of the entries of each of some timelines or reports of one answer."""
    shown = iter(entries_of(chain.from_iterable(told.values()), known_on))
    return {id_: list(islice(shown, len(of))) for id_, of in told.items()}


def _entry(value: reading.Entry, group: Group, claims: ClaimGroup, reports: Group) -> Entry:
    claim = value.claim
    return Entry(
        claim_id=ID(claim.claim_id),
        type=ClaimType(value.type),
        modality=claim.modality,
        polarity=claim.polarity,
        certainty=claim.certainty,
        statement_kind=claim.statement_kind if isinstance(claim, Statement) else None,
        actors=[ActorMention.of(a) for a in claim.actors],
        place=PlaceMention.of(claim.place, group),
        place2=PlaceMention.of(claim.place2, group),
        occurred=Occurred.of(claim.occurred),
        sub_event_type=claim.sub_event_type,
        plover_event=claim.plover_event,
        plover_mode=claim.plover_mode,
        quantity=Quantity.of(claim.quantity),
        fatalities=Fatalities.of(claim.fatalities),
        casualties=[CasualtyCount.of(c) for c in claim.casualties],
        weapons=[Weapon.of(w) for w in claim.weapons],
        attributed_to=claim.attributed_to,
        evidence=_evidence(claim, value.quote),
        also_evidence=_also_evidence(claim, value.also_quotes),
        quote=value.quote,
        confidence=claim.confidence,
        coded_by=claim.coded_by,
        is_amended=value.is_amended,
        review=value.review,
        report=report_of(value.report, reports),
        group=claims,
    )


def _evidence(claim: Claim, quote: str | None) -> Evidence | None:
    span = claim.evidence
    if span is None:
        return None
    return Evidence(span_start=span.span_start, span_end=span.span_end, quote=quote)


def _also_evidence(claim: Claim, quotes: tuple[str, ...]) -> list[Evidence]:
    told: tuple[str | None, ...] = quotes or (None,) * len(claim.also_evidence)
    return [
        Evidence(span_start=s.span_start, span_end=s.span_end, quote=quote)
        for s, quote in zip(claim.also_evidence, told, strict=True)
    ]


class EntryGroup(Group):
    """Claims of one answer, read together the first time one of them is asked for.

    Args:
        claim_ids: The claims.
        known_on: As known on that day or instant; `None` is all that is known.
    """

    def __init__(self, claim_ids: Iterable[str], known_on: str | None) -> None:
        super().__init__(claim_ids)
        self._known_on = known_on

    def in_order(self, info: Info, claim_ids: Iterable[str]) -> list[Entry]:
        """Those of some of the claims that stand, in order of valid time.

        Raises:
            InvalidDate: `known_on` is neither a day nor an instant with offset.
            QueryTooLarge: there are more claims than one request may return.
        """
        return [entry for _, entry in sorted(self._told(info, claim_ids), key=itemgetter(0))]

    def as_given(self, info: Info, claim_ids: Iterable[str]) -> list[Entry]:
        """Those of some of the claims that stand, in the order given; as `in_order`."""
        return [entry for _, entry in self._told(info, claim_ids)]

    def _told(self, info: Info, claim_ids: Iterable[str]) -> list[tuple[int, Entry]]:
        entries = self.once("entries", lambda: self._ranked(info))
        found = [entries[c] for c in dict.fromkeys(claim_ids) if c in entries]
        info.context.spend(len(found))
        return found

    def _ranked(self, info: Info) -> dict[str, tuple[int, Entry]]:
        if len(self.ids) > ROWS_MAX:
            info.context.spend(len(self.ids))
        read = info.context.reader.claims(self.ids, self._known_on)
        shown = entries_of(read, self._known_on)
        return {str(e.claim_id): (rank, e) for rank, e in enumerate(shown)}


def find_claim(info: Info, claim_id: str, known_on: str | None) -> Entry | None:
    """A claim as it stands as known on `known_on`; `None` when it does not.

    Raises:
        InvalidDate: `known_on` is neither a day nor an instant with offset.
    """
    found = entries_of(info.context.reader.claims([claim_id], known_on), known_on)
    return found[0] if found else None
