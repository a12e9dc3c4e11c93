"""Casebooks share a database and nothing else: no number, name, id or document passes over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import SteppableClock
from tests.contract.support import event, event_id, name_of, names, put, unguarded
from timeline.errors import InvalidCheckpoint, WrongExpectedVersion
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend
from timeline.store.group_commit import GroupedEventStore
from timeline.store.verify import verify_documents, verify_log

# Names that a careless comparison, pattern or join would take for "main".
OTHERS = ["Main", "main ", "mai_", "main%", "خناصر", "main' OR '1'='1"]


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest, store: EventStore, clock: SteppableClock) -> EventStore:
    opened = EventStore(store.engine, request.param, clock)
    opened.open_casebook("Africa/Tripoli", "libya")
    return opened


def test_positions_versions_and_ids_are_each_casebooks_own(
    store: EventStore, other: EventStore
) -> None:
    put(store, "report-a", "a1", "a2", "a3")

    appended = put(other, "report-a", "a1", "b1", expected=0)

    assert appended.positions == (1, 2)
    assert other.stream_versions(["report-a"]) == {"report-a": 2}
    assert (names(store), names(other)) == (["a1", "a2", "a3"], ["a1", "b1"])
    assert {stored.casebook for stored in other.read()} == {other.casebook}


def test_an_id_may_hold_other_content_in_another_casebook(
    store: EventStore, other: EventStore
) -> None:
    put(store, "report-a", "a1")
    elsewhere = NewEvent(event_id("a1"), "Clash", 1, b'{"name":"other"}')

    other.append([StreamAppend("report-b", 0, [elsewhere])])

    found, here = other.event_by_id(event_id("a1")), store.event_by_id(event_id("a1"))
    assert found is not None
    assert here is not None
    assert (found.type, here.type) == ("Clash", "ReportFiled")


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: list(store.read()),
        lambda store: list(store.read(backwards=True)),
        lambda store: list(store.read_stream("report-a")),
        lambda store: list(store.read_streams(["report-a", "report-b"])),
        lambda store: [found for found in [store.event_at(1)] if found],
        lambda store: [found for found in [store.event_by_id(event_id("a1"))] if found],
        lambda store: list(store.documents([Document.of("text/plain", b"here").digest])),
        lambda store: [one for one in [store.stream_version("report-a")] if one],
        lambda store: [one for one in [store.head().position] if one],
    ],
)
def test_nothing_of_one_casebook_is_read_in_another(
    store: EventStore, other: EventStore, ask: Callable[[EventStore], list[object]]
) -> None:
    document = Document.of("text/plain", b"here")
    store.append([StreamAppend("report-a", 0, [event("a1"), event("a2")])], [document])

    assert ask(store) != []
    assert ask(other) == []


def test_a_document_is_stored_in_each_casebook_that_files_it(
    store: EventStore, other: EventStore
) -> None:
    document = Document.of("text/plain", b"here")
    store.append([], [document])
    other.append([], [document])
    with write_transaction(store.engine) as connection:
        connection.exec_driver_sql("UPDATE documents SET content = NULL WHERE casebook = 'main'")

    assert store.documents([document.digest])[document.digest].content is None
    assert other.documents([document.digest]) == {document.digest: document}
    assert verify_documents(other.engine, other.casebook).holds
    assert not verify_documents(store.engine, "main").holds


def test_an_expectation_does_not_see_the_same_stream_elsewhere(
    store: EventStore, other: EventStore
) -> None:
    put(store, "report-a", "a1", "a2")

    with pytest.raises(WrongExpectedVersion) as refused:
        put(other, "report-a", "a3", expected=2)

    assert refused.value.actual == 0


def test_a_broken_log_does_not_spoil_another(store: EventStore, other: EventStore) -> None:
    put(store, "report-a", "a1", "a2")
    put(other, "report-a", "a1", "a2")
    with unguarded(store.engine) as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE position = 2 AND casebook = 'main'")

    assert not verify_log(store.engine, "main").holds
    assert verify_log(other.engine, other.casebook).holds


def test_a_marker_excuses_nothing_in_another_casebook(store: EventStore, other: EventStore) -> None:
    put(store, "report-a", "a1")
    marker = NewEvent(event_id("marker"), "ContentWithheld", 1, b'{"positions":[1]}')
    put(other, "report-a", "a1")
    other.append([StreamAppend("report-a", ANY, [marker])])
    with write_transaction(store.engine) as connection:
        connection.exec_driver_sql("UPDATE events SET data = NULL, salt = NULL WHERE position = 1")

    assert verify_log(other.engine, other.casebook).holds
    assert not verify_log(store.engine, "main").holds


def test_a_checkpoint_is_its_casebooks_own(store: EventStore, other: EventStore) -> None:
    with pytest.raises(InvalidCheckpoint):
        other.parse_checkpoint(store.checkpoint(1))


def test_a_writer_in_one_casebook_does_not_wait_for_another_on_postgres(
    store: EventStore, clock: SteppableClock
) -> None:
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one write lock for the file")
    other = EventStore(store.engine, "libya", clock)
    other.open_casebook("Africa/Tripoli", "libya")
    with write_transaction(store.engine) as connection:
        store.append_in(connection, [StreamAppend("report-a", 0, [event("a1")])])

        assert put(other, "report-a", "b1").positions == (1,)


def test_groups_of_two_casebooks_stay_apart(store: EventStore, clock: SteppableClock) -> None:
    with (
        GroupedEventStore(store.engine, "main", clock) as here,
        GroupedEventStore(store.engine, "libya", clock) as there,
    ):
        there.open_casebook("Africa/Tripoli", "libya")
        futures = [
            one.submit([StreamAppend("a", ANY, [event(f"{n}")])])
            for n in range(20)
            for one in (here, there)
        ]
        assert [future.result(30).positions[0] for future in futures[::2]] == list(range(1, 21))
        assert [future.result(30).positions[0] for future in futures[1::2]] == list(range(1, 21))
    with read_transaction(store.engine) as connection:
        held = [name_of(stored.data) for stored in there.read_in(connection)]
    assert held == [f"{n}" for n in range(20)]
