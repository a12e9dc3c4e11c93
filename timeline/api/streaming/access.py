"""Decides whether a page may open a websocket at all, by its origin."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection


def is_same_or_allowed_origin(connection: HTTPConnection, allowed: Collection[str]) -> bool:
    """Whether no page of another origin opens it: browsers let any page open a websocket."""
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return urlsplit(origin).netloc == connection.headers.get("host")
