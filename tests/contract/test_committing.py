"""What an append assumes without asking is found out by the database, and never written wrongly."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection, Cursor

from tests.conftest import SteppableClock
from tests.contract.support import event, names, put, unguarded
from timeline.errors import EventIdReused, PartlyAppended, WrongExpectedVersion
from timeline.store import appending, inserting
from timeline.store.engine import ConnectionLost, connect
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Head, StreamAppend
from timeline.store.inserting import Rows
from timeline.store.verify import verify_log


@pytest.fixture
def warm(store: EventStore) -> EventStore:
    """A store that has appended, and knows the head that it left."""
    put(store, "report-a", "a1", "a2", expected=0)
    return store


def another(store: EventStore, clock: SteppableClock) -> EventStore:
    url = store.engine.url.render_as_string(hide_password=False)
    return EventStore(connect(url), "main", clock)


def test_a_new_stream_is_appended_without_locking_the_head_first(
    warm: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if warm.engine.dialect.name != "postgresql":
        pytest.skip("SQLite's lock costs no round trip")
    monkeypatch.setattr(appending, "append_all", lambda *_, **__: pytest.fail("locked first"))

    appended = put(warm, "report-b", "b1", expected=0)
    some = put(warm, "report-c", "c1", "c2", expected=0)

    assert (appended.positions, some.positions) == ((3,), (4, 5))
    assert verify_log(warm.engine, "main").holds


def test_what_another_wrote_meanwhile_comes_first(warm: EventStore, clock: SteppableClock) -> None:
    other = another(warm, clock)
    put(other, "report-b", "b1", expected=0)

    assert put(warm, "report-c", "c1", expected=0).positions == (4,)
    assert put(other, "report-d", "d1", expected=0).positions == (5,)
    assert names(warm) == ["a1", "a2", "b1", "c1", "d1"]
    assert verify_log(warm.engine, "main").holds
    other.engine.dispose()


def test_a_retry_of_what_is_stored_appends_nothing(warm: EventStore) -> None:
    again = put(warm, "report-a", "a1", "a2", expected=0)
    put(warm, "report-a", "a3", expected=2)
    later = put(warm, "report-a", "a1", "a2", expected=0)
    last = put(warm, "report-a", "a3", expected=2)

    assert (again.positions, again.appended, again.already) == ((1, 2), 0, 2)
    assert (later.positions, last.positions) == ((1, 2), (3,))
    assert names(warm) == ["a1", "a2", "a3"]


def test_what_does_not_fit_is_refused_as_if_all_had_been_asked(warm: EventStore) -> None:
    with pytest.raises(WrongExpectedVersion, match="expected version 0, found 2"):
        put(warm, "report-a", "a3", expected=0)
    with pytest.raises(WrongExpectedVersion, match="expected version 7, found 2"):
        put(warm, "report-a", "a3", expected=7)
    with pytest.raises(PartlyAppended):
        put(warm, "report-a", "a2", "a3", expected=0)
    with pytest.raises(EventIdReused):
        put(warm, "report-b", "a1", expected=0)

    assert names(warm) == ["a1", "a2"]
    assert put(warm, "report-a", "a2", "a3", expected=ANY).positions == (2, 3)
    assert verify_log(warm.engine, "main").holds


def test_a_refused_stream_takes_the_other_streams_of_its_append_along(warm: EventStore) -> None:
    with pytest.raises(WrongExpectedVersion):
        warm.append(
            [StreamAppend("report-b", 0, [event("b1")]), StreamAppend("report-a", 0, [event("x")])]
        )

    assert names(warm) == ["a1", "a2"]


def test_a_head_that_moved_back_is_not_written_past(warm: EventStore) -> None:
    if warm.engine.dialect.name != "postgresql":
        pytest.skip("SQLite's head is always read anew")
    # What a restored backup looks like to a store that was left open.
    with unguarded(warm.engine) as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE position = 2")
        connection.exec_driver_sql(
            "UPDATE casebooks AS c SET position = 1, hash = e.hash FROM events AS e"
            " WHERE e.position = 1"
        )

    assert put(warm, "report-b", "b1", expected=0).positions == (2,)
    assert names(warm) == ["a1", "b1"]
    assert verify_log(warm.engine, "main").holds


def test_a_single_statement_whose_answer_was_lost_is_not_done_twice(
    warm: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if warm.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no connection to lose")
    insert, tries = inserting.insert_after_head, []

    def fragile(driver: Connection[Any], rows: Rows, head: Head) -> Cursor[Any]:
        tries.append(driver.info.transaction_status.name)
        cursor = insert(driver, rows, head)
        if len(tries) == 1:
            raise ConnectionLost("the answer was lost")
        return cursor

    monkeypatch.setattr(inserting, "insert_after_head", fragile)

    appended = put(warm, "report-b", "b1", expected=0)

    assert tries[0] == "IDLE"  # a transaction of its own
    assert (appended.positions, appended.already) == ((3,), 1)
    assert names(warm) == ["a1", "a2", "b1"]
    assert verify_log(warm.engine, "main").holds
