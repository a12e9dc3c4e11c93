"""Each revision declares what it does, locks and takes; a plan says it with the rows it meets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Engine

from tests.contract.support import put
from tests.migration.revisions import with_revision
from timeline.bootstrap import all_projections, outdated_projections
from timeline.projections.outdated import Outdated, outdated
from timeline.projections.runner import Runner
from timeline.resources import resource
from timeline.store import migrate
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore
from timeline.store.plans import Measured, Plan

ENGINES = ("SQLite", "Postgres")
FILLED_EVENTS_MIN = 100_000

TOUCHING = '''
"""Puts a column beside the entries' text.

More of it.
"""

from alembic import op

from timeline.store.plans import Measured, Plan

revision = "f00d"
down_revision = "{head}"
PLAN = Plan(
    does="adds a column",
    locks="readers and writers of the entries, for a moment",
    touches=("events", "entries"),
    rebuilds=("timeline",),
    measured=(Measured("SQLite 3.40", events=1_000, seconds=0.25),),
)


def upgrade() -> None:
    op.execute("ALTER TABLE entries ADD COLUMN extra INTEGER")
'''


def scripts() -> list[Script]:
    config = Config()
    config.set_main_option("script_location", str(resource("migrations")))
    config.set_main_option("path_separator", "os")
    return list(ScriptDirectory.from_config(config).walk_revisions())


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.revision)
def test_every_revision_declares_what_it_does_and_what_it_cost_when_measured(
    script: Script,
) -> None:
    plan: Plan = script.module.PLAN

    assert script.doc, "its docstring's first line is its title"
    assert plan.does
    assert plan.locks
    assert set(plan.rebuilds) <= {projection.name for projection in all_projections()}
    for engine in ENGINES:
        measured = [m for m in plan.measured if m.engine.startswith(engine)]
        assert measured, f"measure it on {engine}: python benchmarks/migrations.py"
        assert all(m.seconds > 0 for m in measured)
        if script.down_revision is not None:
            assert max(m.events for m in measured) >= FILLED_EVENTS_MIN


def test_a_plan_names_what_will_run_and_how_many_rows_it_meets(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "report-a", "a1", "a2")
    head = migrate.revisions()[-1]
    later = with_revision(tmp_path, TOUCHING)
    monkeypatch.setattr(migrate, "resource", lambda _: later)

    plan = migrate.pending(store.engine)

    assert (plan.current, plan.head) == (head, "f00d")
    assert [(s.revision, s.title, s.rows) for s in plan.steps] == [
        ("f00d", "Puts a column beside the entries' text.", {"events": 2, "entries": 0})
    ]
    assert plan.steps[0].plan.measured == (Measured("SQLite 3.40", 1_000, 0.25),)


def test_the_plan_of_an_empty_database_is_every_revision_in_order(empty_engine: Engine) -> None:
    plan = migrate.pending(empty_engine)

    assert plan.current is None
    assert [step.revision for step in plan.steps] == list(migrate.revisions())
    assert migrate.status(empty_engine)[0] is None


def test_a_current_database_has_no_plan(engine: Engine) -> None:
    assert migrate.pending(engine).steps == ()
    assert outdated_projections(engine) == ()


class Raised:
    """A projection as a later release would have it."""

    def __init__(self, projection: Any) -> None:  # noqa: ANN401
        self.name: str = projection.name
        self.version: int = projection.version + 1
        self.tables: Any = projection.tables
        self.depends_on: Any = projection.depends_on
        self.event_types: Any = projection.event_types
        self.apply: Any = projection.apply


def test_a_projection_of_an_older_version_is_to_be_rebuilt(
    engine: Engine, clock: Callable[[], datetime]
) -> None:
    for name in ("main", "other"):
        store = EventStore(engine, name, clock)
        store.open_casebook("Asia/Damascus", "syria")
        Runner(store, all_projections()).catch_up()
    with write_transaction(engine) as connection:  # the casebook `other` is built anew already
        raised = "UPDATE checkpoints SET version = version + 1 WHERE casebook = 'other'"
        connection.exec_driver_sql(raised)
    places = next(p for p in all_projections() if p.name == "places")

    found = outdated(engine, [Raised(places)])

    assert found == ()  # an empty log has not been projected yet
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("UPDATE casebooks SET position = position + 7")
        for name in ("main", "other"):
            version = places.version + (name == "other")
            connection.exec_driver_sql(
                "INSERT INTO checkpoints (casebook, projection, version, position)"
                f" VALUES ('{name}', 'places', {version}, 7)"
            )
    assert outdated(engine, [Raised(places)]) == (
        Outdated("main", "places", places.version, places.version + 1, 7),
    )


def test_a_database_without_tables_has_no_outdated_projection(empty_engine: Engine) -> None:
    assert outdated_projections(empty_engine) == ()
