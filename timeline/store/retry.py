"""Tries again what a lost connection interrupted, for a bounded time.

It lives in the store, because only there is a second try safe: an append is stored once whatever
happened to the first try, since its events are known by their ids, and a page of a read changes
nothing. What runs in a caller's own transaction is the caller's to repeat. A database that never
answered is not waited for: its URL is more likely wrong than its server restarting.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from timeline.store.engine import ConnectionLost

# A Postgres that crashed under load is back in a few seconds; the waits add up to 15.
ATTEMPTS_MAX = 13
WAIT_SECONDS_FIRST = 0.05
WAIT_SECONDS_MAX = 2.0

_T = TypeVar("_T")


def retried(attempt: Callable[[], _T], sleep: Callable[[float], object] = time.sleep) -> _T:
    """What `attempt` returns, tried again after each lost connection.

    Args:
        attempt: Must be safe to repeat when nobody knows whether it was done.
        sleep: Waits so many seconds.

    Raises:
        ConnectionLost: the last of `ATTEMPTS_MAX` tries failed too.
    """
    wait_seconds = WAIT_SECONDS_FIRST
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return attempt()
        except ConnectionLost:
            sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)
    try:
        return attempt()
    except ConnectionLost as error:
        raise ConnectionLost(f"{error} (given up after {ATTEMPTS_MAX} attempts)") from error
