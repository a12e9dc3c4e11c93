"""Kills migrating processes, and races them, and says in which states that left the database.

`benchmarks/migration_faults.py` does it many times, `test_faults.py` a few.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier, Event
from typing import NoReturn

from sqlalchemy import Engine

from tests.migration.catalogue import Catalogue, catalogue
from timeline.store import copying, migrate
from timeline.store.copying import copy_casebook
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.event_store import EventStore

# Children come from a process that has loaded the program, so that they start within milliseconds.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.migration.faults"])
_JOIN_SECONDS_MAX = 60
_GONE_SECONDS_MAX = 15


@dataclass
class Kills:
    """What killing came to: the revisions that were found, and how long the next upgrade took."""

    found: Counter[str]
    slowest_next_seconds: float = 0.0


def _upgrade(url: str, started: Event) -> None:
    engine = connect(url)
    with read_transaction(engine):
        started.set()
    migrate.upgrade(engine)
    engine.dispose()


def _race(url: str, barrier: Barrier) -> None:
    engine = connect(url)
    with read_transaction(engine):
        barrier.wait()
    migrate.upgrade(engine)
    migrate.require_current(engine)
    engine.dispose()


def _copy(source: str, target: str, batch: int, killed_at: int) -> None:
    copying.EVENTS_PER_BATCH = batch
    one, other = (EventStore(connect(url), "main", _no_clock) for url in (source, target))

    def killed(done: int, _total: int) -> None:
        if done >= killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    copy_casebook(one, other, killed)


def _no_clock() -> NoReturn:
    raise AssertionError("a copy asks no clock")


def copy_killed(source: str, target: str, batch: int, killed_at: int) -> None:
    """Copy casebook `main` in a process that kills itself once a batch has reached a position."""
    process = _CONTEXT.Process(target=_copy, args=(source, target, batch, killed_at))
    process.start()
    process.join(_JOIN_SECONDS_MAX)
    assert process.exitcode == -signal.SIGKILL


def _started_upgrade(url: str) -> BaseProcess:
    """A process that has loaded everything, and begins to upgrade now."""
    started = _CONTEXT.Event()
    process = _CONTEXT.Process(target=_upgrade, args=(url, started))
    process.start()
    assert started.wait(_JOIN_SECONDS_MAX), "the process does not start"
    return process


def emptied(engine: Engine) -> None:
    """Take everything out of a test's database."""
    with write_transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
            return
        # A virtual table takes its shadow tables with it; so it goes first.
        names = connection.exec_driver_sql(
            "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')"
            " ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC"
        )
        for type_, name in names.fetchall():
            connection.exec_driver_sql(f"DROP {type_} IF EXISTS {name}")


def states(engine: Engine) -> dict[str | None, Catalogue]:
    """The catalogue at each revision, of an empty database too; empties the database."""
    emptied(engine)
    found: dict[str | None, Catalogue] = {None: catalogue(engine)}
    for revision in migrate.revisions():
        migrate.upgrade(engine, revision)
        found[revision] = catalogue(engine)
    emptied(engine)
    return found


def kill_upgrades(engine: Engine, url: str, kills: int, seed: int) -> Kills:
    """Kill upgrades of an empty database at random moments; each must leave a whole revision.

    Raises:
        AssertionError: one left something in between, or the next upgrade did not work.
    """
    whole, moments = states(engine), random.Random(seed)
    lasting = _seconds(_started_upgrade(url).join)
    result = Kills(Counter())
    for _ in range(kills):
        emptied(engine)
        process = _started_upgrade(url)
        time.sleep(moments.uniform(0, 1.2 * lasting))
        process.kill()
        process.join(_JOIN_SECONDS_MAX)
        others_are_gone(engine)
        revision = migrate.status(engine)[0]
        assert catalogue(engine) == whole[revision], f"something in between, at {revision}"
        result.found[revision or "empty"] += 1
        took = _seconds(lambda: migrate.upgrade(engine))
        result.slowest_next_seconds = max(result.slowest_next_seconds, took)
        migrate.require_current(engine)
    return result


def race_upgrades(engine: Engine, url: str, processes: int) -> None:
    """Upgrade an empty database from several processes at once; all must find it migrated.

    Raises:
        AssertionError: one of them failed, or the schema is not what one upgrade makes.
    """
    emptied(engine)
    migrate.upgrade(engine)
    wanted = catalogue(engine)
    emptied(engine)
    barrier = _CONTEXT.Barrier(processes)
    racing = [_CONTEXT.Process(target=_race, args=(url, barrier)) for _ in range(processes)]
    for process in racing:
        process.start()
    for process in racing:
        process.join(_JOIN_SECONDS_MAX)
    assert [process.exitcode for process in racing] == [0] * processes
    assert catalogue(engine) == wanted
    with read_transaction(engine) as connection:
        versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()
    assert len(versions) == 1


def others_are_gone(engine: Engine) -> None:
    """Wait until Postgres has noticed that the killed process is no longer there.

    Raises:
        AssertionError: it has not, after many times as long as it should take.
    """
    if engine.dialect.name != "postgresql":
        return
    deadline = time.monotonic() + _GONE_SECONDS_MAX
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'"
    )
    while True:
        with read_transaction(engine) as connection:
            if connection.exec_driver_sql(others).scalar_one() == 0:
                return
        assert time.monotonic() < deadline, "a killed process still holds its transaction"
        time.sleep(0.02)


@contextmanager
def engine_on(url: str) -> Iterator[Engine]:
    """An engine that is closed afterwards."""
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _seconds(act: Callable[[], None]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin
