"""Changes a full database while people work: python benchmarks/expand_contract.py ENGINE.

Fills a casebook with N events of reports, projects it, and takes its schema back to that of 0.1.0.
Then, while writers append reports and readers read pages of the log and of the projections without
pause: the schema is migrated, the side table `event_types` is filled, and the projection `timeline`
gets a version whose every row differs, built beside the old one and swapped. Printed for each
phase: requests, those that failed, the longest of writers and readers, and answers that mixed two
versions.
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
from hashlib import sha256
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from benchmarks.log import Databases, conditions
from timeline.bootstrap import all_projections
from timeline.domain import events
from timeline.domain.places import PlaceKind
from timeline.domain.reference_events import PlaceRegistered
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import tables
from timeline.projections.batches import Batch, Projection
from timeline.projections.entries import EntriesProjection
from timeline.projections.runner import Runner
from timeline.store import migrate
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import NewEvent, StreamAppend
from timeline.store.hashing import canonical

PLACES = 2_000
CLAIMS_PER_REPORT = 9
REPORTS_PER_APPEND = 500
WRITERS = READERS = 2
PAUSE_SECONDS = {"writer": 1.0, "reader": 0.1}
PHASES = ("before", "migrate up", "side table", "version 2 of timeline", "after")
TYPES = ("Clash", "Airstrike", "Shelling", "Movement", "Casualties", "OtherIncident")


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


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

    version = 2

    def apply(self, batch: Batch) -> None:
        """As before, and then in small letters."""
        super().apply(batch)
        e = tables.entries.c
        standing = batch.standings()
        batch.connection.execute(
            update(tables.entries)
            .where(e.casebook == batch.name, e.report_id.in_(standing))
            .values(place_as_named=func.lower(e.place_as_named))
        )


def projections_of(version: int) -> tuple[Projection, ...]:
    """All projections, the timeline in one of its versions."""
    if version == 1:
        return all_projections()
    return tuple(
        TimelineVersion2() if isinstance(p, EntriesProjection) else p for p in all_projections()
    )


def fill(url: str, count: int, projections: tuple[Projection, ...]) -> None:
    """A casebook of so many events, projected, under the schema of 0.1.0."""
    engine = connect(url)
    migrate.upgrade(engine)
    store = EventStore(engine, "main", now)
    store.open_casebook("Asia/Damascus", "syria")
    runner, placed = Runner(store, projections), []
    for i in range(PLACES):
        payload = PlaceRegistered(place_id=f"p{i}", name=f"Town {i}", kind=PlaceKind.TOWN)
        stream = f"place-p{i}"
        placed.append(StreamAppend(stream, 0, [new_event(payload, event_id("main", stream), {})]))
    store.append(placed)
    started, number = time.perf_counter(), 0
    while store.head().position < count:
        store.append([report(n) for n in range(number, number + REPORTS_PER_APPEND)])
        number += REPORTS_PER_APPEND
    seconds = time.perf_counter() - started
    head = store.head().position
    print(f"appended {head:,} events in {seconds:.0f} s, {head / seconds:,.0f}/s", flush=True)
    started = time.perf_counter()
    runner.catch_up()
    seconds = time.perf_counter() - started
    print(
        f"projected them ({len(projections)}) in {seconds:.0f} s, {head / seconds:,.0f}/s",
        flush=True,
    )
    migrate.downgrade(engine, "0002")
    engine.dispose()


def work(
    kind: str,
    url: str,
    seed: int,
    phase: Any,  # noqa: ANN401
    stop: Event,
    ready: Barrier,
    results: Any,  # noqa: ANN401
) -> None:
    """One writer or reader, until stopped; reports its longest request of each phase."""
    engine = connect(url)
    store, chance = EventStore(engine, "main", now), random.Random(seed)
    requests, failed, mixed = [0] * len(PHASES), [0] * len(PHASES), [0] * len(PHASES)
    longest = [0.0] * len(PHASES)
    faults: set[str] = set()
    number = 10_000_000 * (seed + 1)
    ready.wait()
    while not stop.is_set():
        began, started = phase.value, time.perf_counter()
        try:
            if kind == "writer":
                number += 1
                store.append([report(number)])
            else:
                mixed[began] += read_once(store, chance)
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
        select(e.place_as_named)
        .where(e.casebook == "main", e.place_id == place)
        .order_by(e.sort_key, e.claim_id, e.form)
        .limit(100)
    )
    with read_transaction(store.engine) as connection:
        names = list(connection.execute(query).scalars())
        r = tables.control_rectangles.c
        connection.execute(select(r.data).where(r.casebook == "main", r.place_id == place)).all()
    return int(len({name == name.lower() for name in names}) > 1)


@contextmanager
def load(url: str) -> Iterator[tuple[Any, list[tuple[Any, ...]]]]:
    """Writers and readers at work; the list is filled with what they tell at the end."""
    context = multiprocessing.get_context("spawn")
    phase, stop, results = context.Value(c_int, 0), context.Event(), context.Queue()
    ready = context.Barrier(WRITERS + READERS + 1)
    processes = [
        context.Process(target=work, args=(kind, url, seed, phase, stop, ready, results))
        for kind, count in (("writer", WRITERS), ("reader", READERS))
        for seed in range(count)
    ]
    told: list[tuple[Any, ...]] = []
    for process in processes:
        process.start()
    ready.wait()
    try:
        yield phase, told
    finally:
        stop.set()
        told += [results.get(timeout=120) for _ in processes]
        for process in processes:
            process.join()


def run(url: str, phases: int) -> None:
    """The change itself, under load, and what it cost."""
    engine = connect(url)
    store = EventStore(engine, "main", now)
    seconds: dict[str, float] = {}
    with load(url) as (phase, told):
        time.sleep(10)
        for number, name in enumerate(PHASES[1:phases], start=1):
            phase.value = number
            started = time.perf_counter()
            if number == 1:
                migrate.upgrade(engine)
            else:
                runner = Runner(store, projections_of(number - 1)[: None if phases == 4 else 2])
                rebuilt = runner.build_outdated()
                assert rebuilt is not None
                print(f"{name}: {rebuilt}", flush=True)
                assert all(s.reason is None for s in runner.status()), runner.status()
            seconds[name] = time.perf_counter() - started
            print(f"{name}: {seconds[name]:.1f} s", flush=True)
        phase.value = len(PHASES) - 1
        time.sleep(10)
    show(told, seconds)
    migrate.require_current(engine)
    with write_transaction(engine) as connection:
        left = connection.exec_driver_sql(
            "SELECT count(*) FROM entries WHERE casebook <> 'main'"
        ).scalar_one()
    print(f"rows of builds left: {left}; head {store.head().position:,}")
    engine.dispose()


def show(told: list[tuple[Any, ...]], seconds: dict[str, float]) -> None:
    """Print a row for each phase."""
    print("\nPhase | s | writes | failed | longest, s | reads | failed | longest, s | mixed")
    print("--- | --- | --- | --- | --- | --- | --- | --- | ---")
    for at, name in enumerate(PHASES):
        cells = [name, f"{seconds.get(name, 10):.1f}"]
        for kind in ("writer", "reader"):
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
    parser.add_argument(
        "--side-table", action="store_true", help="only that: of the projections, only the places"
    )
    given = parser.parse_args()
    conditions()
    folder = Path(tempfile.mkdtemp(prefix="expand"))
    databases = Databases(folder, given.port) if given.engine == "postgres" else None
    try:
        url = databases.postgres("expand") if databases else f"sqlite:///{folder / 'expand.db'}"
        live = all_projections()[1:2] if given.side_table else all_projections()[1:]
        fill(url, given.events, live)
        print(f"load before the run: {os.getloadavg()[0]:.1f}")
        run(url, 3 if given.side_table else 4)
        print(f"load after the run: {os.getloadavg()[0]:.1f}")
    finally:
        if databases is not None:
            databases.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
