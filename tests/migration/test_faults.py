"""Killed, failing and racing migrations leave a whole schema, no stale lock, and migrate once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.migration.catalogue import catalogue
from tests.migration.faults import engine_on, kill_upgrades, others_are_gone, race_upgrades
from tests.migration.revisions import with_revision
from timeline.errors import DatabaseBusy, SchemaMismatch
from timeline.store import migrate
from timeline.store.engine import write_transaction
from timeline.store.migrate import MigrationFailed

ROOT = Path(__file__).parents[2]
KILLS = 8
RACERS = 8
NEXT_UPGRADE_SECONDS_MAX = 10

UPGRADE = """
import sys
from pathlib import Path
from timeline.errors import DatabaseBusy, SchemaMismatch
from timeline.store import migrate
from timeline.store.engine import connect

migrate.resource = lambda _: Path(sys.argv[2])
migrate.upgrade(connect(sys.argv[1]))
"""
# Says that its first half is done, then stays in its second for a minute.
HALVES = '''
"""Makes a table, waits, and makes another."""

import sys
import time

from alembic import op

from timeline.store.plans import Plan

revision = "f00d"
down_revision = "{head}"
PLAN = Plan("makes two tables", "nothing", (), (), ())


def upgrade() -> None:
    op.execute("CREATE TABLE half_done (a INTEGER)")
    print("half", flush=True)
    {wait}
    op.execute("CREATE TABLE other_half (a INTEGER)")
    {end}
'''
WAITS = {
    "between two statements": "time.sleep(60)",
    "in a statement": """op.execute({
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                  " SELECT count(*) FROM n WHERE i < 0",
        "postgresql": "SELECT pg_sleep(60)",
    }[op.get_context().dialect.name])""",
    "before its commit": "pass",
}
FAILING = '''
"""Makes a table, alters one of ours, then fails."""

from alembic import op

from timeline.store.plans import Plan

revision = "f00d"
down_revision = "{head}"
PLAN = Plan("fails", "nothing", (), (), ())


def upgrade() -> None:
    op.execute("CREATE TABLE half_done (a INTEGER)")
    with op.batch_alter_table("documents", recreate="auto") as batch:
        batch.drop_column("media_type")
    op.execute("DROP TABLE checkpoints")
    op.execute("CREATE TABLE events (a INTEGER)")
'''


@pytest.mark.parametrize("moment", WAITS)
def test_a_process_killed_in_a_migration_leaves_the_schema_as_it_was_and_no_lock(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    end = "time.sleep(60)" if moment == "before its commit" else "pass"
    source = HALVES.replace("{wait}", WAITS[moment]).replace("{end}", end)
    migrations = with_revision(tmp_path, source)
    with engine_on(database_url) as engine:
        before, revision = catalogue(engine), migrate.status(engine)[0]
        engine.dispose()
        process = subprocess.Popen(
            [sys.executable, "-c", UPGRADE, database_url, str(migrations)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        time.sleep(0.2)
        process.kill()
        process.wait(30)
        process.stdout.close()
        begin = time.monotonic()
        others_are_gone(engine)

        assert catalogue(engine) == before
        assert migrate.status(engine)[0] == revision
        whole = HALVES.replace("{wait}", "pass").replace("{end}", "pass")
        (migrations / "versions" / "f00d_extra.py").write_text(
            whole.replace("{head}", revision or "")
        )
        monkeypatch.setattr(migrate, "resource", lambda _: migrations)
        migrate.upgrade(engine)
        assert migrate.status(engine)[0] == "f00d"
        assert time.monotonic() - begin < NEXT_UPGRADE_SECONDS_MAX


def test_processes_killed_at_random_moments_leave_whole_revisions(empty_database_url: str) -> None:
    with engine_on(empty_database_url) as engine:
        result = kill_upgrades(engine, empty_database_url, KILLS, seed=2016)

    assert sum(result.found.values()) == KILLS
    assert result.slowest_next_seconds < NEXT_UPGRADE_SECONDS_MAX


def test_eight_processes_that_upgrade_at_once_migrate_once(empty_database_url: str) -> None:
    with engine_on(empty_database_url) as engine:
        race_upgrades(engine, empty_database_url, RACERS)


def test_a_migration_that_fails_in_the_middle_leaves_the_schema_as_it_was(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, revision = catalogue(engine, versions=True), migrate.status(engine)[0]
    failing = with_revision(tmp_path, FAILING)

    with monkeypatch.context() as patched:
        patched.setattr(migrate, "resource", lambda _: failing)
        with pytest.raises(MigrationFailed) as refused:
            migrate.upgrade(engine)

    assert str(refused.value).startswith(
        f"revision f00d failed and was rolled back, the schema is still {revision}: "
    )
    assert "already exists" in refused.value.reason
    assert catalogue(engine, versions=True) == before
    migrate.require_current(engine)


def test_tables_of_another_program_are_left_alone(empty_engine: Engine) -> None:
    with write_transaction(empty_engine) as connection:
        connection.exec_driver_sql("CREATE TABLE events (a INTEGER)")
    before = catalogue(empty_engine, versions=True)

    for attempt in (migrate.upgrade, migrate.pending):
        with pytest.raises(SchemaMismatch, match=r"of another program \(events\)"):
            attempt(empty_engine)
    assert catalogue(empty_engine, versions=True) == before


ALTERING = """
'Puts a column into a projection.'

from alembic import op

from timeline.store.plans import Plan

revision = "f00d"
down_revision = "{head}"
PLAN = Plan("adds a column", "the entries", ("entries",), (), ())


def upgrade() -> None:
    op.execute("CREATE TABLE half_done (a INTEGER)")
    op.execute("ALTER TABLE entries ADD COLUMN extra INTEGER")
"""


def test_a_migration_that_gets_no_lock_in_time_gives_way_and_may_be_tried_again(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altering = with_revision(tmp_path, ALTERING)
    environment = (altering / "env.py").read_text()
    assert "LOCK_TIMEOUT_MS = 10_000" in environment
    hurried = environment.replace("LOCK_TIMEOUT_MS = 10_000", "LOCK_TIMEOUT_MS = 200")
    (altering / "env.py").write_text(hurried)
    monkeypatch.setattr(migrate, "resource", lambda _: altering)
    monkeypatch.setattr("timeline.store.engine.LOCK_WAIT_MS_MAX", 200)
    with engine_on(database_url) as holder, engine_on(database_url) as engine:
        before = catalogue(engine, versions=True)
        with write_transaction(holder) as connection:
            connection.exec_driver_sql("DELETE FROM entries")
            with pytest.raises(DatabaseBusy, match="nothing was written, try again"):
                migrate.upgrade(engine)
            assert catalogue(engine, versions=True) == before

        migrate.upgrade(engine)
        assert migrate.status(engine)[0] == "f00d"
