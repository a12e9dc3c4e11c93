"""Follows a log that grows while projections are kept at its end."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import pytest

from timeline.errors import DatabaseUnavailable
from timeline.projections import following
from timeline.projections.following import Follower
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, NewEvent, StreamAppend

WAIT_SECONDS_MAX = 10.0


def note(store: EventStore, number: int) -> None:
    id_ = f"00000000-0000-5000-8000-{number:012d}"
    store.append([StreamAppend("notes", ANY, [NewEvent(id_, "Noted", 1, "{}", {})])])


def followed(store: EventStore, catch_up: Callable[[], object]) -> tuple[Follower, Thread]:
    follower = Follower(store, catch_up)
    thread = Thread(target=follower.run)
    thread.start()
    return follower, thread


def stopped(follower: Follower, thread: Thread) -> bool:
    follower.stop()
    thread.join(WAIT_SECONDS_MAX)
    return not thread.is_alive()


def test_what_is_appended_is_caught_up_with(store: EventStore) -> None:
    started, caught = Event(), Event()

    def catch_up() -> None:
        started.set()
        if store.head().position == 1:
            caught.set()

    follower, thread = followed(store, catch_up)
    started.wait(WAIT_SECONDS_MAX)
    note(store, 1)

    assert caught.wait(WAIT_SECONDS_MAX)
    assert stopped(follower, thread)


def test_a_database_that_went_away_is_waited_for(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RETRY_AFTER_SECONDS", 0.01)
    failures = iter([DatabaseUnavailable("the database did not answer")])
    caught = Event()

    def catch_up() -> None:
        for failure in failures:
            raise failure
        caught.set()

    follower, thread = followed(store, catch_up)

    assert caught.wait(WAIT_SECONDS_MAX)
    assert stopped(follower, thread)


def test_a_follower_that_waits_can_be_stopped(store: EventStore) -> None:
    started = Event()
    follower, thread = followed(store, started.set)
    started.wait(WAIT_SECONDS_MAX)

    assert stopped(follower, thread)
