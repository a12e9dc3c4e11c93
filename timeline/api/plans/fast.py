"""Answers queries by their plans, and says when plain execution has to.

A document is parsed, bounded, validated and planned once for each combination of the variables that
shape it; the plans are kept up to a bound. Any error in an answer, and whatever plans do not know,
is left to plain execution, so that there is one place where errors are made.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio.to_thread
from graphql import DocumentNode, GraphQLError, GraphQLSchema
from graphql.execution.values import VariableValues
from sqlalchemy import text

from timeline.api.limits import DOCUMENT_LENGTH_MAX, DOCUMENTS_KEPT
from timeline.api.plans import statements
from timeline.api.plans.branches import Run
from timeline.api.plans.drivers import Driver, driver_for
from timeline.api.plans.errors import Stale, Unplanned
from timeline.api.plans.memory import Marks, Memory
from timeline.api.plans.planning import Plan
from timeline.api.plans.selection import Operation
from timeline.errors import TimelineError
from timeline.projections.reading import Reader
from timeline.store.engine import read_transaction

logger = logging.getLogger(__name__)

PLANS_KEPT = 512
TRIES_MAX = 3

_K = TypeVar("_K")
_V = TypeVar("_V")
_NO_VALUES = VariableValues({}, {})


class _Kept(Generic[_K, _V]):
    """The most recently used of some values, up to a bound."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[_K, _V] = OrderedDict()

    def get(self, key: _K) -> _V | None:
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: _K, value: _V) -> None:
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)


@dataclass
class Counts:
    """How many queries were answered by a plan, and how many were left to plain execution."""

    planned: int = 0
    plain: int = 0


class FastPath:
    """Answers queries in the event loop.

    Args:
        schema: What the queries are written against.
        reader: Reads the projections.
        prepared: Parses, bounds and validates a document with variables; `None` refuses it.
        check_values: Bounds the values of variables, which each request brings anew.
        refresh: Catches the projections up, and says to which position; called in a thread.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        reader: Reader,
        prepared: Callable[[str, Mapping[str, object], str | None], DocumentNode | None],
        check_values: Callable[[DocumentNode, Mapping[str, object]], object],
        refresh: Callable[[], int],
    ) -> None:
        self._schema, self._reader = schema, reader
        self._prepared, self._check_values, self._refresh = prepared, check_values, refresh
        self._operations: _Kept[tuple[str, str | None], Operation | Unplanned] = _Kept(
            DOCUMENTS_KEPT
        )
        self._plans: _Kept[tuple[object, ...], Plan | Unplanned] = _Kept(PLANS_KEPT)
        self._driver: Driver | None = None
        self._memory: Memory | None = None
        self._refreshing = asyncio.Lock()
        self.counts = Counts()

    def open(self) -> None:
        """Begin to answer; called in the event loop that is going to ask."""
        self._driver = driver_for(self._reader.engine)

    def close(self) -> None:
        """Answer no more, and give up the connections."""
        if self._driver is not None:
            self._driver.close()
        self._driver = None

    async def answer(
        self,
        query: str,
        variables: Mapping[str, object],
        operation_name: str | None,
        charge: Callable[[int], object] | None = None,
    ) -> dict[str, object] | None:
        """The result of a query, or `None` when plain execution has to answer it.

        Everything that is planned may be read by whoever may read at all.

        Args:
            query: A GraphQL document.
            variables: Values of its variables.
            operation_name: Which operation to run; `None` when there is but one.
            charge: Is told how many rows were read for an answer.
        """
        driver = self._driver
        if driver is None or len(query) > DOCUMENT_LENGTH_MAX:
            return None
        try:
            plan, values = await self._plan(query, variables, operation_name)
            data, rows = await self._data(driver, plan, values)
        except (TimelineError, GraphQLError) as error:
            self.counts.plain += 1
            logger.debug("left to plain execution: %s", error)
            return None
        except Exception:
            self.counts.plain += 1
            logger.exception("a plan failed; plain execution answers")
            return None
        self.counts.planned += 1
        if charge is not None:
            charge(rows)
        return {"data": data}

    async def _data(self, driver: Driver, plan: Plan, values: VariableValues) -> tuple[object, int]:
        for _ in range(TRIES_MAX):
            memory = self._memory
            if memory is not None:
                try:
                    run = Run(values, memory, driver.dialect)
                    return await _run(driver, plan, run), run.rows
                except Stale:
                    pass
            async with self._refreshing:
                if self._memory is memory:
                    self._memory = await anyio.to_thread.run_sync(self._remembered)
        raise Unplanned("the log moves too fast")

    async def _plan(
        self, query: str, variables: Mapping[str, object], name: str | None
    ) -> tuple[Plan, VariableValues]:
        operation = self._operations.get((query, name))
        if operation is None:
            operation = await anyio.to_thread.run_sync(self._operation, query, variables, name)
            self._operations.put((query, name), operation)
        if isinstance(operation, Unplanned):
            raise operation
        shaping = tuple(_scalar(variables.get(n, Ellipsis)) for n in operation.shaping)
        key = (query, name, *shaping)
        plan = self._plans.get(key)
        has_variables = bool(operation.definition.variable_definitions)
        if variables:
            self._check_values(operation.document, variables)
        values = operation.values(variables) if has_variables else _NO_VALUES
        if plan is None:
            plan = await anyio.to_thread.run_sync(
                self._made, operation, query, variables, name, values
            )
            self._plans.put(key, plan)
        if isinstance(plan, Unplanned):
            raise plan
        return plan, values

    def _operation(
        self, query: str, variables: Mapping[str, object], name: str | None
    ) -> Operation | Unplanned:
        try:
            document = self._prepared(query, variables, name)
            if document is None:
                return Unplanned("refused")
            return Operation.of(self._schema, document, name)
        except Unplanned as why:
            return why

    def _made(
        self,
        operation: Operation,
        query: str,
        variables: Mapping[str, object],
        name: str | None,
        values: VariableValues,
    ) -> Plan | Unplanned:
        try:
            # The bounds depend on the page sizes, which are among the variables of the key.
            if self._prepared(query, variables, name) is None:
                return Unplanned("refused")
            return Plan(operation.selected(values))
        except Unplanned as why:
            return why

    def _remembered(self) -> Memory:
        """The places and actors now, which stand at the marks read before them."""
        reached = self._refresh()
        with read_transaction(self._reader.engine) as connection:
            asked = connection.execute(
                text(statements.marks()), {"casebook": self._reader.casebook}
            )
            marks: Marks = tuple(asked.one())[: statements.MARKS]
        if marks[0] != reached:
            raise Unplanned("the projections are behind the log")
        gazetteer, actors, last = self._reader.gazetteer(), self._reader.actor_table(), self._memory
        if last is not None and last.gazetteer is gazetteer and last.actors is actors:
            return last.renewed(marks)
        return Memory(marks, gazetteer, actors, self._reader.casebook, self._reader.time_zone)


def _scalar(value: object) -> tuple[type, object]:
    """A value as a part of a key: 1 and true are not the same."""
    if value is not Ellipsis and not isinstance(value, str | int | float | bool | None):
        raise Unplanned("a list or an object where a scalar is due")
    return type(value), value


async def _run(driver: Driver, plan: Plan, run: Run) -> object:
    asking = plan.ask(run)
    marks = run.memory.marks
    try:
        question = next(asking)
        while True:
            rows = await driver.ask(question)
            if tuple(rows[0][: statements.MARKS]) != marks:
                raise Stale("the log moved")
            question = asking.send(rows)
    except StopIteration as ended:
        return ended.value
