"""A swap finds beforehand what differs; what is empty is built; nobody waits long or sees half."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import Connection, Table, delete, func, select, text, update

from tests.integration.conftest import Desk
from tests.integration.test_rebuilding import LOUD, leftovers, names, of_next_release, retraction
from timeline.bootstrap import all_projections
from timeline.projections import batches, building, comparing, runner, tables
from timeline.projections.comparing import Comparison
from timeline.projections.control import ControlProjection
from timeline.projections.replaying import verified
from timeline.store.engine import connect, read_transaction, write_transaction

ROOT = Path(__file__).parents[2]
ALL_TABLES = [t for p in all_projections() for t in p.tables]


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> list[str]:
    """Do something once, while the first table is being compared; the tables compared after it."""
    compare, compared = comparing.compare, list[str]()

    def first_work(connection: Connection, table: Table, live: str, built: str) -> Comparison:
        compared.append(table.name)
        if len(compared) == 1:
            work()
        return compare(connection, table, live, built)

    monkeypatch.setattr(comparing, "compare", first_work)
    return compared


def builds(desk: Desk) -> dict[str, int]:
    with read_transaction(desk.app.engine) as connection:
        c = tables.checkpoints.c
        return {
            row.projection: row.builds for row in connection.execute(select(c.projection, c.builds))
        }


def test_others_append_while_it_is_found_what_differs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    later = of_next_release(desk)
    compared = meanwhile(monkeypatch, lambda: desk.app.store.append([retraction("wire")]))

    later.catch_up()

    assert names(desk) == {"KHANASSER", "خناصر"}
    assert len(compared) == len(set(compared))  # none of them again, under the locks
    assert verified(desk.app.store, LOUD, later).different == ()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_on_postgres_others_are_projected_while_a_raised_version_is_swapped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    later, replace_rows, swapped = of_next_release(desk), comparing.replace_rows, list[str]()
    reached: list[dict[str, int]] = []

    def others_go_on(
        connection: Connection, found: Comparison, live: str, built: str
    ) -> comparing.Difference:
        swapped.append(found.table.name)
        if len(swapped) == 1:
            desk.app.store.append([retraction("wire")])
            other = of_next_release(desk)
            assert other.catch_up_after_append() == tuple(
                f"stored, but {status}" for status in other.halted()
            )
            reached.append({s.name: desk.head - s.position for s in other.status()})
        return replace_rows(connection, found, live, built)

    monkeypatch.setattr(comparing, "replace_rows", others_go_on)
    monkeypatch.setattr(runner, "EVENTS_BUILT_AT_ONCE_MAX", 3)
    later.build_outdated()

    behind = {"timeline": 1, "control": 1, "incidents": 1, "search": 1}
    assert reached == [{p.name: behind.get(p.name, 0) for p in LOUD}]
    assert verified(desk.app.store, LOUD, later).different == ()


def test_live_rows_that_were_right_stay_though_they_went_on_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()

    def go_on() -> None:
        desk.app.store.append([retraction("wire")])
        desk.app.runner.catch_up()

    compared = meanwhile(monkeypatch, go_on)

    rebuilt = desk.app.runner.rebuild()
    assert len(compared) == len(set(compared))
    assert rebuilt.difference == comparing.Difference()
    assert verified(desk.app.store, all_projections(), desk.app.runner).different == ()
    assert leftovers(desk) == 0


def test_damaged_rows_that_went_on_meanwhile_are_compared_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    c = tables.entries.c
    with write_transaction(desk.app.engine) as connection:
        connection.execute(update(tables.entries).where(c.type == "Clash").values(quote="no"))
        connection.execute(delete(tables.incidents))

    def go_on() -> None:
        desk.app.store.append([retraction("wire")])
        desk.app.runner.catch_up()

    compared = meanwhile(monkeypatch, go_on)

    assert desk.app.runner.rebuild().difference.deleted == 1  # written by what went on meanwhile
    assert len(compared) == 2 * len(ALL_TABLES)
    assert verified(desk.app.store, all_projections(), desk.app.runner).different == ()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_rowids_are_not_relied_on_after_a_vacuum(desk: Desk) -> None:
    with read_transaction(desk.app.engine) as connection:
        before = comparing.layout(connection)
    with desk.app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("VACUUM")
    with read_transaction(desk.app.engine) as connection:
        assert comparing.layout(connection) != before


def test_what_is_empty_in_a_long_log_is_built(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.file_world()
    expected = desk.checksums()
    desk.forget()
    desk.app.runner.catch_up()
    assert (desk.checksums(), set(builds(desk).values())) == (expected, {0})  # a short log

    desk.forget()
    monkeypatch.setattr(runner, "EVENTS_BUILT_AT_ONCE_MAX", 3)
    assert desk.app.runner.catch_up() == desk.head
    assert (desk.checksums(), leftovers(desk)) == (expected, 0)
    assert set(builds(desk).values()) == {1}

    desk.app.store.append([retraction("wire")])
    desk.app.runner.catch_up()
    assert set(builds(desk).values()) == {1}
    assert verified(desk.app.store, all_projections(), desk.app.runner).different == ()


def test_one_that_is_empty_is_built_beside_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    expected = desk.checksums()
    c = tables.checkpoints.c
    with write_transaction(desk.app.engine) as connection:
        connection.execute(delete(tables.incidents))
        connection.execute(delete(tables.incident_claims))
        connection.execute(delete(tables.incident_words))
        connection.execute(
            update(tables.checkpoints).where(c.projection == "incidents").values(position=0)
        )
    monkeypatch.setattr(runner, "EVENTS_BUILT_AT_ONCE_MAX", 3)

    desk.app.runner.catch_up()

    assert (desk.checksums(), leftovers(desk)) == (expected, 0)
    assert {name for name, number in builds(desk).items() if number} == {"incidents"}


def test_an_event_that_stops_the_first_build_stops_its_projection_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    desk.forget()
    monkeypatch.setattr(runner, "EVENTS_BUILT_AT_ONCE_MAX", 3)

    def fail(_self: object, _batch: object, _done: int = 0) -> None:
        raise ValueError("no sense can be made of it")

    with monkeypatch.context() as patched:
        patched.setattr(ControlProjection, "apply", fail)
        patched.setattr(ControlProjection, "load_part", fail)
        desk.app.runner.catch_up()
        states = {s.name: s.state for s in desk.app.runner.status()}
        assert states.pop("control") == "stopped"
        assert set(states.values()) == {"live"}

    desk.app.runner.catch_up()
    assert verified(desk.app.store, all_projections(), desk.app.runner).different == ()
    assert leftovers(desk) == 0


FIRST_BUILD = """
import sys, time
from timeline.bootstrap import all_projections, system_clock
from timeline.projections import batches, building, runner
from timeline.store.engine import connect
from timeline.store.event_store import EventStore

batches.EVENTS_PER_BATCH = building.EVENTS_PER_BATCH_MAX = 5
runner.EVENTS_BUILT_AT_ONCE_MAX = 3

def told(reached, head):
    print(reached, flush=True)
    time.sleep(0.05)

store = EventStore(connect(sys.argv[1]), "main", system_clock)
runner.Runner(store, all_projections()).catch_up(told)
"""


def test_sigkill_in_the_first_build_leaves_nothing_to_be_seen_and_it_is_gone_on_with(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    expected, url = desk.checksums(), desk.app.settings.database_url
    desk.forget()
    process = subprocess.Popen(
        [sys.executable, "-c", FIRST_BUILD, url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["5\n", "10\n"]
    process.kill()
    assert process.wait() == -9
    process.stdout.close()
    assert (len(names(desk)), leftovers(desk) > 0) == (0, True)

    monkeypatch.setattr(runner, "EVENTS_BUILT_AT_ONCE_MAX", 3)
    assert desk.app.runner.catch_up() <= desk.head - 10
    assert (desk.checksums(), leftovers(desk)) == (expected, 0)


def test_readers_see_nothing_or_all_of_a_projection_that_is_first_built(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    monkeypatch.setattr(building, "EVENTS_PER_BATCH_MAX", 5)
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", 5)
    monkeypatch.setattr(runner, "EVENTS_BUILT_AT_ONCE_MAX", 3)
    seen: set[tuple[int, ...]] = set()
    stop, engine = Event(), connect(desk.app.settings.database_url)
    counts = [
        select(func.count()).where(t.c.casebook == "main").scalar_subquery()
        for t in (tables.entries, tables.entry_actors, tables.control_rectangles)
    ]

    def ask() -> None:
        while not stop.is_set():
            with read_transaction(engine) as connection:
                seen.add(tuple(connection.execute(select(*counts)).one()))

    with read_transaction(engine) as connection:
        entries, actors, rectangles = connection.execute(select(*counts)).one()
    desk.forget()
    reader = Thread(target=ask)
    reader.start()
    desk.app.runner.catch_up()
    stop.set()
    reader.join()
    engine.dispose()

    assert seen <= {(0, 0, 0), (entries, actors, 0), (entries, actors, rectangles)}
    assert len(seen) > 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_swap_that_nobody_asked_for_gives_way_to_writers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    before, later, replace_rows = names(desk), of_next_release(desk), comparing.replace_rows

    def slowly(
        connection: Connection, found: Comparison, live: str, built: str
    ) -> comparing.Difference:
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)"
        connection.execute(text(f"{slow} SELECT count(*) FROM n"))
        return replace_rows(connection, found, live, built)

    with monkeypatch.context() as patched:
        patched.setattr(comparing, "replace_rows", slowly)
        patched.setattr(runner, "UNASKED_SECONDS_MAX", 0.3)
        later.catch_up()
    assert names(desk) == before
    assert {s.name: s.state for s in later.status()}["timeline"] == "rebuilding"
    assert leftovers(desk) > 0

    desk.app.store.append([retraction("wire")])
    later.rebuild(["timeline"])
    assert names(desk) == {"KHANASSER", "خناصر"}
    assert leftovers(desk) == 0
