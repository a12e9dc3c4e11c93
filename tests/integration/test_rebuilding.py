"""Projections are built anew beside their live rows, and swapped: nobody sees half a table."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import func, select, update

from tests.integration.conftest import WORLD, Desk
from timeline.bootstrap import all_projections
from timeline.domain.events import Basis, ReportRetracted
from timeline.domain.time import UNDATED
from timeline.errors import NotFound, ProjectionFailed, SchemaMismatch
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import batches, building, runner, tables
from timeline.projections.batches import Batch, Projection
from timeline.projections.building import Build
from timeline.projections.comparing import Difference
from timeline.projections.control import ControlProjection
from timeline.projections.entries import EntriesProjection
from timeline.projections.outdated import outdated
from timeline.projections.replaying import verified
from timeline.projections.runner import Runner
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.events import ANY, StreamAppend

ROOT = Path(__file__).parents[2]
REPORT = """
id: r{number}
source: {{name: Outlet {number}}}
published: 2016-02-28
claims:
  - {{type: Clash, place: {{as_named: Khanasser}}, occurred: 2016-02-2{digit}}}
  - {{type: ControlStated, place: {{as_named: Ithriya}}, occurred: 2016-02-1{digit},
     actors: [{{as_named: IS, role: holder}}]}}
"""


class LoudTimeline(EntriesProjection):
    """A later version of the timeline, in which the places' names are in capitals."""

    version = 2

    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        e = tables.entries.c
        batch.connection.execute(
            update(tables.entries)
            .where(e.casebook == batch.name, e.report_id.in_(batch.report_ids))
            .values(place_as_named=func.upper(e.place_as_named))
        )


LOUD: tuple[Projection, ...] = tuple(
    LoudTimeline() if p.name == "timeline" else p for p in all_projections()
)


def of_next_release(desk: Desk) -> Runner:
    return Runner(desk.app.store, LOUD)


def names(desk: Desk) -> set[str]:
    with read_transaction(desk.app.engine) as connection:
        e = tables.entries.c
        query = select(e.place_as_named).where(e.casebook == "main")
        return {str(name) for name in connection.execute(query).scalars()}


def leftovers(desk: Desk) -> int:
    """Rows that stand under another name than the casebook's."""
    with read_transaction(desk.app.engine) as connection:
        return sum(
            connection.execute(
                select(func.count()).select_from(t).where(t.c.casebook != "main")
            ).scalar_one()
            for t in (*(t for p in all_projections() for t in p.tables), tables.checkpoints)
        )


def states(found: Runner) -> dict[str, str]:
    return {s.name: s.state for s in found.status()}


def test_a_rebuild_writes_only_what_differs(desk: Desk) -> None:
    desk.file_world()
    assert desk.app.runner.rebuild().difference == Difference()
    c = tables.entries.c
    with write_transaction(desk.app.engine) as connection:
        connection.execute(update(tables.entries).where(c.type == "Clash").values(quote="no"))
        doubled = select(tables.places).where(tables.places.c.place_id == "ithriya")
        row = dict(connection.execute(doubled).mappings().one(), place_id="atlantis")
        connection.execute(tables.places.insert(), row)
        connection.execute(tables.sources.delete())

    assert desk.app.runner.rebuild().difference == Difference(deleted=1, updated=2, inserted=3)
    assert leftovers(desk) == 0


def test_a_raised_version_is_built_at_once_in_a_small_log(desk: Desk) -> None:
    desk.file_world()
    later = of_next_release(desk)
    later.catch_up()

    assert names(desk) == {"KHANASSER", "ITHRIYA", "ATLANTIS", "خناصر"}
    assert {s.name: s.version for s in later.status()}["timeline"] == 2
    assert set(states(later).values()) == {"live"}
    assert verified(desk.app.store, LOUD, later).different == ()


def test_in_a_large_log_the_old_rows_stand_still_until_the_new_ones_are_built(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "EVENTS_BUILT_AT_ONCE_MAX", 3)
    for name in list(WORLD)[:-1]:
        desk.file(name, WORLD[name])
    before, head, later = names(desk), desk.head, of_next_release(desk)
    desk.app.store.append([retraction("fall")])
    later.catch_up()

    assert names(desk) == before
    assert states(later) == {
        "types": "live",
        "places": "live",
        "actors": "live",
        "reports": "live",
        "timeline": "outdated",
        "control": "stopped",
        "incidents": "stopped",
        "search": "live",
    }
    held = ("timeline", "control", "incidents")
    assert {s.position for s in later.status() if s.name in held} == {head}
    assert later.outdated() == ("timeline",)

    built = later.build_outdated()
    assert built is not None
    assert built.projections == ("timeline", "control", "incidents")
    assert names(desk) == {"KHANASSER", "ITHRIYA", "ATLANTIS", "خناصر"}
    assert verified(desk.app.store, LOUD, later).different == ()


def retraction(report_id: str) -> StreamAppend:
    """That nothing of a report stands."""
    payload = ReportRetracted(
        report_id=report_id, basis=Basis.CODING, reported=UNDATED, reason="a hoax"
    )
    new = new_event(payload, event_id("main", "retracted", report_id), {})
    return StreamAppend(f"report-{report_id}", ANY, [new])


def test_an_older_release_does_not_write_over_a_newer_ones_rows(desk: Desk) -> None:
    desk.file_world()
    old = desk.checksums()
    of_next_release(desk).catch_up()
    before = names(desk)

    with pytest.raises(SchemaMismatch, match=r"go back with `timeline rebuild timeline`"):
        desk.app.runner.catch_up()
    assert names(desk) == before

    desk.app.runner.rebuild(["timeline"])
    assert desk.checksums() == old


def test_an_event_that_stops_a_build_leaves_the_old_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    expected = desk.checksums()

    def fail(_self: object, _batch: object, _done: int = 0) -> None:
        raise ValueError("no sense can be made of it")

    monkeypatch.setattr(ControlProjection, "apply", fail)
    monkeypatch.setattr(ControlProjection, "load_part", fail)
    with pytest.raises(ProjectionFailed, match="stops the projection control: ValueError"):
        desk.app.runner.rebuild()
    assert (desk.checksums(), leftovers(desk)) == (expected, 0)

    later = of_next_release(desk)
    later.catch_up()
    stopped = {s.name: s for s in later.status()}["timeline"]
    assert (stopped.state, stopped.version, stopped.failed_position) == ("stopped", 1, 1)
    assert "event 1 stops the build of control: ValueError" in (stopped.reason or "")
    assert desk.checksums() == expected


def test_a_build_of_places_reads_only_their_events(desk: Desk) -> None:
    desk.file_world()

    without_search = tuple(p for p in all_projections() if p.name != "search")

    assert Runner(desk.app.store, without_search).rebuild(["places"]).events == 2


def test_a_build_that_was_stopped_is_gone_on_with(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", 5)
    desk.file_world()
    expected = desk.checksums()
    build = Build(desk.app.store, all_projections(), ["reports"])
    assert build.run(lambda: None, should_stop=lambda: True) is None
    (status,) = (s for s in desk.app.runner.status() if s.name == "reports")
    assert (status.state, status.build_position) == ("rebuilding", 5)
    assert leftovers(desk) > 0

    assert desk.app.runner.rebuild(["reports"]).events == desk.head - 5
    assert (desk.checksums(), leftovers(desk)) == (expected, 0)


def test_what_another_began_is_finished_with_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", 5)
    desk.file_world()
    Build(desk.app.store, all_projections(), ["reports"]).run(
        lambda: None, should_stop=lambda: True
    )

    assert desk.app.runner.rebuild(["places"]).projections == (
        "places",
        "reports",
        "search",
    )
    assert leftovers(desk) == 0


def test_withholding_throws_a_build_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", 20)
    desk.file_world()
    Build(desk.app.store, all_projections(), ["timeline"]).run(
        lambda: None, should_stop=lambda: True
    )
    assert leftovers(desk) > 0

    desk.app.withholding.withhold_report("fall", "a name that must not stand here")
    assert leftovers(desk) == 0


def test_withholding_leaves_nothing_in_a_projection_that_stands_still(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()

    def apply(_self: object, _batch: object) -> None:
        raise ValueError("no sense can be made of it")

    with monkeypatch.context() as patched:
        patched.setattr(EntriesProjection, "apply", apply)
        done = desk.app.withholding.withhold_report("fall", "a name that must not stand here")
        with read_transaction(desk.app.engine) as connection:
            found = select(func.count()).where(tables.entries.c.report_id == "fall")
            assert connection.execute(found).scalar_one() == 0
    assert any("until then its rows of the report are deleted" in note for note in done.notes)

    desk.app.runner.catch_up()
    assert verified(desk.app.store, all_projections(), desk.app.runner).different == ()


def test_the_rebuilds_that_a_release_brings_are_told_beforehand(desk: Desk) -> None:
    desk.file_world()
    assert outdated(desk.app.engine, all_projections()) == ()

    told = outdated(desk.app.engine, LOUD)

    assert [(o.casebook, o.projection, o.wanted - o.version, o.events) for o in told] == [
        ("main", "control", 0, desk.head),
        ("main", "incidents", 0, desk.head),
        ("main", "timeline", 1, desk.head),
    ]


def test_an_unknown_projection_is_no_build(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.app.runner.rebuild(["views"])
    assert leftovers(desk) == 0


def test_every_projected_table_has_the_casebook_first_in_its_key() -> None:
    found = [t for p in all_projections() for t in p.tables]

    assert [t.name for t in found if next(iter(t.primary_key.columns)).name != "casebook"] == []


SLOW_REBUILD = """
import sys, time
from timeline.bootstrap import all_projections, system_clock
from timeline.projections import batches, building
from timeline.projections.runner import Runner
from timeline.store.engine import connect
from timeline.store.event_store import EventStore

batches.EVENTS_PER_BATCH = building.EVENTS_PER_BATCH_MAX = 5
runner = Runner(EventStore(connect(sys.argv[1]), "main", system_clock), all_projections())

def told(reached, head):
    print(reached, flush=True)
    time.sleep(0.05)

runner.rebuild((), told)
print("done", flush=True)
"""


def test_sigkill_in_the_middle_of_a_rebuild_is_made_up_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    expected, url = desk.checksums(), desk.app.settings.database_url
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_REBUILD, url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["5\n", "10\n"]
    process.kill()
    assert process.wait() == -9
    process.stdout.close()

    assert desk.checksums() == expected
    told = {(s.state, s.position) for s in desk.app.runner.status()}
    assert told == {("rebuilding", desk.head)}
    # What is made of the others' tables waits for them.
    reached = {s.name: s.build_position or 0 for s in desk.app.runner.status()}["timeline"]
    assert 10 <= reached < desk.head

    assert desk.app.runner.rebuild().events == desk.head - reached
    assert (desk.checksums(), leftovers(desk)) == (expected, 0)


def test_every_answer_during_a_build_is_the_old_one_or_the_new_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "EVENTS_PER_BATCH_MAX", 10)
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", 10)
    for number in range(8):
        desk.file(f"r{number}.yaml", REPORT.format(number=number, digit=number))
    answers: list[tuple[str, ...]] = []
    stop, engine = Event(), connect(desk.app.settings.database_url)

    def ask() -> None:
        e = tables.entries.c
        query = select(e.place_as_named).where(e.casebook == "main").order_by(e.claim_id)
        while not stop.is_set():
            with read_transaction(engine) as connection:
                answers.append(tuple(connection.execute(query).scalars()))

    old = _answer(desk)
    readers = [Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    later = of_next_release(desk)
    desk.app.store.append([retraction("r0")])  # arrives meanwhile; the build takes it in
    later.catch_up()
    time.sleep(0.2)
    stop.set()
    for reader in readers:
        reader.join()
    engine.dispose()

    new = _answer(desk)
    assert (len(old), len(new)) == (16, 14)
    assert set(answers) == {old, new}
    assert len(answers) > 10


def _answer(desk: Desk) -> tuple[str, ...]:
    e = tables.entries.c
    query = select(e.place_as_named).where(e.casebook == "main").order_by(e.claim_id)
    with read_transaction(desk.app.engine) as connection:
        return tuple(connection.execute(query).scalars())
