"""Changes a full database while people work: python benchmarks/expand_contract.py ENGINE.

Fills a casebook of realistic shape with N events (`benchmarks/casebook.py`), projects it, takes the
schema back to revision 0006 and the side table `event_types` away. Then, while writers append
reports, a desk appends them and projects what it has appended, and readers read pages of the log
and of the projections: the schema is migrated, the side table is filled, the projection `timeline`
gets a version in which every row differs, and one in which some do, each built beside the old one
and swapped. The table tells requests, failures, longest waits and mixed answers of each phase.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_int
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, func, select, update

from benchmarks.casebook import Casebook
from benchmarks.log import ADVISED, Databases, conditions
from timeline.bootstrap import all_projections
from timeline.domain import events
from timeline.filing.identity import event_id
from timeline.projections import checkpointing, tables
from timeline.projections.batches import Batch, Projection
from timeline.projections.building import loaded_last
from timeline.projections.checkpointing import Checkpoint
from timeline.projections.entries import EntriesProjection
from timeline.projections.feeding import Feed
from timeline.projections.runner import Runner
from timeline.store import migrate
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import NewEvent, StreamAppend
from timeline.store.hashing import canonical

PLACES, CLAIMS_PER_REPORT = 20_000, 9
EVENTS_PER_BATCH, FILLING_CACHE_KIB = 10_000, 2_000_000
WORKERS = {"writer": 1, "desk": 1, "reader": 2}
PAUSE_SECONDS = {"writer": 1.0, "desk": 1.0, "reader": 0.1}
PHASES = (
    "before",
    "migrate up",
    "side table",
    "version 2 of timeline",
    "version 3, in part",
    "after",
)
SIDE_TABLE = PHASES.index("side table")
NOW = partial(datetime.now, UTC)
TYPES = ("Clash", "Airstrike", "Shelling", "Movement", "Casualties", "OtherIncident")


def report(number: int) -> StreamAppend:
    """A report with its claims; places as skewed as in the news."""
    chance = random.Random(number)
    report_id, version = f"r{number}", sha256(str(number).encode()).hexdigest()
    day = f"2016-{1 + chance.randrange(12):02}-{1 + chance.randrange(28):02}"
    when = {"earliest": day, "edtf": day, "latest": day, "precision": "day"}
    stream = f"report-{report_id}"
    filed: dict[str, Any] = {
        "report_id": report_id,
        "report_version": version,
        "reported": when,
        "document": {"digest": version, "media_type": "application/yaml", "byte_length": 900},
        "claim_count": CLAIMS_PER_REPORT,
    }
    found = [new(stream, "ReportFiled", filed, "report")]
    for ordinal in range(CLAIMS_PER_REPORT):
        place = int(PLACES * chance.random() ** 3)
        type_ = "ControlStated" if chance.random() < 0.02 else chance.choice(TYPES)
        role = "holder" if type_ == "ControlStated" else "initiator"
        actor = chance.choice(("islamic-state", "government-of-syria", "russia"))
        claim = {
            "claim_id": f"c-{sha256(f'{number} {ordinal}'.encode()).hexdigest()[:20]}",
            "report_id": report_id,
            "report_version": version,
            "actors": [{"actor_id": actor, "as_named": actor.title(), "role": role}],
            "place": {"as_named": f"Town {place}", "geo_precision": 1, "place_id": f"p{place}"},
            "occurred": when,
            "attributed_to": "the military, in a statement that local agencies carried",
        }
        found.append(new(stream, type_, claim, str(ordinal)))
    return StreamAppend(stream, 0, found)


def new(stream: str, type_: str, data: dict[str, Any], part: str) -> NewEvent:
    """An event in the schema version that is written now."""
    return NewEvent(
        event_id("main", stream, part), type_, events.schema_version(type_), canonical(data), {}
    )


class TimelineVersion2(EntriesProjection):
    """The timeline with place names in small letters: every row differs."""

    version = EntriesProjection.version + 1

    def apply(self, batch: Batch) -> None:
        """As before, and then in small letters."""
        super().apply(batch)
        e = tables.entries.c
        batch.connection.execute(
            update(tables.entries)
            .where(e.casebook == batch.name, e.report_id.in_(batch.report_ids))
            .values(place_as_named=func.lower(e.place_as_named))
        )


class TimelineVersion3(TimelineVersion2):
    """As version 2, but the places of airstrikes in capitals: about one row in six differs."""

    version = EntriesProjection.version + 2

    def apply(self, batch: Batch) -> None:
        """As before, and then those of airstrikes in capitals."""
        super().apply(batch)
        e = tables.entries.c
        batch.connection.execute(
            update(tables.entries)
            .where(
                e.casebook == batch.name,
                e.report_id.in_(batch.report_ids),
                e.type == "Airstrike",
            )
            .values(place_as_named=func.upper(e.place_as_named))
        )


VERSIONS: dict[int, type[EntriesProjection]] = {
    1: EntriesProjection,
    2: TimelineVersion2,
    3: TimelineVersion3,
}


def projections_of(phase: int, live: tuple[str, ...]) -> tuple[Projection, ...]:
    """The projections of the release that is installed in a phase."""
    version = max(1, min(phase - SIDE_TABLE + 1, 3))
    found = (VERSIONS[version]() if p.name == "timeline" else p for p in all_projections())
    return tuple(p for p in found if p.name in live)


def is_of(version: int, type_: str, name: str) -> bool:
    """Whether a version of the timeline names a place so."""
    if version == 3 and type_ == "Airstrike":
        return name == name.upper()
    return name == (name.title() if version == 1 else name.lower())


def hurried(engine: Engine) -> Engine:
    """An engine that need not be durable: nobody works in the database yet."""

    @event.listens_for(engine, "connect")
    def prepare(driver: Any, _record: object) -> None:  # noqa: ANN401
        if engine.dialect.name == "sqlite":
            driver.execute("PRAGMA synchronous = OFF")
            driver.execute(f"PRAGMA cache_size = -{FILLING_CACHE_KIB}")
        else:
            driver.execute("SET synchronous_commit = off")
            driver.commit()

    return engine


def fill(url: str, count: int, live: tuple[str, ...]) -> None:
    """A casebook of so many events, projected, under an older schema and without the side table."""
    engine = hurried(connect(url))
    migrate.upgrade(engine)
    store = EventStore(engine, "main", NOW)
    started = time.perf_counter()
    head = Casebook(store, PLACES).fill(count)
    seconds = time.perf_counter() - started
    print(f"appended {head:,} events in {seconds:.0f} s, {head / seconds:,.0f}/s", flush=True)
    started = time.perf_counter()
    project(store, tuple(p for p in projections_of(0, live) if p.name != "types"))
    seconds = time.perf_counter() - started
    print(f"projected them in {seconds:.0f} s, {head / seconds:,.0f}/s", flush=True)
    migrate.downgrade(engine, "0006")
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()


def project(store: EventStore, projections: tuple[Projection, ...]) -> None:
    """Fill the live tables as a build is filled, since nobody reads them yet."""
    last = loaded_last(projections)
    feed = Feed(store, "main", [p for p in projections if p not in last])
    head = store.head().position
    with write_transaction(store.engine) as connection:
        checkpointing.add(
            connection, "main", [Checkpoint(p.name, p.version, 0) for p in projections]
        )
    reached = 0
    while reached < head:
        with write_transaction(store.engine) as connection:
            step = feed.step(connection, size=EVENTS_PER_BATCH)
            assert step is not None
            reached = step.reached
    for p in last:
        done: int | None = 0
        while done is not None:
            with write_transaction(store.engine) as connection:
                casebook = store.casebook_row_in(connection)
                done = p.load_part(Batch(connection, connection, store, casebook, (), head), done)
        with write_transaction(store.engine) as connection:
            checkpointing.write(connection, "main", Checkpoint(p.name, p.version, head))


def work(
    kind: str,
    url: str,
    seed: int,
    phase: Any,  # noqa: ANN401
    stop: Event,
    ready: Barrier,
    results: Any,  # noqa: ANN401
    live: tuple[str, ...],
) -> None:
    """One writer or reader, until stopped; reports its longest request of each phase."""
    engine = connect(url)
    store, chance = EventStore(engine, "main", NOW), random.Random(seed)
    requests, failed, mixed = [0] * len(PHASES), [0] * len(PHASES), [0] * len(PHASES)
    longest = [0.0] * len(PHASES)
    faults: set[str] = set()
    number = 10_000_000 * (1 + list(WORKERS).index(kind))
    runners = [Runner(store, projections_of(at, live)) for at in range(len(PHASES))]
    ready.wait()
    while not stop.is_set():
        began, started = phase.value, time.perf_counter()
        try:
            if kind == "reader":
                mixed[began] += read_once(store, chance)
            else:
                number += 1
                store.append([report(number)])
                if kind == "desk" and began >= SIDE_TABLE:
                    runners[began].catch_up_after_append()
        except Exception as fault:  # noqa: BLE001 - counted and shown
            failed[began] += 1
            faults.add(repr(fault)[:200])
        took = time.perf_counter() - started
        # What begins in one phase and ends in the next was held up by either: count it to both.
        for at in {began, phase.value}:
            longest[at] = max(longest[at], took)
        requests[began] += 1
        time.sleep(PAUSE_SECONDS[kind])
    results.put((kind, requests, failed, longest, mixed, sorted(faults)))
    engine.dispose()


def read_once(store: EventStore, chance: random.Random) -> int:
    """A page of the log, and one of a place's entries; returns 1 when that mixes two versions."""
    head = store.head().position
    after = chance.randrange(max(1, head - 500))
    page = list(store.read(after, 500, until=head))
    assert [e.position for e in page] == list(range(after + 1, after + 1 + len(page)))
    e = tables.entries.c
    place = f"p{int(PLACES * chance.random() ** 3)}"
    query = (
        select(e.type, e.place_as_named)
        .where(e.casebook == "main", e.place_id == place)
        .order_by(e.sort_key, e.claim_id, e.form)
        .limit(100)
    )
    with read_transaction(store.engine) as connection:
        named = [(str(type_), str(name)) for type_, name in connection.execute(query)]
        r = tables.control_rectangles.c
        connection.execute(select(r.data).where(r.casebook == "main", r.place_id == place)).all()
    return int(not any(all(is_of(v, *row) for row in named) for v in VERSIONS))


@contextmanager
def load(url: str, live: tuple[str, ...], told: list[tuple[Any, ...]]) -> Iterator[Any]:
    """Writers and readers at work; `told` is filled with what they tell at the end."""
    context = multiprocessing.get_context("spawn")
    phase, stop, results = context.Value(c_int, 0), context.Event(), context.Queue()
    ready = context.Barrier(sum(WORKERS.values()) + 1)
    processes = [
        context.Process(target=work, args=(kind, url, seed, phase, stop, ready, results, live))
        for kind, count in WORKERS.items()
        for seed in range(count)
    ]
    for process in processes:
        process.start()
    ready.wait()
    try:
        yield phase
    finally:
        stop.set()
        told += [results.get(timeout=120) for _ in processes]
        for process in processes:
            process.join()


def run(url: str, live: tuple[str, ...], last: int) -> None:
    """The change itself, under load, and what it cost; up to with the phase `last`."""
    engine = connect(url)
    store = EventStore(engine, "main", NOW)
    seconds: dict[str, float] = {}
    told: list[tuple[Any, ...]] = []
    try:
        with load(url, live, told) as phase:
            time.sleep(10)
            for number, name in enumerate(PHASES[1 : last + 1], start=1):
                phase.value = number
                started = time.perf_counter()
                change(store, number, live)
                seconds[name] = time.perf_counter() - started
                print(f"{name}: {seconds[name]:.1f} s; load {os.getloadavg()[0]:.1f}", flush=True)
            phase.value = len(PHASES) - 1
            time.sleep(10)
    finally:
        show(told, seconds)
    migrate.require_current(engine)
    with write_transaction(engine) as connection:
        left = connection.exec_driver_sql(
            "SELECT count(*) FROM entries WHERE casebook <> 'main'"
        ).scalar_one()
    print(f"rows of builds left: {left}; head {store.head().position:,}")
    engine.dispose()


def change(store: EventStore, phase: int, live: tuple[str, ...]) -> None:
    """What a phase changes."""
    if phase == 1:
        migrate.upgrade(store.engine)
        return
    runner = Runner(store, projections_of(phase, live))
    print(f"{PHASES[phase]}: {runner.build_outdated() or 'the swap gave way'}", flush=True)
    assert all(s.reason is None for s in runner.status()), runner.status()


def show(told: list[tuple[Any, ...]], seconds: dict[str, float]) -> None:
    """Print a row for each phase."""
    print(
        "\nPhase | s", *(f"{kind}s | failed | longest, s" for kind in WORKERS), "mixed", sep=" | "
    )
    print("--- | --- |" + " --- | --- | --- |" * len(WORKERS) + " ---")
    for at, name in enumerate(PHASES):
        if name not in (PHASES[0], *seconds, PHASES[-1]):
            continue
        cells = [name, f"{seconds.get(name, 10):.1f}"]
        for kind in WORKERS:
            rows = [row for row in told if row[0] == kind]
            cells += [
                f"{sum(row[1][at] for row in rows):,}",
                str(sum(row[2][at] for row in rows)),
                f"{max(row[3][at] for row in rows):.2f}",
            ]
        cells.append(str(sum(row[4][at] for row in told)))
        print(" | ".join(cells))
    for row in told:
        for fault in row[5]:
            print(f"{row[0]} failed: {fault}")


def main() -> None:
    """Measure one engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("sqlite", "postgres"))
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--port", type=int, default=50_951)
    parser.add_argument("--until", choices=PHASES[2:5], default=PHASES[4], help="the last change")
    parser.add_argument("--without", nargs="*", default=(), help="projections that are left out")
    given = parser.parse_args()
    conditions()
    folder = Path(tempfile.mkdtemp(prefix="expand"))
    databases = Databases(folder, given.port, ADVISED) if given.engine == "postgres" else None
    try:
        url = databases.postgres("expand") if databases else f"sqlite:///{folder / 'expand.db'}"
        live = tuple(p.name for p in all_projections() if p.name not in given.without)
        print(f"projections: {', '.join(live)}; load {os.getloadavg()[0]:.1f}", flush=True)
        fill(url, given.events, live)
        print(f"load before the run: {os.getloadavg()[0]:.1f}", flush=True)
        run(url, live, PHASES.index(given.until))
        print(f"load after the run: {os.getloadavg()[0]:.1f}")
    finally:
        if databases is not None:
            databases.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
