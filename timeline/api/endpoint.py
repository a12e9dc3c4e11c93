"""GraphQL over HTTP: one endpoint, by the working draft of that specification.

POST takes JSON only, so that no plain HTML form of another site can send a query, or an upload with
a header that such a form cannot send, and GET never changes anything; there are no batches. A query
that has a plan is answered in the event loop; any other request runs in a thread of their own
limited number, since it reads a database that blocks. An answer to GET that has no errors bears
an ETag: a client that shows it again is told 304 without the query being run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import anyio
import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from timeline.api import pages
from timeline.api.errors import request_error
from timeline.api.limits import BODY_BRACKETS_MAX, BODY_BYTES_MAX, REQUESTS_AT_ONCE_MAX

JSON = "application/json"
MULTIPART = "multipart/form-data"
GRAPHQL_JSON = "application/graphql-response+json"
ACCEPTED_TYPES_MAX = 50
ACCEPT_KEPT_LENGTH_MAX = 200
ACCEPTS_KEPT = 256
DOCUMENT_ID_MAX = 200

NO_STORE = "no-store"
VARY = "Accept, Authorization"

Run = Callable[[str, dict[str, object], str | None], dict[str, object]]
Fast = Callable[[str, dict[str, object], str | None], Awaitable[dict[str, object] | None]]


@dataclass
class RequestRefused(Exception):
    """An HTTP request is no GraphQL request; it gets this status and message."""

    status: int
    message: str
    code: str = "BAD_USER_INPUT"
    allow: str | None = None
    is_document: bool = False  # well-formed as a request: 200 for clients of plain JSON


class Asked(NamedTuple):
    """What a client asks; the query is empty when it names a document by its hash."""

    query: str
    variables: dict[str, object]
    operation_name: str | None
    document_id: str | None = None


class Admit(Protocol):
    """Tells which document a request means, or refuses it; see `documents.Documents.admit`."""

    def __call__(self, asked: Asked, *, is_get: bool = False, streams: bool = False) -> Asked:
        """The request with its document."""
        ...


class GraphQLEndpoint:
    """Answers `/graphql`.

    Args:
        run: Runs a query with its variables and operation name; called in a thread.
        admit: Tells which document is meant, or refuses it.
        tag: Names the data that a query would be answered from; called in a thread.
        fast: Answers in the event loop what it can; `None` leaves the query to `run`.
        graphiql: Whether browsers get GraphiQL.
        cache_seconds: For how long an answer to GET may be used again without asking.
    """

    def __init__(
        self,
        run: Run,
        admit: Admit,
        tag: Callable[[Asked], str | None],
        fast: Fast | None = None,
        *,
        graphiql: bool = True,
        cache_seconds: int = 0,
    ) -> None:
        self._run, self._admit, self._tag, self._fast = run, admit, tag, fast
        self._graphiql, self._cache_seconds = graphiql, cache_seconds
        self._threads: anyio.CapacityLimiter | None = None

    async def __call__(self, request: Request) -> Response:
        """The response to one request."""
        is_get = request.method in ("GET", "HEAD")
        if self._graphiql and is_get and prefers_html(request):
            return pages.graphiql()
        media_type = _media_type(request)
        if media_type is None:
            text = f"Accept must allow {JSON} or {GRAPHQL_JSON}"
            return _Json(request_error(text, "BAD_USER_INPUT"), JSON, 406)
        try:
            asked = self._admit(await asked_by(request), is_get=is_get)
        except RequestRefused as refused:
            return _refusal(refused, media_type)
        except ClientDisconnect:
            return Response(status_code=400)
        if is_get:
            return await self._got(request, asked, media_type)
        return await self._answered(asked, media_type)

    async def _answered(self, asked: Asked, media_type: str) -> _Json:
        if self._fast is not None:
            found = await self._fast(asked.query, asked.variables, asked.operation_name)
            if found is not None:
                return _answer(found, media_type)
        return await anyio.to_thread.run_sync(self._ran, asked, media_type, limiter=self._limiter())

    async def _got(self, request: Request, asked: Asked, media_type: str) -> Response:
        state = await anyio.to_thread.run_sync(self._tag, asked, limiter=self._limiter())
        if state is None:
            return await self._answered(asked, media_type)
        tag = f'W/"{state}-{"g" if media_type == GRAPHQL_JSON else "j"}"'
        is_private = "authorization" in request.headers
        fresh = f"max-age={self._cache_seconds}" if self._cache_seconds else "no-cache"
        control = f"{'private' if is_private else 'public'}, {fresh}"
        headers = {"etag": tag, "cache-control": control, "vary": VARY}
        if _holds_tag(request, tag):
            return Response(status_code=304, headers=headers)
        response = await self._answered(asked, media_type)
        if not response.has_errors:
            response.headers.update(headers)
        return response

    def _ran(self, asked: Asked, media_type: str) -> _Json:
        return _answer(self._run(asked.query, asked.variables, asked.operation_name), media_type)

    def _limiter(self) -> anyio.CapacityLimiter:
        # Made here and not above: a limiter belongs to a running event loop.
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(REQUESTS_AT_ONCE_MAX)
        return self._threads


class _Json(Response):
    """An answer; its headers are written once for all, which costs as much as a short query."""

    def __init__(self, result: dict[str, object], media_type: str, status: int) -> None:
        self.body = orjson.dumps(result)
        self.status_code, self.background = status, None
        self.has_errors = "errors" in result
        length = (b"content-length", str(len(self.body)).encode())
        self.raw_headers = [length, *_HEADERS[media_type]]


_HEADERS = {
    media_type: (
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"cache-control", NO_STORE.encode()),
        (b"vary", VARY.encode()),
    )
    for media_type in (JSON, GRAPHQL_JSON)
}


def _answer(result: dict[str, object], media_type: str) -> _Json:
    # Well-formed requests that were refused are 200 as plain JSON (section 6.4.1), 400 as the
    # newer media type (6.4.2), so that a proxy does not take them for an answer.
    refused_query = "data" not in result and media_type == GRAPHQL_JSON
    return _Json(result, media_type, 400 if refused_query else 200)


def _refusal(refused: RequestRefused, media_type: str) -> Response:
    result = request_error(refused.message, refused.code)
    if refused.is_document:
        return _answer(result, media_type)
    response = _Json(result, media_type, refused.status)
    if refused.allow:
        response.headers["allow"] = refused.allow
    return response


def _holds_tag(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    tags = [t.strip().removeprefix("W/") for t in given.split(",")[:ACCEPTED_TYPES_MAX]]
    return "*" in tags or tag.removeprefix("W/") in tags


_ANYTHING = (("*/*", 1.0),)


def _accepted(request: Request) -> Sequence[tuple[str, float]]:
    """What the client accepts, with its quality; what is refused (q=0) is left out."""
    accept = header(request, b"accept")
    if accept is None:
        return _ANYTHING
    return _accepted_kept(accept) if len(accept) <= ACCEPT_KEPT_LENGTH_MAX else _read(accept)


@lru_cache(maxsize=ACCEPTS_KEPT)
def _accepted_kept(accept: str) -> Sequence[tuple[str, float]]:
    return _read(accept)


def _read(accept: str) -> Sequence[tuple[str, float]]:
    found = []
    for part in accept.split(",")[:ACCEPTED_TYPES_MAX]:
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
    return tuple(sorted(found, key=lambda pair: -pair[1]))


def header(request: Request, name: bytes) -> str | None:
    """The first value of a header, by its name in lower case; Starlette's headers cost more."""
    for key, value in request.scope["headers"]:
        if key == name:
            found: str = value.decode("latin-1")
            return found
    return None


def prefers_html(request: Request) -> bool:
    """Whether a browser asks for a page, and no program for JSON."""
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


async def asked_by(request: Request) -> Asked:
    """What a request asks, from its URL or its body.

    Raises:
        RequestRefused: it is no GraphQL request.
        ClientDisconnect: the client went away.
    """
    return _from_url(request) if request.method != "POST" else await _from_body(request)


def _from_url(request: Request) -> Asked:
    given: dict[str, object] = {}
    for name in ("query", "operationName", "documentId"):
        if name in request.query_params:
            given[name] = request.query_params[name]
    for name in ("variables", "extensions"):
        if request.query_params.get(name):
            given[name] = _json(request.query_params[name].encode(), name)
    return checked(given)


async def _from_body(request: Request) -> Asked:
    media_type, *parameters = (header(request, b"content-type") or "").lower().split(";")
    if media_type.strip() == MULTIPART:
        from timeline.api.uploads import read_multipart

        return checked(await read_multipart(request))
    charsets = [p.strip() for p in parameters if p.strip().startswith("charset=")]
    if media_type.strip() != JSON or charsets not in ([], ["charset=utf-8"], ['charset="utf-8"']):
        raise RequestRefused(415, f"POST takes Content-Type: {JSON} in UTF-8")
    given = _json(await _body(request), "the body")
    if not isinstance(given, dict):
        raise RequestRefused(400, "the body must be a JSON object with a query")
    return checked(given)


async def _body(request: Request) -> bytes:
    declared = header(request, b"content-length") or ""
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


def checked(given: dict[str, object]) -> Asked:
    """The request that the parameters of one make.

    Raises:
        RequestRefused: one of them is of another kind than it must be.
    """
    query, name = given.get("query"), given.get("operationName")
    variables, extensions = given.get("variables"), given.get("extensions")
    if not isinstance(variables, dict | None) or not isinstance(extensions, dict | None):
        raise RequestRefused(400, "variables and extensions must be objects or null")
    document_id = _document_id(given.get("documentId"), extensions or {})
    if document_id is not None and query is None:
        query = ""
    if not isinstance(query, str) or not (query.strip() or document_id):
        raise RequestRefused(400, "query must be a string that holds a GraphQL document")
    if name is not None and not isinstance(name, str):
        raise RequestRefused(400, "operationName must be a string or null")
    return Asked(query, variables or {}, name or None, document_id)


def _document_id(given: object, extensions: dict[str, object]) -> str | None:
    persisted = extensions.get("persistedQuery")
    if isinstance(persisted, dict):
        given = persisted.get("sha256Hash")
    if given is not None and not (isinstance(given, str) and 0 < len(given) <= DOCUMENT_ID_MAX):
        raise RequestRefused(400, "the hash of a persisted document must be a string")
    return given
