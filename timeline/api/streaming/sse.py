"""Speaks GraphQL over SSE in its distinct connections mode: one operation, one response.

Each event bears its checkpoint as id, so that a browser's EventSource goes on by itself where it
was cut off: it sends the last one as Last-Event-ID.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from timeline.api.access import Caller, current_caller
from timeline.api.endpoint import JSON, NO_STORE, Admit, RequestRefused, Run, asked_by, header
from timeline.api.errors import request_error
from timeline.api.schema import operation_type
from timeline.api.streaming.access import NO_LONGER_VALID, while_valid
from timeline.api.streaming.plans import Plan
from timeline.api.streaming.sources import Hub
from timeline.store.event_store import EventStore

EVENT_STREAM = "text/event-stream"
_HEADERS = {"cache-control": NO_STORE, "x-accel-buffering": "no"}
_COMPLETE = "event: complete\ndata:\n\n"


def wants_stream(request: Request) -> bool:
    """Whether the client asks for a stream of events."""
    return EVENT_STREAM in (header(request, b"accept") or "").lower()


class EventStreamEndpoint:
    """Answers requests at `/graphql` that accept an event stream.

    Args:
        hub: Makes the messages.
        store: Writes the checkpoints.
        run: Answers a query with its variables and operation name; called in a thread.
        admit: Tells which document is meant, or refuses it.
    """

    def __init__(self, hub: Hub, store: EventStore, run: Run, admit: Admit) -> None:
        self._hub, self._store, self._run, self._admit = hub, store, run, admit

    async def __call__(self, request: Request) -> Response:
        """The response to one request."""
        is_get = request.method in ("GET", "HEAD")
        try:
            asked = self._admit(await asked_by(request), is_get=is_get, streams=True)
        except RequestRefused as refused:
            return _refusal(request_error(refused.message, refused.code), refused.status)
        except ClientDisconnect:
            return Response(status_code=400)
        if operation_type(asked.query, asked.operation_name) is not OperationType.SUBSCRIPTION:
            result = await anyio.to_thread.run_sync(
                self._run, asked.query, asked.variables, asked.operation_name
            )
            return Response(_last(result), media_type=EVENT_STREAM, headers=_HEADERS)
        plan = await self._hub.plan(asked, request.headers.get("last-event-id"))
        if isinstance(plan, dict):
            return _refusal(plan, 400)
        events = self._events(plan, current_caller())
        return StreamingResponse(events, media_type=EVENT_STREAM, headers=_HEADERS)

    async def _events(self, plan: Plan, caller: Caller) -> AsyncIterator[str]:
        yield ":\n\n"  # the headers go out before the first event
        async with self._hub.subscribed(plan) as source:
            async for messages, reached in while_valid(caller, source.batches(plan.after)):
                events = [
                    f"id: {self._store.checkpoint(m.position)}\nevent: next\ndata: {m.payload}\n\n"
                    for m in messages
                ]
                # Keeps the connection, and moves on the checkpoint over what made no message.
                yield "".join(events) or f":\nid: {self._store.checkpoint(reached)}\n\n"
        yield _last(request_error(NO_LONGER_VALID, "UNAUTHENTICATED"))


def _last(result: dict[str, object]) -> str:
    return f"event: next\ndata: {orjson.dumps(result).decode()}\n\n{_COMPLETE}"


def _refusal(result: dict[str, object], status: int) -> Response:
    headers = {"content-type": f"{JSON}; charset=utf-8", "cache-control": NO_STORE}
    return Response(orjson.dumps(result), status_code=status, headers=headers)
