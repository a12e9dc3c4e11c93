"""Pages of the log by type and stream, in order of position.

Of some types the side table `event_types` tells the positions; a stream is read by its index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from timeline.projections import tables
from timeline.store import queries
from timeline.store import tables as log
from timeline.store.events import StoredEvent


@dataclass(frozen=True)
class EventFilters:
    """Which events are wanted; an empty field means any. Both positions are inclusive."""

    types: tuple[str, ...] = ()
    stream: str | None = None
    from_position: int | None = None
    to_position: int | None = None


def events_page(
    connection: Connection,
    casebook: str,
    filters: EventFilters,
    first: int,
    after: int | None = None,
    before: int | None = None,
    *,
    backwards: bool = False,
) -> tuple[list[StoredEvent], bool]:
    """The first events of a page in order of position, and whether there are more that way.

    `after` and `before` are exclusive; `backwards` takes the last, still in order of position.
    """
    query, position = _positions(casebook, filters)
    if after is not None:
        query = query.where(position > after)
    if before is not None:
        query = query.where(position < before)
    ordered = query.order_by(position.desc() if backwards else position).limit(first + 1)
    found = list(connection.execute(ordered).scalars())
    kept = sorted(int(p) for p in found[:first])
    return queries.events_at(connection, casebook, kept) if kept else [], len(found) > first


def count_events(connection: Connection, casebook: str, filters: EventFilters) -> int:
    """How many events there are in all."""
    query, _ = _positions(casebook, filters)
    counted = select(func.count()).select_from(query.subquery())
    return int(connection.execute(counted).scalar_one())


def _positions(casebook: str, filters: EventFilters) -> tuple[Select[Any], Any]:
    e, t = log.events.c, tables.event_types.c
    of = t if filters.types else e
    position = of.position
    query = select(position).where(of.casebook == casebook)
    if filters.types:
        query = query.where(t.type.in_(filters.types))
    if filters.stream is not None:
        of_stream = select(e.position).where(e.casebook == casebook, e.stream == filters.stream)
        query = query.where(position.in_(of_stream))
    if filters.from_position is not None:
        query = query.where(position >= filters.from_position)
    if filters.to_position is not None:
        query = query.where(position <= filters.to_position)
    return query, position
