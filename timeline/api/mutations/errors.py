"""GraphQL types of what a user can mend: told as data beside the result, not as failures."""

from __future__ import annotations

from typing import TypeVar, dataclass_transform

import strawberry
from strawberry import ID

from timeline.api.described import described
from timeline.errors import (
    AmbiguousPlace,
    EventIdReused,
    InvalidEvent,
    InvalidReport,
    KeyReused,
    NotFound,
    PartlyAppended,
    PlaceNotFound,
    TimelineError,
    WrongExpectedVersion,
)
from timeline.errors import InvalidDate as InvalidDateError

T = TypeVar("T")

MENDABLE = (
    WrongExpectedVersion, PartlyAppended, EventIdReused, KeyReused, PlaceNotFound, AmbiguousPlace,
    InvalidDateError, InvalidReport, InvalidEvent, NotFound,
)  # fmt: skip


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def _interface(kind: type[T]) -> type[T]:
    return strawberry.interface(kind, description=" ".join((kind.__doc__ or "").split()))


@_interface
class UserError:
    """Why nothing was changed, and what to mend; its type says which kind of thing."""

    message: str = strawberry.field(description="One sentence for a person.")


@described
class Conflict(UserError):
    """Somebody else was faster, or an idempotency key is taken; read again, and decide again."""

    expected: int | None = strawberry.field(
        description="The version that was expected of the stream; null when none was."
    )
    actual: int | None = strawberry.field(
        description="The version that the stream has; null when it is not about that."
    )


@described
class UnknownPlace(UserError):
    """No place is known by a name or id."""

    name: str = strawberry.field(description="The name or id as given.")
    suggestions: list[ID] = strawberry.field(description="Near names, likeliest first; often none.")


@described
class AmbiguousName(UserError):
    """Several places have a name; give the id of one."""

    name: str = strawberry.field(description="The name as given.")
    candidates: list[ID] = strawberry.field(description="The ids of the places that have it.")


@described
class InvalidDate(UserError):
    """A date is none, is no day of the calendar, or cannot be right."""

    text: str = strawberry.field(description="The date as given.")


@described
class UnknownTarget(UserError):
    """There is no such report, claim or actor."""


@described
class InvalidInput(UserError):
    """Something else of the input does not hold."""


USER_ERRORS = (Conflict, UnknownPlace, AmbiguousName, InvalidDate, UnknownTarget, InvalidInput)


def error_of(fault: TimelineError) -> UserError:
    """The error to show for what was refused; `fault` is one of MENDABLE."""
    text = str(fault)
    date = _date_in(fault)
    if isinstance(fault, WrongExpectedVersion):
        return Conflict(message=text, expected=fault.expected, actual=fault.actual)
    if isinstance(fault, PartlyAppended | EventIdReused | KeyReused):
        return Conflict(message=text, expected=None, actual=None)
    if isinstance(fault, PlaceNotFound):
        found = [ID(s) for s in fault.suggestions]
        return UnknownPlace(message=text, name=fault.name, suggestions=found)
    if isinstance(fault, AmbiguousPlace):
        found = [ID(c) for c in fault.candidates]
        return AmbiguousName(message=text, name=fault.name, candidates=found)
    if date is not None:
        return InvalidDate(message=text, text=date)
    if isinstance(fault, NotFound):
        return UnknownTarget(message=text)
    return InvalidInput(message=text)


def _date_in(fault: BaseException | None) -> str | None:
    """The date that was refused, perhaps within a report that was refused for it."""
    for _ in range(5):
        if isinstance(fault, InvalidDateError):
            return fault.text
        fault = None if fault is None else fault.__context__
    return None
