"""Brings the projections up to the log before a request is answered, when the log has moved.

A process may have been killed between an append and its projection, or another process may be
filing: reads must not stay behind for that. One thread catches up at a time; the others wait for it
a little, and then answer from what is there. A catch-up that fails is logged, and not tried again
for a while: old answers are better than none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from timeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

WAIT_SECONDS_MAX = 5.0
RETRY_AFTER_SECONDS = 5.0


class Freshness:
    """Knows up to which position the projections were brought.

    Args:
        store: Tells the head of the log.
        catch_up: Brings the projections to the head; safe to call at any time.
        monotonic: Seconds of a clock that never runs back.
    """

    def __init__(
        self,
        store: EventStore,
        catch_up: Callable[[], object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._catch_up, self._monotonic = store, catch_up, monotonic
        self._lock = threading.Lock()
        self._reached = -1
        self._not_before = 0.0

    def reach(self) -> int:
        """Catch up if the head has moved; the position reached, -1 when it never was."""
        self.ensure()
        return self._reached

    def ensure(self) -> None:
        """Catch up if the head has moved; never raises."""
        try:
            head = self._store.head().position
        except Exception:  # the read that follows says what is the matter
            logger.warning("the head of the log could not be read", exc_info=True)
            return
        if head <= self._reached or not self._lock.acquire(timeout=WAIT_SECONDS_MAX):
            return
        try:
            self._catch_up_to(head)
        finally:
            self._lock.release()

    def _catch_up_to(self, head: int) -> None:
        if head <= self._reached or self._monotonic() < self._not_before:
            return
        try:
            self._catch_up()
            self._reached = head
        except Exception:
            self._not_before = self._monotonic() + RETRY_AFTER_SECONDS
            logger.exception("the projections could not be brought up to position %d", head)
