"""A lost connection is tried again for a bounded time, and nothing is appended twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.conftest import SteppableClock
from tests.contract.support import event, names, put
from timeline.errors import DatabaseBusy, DatabaseUnavailable
from timeline.store import engine as engine_module
from timeline.store import inserting, migrate
from timeline.store.engine import ConnectionLost, connect, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, StreamAppend
from timeline.store.retry import ATTEMPTS_MAX, WAIT_SECONDS_MAX, retried
from timeline.store.verify import verify_log


def on_postgres(store: EventStore) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connection to lose")


def end_other_sessions(store: EventStore) -> None:
    """Close every other connection to this database from the server's side."""
    other = connect(store.engine.url.render_as_string(hide_password=False))
    try:
        with write_transaction(other) as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    finally:
        other.dispose()


def breaking_once(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, *, after_commit: bool
) -> list[str]:
    """Lose the connection of the next append, before or after its commit."""
    tries: list[str] = []

    def fragile(insert: Callable[..., object], *arguments: object, **named: object) -> object:
        tries.append("try")
        if len(tries) == 1 and not after_commit:
            end_other_sessions(store)
        written = insert(*arguments, **named)
        if len(tries) == 1 and after_commit:
            raise ConnectionLost("the answer to COMMIT was lost")
        return written

    for name in ("insert_and_commit", "_copy"):
        monkeypatch.setattr(inserting, name, partial(fragile, getattr(inserting, name)))
    return tries


@pytest.mark.parametrize("count", [1, 40], ids=["pipelined", "copied"])
def test_an_append_that_lost_its_connection_is_done_at_the_next_try(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    on_postgres(store)
    tries = breaking_once(store, monkeypatch, after_commit=False)

    appended = put(store, "report-a", *[f"a{number}" for number in range(count)], expected=0)

    assert len(tries) == 2
    assert (appended.appended, store.head().position) == (count, count)
    assert verify_log(store.engine, "main").holds


def test_an_append_whose_commit_was_not_heard_of_is_not_done_twice(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_postgres(store)
    tries = breaking_once(store, monkeypatch, after_commit=True)

    appended = put(store, "report-a", "a1", "a2", expected=0)

    assert len(tries) == 2  # the second is refused by the keys
    assert (appended.positions, appended.already) == ((1, 2), 2)
    assert names(store) == ["a1", "a2"]


def test_a_read_that_lost_its_connection_goes_on_where_it_was(store: EventStore) -> None:
    on_postgres(store)
    put(store, "report-a", *[f"a{number}" for number in range(1_203)])
    reading = store.read()
    before = [next(reading).position for _ in range(600)]

    end_other_sessions(store)

    assert [*before, *[one.position for one in reading]] == list(range(1, 1_204))


def test_what_runs_in_a_callers_transaction_is_the_callers_to_repeat(store: EventStore) -> None:
    on_postgres(store)

    def append_twice() -> None:
        with write_transaction(store.engine) as connection:
            store.append_in(connection, [StreamAppend("report-a", 0, [event("a1")])])
            end_other_sessions(store)
            store.append_in(connection, [StreamAppend("report-a", 1, [event("a2")])])

    with pytest.raises(ConnectionLost):
        append_twice()

    assert names(store) == []
    put(store, "report-a", "a1")


def test_the_tries_are_bounded_and_the_last_error_says_what_to_do() -> None:
    waits: list[float] = []
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise ConnectionLost("the database went away; try again")

    with pytest.raises(ConnectionLost, match="given up after 13 attempts"):
        retried(fail, waits.append)

    assert len(tries) == ATTEMPTS_MAX
    assert waits[:3] == [0.05, 0.1, 0.2]
    assert max(waits) == WAIT_SECONDS_MAX
    assert sum(waits) < 20


def test_another_error_is_not_tried_again() -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise DatabaseBusy("held by another writer")

    with pytest.raises(DatabaseBusy):
        retried(fail)

    assert len(tries) == 1


def test_a_database_that_never_answered_is_not_waited_for(
    clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waited"))
    store = EventStore(connect("postgresql://nobody@127.0.0.1:1/nothing"), "main", clock)

    with pytest.raises(DatabaseUnavailable, match="did not answer"):
        put(store, "report-a", "a1")


@pytest.fixture
def impatient(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine that waits a fifth of a second for another writer."""
    monkeypatch.setattr(engine_module, "LOCK_WAIT_MS_MAX", 200)
    return connect(database_url)


def test_the_wait_for_another_writer_is_bounded_and_told(
    store: EventStore, impatient: Engine
) -> None:
    waiting = EventStore(impatient, "main", lambda: datetime.now(UTC))
    try:
        with write_transaction(store.engine) as connection:
            store.append_in(connection, [StreamAppend("report-a", 0, [event("a1")])])
            with pytest.raises(DatabaseBusy, match="nothing was written, try again") as refused:
                put(waiting, "report-b", "b1")
        assert "held by another writer too long" in str(refused.value)

        put(waiting, "report-b", "b1")
        assert names(store) == ["a1", "b1"]
    finally:
        impatient.dispose()


def test_a_writer_that_waits_is_let_in_when_the_other_is_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'waiting.db'}"
    engine = connect(url)
    migrate.upgrade(engine)
    store = EventStore(engine, "main", lambda: datetime.now(UTC))
    store.open_casebook("UTC", "syria")
    second = threading.Thread(target=lambda: put(store, "report-b", "b1"))
    try:
        with write_transaction(engine) as connection:
            store.append_in(connection, [StreamAppend("report-a", ANY, [event("a1")])])
            second.start()
            second.join(0.3)
            assert second.is_alive()
        second.join(10)
        assert names(store) == ["a1", "b1"]
    finally:
        engine.dispose()
