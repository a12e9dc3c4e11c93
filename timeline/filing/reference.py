"""Reads places and actors from YAML into domain types; the seeds are in this form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from timeline.domain import patterns
from timeline.domain.actors import Actor
from timeline.domain.places import Place
from timeline.errors import InvalidReport
from timeline.filing.documents import decode_text, load_yaml
from timeline.resources import resource

_T = TypeVar("_T", bound=msgspec.Struct)


def load_places(path: Path | None = None) -> list[Place]:
    """The places of a YAML file; of seeds/places.yaml when none is given.

    Raises:
        InvalidReport: the file is no list of places; names the entry and what is wrong with it.
    """
    source = path or resource("seeds") / "places.yaml"
    return [_converted(e, i, source, "place_id", Place) for i, e in enumerate(_entries(source))]


def load_actors(path: Path | None = None) -> list[Actor]:
    """The actors of a YAML file; of seeds/actors.yaml when none is given.

    Raises:
        InvalidReport: the file is no list of actors; names the entry and what is wrong with it.
    """
    source = path or resource("seeds") / "actors.yaml"
    return [_converted(e, i, source, "actor_id", Actor) for i, e in enumerate(_entries(source))]


def _entries(path: Path) -> list[Any]:
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise InvalidReport(str(path), f"cannot be read: {fault.strerror}") from None
    entries = load_yaml(decode_text(content, path), path)
    if not isinstance(entries, list):
        raise InvalidReport(str(path), "must hold a list")
    return entries


def _converted(entry: Any, index: int, path: Path, id_key: str, type_: type[_T]) -> _T:  # noqa: ANN401
    if not isinstance(entry, dict):
        raise InvalidReport(str(path), f"entry {index + 1} is no mapping")
    data = {(id_key if key == "id" else key): value for key, value in entry.items()}
    data = {key: value for key, value in data.items() if value is not None}
    try:
        converted = msgspec.convert(data, type_)
        patterns.check(converted)
    except msgspec.ValidationError as fault:
        name = entry.get("id", index + 1)
        raise InvalidReport(str(path), f"entry {name}: {fault}") from None
    return converted
