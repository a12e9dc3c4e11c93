"""Checks the form of ids where an event is made, so that reading the log need not do it again.

A `Meta(pattern=...)` is matched anew by every decode; over a whole log that took longer than
decoding the rest. `written_as` keeps the pattern in the JSON Schema alone, and `check` is what
holds a payload to it before it is stored, and whatever else comes from outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import msgspec
from msgspec import Meta, Struct, inspect

_Check = Callable[[Any, str], None]


def written_as(pattern: str, *, length_max: int | None = None) -> Meta:
    """The annotation of a text that matches `pattern` wherever it is written."""
    return Meta(max_length=length_max, extra_json_schema={"pattern": pattern})


def ordered(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """A JSON Schema with each pattern behind its bounds, as the published ones have it."""
    if isinstance(schema, list):
        return [ordered(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    keys = sorted(schema, key=lambda key: key == "pattern")
    return {key: ordered(schema[key]) for key in keys}


def has_patterns(type_: type[Struct]) -> bool:
    """Whether `check` looks at anything in payloads of a type."""
    return _check_of(type_) is not None


def check(payload: Struct) -> None:
    """Hold every text of a payload that is annotated by `written_as` to its pattern.

    Raises:
        msgspec.ValidationError: one does not match; says which, as msgspec does.
    """
    inner = _check_of(type(payload))
    if inner is not None:
        inner(payload, "$")


@cache
def _check_of(type_: type[Struct]) -> _Check | None:
    return _check_for(inspect.type_info(type_))


def _check_for(info: inspect.Type) -> _Check | None:
    """What checks values of a type; None where nothing in it has a pattern."""
    if isinstance(info, inspect.Metadata):
        pattern = (info.extra_json_schema or {}).get("pattern")
        if pattern is not None:
            return partial(_check_text, re.compile(pattern))
        return _check_for(info.type)
    if isinstance(info, inspect.UnionType):
        # None is the only other member of any union here, and the checks pass over it.
        return next(filter(None, map(_check_for, info.types)), None)
    if isinstance(info, inspect.VarTupleType):
        inner = _check_for(info.item_type)
        return None if inner is None else partial(_check_items, inner)
    if isinstance(info, inspect.StructType):
        of_fields = [(field.name, _check_for(field.type)) for field in info.fields]
        checks = [(name, inner) for name, inner in of_fields if inner is not None]
        return partial(_check_fields, checks) if checks else None
    return None


def _check_text(pattern: re.Pattern[str], value: str | None, where: str) -> None:
    if value is not None and not pattern.search(value):
        raise msgspec.ValidationError(
            f"Expected `str` matching regex {pattern.pattern!r} - at `{where}`"
        )


def _check_items(check_item: _Check, value: tuple[object, ...] | None, where: str) -> None:
    for index, item in enumerate(value or ()):
        check_item(item, f"{where}[{index}]")


def _check_fields(checks: list[tuple[str, _Check]], value: Struct | None, where: str) -> None:
    if value is not None:
        for name, check_field in checks:
            check_field(getattr(value, name), f"{where}.{name}")
