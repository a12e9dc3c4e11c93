"""Makes leaner twins of domain types, which hold only what a query selects of stored JSON.

What is stored was checked when it was written. A twin passes over the fields that nobody asked for
and reads vocabularies as plain text, which is what goes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import EnumMeta
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

_UNIONS = (Union, UnionType)


@cache
def lean(kind: type[Struct], wanted: frozenset[str] | None = None) -> type[Struct]:
    """The twin of a domain type with some of its fields; `None` is all of them.

    A field without a default has none in the twin either.
    """
    declared = [f for f in fields(kind) if wanted is None or f.name in wanted]
    return msgspec.defstruct(
        f"Lean{kind.__name__}",
        [_field(f) for f in declared],
        kw_only=True,
        frozen=True,
        gc=False,
    )


def with_fields(base: type[Struct], more: Iterable[tuple[str, Any, Any]]) -> type[Struct]:
    """A twin with further fields, each with its type and default."""
    return msgspec.defstruct(
        f"{base.__name__}More", list(more), bases=(base,), kw_only=True, frozen=True, gc=False
    )


def _field(field: FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    name, twin, value = field.name, _lean_type(field.type), field.default
    if field.required:
        return name, twin
    if value is NODEFAULT:
        value = field.default_factory()
    if value is not None:
        value = msgspec.convert(msgspec.to_builtins(value), twin)
    return name, twin, value


def _lean_type(type_: Any) -> Any:  # noqa: ANN401 - a type, in any of the forms of `typing`
    origin, inner = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return _lean_type(inner[0])
    if origin in _UNIONS:
        twins = [_lean_type(t) for t in inner if t is not NoneType]
        return Union[tuple(twins) + ((None,) if NoneType in inner else ())]  # noqa: UP007
    if origin is tuple and inner[-1] is Ellipsis:
        return tuple[_lean_type(inner[0]), ...]  # type: ignore[misc]
    if isinstance(type_, EnumMeta):
        return str
    if isinstance(type_, type) and issubclass(type_, Struct):
        return lean(type_)
    return type_
