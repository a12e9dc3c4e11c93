"""A subscription yields what is there, then what comes, and misses nothing while writers append."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.conftest import SteppableClock
from tests.contract.support import event, name_of, put
from timeline.store import subscription
from timeline.store.engine import single_read, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, StreamAppend
from timeline.store.subscription import Subscription

SOON_SECONDS = 20


@pytest.fixture(params=[True, False], ids=["listens", "polls"])
def following(request: pytest.FixtureRequest, store: EventStore) -> Iterator[Subscription]:
    with Subscription(store, listens=request.param) as opened:
        yield opened


def take(following: Subscription, count: int) -> list[str]:
    return [name_of(next(following).data) for _ in range(count)]


def test_it_yields_what_is_there_and_then_what_comes(
    store: EventStore, following: Subscription
) -> None:
    put(store, "report-a", "a1", "a2")
    assert take(following, 2) == ["a1", "a2"]

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take, following, 1)
        put(store, "report-a", "a3")
        assert waiting.result(SOON_SECONDS) == ["a3"]
    assert following.position == 3


def test_it_goes_on_from_a_checkpoint(store: EventStore, following: Subscription) -> None:
    put(store, "report-a", *[f"a{number}" for number in range(1, 1_203)])
    take(following, 700)

    with Subscription(store, store.parse_checkpoint(following.checkpoint)) as resumed:
        assert take(resumed, 502) == [f"a{number}" for number in range(701, 1_203)]


def test_batches_come_in_pages_and_an_empty_one_when_the_time_is_over(
    store: EventStore, following: Subscription
) -> None:
    put(store, "report-a", *[f"a{number}" for number in range(700)])
    take(following, 3)

    assert [len(following.batch(1)) for _ in range(2)] == [497, 200]
    assert following.batch(0.05) == []
    assert following.position == 700


def test_it_misses_nothing_while_writers_append(store: EventStore, following: Subscription) -> None:
    def write(writer: int) -> None:
        for number in range(50):
            put(store, f"stream-{writer}", f"{writer}-{number}-x", f"{writer}-{number}-y")

    with ThreadPoolExecutor(5) as pool:
        reading = pool.submit(lambda: [next(following).position for _ in range(400)])
        list(pool.map(write, range(4)))

        assert reading.result(SOON_SECONDS) == list(range(1, 401))


def test_an_append_in_progress_is_waited_for_and_not_skipped(
    store: EventStore, following: Subscription
) -> None:
    with write_transaction(store.engine) as connection:
        store.append_in(connection, [StreamAppend("report-a", ANY, [event("a1")])])
        assert following.batch(0.1) == []

    put(store, "report-b", "b1")

    assert take(following, 2) == ["a1", "b1"]


@pytest.mark.parametrize("before", [True, False], ids=["before it waits", "while it waits"])
def test_it_can_be_stopped_from_another_thread(following: Subscription, *, before: bool) -> None:
    if before:
        following.stop()
        assert list(following) == []
        return
    stopper = threading.Timer(0.2, following.stop)
    stopper.start()

    assert list(following) == []
    stopper.join()
    assert following.batch() == []


def test_what_is_left_of_a_page_is_not_yielded_after_it_was_stopped(
    store: EventStore, following: Subscription
) -> None:
    put(store, "report-a", "a1", "a2")
    take(following, 1)

    following.stop()

    assert list(following) == []
    assert following.position == 1


def test_a_notification_wakes_it_before_its_next_poll(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("only Postgres notifies")
    monkeypatch.setattr(subscription, "POLL_SECONDS_MIN", 60.0)
    with Subscription(store) as following, ThreadPoolExecutor(1) as pool:
        assert following.batch(0.5) == []  # listens from here on
        waiting = pool.submit(take, following, 1)
        time.sleep(0.2)
        put(store, "report-a", "a1")

        assert waiting.result(SOON_SECONDS) == ["a1"]


def test_a_lost_listener_is_not_missed(store: EventStore) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("only Postgres notifies")
    with Subscription(store) as following:
        assert following.batch(0.1) == []
        assert isinstance(following._waiter._listener, psycopg.Connection)
        pid = following._waiter._listener.info.backend_pid
        with single_read(store.engine) as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")

        put(store, "report-a", "a1")

        assert take(following, 1) == ["a1"]
        assert following.batch(0.1) == []
        assert following._waiter._listener is None


def test_a_listener_lost_before_it_listens_is_not_missed(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("only Postgres notifies")
    connected = psycopg.connect

    def lost(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:  # noqa: ANN401
        monkeypatch.undo()
        listener = connected(*arguments, **options)
        with single_read(store.engine) as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({listener.info.backend_pid})")
        return listener

    monkeypatch.setattr(psycopg, "connect", lost)
    put(store, "report-a", "a1")
    with Subscription(store) as following:
        assert take(following, 1) == ["a1"]
        assert following.batch(0.1) == []
        assert following._waiter._listener is None


def test_it_follows_its_own_casebook_alone(store: EventStore, clock: SteppableClock) -> None:
    other = EventStore(store.engine, "libya", clock)
    other.open_casebook("Africa/Tripoli", "libya")
    put(other, "report-a", "elsewhere")

    with Subscription(store) as following:
        assert following.batch(0.05) == []
        put(store, "report-a", "here")
        assert take(following, 1) == ["here"]
