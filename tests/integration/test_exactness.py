"""Any interleaving of filing, catch-up, crash and rebuild comes to the rows of one replay."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import PostgresServer, SteppableClock
from tests.integration.conftest import WORLD, Desk, opened_desk
from timeline.bootstrap import all_projections
from timeline.projections import batches, building
from timeline.projections.batches import Batch
from timeline.projections.building import Build
from timeline.projections.control import ControlProjection
from timeline.projections.entries import EntriesProjection
from timeline.projections.replaying import verified
from timeline.projections.reports import ReportsProjection
from timeline.projections.runner import Runner

NAMES = tuple(p.name for p in all_projections())
VICTIMS = (ReportsProjection, EntriesProjection, ControlProjection)

filings = st.permutations(sorted(WORLD))
steps = st.lists(
    st.one_of(
        st.just(("file",)),
        st.tuples(st.just("catch up"), st.integers(1, 7)),
        st.tuples(st.just("rebuild"), st.sets(st.sampled_from(NAMES), max_size=2)),
        st.tuples(st.just("begin a rebuild"), st.sets(st.sampled_from(NAMES), min_size=1)),
        st.tuples(st.just("crash"), st.sampled_from(VICTIMS), st.integers(1, 3)),
        st.tuples(st.just("crash in a rebuild"), st.sampled_from(VICTIMS), st.integers(1, 3)),
        st.tuples(st.just("poison"), st.sampled_from(VICTIMS), st.sampled_from(["fall", "wire"])),
    ),
    max_size=8,
)


class PowerCut(BaseException):
    """Ends a process in the middle of what it does."""


def failing(
    patch: pytest.MonkeyPatch, victim: type, fails: Callable[[Batch], BaseException | None]
) -> None:
    applied = victim.apply  # type: ignore[attr-defined]

    def apply(self: object, batch: Batch) -> None:
        error = fails(batch)
        if error is not None:
            raise error
        applied(self, batch)

    patch.setattr(victim, "apply", apply)


def cut_at(call: int) -> Callable[[Batch], BaseException | None]:
    calls = iter(range(1, 1_000))
    return lambda _: PowerCut() if next(calls) == call else None


def play(desk: Desk, order: list[str], plan: list[tuple]) -> None:  # type: ignore[type-arg]
    """File all of the world in some order, with what happens in between."""
    waiting = list(order)
    for step in plan:
        runner = Runner(desk.app.store, all_projections())  # a process of its own
        with pytest.MonkeyPatch.context() as patch:
            match step:
                case ("file",) if waiting:
                    append(desk, waiting.pop())
                case ("catch up", size):
                    patch.setattr(batches, "EVENTS_PER_BATCH", size)
                    runner.catch_up()
                case ("rebuild", names):
                    runner.rebuild(names)
                case ("begin a rebuild", names):
                    patch.setattr(batches, "EVENTS_PER_BATCH", 3)
                    build = Build(desk.app.store, all_projections(), names)
                    build.run(lambda: None, should_stop=lambda: True)
                case ("crash", victim, call):
                    patch.setattr(batches, "EVENTS_PER_BATCH", 2)
                    failing(patch, victim, cut_at(call))
                    with suppress(PowerCut):
                        runner.catch_up()
                case ("crash in a rebuild", victim, call):
                    patch.setattr(batches, "EVENTS_PER_BATCH", 6)
                    failing(patch, victim, cut_at(call))
                    with suppress(PowerCut):
                        runner.rebuild()
                case ("poison", victim, report_id):
                    failing(
                        patch,
                        victim,
                        lambda b, r=report_id: ValueError(r) if r in b.report_ids else None,  # type: ignore[misc]
                    )
                    runner.catch_up()
    for name in reversed(waiting):
        append(desk, name)


def append(desk: Desk, name: str) -> None:
    """File a report without its projection, as if the process was killed after the append."""
    desk.app.runner.catch_up()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, "catch_up_after_append", lambda _: ())
        desk.file(name, WORLD[name])


def check(desk: Desk) -> None:
    runner = Runner(desk.app.store, all_projections())
    found = verified(desk.app.store, all_projections(), runner)
    assert (found.position, found.different, found.halted) == (desk.head, (), ())


@given(filings, steps)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_interleaving_comes_to_the_rows_of_a_replay(
    sqlite_template: Path,
    clock: SteppableClock,
    order: list[str],
    plan: list[tuple],  # type: ignore[type-arg]
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "PAUSE_SECONDS_MIN", 0.0)
        path = Path(folder) / "timeline.db"
        shutil.copyfile(sqlite_template, path)
        with opened_desk(f"sqlite:///{path}", Path(folder) / "reports", clock) as desk:
            play(desk, order, plan)
            check(desk)


@pytest.mark.parametrize("seed", [1, 2])
def test_so_does_it_on_postgres(
    postgres_server: PostgresServer,
    postgres_template: str,
    tmp_path: Path,
    clock: SteppableClock,
    seed: int,
) -> None:
    order = sorted(WORLD, key=lambda name: (len(name) * seed) % 5)
    plan = [
        ("file",),
        ("poison", EntriesProjection, "wire"),
        ("file",),
        ("begin a rebuild", {"reports"}),
        ("crash", ControlProjection, seed),
        ("file",),
        ("crash in a rebuild", EntriesProjection, seed),
        ("catch up", 3),
        ("poison", ControlProjection, "fall"),
        ("file",),
        ("rebuild", {"control"}),
    ]
    with (
        postgres_server.database(postgres_template) as name,
        opened_desk(postgres_server.url(name), tmp_path, clock) as desk,
    ):
        play(desk, order, plan)
        check(desk)
