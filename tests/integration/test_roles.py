"""The least-privilege roles of migrations/roles.sql can do their work on Postgres, and no more."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from psycopg import sql
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import SQLModel

from tests.conftest import PostgresServer, SteppableClock
from tests.contract.support import event, put
from timeline.bootstrap import all_projections
from timeline.domain.places import Place, PlaceKind
from timeline.filing.registering import Registering
from timeline.projections.reading import Reader
from timeline.projections.runner import Runner
from timeline.resources import resource
from timeline.store import guards, migrate, withholding
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
            run_roles_script(owner)
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


def run_roles_script(owner: Engine) -> None:
    with owner.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.autocommit = True
        driver.execute(SCRIPT.read_text())
        driver.autocommit = False


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
    runner, reader = Runner(store, all_projections()), Reader(engine, "reports")
    town = Place(place_id="khanasser", name="Khanasser", kind=PlaceKind.TOWN)

    assert Registering(store, reader, runner).register([town]) == 1
    assert runner.rebuild().events == 1
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


# What docs/roles.md says of each role, in its order: reader, projector, writer, withholder, owner.
ROLES = ("reader", "projector", "writer", "withholder", "owner")
READ = ["SELECT * FROM events", "SELECT * FROM documents", "SELECT * FROM entries"]
PROJECT = [
    "INSERT INTO checkpoints VALUES ('main', 'places', 1, 0)",
    "UPDATE checkpoints SET position = 0",
    "DELETE FROM entries",
    "SELECT position FROM checkpoints FOR UPDATE",
]
APPEND = [
    "INSERT INTO documents VALUES ('main', repeat('0', 64), 'text/plain', 1, 'a')",
    """INSERT INTO events
       SELECT casebook, position + 2, event_id || 'x', stream, version + 2, type, schema_version,
              data, salt, digest, metadata, recorded_at, previous_hash, hash FROM events""",
]
MOVE = ["UPDATE casebooks SET position = position + 1", "SELECT 1 FROM casebooks FOR UPDATE"]
ERASE = [REWRITING[0], REWRITING[5]]
REWRITE = ["UPDATE events SET stream = 'other'", "UPDATE documents SET media_type = 'x'"]
DESTROY = [s for s in REWRITING if s.startswith(("DELETE FROM e", "TRUNCATE e", "DELETE FROM d"))]
MAKE = [f"{REWRITING[10]} WHERE casebook = 'main'"]
ALTER = ["CREATE TABLE mine (id int)", "ALTER TABLE events DISABLE TRIGGER ALL", LENIENT_GUARD]
MATRIX = [
    *((s, (True, True, True, True, True)) for s in READ),
    *((s, (False, True, True, True, True)) for s in PROJECT),
    *((s, (False, False, True, True, True)) for s in [*APPEND, *MOVE]),
    *((s, (False, False, False, True, True)) for s in ERASE),
    *((s, (False, False, False, False, False)) for s in [*REWRITE, "DELETE FROM events"]),
    ("SELECT * FROM tokens", (True, True, True, True, True)),
    ("UPDATE tokens SET role = 'admin'", (False, False, False, False, True)),
    ("DELETE FROM idempotent_requests", (False, False, True, True, True)),
    ("DELETE FROM documents", (False, False, False, False, False)),
    ("TRUNCATE events", (False, False, False, False, False)),
    *((s, (False, False, False, False, True)) for s in [*MAKE, *ALTER]),
]


def works(engine: Engine, statement: str) -> bool:
    """Whether a statement passes privileges and triggers; what it did is rolled back."""
    connection = engine.connect()
    try:
        connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in {INSUFFICIENT_PRIVILEGE, "23001"}:
            raise
        return False
    else:
        return True
    finally:
        connection.rollback()
        connection.close()


def give_to_owner_role(url: str) -> None:
    """What REASSIGN OWNED does, which a superuser of initdb's may not use."""
    engine = connect(url)
    with write_transaction(engine) as connection:
        for table in SQLModel.metadata.tables:
            connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO timeline_owner")
        for table in guards.TABLES:
            connection.exec_driver_sql(f"ALTER FUNCTION {table}_guard() OWNER TO timeline_owner")
        connection.exec_driver_sql("ALTER TABLE alembic_version OWNER TO timeline_owner")
    engine.dispose()


def test_each_role_may_do_what_its_column_says_and_nothing_else(
    log_in: LogIn, database: str
) -> None:
    give_to_owner_role(database)
    found = {role: log_in(f"timeline_{role}") for role in ROLES}

    wrong = [
        (role, statement)
        for statement, wanted in MATRIX
        for role, may in zip(ROLES, wanted, strict=True)
        if works(found[role], statement) is not may
    ]

    assert wrong == []


def test_a_projector_catches_up_and_rebuilds_and_cannot_append(
    log_in: LogIn, database: str, clock: SteppableClock
) -> None:
    owner = connect(database)
    registered = Registering(
        EventStore(owner, "reports", clock),
        Reader(owner, "reports"),
        Runner(EventStore(owner, "reports", clock), all_projections()),
    )
    registered.register([Place(place_id="khanasser", name="Khanasser", kind=PlaceKind.TOWN)])
    owner.dispose()
    engine = log_in("timeline_projector")
    store = EventStore(engine, "reports", clock)

    assert Runner(store, all_projections()).rebuild().events == 1
    assert set(Reader(engine, "reports").gazetteer().places) == {"khanasser"}
    with pytest.raises(Exception, match="permission denied for table casebooks"):
        put(store, "note-b", "b1", expected=0)


def test_a_member_of_the_owners_role_migrates_and_what_is_made_is_the_roles(
    postgres_server: PostgresServer, database: str
) -> None:
    user = f"u_{uuid.uuid4().hex}"
    with postgres_server.database() as name:
        url = postgres_server.url(name)
        superuser = connect(url)
        with write_transaction(superuser) as connection:
            connection.exec_driver_sql("GRANT USAGE, CREATE ON SCHEMA public TO timeline_owner")
            connection.exec_driver_sql(f"CREATE ROLE {user} LOGIN IN ROLE timeline_owner")
            connection.exec_driver_sql(f"ALTER ROLE {user} SET role TO timeline_owner")
        deployer = connect(_as_user(url, user))
        migrate.upgrade(deployer)
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        with write_transaction(superuser) as connection:
            assert connection.exec_driver_sql(owners).scalars().all() == ["timeline_owner"]
        run_roles_script(superuser)
        migrate.require_current(deployer)
        migrate.downgrade(deployer, "base")
        migrate.upgrade(deployer)
        deployer.dispose()
        superuser.dispose()
    postgres_server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(user)))


def test_nobody_but_the_owner_migrates(log_in: LogIn) -> None:
    engine = log_in("timeline_withholder")

    with pytest.raises(migrate.MigrationFailed, match="must be owner of table"):
        migrate.downgrade(engine, "-1")
    migrate.require_current(engine)


def test_every_table_is_granted_by_name() -> None:
    granted = re.findall(r"[a-z_]+", SCRIPT.read_text())

    assert sorted(set(SQLModel.metadata.tables) - set(granted)) == []
