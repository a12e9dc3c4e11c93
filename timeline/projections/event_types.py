"""Projects a side table of the log: at which positions the events of each type stand.

`events` is frozen and has no index by type, so this table has it. What reads only some types (a
build of the places in a log of a million claims) finds them here instead of reading all.
"""

from __future__ import annotations

from collections.abc import Collection

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
