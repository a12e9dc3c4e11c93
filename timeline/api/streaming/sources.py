"""Makes the messages of each subscription once, and hands them to all who asked the same.

A source follows the log for one question and keeps its last messages, up to a bound. Nothing is
kept for a subscriber but its place in them: one that has fallen behind what is kept reads page by
page from the tables, as one that comes with an old checkpoint does, until it has caught up. So a
slow consumer costs no memory, and misses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from operator import attrgetter

import anyio

from timeline.api.context import Context
from timeline.api.endpoint import Asked
from timeline.api.errors import request_error
from timeline.api.streaming.bounds import (
    KEEP_ALIVE_SECONDS,
    MESSAGE_BYTES_KEPT_MAX,
    MESSAGES_KEPT_MAX,
    POLL_SECONDS,
    READS_AT_ONCE_MAX,
    SUBSCRIPTIONS_MAX,
)
from timeline.api.streaming.plans import Message, Plan, Result, read_messages, understand
from timeline.projections.reading import Reader
from timeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

_position = attrgetter("position")
Read = Callable[[int], Awaitable[tuple[list[Message], int]]]


class Source:
    """One question that is followed for all who ask it.

    Args:
        read: Reads the next messages after a position from the tables, and tells up to where
            they are all.
        start: The position to follow from.
    """

    def __init__(self, read: Read, start: int) -> None:
        self.read = read
        self.subscribers = 0
        self.reached = self._kept_after = start
        self._kept: list[Message] = []
        self._kept_bytes = 0
        self._moved = asyncio.Event()

    async def step(self) -> bool:
        """Read what has come; whether something had."""
        messages, reached = await self.read(self.reached)
        if reached == self.reached:
            return False
        self._keep(messages)
        self.reached = reached
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        return True

    def _keep(self, messages: list[Message]) -> None:
        self._kept += messages
        self._kept_bytes += sum(len(m.payload) for m in messages)
        spare = 0
        while self._kept_bytes > MESSAGE_BYTES_KEPT_MAX or (
            len(self._kept) - spare > MESSAGES_KEPT_MAX
        ):
            self._kept_bytes -= len(self._kept[spare].payload)
            spare += 1
        if spare:
            self._kept_after = self._kept[spare - 1].position
            del self._kept[:spare]

    async def batches(self, after: int) -> AsyncIterator[tuple[list[Message], int]]:
        """Messages after a position as they come, and up to where they are all.

        An empty list says that nothing came for a while.
        """
        while True:
            if after < self._kept_after:
                messages, after = await self.read(after)
                if messages:
                    yield messages, after
            elif after < self.reached:
                first = bisect_right(self._kept, after, key=_position)
                messages, after = self._kept[first:], self.reached
                if messages:
                    yield messages, after
            else:
                try:
                    await asyncio.wait_for(self._moved.wait(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield [], after


class Hub:
    """All subscriptions of a server; used by its event loop, but for `ring`.

    Args:
        reader: Reads the projections.
        store: Reads the log.
    """

    def __init__(self, reader: Reader, store: EventStore) -> None:
        self._reader, self._store = reader, store
        self._sources: dict[str, tuple[Source, asyncio.Task[None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell = asyncio.Event()
        self._threads: anyio.CapacityLimiter | None = None
        self.subscribers = 0

    def ring(self) -> None:
        """Say that the projections have moved; from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._rung)

    def _rung(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    async def plan(self, asked: Asked, resumed_after: str | None = None) -> Plan | Result:
        """Understand a subscription; the result says why it cannot be had."""
        if self.subscribers >= SUBSCRIPTIONS_MAX:
            return too_many(SUBSCRIPTIONS_MAX, "this server")
        return await anyio.to_thread.run_sync(
            understand, self._reader, self._store, asked, resumed_after, limiter=self._limiter()
        )

    @asynccontextmanager
    async def subscribed(self, plan: Plan) -> AsyncIterator[Source]:
        """The source of a question, followed while somebody is in here."""
        self._loop = asyncio.get_running_loop()
        self.subscribers += 1
        try:
            source = await self._source(plan)
            source.subscribers += 1
            try:
                yield source
            finally:
                source.subscribers -= 1
                if source.subscribers == 0:
                    self._sources.pop(plan.key)[1].cancel()
        finally:
            self.subscribers -= 1

    async def _source(self, plan: Plan) -> Source:
        if plan.key not in self._sources:
            limiter = self._limiter()

            def end() -> int:
                return plan.feed.end(Context(self._reader, self._store))

            async def read(after: int) -> tuple[list[Message], int]:
                return await anyio.to_thread.run_sync(
                    read_messages, self._reader, self._store, plan, after, limiter=limiter
                )

            start = await anyio.to_thread.run_sync(end, limiter=limiter)
            if plan.key not in self._sources:
                source = Source(read, start)
                self._sources[plan.key] = (source, asyncio.create_task(self._follow(source)))
        return self._sources[plan.key][0]

    async def _follow(self, source: Source) -> None:
        while True:
            bell = self._bell
            try:
                while await source.step():
                    pass
            except Exception:
                logger.exception("a subscription could not be read on; trying again")
                await asyncio.sleep(POLL_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), POLL_SECONDS)

    def _limiter(self) -> anyio.CapacityLimiter:
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(READS_AT_ONCE_MAX)
        return self._threads


def too_many(most: int, of: str) -> Result:
    """The result of one subscription more than there may be."""
    return request_error(f"{of} has {most} subscriptions, the most", "TOO_MANY_SUBSCRIPTIONS")
