"""Bounds how much one caller may ask for in a time: requests, and the rows that answers read.

Two token buckets a caller, in the memory of one process. Requests are paid before, rows when it is
known how many they were: a bucket of rows may go below nothing, and the next request then waits.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from timeline.api.limits import RateLimits

CALLERS_KEPT_MAX = 10_000


@dataclass
class _Left:
    requests: float
    rows: float
    at: float


class Buckets:
    """What each caller has left.

    Args:
        rates: How fast it comes back, and how much can be kept.
        monotonic: Seconds of a clock that never runs back.
    """

    def __init__(self, rates: RateLimits, monotonic: Callable[[], float]) -> None:
        self._rates, self._monotonic = rates, monotonic
        self._left: OrderedDict[str, _Left] = OrderedDict()
        self._lock = threading.Lock()

    def take_request(self, caller: str) -> int:
        """Take one request; returns 0, or how many whole seconds to wait for one."""
        with self._lock:
            left = self._filled(caller)
            missing = max(
                (1 - left.requests) / self._rates.requests_per_second,
                -left.rows / self._rates.rows_per_second,
            )
            if missing > 0:
                return math.ceil(missing)
            left.requests -= 1
            return 0

    def take_rows(self, caller: str, rows: int) -> None:
        """Take the rows that an answer read."""
        with self._lock:
            self._filled(caller).rows -= rows

    def _filled(self, caller: str) -> _Left:
        now, rates = self._monotonic(), self._rates
        left = self._left.get(caller)
        if left is None:
            left = _Left(rates.requests_burst, rates.rows_burst, now)
            self._left[caller] = left
            if len(self._left) > CALLERS_KEPT_MAX:
                self._left.popitem(last=False)
        self._left.move_to_end(caller)
        since = now - left.at
        left.requests = min(rates.requests_burst, left.requests + since * rates.requests_per_second)
        left.rows = min(rates.rows_burst, left.rows + since * rates.rows_per_second)
        left.at = now
        return left
