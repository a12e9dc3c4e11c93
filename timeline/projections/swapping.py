"""Makes a casebook's live rows those that were built beside them, in one short transaction.

What has to be written is found beforehand, in a snapshot. Live rows of an older version stand still
meanwhile. Others may be caught up: where nothing differed they go on as they are, since the same
rules keep them up; else such a projection is compared again under the locks.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection, Table, delete, select, text, tuple_
from sqlalchemy.exc import DBAPIError

from timeline.errors import SwapTooLong
from timeline.projections import checkpointing, comparing
from timeline.projections.batches import Projection
from timeline.projections.checkpointing import Checkpoint
from timeline.projections.comparing import Comparison, Difference
from timeline.projections.feeding import Feed
from timeline.store.engine import SQLITE_STEPS_PER_LOOK, sqlite_driver

ROWS_PER_DELETE = 5_000
STATEMENT_MS_MAX = 1_800_000
# How long a swap that nobody asked for may hold SQLite's lock: writers wait for up to 30 s. On
# Postgres nobody waits, since what is of an older version is fed by nobody.
UNASKED_SECONDS_MAX = 20.0


class Swap:
    """One swap of some projections' rows.

    Args:
        live: Feeds the live rows.
        live_key: Under which they stand.
        build_key: Under which those of the build stand.
        members: The projections whose rows are swapped.
        seconds_max: How long writing may take on SQLite; `None` is for as long as it takes.
    """

    def __init__(
        self,
        live: Feed,
        live_key: str,
        build_key: str,
        members: Sequence[Projection],
        seconds_max: float | None = None,
    ) -> None:
        self._seconds_max = seconds_max
        self._live, self._live_key, self._build_key = live, live_key, build_key
        self._members = tuple(members)
        self._seen: dict[str, tuple[Checkpoint, Checkpoint]] = {}
        self._compared: dict[Table, Comparison] = {}
        self._layout = 0

    def compare(self, connection: Connection) -> None:
        """Note, in a snapshot, which rows differ; at the same positions, or the older live ones."""
        allow_long_statements(connection)
        self._layout = comparing.layout(connection)
        live = self._live.checkpoints(connection)
        built = checkpointing.read(connection, self._build_key)
        for p in self._members:
            if p.name not in built:
                return  # somebody took the build away; who writes finds that too
            self._seen[p.name] = (live[p.name], built[p.name])
            self._compare(connection, p)

    def write(
        self,
        connection: Connection,
        live: Mapping[str, Checkpoint],
        built: Mapping[str, Checkpoint],
    ) -> Difference:
        """Write what differs, and the checkpoints; all of these are locked by the caller.

        Raises:
            SwapTooLong: it takes longer than it may; the caller rolls it back.
        """
        allow_long_statements(connection)
        if self._seconds_max is None or connection.dialect.name != "sqlite":
            return self._write(connection, live, built)
        with stopped_after(sqlite_driver(connection), self._seconds_max):
            return self._write(connection, live, built)

    def _write(
        self,
        connection: Connection,
        live: Mapping[str, Checkpoint],
        built: Mapping[str, Checkpoint],
    ) -> Difference:
        done = Difference()
        is_same = self._is_same()
        for p in self._members:
            own, new = live[p.name], live[p.name]
            if not is_same:
                if not self._is_as_seen(connection, p, own, built[p.name]):
                    self._compare(connection, p)
                for table in p.tables:
                    done += comparing.replace_rows(
                        connection, self._compared[table], self._live_key, self._build_key
                    )
                new = Checkpoint(p.name, p.version, built[p.name].position)
            swapped = replace(new, builds=own.builds + 1)
            checkpointing.write(connection, self._live_key, swapped)
        if not is_same:
            self._bring_back(connection, live)
        comparing.forget(connection, self._compared)
        return done

    def _compare(self, connection: Connection, p: Projection) -> None:
        for table in p.tables:
            self._compared[table] = comparing.compare(
                connection, table, self._live_key, self._build_key
            )

    def _is_same(self) -> bool:
        """Whether all rows were the same, at the same positions and by the same rules."""
        return all(
            p.name in self._seen
            and replace(self._seen[p.name][0], builds=0) == self._seen[p.name][1]
            and all(self._compared[t].difference == Difference() for t in p.tables)
            for p in self._members
        )

    def _is_as_seen(
        self, connection: Connection, p: Projection, live: Checkpoint, built: Checkpoint
    ) -> bool:
        is_same_layout = self._layout == comparing.layout(connection)
        return is_same_layout and self._seen.get(p.name) == (live, built)

    def _bring_back(self, connection: Connection, before: Mapping[str, Checkpoint]) -> None:
        """Feed what was swapped up to where it had come before: nobody is told less than then.

        No further: the rest can be projected in batches that hold their locks for a moment.
        """
        names = {p.name for p in self._members}
        served = max((before[name].position for name in names), default=0)
        now = self._live.checkpoints(connection)
        reached = min((now[name].position for name in names), default=served)
        while reached < served:
            step = self._live.step(connection, carefully=True)
            if step is None:
                return
            reached = step.reached


@contextmanager
def stopped_after(driver: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Stop what holds SQLite's one lock when the time is over.

    Raises:
        SwapTooLong: it was over.
    """
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, SQLITE_STEPS_PER_LOOK)
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        if getattr(original, "sqlite_errorcode", None) != sqlite3.SQLITE_INTERRUPT:
            raise
        raise SwapTooLong(seconds) from error
    finally:
        driver.set_progress_handler(None, 0)


def allow_long_statements(connection: Connection) -> None:
    """Give the statements of a transaction more time than others have."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_MS_MAX}"))


def delete_some(connection: Connection, table: Table, key: str) -> int:
    """Delete some rows under a key; returns how many, 0 when there are none left."""
    columns = list(table.primary_key.columns)
    some = select(*columns).where(table.c.casebook == key).limit(ROWS_PER_DELETE)
    found = connection.execute(delete(table).where(tuple_(*columns).in_(some)))
    return found.rowcount


def delete_reports(
    connection: Connection, table: Table, casebook: str, report_ids: Collection[str]
) -> None:
    """Delete a casebook's rows of some reports."""
    connection.execute(
        delete(table).where(table.c.casebook == casebook, table.c.report_id.in_(report_ids))
    )
