"""The database itself refuses to rewrite the log, and lets withholding through, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from tests.contract.support import event, put, unguarded
from timeline.errors import SchemaMismatch
from timeline.store import guards, migrate
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import Document, StreamAppend

COLUMNS = (
    "casebook, position, event_id, stream, version, type, schema_version, data, salt, digest,"
    " metadata, recorded_at, previous_hash, hash"
)
LENIENT_FUNCTION = (
    "CREATE OR REPLACE FUNCTION events_guard() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RETURN NEW; END$$"
)


@pytest.fixture
def filled(store: EventStore) -> Engine:
    store.append(
        [StreamAppend("report-a", 0, [event("a1"), event("a2")])],
        [Document.of("text/plain", b"took back the town")],
    )
    return store.engine


def run(engine: Engine, statement: str) -> None:
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = '{}' WHERE position = 1",
        "UPDATE events SET data = NULL WHERE position = 1",
        "UPDATE events SET stream = 'other'",
        "UPDATE events SET data = NULL, salt = NULL, type = 'Other' WHERE position = 1",
        "UPDATE events SET data = NULL, salt = NULL, position = 9 WHERE position = 1",
        "UPDATE events SET hash = previous_hash WHERE position = 2",
        "UPDATE events SET recorded_at = '2020-01-01T00:00:00.000000Z'",
        "DELETE FROM events WHERE position = 2",
        "DELETE FROM events",
        "UPDATE documents SET media_type = 'text/html'",
        "UPDATE documents SET content = NULL, byte_length = 0",
        "DELETE FROM documents",
        "DELETE FROM casebooks",
        "UPDATE casebooks SET position = 0",
        "UPDATE casebooks SET casebook = 'other'",
    ],
)
def test_a_rewriting_statement_is_refused(filled: Engine, statement: str) -> None:
    with pytest.raises(IntegrityError):
        run(filled, statement)


@pytest.mark.parametrize("table", ["events", "documents", "casebooks"])
def test_truncate_is_refused_on_postgres(filled: Engine, table: str) -> None:
    if filled.dialect.name != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")

    with pytest.raises(IntegrityError):
        run(filled, f"TRUNCATE {table}")


def test_guards_stand_for_a_replication_role_too_on_postgres(filled: Engine) -> None:
    if filled.dialect.name != "postgresql":
        pytest.skip("SQLite has no such role")

    with pytest.raises(IntegrityError):
        run(filled, "SET LOCAL session_replication_role = replica; DELETE FROM events")


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
@pytest.mark.parametrize(
    "taken",
    [
        {"position": "1"},
        {"event_id": "event_id"},
        {"stream": "stream", "version": "version"},
        {"rowid": "1"},
    ],
    ids=["position", "event id", "stream and version", "rowid"],
)
def test_inserting_over_a_key_is_refused_on_sqlite(
    filled: Engine, verb: str, taken: dict[str, str]
) -> None:
    if filled.dialect.name != "sqlite":
        pytest.skip("Postgres has no REPLACE")
    fresh = {
        "position": "99",
        "event_id": "'other'",
        "stream": "'other'",
        "version": "99",
        "rowid": "99",
    } | taken
    values = [fresh.get(column.strip(), column) for column in COLUMNS.split(",")]
    statement = (
        f"{verb} INTO events (rowid, {COLUMNS})"
        f" SELECT {fresh['rowid']}, {', '.join(values)} FROM events WHERE position = 1"
    )

    with pytest.raises(IntegrityError):
        run(filled, statement)


def test_replacing_a_document_or_a_casebook_is_refused_on_sqlite(filled: Engine) -> None:
    if filled.dialect.name != "sqlite":
        pytest.skip("Postgres has no REPLACE")

    for table in ("documents", "casebooks"):
        with pytest.raises(IntegrityError):
            run(filled, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


def test_withholding_an_event_and_a_document_is_let_through(filled: Engine) -> None:
    run(filled, "UPDATE events SET data = NULL, salt = NULL WHERE position = 1")
    run(filled, "UPDATE documents SET content = NULL")


def test_withheld_content_cannot_be_put_back(filled: Engine) -> None:
    run(filled, "UPDATE events SET data = NULL, salt = NULL WHERE position = 1")

    with pytest.raises(IntegrityError):
        run(filled, "UPDATE events SET data = '{}', salt = digest WHERE position = 1")


def test_a_withheld_event_filed_again_is_known_and_stays_withheld(store: EventStore) -> None:
    put(store, "report-a", "a1")
    run(store.engine, "UPDATE events SET data = NULL, salt = NULL WHERE position = 1")

    assert put(store, "report-a", "a1").already == 1
    assert [stored.data for stored in store.read()] == [None]


def test_a_withheld_document_filed_again_stays_withheld(store: EventStore) -> None:
    document = Document.of("text/plain", b"a name that must go")
    store.append([], [document])
    run(store.engine, "UPDATE documents SET content = NULL")

    store.append([], [document])

    assert store.document(document.digest) == Document(document.digest, "text/plain", None)


def test_no_guard_is_missing_after_the_migration(engine: Engine) -> None:
    assert guards.missing_guards(engine) == ()


def test_a_missing_guard_is_told_and_set_up_again_by_the_migration(engine: Engine) -> None:
    name = "events_refuse_delete" if engine.dialect.name == "sqlite" else "events_refuse_rows"
    on_table = "" if engine.dialect.name == "sqlite" else " ON events"
    run(engine, f"DROP TRIGGER {name}{on_table}")

    assert guards.missing_guards(engine) == (name,)
    with pytest.raises(SchemaMismatch, match="timeline migrate up"):
        migrate.require_current(engine)

    migrate.upgrade(engine)
    migrate.require_current(engine)


@pytest.mark.parametrize(
    "weakening",
    [
        "ALTER TABLE events DISABLE TRIGGER events_refuse_truncate",
        "ALTER TABLE events ENABLE TRIGGER events_refuse_truncate",
        LENIENT_FUNCTION,
    ],
    ids=["disabled", "not always", "another function"],
)
def test_a_weakened_guard_counts_as_missing_on_postgres(engine: Engine, weakening: str) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite cannot disable a trigger")
    run(engine, weakening)

    assert "events_refuse_truncate" in guards.missing_guards(engine)


def test_a_weakened_guard_counts_as_missing_on_sqlite(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("told for Postgres above")
    run(engine, "DROP TRIGGER events_refuse_update")
    run(
        engine,
        "CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events WHEN 0"
        " BEGIN SELECT RAISE(ABORT, 'never'); END",
    )

    assert guards.missing_guards(engine) == ("events_refuse_update",)


def test_tampering_in_tests_leaves_the_guards_standing(engine: Engine) -> None:
    with unguarded(engine):
        pass

    assert guards.missing_guards(engine) == ()
