"""Appends that share a transaction are judged one by one, and answered after the commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as sqlalchemy_event

from tests.conftest import SteppableClock
from tests.contract.support import event, event_id, name_of, names, put
from timeline.errors import (
    DatabaseBusy,
    DatabaseUnavailable,
    EventIdReused,
    InvalidEvent,
    PartlyAppended,
    WrongExpectedVersion,
)
from timeline.store import appending, preparing
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Appended, Document, NewEvent, StreamAppend
from timeline.store.group_commit import GroupedEventStore
from timeline.store.verify import verify_log


@pytest.fixture
def grouped(engine: Engine, clock: SteppableClock) -> Iterator[GroupedEventStore]:
    with GroupedEventStore(engine, "main", clock) as opened:
        opened.open_casebook("Asia/Damascus", "syria")
        yield opened


@contextmanager
def held(store: EventStore) -> Iterator[None]:
    """Holds the log's lock, so that what is handed in meanwhile forms one group."""
    with write_transaction(store.engine) as connection:
        EventStore(store.engine, "main", lambda: pytest.fail("no clock")).append_in(connection, [])
        yield


def together(store: GroupedEventStore, *appends: StreamAppend) -> list[Future[Appended]]:
    """Hand appends in so that all but the first share a transaction."""
    with held(store):
        opener = store.submit([StreamAppend("opener", ANY, [event("opener")])])
        while not opener.running():
            pass
        futures = [store.submit([one]) for one in appends]
    opener.result(timeout=30)
    return futures


def outcome(future: Future[Appended]) -> object:
    error = future.exception(timeout=30)
    return future.result().positions if error is None else type(error)


def test_a_conflict_refuses_only_itself(grouped: GroupedEventStore) -> None:
    taken = NewEvent(event_id("a1"), "Clash", 1, b"{}")
    futures = together(
        grouped,
        StreamAppend("a", 0, [event("a1")]),
        StreamAppend("a", 0, [event("a2")]),
        StreamAppend("b", 0, [event("b1"), event("b2")]),
        StreamAppend("a", ANY, [taken]),
        StreamAppend("b", 0, [event("b1"), event("b3")]),
        StreamAppend("a", 1, [event("a3")]),
    )

    assert [outcome(future) for future in futures] == [
        (2,),
        WrongExpectedVersion,
        (3, 4),
        EventIdReused,
        PartlyAppended,
        (5,),
    ]
    assert names(grouped) == ["opener", "a1", "b1", "b2", "a3"]
    assert verify_log(grouped.engine, "main").holds


def test_appends_that_wait_share_one_transaction(grouped: GroupedEventStore) -> None:
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    sqlalchemy_event.listen(grouped.engine, "commit", count)

    futures = together(grouped, *[StreamAppend(f"s{n}", 0, [event(f"e{n}")]) for n in range(50)])

    assert [outcome(future) for future in futures] == [(n + 2,) for n in range(50)]
    # Who held the lock, the first alone, the fifty; and a waking after either on a slow machine.
    assert commits <= 3 + 2
    assert len({stored.recorded_at for stored in grouped.read()}) == 1


def test_a_retry_in_the_same_group_is_stored_once(grouped: GroupedEventStore) -> None:
    same = StreamAppend("a", 0, [event("a1"), event("a2")])

    first, again = together(grouped, same, same)

    assert first.result().appended == 2
    assert again.result() == Appended((2, 3), 3, appended=0, already=2)
    assert names(grouped) == ["opener", "a1", "a2"]


def test_callers_at_once_leave_no_gap_and_keep_each_callers_order(
    grouped: GroupedEventStore,
) -> None:
    def call(caller: int) -> None:
        for number in range(20):
            put(grouped, f"stream-{caller}", f"{caller}-{number}", expected=number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))

    assert [stored.position for stored in grouped.read()] == list(range(1, 161))
    for caller in range(8):
        read = [name_of(stored.data) for stored in grouped.read_stream(f"stream-{caller}")]
        assert read == [f"{caller}-{number}" for number in range(20)]
    assert verify_log(grouped.engine, "main").holds


def test_documents_of_a_refused_append_are_not_stored(grouped: GroupedEventStore) -> None:
    kept, refused = Document.of("text/plain", b"kept"), Document.of("text/plain", b"refused")

    with held(grouped):
        one = grouped.submit([StreamAppend("a", 0, [event("a1")])], [kept, kept])
        other = grouped.submit([StreamAppend("a", 7, [event("a2")])], [refused])

    assert outcome(one) == (1,)
    assert outcome(other) is WrongExpectedVersion
    assert set(grouped.documents([kept.digest, refused.digest])) == {kept.digest}


def test_a_transaction_that_fails_fails_every_append_in_it(
    grouped: GroupedEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(appending, "append_all", refuse)
        # Expecting any version: of a new stream, the first could be written by itself, and sooner.
        futures = [grouped.submit([StreamAppend("a", ANY, [event(f"a{n}")])]) for n in range(5)]
        errors = [str(future.exception(timeout=30)) for future in futures]

    assert errors == ["the disk is full"] * 5
    assert grouped.head().position == 0
    assert put(grouped, "a", "after", expected=0).positions == (1,)


def test_an_append_that_breaks_the_transaction_does_not_take_the_others_with_it(
    grouped: GroupedEventStore, clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = appending._judge

    def fragile(request: preparing.Request, situation: appending.Situation) -> Appended:
        if event_id("poison") in request.event_ids:
            raise ZeroDivisionError
        return judge(request, situation)

    monkeypatch.setattr(appending, "_judge", fragile)

    futures = together(
        grouped,
        StreamAppend("a", 0, [event("a1")]),
        StreamAppend("p", 0, [event("poison")]),
        StreamAppend("b", 0, [event("b1")]),
    )

    assert [outcome(future) for future in futures] == [(2,), ZeroDivisionError, (3,)]


def test_more_appends_than_may_wait_are_refused(engine: Engine, clock: SteppableClock) -> None:
    with GroupedEventStore(engine, "main", clock, waiting_max=2) as store:
        store.open_casebook("UTC", "syria")
        with held(store):
            first = store.submit([StreamAppend("a", ANY, [event("a1")])])
            while not first.running():
                pass
            waiting = [store.submit([StreamAppend("a", ANY, [event(f"w{n}")])]) for n in range(2)]
            with pytest.raises(DatabaseBusy, match="2 appends are waiting"):
                store.submit([StreamAppend("a", ANY, [event("one more")])])
        assert [outcome(future) for future in waiting] == [(2,), (3,)]


def test_an_invalid_append_is_refused_at_the_door(grouped: GroupedEventStore) -> None:
    with pytest.raises(InvalidEvent):
        grouped.submit([StreamAppend("", ANY, [event("a1")])])


def test_a_cancelled_append_is_not_written(grouped: GroupedEventStore) -> None:
    with held(grouped):
        opener = grouped.submit([StreamAppend("a", ANY, [event("a1")])])
        while not opener.running():
            pass
        waiting = grouped.submit([StreamAppend("a", ANY, [event("a2")])])
        assert waiting.cancel()
    put(grouped, "a", "a3")

    assert names(grouped) == ["a1", "a3"]


def test_closing_writes_what_was_accepted_and_refuses_more(
    engine: Engine, clock: SteppableClock
) -> None:
    store = GroupedEventStore(engine, "main", clock)
    store.open_casebook("UTC", "syria")
    futures = [store.submit([StreamAppend("a", ANY, [event(f"a{n}")])]) for n in range(30)]

    store.close()

    assert [outcome(future) for future in futures] == [(n + 1,) for n in range(30)]
    with pytest.raises(DatabaseUnavailable, match="closed"):
        store.submit([StreamAppend("a", ANY, [event("late")])])


def test_asyncio_awaits_appends(grouped: GroupedEventStore) -> None:
    async def file(number: int) -> Appended:
        append = StreamAppend(f"s{number}", 0, [event(f"e{number}")])
        return await asyncio.wrap_future(grouped.submit([append]))

    async def file_all() -> list[Appended]:
        return await asyncio.gather(*[file(number) for number in range(20)])

    assert sorted(one.positions[0] for one in asyncio.run(file_all())) == list(range(1, 21))


def test_the_writer_is_one_thread_that_ends_with_the_store(
    engine: Engine, clock: SteppableClock
) -> None:
    with GroupedEventStore(engine, "main", clock) as store:
        store.open_casebook("UTC", "syria")
        put(store, "a", "a1")
        writers = [one for one in threading.enumerate() if one.name == "group-commit"]
        assert len(writers) == 1

    assert not writers[0].is_alive()
