"""What every event store promises on reading; see `contract` for how to plug one in."""

from __future__ import annotations

import pytest

from tests.contract.support import Store, event_id, name_of, put
from timeline.errors import InvalidCheckpoint, InvalidEvent
from timeline.store.events import STREAMS_PER_READ_MAX

LENGTH = 1_203  # more than two pages of 500


class ReadingContract:
    """Reading: in log order, both ways, by stream, between bounds, from a checkpoint on."""

    @pytest.fixture
    def full(self, store: Store) -> Store:
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
        self, full: Store, arguments: dict[str, int], positions: range
    ) -> None:
        assert [stored.position for stored in full.read(**arguments)] == list(positions)  # type: ignore[arg-type]

    def test_a_stream_is_read_from_a_version_on(self, store: Store) -> None:
        put(store, "report-a", "a1", "a2")
        put(store, "report-b", "b1")
        put(store, "report-a", "a3")

        assert [name_of(one.data) for one in store.read_stream("report-a")] == ["a1", "a2", "a3"]
        assert [one.version for one in store.read_stream("report-a", after_version=1)] == [2, 3]
        assert list(store.read_stream("report-c")) == []

    def test_a_long_stream_is_read_whole(self, full: Store) -> None:
        assert [one.version for one in full.read_stream("report-a")] == list(range(1, LENGTH + 1))

    def test_several_streams_are_read_in_log_order(self, store: Store) -> None:
        put(store, "report-b", "b1")
        put(store, "report-a", "a1")
        put(store, "report-c", "c1")
        put(store, "report-b", "b2")

        read = store.read_streams(["report-a", "report-b", "nothing"], after=1)

        assert [name_of(one.data) for one in read] == ["a1", "b2"]

    def test_several_long_streams_are_read_whole(self, full: Store) -> None:
        put(full, "report-b", "b1")

        positions = [one.position for one in full.read_streams(["report-b", "report-a"])]

        assert positions == list(range(1, LENGTH + 2))

    def test_too_many_streams_in_one_read_are_refused(self, store: Store) -> None:
        with pytest.raises(InvalidEvent):
            list(store.read_streams([f"s{number}" for number in range(STREAMS_PER_READ_MAX + 1)]))

    def test_one_event_is_found_by_position_and_by_id(self, store: Store) -> None:
        put(store, "report-a", "a1", "a2")

        found = store.event_at(2)

        assert found is not None
        assert found == store.event_by_id(event_id("a2"))
        assert store.event_at(3) is None
        assert store.event_by_id(event_id("a3")) is None

    def test_versions_of_several_streams_are_told_at_once(self, store: Store) -> None:
        put(store, "report-a", "a1", "a2")

        assert store.stream_versions(["report-a", "report-b"]) == {"report-a": 2, "report-b": 0}

    def test_reading_goes_on_from_a_checkpoint(self, store: Store) -> None:
        put(store, "report-a", "a1", "a2", "a3")

        kept = store.checkpoint(2)

        assert [one.position for one in store.read(store.parse_checkpoint(kept))] == [3]

    @pytest.mark.parametrize("text", ["", "2", "MQ", "not base64 at all!", "é", "x" * 5_000])
    def test_a_text_that_is_no_checkpoint_is_refused(self, store: Store, text: str) -> None:
        with pytest.raises(InvalidCheckpoint):
            store.parse_checkpoint(text)

    def test_a_checkpoint_of_another_casebook_is_refused(self, store: Store) -> None:
        from timeline.store.checkpoints import checkpoint

        with pytest.raises(InvalidCheckpoint, match="libya"):
            store.parse_checkpoint(checkpoint("libya", 3))

    def test_a_reading_that_has_begun_goes_on_to_what_is_appended_meanwhile(
        self, full: Store
    ) -> None:
        reading = full.read()
        first = next(reading)

        put(full, "report-b", "b1")

        assert [first.position, *[one.position for one in reading]] == list(range(1, LENGTH + 2))
