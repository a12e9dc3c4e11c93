"""Finds anything again by its node id, as known on the day that the id holds."""

from __future__ import annotations

from collections.abc import Callable

from timeline.api.actors import actor_of
from timeline.api.context import Info
from timeline.api.entries import find_claim
from timeline.api.errors import BadUserInput
from timeline.api.incidents import find_incident
from timeline.api.log import find_event
from timeline.api.nodes import Node, identity_of
from timeline.api.places import place_of
from timeline.api.reports import find_version
from timeline.api.sources import find_source


def find_node(info: Info, id_: str) -> Node | None:
    """What a node id stands for; `None` when it is no more.

    Raises:
        BadUserInput: it is no node id.
        InvalidDate: it holds no day.
    """
    type_, *key = identity_of(id_)
    found = _FINDERS.get(type_)
    if found is None:
        raise BadUserInput("this is the node id of no type; use a nodeId exactly as it was given")
    return found(info, key)


def _place(info: Info, key: list[str]) -> Node | None:
    known = info.context.gazetteer.get(key[0])
    return None if known is None else place_of(known)


def _actor(info: Info, key: list[str]) -> Node | None:
    known = info.context.actor_table.get(key[0])
    return None if known is None else actor_of(known)


def _event(info: Info, key: list[str]) -> Node | None:
    position = key[0] if key[0].isascii() and key[0].isdigit() and len(key[0]) < 19 else "0"
    return find_event(info, int(position))


def _known_on(key: list[str]) -> str | None:
    return key[1] if len(key) > 1 else None


_FINDERS: dict[str, Callable[[Info, list[str]], Node | None]] = {
    "Place": _place,
    "Actor": _actor,
    "Source": lambda info, key: find_source(info, key[0]),
    "Report": lambda info, key: find_version(info, key[0], key[-1]),
    "Entry": lambda info, key: find_claim(info, key[0], _known_on(key)),
    "Incident": lambda info, key: find_incident(info, key[0], _known_on(key)),
    "Event": _event,
}
