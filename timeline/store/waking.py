"""Wakes the subscriptions of other processes on Postgres, a little earlier than they would poll.

NOTIFY is sent after the commit, in a transaction of its own: inside the appending one it would take
a lock on the whole server. Nothing rests on it: one that is lost, or not sent, costs the time to
the reader's next poll. While appends follow one another closely a reader polls closely too, so only
the first after a quiet spell is announced.
"""

from __future__ import annotations

import time
from contextlib import suppress
from hashlib import sha256

from sqlalchemy import Connection, Engine

from timeline.errors import TimelineError
from timeline.store.engine import postgres_driver, single_read

QUIET_SECONDS = 0.05


def channel(casebook: str) -> str:
    """The channel that a casebook's appends are announced on; a name Postgres takes unquoted."""
    return f"timeline_{sha256(casebook.encode()).hexdigest()[:32]}"


class Waker:
    """Announces a casebook's appends, at most once in `QUIET_SECONDS`."""

    def __init__(self, engine: Engine, casebook: str) -> None:
        self._engine, self._channel = engine, channel(casebook)
        self._announced_at = float("-inf")

    def wake(self) -> None:
        """Announce that events were committed; never fails, and does nothing on SQLite."""
        now = time.monotonic()
        is_quiet = now - self._announced_at >= QUIET_SECONDS
        self._announced_at = now
        if not is_quiet or self._engine.dialect.name != "postgresql":
            return
        with suppress(TimelineError), single_read(self._engine) as connection:
            _notify(connection, self._channel)


def _notify(connection: Connection, name: str) -> None:
    postgres_driver(connection).execute("SELECT pg_notify(%s, '')", (name,))
