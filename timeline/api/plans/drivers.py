"""Asks a database for rows from the event loop, without a thread for each question.

Handing a short read to a thread and back costs more than the read. On Postgres the question is sent
over libpq and the loop goes on until the answer is there. On SQLite it is read at once, within a
bound of the engine's own steps: what needs more is left to a thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from typing import Any, Protocol, cast

import anyio.to_thread
import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult
from sqlalchemy import Engine

from timeline.api.plans import statements
from timeline.api.plans.branches import Question, Rows
from timeline.api.plans.errors import Unplanned

CONNECTIONS_MAX = 6
PREPARED_MAX = 200
STATEMENT_MS_MAX = 5_000
ANSWER_SECONDS_MAX = 10.0
# About 20 ms of work; what needs more would hold up every other request.
SQLITE_STEPS_MAX = 1_000_000
SQLITE_STEPS_BETWEEN_CHECKS = 20_000
SQLITE_WAIT_MS_MAX = 20


class Driver(Protocol):
    """Asks questions of one database, in the event loop."""

    dialect: str

    async def ask(self, question: Question) -> Rows:
        """The rows of a statement.

        Raises:
            Unplanned: the database did not answer, or not in time.
        """

    def close(self) -> None:
        """Give up the connections."""


def driver_for(engine: Engine) -> Driver | None:
    """The driver of an engine's database; `None` for one in memory, which has one connection."""
    if engine.dialect.name == statements.POSTGRES:
        return PostgresDriver(engine)
    return None if engine.url.database in (None, "", ":memory:") else SqliteDriver(engine)


def _detached(engine: Engine) -> object:
    """A connection of the engine's making, out of its pool."""
    pooled = engine.raw_connection()
    driver = pooled.driver_connection
    pooled.detach()
    return driver


class SqliteDriver:
    """Reads at once, on a connection of its own."""

    dialect = statements.SQLITE

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: sqlite3.Connection | None = None
        self._steps = 0

    def _is_too_long(self) -> bool:
        # SQLite counts a statement's steps on from one run of it to the next: ours begin anew.
        self._steps += SQLITE_STEPS_BETWEEN_CHECKS
        return self._steps > SQLITE_STEPS_MAX

    async def ask(self, question: Question) -> Rows:
        """The rows of a statement."""
        connection = self._connection
        if connection is None:
            connection = cast("sqlite3.Connection", _detached(self._engine))
            connection.execute(f"PRAGMA busy_timeout = {SQLITE_WAIT_MS_MAX}")
            connection.set_progress_handler(self._is_too_long, SQLITE_STEPS_BETWEEN_CHECKS)
            self._connection = connection
        self._steps = 0
        try:
            return connection.execute(*question).fetchall()
        except sqlite3.Error as error:
            raise Unplanned(str(error)) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Link:
    """One connection to Postgres, used by one request at a time."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        connection.autocommit = True
        connection.execute(f"SET statement_timeout = {STATEMENT_MS_MAX}")
        self._connection, self._pg = connection, connection.pgconn
        self._pg.nonblocking = 1
        self._names: dict[str, bytes] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way on it, so that it can be asked again."""
        return self._pg.transaction_status == pq.TransactionStatus.IDLE

    async def ask(self, text: str, values: list[bytes]) -> Rows:
        """The rows of a statement with numbered values."""
        name = self._names.get(text) or await self._prepare(text)
        self._pg.send_query_prepared(name, values)
        result = await self._answer(pq.ExecStatus.TUPLES_OK)
        reading = Transformer(self._connection)
        reading.set_pgresult(result)
        return reading.load_rows(0, result.ntuples, tuple)

    async def _prepare(self, text: str) -> bytes:
        if len(self._names) >= PREPARED_MAX:
            self._pg.send_query(b"DEALLOCATE ALL")
            await self._answer(pq.ExecStatus.COMMAND_OK)
            self._names.clear()
        name = f"plan_{len(self._names)}".encode()
        self._pg.send_prepare(name, text.encode())
        await self._answer(pq.ExecStatus.COMMAND_OK)
        self._names[text] = name
        return name

    async def _answer(self, expected: pq.ExecStatus) -> PGresult:
        """The one result of what was sent."""
        pg, loop = self._pg, asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        socket = pg.socket

        def fail(error: BaseException) -> None:
            if not done.done():
                done.set_exception(error)

        def step() -> None:
            try:
                if pg.flush() == 0:
                    loop.remove_writer(socket)
                pg.consume_input()
                if not pg.is_busy() and not done.done():
                    done.set_result(None)
            except psycopg.Error as error:
                fail(error)

        loop.add_reader(socket, step)
        if pg.flush():
            loop.add_writer(socket, step)
        late = loop.call_later(ANSWER_SECONDS_MAX, fail, Unplanned("no answer in time"))
        try:
            await done
        finally:
            late.cancel()
            loop.remove_reader(socket)
            loop.remove_writer(socket)
        result = pg.get_result()
        while pg.get_result() is not None:
            pass
        if result is None or result.status != expected:
            raise Unplanned("the database refused")
        return result

    def close(self) -> None:
        self._connection.close()


def _written(value: object) -> bytes:
    text = str(value)
    if "\0" in text:
        raise Unplanned("Postgres has no text with NUL")
    return text.encode()


class PostgresDriver:
    """A few connections, opened when they are first needed."""

    dialect = statements.POSTGRES

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._free: deque[_Link] = deque()
        self._limit = asyncio.Semaphore(CONNECTIONS_MAX)

    async def ask(self, question: Question) -> Rows:
        """The rows of a statement."""
        text, names = statements.numbered(question[0])
        values = [_written(question[1][name]) for name in names]
        async with self._limit:
            link = self._free.pop() if self._free else await self._open()
            try:
                return await link.ask(text, values)
            except psycopg.Error as error:
                raise Unplanned(str(error)) from error
            finally:
                # One that was left in the middle of an answer is not used again.
                if link.is_idle:
                    self._free.append(link)
                else:
                    link.close()

    async def _open(self) -> _Link:
        return await anyio.to_thread.run_sync(
            lambda: _Link(cast("psycopg.Connection[Any]", _detached(self._engine)))
        )

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._free:
            self._free.pop().close()
