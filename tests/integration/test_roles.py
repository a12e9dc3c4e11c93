"""The least-privilege roles of migrations/roles.sql can do their work on Postgres, and no more."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from psycopg import sql
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ProgrammingError
from sqlmodel import SQLModel

from tests.conftest import PostgresServer, SteppableClock
from tests.contract.support import event, put
from timeline.domain.places import Place, PlaceKind
from timeline.filing.registering import Registering
from timeline.projections.control import ControlProjection
from timeline.projections.entries import EntriesProjection
from timeline.projections.incidents import IncidentsProjection
from timeline.projections.reading import Reader
from timeline.projections.register import ActorsProjection, PlacesProjection
from timeline.projections.reports import ReportsProjection
from timeline.projections.runner import Runner
from timeline.resources import resource
from timeline.store import migrate, withholding
from timeline.store.engine import connect, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, StreamAppend
from timeline.store.verify import verify_documents, verify_log

SCRIPT = resource("migrations") / "roles.sql"
INSUFFICIENT_PRIVILEGE = "42501"
LogIn = Callable[[str], Engine]


@pytest.fixture
def database(
    postgres_server: PostgresServer, postgres_template: str, clock: SteppableClock
) -> Iterator[str]:
    """A migrated database with the roles, one casebook, two events and a document."""
    with postgres_server.database(postgres_template) as name:
        url = postgres_server.url(name)
        owner = connect(url)
        for _ in range(2):  # it may be run again
            with owner.connect() as connection:
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.autocommit = True
                driver.execute(SCRIPT.read_text())
                driver.autocommit = False
        store = EventStore(owner, "main", clock)
        store.open_casebook("UTC", "syria")
        EventStore(owner, "reports", clock).open_casebook("UTC", "syria")
        store.append(
            [StreamAppend("place-a", 0, [event("a1", type_="X"), event("a2", type_="X")])],
            [Document.of("text/plain", b"took back the town")],
        )
        owner.dispose()
        yield url


@pytest.fixture
def log_in(postgres_server: PostgresServer, database: str) -> Iterator[LogIn]:
    """Logs in to that database as a new user who has one role."""
    users: list[str] = []
    engines: list[Engine] = []

    def do(role: str) -> Engine:
        user = f"u_{uuid.uuid4().hex}"
        create = "CREATE ROLE {} LOGIN PASSWORD 'secret' IN ROLE {}"
        postgres_server.execute(sql.SQL(create).format(sql.Identifier(user), sql.Identifier(role)))
        users.append(user)
        engines.append(connect(_as_user(database, user)))
        return engines[-1]

    yield do
    for engine in engines:
        engine.dispose()
    for user in users:
        postgres_server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(user)))


def _as_user(url: str, user: str) -> str:
    parsed = make_url(url).set(username=user, password="secret")
    return parsed.render_as_string(hide_password=False)


def refused(engine: Engine, statement: str) -> bool:
    """Whether Postgres refuses a statement for want of a privilege."""
    try:
        with write_transaction(engine) as connection:
            connection.exec_driver_sql(statement)
    except ProgrammingError as error:
        return getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE
    return False


def test_a_writer_appends_and_verifies_and_locks_the_head(
    log_in: LogIn, clock: SteppableClock
) -> None:
    engine = log_in("timeline_writer")
    migrate.require_current(engine)
    store = EventStore(engine, "main", clock)
    assert put(store, "note-b", "b1", expected=0).positions == (3,)
    many = [event(f"m{number}", type_="X") for number in range(2_000)]
    store.append([StreamAppend("note-c", ANY, many)], [Document.of("text/plain", b"more")])

    assert verify_log(engine, "main").checked == 2_003
    assert verify_documents(engine, "main").checked == 2
    with write_transaction(engine) as connection:
        locked = "SELECT position FROM casebooks WHERE casebook = 'main' FOR UPDATE"
        assert connection.exec_driver_sql(locked).scalar_one() == 2_003


def test_a_writer_keeps_the_projections(log_in: LogIn, clock: SteppableClock) -> None:
    engine = log_in("timeline_writer")
    store = EventStore(engine, "reports", clock)
    projections = (
        PlacesProjection(),
        ActorsProjection(),
        ReportsProjection(),
        EntriesProjection(),
        ControlProjection(),
        IncidentsProjection(),
    )
    runner, reader = Runner(store, projections), Reader(engine, "reports")
    town = Place(place_id="khanasser", name="Khanasser", kind=PlaceKind.TOWN)

    assert Registering(store, reader, runner).register([town]) == 1
    assert runner.rebuild() == 1
    assert set(reader.gazetteer().places) == {"khanasser"}


LENIENT_GUARD = (
    "CREATE OR REPLACE FUNCTION events_guard() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RETURN NEW; END$$"
)
REWRITING = [
    "UPDATE events SET data = NULL, salt = NULL WHERE position = 1",
    "UPDATE events SET stream = 'other'",
    "UPDATE events SET hash = previous_hash",
    "DELETE FROM events",
    "TRUNCATE events",
    "UPDATE documents SET content = NULL",
    "DELETE FROM documents",
    "TRUNCATE documents",
    "UPDATE casebooks SET time_zone = 'UTC'",
    "UPDATE casebooks SET casebook = 'other'",
    "INSERT INTO casebooks SELECT 'new', time_zone, theatre, 0, hash, NULL FROM casebooks",
    "DELETE FROM casebooks",
    "TRUNCATE casebooks",
    "TRUNCATE entries",
    "DELETE FROM alembic_version",
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "DROP TRIGGER events_refuse_rows ON events",
    LENIENT_GUARD,
    "CREATE RULE r AS ON INSERT TO events DO INSTEAD NOTHING",
    "CREATE TABLE mine (id int)",
    "SET session_replication_role = replica",
    "SET ROLE timeline_withholder",
]


@pytest.mark.parametrize("statement", REWRITING)
def test_a_writer_cannot_rewrite_the_log(log_in: LogIn, statement: str) -> None:
    engine = log_in("timeline_writer")

    assert refused(engine, statement)
    assert verify_log(engine, "main").checked == 2


def test_a_writer_cannot_set_the_head_back(log_in: LogIn) -> None:
    engine = log_in("timeline_writer")

    with (
        pytest.raises(Exception, match="its head only moves forward"),
        write_transaction(engine) as connection,
    ):
        connection.exec_driver_sql("UPDATE casebooks SET position = 0")


def test_a_withholder_erases_content_and_cannot_rewrite_it(
    log_in: LogIn, clock: SteppableClock
) -> None:
    engine = log_in("timeline_withholder")
    store = EventStore(engine, "main", clock)
    digest = Document.of("text/plain", b"took back the town").digest
    marker = event("m", type_="ContentWithheld", positions=[1], documents=[digest])
    with write_transaction(engine) as connection:
        store.append_in(connection, [StreamAppend("note-a", ANY, [marker])])
        withholding.erase_in(connection, "main", [1], [digest])

    assert (verify_log(engine, "main").reason, verify_log(engine, "main").withheld) == (None, 1)
    assert verify_documents(engine, "main").withheld == 1
    erasing = {REWRITING[0], REWRITING[5]}
    kept = [s for s in REWRITING if s not in erasing and s != "SET ROLE timeline_withholder"]
    assert [statement for statement in kept if not refused(engine, statement)] == []
    with (
        pytest.raises(Exception, match="the log is never rewritten"),
        write_transaction(engine) as connection,
    ):
        connection.exec_driver_sql("UPDATE events SET data = '{}', salt = digest")


@pytest.mark.parametrize(
    "statement",
    [
        *REWRITING,
        "INSERT INTO events SELECT * FROM events",
        "INSERT INTO documents SELECT * FROM documents",
        "UPDATE casebooks SET position = position + 1",
        "SELECT position FROM casebooks FOR UPDATE",
        "DELETE FROM entries",
        "UPDATE checkpoints SET position = 0",
    ],
)
def test_a_reader_only_reads(log_in: LogIn, statement: str) -> None:
    engine = log_in("timeline_reader")

    assert refused(engine, statement)
    assert verify_log(engine, "main").holds


def test_every_table_is_granted_by_name() -> None:
    granted = re.findall(r"[a-z_]+", SCRIPT.read_text())

    assert sorted(set(SQLModel.metadata.tables) - set(granted)) == []
