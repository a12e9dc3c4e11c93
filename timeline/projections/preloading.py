"""Puts rows that were computed elsewhere under a build's key, for the build to go on from.

While rows are loaded the build's checkpoints stand at LOADING with a number of their own: another
rebuild, or a withholding, that ends this build takes them away, and then nothing more is loaded. A
process killed in between leaves them, and the next rebuild throws such rows away.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Table

from timeline.errors import BuildTakenOver
from timeline.projections import building, bulk_rows, checkpointing
from timeline.projections.batches import Projection
from timeline.projections.building import Build, paused_after
from timeline.projections.checkpointing import LOADING, Checkpoint, build_key
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore

_OWNERS = 2**31


class Preload:
    """Loads the rows of a build.

    Args:
        store: Whose log.
        projections: All of the casebook's.
        names: What is to be rebuilt.
    """

    def __init__(
        self, store: EventStore, projections: Sequence[Projection], names: Collection[str]
    ) -> None:
        self._store, self._projections = store, projections
        self.built = Build(store, projections, names).built
        self.key = build_key(store.casebook)
        self._owner = secrets.randbelow(_OWNERS)

    def begin(self) -> None:
        """Throw away what was built before, and begin.

        Raises:
            BuildTakenOver: another process began a rebuild at the same moment.
        """
        building.throw_away(self._store, self._projections)
        with write_transaction(self._store.engine) as connection:
            mark = [Checkpoint(p.name, p.version, LOADING) for p in self.built]
            if checkpointing.read(connection, self.key, locks=True):
                raise BuildTakenOver
            checkpointing.add(connection, self.key, mark)
            for checkpoint in mark:
                owned = replace(checkpoint, builds=self._owner)
                checkpointing.write(connection, self.key, owned)

    def add(self, table: Table, portions: Iterator[Sequence[Mapping[str, Any]]]) -> int:
        """Load rows, each portion in a transaction; returns how many.

        Raises:
            BuildTakenOver: another process began another rebuild, or threw this one away.
        """
        count = 0
        for rows in portions:
            started = time.monotonic()
            with write_transaction(self._store.engine) as connection:
                self._require_mine(connection)
                count += bulk_rows.load(connection, table, rows)
            paused_after(self._store, time.monotonic() - started)
        return count

    def finish(self, position: int, loaded: Collection[str]) -> None:
        """Let the build go on from a position; what was not loaded begins at the log's beginning.

        Raises:
            BuildTakenOver: another process began another rebuild, or threw this one away.
        """
        with write_transaction(self._store.engine) as connection:
            self._require_mine(connection)
            for p in self.built:
                reached = position if p.name in loaded else 0
                checkpointing.write(connection, self.key, Checkpoint(p.name, p.version, reached))

    def abandon(self) -> None:
        """Throw away what was loaded, unless another process has taken over."""
        with suppress(BuildTakenOver):
            with write_transaction(self._store.engine) as connection:
                self._require_mine(connection)
            building.throw_away(self._store, self._projections)

    def _require_mine(self, connection: Connection) -> None:
        found = checkpointing.read(connection, self.key, locks=True)
        owners = {(c.position, c.builds) for c in found.values()}
        if owners != {(LOADING, self._owner)} or found.keys() != {p.name for p in self.built}:
            raise BuildTakenOver
