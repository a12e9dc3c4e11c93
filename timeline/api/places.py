"""GraphQL types of places: their names, who held them, and their timelines."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    Paging,
    connection,
    in_memory,
    paging,
)
from timeline.api.context import Group, Info
from timeline.api.control import (
    At,
    Control,
    ControlSpan,
    KnownControl,
    control_at,
    history_of,
    knowledge_of,
)
from timeline.api.cursors import TIMELINE, Key
from timeline.api.described import answered, described
from timeline.api.entries import Entry
from timeline.api.enums import ClaimType, Modality, PlaceKind, ReviewStatus
from timeline.api.errors import BadUserInput
from timeline.api.nodes import Identity, Node
from timeline.api.ordering import EntriesBy, PlaceOrderField
from timeline.api.reports import KnownOn
from timeline.api.timelines import TimelineFilters, timeline_in_list
from timeline.api.values import Match, Name
from timeline.domain import names, places
from timeline.settings import NAME_LENGTH_MAX

From = Annotated[
    str | None,
    strawberry.argument(
        name="from",
        description="Only what may have happened on this day or later, or from this instant on"
        " (valid time, inclusive); undated entries are left out.",
    ),
]
To = Annotated[
    str | None,
    strawberry.argument(
        description="Only what may have happened on this day or before, or up to this instant"
        " (valid time, inclusive); undated entries are left out."
    ),
]
Types = Annotated[
    list[ClaimType] | None,
    strawberry.argument(description="Only claims of these types; null or empty is any."),
]
Modalities = Annotated[
    list[Modality] | None,
    strawberry.argument(description="Only claims of these modalities; null or empty is any."),
]
Reviewed = Annotated[
    list[ReviewStatus] | None,
    strawberry.argument(
        description="Only claims of these review statuses; null or empty is any that stands."
    ),
]
ActorNamed = Annotated[
    str | None,
    strawberry.argument(
        description="Only claims that name this actor in any role: its id or any of its names. A"
        " name that is no known actor finds the claims that use those words."
    ),
]


@described
class Place(Node):
    """A place of the gazetteer."""

    id: ID = strawberry.field(description="The place's id.")
    name: str = strawberry.field(description="Its common English name.")
    kind: PlaceKind = strawberry.field(description="What kind of place it is.")
    latitude: float | None = strawberry.field(description="WGS84 degrees north; null when unknown.")
    longitude: float | None = strawberry.field(description="WGS84 degrees east; null when unknown.")
    names: list[Name] = strawberry.field(
        description="Its other names and spellings, in any script; `name` is not repeated."
    )
    matched_by: Match | None = strawberry.field(
        description="How the name asked for was matched; null unless the place was asked for by"
        " name."
    )
    within_id: strawberry.Private[str | None]
    group: strawberry.Private[Group]

    def identity(self) -> Identity:
        """It is found by its id."""
        return ("Place", str(self.id))

    @answered
    def within(self, info: Info) -> Place | None:
        """The place that contains it; null when none is known.

        Nothing is inherited along it: holding a region is not holding its towns.
        """
        gazetteer = info.context.gazetteer
        found = gazetteer.get(self.within_id) if self.within_id else None
        if found is None:
            return None
        containers = self.group.once("within", lambda: _containers(gazetteer, self.group))
        return place_of(found, containers)

    @answered
    def merged_ids(self, info: Info) -> list[ID]:
        """The ids that were merged into it, in order; each of them finds it, too."""
        return [ID(id_) for id_ in info.context.gazetteer.merged_into(str(self.id))]

    @answered
    def control(self, info: Info, at: At = None, known_on: KnownOn = None) -> Control:
        """Who held it, at a moment of valid time (`at`).

        By what was known at a moment of reported time (`knownOn`).
        """
        return control_at(info, self.group, str(self.id), at, known_on)

    @answered
    def control_history(self, info: Info, known_on: KnownOn = None) -> list[ControlSpan]:
        """Who held it through time: stretches without gap or overlap, earliest first.

        Empty when nothing was said about control.
        """
        spans = history_of(info, self.group, str(self.id), known_on)
        info.context.spend(len(spans))
        return spans

    @answered
    def control_knowledge(self, info: Info) -> list[KnownControl]:
        """All that was ever known of who held it: by known time, then by valid time.

        Those with `knownTo: null` are what is known now. Empty when nothing was said about control.
        """
        known = knowledge_of(info, self.group, str(self.id))
        info.context.spend(len(known))
        return known

    @answered
    def timeline(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        known_on: KnownOn = None,
        from_: From = None,
        to: To = None,
        types: Types = None,
        actor: ActorNamed = None,
        modalities: Modalities = None,
        reviewed: Reviewed = None,
        order_by: EntriesBy = None,
    ) -> Connection[Entry]:
        """What happened there, in order of valid time; undated claims come last.

        An entry stands when it is known on `knownOn` and nothing known by then voids it.
        """
        page = paging(TIMELINE, first, after, last, before, order_by)
        wanted = TimelineFilters(known_on, from_, to, types, actor, modalities, reviewed)
        return timeline_in_list(info, page, wanted, self.group, "places", str(self.id))


def place_of(
    value: places.Place, group: Group | None = None, match: names.Match | None = None
) -> Place:
    """The GraphQL type of a place; `group` are the places of the same answer."""
    return Place(
        id=ID(value.place_id),
        name=value.name,
        kind=value.kind,
        latitude=value.latitude,
        longitude=value.longitude,
        names=[Name.of(n) for n in value.names],
        matched_by=Match.of(match),
        within_id=value.within,
        group=(group or Group([])).holding(value.place_id),
    )


def _containers(gazetteer: places.Gazetteer, group: Group) -> Group:
    """The places that contain those of a group."""
    found = (gazetteer.get(id_) for id_ in group.ids)
    within = (gazetteer.get(p.within) for p in found if p is not None and p.within is not None)
    return Group(p.place_id for p in within if p is not None)


def find_place(info: Info, id_: str | None, name: str | None) -> Place | None:
    """The place of an id, or of a name in any spelling; `None` when no place has the id.

    Raises:
        BadUserInput: neither or both are given, or the name is empty or too long.
        PlaceNotFound: no place has the name.
        AmbiguousPlace: several have it.
    """
    if (id_ is None) == (name is None):
        raise BadUserInput("give either the id or the name of a place")
    gazetteer = info.context.gazetteer
    if name is None:
        found = gazetteer.get(str(id_))
        return None if found is None else place_of(found)
    if not name.strip() or len(name) > NAME_LENGTH_MAX:
        raise BadUserInput(f"a name has 1 to {NAME_LENGTH_MAX} characters")
    place, match = gazetteer.look_up(name)
    return place_of(place, match=match)


def places_page(
    info: Info,
    page: Paging,
    wanted: Collection[places.Place],
    by: PlaceOrderField = PlaceOrderField.NAME,
) -> Connection[Place]:
    """A page of some places, in order of name."""
    ordered = sorted((place_key(by, p), p) for p in wanted)
    rows, more = in_memory(page, ordered)
    info.context.spend(len(rows))
    group = Group(p.place_id for _, p in rows)
    return connection(page, rows, more, lambda p: place_of(p, group), lambda: len(wanted))


def place_key(by: PlaceOrderField, place: places.Place) -> Key:
    """By what a place is ordered."""
    if by is PlaceOrderField.KIND:
        return (place.kind.value, place.name, place.place_id)
    return (place.name, place.place_id)
