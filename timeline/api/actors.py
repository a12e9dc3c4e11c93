"""GraphQL types of actors: their names, their affiliations, and what they took part in."""

from __future__ import annotations

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
from timeline.api.context import Info
from timeline.api.cursors import TIMELINE
from timeline.api.described import answered, described
from timeline.api.entries import Entry, TimelineFilters, timeline_page
from timeline.api.enums import ActorKind
from timeline.api.places import From, Modalities, To, Types
from timeline.api.reports import KnownOn
from timeline.api.values import Name
from timeline.domain import actors


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


@described
class Actor:
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
    ) -> Connection[Entry]:
        """The claims that name it in any role, in order of valid time; undated claims come last."""
        page = paging(TIMELINE, first, after, last, before)
        wanted = TimelineFilters(known_on, from_, to, types, None, modalities)
        return timeline_page(info, page, wanted, actor_id=str(self.id))


def actor_of(value: actors.Actor) -> Actor:
    """The GraphQL type of an actor."""
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
            )
            for a in value.affiliations
        ],
    )


def actors_page(info: Info, page: Paging) -> Connection[Actor]:
    """A page of the actors, in order of name."""
    known = info.context.actor_table.actors
    ordered = sorted(((a.name, a.actor_id), a) for a in known.values())
    rows, more = in_memory(page, ordered)
    info.context.spend(len(rows))
    return connection(page, rows, more, actor_of, lambda: len(known))
