"""Speaks graphql-transport-ws: subscriptions and single answers over one websocket.

The protocol is that of the npm package graphql-ws; the older subprotocol of that name is not
offered. Each operation runs in a task of its own. What is sent has been encoded by the source; only
the client's id is put around it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import anyio
import orjson
from graphql import OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect

from timeline.api.access import NOBODY, Caller, Gate, Refused, asked_by
from timeline.api.endpoint import Admit, RequestRefused, Run, checked
from timeline.api.entrance import entered
from timeline.api.errors import request_error
from timeline.api.schema import operation_type
from timeline.api.streaming.access import (
    NO_LONGER_VALID,
    is_same_or_allowed_origin,
    until_invalid,
)
from timeline.api.streaming.bounds import (
    INIT_SECONDS_MAX,
    SEND_SECONDS_MAX,
    SUBSCRIPTIONS_PER_CONNECTION_MAX,
)
from timeline.api.streaming.plans import Plan
from timeline.api.streaming.sources import Hub, too_many

logger = logging.getLogger(__name__)

SUBPROTOCOL = "graphql-transport-ws"

INVALID_MESSAGE = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
BAD_SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
ALREADY_EXISTS = 4409
TOO_MANY_INITS = 4429
TOO_SLOW = 1013  # try again later
INTERNAL_ERROR = 4500


class _Closed(Exception):
    """The connection is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class WebSocketEndpoint:
    """Answers websockets at `/graphql`.

    Args:
        hub: Makes the messages.
        run: Answers a query with its variables and operation name; called in a thread.
        admit: Tells which document is meant, or refuses it.
        gate: Lets callers in; without one everybody reads.
        origins: The origins, beside our own, whose pages may connect.
    """

    def __init__(
        self,
        hub: Hub,
        run: Run,
        admit: Admit,
        gate: Gate | None,
        origins: tuple[str, ...] = (),
    ) -> None:
        self.hub, self.run, self.admit, self.gate = hub, run, admit, gate
        self._origins = origins

    async def __call__(self, socket: WebSocket) -> None:
        """Serve one connection until either side closes it."""
        if not is_same_or_allowed_origin(socket, self._origins):
            await socket.close()
            return
        if SUBPROTOCOL not in socket.scope.get("subprotocols", []):
            await socket.accept()
            await socket.close(BAD_SUBPROTOCOL, "Subprotocol not acceptable")
            return
        await socket.accept(subprotocol=SUBPROTOCOL)
        await _Connection(self, socket).serve()


class _Connection:
    """One websocket and the operations that run on it."""

    def __init__(self, endpoint: WebSocketEndpoint, socket: WebSocket) -> None:
        self._endpoint, self._socket = endpoint, socket
        self._is_acknowledged = self._is_initialised = False
        self._caller = NOBODY
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._closing: asyncio.Future[_Closed] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        receiving = asyncio.create_task(self._receive())
        try:
            waited: set[asyncio.Future[Any]] = {receiving, self._closing}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.done():
                await self._close(self._closing.result())
        finally:
            tasks = [receiving, *self._tasks.values()]
            if self._watching is not None:
                tasks.append(self._watching)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, why: _Closed) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await self._socket.close(why.code, why.reason)

    def _end(self, code: int, reason: str) -> None:
        if not self._closing.done():
            self._closing.set_result(_Closed(code, reason))

    async def _receive(self) -> None:
        timer = asyncio.get_running_loop().call_later(INIT_SECONDS_MAX, self._expire)
        try:
            while True:
                await self._handle(_message(await self._next_text()))
        except _Closed as why:
            self._end(why.code, why.reason)
        except WebSocketDisconnect:
            pass
        except Exception:
            logger.exception("a websocket failed")
            self._end(INTERNAL_ERROR, "Internal server error")
        finally:
            timer.cancel()

    def _expire(self) -> None:
        if not self._is_acknowledged:
            self._end(INIT_TIMEOUT, "Connection initialisation timeout")

    async def _next_text(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text: str | None = message.get("text")
        if text is None:
            raise _Closed(INVALID_MESSAGE, "Invalid message: it must be text")
        return text

    async def _handle(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "connection_init":
            await self._initialise(message)
        elif kind == "ping":
            payload = message.get("payload")
            await self._send({"type": "pong"} | ({"payload": payload} if payload else {}))
        elif kind == "subscribe":
            await self._subscribe(message)
        elif kind == "complete":
            self._stop(message)
        elif kind != "pong":
            raise _Closed(INVALID_MESSAGE, "Invalid message: unknown type")

    async def _initialise(self, message: dict[str, Any]) -> None:
        if self._is_initialised:
            raise _Closed(TOO_MANY_INITS, "Too many initialisation requests")
        self._is_initialised = True
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise _Closed(INVALID_MESSAGE, "Invalid message: payload must be an object")
        given = (payload or {}).get("Authorization", (payload or {}).get("authorization"))
        authorization = given if isinstance(given, str) else None
        self._caller = await self._entered(authorization)
        self._watching = asyncio.create_task(self._watch())
        self._is_acknowledged = True
        await self._send({"type": "connection_ack"})

    async def _watch(self) -> None:
        await until_invalid(self._caller)
        self._end(FORBIDDEN, NO_LONGER_VALID)

    async def _entered(self, authorization: str | None) -> Caller:
        """Who connects: by what they say when they begin, else by the header of the handshake."""
        shown = authorization or self._socket.headers.get("authorization")
        try:
            caller = await entered(self._endpoint.gate, shown, self._socket.client)
        except Refused as refused:
            raise _Closed(FORBIDDEN, refused.message) from None
        if caller.role is None:
            raise _Closed(FORBIDDEN, "Forbidden")
        return caller

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self._is_acknowledged:
            raise _Closed(UNAUTHORIZED, "Unauthorized")
        id_, payload = message.get("id"), message.get("payload")
        if not isinstance(id_, str) or not id_ or not isinstance(payload, dict):
            raise _Closed(INVALID_MESSAGE, "Invalid message: subscribe takes id and payload")
        if id_ in self._tasks:
            raise _Closed(ALREADY_EXISTS, f"Subscriber for {id_[:50]} already exists")
        if len(self._tasks) >= SUBSCRIPTIONS_PER_CONNECTION_MAX:
            most = SUBSCRIPTIONS_PER_CONNECTION_MAX
            await self._refuse(id_, too_many(most, "this connection"))
            return
        with asked_by(self._caller):  # a task runs in a copy of the context that it is made in
            task = asyncio.create_task(self._operate(id_, payload))
        self._tasks[id_] = task
        task.add_done_callback(lambda _: self._forget(id_, task))

    def _forget(self, id_: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(id_) is task:
            del self._tasks[id_]

    def _stop(self, message: dict[str, Any]) -> None:
        id_ = message.get("id")
        if not isinstance(id_, str):
            raise _Closed(INVALID_MESSAGE, "Invalid message: complete takes an id")
        task = self._tasks.pop(id_, None)
        if task is not None:
            task.cancel()

    async def _operate(self, id_: str, payload: dict[str, Any]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._answer(id_, payload))
        except* TimeoutError:
            self._end(TOO_SLOW, "Messages are not taken fast enough; go on from your checkpoint")
        except* (WebSocketDisconnect, RuntimeError, OSError):
            self._end(1001, "Going away")
        except* Exception:
            logger.exception("an operation failed")
            self._end(INTERNAL_ERROR, "Internal server error")

    async def _answer(self, id_: str, payload: dict[str, Any]) -> None:
        try:
            asked = self._endpoint.admit(checked(payload), streams=True)
        except RequestRefused as refused:
            await self._refuse(id_, request_error(refused.message, refused.code))
            return
        if operation_type(asked.query, asked.operation_name) is OperationType.SUBSCRIPTION:
            plan = await self._endpoint.hub.plan(asked)
            if isinstance(plan, dict):
                await self._refuse(id_, plan)
            else:
                await self._stream(id_, plan)
            return
        result = await anyio.to_thread.run_sync(
            self._endpoint.run, asked.query, asked.variables, asked.operation_name
        )
        if "data" in result:
            await self._send({"id": id_, "type": "next", "payload": result})
            self._tasks.pop(id_, None)  # the client may use the id again once it is told
            await self._send({"id": id_, "type": "complete"})
        else:
            await self._refuse(id_, result)

    async def _stream(self, id_: str, plan: Plan) -> None:
        send: Callable[..., Any] = self._socket._send  # noqa: SLF001 - without a check a message
        begin = f'{{"id":{orjson.dumps(id_).decode()},"type":"next","payload":'
        async with self._endpoint.hub.subscribed(plan) as source:
            async for messages, _ in source.batches(plan.after):
                async with asyncio.timeout(SEND_SECONDS_MAX):
                    for message in messages:
                        text = f"{begin}{message.payload}}}"
                        await send({"type": "websocket.send", "text": text})

    async def _refuse(self, id_: str, result: dict[str, Any]) -> None:
        self._tasks.pop(id_, None)
        await self._send({"id": id_, "type": "error", "payload": result["errors"]})

    async def _send(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(SEND_SECONDS_MAX):
            await self._socket.send_text(orjson.dumps(message).decode())


def _message(text: str | bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _Closed(INVALID_MESSAGE, "Invalid message: it is not JSON") from None
    if not isinstance(found, dict):
        raise _Closed(INVALID_MESSAGE, "Invalid message: it must be an object")
    return found
