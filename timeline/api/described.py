"""Declares GraphQL types and fields whose docstring is what the schema says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, dataclass_transform

import strawberry

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def text_of(of: object) -> str:
    """The docstring of a class or function on one line."""
    return " ".join((of.__doc__ or "").split())


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def described(kind: type[T]) -> type[T]:
    """A GraphQL object type, described by the class's docstring."""
    return strawberry.type(kind, description=text_of(kind))


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def asked(kind: type[T]) -> type[T]:
    """A GraphQL input type, described by the class's docstring."""
    return strawberry.input(kind, description=text_of(kind))


def answered(resolver: F) -> F:
    """A GraphQL field, answered by a method and described by its docstring."""
    return cast("F", strawberry.field(resolver=resolver, description=text_of(resolver)))
