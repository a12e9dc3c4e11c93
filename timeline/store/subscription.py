"""Follows a casebook's log from a position on: yields what is there, then what comes.

It polls, which is all that it rests on: the log is gapless and in commit order, so that reading
after the last position misses nothing. Polls follow one another closely while events come, and
slow down to a bound when none do. On Postgres it also listens, to be woken earlier; what a lost
listener costs is the time to the next poll.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from timeline.store.engine import CONNECT_SECONDS_MAX
from timeline.store.event_store import EventStore
from timeline.store.events import EVENTS_PER_PAGE, StoredEvent
from timeline.store.waking import channel

POLL_SECONDS_MIN = 0.01
POLL_SECONDS_MAX = 0.5
LISTEN_AGAIN_SECONDS = 5.0


class Subscription(Iterator[StoredEvent]):
    """An iterator over a log's events that waits for more at its end, until it is stopped.

    One thread iterates; any thread may stop it. Use it as a context manager, or close it.

    Args:
        store: Whose log to follow.
        after: The position to begin after; 0 begins with the first event. From a checkpoint:
            `store.parse_checkpoint(text)`.
        listens: Whether to be woken by NOTIFY on Postgres, which takes a connection of its own.
    """

    def __init__(self, store: EventStore, after: int = 0, *, listens: bool = True) -> None:
        self._store = store
        self._page: list[StoredEvent] = []
        self._next = 0
        self._read_up_to = self._position = after
        self._is_stopped = False
        self._waiter = _Waiter(store.engine, store.casebook, listens=listens)

    @property
    def position(self) -> int:
        """The position of the last event that was handed out."""
        return self._position

    @property
    def checkpoint(self) -> str:
        """The opaque checkpoint to go on from after the last event that was handed out."""
        return self._store.checkpoint(self._position)

    def __next__(self) -> StoredEvent:
        """The next event; waits for it.

        Raises:
            StopIteration: it was stopped.
            DatabaseUnavailable: the database went away, and did not come back in time.
        """
        if self._next == len(self._page) or self._is_stopped:
            self._page, self._next = self._wait_for_page(None), 0
            if not self._page:
                raise StopIteration
        event = self._page[self._next]
        self._next += 1
        self._position = event.position
        return event

    def batch(self, timeout_seconds: float | None = None) -> list[StoredEvent]:
        """The next events, in order, at most a page; waits for the first of them.

        Args:
            timeout_seconds: How long to wait; None waits until one comes.

        Returns:
            At least one event; none when the time is over or the subscription was stopped.

        Raises:
            DatabaseUnavailable: the database went away, and did not come back in time.
        """
        left = [] if self._is_stopped else self._page[self._next :]
        self._page, self._next = [], 0
        events = left or self._wait_for_page(timeout_seconds)
        if events:
            self._position = events[-1].position
        return events

    def stop(self) -> None:
        """End the iteration, waking it if it waits; may be called from any thread, and again."""
        self._is_stopped = True
        self._waiter.wake()

    def close(self) -> None:
        """Stop, and give back what it holds; to be called by the thread that iterates."""
        self.stop()
        self._waiter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_for_page(self, timeout_seconds: float | None) -> list[StoredEvent]:
        end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        poll_seconds = POLL_SECONDS_MIN
        while not self._is_stopped:
            page = list(self._store.read(self._read_up_to, EVENTS_PER_PAGE))
            if page:
                self._read_up_to = page[-1].position
                return page
            left = poll_seconds if end is None else min(poll_seconds, end - time.monotonic())
            if left <= 0:
                return []
            if not self._waiter.wait(left):
                poll_seconds = min(2 * poll_seconds, POLL_SECONDS_MAX)
        return []


class _Waiter:
    """Waits until it is woken, by this process or by a NOTIFY, or until the time is over."""

    def __init__(self, engine: Engine, casebook: str, *, listens: bool) -> None:
        self._engine, self._channel = engine, channel(casebook)
        self._listens = listens and engine.dialect.name == "postgresql"
        self._listener: psycopg.Connection[Any] | None = None
        self._listen_at = float("-inf")
        self._bell, self._ring = socket.socketpair()
        self._bell.setblocking(False)
        self._ring.setblocking(False)

    def wake(self) -> None:
        # A closed pair has nobody to wake, and a full one has a bell that rings already.
        with suppress(OSError):
            self._ring.send(b"!")

    def wait(self, seconds: float) -> bool:
        """Whether something happened before the time was over."""
        listener = self._listening()
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            if listener is not None:
                selector.register(listener, selectors.EVENT_READ)
            is_woken = bool(selector.select(seconds))
        if is_woken:
            with suppress(BlockingIOError):
                self._bell.recv(4096)
            self._hear()
        return is_woken

    def close(self) -> None:
        self._stop_listening()
        self._bell.close()
        self._ring.close()

    def _listening(self) -> int | None:
        """The socket of the connection that listens; `None` while there is none.

        A database that goes away at any point here leaves the waiter to its polling.
        """
        try:
            if self._listens and self._listener is None and time.monotonic() >= self._listen_at:
                self._listen_at = time.monotonic() + LISTEN_AGAIN_SECONDS
                arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
                options = {"connect_timeout": CONNECT_SECONDS_MAX, **options, "autocommit": True}
                self._listener = psycopg.connect(*arguments, **options)
                name = sql.Identifier(self._channel)
                self._listener.execute(sql.SQL("LISTEN {}").format(name))
            return None if self._listener is None else self._listener.fileno()
        except psycopg.Error:
            self._stop_listening()
            return None

    def _hear(self) -> None:
        if self._listener is None:
            return
        try:
            for _ in self._listener.notifies(timeout=0):
                pass
        except psycopg.Error:
            self._stop_listening()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            with suppress(psycopg.Error):
                self._listener.close()
            self._listener = None
