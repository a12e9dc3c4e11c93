"""Replays of a log, as it stood at a moment of the record axis, only what bears on one place.

That is the register (places, actors, sources) and every report that ever named the place, even
if a correction has moved its claims elsewhere. Which reports those are, the log itself says: ids
stand in canonical JSON, so one scan for the place's id misses none, and needs no table that
could lag behind. What other places such reports name is replayed in part only, so the
reader that comes of it answers for this place alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import Connection

from timeline.projections import batches
from timeline.projections.batches import REPORT_STREAM_PREFIX, Batch, Projection, logged
from timeline.projections.building import loaded_last
from timeline.projections.reading import Reader
from timeline.projections.register import ActorsProjection, PlacesProjection
from timeline.projections.replaying import Replay, apply_all, load_all, tables_in_memory
from timeline.store import queries
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import EVENTS_PER_PAGE, StoredEvent


@contextmanager
def replayed_place(
    store: EventStore, projections: Sequence[Projection], name: str, recorded_before: str
) -> Iterator[Replay]:
    """A replay in memory that answers for one place, for as long as the context lasts.

    Args:
        store: The log to read.
        projections: In the order in which each may read the tables of those before it.
        name: An id, a name or a spelling of the place, as the register stood then.
        recorded_before: What was recorded before this instant counts (fixed-width UTC text).

    Raises:
        PlaceNotFound: no place was called so then.
        AmbiguousPlace: several were.
        ProjectionFailed: an event cannot be projected; names it.
    """
    register = (PlacesProjection(), ActorsProjection())
    types = frozenset[str]().union(*(p.event_types or () for p in register))
    with tables_in_memory(store) as engine:
        reader = Reader(engine, store.casebook, documents=store)
        with read_transaction(store.engine) as log:
            until = _last_recorded_before(log, store, recorded_before)
            casebook = store.casebook_row_in(log)
            positions = queries.positions_of_types(log, store.casebook, types, until)
            with write_transaction(engine) as target:
                for part in _parts(_events_at(log, store, positions)):
                    batch = Batch(log, target, store, casebook, logged(part), until)
                    apply_all(register, batch)
            place, _ = reader.find_place(name)
            streams = queries.streams_naming(log, store.casebook, place.place_id, until)
            count = len(positions)
            loaded = loaded_last(projections)
            fed = [p for p in projections if p not in loaded]
            with write_transaction(engine) as target:
                # By stream, and not by position: so each report is projected once.
                for part in _parts(_events_of(log, store, streams, until)):
                    count += len(part)
                    apply_all(fed, Batch(log, target, store, casebook, logged(part), until))
                load_all(loaded, Batch(log, target, store, casebook, (), until))
            last = next(iter(queries.events_at(log, store.casebook, [until])), None)
        yield Replay(until, last.recorded_at if last else None, count, reader, engine)


def _last_recorded_before(log: Connection, store: EventStore, moment: str) -> int:
    """The last position recorded before a moment; record time never runs backwards."""
    low, high = 0, store.head_in(log).position
    while low < high:
        middle = (low + high + 1) // 2
        (event,) = queries.events_at(log, store.casebook, [middle])
        low, high = (middle, high) if event.recorded_at < moment else (low, middle - 1)
    return low


def _events_at(log: Connection, store: EventStore, positions: list[int]) -> Iterator[StoredEvent]:
    for start in range(0, len(positions), EVENTS_PER_PAGE):
        wanted = positions[start : start + EVENTS_PER_PAGE]
        yield from queries.events_at(log, store.casebook, wanted)


def _events_of(
    log: Connection, store: EventStore, streams: Sequence[str], until: int
) -> Iterator[StoredEvent]:
    for stream in streams:
        if stream.startswith(REPORT_STREAM_PREFIX):
            found = store.read_stream_in(log, stream)
            yield from (event for event in found if event.position <= until)


def _parts(events: Iterable[StoredEvent]) -> Iterator[list[StoredEvent]]:
    left = iter(events)
    while part := list(islice(left, batches.EVENTS_PER_BATCH)):
        yield part
