"""Opens SQLite and Postgres so that a transaction means the same on both.

A writer on SQLite begins IMMEDIATE: it holds the one write lock from its first statement, as a
writer on Postgres holds the head row. A reader sees one snapshot for as long as it reads. The
driver's own guesses at when to begin are switched off.

Hot statements go to the driver itself (`sqlite_driver`, `postgres_driver`) inside these same
transactions: SQLAlchemy's Core costs several times what the database does.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from weakref import WeakSet

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from timeline.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    SchemaMismatch,
    StatementTooSlow,
    TimelineError,
)
from timeline.settings import normal_url

# How long anything may wait for the database, in one place.
LOCK_WAIT_MS_MAX = 30_000
STATEMENT_MS_MAX = 120_000
IDLE_IN_TRANSACTION_MS_MAX = 600_000
CONNECT_SECONDS_MAX = 10
POOL_WAIT_SECONDS_MAX = 30
CONNECTIONS_KEPT = 5
CONNECTIONS_MORE_MAX = 15
# A batch touches pages all over the indexes of a long log; those that spill are written twice.
SQLITE_CACHE_KIB = 16_384
# How many of its instructions SQLite runs between two looks at the time.
SQLITE_STEPS_PER_LOOK = 50_000
# A connection that was idle for longer is tried before it is used: no server restarts faster.
PING_AFTER_IDLE_SECONDS = 0.25

UNIQUE_VIOLATIONS = (psycopg.errors.UniqueViolation, sqlite3.IntegrityError)
"""What the drivers raise for a key that is taken; on SQLite also for what a guard refuses."""

_WRITER = "timeline_writer"
_WAL_TRIES_MAX = 50
_WAL_RETRY_SECONDS = 0.1

_BUSY_SQLSTATES = {"55P03", "57014", "40P01", "40001"}  # lock, time-out, deadlock, serialisation
_UNDEFINED_TABLE_SQLSTATE = "42P01"
_LOST_SQLSTATES = {"57P01", "57P02", "57P03"}  # shut down, crashed, not up yet
_CONNECTION_SQLSTATE_CLASS = "08"
_ACCESS_SQLSTATE_CLASS = "42"  # an undefined column or table, or a privilege that is not held
_NOT_MIGRATED = "the database has no tables of this program yet; run `timeline init`"

_OPERATIONAL = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
    sqlite3.InterfaceError,
    InterfaceError,
)
_reached: WeakSet[Engine] = WeakSet()  # the engines that have had a connection
_hurried: WeakSet[Engine] = WeakSet()  # those whose statements were given less time than usual


class ConnectionLost(DatabaseUnavailable):
    """The database went away in the middle; whether a commit came through is not known."""


def connect(url: str, statement_seconds: float | None = None) -> Engine:
    """An engine for a database URL; nothing is opened before the first transaction.

    Args:
        statement_seconds: How long a statement may take before it is stopped with
            `StatementTooSlow`; on SQLite a whole transaction. None is the bound above.
        url: `sqlite:///file`, `sqlite://` (in memory, one connection), `postgresql://...`, or a
            bare path.

    Raises:
        DatabaseUnavailable: the URL cannot be read, or names another kind of database.
    """
    try:
        parsed = make_url(normal_url(url))
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise DatabaseUnavailable(
            "the database URL cannot be read; write sqlite:///FILE or postgresql://HOST/NAME"
        ) from error
    makers = {"sqlite": _sqlite_engine, "postgresql": _postgres_engine}
    if backend not in makers:
        raise DatabaseUnavailable(
            f"{backend} databases are not supported; write sqlite:///FILE or postgresql://HOST/NAME"
        )
    engine = makers[backend](parsed, statement_seconds)
    if statement_seconds is not None:
        _hurried.add(engine)
    return engine


@contextmanager
def write_transaction(
    engine: Engine, before: Callable[[Connection], object] | None = None
) -> Iterator[Connection]:
    """One transaction that may write: committed at the end, rolled back on any exception.

    Args:
        engine: Of the database.
        before: Called first, in a transaction of its own on the same connection, which sees one
            snapshot and holds nobody up. It may fill temporary tables.

    Raises:
        DatabaseUnavailable: the database did not answer.
        ConnectionLost: it did at first, and went away; a commit may have come through.
        DatabaseBusy: another writer held it longer than the bounds above.
        SchemaMismatch: the tables are not there.
    """
    with _errors_named(engine), engine.connect() as connection:
        if before is not None:
            if engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                before(connection)
            if engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="READ COMMITTED")
        connection.execution_options(**{_WRITER: True})
        with connection.begin():
            yield connection


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction that reads a single snapshot; Postgres refuses to write in it.

    Raises:
        DatabaseUnavailable: the database did not answer.
        SchemaMismatch: the tables are not there.
    """
    with _errors_named(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with connection.begin():
            yield connection


@contextmanager
def single_read(engine: Engine) -> Iterator[Connection]:
    """A connection for one reading statement, which is a snapshot by itself.

    On Postgres it saves the two round trips of a transaction. A second statement in it would see
    another snapshot: for several, use `read_transaction`.

    Raises:
        DatabaseUnavailable: the database did not answer.
        SchemaMismatch: the tables are not there.
    """
    with _errors_named(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT")
        with connection.begin():
            yield connection


@contextmanager
def autocommitting_driver(engine: Engine) -> Iterator[psycopg.Connection[Any]]:
    """The driver's connection to Postgres, on which each statement commits by itself.

    What the caller begins and does not commit is rolled back.

    Raises:
        DatabaseUnavailable: the database did not answer.
        ConnectionLost: it did at first, and went away; the statement may have come through.
        DatabaseBusy: another writer held it longer than the bounds above.
        SchemaMismatch: the tables are not there.
    """
    with _errors_named(engine):
        pooled = engine.raw_connection()
        driver = cast("psycopg.Connection[Any]", pooled.driver_connection)
        try:
            driver.autocommit = True
            yield driver
        finally:
            if driver.info.transaction_status in (
                TransactionStatus.INTRANS,
                TransactionStatus.INERROR,
            ):
                driver.rollback()
            if driver.info.transaction_status is TransactionStatus.IDLE:
                driver.autocommit = False
            else:
                pooled.invalidate()
            pooled.close()


def sqlite_driver(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection, inside the transaction of SQLAlchemy's."""
    _begin(connection)
    return cast(sqlite3.Connection, connection.connection.driver_connection)


def postgres_driver(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's own connection, inside the transaction of SQLAlchemy's."""
    _begin(connection)
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def _begin(connection: Connection) -> None:
    # SQLAlchemy begins at its own first statement, and does not see those of the driver.
    if not connection.in_transaction():
        connection.begin()


def _sqlite_engine(url: URL, statement_seconds: float | None) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    engine = create_engine(
        url,
        connect_args={"timeout": LOCK_WAIT_MS_MAX / 1000, "check_same_thread": False},
        poolclass=QueuePool,
        # A database in memory lives in its only connection: others wait for it.
        pool_size=1 if in_memory else CONNECTIONS_KEPT,
        max_overflow=0 if in_memory else CONNECTIONS_MORE_MAX,
        pool_timeout=POOL_WAIT_SECONDS_MAX,
    )

    def prepare(dbapi_connection: sqlite3.Connection, _record: object) -> None:
        dbapi_connection.isolation_level = None
        dbapi_connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_MS_MAX}")
        if not in_memory:
            _switch_to_wal(dbapi_connection)
        dbapi_connection.execute("PRAGMA synchronous = FULL")
        dbapi_connection.execute("PRAGMA foreign_keys = ON")
        dbapi_connection.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")

    def begin(connection: Connection) -> None:
        is_writer = connection.get_execution_options().get(_WRITER, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")
        if statement_seconds is not None:
            driver = cast(sqlite3.Connection, connection.connection.driver_connection)
            _stop_after(driver, statement_seconds)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _stop_after(driver: sqlite3.Connection, seconds: float) -> None:
    """Stop what the connection runs when the time is over; until it begins anew."""
    end = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > end, SQLITE_STEPS_PER_LOOK)


def _switch_to_wal(dbapi_connection: sqlite3.Connection) -> None:
    # The busy handler is not called while the journal mode changes, so several processes that
    # open a new file at once need their own patience.
    for attempt in range(_WAL_TRIES_MAX):
        try:
            dbapi_connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _WAL_TRIES_MAX - 1:
                raise
            time.sleep(_WAL_RETRY_SECONDS)
        else:
            return


def _postgres_engine(url: URL, statement_seconds: float | None) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": CONNECT_SECONDS_MAX},
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MORE_MAX,
        pool_timeout=POOL_WAIT_SECONDS_MAX,
    )
    statement_ms = STATEMENT_MS_MAX if statement_seconds is None else int(statement_seconds * 1000)

    def prepare(dbapi_connection: psycopg.Connection[object], _record: object) -> None:
        _reached.add(engine)
        dbapi_connection.execute(f"SET statement_timeout = {statement_ms}")
        dbapi_connection.execute(f"SET lock_timeout = {LOCK_WAIT_MS_MAX}")
        dbapi_connection.execute(
            f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_MS_MAX}"
        )
        dbapi_connection.commit()

    def note(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    def ping(
        dbapi_connection: PoolProxiedConnection, record: ConnectionPoolEntry, _proxy: object
    ) -> None:
        since = record.info.get("idle_since")
        if since is None or time.monotonic() - since < PING_AFTER_IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(dbapi_connection)
        except psycopg.Error as error:
            raise InvalidatePoolError("the server has closed this connection") from error

    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ping)
    return engine


@contextmanager
def _errors_named(engine: Engine) -> Iterator[None]:
    """Turns what the drivers raise about the database itself into our own errors."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy(
            f"no connection to {_shown(engine)} came free within {POOL_WAIT_SECONDS_MAX} s"
        ) from error
    except (DBAPIError, psycopg.Error, sqlite3.Error) as error:
        named = (_too_slow(error) if engine in _hurried else None) or _named(error, engine)
        if named is None:
            raise
        raise named from error


def is_about_the_database(error: Exception, engine: Engine) -> bool:
    """Whether the database, its schema or its grants are the matter, and not what was written."""
    if isinstance(error, DatabaseUnavailable | SchemaMismatch):
        return True
    if not isinstance(error, DBAPIError | psycopg.Error | sqlite3.Error):
        return False
    original = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(original, "sqlstate", None) or ""
    return sqlstate.startswith(_ACCESS_SQLSTATE_CLASS) or _named(error, engine) is not None


def _too_slow(error: Exception) -> StatementTooSlow | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    if getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT or (
        isinstance(original, psycopg.errors.QueryCanceled)
        and original.diag.message_primary is not None
        and "statement timeout" in original.diag.message_primary
    ):
        return StatementTooSlow()
    return None


def _named(error: Exception, engine: Engine) -> TimelineError | None:
    original = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(original, "sqlstate", None)
    text = (str(original).strip().splitlines() or [""])[0]
    if sqlstate == _UNDEFINED_TABLE_SQLSTATE or text.startswith("no such table"):
        return SchemaMismatch(_NOT_MIGRATED)
    if sqlstate in _BUSY_SQLSTATES or "database is locked" in text:
        return DatabaseBusy(
            f"{_shown(engine)} was held by another writer too long ({text});"
            " nothing was written, try again"
        )
    if _is_lost(original, sqlstate) and engine in _reached:
        return ConnectionLost(
            f"the database at {_shown(engine)} went away ({text}); whether what was being"
            " written is stored is not known: try again, events are stored once"
        )
    is_about_the_database = isinstance(error, _OPERATIONAL) or isinstance(original, _OPERATIONAL)
    if is_about_the_database or "file is not a database" in text:
        return DatabaseUnavailable(
            f"the database at {_shown(engine)} did not answer ({text});"
            " start it or correct its URL and try again"
        )
    return None


def _is_lost(original: object, sqlstate: str | None) -> bool:
    """Whether a server that can be reached again may well do what was asked."""
    if not isinstance(original, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return (
        sqlstate is None
        or sqlstate in _LOST_SQLSTATES
        or sqlstate.startswith(_CONNECTION_SQLSTATE_CLASS)
    )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
