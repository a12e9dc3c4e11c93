"""GraphQL types of timeline entries: claims, each with the words and the report that say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import ID

from timeline.api import batches
from timeline.api.connections import Connection, Paging, connection
from timeline.api.context import ClaimGroup, Info, PlaceGroup
from timeline.api.cursors import Key
from timeline.api.described import answered, described
from timeline.api.enums import (
    Certainty,
    ClaimType,
    Modality,
    Polarity,
    ReviewStatus,
    StatementKind,
)
from timeline.api.nodes import Identity, Node
from timeline.api.reports import KnownOn, Report, ReportGroup, report_of
from timeline.api.rivals import RivalGroup
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
from timeline.projections.entries import key_of_actor

if TYPE_CHECKING:
    from timeline.api.incidents import Incident

__all__ = ["Entry", "KnownOn", "TimelineFilters", "actor_key", "entries_of", "timeline_page"]


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
        found = RivalGroup.of_claims(self.group).of(info, str(self.claim_id))
        return entries_of(found, self.group.known_on)

    @answered
    def incident(
        self, info: Info
    ) -> Annotated[Incident, strawberry.lazy("timeline.api.incidents")] | None:
        """The incident that it tells of, with whatever else tells of it, as known then.

        Null for what tells of none: a state, a statement, and what is attempted, forecast or
        hypothetical.
        """
        from timeline.api.incidents import IncidentGroup, incident_of

        found = self.group.incident(info.context, str(self.claim_id))
        if found is None:
            return None
        return incident_of(found, IncidentGroup.of(self.group))


def entries_of(found: Iterable[reading.Entry], known_on: str | None = None) -> list[Entry]:
    """The GraphQL types of some entries of one answer, as they stood on `known_on`."""
    found = list(found)
    named = [m.place_id for e in found for m in (e.claim.place, e.claim.place2) if m is not None]
    group = PlaceGroup(p for p in named if p is not None)
    at = (e.claim.place.place_id for e in found if e.claim.place is not None)
    ids = (e.claim.claim_id for e in found)
    claims = ClaimGroup(ids, known_on, (p for p in at if p is not None))
    reports = ReportGroup(e.report.report_id for e in found)
    return [_entry(e, group, claims, reports) for e in found]


def _entry(
    value: reading.Entry, group: PlaceGroup, claims: ClaimGroup, reports: ReportGroup
) -> Entry:
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


@dataclass(frozen=True)
class TimelineFilters:
    """The arguments of a timeline that say which entries are wanted."""

    known_on: str | None = None
    from_: str | None = None
    to: str | None = None
    types: list[ClaimType] | None = None
    actor: str | None = None
    modalities: list[Modality] | None = None
    reviewed: list[ReviewStatus] | None = None


def timeline_page(
    info: Info,
    page: Paging,
    wanted: TimelineFilters,
    place_id: str | None = None,
    actor_id: str | None = None,
) -> Connection[Entry]:
    """A page of the entries about a place or an actor, in order of valid time, undated ones last.

    Raises:
        InvalidDate: a date is neither a day nor an instant with offset.
    """
    reader = info.context.reader
    filters = reading.Filters(
        place_id=place_id,
        actor_id=actor_id or actor_key(info, wanted.actor),
        types=tuple(t.value for t in wanted.types or ()),
        modalities=tuple(m.value for m in wanted.modalities or ()),
        reviews=tuple(r.value for r in wanted.reviewed or ()),
        from_=wanted.from_,
        to=wanted.to,
    )
    found = reader.timeline(
        filters,
        wanted.known_on,
        page.fetched,
        _entry_key(page.after),
        _entry_key(page.before),
        backwards=page.backwards,
    )
    info.context.spend(len(found.entries))
    info.context.expect(e.report.report_id for e in found.entries)
    shown = entries_of(found.entries, wanted.known_on)
    rows = [(e.key, node) for e, node in zip(found.entries, shown, strict=True)]
    more = found.has_previous if page.backwards else found.has_next
    return connection(
        page, rows, more, lambda node: node, lambda: reader.count(filters, wanted.known_on)
    )


def timeline_in_list(
    info: Info, page: Paging, wanted: TimelineFilters, group: PlaceGroup, place_id: str
) -> Connection[Entry]:
    """`timeline_page` of a place among others, whose pages are read together.

    Raises:
        InvalidDate: a date is neither a day nor an instant with offset.
        QueryTooLarge: there are more entries than one request may return.
    """
    if len(group.place_ids) == 1:
        return timeline_page(info, page, wanted, place_id=place_id)
    arguments = {
        "knownOn": wanted.known_on,
        "from": wanted.from_,
        "to": wanted.to,
        "types": wanted.types,
        "modalities": wanted.modalities,
        "reviewed": wanted.reviewed,
    }
    key = repr((page.size, page.after, page.before, page.backwards, page.is_descending, wanted))
    actor = actor_key(info, wanted.actor)
    if key not in group.timelines:
        by_place = batches.timelines(info, group, page, arguments, actor)
        told = list(chain.from_iterable(by_place.values()))
        info.context.expect(e.report.report_id for e in told)
        shown = iter(zip(told, entries_of(told, wanted.known_on), strict=True))
        group.timelines[key] = {p: list(islice(shown, len(of))) for p, of in by_place.items()}
    found = group.timelines[key].get(place_id, [])
    more = len(found) > page.fetched
    if more:
        found = found[1:] if page.backwards else found[:-1]
    info.context.spend(len(found))

    def count() -> int:
        if key not in group.counts:
            group.counts[key] = batches.counts(info, group, page, arguments, actor)
        return group.counts[key][place_id]

    rows = [(e.key, node) for e, node in found]
    return connection(page, rows, more, lambda node: node, count)


def _entry_key(key: Key | None) -> tuple[str, str, int] | None:
    return None if key is None else (str(key[0]), str(key[1]), int(key[2]))


def actor_key(info: Info, actor: str | None) -> str | None:
    """What entries name an actor by; `None` for any."""
    return None if actor is None else key_of_actor(info.context.actor_table, actor)


def find_claim(info: Info, claim_id: str, known_on: str | None) -> Entry | None:
    """A claim as it stands as known on `known_on`; `None` when it does not.

    Raises:
        InvalidDate: `known_on` is neither a day nor an instant with offset.
    """
    found = entries_of(info.context.reader.claims([claim_id], known_on), known_on)
    return found[0] if found else None
