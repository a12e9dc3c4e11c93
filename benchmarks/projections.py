"""Measures projections in bulk: python benchmarks/projections.py --events N [N..] --engine ENGINE.

On the casebook that `benchmarks/casebook.py` generates, in parts (`--part`, all when not given):

`rebuild`: all projections built and swapped, each and together; the timeline alone, beside a
hand-written loop that reads, decodes and COPYs the same rows, and beside `eventsourcing`'s
projection runner that writes them durably (Postgres). `map`: who held what on T as known on D, over
all places, beside the same rows read by their key. `filing`: catching up after one report.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from benchmarks.casebook import BEGIN, EVENTS_PER_DAY, ZONE, Casebook, opened
from benchmarks.log import ADVISED, Databases, conditions
from benchmarks.projecting import by_eventsourcing, by_hand
from timeline.bootstrap import all_projections
from timeline.domain.time import instant_text, moment_end
from timeline.projections.batches import Projection
from timeline.projections.building import Build
from timeline.projections.control_reading import answers_query, held_query
from timeline.projections.entries import EntriesProjection
from timeline.projections.runner import Runner
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore

PARTS = ("rebuild", "map", "filing")
FILINGS = 100
EVENTSOURCING_EVENTS_MAX = 5_000


def megabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def noting(projections: tuple[Projection, ...]) -> dict[str, float]:
    """Seconds that each projection works, on the clock, filled as they do."""
    spent: dict[str, float] = defaultdict(float)

    def noted(work: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:  # noqa: ANN401
            begin = time.perf_counter()
            try:
                return work(*given)
            finally:
                spent[name] += time.perf_counter() - begin

        return timed

    for p in projections:
        for method in ("apply", "load_part"):
            if hasattr(p, method):
                setattr(p, method, noted(getattr(p, method), p.name))
    return spent


@dataclass(frozen=True)
class Taken:
    """Seconds on the clock, and of processor: of this process, and of Postgres."""

    clock: float
    own: float
    postgres: float

    def __sub__(self, other: Taken) -> Taken:
        return Taken(self.clock - other.clock, self.own - other.own, self.postgres - other.postgres)

    @property
    def processor(self) -> float:
        """Of both."""
        return self.own + self.postgres

    def told(self, events: int) -> str:
        """What it comes to for so many events."""
        return (
            f"{events / self.clock:,.0f} events/s in {self.clock:.1f} s; processor {self.own:.1f} s"
            f" and Postgres' {self.postgres:.1f} s, {1e6 * self.processor / events:.0f} us an event"
        )


def now(databases: Databases | None) -> Taken:
    """What the clocks show."""
    postgres = databases.processor_seconds() if databases else 0.0
    return Taken(time.perf_counter(), time.process_time(), postgres)


def rebuild(store: EventStore, url: str, databases: Databases | None) -> None:
    """Build all, and the timeline alone beside its peers."""
    head = store.head().position
    projections = all_projections()
    spent = noting(projections)
    built(store, projections, databases, "all")
    for name, own in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name}: {own:.1f} s, {head / own:,.0f} events/s")
    print(f"  the most memory {megabytes():.0f} MB; load {os.getloadavg()[0]:.1f}", flush=True)
    timeline = EntriesProjection()
    timeline.depends_on = ()  # nothing is merged here, so it need not know who is who
    ours = built(store, (timeline,), databases, "timeline alone")
    if databases is None:
        return
    begin = now(databases)
    rows = by_hand(url)
    hand = now(databases) - begin
    print(
        f"by hand: {hand.told(head)}, {rows:,} rows; ratio {hand.clock / ours.clock:.2f}, of"
        f" processor {hand.processor / ours.processor:.2f}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    count = min(EVENTSOURCING_EVENTS_MAX, head)
    peer = by_eventsourcing(databases.port, databases.postgres(f"peer{head}"), store, count)
    print(
        f"eventsourcing's runner: {count / peer:,.0f} events/s over {count:,}; ratio"
        f" {(head / ours.clock) / (count / peer):.0f}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def built(
    store: EventStore,
    projections: tuple[Projection, ...],
    databases: Databases | None,
    label: str,
) -> Taken:
    """Build and swap, without live rows being kept up meanwhile; what the build took."""
    begin = reached = now(databases)

    def note(_reached: int, _head: int) -> None:
        nonlocal reached
        reached = now(databases)

    found = Build(store, projections, [p.name for p in projections]).run(lambda: None, note)
    assert found is not None
    taken, after = reached - begin, now(databases) - reached
    print(f"{label}: {taken.told(store.head().position)}")
    print(
        f"  the swap {found.locked_seconds:.1f} s; with the sweep {after.clock:.1f} s, processor"
        f" {after.processor:.1f} s",
        flush=True,
    )
    return taken


def map_of_country(store: EventStore, rounds: int) -> None:
    """The map on some days, beside its rows by their key."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_postgres = store.engine.dialect.name == "postgresql"
        connection.execute(text("VACUUM ANALYZE" if is_postgres else "ANALYZE"))
    days = store.head().position // EVENTS_PER_DAY
    last, early = BEGIN + timedelta(days=days), BEGIN + timedelta(days=days // 3)
    print("map of | rows | by key, ms | map, ms | ratio\n--- | --- | --- | --- | ---")
    for name, at, known in (
        ("the last day, all that is known", last, last),
        ("an old day, all that is known", early, last),
        ("an old day as known then", early, early),
    ):
        at_text = instant_text(moment_end(at.isoformat(), ZONE) - timedelta(microseconds=1))
        known_text = instant_text(moment_end(known.isoformat(), ZONE))
        is_ahead = at_text > known_text
        query = answers_query(is_ahead=is_ahead, of_some=False)
        bound = {"casebook": "main", "at": at_text, "known": known_text}
        with read_transaction(store.engine) as connection:
            held = held_query(is_ahead=is_ahead, of_some=False)
            found = connection.execute(held, bound).mappings().all()
            wanted = [(row["place_id"], row["valid_from"], row["known_from"]) for row in found]
            keys = keyed(connection.dialect.name, wanted)
            times: dict[str, list[float]] = {"key": [], "map": []}
            for _ in range(rounds):
                for what, taken in times.items():
                    rows: Sequence[Any]
                    begin = time.perf_counter()
                    if what == "map":
                        rows = [r for r in connection.execute(query, bound).all() if r[1]]
                    else:
                        rows = connection.execute(*keys).all()
                    taken.append(time.perf_counter() - begin)
                    assert len(rows) == len(wanted), (what, len(rows))
        by_key, mapped = (1_000 * statistics.median(times[w]) for w in ("key", "map"))
        print(
            f"{name} | {len(wanted):,} | {by_key:.0f} | {mapped:.0f} | {mapped / by_key:.2f}",
            flush=True,
        )


def keyed(dialect: str, keys: list[tuple[str, str, str]]) -> tuple[Any, dict[str, Any]]:
    """Reads rectangles by their primary key, each looked up by itself."""
    given = {"casebook": "main", "keys": msgspec.json.encode(keys).decode()}
    if dialect == "sqlite":
        return text(
            "SELECT t.place_id, t.data FROM json_each(:keys) AS g"
            " CROSS JOIN control_rectangles AS t"
            " WHERE t.casebook = :casebook AND t.place_id = json_extract(g.value, '$[0]')"
            " AND t.valid_from = json_extract(g.value, '$[1]')"
            " AND t.known_from = json_extract(g.value, '$[2]')"
        ), given
    return text(
        "SELECT t.place_id, t.data FROM json_array_elements(CAST(:keys AS json)) AS g"
        " CROSS JOIN LATERAL"
        " (SELECT * FROM control_rectangles AS o WHERE o.casebook = :casebook"
        " AND o.place_id = g->>0 AND o.valid_from = g->>1 AND o.known_from = g->>2 OFFSET 0) AS t"
    ), given


def filing(store: EventStore, casebook: Casebook) -> None:
    """One report after the other, each caught up with."""
    projections = all_projections()
    runner = Runner(store, projections)
    runner.catch_up()
    spent = noting(projections)
    times: list[float] = []
    for _ in range(FILINGS):
        casebook.one_more()
        begin = time.perf_counter()
        runner.catch_up()
        times.append(1_000 * (time.perf_counter() - begin))
    ordered = sorted(times)
    print(
        f"catch-up after one report, {FILINGS} times: p50 {ordered[FILINGS // 2]:.0f} ms, p99"
        f" {ordered[FILINGS * 99 // 100]:.0f} ms, the first {times[0]:.0f} ms; a report costs "
        + ", ".join(f"{name} {1_000 * own / FILINGS:.1f} ms" for name, own in spent.items()),
        flush=True,
    )


def run(url: str, events: int, parts: tuple[str, ...], databases: Databases | None) -> None:
    """Fill a database and measure."""
    store = opened(url)
    begin = time.perf_counter()
    casebook = Casebook(store)
    head = casebook.fill(events)
    print(
        f"\n{head:,} events, appended in {time.perf_counter() - begin:.0f} s; load"
        f" {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    if "rebuild" in parts:
        rebuild(store, url, databases)
    else:
        built(store, all_projections(), databases, "all")
    if "map" in parts:
        map_of_country(store, 5)
    if "filing" in parts:
        filing(store, casebook)
    store.engine.dispose()


def main() -> None:
    """Measure one engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="postgres")
    parser.add_argument("--part", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--port", type=int, default=50_955)
    given = parser.parse_args()
    conditions()
    folder = Path(tempfile.mkdtemp(prefix="projections"))
    databases = Databases(folder, given.port, ADVISED) if given.engine == "postgres" else None
    try:
        for number, events in enumerate(given.events):
            name = f"n{number}"
            url = databases.postgres(name) if databases else f"sqlite:///{folder / name}.db"
            run(url, events, tuple(given.part), databases)
    finally:
        if databases is not None:
            databases.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
