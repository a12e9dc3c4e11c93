"""The ASGI application: GraphQL at /graphql, a front page at /, /healthz and /readyz.

Made by the composition root, which hands in what reads; nothing here opens a database of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from threading import Event, Thread

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from timeline.api import health, pages
from timeline.api.access import Gate, current_caller
from timeline.api.documents import Documents
from timeline.api.endpoint import Asked, Fast, GraphQLEndpoint
from timeline.api.entrance import for_callers, for_readers
from timeline.api.etags import tag_of
from timeline.api.freshness import Freshness
from timeline.api.metrics import Metrics
from timeline.api.plans.fast import FastPath
from timeline.api.schema import execute, fast_path
from timeline.api.serving import ServerSettings
from timeline.api.streaming.sources import Hub
from timeline.api.streaming.sse import EventStreamEndpoint, wants_stream
from timeline.api.streaming.websocket import WebSocketEndpoint
from timeline.api.tracing import Traced, Untraced, tracing_of
from timeline.projections.following import Follower
from timeline.projections.reading import Reader
from timeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

STOP_SECONDS_MAX = 5.0
COMPRESSED_BYTES_MIN = 1_000
PREFLIGHT_SECONDS = 600


_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class _SecurityHeaders:
    """Adds to every response what a browser should hold it to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [*message.get("headers", ())]
                names = {name for name, _ in given}
                given += (h for h in _SECURITY_HEADERS if h[0] not in names)
                message["headers"] = given
            await send(message)

        await self._app(scope, receive, with_headers)


def create_app(
    reader: Reader,
    store: EventStore,
    catch_up: Callable[[], object],
    build: Callable[[Callable[[], bool]], object] | None = None,
    settings: ServerSettings | None = None,
    check_schema: Callable[[], object] | None = None,
    gate: Gate | None = None,
) -> Starlette:
    """The application of one casebook.

    Args:
        reader: Reads the projections; used by several threads at once.
        store: Reads the log; the same casebook's.
        catch_up: Brings the projections to the head of the log; called by one thread at a time,
            before a request is answered, when the head has moved.
        build: Builds projections whose version was raised, in a thread of its own; it is given
            what tells it to stop.
        settings: What is offered, and to whom.
        check_schema: Raises when the database's schema is not this release's.
        gate: Lets callers in; without one everybody reads and nobody writes.
    """
    settings = settings or ServerSettings()
    freshness, tracing = Freshness(store, catch_up), tracing_of(settings.tracing)

    def run(
        query: str, variables: dict[str, object], operation_name: str | None
    ) -> dict[str, object]:
        freshness.ensure()
        who, step = current_caller(), tracing.step
        return execute(reader, store, query, variables, operation_name, caller=who, step=step)

    def read_front() -> Response:
        freshness.ensure()
        try:
            return pages.front(reader.casebook, reader.control_map())
        except Exception:
            logger.exception("the front page could not be read")
            return pages.front(reader.casebook, None)

    def tag(asked: Asked) -> str | None:
        freshness.ensure()
        return tag_of(reader, store, asked)

    def readiness() -> Response:
        freshness.ensure()
        return health.readiness(reader, store, check_schema)

    async def front(_request: Request) -> Response:
        return await run_in_threadpool(read_front)

    hub, admit = Hub(reader, store), Documents(settings).admit
    metrics = Metrics(reader, store, hub) if settings.metrics else None
    answer = tracing.traced(run if metrics is None else metrics.counted(run))
    fast = fast_path(reader, freshness.reach)
    graphql = GraphQLEndpoint(
        answer,
        admit,
        tag,
        _charged(fast, metrics, tracing),
        graphiql=settings.graphiql,
        cache_seconds=settings.cache_seconds,
    )
    streams = EventStreamEndpoint(hub, store, answer, admit)
    sockets = WebSocketEndpoint(hub, answer, admit, gate, settings.cors_origins)

    def caught_up() -> None:
        freshness.ensure()
        hub.ring()

    app = Starlette(
        lifespan=_following(store, caught_up, build, fast),
        routes=[
            *_graphql_routes(gate, graphql, streams, sockets),  # tried first: nearly all ask these
            Route("/", for_readers(gate, front), methods=["GET"]),
            *_metrics_routes(metrics),
            *_health_routes(readiness),
            Mount("/static", StaticFiles(directory=pages.STATIC)),
        ],
    )
    _add_middlewares(app, settings)
    return app


def _charged(fast: FastPath, metrics: Metrics | None, tracing: Traced | Untraced) -> Fast:
    """Answers by plans; the rows are charged to who asks, and the answers counted and traced."""

    async def answer(
        query: str, variables: dict[str, object], operation_name: str | None
    ) -> dict[str, object] | None:
        begin = time.perf_counter()
        found = await fast.answer(query, variables, operation_name, current_caller().charge)
        if found is not None:
            seconds = time.perf_counter() - begin
            tracing.tell_planned(seconds)
            if metrics is not None:
                metrics.count_query(seconds)
        return found

    return answer


def _graphql_routes(
    gate: Gate | None,
    graphql: GraphQLEndpoint,
    streams: EventStreamEndpoint,
    sockets: WebSocketEndpoint,
) -> list[BaseRoute]:
    async def ask(request: Request) -> Response:
        return await (streams(request) if wants_stream(request) else graphql(request))

    async def talk(socket: WebSocket) -> None:
        await sockets(socket)

    return [
        Route("/graphql", for_callers(gate, ask), methods=["GET", "POST"]),
        WebSocketRoute("/graphql", talk),
    ]


def _health_routes(readiness: Callable[[], Response]) -> list[BaseRoute]:
    async def alive(_request: Request) -> Response:
        return health.alive()

    async def ready(_request: Request) -> Response:
        return await run_in_threadpool(readiness)

    return [
        Route("/healthz", alive, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
    ]


def _metrics_routes(metrics: Metrics | None) -> list[BaseRoute]:
    if metrics is None:
        return []

    async def show(_request: Request) -> Response:
        text = await run_in_threadpool(metrics.text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return [Route("/metrics", show, methods=["GET"])]


def _add_middlewares(app: Starlette, settings: ServerSettings) -> None:
    """Put around the application what holds for every response; the last is the outermost."""
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESSED_BYTES_MIN, compresslevel=5)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=[
                "authorization",
                "content-type",
                "graphql-require-preflight",
                "if-none-match",
                "last-event-id",
            ],
            expose_headers=["etag", "retry-after"],
            max_age=PREFLIGHT_SECONDS,
        )
    app.add_middleware(_SecurityHeaders)


def _following(
    store: EventStore,
    caught_up: Callable[[], object],
    build: Callable[[Callable[[], bool]], object] | None,
    fast: FastPath,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Keeps the projections fresh while the server runs, so that requests find them so."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        follower = Follower(store, caught_up)
        stopping = Event()

        def run_build() -> None:
            try:
                if build is not None:
                    build(stopping.is_set)
            except Exception:
                logger.exception("the projections could not be built anew")

        threads = [
            Thread(target=follower.run, name="follower", daemon=True),
            Thread(target=run_build, name="builder", daemon=True),
        ]
        for thread in threads:
            thread.start()
        fast.open()
        try:
            yield
        finally:
            fast.close()
            stopping.set()
            follower.stop()
            for thread in threads:
                await run_in_threadpool(thread.join, STOP_SECONDS_MAX)

    return lifespan
