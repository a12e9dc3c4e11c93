"""Tells which projections are older than this release's, and how many events are to replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, inspect, select

from timeline.projections.batches import Projection
from timeline.projections.building import members
from timeline.projections.tables import checkpoints
from timeline.store.engine import read_transaction
from timeline.store.tables import casebooks


@dataclass(frozen=True)
class Outdated:
    """A projection of one casebook that a replay of `events` events will build again.

    One that is `wanted` in the version that it has is built with another whose tables it reads.
    """

    casebook: str
    projection: str
    version: int
    wanted: int
    events: int


def outdated(engine: Engine, projections: Sequence[Projection]) -> tuple[Outdated, ...]:
    """The projections whose checkpoints are of a lower version than the code's, and their readers.

    A projection without a checkpoint is not among them: it is new to that casebook.

    Raises:
        DatabaseUnavailable: the database did not answer.
    """
    with read_transaction(engine) as connection:
        present = inspect(connection)
        if not (present.has_table("checkpoints") and present.has_table("casebooks")):
            return ()
        c, b = checkpoints.c, casebooks.c
        query = (
            select(c.casebook, c.projection, func.max(c.version), b.position)
            .join(casebooks, b.casebook == c.casebook)
            .group_by(c.casebook, c.projection, b.position)
            .order_by(c.casebook, c.projection)
        )
        rows = [tuple(row) for row in connection.execute(query)]
    wanted = {projection.name: projection.version for projection in projections}
    raised: dict[str, set[str]] = {}
    for casebook, name, version, _ in rows:
        if version < wanted.get(name, 0):
            raised.setdefault(casebook, set()).add(name)
    built = {casebook: members(projections, names) for casebook, names in raised.items()}
    return tuple(
        Outdated(casebook, name, version, wanted[name], events)
        for casebook, name, version, events in rows
        if name in built.get(casebook, ())
    )
