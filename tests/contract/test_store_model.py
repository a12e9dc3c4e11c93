"""Random sequences of appends, retries and conflicts leave the store as a simple model says."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.conftest import SteppableClock
from tests.contract.support import event_id, name_of
from timeline.errors import EventIdReused, PartlyAppended, TimelineError, WrongExpectedVersion
from timeline.store import migrate
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, NewEvent, StreamAppend
from timeline.store.hashing import canonical
from timeline.store.verify import verify_log

STREAMS = ("s1", "s2", "s3")

# An event is its name and its content: a name with another content is an id used twice.
events = st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 1))
batches = st.lists(events, max_size=3, unique_by=lambda event: event[0])
appends = st.lists(
    st.tuples(st.sampled_from(STREAMS), st.one_of(st.none(), st.integers(0, 4)), batches),
    min_size=1,
    max_size=3,
    unique_by=lambda append: append[0],
)


@dataclass
class Model:
    """The log as a list, and the rules told as plainly as they can be."""

    log: list[tuple[str, str, int]] = field(default_factory=list)

    def append(self, given: list[tuple[str, int | None, list[tuple[str, int]]]]) -> list[int]:
        stored = {name: (position, s, c) for position, (s, name, c) in enumerate(self.log, 1)}
        asked = [(s, name, c) for s, _, batch in given for name, c in batch]
        for s, name, c in asked:
            if name in stored and stored[name][1:] != (s, c):
                raise EventIdReused(event_id(name), stored[name][0])
        if asked and all(name in stored for _, name, _ in asked):
            return [stored[name][0] for _, name, _ in asked]
        grown = list(self.log)
        for s, expected, batch in given:
            missing = [(s, name, c) for name, c in batch if name not in stored]
            version = sum(one[0] == s for one in self.log)
            if expected is not ANY and len(missing) < len(batch):
                raise PartlyAppended(s, len(batch) - len(missing), len(missing))
            if expected is not ANY and version != expected:
                raise WrongExpectedVersion(s, expected, version)
            grown += missing
        self.log = grown
        return [[one[1] for one in grown].index(name) + 1 for _, name, _ in asked]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect("sqlite://")
    try:
        migrate.upgrade(engine)
        yield engine
    finally:
        engine.dispose()


def fresh_store(engine: Engine) -> EventStore:
    """An empty log: a casebook of its own."""
    clock = SteppableClock(datetime(2026, 11, 22, tzinfo=UTC))
    store = EventStore(engine, uuid.uuid4().hex, clock)
    store.open_casebook("UTC", "syria")
    return store


def as_append(stream: str, expected: int | None, batch: list[tuple[str, int]]) -> StreamAppend:
    return StreamAppend(
        stream,
        expected,
        [
            NewEvent(event_id(name), "T", 1, canonical({"content": content, "name": name}))
            for name, content in batch
        ],
    )


def has_an_id_twice(given: list[tuple[str, int | None, list[tuple[str, int]]]]) -> bool:
    asked = [name for _, _, batch in given for name, _ in batch]
    return len(set(asked)) < len(asked)


@settings(max_examples=200, deadline=None)
@example(
    [[("s2", None, [("a", 0)])], [("s2", 0, [])]]
)  # a stream that is not new, and gets nothing
@given(st.lists(appends.filter(lambda given: not has_an_id_twice(given)), max_size=8))
def test_the_store_does_what_the_model_says(
    engine: Engine, sequence: list[list[tuple[str, int | None, list[tuple[str, int]]]]]
) -> None:
    model, store = Model(), fresh_store(engine)
    for given_appends in sequence:
        expected: object
        actual: object
        try:
            expected = model.append(given_appends)
        except TimelineError as error:
            expected = (type(error), str(error))
        try:
            result = store.append([as_append(*one) for one in given_appends])
            actual = list(result.positions)
        except TimelineError as error:
            actual = (type(error), str(error))
        assert actual == expected

    assert [(one.stream, name_of(one.data)) for one in store.read()] == [
        (stream, name) for stream, name, _ in model.log
    ]
    for stream in STREAMS:
        versions = [one.version for one in store.read_stream(stream)]
        assert versions == list(range(1, len(versions) + 1))
    assert verify_log(engine, store.casebook).holds
