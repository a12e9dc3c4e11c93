"""The store's contract on reading: order, limits, pages and checkpoints, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from tests.conftest import SteppableClock
from tests.contract.support import event_id, name_of, put
from timeline.errors import DatabaseUnavailable, InvalidCheckpoint, InvalidEvent
from timeline.store import queries
from timeline.store.engine import connect, read_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import STREAMS_PER_READ_MAX

LENGTH = 1_203  # more than two pages of 500


@pytest.fixture
def full(store: EventStore) -> EventStore:
    put(store, "report-a", *[f"a{number}" for number in range(1, LENGTH + 1)])
    return store


@pytest.mark.parametrize(
    ("arguments", "positions"),
    [
        ({}, range(1, LENGTH + 1)),
        ({"after": 1_000}, range(1_001, LENGTH + 1)),
        ({"limit": 3}, range(1, 4)),
        ({"limit": 0}, range(0)),
        ({"limit": 1_000}, range(1, 1_001)),
        ({"until": 700}, range(1, 701)),
        ({"after": 5, "until": 7}, range(6, 8)),
        ({"after": LENGTH}, range(0)),
        ({"after": 10, "until": 9}, range(0)),
        ({"backwards": True}, range(LENGTH, 0, -1)),
        ({"backwards": True, "limit": 2}, range(LENGTH, LENGTH - 2, -1)),
        ({"backwards": True, "until": 600, "after": 2}, range(600, 2, -1)),
    ],
)
def test_the_log_is_read_in_order_between_bounds(
    full: EventStore, arguments: dict[str, int], positions: range
) -> None:
    assert [stored.position for stored in full.read(**arguments)] == list(positions)  # type: ignore[arg-type]


def test_a_stream_is_read_from_a_version_on(store: EventStore) -> None:
    put(store, "report-a", "a1", "a2")
    put(store, "report-b", "b1")
    put(store, "report-a", "a3")

    assert [name_of(one.data) for one in store.read_stream("report-a")] == ["a1", "a2", "a3"]
    assert [one.version for one in store.read_stream("report-a", after_version=1)] == [2, 3]
    assert list(store.read_stream("report-c")) == []


def test_a_long_stream_is_read_whole(full: EventStore) -> None:
    assert [one.version for one in full.read_stream("report-a")] == list(range(1, LENGTH + 1))


def test_several_streams_are_read_in_log_order(store: EventStore) -> None:
    put(store, "report-b", "b1")
    put(store, "report-a", "a1")
    put(store, "report-c", "c1")
    put(store, "report-b", "b2")

    read = store.read_streams(["report-a", "report-b", "nothing"], after=1)

    assert [name_of(one.data) for one in read] == ["a1", "b2"]


def test_several_long_streams_are_read_whole(full: EventStore) -> None:
    put(full, "report-b", "b1")

    positions = [one.position for one in full.read_streams(["report-b", "report-a"])]

    assert positions == list(range(1, LENGTH + 2))


def test_too_many_streams_in_one_read_are_refused(store: EventStore) -> None:
    with pytest.raises(InvalidEvent):
        list(store.read_streams([f"s{number}" for number in range(STREAMS_PER_READ_MAX + 1)]))


def test_one_event_is_found_by_position_and_by_id(store: EventStore) -> None:
    put(store, "report-a", "a1", "a2")

    found = store.event_at(2)

    assert found is not None
    assert found == store.event_by_id(event_id("a2"))
    assert store.event_at(3) is None
    assert store.event_by_id(event_id("a3")) is None


def test_versions_of_several_streams_are_told_at_once(store: EventStore) -> None:
    put(store, "report-a", "a1", "a2")

    assert store.stream_versions(["report-a", "report-b"]) == {"report-a": 2, "report-b": 0}


def test_reading_goes_on_from_a_checkpoint(store: EventStore) -> None:
    put(store, "report-a", "a1", "a2", "a3")

    kept = store.checkpoint(2)

    assert [one.position for one in store.read(store.parse_checkpoint(kept))] == [3]


@pytest.mark.parametrize("text", ["", "2", "MQ", "not base64 at all!", "é", "x" * 5_000])
def test_a_text_that_is_no_checkpoint_is_refused(store: EventStore, text: str) -> None:
    with pytest.raises(InvalidCheckpoint):
        store.parse_checkpoint(text)


def test_a_checkpoint_of_another_casebook_is_refused(
    store: EventStore, clock: SteppableClock
) -> None:
    foreign = EventStore(store.engine, "libya", clock).checkpoint(3)

    with pytest.raises(InvalidCheckpoint, match="libya"):
        store.parse_checkpoint(foreign)


def test_a_reader_sees_one_snapshot_while_others_append(store: EventStore) -> None:
    put(store, "report-a", "a1")
    with read_transaction(store.engine) as connection:
        before = store.head_in(connection).position
        put(store, "report-a", "a2")
        seen = [one.position for one in store.read_in(connection)]

    assert (before, seen) == (1, [1])
    assert store.head().position == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////no/such/folder/timeline.db", "did not answer"),
        ("postgresql://nobody@127.0.0.1:1/nothing", "did not answer"),
        ("mysql://localhost/x", "not supported"),
        ("://", "cannot be read"),
    ],
)
def test_a_database_that_is_not_there_is_told_in_one_sentence(
    url: str, said: str, clock: SteppableClock
) -> None:
    with pytest.raises(DatabaseUnavailable, match=said) as refused:
        EventStore(connect(url), "main", clock).head()

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "statements",
    [queries._BY_IDS, queries._VERSIONS, queries._POSITIONS, queries._DOCS, queries._DIGESTS],
)
def test_a_list_is_looked_up_and_the_log_not_walked_on_sqlite(
    engine: Engine, statements: dict[str, object]
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("Postgres plans by statistics")
    given = {"casebook": "main", "list": "[]", "after": 0}
    with read_transaction(engine) as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {statements['sqlite']}"), given)
        steps = [str(row[3]) for row in plan]

    assert steps[0].startswith("SCAN given")
    assert [step for step in steps if "SEARCH" in step and step.count("=?") == 2]
