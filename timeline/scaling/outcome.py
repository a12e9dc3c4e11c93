"""Collects what a task writes: rows to load, and runs for later tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Table

from timeline.scaling import plan as planning
from timeline.scaling.plan import Plan
from timeline.scaling.rowfiles import RowFiles
from timeline.scaling.runs import Keyed, Runs, merged

Named = dict[str, tuple[str, ...]]


class Outcome:
    """What one task reads and writes.

    Args:
        work: The rebuild's folder.
        name: The task's, which begins the names of its files.
        plan: Of the rebuild.
    """

    def __init__(self, work: Path, name: str, plan: Plan) -> None:
        self.work, self.plan, self._name = work, plan, name
        self.rows = RowFiles(work, f"rows-{name}")
        self.runs: dict[str, Runs] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.__enter__()
        self._stack.enter_context(self.rows)
        return self

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(type_, value, traceback)

    def builds(self, projection: str) -> bool:
        """Whether a projection is among those to build."""
        return projection in self.plan.projections

    def add(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to load."""
        self.rows.add(table, rows)

    def hand_on(self, kind: str, partition: str, key: str, number: int, data: bytes) -> None:
        """Hand a row on to later tasks."""
        runs = self.runs.get(kind)
        if runs is None:
            runs = self.runs[kind] = Runs(self.work, f"run-{kind}-{self._name}")
            self._stack.enter_context(runs)
        runs.add(partition, key, number, data)

    def handed(self, kind: str, partition: str) -> Iterator[Keyed]:
        """What tasks before this one handed on, in order of key and number."""
        return merged(self.work, self._handed.get(kind, ()), partition)

    @cached_property
    def _handed(self) -> Named:
        return planning.read(self.work, planning.RUNS, Named)
