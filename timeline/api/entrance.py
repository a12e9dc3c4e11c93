"""Holds HTTP requests to the rules of access, before anything is read of what they ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Address
from starlette.requests import Request
from starlette.responses import Response

from timeline.api.access import LOCAL_READER, Caller, Gate, Refused, asked_by
from timeline.api.endpoint import header, prefers_html
from timeline.api.errors import request_error, told
from timeline.errors import TimelineError

Answer = Callable[[Request], Awaitable[Response]]

NOBODY = Refused(
    401,
    "show a token of this casebook",
    "UNAUTHENTICATED",
    {"www-authenticate": "Bearer"},
)


async def entered(gate: Gate | None, authorization: str | None, client: Address | None) -> Caller:
    """Who asks, by what they sent as Authorization, or from which address they ask.

    Raises:
        Refused: their token is not valid here, they asked for too much, or it cannot be known.
    """
    if gate is None:
        return LOCAL_READER
    address = None if client is None else client.host
    known = gate.at_once(authorization, address)
    if known is not None:
        return known
    try:
        return await run_in_threadpool(gate.enter, authorization, address)
    except TimelineError as error:
        text, extensions = told(error)
        raise Refused(503, text, str(extensions["code"])) from None


def for_readers(gate: Gate | None, answer: Answer) -> Answer:
    """Answers those who may read, and refuses others."""

    async def guarded(request: Request) -> Response:
        try:
            caller = await entered(gate, header(request, b"authorization"), request.client)
            if caller.role is None:
                raise NOBODY
        except Refused as refused:
            return refused_response(refused)
        return await answer(request)

    return guarded


def for_callers(gate: Gate | None, answer: Answer) -> Answer:
    """Answers requests to `/graphql`, each for the caller who sends it."""

    async def guarded(request: Request) -> Response:
        try:
            caller = await admitted(gate, request)
        except Refused as refused:
            return refused_response(refused)
        with asked_by(caller):
            return await answer(request)

    return guarded


async def admitted(gate: Gate | None, request: Request) -> Caller:
    """Who sends a request to `/graphql`.

    Raises:
        Refused: as `entered`; or nobody may ask without a token.
    """
    caller = await entered(gate, header(request, b"authorization"), request.client)
    is_get = request.method in ("GET", "HEAD")
    # A browser gets the page of GraphiQL, with which it can then show a token.
    if caller.role is None and not (is_get and prefers_html(request)):
        raise NOBODY
    return caller


def refused_response(refused: Refused) -> Response:
    """The response to a caller who is not let in."""
    return Response(
        orjson.dumps(request_error(refused.message, refused.code)),
        status_code=refused.status,
        headers={
            "content-type": "application/json; charset=utf-8",
            "cache-control": "no-store",
            **refused.headers,
        },
    )
