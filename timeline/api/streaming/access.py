"""Decides whether a page may open a websocket, by its origin, and until when a caller may listen.

A caller is let in once and then listens for long, so that the token is looked at again meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from timeline.api.access import Caller
from timeline.api.streaming.bounds import RECOGNISED_AGAIN_SECONDS

logger = logging.getLogger(__name__)
T = TypeVar("T")

NO_LONGER_VALID = "the token is no longer valid here"


def is_same_or_allowed_origin(connection: HTTPConnection, allowed: Collection[str]) -> bool:
    """Whether no page of another origin opens it: browsers let any page open a websocket."""
    origin = connection.headers.get("origin")
    if origin is None or origin in allowed:
        return True
    return urlsplit(origin).netloc == connection.headers.get("host")


async def until_invalid(caller: Caller) -> None:
    """Wait until the token that the caller showed is revoked or expires.

    For a caller without a token that is never. While the database does not answer it is not known,
    and nothing new could be read out either: the caller is asked about again.
    """
    is_still_valid = caller.is_still_valid
    if is_still_valid is None:
        await asyncio.Event().wait()
        return
    while True:
        await asyncio.sleep(RECOGNISED_AGAIN_SECONDS)
        try:
            if not await run_in_threadpool(is_still_valid):
                return
        except Exception:
            logger.exception("a subscriber's token could not be looked at; trying again")


async def while_valid(caller: Caller, coming: AsyncIterator[T]) -> AsyncIterator[T]:
    """What comes, for as long as the caller's token is valid."""
    invalid = asyncio.ensure_future(until_invalid(caller))
    following: asyncio.Future[T] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(coming))
            await asyncio.wait((invalid, following), return_when=asyncio.FIRST_COMPLETED)
            if invalid.done():
                return
            yield following.result()
    finally:
        tasks: list[asyncio.Future[Any]] = [invalid] if following is None else [invalid, following]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
