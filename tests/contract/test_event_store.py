"""The store's contract on appending: the same on SQLite and on Postgres."""

from __future__ import annotations

from hashlib import sha256

import pytest
from sqlalchemy import Engine

from tests.conftest import SteppableClock
from tests.contract.support import event, event_id, name_of, names, put
from timeline.errors import (
    CasebookNotFound,
    EventIdReused,
    InvalidDocument,
    InvalidEvent,
    PartlyAppended,
    SchemaMismatch,
    TimelineError,
    WrongExpectedVersion,
)
from timeline.store.engine import connect, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import (
    ANY,
    DATA_BYTES_MAX,
    DOCUMENT_BYTES_MAX,
    Appended,
    Document,
    NewEvent,
    StreamAppend,
)
from timeline.store.hashing import canonical
from timeline.store.verify import verify_log


def test_an_event_reads_back_as_it_was_appended(store: EventStore) -> None:
    store.append([StreamAppend("report-a", 0, [event("a1", place="Khanasser")])])

    [stored] = store.read()

    assert (stored.casebook, stored.position, stored.stream, stored.version) == (
        "main",
        1,
        "report-a",
        1,
    )
    assert (stored.event_id, stored.type, stored.schema_version) == (
        event_id("a1"),
        "ReportFiled",
        1,
    )
    assert stored.data == '{"name":"a1","place":"Khanasser"}'
    assert stored.metadata == '{"by":"desk"}'
    assert stored.recorded_at == "2026-11-22T20:30:00.000000Z"
    assert stored.previous_hash == bytes(32)
    assert stored.salt is not None
    assert stored.digest == sha256(stored.salt + stored.data.encode()).digest()


def test_an_append_tells_positions_and_head(store: EventStore) -> None:
    put(store, "report-a", "a1")

    assert put(store, "report-b", "b1", "b2") == Appended((2, 3), 3, appended=2, already=0)


def test_the_head_follows_the_last_event(store: EventStore) -> None:
    assert (store.head().position, store.head().hash) == (0, bytes(32))
    assert store.head().recorded_at is None

    put(store, "report-a", "a1", "a2")

    last = store.event_at(2)
    assert last is not None
    head = store.head()
    assert (head.position, head.hash, head.recorded_at) == (2, last.hash, last.recorded_at)


def test_salts_differ_so_that_equal_contents_have_other_digests(store: EventStore) -> None:
    first, second = NewEvent(event_id("1"), "T", 1, b"{}"), NewEvent(event_id("2"), "T", 1, b"{}")
    store.append([StreamAppend("s", 0, [first, second])])

    one, two = store.read()

    assert one.digest != two.digest


@pytest.mark.parametrize("expected", [2, ANY])
def test_a_right_expectation_appends(store: EventStore, expected: int | None) -> None:
    put(store, "report-a", "a1", "a2", expected=0)

    put(store, "report-a", "a3", expected=expected)

    assert store.stream_version("report-a") == 3


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_wrong_expectation_is_refused_and_nothing_is_written(
    store: EventStore, expected: int
) -> None:
    put(store, "report-a", "a1", "a2")

    with pytest.raises(WrongExpectedVersion) as refused:
        put(store, "report-a", "a3", expected=expected)

    assert (refused.value.stream, refused.value.expected, refused.value.actual) == (
        "report-a",
        expected,
        2,
    )
    assert names(store) == ["a1", "a2"]


def test_an_append_without_events_still_judges_its_expectation(store: EventStore) -> None:
    with pytest.raises(WrongExpectedVersion):
        store.append([StreamAppend("report-a", 1, [])])


def test_a_stream_named_twice_is_judged_in_order(store: EventStore) -> None:
    store.append(
        [
            StreamAppend("report-a", 0, [event("a1")]),
            StreamAppend("report-b", 0, [event("b1")]),
            StreamAppend("report-a", 1, [event("a2")]),
        ]
    )

    assert names(store) == ["a1", "b1", "a2"]
    assert store.stream_version("report-a") == 2


def test_filing_again_appends_nothing_and_tells_the_same_positions(store: EventStore) -> None:
    first = put(store, "report-a", "a1", "a2", expected=0)
    put(store, "report-b", "b1")

    again = put(store, "report-a", "a1", "a2", expected=0)

    assert again == Appended(first.positions, 3, appended=0, already=2)
    assert names(store) == ["a1", "a2", "b1"]


@pytest.mark.parametrize(
    ("stream", "other"),
    [
        ("report-a", NewEvent(event_id("a1"), "ReportFiled", 1, b'{"name":"other"}')),
        ("report-a", NewEvent(event_id("a1"), "Clash", 1, b'{"name":"a1"}')),
        ("report-a", NewEvent(event_id("a1"), "ReportFiled", 2, b'{"name":"a1"}')),
        ("report-b", NewEvent(event_id("a1"), "ReportFiled", 1, b'{"name":"a1"}')),
    ],
    ids=["data", "type", "schema version", "stream"],
)
def test_an_id_with_other_content_is_refused(
    store: EventStore, stream: str, other: NewEvent
) -> None:
    put(store, "report-a", "a1")

    with pytest.raises(EventIdReused) as refused:
        store.append([StreamAppend(stream, ANY, [other])])

    assert (refused.value.event_id, refused.value.position) == (event_id("a1"), 1)
    assert names(store) == ["a1"]


def test_an_id_given_twice_in_one_append_is_refused(store: EventStore) -> None:
    with pytest.raises(InvalidEvent, match="twice"):
        put(store, "report-a", "a1", "a1")


def test_a_mixture_of_old_and_new_is_refused_where_a_version_is_expected(
    store: EventStore,
) -> None:
    put(store, "report-a", "a1")

    with pytest.raises(PartlyAppended) as refused:
        put(store, "report-a", "a1", "a2", expected=0)

    assert (refused.value.present, refused.value.missing) == (1, 1)
    assert names(store) == ["a1"]


def test_a_mixture_appends_what_is_missing_where_any_version_will_do(store: EventStore) -> None:
    put(store, "report-a", "a1", "a3")

    result = put(store, "report-a", "a1", "a2", "a3")

    assert result == Appended((1, 3, 2), 3, appended=1, already=2)
    assert names(store) == ["a1", "a3", "a2"]


def test_several_streams_and_documents_are_appended_whole_or_not_at_all(
    store: EventStore,
) -> None:
    document = Document.of("text/plain", b"The army took back the town.")
    put(store, "report-b", "b1")

    with pytest.raises(WrongExpectedVersion):
        store.append(
            [
                StreamAppend("report-a", 0, [event("a1")]),
                StreamAppend("report-b", 0, [event("b2")]),
            ],
            [document],
        )

    assert names(store) == ["b1"]
    assert store.document(document.digest) is None


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


def test_a_record_time_never_runs_backwards_even_when_the_clock_does(
    store: EventStore, clock: SteppableClock
) -> None:
    put(store, "report-a", "a1")
    clock.step(-3600)
    put(store, "report-a", "a2")
    clock.step(3600.5)
    put(store, "report-a", "a3")

    assert [stored.recorded_at for stored in store.read()] == [
        "2026-11-22T20:30:00.000000Z",
        "2026-11-22T20:30:00.000000Z",
        "2026-11-22T20:30:00.500000Z",
    ]
    assert verify_log(store.engine, "main").holds


def test_unicode_and_control_characters_read_back_unchanged(store: EventStore) -> None:
    text = "خناصر · Дамаск · Ḥalab \u00a0 👁️ \x00 \x1f \\ \" \u2028 'quoted' %s :name"
    store.append([StreamAppend("مكان-١", 0, [event("u", text=text)])])

    [stored] = store.read_stream("مكان-١")

    assert stored.data == canonical({"name": "u", "text": text}).decode()
    assert verify_log(store.engine, "main").holds


def test_payloads_of_a_megabyte_are_stored_several_at_once(store: EventStore) -> None:
    large = [event(f"l{number}", text="ح" * 500_000) for number in range(5)]

    store.append([StreamAppend("report-a", 0, large)])

    assert [len((stored.data or "").encode()) > 1_000_000 for stored in store.read()] == [True] * 5
    assert verify_log(store.engine, "main").holds


def test_a_batch_of_thousands_is_gapless_and_in_order(store: EventStore) -> None:
    given = [f"n{number}" for number in range(2_500)]

    put(store, "report-a", *given)

    assert names(store) == given
    assert [stored.position for stored in store.read()] == list(range(1, 2_501))
    assert put(store, "report-a", *given).already == 2_500


@pytest.mark.parametrize("position", [2**15 - 3, 2**31 - 3])
def test_positions_grow_beyond_16_and_32_bits(store: EventStore, position: int) -> None:
    with write_transaction(store.engine) as connection:
        connection.exec_driver_sql(f"UPDATE casebooks SET position = {position}")

    result = put(store, "report-a", "a1", "a2", "a3", "a4", "a5", "a6")

    assert result.positions == tuple(range(position + 1, position + 7))
    assert [stored.position for stored in store.read()] == list(result.positions)


@pytest.mark.parametrize(
    "bad",
    [
        NewEvent("not-a-uuid", "T", 1, b"{}"),
        NewEvent(event_id("x").upper(), "T", 1, b"{}"),
        NewEvent(event_id("x"), "", 1, b"{}"),
        NewEvent(event_id("x"), "T", 0, b"{}"),
        NewEvent(event_id("x"), "T", 1, b"[]"),
        NewEvent(event_id("x"), "T", 1, b'{"a": 1}'),
        NewEvent(event_id("x"), "T", 1, b'{"b":1,"a":2}'),
        NewEvent(event_id("x"), "T", 1, '{"a":"\ud800"}'),
        NewEvent(event_id("x"), "T", 1, b'{"a":"' + b"x" * DATA_BYTES_MAX + b'"}'),
        NewEvent(event_id("x"), "T", 1, b"{}", {"a": float("nan")}),
        NewEvent(event_id("x"), "T", 1, b"{}", {"a": "x" * 100_000}),
    ],
)
def test_an_event_out_of_bounds_is_refused(store: EventStore, bad: NewEvent) -> None:
    with pytest.raises(InvalidEvent):
        store.append([StreamAppend("report-a", ANY, [bad])])

    assert store.head().position == 0


@pytest.mark.parametrize("stream", ["", "x" * 301, "a\0b"])
def test_a_streams_name_out_of_bounds_is_refused(store: EventStore, stream: str) -> None:
    with pytest.raises(InvalidEvent):
        put(store, stream, "a1")


def test_a_document_reads_back_and_is_stored_once(store: EventStore) -> None:
    document = Document.of("text/markdown", "خناصر\r\n".encode() + b"\x00\xff")

    store.append([], [document, document])
    store.append([], [document])

    assert store.document(document.digest) == document
    assert store.documents([document.digest, "0" * 64]) == {document.digest: document}


@pytest.mark.parametrize(
    "bad",
    [
        Document("0" * 64, "text/plain", b"other bytes"),
        Document.of("text/plain", b"x" * (DOCUMENT_BYTES_MAX + 1)),
        Document("0" * 64, "text/plain", None),
    ],
    ids=["digest", "length", "no content"],
)
def test_a_document_that_is_not_what_it_says_is_refused(store: EventStore, bad: Document) -> None:
    with pytest.raises(InvalidDocument):
        store.append([StreamAppend("report-a", 0, [event("a1")])], [bad])

    assert store.head().position == 0


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
