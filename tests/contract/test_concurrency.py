"""Processes that write, follow and rebuild at once, and are killed: nothing is lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import SteppableClock
from tests.contract.crashing import CrashablePostgres, crashable_postgres
from tests.contract.harness import Plan, Ran, run
from tests.contract.history import Verdict, judge
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.verify import verify_log

SECONDS = 3.0


def judged(plan: Plan, ran: Ran, store: EventStore) -> Verdict:
    verdict = judge(plan.folder, store)
    sys.stdout.write(
        f"appended {verdict.acknowledged}, unheard {verdict.unheard}, refused {verdict.refused},"
        f" tailers read {verdict.tailed}, rebuilt {verdict.rebuilt} times,"
        f" writers killed {ran.killed}, database crashed {ran.crashes}, lost {verdict.lost}\n"
    )
    assert ran.failures == []
    assert verdict.faults == []
    assert verify_log(store.engine, "main").holds
    return verdict


def test_processes_at_once_miss_repeat_and_reorder_nothing(
    store: EventStore, database_url: str, tmp_path: Path
) -> None:
    plan = Plan(database_url, tmp_path, SECONDS)

    verdict = judged(plan, run(plan), store)

    assert verdict.stored == verdict.acknowledged > 0
    assert verdict.unheard == 0


def test_writers_that_are_killed_leave_whole_appends_or_nothing(
    store: EventStore, database_url: str, tmp_path: Path
) -> None:
    plan = Plan(database_url, tmp_path, SECONDS, writer_kills=6)

    ran = run(plan)

    verdict = judged(plan, ran, store)
    assert ran.killed > 0
    assert verdict.stored == verdict.acknowledged + verdict.unheard


@pytest.fixture
def crashable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashablePostgres]:
    with crashable_postgres(tmp_path_factory.mktemp("crashing")) as server:
        yield server


def test_a_postgres_that_crashes_loses_nothing_that_was_acknowledged(
    crashable: CrashablePostgres, clock: SteppableClock, tmp_path: Path
) -> None:
    plan = Plan(
        crashable.url,
        tmp_path,
        SECONDS + 2,
        writer_kills=2,
        crashes=((0.4, crashable.crash), (0.7, crashable.crash)),
    )
    engine = connect(crashable.url)
    try:
        store = EventStore(engine, "main", clock)
        store.open_casebook("Asia/Damascus", "syria")
        ran = run(plan)

        judged(plan, ran, store)
        assert ran.crashes == 2
    finally:
        engine.dispose()


def test_a_casebook_opened_by_many_at_once_is_made_once(
    database_url: str, clock: SteppableClock
) -> None:
    engine = connect(database_url)
    try:
        with ThreadPoolExecutor(6) as pool:
            opened = list(
                pool.map(
                    lambda _: EventStore(engine, "new", clock).open_casebook("UTC", "syria"),
                    range(6),
                )
            )
        assert {one.head.position for one in opened} == {0}
    finally:
        engine.dispose()
