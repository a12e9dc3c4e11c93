"""Triggers and grants on the log are checked after every migration and at start."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tests.contract.support import put
from tests.migration.revisions import with_revision
from timeline.errors import SchemaMismatch
from timeline.store import guards, migrate
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore
from timeline.store.verify import verify_log

# A batch on SQLite copies the table, drops it and renames the copy: its triggers go with it. The
# revision fails unless they did, so that this test cannot pass for want of the trap.
RECREATING = '''
"""Recreates the log's tables by a batch."""

from alembic import op

from timeline.store import guards
from timeline.store.plans import Plan

revision = "f00d"
down_revision = "{head}"
PLAN = Plan("recreates the log's tables", "everything", ("events",), (), ())


def recreate() -> None:
    for table in ("events", "documents", "casebooks"):
        with op.batch_alter_table(table, recreate="always"):
            pass
    assert len(guards.missing_guards_in(op.get_bind())) == 9


def upgrade() -> None:
    recreate()


def downgrade() -> None:
    recreate()
'''


def refuses_to_rewrite(engine: Engine) -> bool:
    """Whether every statement that rewrites the log is refused by the database."""
    for statement in (
        "UPDATE events SET type = 'X'",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT * FROM events",
        "UPDATE casebooks SET position = 0",
    ):
        with (
            pytest.raises(DBAPIError, match=r"never rewritten|never removed"),
            write_transaction(engine) as connection,
        ):
            connection.exec_driver_sql(statement)
    return True


def test_triggers_that_a_batch_on_sqlite_dropped_are_back_when_it_commits(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("batches recreate tables on SQLite alone")
    put(store, "report-a", "a1", "a2")
    recreating = with_revision(tmp_path, RECREATING)
    monkeypatch.setattr(migrate, "resource", lambda _: recreating)

    migrate.upgrade(store.engine)

    assert migrate.status(store.engine)[0] == "f00d"
    assert guards.missing_guards(store.engine) == ()
    assert refuses_to_rewrite(store.engine)
    migrate.downgrade(store.engine, "-1")
    assert guards.missing_guards(store.engine) == ()
    assert verify_log(store.engine, "main").checked == 2


def test_a_guard_that_is_gone_stops_every_command_until_the_schema_is_migrated(
    store: EventStore,
) -> None:
    drop = "DROP TRIGGER events_refuse_delete"
    if store.engine.dialect.name == "postgresql":
        drop = "ALTER TABLE events DISABLE TRIGGER events_refuse_rows"
    with write_transaction(store.engine) as connection:
        connection.exec_driver_sql(drop)

    with pytest.raises(SchemaMismatch, match=r"events_refuse_\w+ missing\); run `timeline migrate"):
        migrate.require_current(store.engine)
    migrate.upgrade(store.engine)
    migrate.require_current(store.engine)


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        ("DELETE ON events", "PUBLIC may DELETE events"),
        ("TRUNCATE ON documents", "PUBLIC may TRUNCATE documents"),
        ("UPDATE ON casebooks", "PUBLIC may UPDATE casebooks"),
        ("TRIGGER ON events", "PUBLIC may TRIGGER events"),
        ("UPDATE (stream) ON events", "PUBLIC may UPDATE (stream) events"),
    ],
)
def test_a_grant_with_which_the_log_could_be_rewritten_stops_every_command(
    engine: Engine, grant: str, told: str
) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no roles")
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(f"GRANT {grant} TO PUBLIC")

    for attempt in (migrate.require_current, migrate.upgrade):
        with pytest.raises(SchemaMismatch) as refused:
            attempt(engine)
        assert str(refused.value).startswith(told)
    revoke = str(refused.value).split("`")[1]
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(revoke.rstrip(";"))
    migrate.require_current(engine)


def test_what_the_roles_are_granted_is_no_excess(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no roles")
    with write_transaction(engine) as connection:
        for grant in (
            "SELECT, INSERT ON events, documents",
            "UPDATE (data, salt) ON events",
            "UPDATE (content) ON documents",
            "UPDATE (position, hash, recorded_at) ON casebooks",
        ):
            connection.exec_driver_sql(f"GRANT {grant} TO PUBLIC")

    migrate.require_current(engine)
