"""What our stores on SQL do beyond the contract: shared transactions, casebooks, missing tables."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.conftest import SteppableClock
from tests.contract.support import event, name_of, names, put
from timeline.errors import CasebookNotFound, SchemaMismatch, TimelineError
from timeline.store.engine import connect, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import StreamAppend
from timeline.store.verify import verify_log


def test_a_rollback_leaves_no_gap(store: EventStore) -> None:
    def append_and_give_up() -> None:
        with write_transaction(store.engine) as connection:
            store.append_in(connection, [StreamAppend("report-b", 0, [event("b1")])])
            raise TimelineError("the caller gave up")

    put(store, "report-a", "a1")
    with pytest.raises(TimelineError, match="the caller gave up"):
        append_and_give_up()

    put(store, "report-c", "c1")

    assert [stored.position for stored in store.read()] == [1, 2]
    assert names(store) == ["a1", "c1"]
    assert verify_log(store.engine, "main").holds


def test_several_appends_share_a_transaction(store: EventStore) -> None:
    with write_transaction(store.engine) as connection:
        store.append_in(connection, [StreamAppend("report-a", 0, [event("a1")])])
        store.append_in(connection, [StreamAppend("report-a", 1, [event("a2")])])
        seen = [name_of(stored.data) for stored in store.read_in(connection)]

    assert seen == names(store) == ["a1", "a2"]


@pytest.mark.parametrize("position", [2**15 - 3, 2**31 - 3])
def test_positions_grow_beyond_16_and_32_bits(store: EventStore, position: int) -> None:
    with write_transaction(store.engine) as connection:
        connection.exec_driver_sql(f"UPDATE casebooks SET position = {position}")

    result = put(store, "report-a", "a1", "a2", "a3", "a4", "a5", "a6")

    assert result.positions == tuple(range(position + 1, position + 7))
    assert [stored.position for stored in store.read()] == list(result.positions)


def test_a_missing_casebook_names_the_command_that_makes_it(
    engine: Engine, clock: SteppableClock
) -> None:
    other = EventStore(engine, "idlib", clock)

    for ask in (other.head, lambda: put(other, "report-a", "a1")):
        with pytest.raises(CasebookNotFound, match="timeline init --casebook idlib"):
            ask()


def test_an_empty_database_names_the_command_that_fills_it(
    empty_engine: Engine, clock: SteppableClock
) -> None:
    with pytest.raises(SchemaMismatch, match="timeline init"):
        EventStore(empty_engine, "main", clock).head()


def test_opening_a_casebook_again_changes_nothing(store: EventStore) -> None:
    put(store, "report-a", "a1")

    again = store.open_casebook("UTC", "elsewhere")

    assert (again.time_zone, again.theatre) == ("Asia/Damascus", "syria")
    assert again.head.position == 1


def test_casebooks_have_logs_of_their_own(store: EventStore, clock: SteppableClock) -> None:
    other = EventStore(store.engine, "libya", clock)
    other.open_casebook("Africa/Tripoli", "libya")
    put(store, "report-a", "a1", "a2")

    put(other, "report-a", "a1", expected=0)

    assert [stored.position for stored in other.read()] == [1]
    assert names(store) == ["a1", "a2"]
    assert verify_log(store.engine, "libya").holds


def test_a_database_in_memory_works(clock: SteppableClock) -> None:
    from timeline.store import migrate

    engine = connect("sqlite://")
    try:
        migrate.upgrade(engine)
        store = EventStore(engine, "main", clock)
        store.open_casebook("UTC", "syria")
        put(store, "report-a", "a1")
        assert names(store) == ["a1"]
    finally:
        engine.dispose()
