"""Writers at once lose nothing, leave no gap, and hide nothing from a reader with a checkpoint."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import SteppableClock
from tests.contract.support import event, names, put
from timeline.errors import WrongExpectedVersion
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, StreamAppend
from timeline.store.verify import verify_log

WRITERS = 4
APPENDS = 25
ROOT = Path(__file__).parents[2]

PROCESS = """
import sys
from datetime import UTC, datetime
from tests.contract.support import put
from timeline.store.engine import connect
from timeline.store.event_store import EventStore

url, writer, appends = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = connect(url)
store = EventStore(engine, "main", lambda: datetime.now(UTC))
for number in range(appends):
    put(store, "shared", f"{writer}-{number}-x", f"{writer}-{number}-y")
engine.dispose()
"""


def expected_names() -> set[str]:
    return {
        f"{writer}-{number}-{part}"
        for writer in range(WRITERS)
        for number in range(APPENDS)
        for part in "xy"
    }


def assert_nothing_was_lost(store: EventStore) -> None:
    assert [stored.position for stored in store.read()] == list(range(1, WRITERS * APPENDS * 2 + 1))
    written = names(store)
    assert set(written) == expected_names()
    # The two events of one append stand side by side.
    assert all(
        first[:-1] == second[:-1] for first, second in zip(written[::2], written[1::2], strict=True)
    )
    assert verify_log(store.engine, "main").holds


def test_threads_that_append_at_once_lose_nothing(store: EventStore) -> None:
    def write(writer: int) -> None:
        for number in range(APPENDS):
            put(store, "shared", f"{writer}-{number}-x", f"{writer}-{number}-y")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    assert_nothing_was_lost(store)


def test_processes_that_append_at_once_lose_nothing(store: EventStore, database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, database_url, str(writer), str(APPENDS)], cwd=ROOT
        )
        for writer in range(WRITERS)
    ]

    assert [process.wait(timeout=120) for process in processes] == [0] * WRITERS
    assert_nothing_was_lost(store)


def test_a_reader_that_follows_by_checkpoint_misses_nothing(store: EventStore) -> None:
    total = WRITERS * APPENDS
    followed: list[int] = []

    def write(writer: int) -> None:
        for number in range(APPENDS):
            put(store, f"stream-{writer}", f"{writer}-{number}")

    def follow() -> None:
        while len(followed) < total and not given_up.is_set():
            after = followed[-1] if followed else 0
            followed.extend(stored.position for stored in store.read(after))

    given_up = threading.Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reader = pool.submit(follow)
        try:
            list(pool.map(write, range(WRITERS)))
            reader.result(timeout=60)
        finally:
            given_up.set()

    assert followed == list(range(1, total + 1))


def test_one_of_many_that_expect_the_same_version_wins(store: EventStore) -> None:
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


def test_the_same_events_filed_by_many_at_once_are_stored_once(store: EventStore) -> None:
    def write(_: int) -> int:
        return store.append([StreamAppend("report-a", ANY, [event("a1"), event("a2")])]).appended

    with ThreadPoolExecutor(8) as pool:
        appended = list(pool.map(write, range(8)))

    assert sorted(appended) == [0] * 7 + [2]
    assert names(store) == ["a1", "a2"]


def test_a_casebook_opened_by_many_at_once_is_made_once(
    database_url: str, clock: SteppableClock
) -> None:
    engine = connect(database_url)
    try:
        with ThreadPoolExecutor(6) as pool:
            opened = list(
                pool.map(
                    lambda _: EventStore(engine, "new", clock).open_casebook("UTC", "syria"),
                    range(6),
                )
            )
        assert {one.head.position for one in opened} == {0}
    finally:
        engine.dispose()
