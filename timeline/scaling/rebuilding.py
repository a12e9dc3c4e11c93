"""Computes a build's rows by many workers from an archive, and loads them beside the live ones.

Four stages, each after the one before it: archive files are dealt out by report, reports are
folded, then places, then incidents. Between them this driver resolves what is small. The build then
goes on from the archive's end as any other, and is swapped.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Table
from sqlmodel import SQLModel

from timeline.errors import ProjectionFailed, TimelineError
from timeline.projections.batches import Projection
from timeline.projections.building import loaded_last
from timeline.projections.incident_rows import ClaimRow
from timeline.projections.preloading import Preload
from timeline.scaling import plan as planning
from timeline.scaling.engines import Engine, EngineOptions, opened
from timeline.scaling.folding import CONTROL, NAMED, NamedClaim
from timeline.scaling.linking import LINKED, join, resolved, windows_of
from timeline.scaling.plan import PARTITIONED, Done, Plan
from timeline.scaling.reference import Resolved, resolve
from timeline.scaling.rowfiles import RowFile, RowFiles, columns_of, read_rows
from timeline.scaling.runs import merged
from timeline.scaling.splitting import ALL, BROADCAST, EVENTS, broadcast_event
from timeline.store.archive import archive
from timeline.store.archive_format import Manifest
from timeline.store.archive_reading import archive_of
from timeline.store.event_store import EventStore

EVENTS_PER_PARTITION = 200_000
PARTITIONS_PER_WORKER = 4
PARTITIONS_MAX = 100_000
ROWS_PER_TRANSACTION = 20_000
_RUN = "run-"

Progress = Callable[[str, int, int], None]


class TaskRefused(TimelineError):
    """A task of a rebuild could not be done; its message says what to do."""


@dataclass(frozen=True)
class Options:
    """How to compute a build.

    Attributes:
        engine: What runs the tasks.
        archive: An archive of the log to start from; `None` writes one first.
        work: A folder that all workers share; `None` is a temporary one of this machine.
        partitions: How many parts the keys are dealt into; `None` goes by the log's length.
    """

    engine: EngineOptions = field(default_factory=EngineOptions)
    archive: Path | None = None
    work: Path | None = None
    partitions: int | None = None


def partitioned(built: Sequence[Projection]) -> dict[str, int]:
    """Those of some projections that tasks can compute, with their versions.

    Left out is what the tasks do not know or know another version of, and what reads its tables:
    it is built by the ordinary runner, after the others are loaded.
    """
    found: dict[str, int] = {}
    for p in built:
        if PARTITIONED.get(p.name) == p.version and all(d in found for d in p.depends_on):
            found[p.name] = p.version
    # What a build loads last from the tables of the others, it loads all or none of.
    last = {p.name for p in loaded_last(built)}
    return found if last <= found.keys() else {n: v for n, v in found.items() if n not in last}


def prepare(
    store: EventStore,
    projections: Sequence[Projection],
    names: Collection[str],
    options: Options,
    on_progress: Progress = lambda _stage, _done, _total: None,
) -> int:
    """Compute the rows of a build, and load them; the build can then go on from them.

    Args:
        store: Whose log.
        projections: All of the casebook's.
        names: What is to be rebuilt.
        options: How.
        on_progress: Called with a stage, and how many of its tasks are done, of how many.

    Returns:
        Up to which position the rows hold: that at which the archive ends.

    Raises:
        ArchiveRefused: the archive is not one of this log.
        ExtraNotInstalled: a library is not there.
        EngineUnavailable: the engine cannot be reached.
        ProjectionFailed: an event cannot be projected; the live rows are as they were.
        TaskRefused: a worker cannot read what it has to.
        BuildTakenOver: another process began another rebuild, or threw this one away.
        DatabaseUnavailable: the database did not answer.
    """
    with _work_folder(options.work) as work, opened(options.engine) as engine:
        if options.archive is not None:
            archive_of(store, options.archive)
        preload = Preload(store, projections, names)
        # A withholding from here on ends this build; what was withheld before is found below.
        preload.begin()
        try:
            folder = options.archive or work / "archive"
            if options.archive is None:
                archive(store, folder, lambda done, head: on_progress("archive", done, head))
            plan = _plan(preload, folder, archive_of(store, folder), options, engine)
            run = Run(store, projections, plan, _run_folder(work, plan), engine, on_progress)
            load(preload, run.folder, run.rows(), on_progress)
            preload.finish(plan.last_position, plan.projections)
        except Exception:
            preload.abandon()
            raise
        shutil.rmtree(run.folder)
        if options.archive is None:
            shutil.rmtree(folder)
        return plan.last_position


def _plan(
    preload: Preload, folder: Path, manifest: Manifest, options: Options, engine: Engine
) -> Plan:
    return Plan(
        key=preload.key,
        time_zone=manifest.time_zone,
        archive=str(folder.absolute()),
        last_position=manifest.last_position,
        last_hash=manifest.last_hash,
        files=manifest.files,
        partitions=options.partitions or _partitions(manifest.last_position, engine.workers),
        projections=partitioned(preload.built),
    )


def _partitions(events: int, workers: int) -> int:
    wanted = max(PARTITIONS_PER_WORKER * workers, -(-events // EVENTS_PER_PARTITION))
    return min(wanted, PARTITIONS_MAX)


@contextmanager
def _work_folder(given: Path | None) -> Iterator[Path]:
    if given is None:
        with tempfile.TemporaryDirectory(prefix="timeline-rebuild-") as folder:
            yield Path(folder)
    else:
        given.mkdir(parents=True, exist_ok=True)
        yield given.absolute()


def _run_folder(work: Path, plan: Plan) -> Path:
    """The folder of this plan; what is left of others is removed."""
    folder = work / plan.name
    for other in work.glob(f"{_RUN}*"):
        if other != folder:
            shutil.rmtree(other)
    folder.mkdir(exist_ok=True)
    planning.write(folder, planning.PLAN, plan)
    return folder


class Run:
    """One computation of all rows, stage by stage."""

    def __init__(
        self,
        store: EventStore,
        projections: Sequence[Projection],
        plan: Plan,
        folder: Path,
        engine: Engine,
        on_progress: Progress,
    ) -> None:
        self._store, self._projections, self._plan = store, projections, plan
        self._engine, self._on_progress = engine, on_progress
        self.folder = folder
        self._rows: list[RowFile] = []
        self._runs: dict[str, list[str]] = {}

    def rows(self) -> list[RowFile]:
        """Run all stages; returns the files of rows to load."""
        plan = self._plan
        self._stage("split", len(plan.files))
        found = self._resolve()
        planning.write(self.folder, planning.REFERENCE, found.reference)
        counts: dict[str, int] = {}
        if EVENTS in self._runs:
            for done in self._stage("fold", plan.partitions):
                for name, count in done.counts.items():
                    counts[name] = counts.get(name, 0) + count
        if CONTROL in self._runs:
            self._stage("place", plan.partitions)
        named = self._handed(NAMED, NamedClaim)
        words = resolved(found.decisions, named)
        windows = windows_of(counts, plan.partitions)
        planning.write(self.folder, planning.WORDS, words)
        planning.write(self.folder, planning.WINDOWS, windows)
        self._stage("link", len(windows))
        with RowFiles(self.folder, "rows-linked") as linked:
            join(plan.key, linked, self._handed(LINKED, ClaimRow), words)
        return [*self._rows, *linked.written]

    def _resolve(self) -> Resolved:
        names = self._runs.get(BROADCAST, ())
        told = (broadcast_event(data) for _, _, data in merged(self.folder, names, ALL))
        with RowFiles(self.folder, "rows-reference") as rows:
            found = resolve(self._store, self._projections, self._plan, told, rows)
        self._rows += rows.written
        return found

    def _handed(self, kind: str, type_: Any) -> list[Any]:  # noqa: ANN401 - as msgspec has it
        rows = merged(self.folder, self._runs.get(kind, ()), ALL)
        return [msgspec.msgpack.decode(data, type=type_) for _, _, data in rows]

    def _stage(self, stage: str, tasks: int) -> list[Done]:
        """Run the tasks of a stage; what they hand on is there for the next."""
        planning.write(self.folder, planning.RUNS, self._runs)
        found: list[Done] = []
        for encoded in self._engine.run(str(self.folder), stage, range(tasks)):
            done = msgspec.json.decode(encoded, type=Done)
            if done.failed is not None:
                raise ProjectionFailed(*done.failed)
            if done.refused is not None:
                raise TaskRefused(done.refused)
            found.append(done)
            self._on_progress(stage, len(found), tasks)
        found.sort(key=attrgetter("number"))
        for done in found:
            self._rows += done.rows
            for kind, names in done.runs.items():
                self._runs.setdefault(kind, []).extend(names)
        return found


def load(preload: Preload, folder: Path, files: Iterable[RowFile], on_progress: Progress) -> None:
    """Load files of rows, table by table.

    Raises:
        RowFileDamaged: a file is not what its task wrote.
        BuildTakenOver: another process began another rebuild, or threw this one away.
    """
    ordered = sorted(files, key=attrgetter("table", "name"))
    for number, (name, of_table) in enumerate(groupby(ordered, attrgetter("table"))):
        table = SQLModel.metadata.tables[name]
        preload.add(table, _portions(preload.key, table, folder, of_table))
        on_progress("load", number + 1, len({f.table for f in ordered}))


def _portions(
    key: str, table: Table, folder: Path, files: Iterable[RowFile]
) -> Iterator[Sequence[Mapping[str, Any]]]:
    names, rows = ["casebook", *columns_of(table)], []
    for file in files:
        for some in read_rows(folder, file):
            rows += [dict(zip(names, (key, *row), strict=True)) for row in some]
            if len(rows) >= ROWS_PER_TRANSACTION:
                yield rows
                rows = []
    if rows:
        yield rows
