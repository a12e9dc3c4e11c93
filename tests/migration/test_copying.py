"""Moves a filled casebook from one engine to the other and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.support import unguarded
from timeline.domain.time import instant_text
from timeline.errors import VerificationFailed
from timeline.store import copying, migrate
from timeline.store.copying import CopyRefused, copy_casebook
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend
from timeline.store.hashing import canonical
from timeline.store.verify import verify_documents, verify_log


def event(number: int) -> NewEvent:
    return NewEvent(
        f"00000000-0000-5000-8000-{number:012d}", "Noted", 1, canonical({"n": number}), {}
    )


def fill(store: EventStore, first: int, last: int) -> None:
    document = Document.of("text/plain", f"report {first}".encode())
    events = [event(n) for n in range(first, last + 1)]
    store.append([StreamAppend(f"s-{first}", ANY, events)], [document])


@pytest.fixture
def elsewhere(
    store: EventStore, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[EventStore]:
    """An empty database on the other engine than the store's."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'copy.db'}"
        if store.engine.dialect.name == "sqlite":
            server = request.getfixturevalue("postgres_server")
            url = server.url(stack.enter_context(server.database()))
        engine = connect(url)
        stack.callback(engine.dispose)
        migrate.upgrade(engine)
        yield EventStore(engine, store.casebook, lambda: pytest.fail("a copy asks no clock"))


def test_a_copy_keeps_every_column_of_every_event(store: EventStore, elsewhere: EventStore) -> None:
    fill(store, 1, 7)

    copied = copy_casebook(store, elsewhere)

    assert (copied.events, copied.documents, copied.head) == (7, 1, store.head())
    assert list(elsewhere.read()) == list(store.read())


def test_a_copy_verifies(store: EventStore, elsewhere: EventStore) -> None:
    fill(store, 1, 7)
    copy_casebook(store, elsewhere)

    assert verify_log(elsewhere.engine, "main").holds
    assert verify_documents(elsewhere.engine, "main").checked == 1


def test_copying_again_copies_what_is_new(store: EventStore, elsewhere: EventStore) -> None:
    fill(store, 1, 3)
    copy_casebook(store, elsewhere)
    fill(store, 4, 5)

    copied = copy_casebook(store, elsewhere)

    assert (copied.events, copied.documents) == (2, 1)
    assert elsewhere.head() == store.head()


def test_an_interrupted_copy_goes_on_where_it_stopped(
    store: EventStore, elsewhere: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 1, 9)
    monkeypatch.setattr(copying, "EVENTS_PER_BATCH", 2)

    def interrupt(done: int, _total: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_casebook(store, elsewhere, interrupt)

    assert copy_casebook(store, elsewhere).events == 5
    assert list(elsewhere.read()) == list(store.read())


def test_a_target_with_another_history_is_refused(store: EventStore, elsewhere: EventStore) -> None:
    fill(store, 1, 3)
    other = EventStore(elsewhere.engine, "main", store._clock)
    other.open_casebook("Asia/Damascus", "syria")
    fill(other, 7, 8)

    with pytest.raises(CopyRefused, match="is not the beginning of the source's"):
        copy_casebook(store, elsewhere)


def test_a_target_with_another_time_zone_is_refused(
    store: EventStore, elsewhere: EventStore
) -> None:
    elsewhere.open_casebook("Europe/Kyiv", "ukraine")

    with pytest.raises(CopyRefused, match="other settings"):
        copy_casebook(store, elsewhere)


def test_a_log_that_does_not_hold_is_copied_no_further(
    store: EventStore, elsewhere: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 1, 6)
    monkeypatch.setattr(copying, "EVENTS_PER_BATCH", 2)
    with unguarded(store.engine) as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{\"n\":99}' WHERE position = 4")

    with pytest.raises(VerificationFailed, match="does not hold at position 4"):
        copy_casebook(store, elsewhere)

    assert elsewhere.head().position == 2


def test_times_stay_as_they_were(store: EventStore, elsewhere: EventStore) -> None:
    fill(store, 1, 1)
    copy_casebook(store, elsewhere)

    assert elsewhere.head().recorded_at == instant_text(store._clock())
