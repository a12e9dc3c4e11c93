"""Verification finds documents that are missing, and values that have no business in a column."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine

from benchmarks.tampering import rewrite
from tests.contract.support import event, event_id, put, unguarded
from timeline.store import verify
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend
from timeline.store.hashing import canonical
from timeline.store.verify import verify_documents, verify_log

TEXT = Document.of("text/plain", b"took back the town")
FILE = Document.of("application/yaml", b"text: took back the town")


def mention(document: Document) -> dict[str, object]:
    return {
        "digest": document.digest,
        "media_type": document.media_type,
        "byte_length": len(document.content or b""),
    }


@pytest.fixture
def filed(store: EventStore) -> EventStore:
    put(store, "report-a", "a1")
    for number, type_ in ((2, "ReportFiled"), (3, "ReportRevised")):
        data = {"document": mention(FILE), "text_document": mention(TEXT), "n": number}
        new = NewEvent(event_id(f"n{number}"), type_, 1, canonical(data))
        store.append([StreamAppend("report-b", ANY, [new])], [FILE, TEXT])
    return store


def test_documents_that_events_name_are_there(filed: EventStore) -> None:
    result = verify_documents(filed.engine, "main")

    assert (result.holds, result.checked) == (True, 2)


@pytest.mark.parametrize("document", [FILE, TEXT])
def test_a_removed_document_is_found_at_the_event_that_names_it(
    filed: EventStore, document: Document
) -> None:
    with unguarded(filed.engine) as connection:
        connection.exec_driver_sql(f"DELETE FROM documents WHERE digest = '{document.digest}'")

    result = verify_documents(filed.engine, "main")

    assert (result.holds, result.position) == (False, 2)
    assert result.reason == f"document {document.digest}, which it names, is missing"


@pytest.mark.parametrize(
    "tampering", ["media_type = 'text/html'", "byte_length = 9, content = NULL"]
)
def test_another_type_or_length_than_was_filed_is_found(filed: EventStore, tampering: str) -> None:
    marker = event("m", type_="ContentWithheld", documents=[TEXT.digest])
    filed.append([StreamAppend("report-b", ANY, [marker])])
    with unguarded(filed.engine) as connection:
        connection.exec_driver_sql(
            f"UPDATE documents SET {tampering} WHERE digest = '{TEXT.digest}'"
        )

    assert verify_documents(filed.engine, "main").position == 2


def test_an_event_that_cannot_be_read_names_no_document(store: EventStore) -> None:
    for number, data in enumerate(({"document": "none"}, {"document": {"digest": 3}}, {})):
        new = NewEvent(event_id(str(number)), "ReportFiled", 1, canonical(data))
        store.append([StreamAppend("report-a", ANY, [new])])

    assert verify_documents(store.engine, "main").holds


@pytest.mark.parametrize(
    ("assignment", "position"),
    [
        ("salt = '0123456789012345'", 2),
        ("digest = '01234567890123456789012345678901'", 2),
        ("previous_hash = '01234567890123456789012345678901'", 2),
        ("hash = '01234567890123456789012345678901'", 2),
        ("version = 'two'", 2),
        ("schema_version = 'one'", 2),
        ("schema_version = 1.5", 2),
        ("data = 17", 2),
        ("metadata = X'FF'", 2),
        ("stream = X'FF'", 2),
        ("recorded_at = 5", 2),
    ],
)
def test_a_value_of_another_type_is_found_on_sqlite(
    filed: EventStore, assignment: str, position: int
) -> None:
    if filed.engine.dialect.name != "sqlite":
        pytest.skip("Postgres has strict types")
    with unguarded(filed.engine) as connection:
        connection.exec_driver_sql(f"UPDATE events SET {assignment} WHERE position = {position}")

    assert verify_log(filed.engine, "main").position == position


def test_a_digest_of_another_type_beside_withheld_content_is_found_on_sqlite(
    filed: EventStore,
) -> None:
    if filed.engine.dialect.name != "sqlite":
        pytest.skip("Postgres has strict types")
    filed.append(
        [StreamAppend("report-b", ANY, [event("m", type_="ContentWithheld", positions=[2])])]
    )
    with unguarded(filed.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE events SET data = NULL, salt = NULL,"
            " digest = '01234567890123456789012345678901' WHERE position = 2"
        )

    result = verify_log(filed.engine, "main")
    assert (result.position, result.reason) == (2, "one of its hashes is no bytes")


def test_a_head_or_a_document_of_another_type_is_found_on_sqlite(filed: EventStore) -> None:
    if filed.engine.dialect.name != "sqlite":
        pytest.skip("Postgres has strict types")
    with unguarded(filed.engine) as connection:
        connection.exec_driver_sql("UPDATE casebooks SET position = 'three'")
        connection.exec_driver_sql("UPDATE documents SET content = CAST(content AS TEXT)")

    assert not verify_log(filed.engine, "main").holds
    assert not verify_documents(filed.engine, "main").holds


def test_versions_are_checked_when_there_are_too_many_streams_for_memory(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "STREAMS_IN_MEMORY_MAX", 2)
    for number in range(8):
        put(store, f"report-{number % 4}", f"n{number}")

    assert verify_log(store.engine, "main").holds
    with unguarded(store.engine) as connection:
        skip_a_version(connection, 7)
    result = verify_log(store.engine, "main")
    assert (result.holds, result.position) == (False, 7)
    assert result.reason == "its version is not one more than the last one of its stream"


def skip_a_version(connection: Connection, position: int) -> None:
    """Give an event a version too high, and rewrite the log from there on so that it chains."""
    connection.exec_driver_sql(f"UPDATE events SET version = 9 WHERE position = {position}")
    rewrite(position, and_head=True)(connection)


def test_a_long_log_is_verified_in_little_memory(engine: Engine) -> None:
    store = EventStore(engine, "main", lambda: datetime(2026, 11, 22, tzinfo=UTC))
    store.open_casebook("UTC", "syria")
    for start in range(0, 20_000, 5_000):
        events = [event(f"n{number}") for number in range(start, start + 5_000)]
        store.append([StreamAppend("report-a", ANY, events)])
    del events

    tracemalloc.start()
    assert verify_log(engine, "main").checked == 20_000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 8_000_000
