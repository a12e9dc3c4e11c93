"""Projections are rebuilt by many processes or machines, and come to the same rows."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from tests.conftest import SteppableClock
from tests.integration.conftest import Desk, opened_desk
from tests.integration.engines_world import TEXT, file_all
from tests.integration.test_rebuilding import LOUD, leftovers, names
from timeline.bootstrap import Application, all_projections
from timeline.domain.events import Basis, ReportRetracted
from timeline.domain.time import UNDATED
from timeline.errors import BuildTakenOver, ExtraNotInstalled, ProjectionFailed
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import building, tables
from timeline.projections.comparing import Difference
from timeline.projections.preloading import Preload
from timeline.projections.replaying import verified
from timeline.projections.runner import Runner
from timeline.scaling import engines, linking, rebuilding, rowfiles, runs
from timeline.scaling.engines import EngineName, EngineOptions, EngineUnavailable
from timeline.scaling.plan import PARTITIONED, PLAN, Plan
from timeline.scaling.plan import write as write_plan
from timeline.scaling.rebuilding import Options, TaskRefused
from timeline.scaling.rowfiles import RowFileDamaged, columns_of
from timeline.scaling.tasks import run_task
from timeline.settings import Settings
from timeline.store.archive import archive
from timeline.store.archive_format import ArchiveRefused, read_manifest
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.events import ANY, StreamAppend

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL_TABLES = {t.name: t for p in all_projections() for t in p.tables}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Rows = dict[str, list[tuple[Any, ...]]]


class Serial:
    """Runs tasks in this process, one after the other."""

    workers = 1

    def run(self, folder: str, stage: str, numbers: Sequence[int]) -> Iterator[bytes]:
        return (run_task(folder, stage, number) for number in numbers)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks run in the test's process; what a process of its own changes is tested elsewhere."""

    @contextmanager
    def opened(_: EngineOptions) -> Iterator[Serial]:
        yield Serial()

    monkeypatch.setattr(rebuilding, "opened", opened)


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other writer wants SQLite's lock between two portions."""
    monkeypatch.setattr(building, "PAUSE_SECONDS_MIN", 0.0)
    monkeypatch.setattr(building, "PAUSE_SECONDS_MAX", 0.0)


@pytest.fixture(scope="module")
def filed(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all of the world in it."""
    folder = tmp_path_factory.mktemp("engines")
    shutil.copyfile(sqlite_template, folder / "world.db")
    clock = SteppableClock(NOON)
    with opened_desk(f"sqlite:///{folder / 'world.db'}", folder / "reports", clock) as desk:
        file_all(desk)
    return folder / "world.db"


@pytest.fixture
def world(filed: Path, tmp_path: Path, clock: Callable[[], Any]) -> Iterator[Desk]:
    """A desk on a copy of it."""
    shutil.copyfile(filed, tmp_path / "world.db")
    with opened_desk(f"sqlite:///{tmp_path / 'world.db'}", tmp_path / "reports", clock) as desk:
        yield desk


def rebuilt(desk: Desk, options: Options, *of: str) -> Difference:
    return desk.app.rebuild(of, lambda _done, _head: None, options).difference


def live_rows(desk: Desk) -> Rows:
    with read_transaction(desk.app.engine) as connection:
        return {
            name: sorted(
                (
                    tuple(row)
                    for row in connection.execute(select(*(table.c[n] for n in columns_of(table))))
                ),
                key=repr,
            )
            for name, table in ALL_TABLES.items()
        }


def as_loaded(folder: Path, files: Sequence[rowfiles.RowFile]) -> Rows:
    found: Rows = {name: [] for name in ALL_TABLES}
    for file in files:
        for some in rowfiles.read_rows(folder, file):
            found[file.table] += some
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def test_the_world_is_what_it_says(world: Desk) -> None:
    rows = live_rows(world)
    claims = [
        dict(zip(columns_of(tables.incident_claims), r, strict=True))
        for r in rows["incident_claims"]
    ]

    assert verified(world.app.store, all_projections(), world.app.runner).different == ()
    linked = [c for c in claims if c["rule_group"] not in (None, c["incident_id"])]
    assert linked, "analysts link nothing that the rule does not"
    assert any(c["rule_group"] is None for c in claims), "everything stands"
    assert any(c["bucket"] is None for c in claims), "everything may be linked by the rule"
    assert len(rows["incidents"]) < len({c["claim_id"] for c in claims}) * 0.8
    assert all(rows.values()), "a table has no rows"


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    partitions=st.integers(1, 60),
    per_file=st.sampled_from([90, 300, 1_000]),
    rows_of_run=st.sampled_from([7, 200, 10_000]),
    per_batch=st.sampled_from([1, 9, 2_000]),
)
def test_however_the_work_is_dealt_out_it_comes_to_the_same_rows(
    filed: Path, partitions: int, per_file: int, rows_of_run: int, per_batch: int
) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory() as folder,
        opened_desk(f"sqlite:///{filed}", Path(folder), SteppableClock(NOON)) as desk,
    ):
        patch.setattr(runs, "RUN_ROWS_MAX", rows_of_run)
        patch.setattr(runs, "BATCH_ROWS_MAX", per_batch)
        patch.setattr(runs, "FAN_IN_MAX", 3)
        patch.setattr(linking, "BINS_PER_WINDOW_MAX", 2)
        found = computed(desk, Path(folder), partitions, per_file)
        assert found == live_rows(desk)


def computed(desk: Desk, folder: Path, partitions: int, per_file: int) -> Rows:
    """What the tasks come to, without loading it."""
    archive(desk.app.store, folder / "archive", events_per_file=per_file)
    work = folder / "work"
    work.mkdir()
    plan = plan_of(folder / "archive", partitions)
    write_plan(work, PLAN, plan)
    run = rebuilding.Run(desk.app.store, all_projections(), plan, work, Serial(), lambda *_: None)
    return as_loaded(work, run.rows())


def plan_of(folder: Path, partitions: int) -> Plan:
    manifest = read_manifest(folder)
    return Plan(
        key="main",
        time_zone=manifest.time_zone,
        archive=str(folder),
        last_position=manifest.last_position,
        last_hash=manifest.last_hash,
        files=manifest.files,
        partitions=partitions,
        projections=PARTITIONED,
    )


def test_every_projection_is_computed_by_the_tasks() -> None:
    """Raise the version in PARTITIONED when the tasks follow a projection's new rules."""
    assert rebuilding.partitioned(all_projections()) == {
        p.name: p.version for p in all_projections()
    }


def test_a_build_is_loaded_caught_up_and_swapped_on_both_engines(
    desk: Desk, in_process: None
) -> None:
    file_all(desk)
    before = desk.checksums()
    spoil(desk)

    wrote = rebuilt(desk, Options(partitions=3))

    assert desk.checksums() == before
    assert (wrote.deleted, wrote.updated, wrote.inserted) == (0, 30, 6)
    assert leftovers(desk) == 0


def spoil(desk: Desk) -> None:
    """Damage live rows, which a rebuild puts right."""
    e, c = tables.entries.c, tables.control_claims.c
    with write_transaction(desk.app.engine) as connection:
        some = [
            r.claim_id
            for r in connection.execute(select(e.claim_id).order_by(e.claim_id).limit(30))
        ]
        connection.execute(update(tables.entries).where(e.claim_id.in_(some)).values(quote="no"))
        connection.execute(delete(tables.control_claims).where(c.place_id == "khanasser"))


def test_processes_of_this_machine_come_to_the_same_rows_though_one_is_killed(
    world: Desk,
) -> None:
    before, killed = world.checksums(), list[int | None]()

    def kill_one(stage: str, done: int, _: int) -> None:
        if stage == "fold" and not killed:
            worker = multiprocessing.active_children()[0]
            killed.append(worker.pid)
            worker.kill()

    world.app.rebuild(
        (), lambda *_: None, Options(EngineOptions(workers=2), partitions=12), kill_one
    )

    assert killed
    assert world.checksums() == before


def test_a_dask_cluster_comes_to_the_same_rows_though_a_worker_is_killed(world: Desk) -> None:
    from distributed import Client, LocalCluster

    before, killed = world.checksums(), list[str]()
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        pids = client.run(os.getpid)

        def kill_busy(stage: str, _done: int, _of: int) -> None:
            busy = [a for a, tasks in client.processing().items() if tasks]
            if stage == "fold" and busy and not killed:
                killed.append(busy[0])
                os.kill(pids[busy[0]], signal.SIGKILL)

        engine = EngineOptions(EngineName.DASK, scheduler=cluster.scheduler_address)
        difference = world.app.rebuild(
            (), lambda *_: None, Options(engine, partitions=24), kill_busy
        ).difference

        assert killed
        assert client.run(os.getpid).keys() != pids.keys(), "the worker was not killed"
    assert difference == Difference()
    assert world.checksums() == before


def test_a_spark_cluster_comes_to_the_same_rows(world: Desk) -> None:
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        message = "needs pyspark and Java: pip install 'conflict-timeline[spark]'"
        if os.environ.get("TIMELINE_REQUIRE_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    before = world.checksums()
    engine = EngineOptions(EngineName.SPARK, master="local-cluster[2,1,1024]")

    assert rebuilt(world, Options(engine, partitions=4)) == Difference()
    assert world.checksums() == before


def test_what_the_log_got_since_the_archive_was_written_is_caught_up_with(
    world: Desk, tmp_path: Path, in_process: None
) -> None:
    archive(world.app.store, tmp_path / "archive")
    world.file("later.yaml", TEXT.replace("testimony", "later"))
    before = world.checksums()

    options = Options(archive=tmp_path / "archive", partitions=2)

    assert rebuilt(world, options, "control") == Difference()
    assert world.checksums() == before
    assert read_manifest(tmp_path / "archive").last_position < world.head


def test_rules_that_the_tasks_do_not_follow_are_built_by_the_ordinary_runner(
    world: Desk, in_process: None
) -> None:
    store = world.app.store
    assert rebuilding.partitioned(LOUD).keys() == {
        "types", "places", "actors", "reports", "search",
    }  # fmt: skip
    rebuilding.prepare(store, LOUD, PARTITIONED, Options(partitions=2))
    later = Runner(store, LOUD)
    later.rebuild()

    assert verified(store, LOUD, later).different == ()
    assert "KHANASSER" in names(world)


def test_a_rebuild_that_was_killed_is_gone_on_with_in_its_work_folder(
    world: Desk, tmp_path: Path, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(world.app.store, tmp_path / "archive")
    options = Options(archive=tmp_path / "archive", work=tmp_path / "work", partitions=3)

    class PowerCut(BaseException):
        pass

    def cut(*_: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding, "load", cut)
        with pytest.raises(PowerCut):
            rebuilt(world, options)
    [run] = (tmp_path / "work").iterdir()
    written = {p.name: p.stat().st_mtime_ns for p in run.glob("rows-fold-*")}
    assert {s.state for s in world.app.runner.status()} == {"rebuilding"}

    kept: dict[str, int] = {}

    def note(stage: str, done: int, of: int) -> None:
        if stage == "load" and done == of:
            kept.update({p.name: p.stat().st_mtime_ns for p in run.glob("rows-fold-*")})

    world.app.rebuild((), lambda *_: None, options, note)
    assert kept == written
    assert not list((tmp_path / "work").iterdir())


def test_half_loaded_rows_are_thrown_away_by_the_next_rebuild(world: Desk) -> None:
    before = world.checksums()
    preload = Preload(world.app.store, all_projections(), PARTITIONED)
    preload.begin()
    place = {c.name: None for c in tables.places.c} | {"casebook": preload.key}
    row = {"place_id": "x", "name": "x", "kind": "town", "data": "{}", "position": 1}
    preload.add(tables.places, iter([[place | row]]))

    assert world.app.runner.rebuild().difference == Difference()
    assert world.checksums() == before
    with pytest.raises(BuildTakenOver):
        preload.add(tables.places, iter([[place | row]]))


def test_withholding_ends_a_build_whose_rows_hold_what_is_withheld(
    world: Desk, in_process: None
) -> None:
    def withhold(stage: str, done: int, _: int) -> None:
        if (stage, done) == ("link", 1):
            world.app.withholding.withhold_report("fall", "a witness asked")

    with pytest.raises(BuildTakenOver):
        world.app.rebuild((), lambda *_: None, Options(partitions=2), withhold)
    assert leftovers(world) == 0


def test_an_archive_that_holds_what_was_withheld_since_is_refused(
    world: Desk, tmp_path: Path, in_process: None
) -> None:
    archive(world.app.store, tmp_path / "archive")
    world.app.withholding.withhold_report("fall", "a witness asked")

    with pytest.raises(ArchiveRefused, match="withheld since it was written; run `timeline arch"):
        rebuilt(world, Options(archive=tmp_path / "archive"))
    assert leftovers(world) == 0


def test_an_archive_of_another_log_is_refused(
    world: Desk, desk: Desk, tmp_path: Path, in_process: None
) -> None:
    archive(world.app.store, tmp_path / "ahead")
    other = Application(Settings(world.app.settings.database_url, "other"), world.app.engine)
    other.store.open_casebook("UTC", "syria")
    archive(other.store, tmp_path / "other")

    with pytest.raises(ArchiveRefused, match=r"ends at position \d+, beyond the log's end, which"):
        rebuilt(desk, Options(archive=tmp_path / "ahead"))
    with pytest.raises(ArchiveRefused, match="is an archive of the casebook other in UTC, and"):
        rebuilt(desk, Options(archive=tmp_path / "other"))
    with pytest.raises(ArchiveRefused, match=r"holds no archive: there is no manifest\.json"):
        rebuilt(desk, Options(archive=tmp_path / "nowhere"))


def test_damage_is_found_before_anything_is_swapped(
    world: Desk, tmp_path: Path, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(world.app.store, tmp_path / "archive")
    options = Options(archive=tmp_path / "archive", partitions=2, work=tmp_path / "work")

    def damage(stage: str, done: int, of: int) -> None:
        if stage == "link" and done == of:
            [path] = (tmp_path / "work").glob("run-*/rows-fold-000000-entries.arrow")
            path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(RowFileDamaged, match="is not what its task wrote"):
        world.app.rebuild((), lambda *_: None, options, damage)
    [file] = (tmp_path / "archive").glob("events-*")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(TaskRefused, match="does not have its checksum"):
        rebuilt(world, Options(archive=tmp_path / "archive"))
    assert leftovers(world) == 0


def test_an_event_that_cannot_be_projected_is_named(
    world: Desk, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = poisoned(world)

    with pytest.raises(ProjectionFailed, match=f"event {position} stops the projection") as fault:
        rebuilt(world, Options(partitions=2))
    assert fault.value.position == position
    assert leftovers(world) == 0


def poisoned(desk: Desk) -> int:
    """Append an event of a report that no release can read; returns its position."""
    retracted = ReportRetracted(report_id="fall", reported=UNDATED, basis=Basis.CODING, reason="no")
    event = new_event(retracted, event_id("main", "poison"), {})
    later = msgspec.structs.replace(event, schema_version=99)
    return desk.app.store.append([StreamAppend("report-fall", ANY, [later])]).head_position


def test_what_does_not_answer_or_is_not_installed_is_told_in_a_sentence(
    world: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "SCHEDULER_SECONDS_MAX", 0.3)
    nobody = EngineOptions(EngineName.DASK, scheduler="tcp://127.0.0.1:1")
    with pytest.raises(EngineUnavailable, match="no Dask scheduler answers"):
        rebuilt(world, Options(nobody))
    for missing, name in (("distributed", EngineName.DASK), ("pyspark", EngineName.SPARK)):
        monkeypatch.setitem(sys.modules, missing, None)
        with pytest.raises(ExtraNotInstalled, match=rf"conflict-timeline\[{name}\]"):
            rebuilt(world, Options(EngineOptions(name)))
    assert leftovers(world) == 0
