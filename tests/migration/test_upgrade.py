"""Migrating: once, whole or not at all, to this release's schema and from no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from tests.contract.support import put
from tests.migration.revisions import with_revision
from timeline.errors import SchemaMismatch, TimelineError, WouldDestroyLog
from timeline.resources import resource
from timeline.store import migrate
from timeline.store.engine import connect, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.verify import verify_log

LOG_TABLES = {"casebooks", "events", "documents"}

EMPTY_REVISION = '''
"""Does nothing."""

revision = "f00d"
down_revision = "{head}"


def upgrade() -> None:
    pass
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
    later = with_revision(tmp_path, EMPTY_REVISION)
    monkeypatch.setattr(migrate, "resource", lambda _: later)

    with pytest.raises(SchemaMismatch, match="run `timeline migrate up`"):
        migrate.require_current(empty_engine)


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


def test_a_downgrade_that_would_lose_tokens_is_refused(engine: Engine) -> None:
    hash_ = "zeroblob(32)" if engine.dialect.name == "sqlite" else "sha256('a'::bytea)"
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO tokens (casebook, token_id, secret_hash, name, role, created_at)"
            f" SELECT 'main', 'a', {hash_}, 'Desk', 'reader', '2026'"
        )

    with pytest.raises(TimelineError, match=r"not revoked \(1\)"):
        migrate.downgrade(engine, "0007")

    migrate.require_current(engine)


def test_a_downgrade_to_an_unknown_revision_is_refused(engine: Engine) -> None:
    with pytest.raises(SchemaMismatch, match="no_such"):
        migrate.downgrade(engine, "no_such")


def test_migrations_are_found_by_an_absolute_path_that_any_install_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    location = migrate._config().get_main_option("script_location")

    assert location is not None
    assert Path(location).is_absolute()  # a `package:folder` breaks editable installs
    assert (Path(location) / "env.py").is_file()


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
