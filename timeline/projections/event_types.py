"""Projects a side table of the log: at which positions the events of each type stand.

`events` is frozen and has no index by type, so this table has it. What reads only some types (a
build of the places in a log of a million claims) finds them here instead of reading all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, Table, select

from timeline.projections import bulk_rows, tables
from timeline.projections.batches import Batch
from timeline.store import queries
from timeline.store.event_store import EventStore
from timeline.store.events import EVENTS_PER_PAGE, StoredEvent


class EventTypesProjection:
    """Where in the log the events of each type stand."""

    name = "types"
    version = 1
    depends_on: tuple[str, ...] = ()
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (tables.event_types,)

    def apply(self, batch: Batch) -> None:
        """Add the positions of these events."""
        rows = [
            {"casebook": batch.name, "type": e.stored.type, "position": e.stored.position}
            for e in batch.events
        ]
        bulk_rows.load(batch.connection, tables.event_types, rows)


def events_of(batch: Batch, types: Collection[str]) -> Iterator[StoredEvent]:
    """The events of some types up to and with a batch, found by its own side table if it has one.

    Else by the casebook's, and where that does not reach, by reading the log.
    """
    t = tables.event_types.c
    own = select(t.position).where(t.casebook == batch.name, t.position == batch.until)
    if batch.connection.execute(own).first() is not None:
        query = select(t.position).where(
            t.casebook == batch.name, t.type.in_(types), t.position <= batch.until
        )
        positions = sorted(batch.connection.execute(query).scalars())
        for start in range(0, len(positions), EVENTS_PER_PAGE):
            wanted = positions[start : start + EVENTS_PER_PAGE]
            yield from queries.events_at(batch.log, batch.store.casebook, wanted)
        return
    after = 0
    while after < batch.until:
        found = page(batch.log, batch.store, types, after, batch.until, EVENTS_PER_PAGE)
        if found is None:
            break
        yield from found[0]
        after = found[1]
    for stored in batch.store.read_in(batch.log, after, until=batch.until):
        if stored.type in types:
            yield stored


def page(
    connection: Connection,
    store: EventStore,
    types: Collection[str],
    after: int,
    until: int,
    size: int,
) -> tuple[list[StoredEvent], int] | None:
    """The first `size` events of some types in (after, until], and up to where these are all.

    `None` when the side table does not reach beyond `after`: the log itself has to be read.
    """
    c = tables.checkpoints.c
    indexed = connection.execute(
        select(c.position).where(
            c.casebook == store.casebook,
            c.projection == EventTypesProjection.name,
            c.version == EventTypesProjection.version,
        )
    ).scalar_one_or_none()
    if indexed is None or indexed <= after:
        return None
    end = min(indexed, until)
    t = tables.event_types.c
    query = (
        select(t.position)
        .where(
            t.casebook == store.casebook, t.type.in_(types), t.position > after, t.position <= end
        )
        .order_by(t.position)
        .limit(size)
    )
    positions = list(connection.execute(query).scalars())
    found: list[StoredEvent] = []
    for start in range(0, len(positions), EVENTS_PER_PAGE):
        wanted = positions[start : start + EVENTS_PER_PAGE]
        found += queries.events_at(connection, store.casebook, wanted)
    return found, positions[-1] if len(positions) == size else end
