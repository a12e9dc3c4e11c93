"""GraphQL types of what a claim is made of: dates, mentions, figures and spans of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import ID

from timeline.api.context import Group, Info
from timeline.api.described import answered, described
from timeline.api.enums import (
    ActorRole,
    Anchor,
    CasualtyGroup,
    Harm,
    Precision,
    Qualifier,
    Relation,
    Tier,
    WeaponKind,
)
from timeline.api.nodes import Identity, Node
from timeline.domain import actors, claims, names, places, time, weapons

if TYPE_CHECKING:
    from timeline.api.places import Place


@described
class Occurred:
    """When something happened, as far as the report tells.

    `earliest` and `latest` are inclusive: a day (YYYY-MM-DD) in the casebook's time zone, or a
    date and time with offset where the hour is known. Null means that this side is open; all
    null means undated.
    """

    edtf: str | None = strawberry.field(
        description="The date as EDTF (ISO 8601-2), such as 2016-02-23 or ../2016-02-25 (not later"
        " than); null when undated."
    )
    earliest: str | None = strawberry.field(
        description="First day or instant on which it may have happened; null: no lower bound."
    )
    latest: str | None = strawberry.field(
        description="Last day or instant on which it may have happened; null: no upper bound."
    )
    precision: Precision = strawberry.field(description="How closely the date is known.")
    anchor: Anchor = strawberry.field(description="What a relative date was reckoned from.")

    @classmethod
    def of(cls, value: time.Occurred) -> Occurred:
        """The type of a domain value."""
        return cls(
            edtf=value.edtf,
            earliest=value.earliest,
            latest=value.latest,
            precision=value.precision,
            anchor=value.anchor,
        )


@described
class Match:
    """How a name was matched to a place or an actor."""

    tier: Tier = strawberry.field(description="By which rule, surest first.")
    score: float = strawberry.field(description="How alike the spellings are, 0 to 1.")

    @classmethod
    def of(cls, value: names.Match | None) -> Match | None:
        """The type of a domain value."""
        return None if value is None else cls(tier=value.tier, score=value.score)


@described
class Name:
    """One spelling of a name."""

    name: str = strawberry.field(description="The spelling, in its own script.")
    language: str | None = strawberry.field(
        description="Its language as BCP 47, such as ar; null when not told."
    )

    @classmethod
    def of(cls, value: names.Name) -> Name:
        """The type of a domain value."""
        return cls(name=value.name, language=value.language)


@described
class ActorMention:
    """An actor in a claim, in the report's words and as a known actor."""

    actor_id: ID | None = strawberry.field(
        description="The id of the known actor; null when the words name none, or several."
    )
    name: str | None = strawberry.field(
        description="The known actor's common English name; null as actorId is."
    )
    as_named: str = strawberry.field(description="The words of the report.")
    role: ActorRole = strawberry.field(description="What it does in the claim.")

    @classmethod
    def of(cls, value: actors.ActorMention) -> ActorMention:
        """The type of a domain value."""
        return cls(
            actor_id=None if value.actor_id is None else ID(value.actor_id),
            name=value.name,
            as_named=value.as_named,
            role=value.role,
        )


@described
class PlaceMention:
    """Where a claim says that something happened, in the report's words and as a known place.

    A name that matches nothing, or several places, is left unresolved, never guessed.
    """

    place_id: ID | None = strawberry.field(description="The known place; null when unresolved.")
    name: str | None = strawberry.field(description="Its name; null when unresolved.")
    as_named: str = strawberry.field(description="The words of the report.")
    relation: Relation = strawberry.field(
        description="How the event lies to the place; `at` and `in` are the place itself."
    )
    distance_km: float | None = strawberry.field(
        description="Kilometres from the place to the event; null when not told."
    )
    bearing: float | None = strawberry.field(
        description="Degrees clockwise from north, from the place to the event; null when not told."
    )
    latitude: float | None = strawberry.field(
        description="WGS84 degrees: of the event where distance and bearing are told, otherwise of"
        " the place; null when unknown."
    )
    longitude: float | None = strawberry.field(
        description="WGS84 degrees, as latitude; null when unknown."
    )
    geo_precision: int | None = strawberry.field(
        description="ACLED's: 1 the place itself, 2 near it or part of it, 3 a region; null when"
        " unresolved."
    )
    match: Match | None = strawberry.field(
        description="How the words were matched to the place; null when unresolved."
    )
    group: strawberry.Private[Group]

    @answered
    def place(self, info: Info) -> Annotated[Place, strawberry.lazy("timeline.api.places")] | None:
        """The known place; null when unresolved."""
        from timeline.api.places import place_of

        known = info.context.gazetteer.get(str(self.place_id))
        return None if known is None else place_of(known, self.group)

    @classmethod
    def of(cls, value: places.PlaceMention | None, group: Group) -> PlaceMention | None:
        """The type of a domain value; `group` are the places of the same answer."""
        if value is None:
            return None
        return cls(
            place_id=None if value.place_id is None else ID(value.place_id),
            name=value.name,
            as_named=value.as_named,
            relation=value.relation,
            distance_km=value.distance_km,
            bearing=value.bearing,
            latitude=value.latitude,
            longitude=value.longitude,
            geo_precision=value.geo_precision,
            match=Match.of(value.match),
            group=group,
        )


@described
class Quantity:
    """How many of what: "more than 20 villages"."""

    value: float = strawberry.field(description="The number, 0 or more, in `unit`.")
    unit: str = strawberry.field(description="What is counted or measured, in the report's words.")
    qualifier: Qualifier = strawberry.field(description="How the number bounds the true one.")

    @classmethod
    def of(cls, value: claims.Quantity | None) -> Quantity | None:
        """The type of a domain value."""
        if value is None:
            return None
        return cls(value=value.value, unit=value.unit, qualifier=value.qualifier)


@described
class Fatalities:
    """People killed in all, as UCDP counts them; a bound of which nothing is said is null.

    `casualties` may tell who they were; those counts are parts of this one, never added to it.
    """

    low: int | None = strawberry.field(description="The lowest count told, in people.")
    best: int | None = strawberry.field(description="The most probable count, in people.")
    high: int | None = strawberry.field(description="The highest count told, in people.")

    @classmethod
    def of(cls, value: claims.Fatalities | None) -> Fatalities | None:
        """The type of a domain value."""
        if value is None:
            return None
        return cls(low=value.low, best=value.best, high=value.high)


@described
class CasualtyCount:
    """How many people of one group came to one harm, as a report counts them.

    No person stands in two counts of a claim. A count without a number is one of which the words
    alone tell. The counts of those killed are parts of `fatalities`, and need not be all of it.
    """

    harm: Harm = strawberry.field(description="What was done to them.")
    group: CasualtyGroup = strawberry.field(description="Who they were under the law of war.")
    role: ActorRole | None = strawberry.field(
        description="The role, in this claim, of the actor for whom combatants fought; null: not"
        " told, or no combatants."
    )
    low: int | None = strawberry.field(description="The lowest count told, in people.")
    best: int | None = strawberry.field(description="The most probable count, in people.")
    high: int | None = strawberry.field(description="The highest count told, in people.")
    as_named: str | None = strawberry.field(
        description="The words of the report for them; null when not coded."
    )

    @classmethod
    def of(cls, value: claims.CasualtyCount) -> CasualtyCount:
        """The type of a domain value."""
        return cls(
            harm=value.harm,
            group=value.group,
            role=value.role,
            low=value.low,
            best=value.best,
            high=value.high,
            as_named=value.as_named,
        )


@described
class Weapon:
    """A weapon by which something was done, as a report names it."""

    as_named: str = strawberry.field(description="The words of the report for it.")
    kind: WeaponKind | None = strawberry.field(
        description="What it is; null where the words do not tell, or when not coded."
    )

    @classmethod
    def of(cls, value: weapons.Weapon) -> Weapon:
        """The type of a domain value."""
        return cls(as_named=value.as_named, kind=value.kind)


@described
class Evidence:
    """The words of the report that say so.

    A half-open span of code points in the document exactly as it was filed, front matter included.
    """

    span_start: int = strawberry.field(description="First code point, counted from 0.")
    span_end: int = strawberry.field(description="The code point after the last.")
    quote: str | None = strawberry.field(
        description="The words themselves; null when the document is withheld."
    )


@described
class Source(Node):
    """The outlet, archive or analyst that published a report."""

    id: ID = strawberry.field(description="The source's id.")
    name: str = strawberry.field(description="The source's name.")

    def identity(self) -> Identity:
        """It is found by its id."""
        return ("Source", str(self.id))

    @answered
    def affiliated_with(self, info: Info) -> ID | None:
        """The id of the actor, or the source, for which it speaks; null when it stands alone.

        What it says then counts as that one's word: sources are counted by root.
        """
        known = info.context.sources.get(str(self.id))
        if known is None or known.affiliated_with is None:
            return None
        return ID(info.context.actor_table.canonical(known.affiliated_with))
