"""GraphQL types of actors: their names, their affiliations, and what they took part in."""

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
from timeline.api.cursors import TIMELINE, Key
from timeline.api.described import answered, described
from timeline.api.entries import Entry
from timeline.api.enums import ActorKind, ActorRole, ClaimType
from timeline.api.nodes import Identity, Node
from timeline.api.ordering import ActorOrderField, EntriesBy
from timeline.api.places import From, Modalities, Reviewed, To, Types
from timeline.api.reports import KnownOn
from timeline.api.scalars import EDTF
from timeline.api.timelines import TimelineFilters, timeline_in_list
from timeline.api.values import Name
from timeline.domain import actors
from timeline.projections import activity


@described
class Affiliation:
    """That an actor belongs to, fights for or is allied with another, according to somebody."""

    actor: ID = strawberry.field(description="The other actor's id.")
    relation: str = strawberry.field(description="How they are related, such as member_of.")
    from_: str | None = strawberry.field(
        name="from", description="Since when, as EDTF; null when not told."
    )
    to: str | None = strawberry.field(description="Until when, as EDTF; null when not told.")
    disputed: bool = strawberry.field(description="Whether somebody disputes it.")
    according_to: str | None = strawberry.field(description="Who says so; null when not told.")
    group: strawberry.Private[Group]

    @answered
    def other(self, info: Info) -> Annotated[Actor, strawberry.lazy("timeline.api.actors")] | None:
        """The other actor itself; null when none of that id is registered."""
        table = info.context.actor_table
        found = table.get(str(self.actor))
        if found is None:
            return None
        return actor_of(found, self.group.once("others", lambda: _others(table, self.group)))


@described
class Affiliate:
    """That an actor is said to belong to this one, to fight for it or to be allied with it."""

    actor: Annotated[Actor, strawberry.lazy("timeline.api.actors")] = strawberry.field(
        description="The other actor."
    )
    relation: str = strawberry.field(
        description="How it is related to this one, such as member_of."
    )
    from_: EDTF | None = strawberry.field(
        name="from", description="Since when; null when not told."
    )
    to: EDTF | None = strawberry.field(description="Until when; null when not told.")
    disputed: bool = strawberry.field(description="Whether somebody disputes it.")
    according_to: str | None = strawberry.field(description="Who says so; null when not told.")


@described
class Seen:
    """Between which days something happened."""

    earliest: str | None = strawberry.field(description="The first day; null when it is open.")
    latest: str | None = strawberry.field(description="The last day; null when it is open.")


@described
class ActivityCount:
    """How many claims of one month, type and role."""

    month: str | None = strawberry.field(
        description="YYYY-MM in the casebook's time zone; null for claims that are undated or may"
        " belong to one month or another."
    )
    type: ClaimType = strawberry.field(description="What the claims tell of.")
    role: ActorRole = strawberry.field(description="What the actor does in them.")
    claims: int = strawberry.field(description="How many there are.")


@described
class Activity:
    """What an actor is said to have done.

    Claims are counted, not incidents: two reports of one clash are two claims.
    """

    claims: int = strawberry.field(
        description="How many claims that are asserted and not negated name it."
    )
    other_claims: int = strawberry.field(
        description="How many others do: denials, attempts, forecasts, hypotheses, and what is said"
        " not to have happened. They count nowhere else here."
    )
    first_seen: Seen | None = strawberry.field(
        description="When the claim happened that is over first; null without one that ends."
    )
    last_seen: Seen | None = strawberry.field(
        description="When the claim happened that begins last; null without one that begins."
    )
    by_month: list[ActivityCount] = strawberry.field(
        description="By month, type and role; claims without a month come last. A claim in which it"
        " has two roles is counted in both."
    )


@described
class Actor(Node):
    """A party to the conflict."""

    id: ID = strawberry.field(description="The actor's id.")
    name: str = strawberry.field(description="Its common English name.")
    kind: ActorKind = strawberry.field(description="What kind of actor it is.")
    side: ID | None = strawberry.field(
        description="Its coarse allegiance, itself an actor's id; null when it stands alone."
    )
    names: list[Name] = strawberry.field(
        description="Its other names and spellings; `name` is not repeated."
    )
    acled: list[str] = strawberry.field(description="The names by which ACLED knows it.")
    ucdp: list[str] = strawberry.field(description="The names or ids by which UCDP knows it.")
    affiliations: list[Affiliation] = strawberry.field(
        description="To whom it is said to belong, in the order in which that was registered."
    )
    group: strawberry.Private[Group]

    def identity(self) -> Identity:
        """It is found by its id."""
        return ("Actor", str(self.id))

    @answered
    def merged_ids(self, info: Info) -> list[ID]:
        """The ids that were merged into it, in order; each of them finds it, too."""
        return [ID(id_) for id_ in info.context.actor_table.merged_into(str(self.id))]

    @answered
    def affiliates(self, info: Info) -> list[Affiliate]:
        """Who is said to belong to it: `affiliations` seen from the other end.

        In order of the actors' names, of one actor in the order in which that was registered.
        """
        table = info.context.actor_table
        by_actor = self.group.once("affiliates", lambda: _affiliates(table, self.group))
        found = by_actor.get(str(self.id), [])
        info.context.spend(len(found))
        return found

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
        modalities: Modalities = None,
        reviewed: Reviewed = None,
        order_by: EntriesBy = None,
    ) -> Connection[Entry]:
        """The claims that name it in any role, in order of valid time; undated claims come last."""
        page = paging(TIMELINE, first, after, last, before, order_by)
        wanted = TimelineFilters(known_on, from_, to, types, None, modalities, reviewed)
        return timeline_in_list(info, page, wanted, self.group, "actors", str(self.id))

    @answered
    def activity(self, info: Info, known_on: KnownOn = None) -> Activity:
        """What it is said to have done, and when it was first and last seen."""
        engine, reader = info.context.store.engine, info.context.reader
        found = self.group.once(
            ("activity", known_on),
            lambda: activity.activities(engine, reader, self.group.ids, known_on),
        )[str(self.id)]
        info.context.spend(len(found.counts))
        return _activity_of(found)


def _activity_of(found: activity.Activity) -> Activity:
    return Activity(
        claims=found.claims,
        other_claims=found.other_claims,
        first_seen=_seen_of(found.first_seen),
        last_seen=_seen_of(found.last_seen),
        by_month=[
            ActivityCount(
                month=c.month, type=ClaimType(c.type), role=ActorRole(c.role), claims=c.claims
            )
            for c in found.counts
        ],
    )


def _seen_of(seen: activity.Seen | None) -> Seen | None:
    return None if seen is None else Seen(earliest=seen.earliest, latest=seen.latest)


def actor_of(value: actors.Actor, group: Group | None = None) -> Actor:
    """The GraphQL type of an actor; `group` are the actors of the same answer."""
    group = (group or Group([])).holding(value.actor_id)
    return Actor(
        id=ID(value.actor_id),
        name=value.name,
        kind=value.kind,
        side=None if value.side is None else ID(value.side),
        names=[Name.of(n) for n in value.names],
        acled=list(value.acled),
        ucdp=list(value.ucdp),
        affiliations=[
            Affiliation(
                actor=ID(a.actor),
                relation=a.relation,
                from_=a.from_,
                to=a.to,
                disputed=a.disputed,
                according_to=a.according_to,
                group=group,
            )
            for a in value.affiliations
        ],
        group=group,
    )


def _others(table: actors.ActorTable, group: Group) -> Group:
    """The actors to whom those of a group are said to belong."""
    known = (table.get(id_) for id_ in group.ids)
    others = (table.get(a.actor) for one in known if one for a in one.affiliations)
    return Group(other.actor_id for other in others if other is not None)


def _affiliates(table: actors.ActorTable, group: Group) -> dict[str, list[Affiliate]]:
    """Who is said to belong to each of the actors of a group."""
    told = [
        (other, a)
        for other in sorted(table.actors.values(), key=lambda o: (o.name, o.actor_id))
        for a in other.affiliations
    ]
    wanted = set(group.ids)
    others = Group(other.actor_id for other, a in told if a.actor in wanted)
    found: dict[str, list[Affiliate]] = {id_: [] for id_ in group.ids}
    for other, a in told:
        if a.actor in wanted:
            found[a.actor].append(
                Affiliate(
                    actor=actor_of(other, others),
                    relation=a.relation,
                    from_=None if a.from_ is None else EDTF(a.from_),
                    to=None if a.to is None else EDTF(a.to),
                    disputed=a.disputed,
                    according_to=a.according_to,
                )
            )
    return found


def actors_page(
    info: Info,
    page: Paging,
    kinds: Collection[ActorKind],
    side: str | None,
    by: ActorOrderField = ActorOrderField.NAME,
) -> Connection[Actor]:
    """A page of the actors of some kinds and one side, in order of name."""
    side = None if side is None else info.context.actor_table.canonical(side)
    wanted = [
        a
        for a in info.context.actor_table.actors.values()
        if (not kinds or a.kind in kinds) and (side is None or a.side == side)
    ]
    ordered = sorted((_key(by, a), a) for a in wanted)
    rows, more = in_memory(page, ordered)
    info.context.spend(len(rows))
    group = Group(a.actor_id for _, a in rows)
    return connection(page, rows, more, lambda a: actor_of(a, group), lambda: len(wanted))


def _key(by: ActorOrderField, actor: actors.Actor) -> Key:
    if by is ActorOrderField.KIND:
        return (actor.kind.value, actor.name, actor.actor_id)
    return (actor.name, actor.actor_id)
