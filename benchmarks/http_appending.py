"""Serves appends over HTTP for the benchmark alone, as the program's own server has no such door.

`POST /` with a stream and one event goes to `GroupedEventStore.submit` and is answered after the
commit. Starlette under uvicorn, as `timeline serve`: python -m benchmarks.http_appending URL PORT.
"""

# ruff: noqa: D102 - `Contender` tells what the methods are
from __future__ import annotations

import asyncio
import http.client
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.contenders import DATA, METADATA
from timeline.store.engine import connect
from timeline.store.events import NewEvent, StreamAppend
from timeline.store.group_commit import GroupedEventStore

# The payload is encoded beforehand, as for all.
_BODY = b'{"stream":"report-%s","event_id":"%s","type":"ControlChanged","data":' + DATA + b"}"


class Posted(msgspec.Struct):
    """What a client sends: one event for a stream that is new."""

    stream: str
    event_id: str
    type: str
    data: msgspec.Raw


def app(store: GroupedEventStore) -> Starlette:
    """The application: one route that appends."""
    decode = msgspec.json.Decoder(Posted).decode

    async def append(request: Request) -> Response:
        posted = decode(await request.body())
        new = NewEvent(posted.event_id, posted.type, 1, bytes(posted.data), METADATA)
        appended = await asyncio.wrap_future(store.submit([StreamAppend(posted.stream, 0, [new])]))
        return Response(msgspec.json.encode(appended.positions), media_type="application/json")

    return Starlette(routes=[Route("/", append, methods=["POST"])])


class OursOverHttp:
    """HTTP/1.1 clients with a connection kept alive for each thread, and the server's process."""

    def __init__(self, url: str, port: int = 50_953) -> None:
        self._port = port
        self._server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.http_appending", url, str(port)],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._local = threading.local()
        self._wait()

    def _wait(self) -> None:
        for _ in range(200):
            try:
                self.single()
            except OSError:
                self._local.connection = None
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("the HTTP server does not start")

    def bulk(self, count: int) -> None:
        for _ in range(count):
            self.single()

    def single(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port)
            self._local.connection = connection
        connection.request(
            "POST", "/", _BODY % (uuid.uuid4().hex.encode(), str(uuid.uuid4()).encode())
        )
        response = connection.getresponse()
        if response.status != 200 or not response.read().startswith(b"["):
            raise RuntimeError(f"the HTTP server answered {response.status}")

    def read(self, count: int) -> int:
        raise NotImplementedError("only appending is measured over HTTP")

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()


def main() -> None:
    """Serve a database until the process is ended."""
    url, port = sys.argv[1:]
    with GroupedEventStore(connect(url), "main", lambda: datetime.now(UTC)) as store:
        uvicorn.run(app(store), host="127.0.0.1", port=int(port), log_level="error")


if __name__ == "__main__":
    main()
