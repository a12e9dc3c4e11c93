"""GraphQL types of incidents, with the claims that tell of them, and of statistics."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from operator import itemgetter

import strawberry
from strawberry import ID

from timeline.api.connections import Connection, Paging, connection, in_memory
from timeline.api.context import Group, Info
from timeline.api.cursors import Key
from timeline.api.described import answered, described
from timeline.api.entries import Entry, EntryGroup
from timeline.api.enums import ClaimType, StatisticsBy
from timeline.api.nodes import Identity, Node
from timeline.api.ordering import StatisticOrderField
from timeline.api.places import Place, place_of
from timeline.domain import incident_sums
from timeline.projections import statistics
from timeline.projections.incident_queries import IncidentFilters, Word


class IncidentGroup:
    """Incidents of one answer: their claims, the words on them and their places, read together."""

    def __init__(self, found: Iterable[incident_sums.Incident], known_on: str | None) -> None:
        found = list(found)
        told = (c for i in found for c in (*i.corroborating, *i.contradicting))
        self.claims, self.known_on = Group(told), known_on
        self.entries = EntryGroup(self.claims.ids, known_on)
        self.places = Group(i.place_id for i in found if i.place_id is not None)

    def words(self, info: Info, claim_ids: Collection[str]) -> list[Word]:
        """What analysts said of some of the claims, in the order of the log."""
        incidents, ids = info.context.incidents, self.claims.ids
        found = self.claims.once("words", lambda: incidents.words(ids))
        wanted = set(claim_ids)
        return [w for w in found if not wanted.isdisjoint(w.claim_ids)]


@described
class Days:
    """Between which days something happened.

    Both inclusive, in the casebook's time zone (YYYY-MM-DD).
    """

    earliest: str | None = strawberry.field(description="Not before this day; null: nobody tells.")
    latest: str | None = strawberry.field(description="Not after this day; null: nobody tells.")


@described
class FatalitiesRange:
    """People killed in an incident, or in several, each counted once."""

    low: int = strawberry.field(
        description="The lowest number told, in people; of several incidents, their sum."
    )
    best: int = strawberry.field(
        description="The best number, in people: where sources differ, the lowest of their best;"
        " of several incidents, their sum."
    )
    high: int = strawberry.field(
        description="The highest number told, in people; of several incidents, their sum."
    )
    incidents: int = strawberry.field(description="How many incidents with figures are summed.")


@described
class IncidentWord:
    """An analyst's word that claims tell of one incident, or that they do not."""

    is_link: bool = strawberry.field(description="True: of one incident. False: of different ones.")
    claim_ids: list[ID] = strawberry.field(description="The claims named.")
    reason: str = strawberry.field(description="Why.")
    requested_by: str = strawberry.field(description="Who says so.")


@described
class Incident(Node):
    """Something that happened, or is said not to have, with all claims that tell of it.

    Claims are linked and never merged: by a rule on type, actors, days and distance, and by
    analysts.
    """

    id: ID = strawberry.field(
        description="The incident's id. An id once given leads to the incident that the claim is in"
        " by which it was named, though that may have another id by then."
    )
    type: ClaimType = strawberry.field(
        description="What kind of thing it is, as most of its claims tell it."
    )
    occurred: Days = strawberry.field(
        description="The days that all its dates share; both bounds when they share none."
    )
    sources: int = strawberry.field(
        description="How many independent root sources say that it happened."
    )
    denials: int = strawberry.field(
        description="How many independent root sources say that it did not."
    )
    fatalities: FatalitiesRange | None = strawberry.field(
        description="People killed, each root source speaking once, by the last that it said; null"
        " when nobody gives a figure."
    )
    value: strawberry.Private[incident_sums.Incident]
    group: strawberry.Private[IncidentGroup]

    def identity(self) -> Identity:
        """It is found by its id, and by the day on which its claims were known."""
        known_on = self.group.known_on
        return ("Incident", str(self.id), *([] if known_on is None else [known_on]))

    @answered
    def place(self, info: Info) -> Place | None:
        """Where it happened, by the claim that is closest; null when no place is known."""
        known = info.context.gazetteer.get(self.value.place_id or "")
        return None if known is None else place_of(known, self.group.places)

    @answered
    def corroborating(self, info: Info) -> list[Entry]:
        """The claims that say that it happened, in the order in which they became known."""
        return self.group.entries.as_given(info, self.value.corroborating)

    @answered
    def contradicting(self, info: Info) -> list[Entry]:
        """The claims that deny it, in the order in which they became known."""
        return self.group.entries.as_given(info, self.value.contradicting)

    @answered
    def words(self, info: Info) -> list[IncidentWord]:
        """What analysts said of its claims, in the order of the log."""
        claims = (*self.value.corroborating, *self.value.contradicting)
        return [
            IncidentWord(
                is_link=w.is_link,
                claim_ids=[ID(c) for c in w.claim_ids],
                reason=w.reason,
                requested_by=w.requested_by,
            )
            for w in self.group.words(info, claims)
        ]


def incident_of(value: incident_sums.Incident, group: IncidentGroup) -> Incident:
    """The GraphQL type of an incident; `group` are the incidents of the same answer."""
    figures = value.figures
    return Incident(
        id=ID(value.incident_id),
        type=ClaimType(value.type),
        occurred=Days(earliest=value.earliest, latest=value.latest),
        sources=value.sources,
        denials=value.denials,
        fatalities=None
        if figures is None
        else FatalitiesRange(low=figures.low, best=figures.best, high=figures.high, incidents=1),
        value=value,
        group=group,
    )


def find_incident(info: Info, id_: str, known_on: str | None) -> Incident | None:
    """The incident to which an id leads; `None` when nothing of it stands."""
    context = info.context
    found = context.incidents.incident(id_, context.reader.cutoff(known_on))
    return None if found is None else incident_of(found, IncidentGroup([found], known_on))


@dataclass(frozen=True)
class IncidentArguments:
    """The arguments that say which incidents are wanted."""

    known_on: str | None
    place_id: str | None
    types: list[ClaimType] | None
    from_: str | None
    to: str | None
    sources_min: int | None = None

    def filters(self) -> IncidentFilters:
        """The same for a reader."""
        return IncidentFilters(
            place_id=self.place_id,
            types=tuple(t.value for t in self.types or ()),
            from_=self.from_,
            to=self.to,
            sources_min=self.sources_min or 0,
        )


def incidents_page(info: Info, page: Paging, wanted: IncidentArguments) -> Connection[Incident]:
    """A page of incidents in order of valid time, undated ones last."""
    context, filters = info.context, wanted.filters()
    cutoff = context.reader.cutoff(wanted.known_on)
    after = None if page.after is None else (str(page.after[0]), str(page.after[1]))
    before = None if page.before is None else (str(page.before[0]), str(page.before[1]))
    rows, more = context.incidents.page(
        filters, cutoff, page.fetched, after, before, backwards=page.backwards
    )
    context.spend(len(rows))
    group = IncidentGroup((value for _, value in rows), wanted.known_on)
    return connection(
        page,
        rows,
        more,
        lambda value: incident_of(value, group),
        lambda: context.incidents.count(filters, cutoff),
    )


@described
class Statistic:
    """What is counted under one place, type, actor or month."""

    key: str | None = strawberry.field(
        description="The place's or actor's id (or `named:` and the words), the type, or the month"
        " (YYYY-MM); null where none is known."
    )
    name: str | None = strawberry.field(
        description="The name of the place or actor; of others the key."
    )
    claims: int = strawberry.field(description="Standing claims, of any type and modality.")
    incidents: int = strawberry.field(
        description="Incidents that somebody says happened, each counted once."
    )
    denied: int = strawberry.field(description="Those of them that somebody also denies.")
    fatalities: FatalitiesRange = strawberry.field(
        description="People killed, summed over incidents and not over claims."
    )
    set_aside: FatalitiesRange = strawberry.field(
        description="Figures that are not summed, since they may repeat those of other incidents:"
        " of claims without a date within three days, without a place or of a whole region, and"
        " mere counts (type Casualties)."
    )


def statistics_page(
    info: Info,
    page: Paging,
    by: StatisticsBy,
    wanted: IncidentArguments,
    order: StatisticOrderField = StatisticOrderField.KEY,
) -> Connection[Statistic]:
    """A page of counts in order of their keys or numbers; what has no key comes last."""
    context = info.context
    counted = statistics.statistics(
        context.incidents,
        by,
        wanted.filters(),
        context.reader.time_zone,
        context.reader.cutoff(wanted.known_on),
    )
    ordered = sorted(((_statistic_key(one, order), one) for one in counted), key=itemgetter(0))
    rows, more = in_memory(page, ordered)
    context.spend(len(rows))
    names = _names(info, by, [one.key for _, one in rows])
    return connection(page, rows, more, lambda one: _statistic(one, names), lambda: len(counted))


def _statistic_key(one: statistics.Statistic, order: StatisticOrderField) -> Key:
    last, key = int(one.key is None), one.key or ""
    if order is StatisticOrderField.KEY:
        return (last, key)
    numbers = {
        StatisticOrderField.CLAIMS: one.claims,
        StatisticOrderField.INCIDENTS: one.incidents,
        StatisticOrderField.FATALITIES: one.dead.best,
    }
    return (numbers[order], last, key)


def _names(info: Info, by: StatisticsBy, keys: Iterable[str | None]) -> dict[str | None, str]:
    found: dict[str | None, str] = {}
    for key in keys:
        place = info.context.gazetteer.get(key or "") if by is StatisticsBy.PLACE else None
        actor = info.context.actor_table.get(key or "") if by is StatisticsBy.ACTOR else None
        named = place or actor
        if key is not None:
            found[key] = named.name if named else key.removeprefix("named:")
    return found


def _statistic(one: statistics.Statistic, names: dict[str | None, str]) -> Statistic:
    return Statistic(
        key=one.key,
        name=names.get(one.key),
        claims=one.claims,
        incidents=one.incidents,
        denied=one.denied,
        fatalities=_range(one.dead),
        set_aside=_range(one.set_aside),
    )


def _range(dead: statistics.Dead) -> FatalitiesRange:
    return FatalitiesRange(low=dead.low, best=dead.best, high=dead.high, incidents=dead.incidents)
