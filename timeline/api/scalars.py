"""Decides how scalars of our own are written: positions, instants, uncertain dates and GeoJSON.

Fields of the first release write dates as String and keep to it, since another type would break
whoever asks them; `DateTime` and `EDTF` are those of every field that came later.
"""

from __future__ import annotations

from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from timeline.domain.time import moment_end, occurred_from_edtf
from timeline.errors import InvalidDate

POSITION_MAX = 2**63 - 1

Position = NewType("Position", int)
DateTime = NewType("DateTime", str)
EDTF = NewType("EDTF", str)
GeoJSON = NewType("GeoJSON", dict[str, Any])


def _parse_position(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= POSITION_MAX:
        raise GraphQLError("a position is a whole number from 0, as a number or as its digits")
    return value


def _parse_instant(value: object) -> str:
    try:
        if not isinstance(value, str) or "T" not in value:
            raise GraphQLError("an instant is a date and time with offset, as RFC 3339 writes it")
        moment_end(value, "UTC")
    except InvalidDate as error:
        raise GraphQLError(str(error)) from None
    return value


def _parse_edtf(value: object) -> str:
    try:
        if not isinstance(value, str):
            raise GraphQLError("a date is a text in EDTF, such as 2016-02-24 or ../2016-02-25")
        occurred_from_edtf(value)
    except InvalidDate as error:
        raise GraphQLError(str(error)) from None
    return value


def _parse_geojson(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise GraphQLError("a GeoJSON object has a type")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    Position: strawberry.scalar(
        name="Position",
        description="A position in a casebook's log: a whole number from 1, wider than Int's 32"
        " bits. Given as a number, or as its digits in a string; answered as a number.",
        serialize=int,
        parse_value=_parse_position,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant as RFC 3339 writes it, with its offset; answered in UTC, such as"
        " 2016-02-24T22:00:00.000000Z.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=str,
        parse_value=_parse_instant,
    ),
    EDTF: strawberry.scalar(
        name="EDTF",
        description="An uncertain date in the Extended Date/Time Format (ISO 8601-2), such as"
        " 2016-02-24, 2016-02, 2016-02-23/2016-02-25, or ../2016-02-25 (not later than).",
        specified_by_url="https://www.loc.gov/standards/datetime/",
        serialize=str,
        parse_value=_parse_edtf,
    ),
    GeoJSON: strawberry.scalar(
        name="GeoJSON",
        description="A GeoJSON object (RFC 7946): positions are WGS84 degrees, longitude first.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc7946",
        serialize=dict,
        parse_value=_parse_geojson,
    ),
}
