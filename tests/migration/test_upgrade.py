"""Migrating: once, whole or not at all, to this release's schema and from no other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import DBAPIError

from tests.contract.support import put
from timeline.errors import SchemaMismatch, TimelineError, WouldDestroyLog
from timeline.resources import resource
from timeline.store import migrate
from timeline.store.engine import connect, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.verify import verify_log

ROOT = Path(__file__).parents[2]
LOG_TABLES = {"casebooks", "events", "documents"}

PROCESS = """
import sys
from timeline.store import migrate
from timeline.store.engine import connect

engine = connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
migrate.upgrade(engine)
migrate.require_current(engine)
engine.dispose()
"""

FAILING_REVISION = '''
"""Makes a table, then fails."""

from alembic import op

revision = "f00d"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("CREATE TABLE half_done (a INTEGER)")
    op.execute("CREATE TABLE events (a INTEGER)")
'''


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def set_revision(engine: Engine, revision: str) -> None:
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")


def test_an_empty_database_is_told_to_init(empty_engine: Engine) -> None:
    with pytest.raises(SchemaMismatch, match="run `timeline init`"):
        migrate.require_current(empty_engine)


def test_an_upgrade_brings_an_empty_database_to_this_releases_schema(
    empty_engine: Engine,
) -> None:
    assert migrate.status(empty_engine)[0] is None

    migrate.upgrade(empty_engine)

    current, head = migrate.status(empty_engine)
    assert current == head
    assert tables(empty_engine) >= LOG_TABLES
    migrate.require_current(empty_engine)


def test_the_migrated_tables_are_those_of_the_models(engine: Engine) -> None:
    assert migrate.check(engine) is None


def test_an_upgrade_of_a_current_database_changes_nothing(store: EventStore) -> None:
    put(store, "report-a", "a1")
    before = list(store.read())

    migrate.upgrade(store.engine)

    assert list(store.read()) == before


def test_an_unknown_revision_is_refused(engine: Engine) -> None:
    set_revision(engine, "9999_of_a_newer_release")

    for attempt in (migrate.require_current, migrate.upgrade):
        with pytest.raises(SchemaMismatch, match="install the newer release"):
            attempt(engine)


def test_an_older_schema_is_told_to_migrate(
    empty_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(empty_engine)
    later = with_another_revision(tmp_path, FAILING_REVISION)
    monkeypatch.setattr(migrate, "resource", lambda _: later)

    with pytest.raises(SchemaMismatch, match="run `timeline migrate up`"):
        migrate.require_current(empty_engine)


def with_another_revision(folder: Path, source: str) -> Path:
    """A copy of migrations/ with one more revision at its end."""
    copy = folder / "a folder with % in its name"
    shutil.copytree(resource("migrations"), copy, ignore=shutil.ignore_patterns("__pycache__"))
    head = max(path.stem.split("_")[0] for path in (copy / "versions").glob("*.py"))
    (copy / "versions" / "f00d_failing.py").write_text(source.replace("{head}", head))
    return copy


def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    empty_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(empty_engine)
    before, revision = tables(empty_engine), migrate.status(empty_engine)[0]
    failing = with_another_revision(tmp_path, FAILING_REVISION)

    with monkeypatch.context() as patched:
        patched.setattr(migrate, "resource", lambda _: failing)
        with pytest.raises((DBAPIError, TimelineError), match="already exists"):
            migrate.upgrade(empty_engine)

    assert tables(empty_engine) == before
    assert migrate.status(empty_engine)[0] == revision
    migrate.require_current(empty_engine)


def test_processes_that_upgrade_at_once_migrate_once(empty_database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, empty_database_url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]

    assert results == [("", 0)] * 4
    engine = connect(empty_database_url)
    try:
        migrate.require_current(engine)
    finally:
        engine.dispose()


def test_a_downgrade_of_an_empty_log_leaves_no_tables(engine: Engine) -> None:
    migrate.downgrade(engine, "base")

    assert tables(engine) <= {"alembic_version"}
    migrate.upgrade(engine)
    migrate.require_current(engine)


def test_a_downgrade_that_would_destroy_the_log_is_refused(store: EventStore) -> None:
    put(store, "report-a", "a1")

    with pytest.raises(WouldDestroyLog, match="would destroy the log"):
        migrate.downgrade(store.engine, "base")

    assert verify_log(store.engine, "main").checked == 1
    migrate.require_current(store.engine)


def test_a_downgrade_to_an_unknown_revision_is_refused(engine: Engine) -> None:
    with pytest.raises(SchemaMismatch, match="no_such"):
        migrate.downgrade(engine, "no_such")


def test_the_postgres_script_holds_tables_guards_and_time_outs() -> None:
    script = migrate.postgres_script()

    assert script.index("SET lock_timeout") < script.index("CREATE TABLE events")
    assert "ENABLE ALWAYS TRIGGER events_refuse_truncate" in script
    assert "BYTEA" in script
    assert "BLOB" not in script


def test_the_postgres_script_makes_the_same_schema(empty_engine: Engine) -> None:
    if empty_engine.dialect.name != "postgresql":
        pytest.skip("the script is for Postgres")
    with empty_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(migrate.postgres_script())
        connection.invalidate()  # the script sets time-outs for the session

    migrate.require_current(empty_engine)
    assert migrate.check(empty_engine) is None


def test_the_migrations_of_an_installed_wheel_are_found_before_a_checkouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Callable[[], datetime]
) -> None:
    package = tmp_path / "site-packages" / "timeline"
    shutil.copytree(resource("migrations"), package / "_data" / "migrations")
    monkeypatch.setattr("timeline.resources._PACKAGE", package)
    monkeypatch.chdir(tmp_path)

    assert resource("migrations") == package / "_data" / "migrations"
    engine = connect(f"sqlite:///{tmp_path / 'new.db'}")
    try:
        migrate.upgrade(engine)
        migrate.require_current(engine)
        EventStore(engine, "main", clock).open_casebook("UTC", "syria")
    finally:
        engine.dispose()
