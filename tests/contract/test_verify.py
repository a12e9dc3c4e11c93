"""Verification finds whatever was done to a log behind the store's back, on both engines."""

from __future__ import annotations

import pytest

from tests.conftest import SteppableClock
from tests.contract.support import event_id, put, unguarded
from timeline.errors import CasebookNotFound
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend
from timeline.store.hashing import canonical
from timeline.store.verify import verify_documents, verify_log


@pytest.fixture
def full(store: EventStore, clock: SteppableClock) -> EventStore:
    for number in range(1, 6):
        put(store, f"report-{number % 2}", f"n{number}")
        clock.step(1)
    return store


def withhold(store: EventStore, position: int, *, marked: object) -> None:
    """Erase a position's content, and append an event that names `marked`."""
    with write_transaction(store.engine) as connection:
        connection.exec_driver_sql(
            f"UPDATE events SET data = NULL, salt = NULL WHERE position = {position}"
        )
        marker = NewEvent(event_id("marker"), "ContentWithheld", 1, canonical(marked))
        store.append_in(connection, [StreamAppend("report-1", ANY, [marker])])


def test_an_untouched_log_holds(full: EventStore) -> None:
    result = verify_log(full.engine, "main")

    assert (result.holds, result.checked, result.position, result.reason) == (True, 5, None, None)
    assert result.head == full.head()


def test_an_empty_log_holds(store: EventStore) -> None:
    assert verify_log(store.engine, "main").holds


def test_a_missing_casebook_is_told(store: EventStore) -> None:
    with pytest.raises(CasebookNotFound):
        verify_log(store.engine, "idlib")


HALF_A_SWAP = "UPDATE events SET position = position + 100 WHERE position IN (3, 4)"
OTHER_HEAD_HASH = (
    "UPDATE casebooks SET hash = (SELECT e.previous_hash FROM events AS e WHERE e.position = 3)"
)
OTHER_HALF = "UPDATE events SET position = 107 - position WHERE position > 100"


@pytest.mark.parametrize(
    ("tampering", "position", "reason"),
    [
        (
            ['UPDATE events SET data = \'{"name":"nX"}\' WHERE position = 3'],
            3,
            "its data does not have its digest",
        ),
        (["UPDATE events SET digest = previous_hash WHERE position = 3"], 3, "digest"),
        (["UPDATE events SET type = 'Clash' WHERE position = 2"], 2, "its hash does not cover"),
        (["UPDATE events SET metadata = '{}' WHERE position = 2"], 2, "its hash does not cover"),
        (
            ["UPDATE events SET recorded_at = '2020-01-01T00:00:00.000000Z' WHERE position = 4"],
            4,
            "its hash does not cover",
        ),
        (["UPDATE events SET hash = previous_hash WHERE position = 5"], 5, "its hash does not"),
        (["UPDATE events SET previous_hash = hash WHERE position = 4"], 4, "previous hash"),
        (["DELETE FROM events WHERE position = 2"], 2, "the event at position 2 is missing"),
        (["DELETE FROM events WHERE position = 1"], 1, "the event at position 1 is missing"),
        ([HALF_A_SWAP, OTHER_HALF], 3, "its previous hash is not"),
        (["UPDATE events SET version = 9 WHERE position = 5"], 5, "its version is 9"),
        (["DELETE FROM events WHERE position = 5"], 5, "ends at position 4"),
        (["DELETE FROM events WHERE position > 3"], 4, "ends at position 3"),
        (["UPDATE casebooks SET position = 3"], 4, "its head row says 3"),
        (
            ["UPDATE casebooks SET recorded_at = '2030-01-01T00:00:00.000000Z'"],
            5,
            "another record time",
        ),
        (
            [
                OTHER_HEAD_HASH,
            ],
            5,
            "another hash than the last event",
        ),
        (
            ["UPDATE events SET data = NULL, salt = NULL WHERE position = 4"],
            4,
            "its content is gone",
        ),
    ],
)
def test_tampering_is_found_where_it_was_done(
    full: EventStore, tampering: list[str], position: int, reason: str
) -> None:
    with unguarded(full.engine) as connection:
        for statement in tampering:
            connection.exec_driver_sql(statement)

    result = verify_log(full.engine, "main")

    assert not result.holds
    assert result.position == position
    assert result.reason is not None
    assert reason in result.reason


def test_a_swap_within_a_stream_is_found(store: EventStore) -> None:
    put(store, "report-a", "a1", "a2", "a3")
    with unguarded(store.engine) as connection:
        for column in ("position", "version"):
            connection.exec_driver_sql(
                f"UPDATE events SET {column} = {column} + 100 WHERE {column} IN (1, 2)"
            )
            connection.exec_driver_sql(
                f"UPDATE events SET {column} = 203 - {column} - 100 WHERE {column} > 100"
            )

    assert verify_log(store.engine, "main").position == 1


def test_a_byte_flipped_to_what_is_not_utf_8_is_found_on_sqlite(full: EventStore) -> None:
    if full.engine.dialect.name != "sqlite":
        pytest.skip("Postgres refuses such a text")
    for column, reason in (("metadata", "not UTF-8"), ("data", "digest")):
        with unguarded(full.engine) as connection:
            connection.exec_driver_sql(
                f"UPDATE events SET {column} = CAST(X'7b22ff227d' AS TEXT) WHERE position = 2"
            )

        result = verify_log(full.engine, "main")

        assert result.position == 2
        assert result.reason is not None
        assert reason in result.reason


def test_a_withheld_event_that_is_named_holds(full: EventStore) -> None:
    withhold(full, 2, marked={"positions": [2], "reason": "a person asked for it"})

    result = verify_log(full.engine, "main")

    assert (result.holds, result.checked, result.withheld) == (True, 6, 1)


@pytest.mark.parametrize(
    "marked", [{"positions": [3]}, {"positions": []}, {}, {"positions": "all"}]
)
def test_a_withheld_event_that_is_not_named_is_found(full: EventStore, marked: object) -> None:
    withhold(full, 2, marked=marked)

    result = verify_log(full.engine, "main")

    assert (result.holds, result.position) == (False, 2)


def test_a_marker_excuses_nothing_after_itself(full: EventStore) -> None:
    marker = NewEvent(event_id("early"), "ContentWithheld", 1, b'{"positions":[7]}')
    full.append([StreamAppend("report-1", ANY, [marker])])
    put(full, "report-1", "n7")
    with write_transaction(full.engine) as connection:
        connection.exec_driver_sql("UPDATE events SET data = NULL, salt = NULL WHERE position = 7")

    assert verify_log(full.engine, "main").position == 7


def test_documents_that_are_as_they_were_filed_hold(full: EventStore) -> None:
    full.append([], [Document.of("text/plain", f"report {n}".encode()) for n in range(120)])

    result = verify_documents(full.engine, "main")

    assert (result.holds, result.checked) == (True, 120)


def test_a_document_with_other_bytes_is_found(full: EventStore) -> None:
    document = Document.of("text/plain", b"took back the town")
    full.append([], [document])
    hexed = b"gave back the town".hex()
    literal = f"X'{hexed}'" if full.engine.dialect.name == "sqlite" else f"'\\x{hexed}'"
    with unguarded(full.engine) as connection:
        connection.exec_driver_sql(f"UPDATE documents SET content = {literal}")

    result = verify_documents(full.engine, "main")

    assert not result.holds
    assert result.reason == f"document {document.digest} holds bytes of another SHA-256"


def test_a_withheld_document_holds_only_when_it_is_named(full: EventStore) -> None:
    document = Document.of("text/plain", b"a name that must go")
    full.append([], [document])
    with write_transaction(full.engine) as connection:
        connection.exec_driver_sql("UPDATE documents SET content = NULL")
    assert not verify_documents(full.engine, "main").holds

    marker = NewEvent(
        event_id("m"), "ContentWithheld", 1, canonical({"documents": [document.digest]})
    )
    full.append([StreamAppend("report-1", ANY, [marker])])

    result = verify_documents(full.engine, "main")
    assert (result.holds, result.withheld) == (True, 1)
