"""GraphQL over HTTP: one endpoint, for queries alone, by the working draft of that specification.

POST takes JSON only, so that no plain HTML form of another site can send a query; there are no
uploads, no batches and no websockets. A request runs in a thread of its own limited number, since
it reads a database that blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio
import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from timeline.api import pages
from timeline.api.errors import request_error
from timeline.api.limits import BODY_BRACKETS_MAX, BODY_BYTES_MAX, REQUESTS_AT_ONCE_MAX

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
ACCEPTED_TYPES_MAX = 50

Run = Callable[[str, dict[str, object], str | None], dict[str, object]]


@dataclass
class RequestRefused(Exception):
    """An HTTP request is no GraphQL request; it gets this status and message."""

    status: int
    message: str
    code: str = "BAD_USER_INPUT"


@dataclass(frozen=True)
class _Asked:
    query: str
    variables: dict[str, object]
    operation_name: str | None


class GraphQLEndpoint:
    """Answers `/graphql`.

    Args:
        run: Runs a query with its variables and operation name; called in a thread.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._threads: anyio.CapacityLimiter | None = None

    async def __call__(self, request: Request) -> Response:
        """The response to one request."""
        if request.method in ("GET", "HEAD") and _prefers_html(request):
            return pages.graphiql()
        media_type = _media_type(request)
        if media_type is None:
            text = f"Accept must allow {JSON} or {GRAPHQL_JSON}"
            return _response(request_error(text, "BAD_USER_INPUT"), JSON, 406)
        try:
            asked = _from_url(request) if request.method != "POST" else await _from_body(request)
        except RequestRefused as refused:
            result = request_error(refused.message, refused.code)
            return _response(result, media_type, refused.status)
        except ClientDisconnect:
            return Response(status_code=400)
        result = await anyio.to_thread.run_sync(
            self._run, asked.query, asked.variables, asked.operation_name, limiter=self._limiter()
        )
        # Well-formed requests that were refused are 200 as plain JSON (section 6.4.1), 400 as the
        # newer media type (6.4.2), so that a proxy does not take them for an answer.
        refused_query = "data" not in result and media_type == GRAPHQL_JSON
        return _response(result, media_type, 400 if refused_query else 200)

    def _limiter(self) -> anyio.CapacityLimiter:
        # Made here and not above: a limiter belongs to a running event loop.
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(REQUESTS_AT_ONCE_MAX)
        return self._threads


def _response(result: dict[str, object], media_type: str, status: int) -> Response:
    return Response(
        orjson.dumps(result),
        status_code=status,
        headers={"content-type": f"{media_type}; charset=utf-8", "cache-control": "no-store"},
    )


def _accepted(request: Request) -> list[tuple[str, float]]:
    """What the client accepts, with its quality; what is refused (q=0) is left out."""
    found = []
    for part in request.headers.get("accept", "*/*").split(",")[:ACCEPTED_TYPES_MAX]:
        kind, *parameters = (p.strip().lower() for p in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if kind and quality > 0:
            found.append((kind, quality))
    return sorted(found, key=lambda pair: -pair[1])


def _prefers_html(request: Request) -> bool:
    for kind, _ in _accepted(request):
        if kind in (JSON, GRAPHQL_JSON):
            return False
        if kind in ("text/html", "application/xhtml+xml"):
            return True
    return False


def _media_type(request: Request) -> str | None:
    """The first of our two media types that the client accepts; `None` when it takes neither."""
    for kind, _ in _accepted(request):
        if kind in (JSON, "*/*", "application/*"):
            return JSON
        if kind == GRAPHQL_JSON:
            return GRAPHQL_JSON
    return None


def _from_url(request: Request) -> _Asked:
    given: dict[str, object] = {}
    for name in ("query", "operationName"):
        if name in request.query_params:
            given[name] = request.query_params[name]
    for name in ("variables", "extensions"):
        if request.query_params.get(name):
            given[name] = _json(request.query_params[name].encode(), name)
    return _checked(given)


async def _from_body(request: Request) -> _Asked:
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = [p.strip() for p in parameters if p.strip().startswith("charset=")]
    if media_type.strip() != JSON or charsets not in ([], ["charset=utf-8"], ['charset="utf-8"']):
        raise RequestRefused(415, f"POST takes Content-Type: {JSON} in UTF-8")
    given = _json(await _body(request), "the body")
    if not isinstance(given, dict):
        raise RequestRefused(400, "the body must be a JSON object with a query")
    return _checked(given)


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    too_long = RequestRefused(
        413, f"the body is longer than {BODY_BYTES_MAX} bytes", "QUERY_TOO_LARGE"
    )
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_BYTES_MAX:
        raise too_long
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise too_long
    return bytes(body)


def _json(text: bytes, what: str) -> object:
    # Each list and object costs far more than its two bytes; brackets in texts count too.
    if text.count(b"[") + text.count(b"{") > BODY_BRACKETS_MAX:
        raise RequestRefused(413, f"{what} holds too many lists and objects", "QUERY_TOO_LARGE")
    try:
        parsed: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise RequestRefused(400, f"{what} is not JSON") from None
    return parsed


def _checked(given: dict[str, object]) -> _Asked:
    query, name = given.get("query"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise RequestRefused(400, "query must be a string that holds a GraphQL document")
    if name is not None and not isinstance(name, str):
        raise RequestRefused(400, "operationName must be a string or null")
    variables, extensions = given.get("variables"), given.get("extensions")
    if not isinstance(variables, dict | None) or not isinstance(extensions, dict | None):
        raise RequestRefused(400, "variables and extensions must be objects or null")
    return _Asked(query, variables or {}, name or None)
