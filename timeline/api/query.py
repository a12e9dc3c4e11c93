"""The root of the schema: every question starts here."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.actors import Actor, actor_of, actors_page
from timeline.api.areas import InBox, Within, places_in
from timeline.api.connections import After, Before, Connection, First, Last, paging
from timeline.api.context import Info
from timeline.api.cursors import (
    ACTORS,
    ACTORS_BY_KIND,
    HITS,
    INCIDENTS,
    PLACES,
    PLACES_BY_KIND,
    REPORTS,
    SOURCES,
    STATISTICS,
    TIMELINE,
)
from timeline.api.described import answered, described
from timeline.api.entries import Entry, find_claim
from timeline.api.enums import ActorKind, PlaceKind, StatisticsBy
from timeline.api.incidents import (
    Incident,
    IncidentArguments,
    Statistic,
    find_incident,
    incidents_page,
    statistics_page,
)
from timeline.api.knowledge import (
    KnowledgeDifference,
    KnownFirst,
    KnownThen,
    knowledge_diff,
)
from timeline.api.log import LogQuery
from timeline.api.maps import MapQuery
from timeline.api.nodes import Node
from timeline.api.ordering import (
    ActorOrderField,
    ActorsBy,
    EntriesBy,
    IncidentsBy,
    PlaceOrderField,
    PlacesBy,
    ReportsBy,
    SourcesBy,
    StatisticOrderField,
    StatisticsOrderedBy,
)
from timeline.api.places import (
    ActorNamed,
    From,
    Modalities,
    Place,
    Reviewed,
    To,
    Types,
    find_place,
    places_page,
)
from timeline.api.refetch import find_node
from timeline.api.reports import KnownOn, Report, current_report, reports_page
from timeline.api.search import Hit, Sought, hits_page
from timeline.api.sources import find_source, sources_page
from timeline.api.timelines import TimelineFilters, timeline_page
from timeline.api.values import Source

AtPlace = Annotated[ID | None, strawberry.argument(description="Only at the place of this id.")]


@described
class Query(MapQuery, LogQuery):
    """Questions to one casebook.

    Valid time is when something happened, reported time when it was published, record time when
    the log stored it.
    """

    @answered
    def node(
        self,
        info: Info,
        id_: Annotated[
            ID, strawberry.argument(name="id", description="A `nodeId`, exactly as it was given.")
        ],
    ) -> Node | None:
        """Anything by its node id; null when it is no more.

        A claim or incident as known on another day is found as known on that day.
        """
        return find_node(info, id_)

    @answered
    def place(
        self,
        info: Info,
        id_: Annotated[
            ID | None,
            strawberry.argument(name="id", description="The place's id; not together with name."),
        ] = None,
        name: Annotated[
            str | None,
            strawberry.argument(
                description="Any of its names, in any spelling or script; not together with id."
            ),
        ] = None,
    ) -> Place | None:
        """A place, by its id or by its name in any spelling or script.

        Null for an unknown id; an unknown name is an error NOT_FOUND with suggestions, a
        name of several places AMBIGUOUS_PLACE with candidates.
        """
        return find_place(info, id_, name)

    @answered
    def places(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        kinds: Annotated[
            list[PlaceKind] | None,
            strawberry.argument(description="Only places of these kinds; null or empty is any."),
        ] = None,
        within: Within = None,
        bbox: InBox = None,
        order_by: PlacesBy = None,
    ) -> Connection[Place]:
        """The places of the gazetteer, in order of name."""
        by = order_by.field if order_by else PlaceOrderField.NAME
        ordering = PLACES if by is PlaceOrderField.NAME else PLACES_BY_KIND
        page = paging(ordering, first, after, last, before, order_by)
        found = places_in(info.context.gazetteer, within, bbox)
        wanted = [p for p in found if p.kind in kinds] if kinds else found
        return places_page(info, page, wanted, by)

    @answered
    def actor(
        self,
        info: Info,
        id_: Annotated[ID, strawberry.argument(name="id", description="The actor's id.")],
    ) -> Actor | None:
        """An actor by its id; null when there is none."""
        found = info.context.actor_table.get(id_)
        return None if found is None else actor_of(found)

    @answered
    def actors(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        kinds: Annotated[
            list[ActorKind] | None,
            strawberry.argument(description="Only actors of these kinds; null or empty is any."),
        ] = None,
        side: Annotated[
            ID | None,
            strawberry.argument(description="Only actors on the side of the actor of this id."),
        ] = None,
        order_by: ActorsBy = None,
    ) -> Connection[Actor]:
        """The known actors, in order of name."""
        by = order_by.field if order_by else ActorOrderField.NAME
        ordering = ACTORS if by is ActorOrderField.NAME else ACTORS_BY_KIND
        page = paging(ordering, first, after, last, before, order_by)
        return actors_page(info, page, kinds or (), side, by)

    @answered
    def source(
        self,
        info: Info,
        id_: Annotated[ID, strawberry.argument(name="id", description="The source's id.")],
    ) -> Source | None:
        """A source by its id; null when there is none."""
        return find_source(info, id_)

    @answered
    def sources(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: SourcesBy = None,
    ) -> Connection[Source]:
        """The known sources, in order of name."""
        return sources_page(info, paging(SOURCES, first, after, last, before, order_by))

    @answered
    def report(
        self,
        info: Info,
        id_: Annotated[ID, strawberry.argument(name="id", description="The report's id.")],
    ) -> Report | None:
        """The current version of a report by the report's id; null when there is none."""
        return current_report(info, id_)

    @answered
    def reports(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        known_on: KnownOn = None,
        source_id: Annotated[
            ID | None, strawberry.argument(description="Only reports of the source of this id.")
        ] = None,
        order_by: ReportsBy = None,
    ) -> Connection[Report]:
        """The current version of every report, in order of publication (reported time).

        With `knownOn`, the version that was current then of every report published by then.
        """
        page = paging(REPORTS, first, after, last, before, order_by)
        return reports_page(info, page, known_on, source_id)

    @answered
    def claim(
        self,
        info: Info,
        id_: Annotated[ID, strawberry.argument(name="id", description="The claim's id.")],
        known_on: KnownOn = None,
    ) -> Entry | None:
        """A claim by its id, in the form in which it stands; null when it stands not."""
        return find_claim(info, id_, known_on)

    @answered
    def timeline(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        known_on: KnownOn = None,
        place_id: Annotated[
            ID | None, strawberry.argument(description="Only claims about the place of this id.")
        ] = None,
        from_: From = None,
        to: To = None,
        types: Types = None,
        actor: ActorNamed = None,
        modalities: Modalities = None,
        reviewed: Reviewed = None,
        order_by: EntriesBy = None,
    ) -> Connection[Entry]:
        """What happened anywhere, in order of valid time; undated claims come last.

        Claims without a known place are in it too.
        """
        page = paging(TIMELINE, first, after, last, before, order_by)
        wanted = TimelineFilters(known_on, from_, to, types, actor, modalities, reviewed)
        return timeline_page(info, page, wanted, place_id=info.context.meant_place(place_id))

    @answered
    def search(
        self,
        info: Info,
        query: Sought,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        known_on: KnownOn = None,
        place_id: Annotated[
            ID | None, strawberry.argument(description="Only claims about the place of this id.")
        ] = None,
        from_: From = None,
        to: To = None,
        types: Types = None,
        actor: ActorNamed = None,
        modalities: Modalities = None,
    ) -> Connection[Hit]:
        """Places, actors, reports and claims that hold all the words, best first.

        With any of the filters of a timeline, only claims are found.
        """
        page = paging(HITS, first, after, last, before)
        wanted = TimelineFilters(known_on, from_, to, types, actor, modalities)
        return hits_page(info, page, query, wanted, info.context.meant_place(place_id))

    @answered
    def knowledge_diff(
        self,
        info: Info,
        known_on: KnownFirst,
        and_on: KnownThen,
        place_id: Annotated[
            ID | None, strawberry.argument(description="Only the place of this id.")
        ] = None,
    ) -> list[KnowledgeDifference]:
        """What changed in what was known between two dates, and which reports changed it.

        By place, in order of name; only places of which something differs.
        """
        return knowledge_diff(info, known_on, and_on, info.context.meant_place(place_id))

    @answered
    def incident(
        self,
        info: Info,
        id_: Annotated[ID, strawberry.argument(name="id", description="The incident's id.")],
        known_on: KnownOn = None,
    ) -> Incident | None:
        """An incident by its id, with the claims that tell of it; null when none stands."""
        return find_incident(info, id_, known_on)

    @answered
    def incidents(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        known_on: KnownOn = None,
        place_id: AtPlace = None,
        types: Types = None,
        from_: From = None,
        to: To = None,
        sources_min: Annotated[
            int | None,
            strawberry.argument(
                description="Only what so many independent root sources say happened."
            ),
        ] = None,
        order_by: IncidentsBy = None,
    ) -> Connection[Incident]:
        """What happened, or is said not to have: each incident once, in order of valid time.

        Undated ones come last.
        """
        meant = info.context.meant_place(place_id)
        wanted = IncidentArguments(known_on, meant, types, from_, to, sources_min)
        page = paging(INCIDENTS, first, after, last, before, order_by)
        return incidents_page(info, page, wanted)

    @answered
    def statistics(
        self,
        info: Info,
        by: Annotated[StatisticsBy, strawberry.argument(description="What is counted apart.")],
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        known_on: KnownOn = None,
        place_id: AtPlace = None,
        types: Types = None,
        from_: From = None,
        to: To = None,
        order_by: StatisticsOrderedBy = None,
    ) -> Connection[Statistic]:
        """How many claims and incidents there are, and how many people were killed.

        In order of the keys; what has none comes last. By actor, an incident counts under each
        actor that it names.
        """
        meant = info.context.meant_place(place_id)
        wanted = IncidentArguments(known_on, meant, types, from_, to)
        order = order_by.field if order_by else StatisticOrderField.KEY
        page = paging(STATISTICS[order.value], first, after, last, before, order_by)
        return statistics_page(info, page, by, wanted, order)
