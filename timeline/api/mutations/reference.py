"""Mutations of reference data: the places and actors that names in reports are resolved against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
import strawberry
from strawberry import ID

from timeline.api.actors import Actor, actor_of
from timeline.api.context import Info
from timeline.api.described import answered, described
from timeline.api.enums import ActorKind, PlaceKind
from timeline.api.mutations.changing import (
    INPUT,
    Told,
    changed,
    errors_field,
    input_of,
    key_field,
    position_field,
    position_of,
    stream_version_field,
)
from timeline.api.mutations.errors import UserError
from timeline.api.places import Place, find_place
from timeline.api.scalars import Position
from timeline.domain import actors, patterns, places
from timeline.errors import InvalidEvent, PlaceNotFound, WrongExpectedVersion
from timeline.filing.commands import Commands

_T = TypeVar("_T", bound=msgspec.Struct)
_ID_TOLD = "an id has small letters, digits and . _ -, and begins with a letter or digit"


@input_of
class NameInput:
    """One spelling of a name."""

    name: str = strawberry.field(description="The spelling, in its own script.")
    language: str | None = strawberry.field(
        default=None, description="Its language as BCP 47, such as ar."
    )
    case_sensitive: bool = strawberry.field(
        default=False, description="Whether it is another word in another case, as IS is."
    )


@input_of
class RegisterPlaceInput:
    """A place for the gazetteer."""

    place_id: ID = strawberry.field(
        description="Small letters, digits and . _ -, such as khanasser; it never changes."
    )
    name: str = strawberry.field(description="Its common English name.")
    kind: PlaceKind = strawberry.field(description="What kind of place it is.")
    latitude: float | None = strawberry.field(
        default=None, description="WGS84 degrees; together with `longitude`, or neither."
    )
    longitude: float | None = strawberry.field(
        default=None, description="WGS84 degrees; together with `latitude`, or neither."
    )
    geo_precision: int = strawberry.field(
        default=1, description="1 the place itself, 2 near or part of it, 3 a region."
    )
    within: ID | None = strawberry.field(
        default=None, description="The id of the place that contains it."
    )
    theatre: str | None = strawberry.field(
        default=None, description="Names of another theatre are never matched; null is any."
    )
    names: list[NameInput] = strawberry.field(
        default_factory=list, description="Its other spellings."
    )
    idempotency_key: str | None = key_field()


@described
class PlacePayload:
    """A place after a change."""

    place: Place | None = strawberry.field(description="The place; null when it was refused.")
    position: Position | None = position_field()
    version: int | None = stream_version_field()
    errors: list[UserError] = errors_field()


@input_of
class RegisterActorInput:
    """An actor for the actor table."""

    actor_id: ID = strawberry.field(
        description="Small letters, digits and . _ -, such as islamic-state; it never changes."
    )
    name: str = strawberry.field(description="Its common English name.")
    kind: ActorKind = strawberry.field(description="What kind of actor it is.")
    side: ID | None = strawberry.field(
        default=None, description="Its coarse allegiance, the id of an actor."
    )
    names: list[NameInput] = strawberry.field(
        default_factory=list, description="Its other spellings."
    )
    adjectives: list[str] = strawberry.field(
        default_factory=list, description='Words that name it before a noun of arms: "Russian".'
    )
    idempotency_key: str | None = key_field()


@described
class ActorPayload:
    """An actor after a change."""

    actor: Actor | None = strawberry.field(description="The actor; null when it was refused.")
    position: Position | None = position_field()
    version: int | None = stream_version_field()
    errors: list[UserError] = errors_field()


def place_payload(
    info: Info, place_id: str | None, told: Told, errors: list[UserError]
) -> PlacePayload:
    """What a change of a place came to, which `told` is empty of when it was refused."""
    return PlacePayload(
        place=find_place(info, place_id, None) if told else None,
        position=position_of(told),
        version=told.get("version"),
        errors=errors,
    )


def actor_payload(
    info: Info, actor_id: str | None, told: Told, errors: list[UserError]
) -> ActorPayload:
    """What a change of an actor came to; as `place_payload`."""
    found = info.context.actor_table.get(actor_id) if told and actor_id else None
    return ActorPayload(
        actor=None if found is None else actor_of(found),
        position=position_of(told),
        version=told.get("version"),
        errors=errors,
    )


def _entry(given: object, kind: type[_T]) -> _T:
    """The domain's value of what is given.

    Raises:
        InvalidEvent: a value does not fit.
    """
    told: dict[str, Any] = strawberry.asdict(given)
    told.pop("idempotency_key")
    kept = {k: v for k, v in told.items() if v is not None}
    kept["names"] = [{k: v for k, v in n.items() if v is not None} for n in kept["names"]]
    try:
        entry = msgspec.convert(msgspec.to_builtins(kept), kind)
        patterns.check(entry)
    except msgspec.ValidationError as fault:
        told_of = _ID_TOLD if str(fault).endswith(("`$.place_id`", "`$.actor_id`")) else str(fault)
        raise InvalidEvent(f"it cannot be registered: {told_of}") from None
    return entry


def _registered(
    info: Info,
    name: str,
    given: RegisterPlaceInput | RegisterActorInput,
    stream: str,
    do: Callable[[Commands], int],
) -> tuple[Told, list[UserError]]:
    def done(commands: Commands) -> Told:
        if do(commands) == 0:
            raise WrongExpectedVersion(stream, 0, commands.store.stream_version(stream))
        [event] = list(commands.store.read_stream(stream))[:1]
        return {"position": event.position, "version": event.version}

    return changed(info, name, given, given.idempotency_key, done)


@described
class ReferenceMutations:
    """Mutations of reference data."""

    @answered
    def register_place(
        self, info: Info, given: Annotated[RegisterPlaceInput, INPUT]
    ) -> PlacePayload:
        """Add a place to the gazetteer; one that is there already is a Conflict.

        Reports filed before keep what they resolved to. Needs the role editor.
        """

        def do(commands: Commands) -> int:
            if given.within is not None and info.context.gazetteer.get(str(given.within)) is None:
                raise PlaceNotFound(str(given.within))
            return commands.registering.register(places=[_entry(given, places.Place)])

        place_id = str(given.place_id)
        told, errors = _registered(info, "registerPlace", given, f"place-{place_id}", do)
        return place_payload(info, place_id, told, errors)

    @answered
    def register_actor(
        self, info: Info, given: Annotated[RegisterActorInput, INPUT]
    ) -> ActorPayload:
        """Add an actor to the actor table; one that is there already is a Conflict.

        Reports filed before keep what they resolved to. Needs the role editor.
        """

        def do(commands: Commands) -> int:
            return commands.registering.register(actors=[_entry(given, actors.Actor)])

        actor_id = str(given.actor_id)
        told, errors = _registered(info, "registerActor", given, f"actor-{actor_id}", do)
        return actor_payload(info, actor_id, told, errors)
