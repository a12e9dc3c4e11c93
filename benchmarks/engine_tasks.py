"""Measures the tasks of a rebuild by stage: processor time, memory and bytes, for planning.

    python -m benchmarks.engine_tasks [--events 25000,100000] [--partitions 1]

Of each size a log is generated and archived; then all tasks are run one by one, each stage in a
process of its own, whose processor time and greatest memory are printed. Nothing is loaded. With
one partition that is the hottest there can be: its memory must not grow with the log.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.casebook import Casebook, opened
from timeline.bootstrap import all_projections
from timeline.scaling import plan as planning
from timeline.scaling import rebuilding
from timeline.scaling.plan import PARTITIONED, Plan
from timeline.scaling.tasks import run_task
from timeline.store.archive import archive
from timeline.store.archive_format import read_manifest
from timeline.store.event_store import EventStore


def measured(folder: str, stage: str, number: int) -> tuple[bytes, float, float]:
    """A task's report, its seconds of processor, and the most MiB that its process has held."""
    begin = time.process_time()
    done = run_task(folder, stage, number)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return done, time.process_time() - begin, peak


class OneByOne:
    """Runs a stage's tasks in one process, and notes what they took."""

    workers = 1

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, float] = {}

    def run(self, folder: str, stage: str, numbers: Sequence[int]) -> Iterator[bytes]:
        """As an engine does."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            for number in numbers:
                done, seconds, peak = pool.submit(measured, folder, stage, number).result()
                self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
                self.peaks[stage] = max(self.peaks.get(stage, 0.0), peak)
                yield done


def folder_mib(folder: Path) -> float:
    """What the files of a folder hold."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20


def measure(store: EventStore, folder: Path, partitions: int) -> None:
    """Archive a log, run all tasks, and print what it took."""
    begin = time.process_time()
    archive(store, folder / "archive")
    archived, size = time.process_time() - begin, folder_mib(folder / "archive")
    manifest = read_manifest(folder / "archive")
    events = manifest.last_position
    plan = Plan(
        key="built",
        time_zone=manifest.time_zone,
        archive=str(folder / "archive"),
        last_position=events,
        last_hash=manifest.last_hash,
        files=manifest.files,
        partitions=partitions,
        projections=PARTITIONED,
    )
    work = folder / "work"
    work.mkdir()
    planning.write(work, planning.PLAN, plan)
    engine, begin = OneByOne(), time.process_time()
    run = rebuilding.Run(store, all_projections(), plan, work, engine, lambda *_: None)
    files = run.rows()
    print(
        f"{events:,} events, {partitions} partitions; archive {size:.1f} MiB"
        f" ({size * 2**20 / events:.0f} bytes an event), {archived:.1f} s of processor;"
        f" load {os.getloadavg()[0]:.1f}"
    )
    for stage, seconds in engine.seconds.items():
        print(
            f"  {stage:6} {seconds:7.1f} s of processor, {seconds / events * 1e6:6.0f} us an event,"
            f" most memory {engine.peaks[stage]:.0f} MiB"
        )
    rows = sum(f.rows for f in files)
    of_rows = sum((work / f.name).stat().st_size for f in files) / 2**20
    print(
        f"  driver {time.process_time() - begin:7.1f} s of processor; {rows:,} rows in"
        f" {of_rows:.1f} MiB, work folder {folder_mib(work):.1f} MiB"
    )


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", default="25000,100000")
    parser.add_argument("--partitions", type=int, default=1)
    given = parser.parse_args()
    for events in map(int, given.events.split(",")):
        with tempfile.TemporaryDirectory() as name:
            store = opened(f"sqlite:///{Path(name) / 'log.db'}")
            Casebook(store).fill(events)
            measure(store, Path(name), given.partitions)
            store.engine.dispose()


if __name__ == "__main__":
    main()
