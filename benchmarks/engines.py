"""Times a rebuild by each engine beside the ordinary one, on one log in one run.

    python benchmarks/engines.py URL [--events 100000] [--engines local,dask,spark] [--workers 2]

Fills an empty database with the casebook of `benchmarks/casebook.py` (or takes what is there),
projects it, rebuilds all projections as events come, then once by each engine, and prints how long
each stage took, the most memory that a process held, and the checksums, which have to be the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.casebook import PLACES, Casebook
from timeline.bootstrap import Application, all_projections
from timeline.projections.replaying import checksum
from timeline.scaling.engines import EngineName, EngineOptions
from timeline.scaling.rebuilding import Options
from timeline.settings import Settings, normal_url
from timeline.store import migrate
from timeline.store.archive import archive
from timeline.store.copying import casebooks_of
from timeline.store.engine import connect, read_transaction


def peak_mib(who: int) -> float:
    """The most memory that this process, or the largest of its children, has held."""
    return resource.getrusage(who).ru_maxrss / 1024


def processor_seconds() -> float:
    """What this process and those that it has ended have computed."""
    both = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def checksums(app: Application) -> str:
    """One checksum over those of all tables."""
    total = hashlib.sha256()
    with read_transaction(app.engine) as connection:
        for table in (t for p in all_projections() for t in p.tables):
            total.update(checksum(connection, table, app.settings.casebook).encode())
    return total.hexdigest()[:16]


def timed(app: Application, label: str, options: Options | None) -> None:
    """Rebuild all, and say how long it took."""
    started, used = time.perf_counter(), processor_seconds()
    until: dict[str, float] = {}

    def note(stage: str, _done: int, _of: int) -> None:
        until[stage] = time.perf_counter() - started

    rebuilt = app.rebuild((), lambda *_: None, options, note)
    seconds = time.perf_counter() - started
    wrote = rebuilt.difference
    print(
        f"{label:14} {seconds:6.1f} s, {rebuilt.events / seconds:8,.0f} events/s,"
        f" {processor_seconds() - used:6.1f} s of processor; swap wrote"
        f" {wrote.deleted + wrote.updated + wrote.inserted} rows in {rebuilt.locked_seconds:.1f} s;"
        f" checksum {checksums(app)}; load {os.getloadavg()[0]:.1f}"
    )
    if until:
        before = dict(zip(until, [0.0, *until.values()], strict=False))
        stages = ", ".join(f"{s} {t - before[s]:.1f}" for s, t in until.items())
        print(f"{'':14} seconds by stage: {stages}")
        print(
            f"{'':14} most memory: driver {peak_mib(resource.RUSAGE_SELF):.0f} MiB,"
            f" largest child {peak_mib(resource.RUSAGE_CHILDREN):.0f} MiB"
        )


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--engines", default="local,dask,spark")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int)
    given = parser.parse_args()
    engine = connect(normal_url(given.url))
    migrate.upgrade(engine)
    app = Application(Settings(normal_url(given.url)), engine)
    if app.settings.casebook not in casebooks_of(engine):
        Casebook(app.store, given.places).fill(given.events)
    started = time.perf_counter()
    print(f"projected {app.runner.catch_up()} events in {time.perf_counter() - started:.1f} s")
    timed(app, "as events come", None)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        archived = archive(app.store, Path(folder))
        size = sum(p.stat().st_size for p in Path(folder).iterdir())
        print(
            f"archive        {time.perf_counter() - started:6.1f} s, {archived.written} files,"
            f" {size / 2**20:.1f} MiB, {size / archived.last_position:.0f} bytes an event"
        )
        for name in map(EngineName, given.engines.split(",")):
            where = EngineOptions(name, given.workers)
            if name is EngineName.SPARK:
                where = EngineOptions(name, master=f"local-cluster[{given.workers},1,1024]")
            timed(app, name.value, Options(where, Path(folder), partitions=given.partitions))
    engine.dispose()


if __name__ == "__main__":
    main()
