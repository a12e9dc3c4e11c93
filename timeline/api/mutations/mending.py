"""Mutations that mend reference data: corrections and merges of places and actors, affiliations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, TypeAlias

import strawberry
from strawberry import ID

from timeline.api.context import Info
from timeline.api.described import answered, described
from timeline.api.enums import ActorKind, PlaceKind, register
from timeline.api.mutations.changing import (
    INPUT,
    Told,
    changed,
    input_of,
    key_field,
    version_field,
)
from timeline.api.mutations.errors import UserError
from timeline.api.mutations.reference import (
    ActorPayload,
    NameInput,
    PlacePayload,
    actor_payload,
    place_payload,
)
from timeline.domain.names import Name
from timeline.errors import PlaceNotFound
from timeline.filing.commands import Commands
from timeline.filing.mended import Mended, Word, changes_of


def _reason_field() -> str | None:
    field: str | None = strawberry.field(
        default=None, description="Why, in a sentence; it stays in the log."
    )
    return field


def _name_field() -> str | None:
    field: str | None = strawberry.field(
        default=None,
        description="Its common English name; the old one stays among `names`, unless `removeNames`"
        " has it. Null leaves it as it is.",
    )
    return field


def _add_field() -> list[NameInput]:
    field: list[NameInput] = strawberry.field(
        default_factory=list, description="Other spellings to add."
    )
    return field


def _remove_field() -> list[str]:
    field: list[str] = strawberry.field(
        default_factory=list,
        description="Other spellings to take away, those of what was merged into it too.",
    )
    return field


class PlaceField(StrEnum):
    """Fields of a place that may have no value, as GraphQL names them."""

    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    GEO_PRECISION = "geoPrecision"
    WITHIN = "within"


class ActorField(StrEnum):
    """Fields of an actor that may have no value, as GraphQL names them."""

    SIDE = "side"
    ADJECTIVES = "adjectives"


register(
    PlaceField,
    "PlaceField",
    "A field of a place whose value can be taken away.",
    geoPrecision="It is then 1, the place itself.",
)
register(ActorField, "ActorField", "A field of an actor whose value can be taken away.")
_UNSET = "Fields whose value is taken away."


def _stored(fields: Sequence[PlaceField | ActorField]) -> list[str]:
    """The names of the fields as they are stored."""
    return [field.name.lower() for field in fields]


@input_of
class CorrectPlaceInput:
    """What to put right of a place; what is null or empty stays as it is."""

    place_id: ID = strawberry.field(description="The place's id.")
    name: str | None = _name_field()
    kind: PlaceKind | None = strawberry.field(
        default=None, description="What kind of place it is; null leaves it as it is."
    )
    latitude: float | None = strawberry.field(
        default=None, description="WGS84 degrees; null leaves it as it is."
    )
    longitude: float | None = strawberry.field(
        default=None, description="WGS84 degrees; null leaves it as it is."
    )
    geo_precision: int | None = strawberry.field(
        default=None,
        description="1 the place itself, 2 near or part of it, 3 a region; null leaves it.",
    )
    within: ID | None = strawberry.field(
        default=None, description="The id of the place that contains it; null leaves it as it is."
    )
    add_names: list[NameInput] = _add_field()
    remove_names: list[str] = _remove_field()
    unset: list[PlaceField] = strawberry.field(default_factory=list, description=_UNSET)
    reason: str | None = _reason_field()
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@input_of
class CorrectActorInput:
    """What to put right of an actor; what is null or empty stays as it is."""

    actor_id: ID = strawberry.field(description="The actor's id.")
    name: str | None = _name_field()
    kind: ActorKind | None = strawberry.field(
        default=None, description="What kind of actor it is; null leaves it as it is."
    )
    side: ID | None = strawberry.field(
        default=None, description="Its coarse allegiance, an actor's id; null leaves it as it is."
    )
    adjectives: list[str] | None = strawberry.field(
        default=None,
        description='All words that name it before a noun of arms: "Russian"; null leaves them.',
    )
    add_names: list[NameInput] = _add_field()
    remove_names: list[str] = _remove_field()
    unset: list[ActorField] = strawberry.field(default_factory=list, description=_UNSET)
    reason: str | None = _reason_field()
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@input_of
class MergeInput:
    """Two ids that mean one thing; whoever's token it is says so."""

    duplicate: ID = strawberry.field(description="The id of what is told of the other from now on.")
    into: ID = strawberry.field(description="The id under which both are shown.")
    reason: str | None = _reason_field()
    expected_version: int | None = version_field()
    into_expected_version: int | None = strawberry.field(
        default=None, description="As `expectedVersion`, of the stream of `into`."
    )
    idempotency_key: str | None = key_field()


@input_of
class UnmergeInput:
    """An id that was merged into another by mistake."""

    duplicate: ID = strawberry.field(description="The id that is merged into another.")
    reason: str | None = _reason_field()
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@input_of
class StateAffiliationInput:
    """That somebody says that an actor belongs to another, fights for it or is allied with it."""

    actor_id: ID = strawberry.field(description="Who: an actor's id.")
    with_: ID = strawberry.field(name="with", description="With whom: an actor's id.")
    relation: str = strawberry.field(
        description="How they are related, such as part_of, member_of or allied_with."
    )
    according_to: str = strawberry.field(description="Who says so.")
    from_: str | None = strawberry.field(
        default=None, name="from", description="Since when, as EDTF; null when not told."
    )
    to: str | None = strawberry.field(
        default=None, description="Until when, as EDTF; null when not told."
    )
    disputed: bool = strawberry.field(
        default=False, description="Whether somebody disputes it; then nothing is reckoned by it."
    )
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


Given: TypeAlias = (
    CorrectPlaceInput | CorrectActorInput | MergeInput | UnmergeInput | StateAffiliationInput
)


def _mended(
    info: Info, name: str, given: Given, do: Callable[[Commands], Mended]
) -> tuple[Told, list[UserError]]:
    def done(commands: Commands) -> Told:
        mended = do(commands)
        return {"id": mended.id, "position": mended.position, "version": mended.version}

    return changed(info, name, given, given.idempotency_key, done)


def _place(info: Info, name: str, given: Given, do: Callable[[Commands], Mended]) -> PlacePayload:
    told, errors = _mended(info, name, given, do)
    return place_payload(info, told.get("id"), told, errors)


def _actor(info: Info, name: str, given: Given, do: Callable[[Commands], Mended]) -> ActorPayload:
    told, errors = _mended(info, name, given, do)
    return actor_payload(info, told.get("id"), told, errors)


def _known(info: Info, place_id: ID) -> str:
    """The id of a place; what is near to one is no id, and would change another place.

    Raises:
        PlaceNotFound: no place has it.
    """
    if info.context.gazetteer.get(str(place_id)) is None:
        raise PlaceNotFound(str(place_id))
    return str(place_id)


def _word(commands: Commands, given: Given) -> Word:
    reason = getattr(given, "reason", None)
    return Word(commands.author.name, reason, given.expected_version)


def _names(given: list[NameInput]) -> list[Name]:
    return [Name(name=n.name, language=n.language, case_sensitive=n.case_sensitive) for n in given]


@described
class MendingMutations:
    """Mutations that mend reference data."""

    @answered
    def correct_place(self, info: Info, given: Annotated[CorrectPlaceInput, INPUT]) -> PlacePayload:
        """Put right what is registered of a place, at every known time. Needs the role editor.

        Claims show its present name, and those that were located by it move with it.
        """

        def do(commands: Commands) -> Mended:
            return commands.mending.correct_place(
                _known(info, given.place_id),
                changes_of(
                    {
                        "name": given.name,
                        "kind": given.kind and given.kind.value,
                        "latitude": given.latitude,
                        "longitude": given.longitude,
                        "geo_precision": given.geo_precision,
                        "within": given.within and _known(info, given.within),
                    },
                    _stored(given.unset),
                ),
                _word(commands, given),
                add=_names(given.add_names),
                remove=given.remove_names,
            )

        return _place(info, "correctPlace", given, do)

    @answered
    def correct_actor(self, info: Info, given: Annotated[CorrectActorInput, INPUT]) -> ActorPayload:
        """Put right what is registered of an actor, at every known time. Needs the role editor.

        Claims show its present name.
        """

        def do(commands: Commands) -> Mended:
            return commands.mending.correct_actor(
                str(given.actor_id),
                changes_of(
                    {
                        "name": given.name,
                        "kind": given.kind and given.kind.value,
                        "side": given.side and str(given.side),
                        "adjectives": given.adjectives,
                    },
                    _stored(given.unset),
                ),
                _word(commands, given),
                add=_names(given.add_names),
                remove=given.remove_names,
            )

        return _actor(info, "correctActor", given, do)

    @answered
    def merge_places(self, info: Info, given: Annotated[MergeInput, INPUT]) -> PlacePayload:
        """Say that two ids mean one place, at every known time. Needs the role editor.

        Its timeline and control are then told by the claims about either; the old id finds it. The
        payload is of `into`.
        """
        return _place(
            info,
            "mergePlaces",
            given,
            lambda commands: commands.mending.merge_places(
                _known(info, given.duplicate),
                _known(info, given.into),
                _word(commands, given),
                given.into_expected_version,
            ),
        )

    @answered
    def merge_actors(self, info: Info, given: Annotated[MergeInput, INPUT]) -> ActorPayload:
        """Say that two ids mean one actor, at every known time. Needs the role editor.

        The payload is of `into`.
        """
        return _actor(
            info,
            "mergeActors",
            given,
            lambda commands: commands.mending.merge_actors(
                str(given.duplicate),
                str(given.into),
                _word(commands, given),
                given.into_expected_version,
            ),
        )

    @answered
    def unmerge_places(self, info: Info, given: Annotated[UnmergeInput, INPUT]) -> PlacePayload:
        """Say that a merged id means a place of its own after all. Needs the role editor.

        The payload is of that place.
        """
        return _place(
            info,
            "unmergePlaces",
            given,
            lambda commands: commands.mending.unmerge_places(
                str(given.duplicate), _word(commands, given)
            ),
        )

    @answered
    def unmerge_actors(self, info: Info, given: Annotated[UnmergeInput, INPUT]) -> ActorPayload:
        """Say that a merged id means an actor of its own after all. Needs the role editor.

        The payload is of that actor.
        """
        return _actor(
            info,
            "unmergeActors",
            given,
            lambda commands: commands.mending.unmerge_actors(
                str(given.duplicate), _word(commands, given)
            ),
        )

    @answered
    def state_affiliation(
        self, info: Info, given: Annotated[StateAffiliationInput, INPUT]
    ) -> ActorPayload:
        """Keep that somebody says that an actor is affiliated with another. Needs the role editor.

        What is undisputedly part_of another counts as it where holders and sources are reckoned.
        """

        def do(commands: Commands) -> Mended:
            return commands.mending.affiliate(
                str(given.actor_id),
                str(given.with_),
                relation=given.relation,
                according_to=given.according_to,
                from_=given.from_,
                to=given.to,
                disputed=given.disputed,
                expected_version=given.expected_version,
            )

        return _actor(info, "stateAffiliation", given, do)
