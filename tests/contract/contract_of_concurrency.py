"""What every event store promises to threads at once; see `contract` for how to plug one in."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.contract.support import Store, event, names, put
from timeline.errors import WrongExpectedVersion
from timeline.store.events import ANY, StreamAppend

WRITERS = 4
APPENDS = 25


class ConcurrencyContract:
    """Writers at once lose nothing, leave no gap, and hide nothing from a reader that follows."""

    def check(self, store: Store) -> None:
        """Whatever else the store can say of its own integrity; nothing by default."""

    def test_threads_that_append_at_once_lose_nothing(self, store: Store) -> None:
        def write(writer: int) -> None:
            for number in range(APPENDS):
                put(store, "shared", f"{writer}-{number}-x", f"{writer}-{number}-y")

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))

        written = names(store)
        assert set(written) == {
            f"{writer}-{number}-{part}"
            for writer in range(WRITERS)
            for number in range(APPENDS)
            for part in "xy"
        }
        assert len(written) == WRITERS * APPENDS * 2
        assert [one.position for one in store.read()] == list(range(1, len(written) + 1))
        # The two events of one append stand side by side.
        pairs = zip(written[::2], written[1::2], strict=True)
        assert all(first[:-1] == second[:-1] for first, second in pairs)
        self.check(store)

    def test_a_reader_that_follows_by_position_misses_nothing(self, store: Store) -> None:
        total = WRITERS * APPENDS
        followed: list[int] = []
        given_up = threading.Event()

        def write(writer: int) -> None:
            for number in range(APPENDS):
                put(store, f"stream-{writer}", f"{writer}-{number}")

        def follow() -> None:
            while len(followed) < total and not given_up.is_set():
                after = followed[-1] if followed else 0
                followed.extend(stored.position for stored in store.read(after))

        with ThreadPoolExecutor(WRITERS + 1) as pool:
            reader = pool.submit(follow)
            try:
                list(pool.map(write, range(WRITERS)))
                reader.result(timeout=60)
            finally:
                given_up.set()

        assert followed == list(range(1, total + 1))

    def test_one_of_many_that_expect_the_same_version_wins(self, store: Store) -> None:
        def write(writer: int) -> bool:
            try:
                store.append([StreamAppend("report-a", 0, [event(f"w{writer}")])])
            except WrongExpectedVersion:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(write, range(8)))

        assert sum(won) == 1
        assert store.head().position == 1

    def test_the_same_events_filed_by_many_at_once_are_stored_once(self, store: Store) -> None:
        def write(_: int) -> int:
            append = StreamAppend("report-a", ANY, [event("a1"), event("a2")])
            return store.append([append]).appended

        with ThreadPoolExecutor(8) as pool:
            appended = list(pool.map(write, range(8)))

        assert sorted(appended) == [0] * 7 + [2]
        assert names(store) == ["a1", "a2"]
