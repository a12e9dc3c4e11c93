"""Tells which projections a release will build anew in a database, before it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, inspect, select

from timeline.projections import tables
from timeline.projections.batches import Projection
from timeline.projections.building import members
from timeline.store.engine import read_transaction
from timeline.store.tables import casebooks


@dataclass(frozen=True)
class PlannedRebuild:
    """The projections of a casebook that will be built anew, from so many events."""

    casebook: str
    projections: tuple[str, ...]
    events: int


def planned_rebuilds(
    engine: Engine, projections: Sequence[Projection]
) -> tuple[PlannedRebuild, ...]:
    """What will be built anew in each casebook, in order of name; reads any released schema.

    Raises:
        DatabaseUnavailable: the database did not answer.
    """
    if not inspect(engine).has_table(tables.checkpoints.name):
        return ()
    c, b = tables.checkpoints.c, casebooks.c
    planned = []
    with read_transaction(engine) as connection:
        heads = connection.execute(select(b.casebook, b.position).order_by(b.casebook)).all()
        for casebook, head in heads:
            query = select(c.projection, c.version).where(c.casebook == casebook)
            built = {row.projection: row.version for row in connection.execute(query)}
            raised = [p.name for p in projections if built.get(p.name, 0) < p.version]
            if built and raised:
                planned.append(PlannedRebuild(casebook, members(projections, raised), head))
    return tuple(planned)
