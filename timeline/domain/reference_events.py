"""The stored event types of reference data: places, actors and sources, and how they are mended.

What mends them has basis coding: it holds at every known time. A merge stands in the streams of
both ids, since it says something of both; so does its opposite.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from timeline.domain.actors import Actor, Affiliation, Source
from timeline.domain.places import Place, Slug

Reason = Annotated[str, Meta(min_length=1, max_length=2000)]
Requester = Annotated[str, Meta(min_length=1, max_length=200)]

# What a correction may set: everything but the id.
PLACE_FIELDS = frozenset(Place.__struct_fields__) - {"place_id"}
# What an actor is affiliated with is stated, by somebody, and stays.
ACTOR_FIELDS = frozenset(Actor.__struct_fields__) - {"actor_id", "affiliations"}


class Mending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why reference data is mended, and on whose word."""

    requested_by: Requester
    reason: Reason | None = None


class PlaceRegistered(Place, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place entered the gazetteer."""


class PlaceCorrected(Mending, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is registered of a place was put right; `changes` maps fields to their new JSON values.

    `null` takes a value away. A name that a place had stays among its `names` unless they leave it
    out.
    """

    place_id: Slug
    changes: Annotated[
        dict[str, Any], Meta(extra_json_schema={"propertyNames": {"enum": sorted(PLACE_FIELDS)}})
    ]


class PlacesMerged(Mending, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two ids were found to mean one place: what is said of `place_id` is said of `into`."""

    place_id: Slug
    into: Slug


class PlacesUnmerged(Mending, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merge was a mistake: what is said of `place_id` is no longer said of `into`."""

    place_id: Slug
    into: Slug


class ActorRegistered(Actor, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An actor entered the actor table."""


class ActorCorrected(Mending, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is registered of an actor was put right; as `PlaceCorrected`."""

    actor_id: Slug
    changes: Annotated[
        dict[str, Any], Meta(extra_json_schema={"propertyNames": {"enum": sorted(ACTOR_FIELDS)}})
    ]


class ActorsMerged(Mending, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two ids were found to mean one actor: what is said of `actor_id` is said of `into`."""

    actor_id: Slug
    into: Slug


class ActorsUnmerged(Mending, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merge was a mistake: what is said of `actor_id` is no longer said of `into`."""

    actor_id: Slug
    into: Slug


class AffiliationStated(Affiliation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody said that an actor is affiliated with another."""

    actor_id: Slug


class SourceRegistered(Source, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source was named for the first time."""


class SourceAffiliated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source was found to speak for an actor or another source."""

    source_id: Slug
    affiliated_with: Slug


REFERENCE_TYPES: tuple[type[Struct], ...] = (
    PlaceRegistered, PlaceCorrected, PlacesMerged, PlacesUnmerged,
    ActorRegistered, ActorCorrected, ActorsMerged, ActorsUnmerged, AffiliationStated,
    SourceRegistered, SourceAffiliated,
)  # fmt: skip
