"""The root of the schema: every question starts here."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.actors import Actor, actor_of, actors_page
from timeline.api.connections import After, Before, Connection, First, Last, paging
from timeline.api.context import Info, PlaceGroup
from timeline.api.control import At, Control, control_of
from timeline.api.cursors import ACTORS, HITS, INCIDENTS, PLACES, REPORTS, STATISTICS
from timeline.api.described import answered, described
from timeline.api.entries import TimelineFilters
from timeline.api.enums import StatisticsBy
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
from timeline.api.log import Event, Position, Status, event_of, status
from timeline.api.places import (
    ActorNamed,
    From,
    Modalities,
    Place,
    To,
    Types,
    find_place,
    place_of,
    places_page,
)
from timeline.api.reports import KnownOn, Report, current_report, reports_page
from timeline.api.search import Hit, Sought, hits_page

AtPlace = Annotated[ID | None, strawberry.argument(description="Only at the place of this id.")]


@described
class PlaceControl:
    """A place, and who held it."""

    place: Place = strawberry.field(description="The place.")
    control: Control = strawberry.field(description="Who held it.")


@described
class Query:
    """Questions to one casebook.

    Valid time is when something happened, reported time when it was published, record time when
    the log stored it.
    """

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
    ) -> Connection[Place]:
        """The places of the gazetteer, in order of name."""
        return places_page(info, paging(PLACES, first, after, last, before))

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
    ) -> Connection[Actor]:
        """The known actors, in order of name."""
        return actors_page(info, paging(ACTORS, first, after, last, before))

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
    ) -> Connection[Report]:
        """The current version of every report, in order of publication (reported time)."""
        return reports_page(info, paging(REPORTS, first, after, last, before))

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
        return hits_page(info, page, query, wanted, place_id)

    @answered
    def control_map(
        self, info: Info, at: At = None, known_on: KnownOn = None
    ) -> list[PlaceControl]:
        """Who held each place of whose control anything is known then.

        In order of the places' names.
        """
        found = info.context.reader.control_map(at, known_on)
        info.context.spend(len(found))
        group = PlaceGroup(place.place_id for place, _ in found)
        return [
            PlaceControl(place=place_of(place, group), control=control_of(control, known_on))
            for place, control in found
        ]

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
        return knowledge_diff(info, known_on, and_on, place_id)

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
    ) -> Connection[Incident]:
        """What happened, or is said not to have: each incident once, in order of valid time.

        Undated ones come last.
        """
        wanted = IncidentArguments(known_on, place_id, types, from_, to, sources_min)
        return incidents_page(info, paging(INCIDENTS, first, after, last, before), wanted)

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
    ) -> Connection[Statistic]:
        """How many claims and incidents there are, and how many people were killed.

        In order of the keys; what has none comes last. By actor, an incident counts under each
        actor that it names.
        """
        wanted = IncidentArguments(known_on, place_id, types, from_, to)
        return statistics_page(info, paging(STATISTICS, first, after, last, before), by, wanted)

    @answered
    def event(
        self,
        info: Info,
        position: Annotated[Position, strawberry.argument(description="Its position, from 1.")],
    ) -> Event | None:
        """The event at a position of the log; null outside the log."""
        stored = info.context.store.event_at(position)
        return None if stored is None else event_of(stored)

    @answered
    def status(self, info: Info) -> Status:
        """The casebook, the head of its log, and its projections."""
        return status(info)
