"""Writes the JSON Schema of each stored event type, as it is published under schema/events/."""

from __future__ import annotations

from typing import Any

import msgspec

from timeline.domain import patterns
from timeline.domain.events import EVENT_TYPES, schema_version


def json_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every event type in its newest version, by file name."""
    return {
        f"{name}.v{schema_version(name)}.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **patterns.ordered(msgspec.json.schema(type_)),
        }
        for name, type_ in sorted(EVENT_TYPES.items())
    }
