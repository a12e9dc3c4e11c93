"""Decides who may open a stream: the origin of a page, and the hook for tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

MayRead = Callable[[HTTPConnection, str | None], bool]
"""Whether a connection may read, given what it sent as Authorization; called in a thread."""


def anyone(_connection: HTTPConnection, _authorization: str | None) -> bool:
    """Reading is open to all."""
    return True


def is_same_or_allowed_origin(connection: HTTPConnection, allowed: Collection[str]) -> bool:
    """Whether no page of another origin opens it: browsers let any page open a websocket."""
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return urlsplit(origin).netloc == connection.headers.get("host")
