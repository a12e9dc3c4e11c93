"""Understands a subscription once: what it is about, where it begins, and who asks the same.

Two subscriptions ask the same when their documents and variables are equal but for `after`: their
messages are then made and encoded once, and the bytes go to both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    get_operation_ast,
    print_ast,
    subscribe,
    visit,
)

from timeline.api.access import current_caller, refusal
from timeline.api.context import Context
from timeline.api.endpoint import Asked
from timeline.api.errors import formatted, told
from timeline.api.schema import core_schema, perform, prepared
from timeline.api.streaming.bounds import EVENTS_READ_AT_ONCE
from timeline.api.streaming.feeds import EntriesFeed, Feed
from timeline.api.subscriptions import SubscribingContext, messages_of
from timeline.errors import TimelineError
from timeline.projections.reading import Reader
from timeline.store.event_store import EventStore

Result = dict[str, object]


@dataclass(frozen=True)
class Message:
    """A message of a subscription: the result as JSON, and the position that it stands for."""

    position: int
    payload: str


@dataclass(frozen=True)
class Plan:
    """A subscription that was understood; `after` is no part of what it asks."""

    key: str
    feed: Feed
    document: DocumentNode
    variables: Mapping[str, object]
    operation_name: str | None
    after: int


def understand(
    reader: Reader, store: EventStore, asked: Asked, resumed_after: str | None = None
) -> Plan | Result:
    """The plan of a subscription, or the result that says why it cannot be had.

    Args:
        reader: Reads the projections.
        store: Reads the log.
        asked: The subscription.
        resumed_after: A checkpoint that goes over the argument `after`.
    """
    document = prepared(asked.query, asked.variables, asked.operation_name)
    if isinstance(document, dict):
        return document
    refused = refusal(document, asked.operation_name, current_caller())
    if refused is not None:
        return refused
    context = SubscribingContext(reader, store)
    context.resumed_after = resumed_after
    fault = asyncio.run(_begun(context, document, asked))
    if fault is not None:
        return fault
    assert context.feed is not None  # noqa: S101 - its resolver has run
    shared, variables = _without_after(document, asked)
    key = orjson.dumps(
        [print_ast(shared), variables, asked.operation_name], option=orjson.OPT_SORT_KEYS
    ).decode()
    return Plan(key, context.feed, shared, variables, asked.operation_name, context.after)


async def _begun(
    context: SubscribingContext, document: DocumentNode, asked: Asked
) -> Result | None:
    """Run the resolver of the subscription, which notes what it is about; its error, if any."""
    stream = subscribe(
        core_schema(),
        document,
        context_value=context,
        variable_values=asked.variables,
        operation_name=asked.operation_name,
    )
    if isinstance(stream, Awaitable):
        stream = await stream
    if isinstance(stream, ExecutionResult):
        return {"errors": [formatted(e) for e in stream.errors or ()]}
    try:
        async for _ in stream:
            break
    except TimelineError as fault:
        message, extensions = told(fault)
        return {"errors": [{"message": message, "extensions": extensions}]}
    return None


def _without_after(document: DocumentNode, asked: Asked) -> tuple[DocumentNode, dict[str, object]]:
    """The document without the argument `after` and the variables that it alone used."""
    operation = get_operation_ast(document, asked.operation_name)
    assert isinstance(operation, OperationDefinitionNode)  # noqa: S101 - it was prepared
    root = next((n for n in operation.selection_set.selections if isinstance(n, FieldNode)), None)
    if root is None:
        return document, dict(asked.variables)
    shared = visit(document, _ArgumentRemover(root))
    finder = _VariableFinder()
    visit(shared, finder)
    pruned = visit(shared, _DefinitionRemover(finder.used))
    return pruned, {n: v for n, v in asked.variables.items() if n in finder.used}


class _ArgumentRemover(Visitor):
    """Takes the argument `after` from one field."""

    def __init__(self, root: FieldNode) -> None:
        super().__init__()
        self._root = root

    def enter_field(self, node: FieldNode, *_: object) -> FieldNode | None:
        if node is not self._root:
            return None
        kept = tuple(a for a in node.arguments or () if a.name.value != "after")
        return FieldNode(
            alias=node.alias,
            name=node.name,
            arguments=kept,
            directives=node.directives,
            selection_set=node.selection_set,
        )


class _VariableFinder(Visitor):
    """Collects the variables that are used, and not only defined."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def enter_variable_definition(self, *_: object) -> object:
        return self.SKIP

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.used.add(node.name.value)


class _DefinitionRemover(Visitor):
    """Takes away the definitions of variables that are not used."""

    def __init__(self, used: set[str]) -> None:
        super().__init__()
        self._used = used

    def enter_variable_definition(self, node: object, *_: object) -> object:
        name = node.variable.name.value  # type: ignore[attr-defined]
        return None if name in self._used else self.REMOVE


def read_messages(
    reader: Reader, store: EventStore, plan: Plan, after: int
) -> tuple[list[Message], int]:
    """The messages of the next events after a position, and up to where these are all."""
    found, reached = plan.feed.page(Context(reader, store), after, EVENTS_READ_AT_ONCE)
    known_on = plan.feed.known_on if isinstance(plan.feed, EntriesFeed) else None
    roots = messages_of(Context(reader, store), found, known_on)
    messages = []
    for (position, _), root in zip(found, roots, strict=True):
        result = perform(
            Context(reader, store), plan.document, plan.variables, plan.operation_name, root
        )
        messages.append(Message(position, orjson.dumps(result).decode()))
    return messages, reached
