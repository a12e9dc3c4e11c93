"""What every event store promises on appending; see `contract` for how to plug one in."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.conftest import SteppableClock
from tests.contract.support import Store, event, event_id, names, put
from timeline.errors import (
    EventIdReused,
    InvalidDocument,
    InvalidEvent,
    PartlyAppended,
    WrongExpectedVersion,
)
from timeline.store.events import (
    ANY,
    DATA_BYTES_MAX,
    DOCUMENT_BYTES_MAX,
    EVENTS_PER_APPEND_MAX,
    STREAM_LENGTH_MAX,
    Appended,
    Document,
    NewEvent,
    StreamAppend,
)
from timeline.store.hashing import canonical


class AppendingContract:
    """Appending: all or nothing, judged by expected version, stored once, in order."""

    def check(self, store: Store) -> None:
        """Whatever else the store can say of its own integrity; nothing by default."""

    def test_an_event_reads_back_as_it_was_appended(self, store: Store) -> None:
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

    def test_an_append_tells_positions_and_head(self, store: Store) -> None:
        put(store, "report-a", "a1")

        assert put(store, "report-b", "b1", "b2") == Appended((2, 3), 3, appended=2, already=0)

    def test_the_head_follows_the_last_event(self, store: Store) -> None:
        assert (store.head().position, store.head().hash) == (0, bytes(32))
        assert store.head().recorded_at is None

        put(store, "report-a", "a1", "a2")

        last = store.event_at(2)
        assert last is not None
        head = store.head()
        assert (head.position, head.hash, head.recorded_at) == (2, last.hash, last.recorded_at)

    def test_salts_differ_so_that_equal_contents_have_other_digests(self, store: Store) -> None:
        first, second = (
            NewEvent(event_id("1"), "T", 1, b"{}"),
            NewEvent(event_id("2"), "T", 1, b"{}"),
        )
        store.append([StreamAppend("s", 0, [first, second])])

        one, two = store.read()

        assert one.digest != two.digest

    @pytest.mark.parametrize("expected", [2, ANY])
    def test_a_right_expectation_appends(self, store: Store, expected: int | None) -> None:
        put(store, "report-a", "a1", "a2", expected=0)

        put(store, "report-a", "a3", expected=expected)

        assert store.stream_version("report-a") == 3

    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_a_wrong_expectation_is_refused_and_nothing_is_written(
        self, store: Store, expected: int
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

    def test_an_append_without_events_still_judges_its_expectation(self, store: Store) -> None:
        with pytest.raises(WrongExpectedVersion):
            store.append([StreamAppend("report-a", 1, [])])

    def test_a_stream_named_twice_is_judged_in_order(self, store: Store) -> None:
        store.append(
            [
                StreamAppend("report-a", 0, [event("a1")]),
                StreamAppend("report-b", 0, [event("b1")]),
                StreamAppend("report-a", 1, [event("a2")]),
            ]
        )

        assert names(store) == ["a1", "b1", "a2"]
        assert store.stream_version("report-a") == 2

    def test_filing_again_appends_nothing_and_tells_the_same_positions(self, store: Store) -> None:
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
        self, store: Store, stream: str, other: NewEvent
    ) -> None:
        put(store, "report-a", "a1")

        with pytest.raises(EventIdReused) as refused:
            store.append([StreamAppend(stream, ANY, [other])])

        assert (refused.value.event_id, refused.value.position) == (event_id("a1"), 1)
        assert names(store) == ["a1"]

    def test_an_id_given_twice_in_one_append_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidEvent, match="twice"):
            put(store, "report-a", "a1", "a1")

    def test_a_mixture_of_old_and_new_is_refused_where_a_version_is_expected(
        self,
        store: Store,
    ) -> None:
        put(store, "report-a", "a1")

        with pytest.raises(PartlyAppended) as refused:
            put(store, "report-a", "a1", "a2", expected=0)

        assert (refused.value.present, refused.value.missing) == (1, 1)
        assert names(store) == ["a1"]

    def test_a_mixture_appends_what_is_missing_where_any_version_will_do(
        self, store: Store
    ) -> None:
        put(store, "report-a", "a1", "a3")

        result = put(store, "report-a", "a1", "a2", "a3")

        assert result == Appended((1, 3, 2), 3, appended=1, already=2)
        assert names(store) == ["a1", "a3", "a2"]

    def test_several_streams_and_documents_are_appended_whole_or_not_at_all(
        self,
        store: Store,
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

    def test_a_record_time_never_runs_backwards_even_when_the_clock_does(
        self, store: Store, clock: SteppableClock
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
        self.check(store)

    def test_unicode_and_control_characters_read_back_unchanged(self, store: Store) -> None:
        text = "خناصر · Дамаск · Ḥalab \u00a0 👁️ \x00 \x1f \\ \" \u2028 'quoted' %s :name"
        store.append([StreamAppend("مكان-١", 0, [event("u", text=text)])])

        [stored] = store.read_stream("مكان-١")

        assert stored.data == canonical({"name": "u", "text": text}).decode()
        self.check(store)

    def test_payloads_of_a_megabyte_are_stored_several_at_once(self, store: Store) -> None:
        large = [event(f"l{number}", text="ح" * 500_000) for number in range(5)]

        store.append([StreamAppend("report-a", 0, large)])

        assert [len((stored.data or "").encode()) > 1_000_000 for stored in store.read()] == [
            True
        ] * 5
        self.check(store)

    def test_a_batch_of_thousands_is_gapless_and_in_order(self, store: Store) -> None:
        given = [f"n{number}" for number in range(2_500)]

        put(store, "report-a", *given)

        assert names(store) == given
        assert [stored.position for stored in store.read()] == list(range(1, 2_501))
        assert put(store, "report-a", *given).already == 2_500

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
    def test_an_event_out_of_bounds_is_refused(self, store: Store, bad: NewEvent) -> None:
        with pytest.raises(InvalidEvent):
            store.append([StreamAppend("report-a", ANY, [bad])])

        assert store.head().position == 0

    @pytest.mark.parametrize("stream", ["", "x" * (STREAM_LENGTH_MAX + 1), "a\0b", "\ud800"])
    def test_a_streams_name_out_of_bounds_is_refused(self, store: Store, stream: str) -> None:
        with pytest.raises(InvalidEvent):
            put(store, stream, "a1")

    def test_a_document_reads_back_and_is_stored_once(self, store: Store) -> None:
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
    def test_a_document_that_is_not_what_it_says_is_refused(
        self, store: Store, bad: Document
    ) -> None:
        with pytest.raises(InvalidDocument):
            store.append([StreamAppend("report-a", 0, [event("a1")])], [bad])

        assert store.head().position == 0

    def test_an_append_of_too_many_events_is_refused(self, store: Store) -> None:
        one = event("a1")

        with pytest.raises(InvalidEvent, match="at most"):
            store.append([StreamAppend("report-a", ANY, [one] * (EVENTS_PER_APPEND_MAX + 1))])

        assert store.head().position == 0

    def test_a_version_below_zero_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidEvent):
            put(store, "report-a", "a1", expected=-1)

    def test_an_append_of_nothing_is_nothing(self, store: Store) -> None:
        put(store, "report-a", "a1")

        assert store.append([]) == Appended((), 1, appended=0, already=0)

    def test_a_refused_append_leaves_no_gap(self, store: Store) -> None:
        put(store, "report-a", "a1")
        with pytest.raises(WrongExpectedVersion):
            put(store, "report-a", "a2", expected=7)

        put(store, "report-a", "a3", expected=1)

        assert [(one.position, one.version) for one in store.read()] == [(1, 1), (2, 2)]
        self.check(store)
