"""The contract of Python's `eventsourcing`, from its own wheel, holds on our store.

Its recorders number an aggregate's events from wherever the first one starts, store any bytes, and
refuse what is stored already; the adapter below keeps version and bytes in our JSON, and gives each
event a new id, so that nothing counts as a retry.
"""

from __future__ import annotations

import threading
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    StoredEvent,
)
from eventsourcing.persistence import Subscription as PeerSubscription
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from timeline.errors import WrongExpectedVersion
from timeline.store import events
from timeline.store.event_store import EventStore
from timeline.store.events import NewEvent, StreamAppend
from timeline.store.hashing import canonical
from timeline.store.subscription import Subscription


class Recorder(ApplicationRecorder):
    """Their recorder, on our store."""

    def __init__(self, store: EventStore) -> None:
        self.store = store

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: object
    ) -> Sequence[int] | None:
        streams: dict[str, list[StoredEvent]] = {}
        for stored in stored_events:
            streams.setdefault(str(stored.originator_id), []).append(stored)
        try:
            appends = [self._append(stream, given) for stream, given in streams.items()]
            return list(self.store.append(appends).positions)
        except WrongExpectedVersion as error:
            raise IntegrityError(str(error)) from error

    def _append(self, stream: str, given: Sequence[StoredEvent]) -> StreamAppend:
        first = next(self.store.read_stream(stream), None)
        start = given[0].originator_version if first is None else payload(first).version
        for ordinal, stored in enumerate(given):
            if stored.originator_version != given[0].originator_version + ordinal:
                raise IntegrityError("versions do not follow one another")
        expected = given[0].originator_version - start
        if expected < 0:
            raise IntegrityError("the version lies before the first one")
        return StreamAppend(stream, expected, [new_event(stored) for stored in given])

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        found = [notification(one) for one in self.store.read_stream(str(originator_id))]
        chosen = [
            StoredEvent(originator_id, one.originator_version, one.topic, one.state)
            for one in found
            if (gt is None or one.originator_version > gt)
            and (lte is None or one.originator_version <= lte)
        ]
        return (chosen[::-1] if desc else chosen)[:limit]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = 0 if start is None else start - inclusive_of_start
        if not topics:
            return [notification(one) for one in self.store.read(after, limit, until=stop)]
        read = self.store.read(after, until=stop)
        return [notification(one) for one in read if one.type in topics][:limit]

    def max_notification_id(self) -> int | None:
        return self.store.head().position or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> PeerSubscription[ApplicationRecorder]:
        return Following(self, gt, topics)


class Following(PeerSubscription[Recorder]):
    """Their subscription, on ours."""

    def __init__(self, recorder: Recorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._following = Subscription(recorder.store, gt or 0)

    def stop(self) -> None:
        super().stop()
        self._following.close()

    def __next__(self) -> Notification:
        for one in self._following:
            if not self._topics or one.type in self._topics:
                return notification(one)
        raise StopIteration


class Payload(msgspec.Struct):
    version: int
    state: str


def payload(stored: events.StoredEvent) -> Payload:
    return msgspec.json.decode(stored.data or "", type=Payload)


def new_event(stored: StoredEvent) -> NewEvent:
    data = {"state": b64encode(stored.state).decode(), "version": stored.originator_version}
    return NewEvent(str(uuid.uuid4()), stored.topic, 1, canonical(data))


def notification(stored: events.StoredEvent) -> Notification:
    held = payload(stored)
    state = b64decode(held.state)
    return Notification(UUID(stored.stream), held.version, stored.type, state, stored.position)


class OnOurStore:
    """Gives their cases a recorder on the test's own database."""

    store: EventStore

    def create_recorder(self) -> Recorder:
        return Recorder(self.store)


class Application(OnOurStore, ApplicationRecorderTestCase[Recorder]):
    __test__ = False


class NonInterleaving(OnOurStore, NonInterleavingNotificationIDsBaseCase):
    __test__ = False


def cases(case: type[Any], names: Iterable[str]) -> Iterator[Any]:
    for name in names:
        yield pytest.param(case, name, id=f"{case.__name__}-{name}")


THEIRS = [
    *cases(
        Application,
        (
            "test_insert_select",
            "test_concurrent_no_conflicts",
            "test_concurrent_throughput",
            "test_performance",
            "optional_test_insert_subscribe",
        ),
    ),
    *cases(NonInterleaving, ("test",)),
]


@pytest.mark.parametrize(("case", "name"), THEIRS)
def test_the_peers_own_case_holds(
    case: type[Any], name: str, store: EventStore, capsys: pytest.CaptureFixture[str]
) -> None:
    # A unittest class takes no parametrized fixtures: its methods are called here instead.
    instance = case(name)
    instance.store = store
    method: Callable[[], None] = getattr(instance, name)

    before = set(threading.enumerate())
    method()
    for thread in set(threading.enumerate()) - before:  # it leaves its readers to themselves
        thread.join(30)
    capsys.readouterr()  # it prints how fast it was


def test_none_of_the_peers_tests_is_left_out() -> None:
    ran = {one.values[1] for one in THEIRS}

    for case in (Application, NonInterleaving):
        assert {name for name in dir(case) if name.startswith("test")} <= ran
