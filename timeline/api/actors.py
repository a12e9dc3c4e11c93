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
from timeline.api.enums import ActorKind, ActorRole, ClaimType
from timeline.api.places import From, Modalities, Reviewed, To, Types
from timeline.api.reports import KnownOn
from timeline.api.values import Name
from timeline.domain import actors
from timeline.projections import activity as activities
from timeline.projections.activity import activity


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
        reviewed: Reviewed = None,
    ) -> Connection[Entry]:
        """The claims that name it in any role, in order of valid time; undated claims come last."""
        page = paging(TIMELINE, first, after, last, before)
        wanted = TimelineFilters(known_on, from_, to, types, None, modalities, reviewed)
        return timeline_page(info, page, wanted, actor_id=str(self.id))

    @answered
    def activity(self, info: Info, known_on: KnownOn = None) -> Activity:
        """What it is said to have done, and when it was first and last seen."""
        return _activity_of(info, str(self.id), known_on)


def _activity_of(info: Info, actor_id: str, known_on: str | None) -> Activity:
    found = activity(info.context.store.engine, info.context.reader, actor_id, known_on)
    info.context.spend(len(found.counts))
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


def _seen_of(seen: activities.Seen | None) -> Seen | None:
    return None if seen is None else Seen(earliest=seen.earliest, latest=seen.latest)


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
