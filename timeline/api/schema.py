"""The schema: prints it, and runs one query against it, from parsing to the result's JSON.

The steps are taken one by one and not by `Schema.execute`: each kind of error gets its own code,
the bounds are checked before validation costs anything, and a document that was seen before is
neither parsed nor validated again. Everything here is synchronous; the server runs it in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    ExecutionResult,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from strawberry.schema.config import StrawberryConfig

from timeline.api import enums  # noqa: F401 - registers the vocabularies
from timeline.api.access import LOCAL_READER, Caller, refusal
from timeline.api.context import Context
from timeline.api.errors import (
    ERRORS_MAX,
    BadUserInput,
    QueryTooLarge,
    formatted,
    request_error,
)
from timeline.api.limits import (
    DOCUMENTS_KEPT,
    SUGGESTED_ERRORS_MAX,
    TOKENS_MAX,
    VALIDATION_ERRORS_MAX,
)
from timeline.api.measuring import check_size, check_text, check_values
from timeline.api.mutations.errors import USER_ERRORS
from timeline.api.mutations.root import Mutation
from timeline.api.plans.fast import FastPath
from timeline.api.query import Query
from timeline.api.scalars import SCALARS
from timeline.api.subscriptions import Subscription
from timeline.api.tracing import Step, untraced
from timeline.api.uploads import UPLOAD, UploadedFile
from timeline.projections.reading import Reader
from timeline.store.event_store import EventStore

# How graphql-core's parser says that a bound was passed, and not that the text is wrong.
_PARSING_ABORTED = "Parsing aborted."

SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=USER_ERRORS,
    config=StrawberryConfig(scalar_map={**SCALARS, UploadedFile: UPLOAD}),
)


def sdl() -> str:
    """The schema in GraphQL's schema language, as `schema/schema.graphql` holds it."""
    return SCHEMA.as_str().rstrip("\n") + "\n"


def core_schema() -> GraphQLSchema:
    """The schema as graphql-core has it."""
    return SCHEMA._schema  # noqa: SLF001 - Strawberry has no public name for it


@dataclass(frozen=True)
class _Prepared:
    """A document that was parsed and validated, or the errors of that."""

    document: DocumentNode | None
    errors: tuple[dict[str, object], ...] = ()


@lru_cache(maxsize=DOCUMENTS_KEPT)
def _parsed(query: str) -> _Prepared:
    check_text(query)
    try:
        return _Prepared(parse(query, max_tokens=TOKENS_MAX))
    except GraphQLSyntaxError as error:
        if error.message.endswith(_PARSING_ABORTED):
            text = f"the query has more than {TOKENS_MAX} tokens, or is nested too deep"
            return _Prepared(None, (formatted(GraphQLError(text), "QUERY_TOO_LARGE"),))
        return _Prepared(None, (formatted(error, "GRAPHQL_PARSE_FAILED"),))


def _faults(
    document: DocumentNode, rules: Collection[type[ASTValidationRule]] | None = None
) -> list[GraphQLError]:
    return validate(
        core_schema(), document, rules, max_errors=VALIDATION_ERRORS_MAX, hide_suggestions=True
    )


@lru_cache(maxsize=DOCUMENTS_KEPT)
def _validated(query: str) -> _Prepared:
    document = _parsed(query).document
    assert document is not None  # noqa: S101 - asked only for what was parsed
    # Fields that do not exist are found first, by the one rule that is cheap. What else may have
    # been meant is looked for where there are few errors: it costs the most.
    errors = _faults(document, (FieldsOnCorrectTypeRule,)) or _faults(document)
    if 0 < len(errors) <= SUGGESTED_ERRORS_MAX:
        errors = validate(core_schema(), document)
    shown = tuple(formatted(e, "GRAPHQL_VALIDATION_FAILED") for e in errors)
    return _Prepared(None if shown else document, shown)


def _prepared(query: str, variables: Mapping[str, object], operation_name: str | None) -> _Prepared:
    parsed = _parsed(query)
    if parsed.document is None:
        return parsed
    if not _names_operation(parsed.document, operation_name):
        raise BadUserInput(
            "operationName must name one of the document's operations"
            if operation_name is not None
            else "the document has not one operation alone; say which by operationName"
        )
    check_values(parsed.document, variables)
    check_size(parsed.document, variables, core_schema())
    return _validated(query)


def fast_path(reader: Reader, refresh: Callable[[], int]) -> FastPath:
    """What answers common queries by plans, with the same bounds and rules as `execute`.

    Args:
        reader: Reads the projections.
        refresh: Catches the projections up, and says to which position.
    """

    def prepared(
        query: str, variables: Mapping[str, object], operation_name: str | None
    ) -> DocumentNode | None:
        try:
            check_text(query)
            return _prepared(query, variables, operation_name).document
        except (BadUserInput, QueryTooLarge, RecursionError):
            return None

    return FastPath(core_schema(), reader, prepared, check_values, refresh)


def execute(
    reader: Reader,
    store: EventStore,
    query: str,
    variables: Mapping[str, object] | None = None,
    operation_name: str | None = None,
    *,
    caller: Caller = LOCAL_READER,
    step: Step = untraced,
) -> dict[str, object]:
    """Run one query; the standard result: `data`, `errors`, or both.

    Never raises for what the query or the database does: that is told under `errors`, each with
    `extensions.code`. A request that could not be run at all has no `data`.

    Args:
        reader: Reads the projections.
        store: Reads the log.
        query: A GraphQL document.
        variables: Values of its variables.
        operation_name: Which operation to run; `None` when there is but one.
        caller: Who asks.
        step: Takes the steps `prepare` and `run`.
    """
    given = dict(variables or {})
    document = step("prepare", lambda: prepared(query, given, operation_name))
    if isinstance(document, dict):
        return document
    if operation_type(query, operation_name) is OperationType.SUBSCRIPTION:
        return request_error("a subscription needs a connection that stays open", "BAD_USER_INPUT")
    refused = refusal(document, operation_name, caller)
    if refused is not None:
        return refused
    context = Context(reader, store, caller)
    result = step("run", lambda: perform(context, document, given, operation_name))
    caller.charge(context.rows)
    return result


def prepared(
    query: str, variables: Mapping[str, object], operation_name: str | None
) -> DocumentNode | dict[str, object]:
    """The document of a query that may be run, or the result that says why it may not."""
    try:
        found = _prepared(query, variables, operation_name)
    except QueryTooLarge as error:
        return request_error(str(error), "QUERY_TOO_LARGE")
    except BadUserInput as error:
        return request_error(str(error), "BAD_USER_INPUT")
    except RecursionError:
        return request_error("the query is nested too deep", "QUERY_TOO_LARGE")
    if found.document is None:
        return {"errors": list(found.errors)}
    return found.document


def perform(
    context: Context,
    document: DocumentNode,
    variables: Mapping[str, object],
    operation_name: str | None,
    root: object = None,
) -> dict[str, object]:
    """The result of a document that was prepared.

    Args:
        context: What its resolvers read from.
        document: From `prepared`.
        variables: Values of its variables.
        operation_name: Which operation to run; `None` when there is but one.
        root: What a message of a subscription is about.
    """
    return _result(
        execute_sync(
            core_schema(),
            document,
            root_value=root,
            context_value=context,
            variable_values=dict(variables),
            operation_name=operation_name,
        )
    )


def parsed_document(query: str) -> DocumentNode | None:
    """The parsed document of a query; `None` when it is no GraphQL, or too large to be parsed."""
    try:
        return _parsed(query).document
    except (QueryTooLarge, BadUserInput, RecursionError):
        return None


def operation_type(query: str, name: str | None) -> OperationType | None:
    """Whether a query, a mutation or a subscription would run; `None` when nothing would."""
    document = parsed_document(query)
    operation = None if document is None else get_operation_ast(document, name)
    return None if operation is None else operation.operation


def _names_operation(document: DocumentNode, name: str | None) -> bool:
    operation = get_operation_ast(document, name)
    return isinstance(operation, OperationDefinitionNode)


def _result(result: ExecutionResult) -> dict[str, object]:
    errors = [formatted(e) for e in (result.errors or ())[:ERRORS_MAX]]
    if not errors:
        return {"data": result.data}
    refused = result.data is None and all("path" not in e for e in errors)
    return {"errors": errors} if refused else {"data": result.data, "errors": errors}
