"""Decides what a client is told of an error: a code to act on, and never how we are built.

Only messages that are written for the person asking go out. Whatever tells of the database (its
URL, its driver's words) or of our own code is masked, and goes to the log alone.
"""

from __future__ import annotations

import logging

from graphql import GraphQLError

from timeline.errors import (
    AmbiguousPlace,
    DatabaseUnavailable,
    InvalidDate,
    InvalidSearch,
    NotFound,
    PlaceNotFound,
    ProjectionHalted,
    SchemaMismatch,
    StatementTooSlow,
    TimelineError,
    TooManyClaims,
    UnknownEventSchema,
)

logger = logging.getLogger(__name__)

ERRORS_MAX = 20


class BadUserInput(TimelineError):
    """An argument cannot be used; correct it and ask again."""


class QueryTooLarge(TimelineError):
    """The query asks for too much at once; ask for smaller pages or in several requests."""


_TOLD: tuple[tuple[type[TimelineError], str], ...] = (
    (PlaceNotFound, "NOT_FOUND"),
    (AmbiguousPlace, "AMBIGUOUS_PLACE"),
    (NotFound, "NOT_FOUND"),
    (InvalidDate, "BAD_USER_INPUT"),
    (InvalidSearch, "BAD_USER_INPUT"),
    (BadUserInput, "BAD_USER_INPUT"),
    (QueryTooLarge, "QUERY_TOO_LARGE"),
    (TooManyClaims, "QUERY_TOO_LARGE"),
    (StatementTooSlow, "STATEMENT_TIMEOUT"),
    (UnknownEventSchema, "INTERNAL_SERVER_ERROR"),
)
_UNAVAILABLE = "the database does not answer just now; try again in a moment"
_HALTED = (
    "a projection stands still, so that nothing can be decided by it; nothing was changed,"
    " and `timeline status` says what is to be mended"
)
_INTERNAL = "something went wrong in the server; its log says what"


def told(error: BaseException | None) -> tuple[str, dict[str, object]]:
    """The message and the extensions for what a resolver raised."""
    for kind, code in _TOLD:
        if isinstance(error, kind):
            extensions: dict[str, object] = {"code": code}
            if isinstance(error, PlaceNotFound):
                extensions["suggestions"] = list(error.suggestions)
            if isinstance(error, AmbiguousPlace):
                extensions["candidates"] = list(error.candidates)
            return str(error), extensions
    if isinstance(error, ProjectionHalted):
        logger.warning("a change was refused: %s", error)
        return _HALTED, {"code": "PROJECTION_HALTED", "projection": error.name}
    if isinstance(error, DatabaseUnavailable | SchemaMismatch):
        logger.warning("the database could not be read", exc_info=error)
        return _UNAVAILABLE, {"code": "SERVICE_UNAVAILABLE"}
    logger.error("a resolver failed", exc_info=error)
    return _INTERNAL, {"code": "INTERNAL_SERVER_ERROR"}


def request_error(message: str, code: str) -> dict[str, object]:
    """The result of a request that was not run: errors, and no `data`."""
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def formatted(error: GraphQLError, code: str | None = None) -> dict[str, object]:
    """One error as the GraphQL response holds it.

    Args:
        error: From parsing, validation or execution.
        code: The code of an error that no resolver raised; `None` judges what was raised.
    """
    shown: dict[str, object] = {"message": error.message}
    if error.locations:
        shown["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    if code is not None:
        shown["extensions"] = {"code": code}
    elif error.path is None or error.original_error is None:
        # Variables and arguments that do not fit: graphql-core's own words.
        shown["extensions"] = {"code": "BAD_USER_INPUT"}
    else:
        shown["message"], shown["extensions"] = told(error.original_error)
    return shown
