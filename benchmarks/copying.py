"""Measures copies from SQLite to Postgres and back beside the bare drivers.

    python benchmarks/copying.py [--events 100000] [--rounds 3]

The bare drivers move the same rows between the same tables, with their keys, indexes and triggers,
in transactions of the same size: sqlite3's cursor and executemany, psycopg's server-side cursor and
binary COPY. They check nothing, and move no head. Ours recomputes every hash on the way. Both take
turns in every round, into databases that are emptied in between; a figure is the median, in events
a second. The whole of `timeline copy` also verifies the log that was written: that is told apart.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from benchmarks.contenders import Ours, prepare_ours
from benchmarks.migrations import durable_postgres
from tests.conftest import PostgresServer
from timeline.store.copying import EVENTS_PER_BATCH, copy_casebook
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.verify import verify_log

COLUMNS = (
    "casebook, position, event_id, stream, version, type, schema_version, data, salt, digest,"
    " metadata, recorded_at, previous_hash, hash"
)
TYPES = ("text", "int8", "text", "text", "int8", "text", "int4", "text", "bytea", "bytea", "text",
         "text", "bytea", "bytea")  # fmt: skip
SELECT = f"SELECT {COLUMNS} FROM events ORDER BY casebook, position"
APPENDED_AT_ONCE = 1_000


def plain(url: str) -> str:
    """A URL as psycopg reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def batches(cursor: Any) -> Iterator[list[Any]]:  # noqa: ANN401 - either driver's cursor
    """A cursor's rows, so many at a time."""
    while rows := cursor.fetchmany(EVENTS_PER_BATCH):
        yield rows


def bare_to_postgres(source: str, target: str) -> None:
    """sqlite3 to psycopg."""
    read = sqlite3.connect(make_url(source).database or "")
    with psycopg.connect(plain(target)) as write:
        for rows in batches(read.execute(SELECT)):
            with write.cursor().copy(f"COPY events ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(TYPES)
                for row in rows:
                    copy.write_row(row)
            write.commit()
    read.close()


def bare_to_sqlite(source: str, target: str) -> None:
    """Psycopg to sqlite3, durable as ours is."""
    write = sqlite3.connect(make_url(target).database or "", isolation_level=None)
    write.execute("PRAGMA synchronous = FULL")
    marks = ", ".join("?" * len(TYPES))
    with psycopg.connect(plain(source)) as read, read.cursor("bare", binary=True) as cursor:
        cursor.itersize = EVENTS_PER_BATCH
        cursor.execute(SELECT)
        for rows in batches(cursor):
            write.execute("BEGIN IMMEDIATE")
            write.executemany(f"INSERT INTO events ({COLUMNS}) VALUES ({marks})", rows)
            write.execute("COMMIT")
    write.close()


def ours(source: str, target: str) -> None:
    """What `timeline copy` does before it verifies."""
    engines = connect(source), connect(target)
    one, other = (EventStore(e, "main", lambda: None) for e in engines)  # type: ignore[arg-type,return-value]
    copied = copy_casebook(one, other)
    assert copied.head == one.head(), "the heads must be the same, hash and all"
    for engine in engines:
        engine.dispose()


def verified(url: str) -> None:
    """Our own verify of what was written."""
    engine = connect(url)
    assert verify_log(engine, "main").holds
    engine.dispose()


@contextmanager
def fresh(url: str, server: PostgresServer, work: Path) -> Iterator[str]:
    """A migrated, empty database of the kind that a URL is of."""
    if url.startswith("sqlite"):
        path = work / f"target-{time.monotonic_ns()}.db"
        prepare_ours(f"sqlite:///{path}")
        yield f"sqlite:///{path}"
        for file in work.glob(f"{path.name}*"):
            file.unlink()
        return
    with server.database() as name:
        prepare_ours(server.url(name))
        yield server.url(name)


def measure(
    title: str, count: int, rounds: int, work: dict[str, Callable[[], Iterator[float]]]
) -> None:
    """Time each contender once a round, in turn, and print the medians."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, act in work.items():
            took = sum(act())
            if number:
                seconds[name].append(took)
    rates = {name: [count / s for s in values] for name, values in seconds.items()}
    bare = statistics.median(rates["bare drivers"])
    for name, values in rates.items():
        middle = statistics.median(values)
        print(
            f"{title} | {name} | {middle:,.0f} | {min(values):,.0f}-{max(values):,.0f}"
            f" | {middle / bare:.2f}",
            flush=True,
        )


def timed(act: Callable[[], None]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def main() -> None:
    """Print one table for both directions."""
    parser = argparse.ArgumentParser(description="Time copies.")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}; {given.events:,} events; {given.rounds} rounds\n")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        work = Path(folder)
        server = stack.enter_context(durable_postgres(work))
        on_postgres = server.url(stack.enter_context(server.database()))
        on_sqlite = f"sqlite:///{work / 'source.db'}"
        prepare_ours(on_sqlite)
        filler = Ours(on_sqlite)
        for _ in range(given.events // APPENDED_AT_ONCE):
            filler.bulk(APPENDED_AT_ONCE)
        filler.close()
        prepare_ours(on_postgres)
        ours(on_sqlite, on_postgres)
        for title, source, target, bare in (
            ("SQLite to Postgres", on_sqlite, on_postgres, bare_to_postgres),
            ("Postgres to SQLite", on_postgres, on_sqlite, bare_to_sqlite),
        ):

            def run(
                act: Callable[[str, str], None],
                then: Callable[[str], None] | None = None,
                source: str = source,
                target: str = target,
            ) -> Iterator[float]:
                with fresh(target, server, work) as url:
                    yield timed(lambda: act(source, url))
                    if then is not None:
                        yield timed(lambda: then(url))

            measure(
                title,
                given.events,
                given.rounds,
                {
                    "bare drivers": lambda run=run, bare=bare: run(bare),  # type: ignore[misc]
                    "timeline copy": lambda run=run: run(ours),  # type: ignore[misc]
                    "and its verify": lambda run=run: run(ours, verified),  # type: ignore[misc]
                },
            )
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
