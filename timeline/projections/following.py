"""Keeps projections at the end of the log while a process lives: waits, then catches up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event

from timeline.errors import DatabaseUnavailable
from timeline.store.event_store import EventStore
from timeline.store.subscription import Subscription

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5.0


class Follower:
    """Follows a log and catches up whenever it has grown; any thread may stop it.

    Args:
        store: Whose log.
        catch_up: Brings the projections to the head; safe to call at any time.
    """

    def __init__(self, store: EventStore, catch_up: Callable[[], object]) -> None:
        self._store, self._catch_up = store, catch_up
        self._stopped = Event()
        self._subscription: Subscription | None = None

    def run(self) -> None:
        """Follow until stopped; a database that went away is waited for."""
        while not self._stopped.is_set():
            try:
                self._follow()
            except DatabaseUnavailable as fault:
                logger.warning("the log cannot be followed, trying again: %s", fault)
                self._stopped.wait(RETRY_AFTER_SECONDS)

    def _follow(self) -> None:
        with Subscription(self._store, after=self._store.head().position) as subscription:
            self._subscription = subscription
            self._catch_up()
            while not self._stopped.is_set() and subscription.batch():
                self._catch_up()

    def stop(self) -> None:
        """End `run`, waking it if it waits."""
        self._stopped.set()
        if self._subscription is not None:
            self._subscription.stop()
