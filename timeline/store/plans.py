"""Holds what a revision says of itself before it runs: each one declares it as PLAN.

Revisions of every release import this module, so its classes may only grow, by fields with a
default.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """How long a revision took when `benchmarks/migrations.py` measured it.

    Attributes:
        engine: Which database, with its version: "SQLite 3.40", "Postgres 18".
        events: How many events the log held; 0 is an empty database.
        seconds: The median of the upgrade's own transaction.
    """

    engine: str
    events: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What a revision does, what waits for it meanwhile, and what comes after it.

    Attributes:
        does: In one sentence.
        locks: What readers and writers wait for while it runs, on Postgres. On SQLite every
            revision keeps writers out, and no reader.
        touches: The tables from before that it reads, fills or alters; their rows are counted.
        rebuilds: The projections that are built again from the log afterwards.
        measured: On each engine, on an empty and on a filled database.
    """

    does: str
    locks: str
    touches: tuple[str, ...]
    rebuilds: tuple[str, ...]
    measured: tuple[Measured, ...]
