"""Carries one change out: for its author, once, with what a user can mend told as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import strawberry

from timeline.api.context import Info
from timeline.api.mutations.errors import MENDABLE, UserError, error_of
from timeline.api.scalars import Position
from timeline.filing.commands import Commands
from timeline.store.idempotency import digest_of

T = TypeVar("T")
Told = dict[str, Any]

INPUT = strawberry.argument(name="input", description="What to do.")


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def input_of(kind: type[T]) -> type[T]:
    """A GraphQL input type, described by the class's docstring."""
    return strawberry.input(kind, description=" ".join((kind.__doc__ or "").split()))


def key_field() -> Any:  # noqa: ANN401 - what a dataclass takes for a field
    """The idempotency key of an input."""
    return strawberry.field(
        default=None,
        description="One of your own a request, such as a UUID: the same request sent again within"
        " a day, with the same key, changes nothing and is answered as the first time.",
    )


def version_field() -> Any:  # noqa: ANN401 - what a dataclass takes for a field
    """The expected version of an input."""
    return strawberry.field(
        default=None,
        description="The version that the stream must have, as `version` of an earlier payload or"
        " of the stream's last event tells it; a Conflict otherwise. Null takes any.",
    )


def position_field() -> Any:  # noqa: ANN401 - what a dataclass takes for a field
    """The position in a payload."""
    return strawberry.field(
        description="The position of the last event that this appended; null when nothing was."
    )


def stream_version_field() -> Any:  # noqa: ANN401 - what a dataclass takes for a field
    """The stream's version in a payload."""
    return strawberry.field(
        description="The version of the stream after the change; null when nothing was changed."
    )


def errors_field() -> Any:  # noqa: ANN401 - what a dataclass takes for a field
    """The errors in a payload."""
    return strawberry.field(
        description="Why nothing was changed; empty when the change was made, or made before."
    )


def changed(
    info: Info, name: str, given: object, key: str | None, do: Callable[[Commands], Told]
) -> tuple[Told, list[UserError]]:
    """What a change came to, empty when it was refused; and why it was.

    The projections are caught up by then: whoever made the change reads it at once.

    Args:
        info: Tells who asks.
        name: Of the mutation.
        given: Its input.
        key: Its idempotency key.
        do: Makes the change; its answer is JSON, since it may be kept.
    """
    try:
        with info.context.caller.writing() as commands:
            if key is None:
                return do(commands), []
            requester = commands.author.token_id or commands.author.name
            digest = digest_of([name, strawberry.asdict(given)])
            return commands.requests.once(requester, key, digest, lambda: do(commands)), []
    except MENDABLE as fault:
        return {}, [error_of(fault)]
    finally:
        info.context.forget()


def position_of(told: Told) -> Position | None:
    """The position in what a change came to."""
    return None if told.get("position") is None else Position(told["position"])
