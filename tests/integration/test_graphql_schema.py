"""The published schema is the one that is served, and describes everything in it."""

from __future__ import annotations

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_composite_type,
    specified_scalar_types,
)

from timeline.api import limits
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
            | GraphQLInterfaceType
            | GraphQLInputObjectType
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


def test_every_list_without_pages_is_reckoned_by_the_limits() -> None:
    schema = build_schema(sdl())
    known = {**limits.ASSUMED_ROWS, **limits.ASSUMED_PARTS}
    unknown = [
        f"{name}.{field_name}"
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and name[:2] != "__"
        for field_name, field in kind.fields.items()
        if _is_list(field.type)
        and is_composite_type(get_named_type(field.type))
        and "first" not in field.args
        and not (name.endswith("Connection") and field_name in ("edges", "nodes"))
        and f"{name}.{field_name}" not in known
    ]

    assert unknown == []


def test_the_limits_name_no_field_that_is_not_there() -> None:
    types = build_schema(sdl()).type_map
    for path in (*limits.ASSUMED_ROWS, *limits.ASSUMED_PARTS):
        name, _, field = path.partition(".")
        assert field in getattr(types[name], "fields", {}), path


def test_every_connection_has_the_arguments_of_a_page_and_its_order() -> None:
    page = {"first", "after", "last", "before"}
    for name, kind in build_schema(sdl()).type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            if getattr(get_named_type(field.type), "name", "").endswith("Connection"):
                ordered = field.args.keys() >= {"orderBy"} or field_name == "search"
                assert field.args.keys() >= page, f"{name}.{field_name}"
                assert ordered, f"{name}.{field_name}"


def _is_list(kind: object) -> bool:
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return isinstance(bare, GraphQLList)
