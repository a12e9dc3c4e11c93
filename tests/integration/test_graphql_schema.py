"""The published schema is the one that is served, and describes everything in it."""

from __future__ import annotations

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
    specified_scalar_types,
)

from timeline.api.schema import sdl
from timeline.resources import resource

BUILT_IN = set(specified_scalar_types)


def test_the_published_schema_is_current() -> None:
    assert (resource("schema") / "schema.graphql").read_text(encoding="utf-8") == sdl(), (
        "write it anew: timeline schema"
    )


def test_every_type_field_and_argument_is_described() -> None:
    bare = []
    for name, kind in build_schema(sdl()).type_map.items():
        if name.startswith("__") or name in BUILT_IN:
            continue
        assert isinstance(
            kind,
            GraphQLObjectType
            | GraphQLInputObjectType
            | GraphQLInterfaceType
            | GraphQLEnumType
            | GraphQLScalarType
            | GraphQLUnionType,
        )
        if not kind.description:
            bare.append(name)
        for field_name, field in getattr(kind, "fields", {}).items():
            if not field.description:
                bare.append(f"{name}.{field_name}")
            bare += [
                f"{name}.{field_name}({argument})"
                for argument, value in getattr(field, "args", {}).items()
                if not value.description
            ]

    assert bare == []
