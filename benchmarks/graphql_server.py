"""Serves the benchmark's databases: `python -m benchmarks.graphql_server ours|bare URL PORT`.

`bare` runs the statements of our plans through the same driver, makes a dict of each row by hand
and writes it with orjson, without any GraphQL, behind the same middleware.
"""

from __future__ import annotations

# ruff: noqa: ANN401 - rows are whatever the driver makes of them
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.graphql_data import CASEBOOK
from timeline.api.access import Gate
from timeline.api.app import _add_middlewares, create_app
from timeline.api.limits import RateLimits
from timeline.api.plans import statements
from timeline.api.plans.drivers import driver_for
from timeline.api.plans.statements import Shape
from timeline.api.serving import ServerSettings, settle_memory
from timeline.projections.reading import Reader
from timeline.store.engine import connect
from timeline.store.event_store import EventStore

COLUMNS = ("sort_key", "claim_id", "form", "type", "modality", "polarity", "quote", "data")
REPORT = ("r_report_id", "r_title")
PLACES = 20


class _Occurred(msgspec.Struct):
    edtf: str | None = None


class _Claim(msgspec.Struct):
    occurred: _Occurred


_decode = msgspec.json.Decoder(_Claim).decode
_decode_any = orjson.loads


def ours(url: str) -> Starlette:
    """The program's own application, on tables that nothing may catch up.

    Callers pass the gate and their requests and rows are counted; nobody is refused.
    """
    engine = connect(url)
    reader = Reader(engine, CASEBOOK)
    store = EventStore(engine, CASEBOOK, lambda: datetime.now(UTC))
    plenty = RateLimits(*[1e12] * 4)
    gate = Gate(cast("Any", None), cast("Any", None), anonymous_read=True, rates=plenty)
    return create_app(reader, store, lambda: None, gate=gate)


def bare(url: str) -> Starlette:
    """The same statements, rows and orjson."""
    engine = connect(url)
    driver: Any = None
    shape = Shape("places", *[False] * (len(Shape._fields) - 1))
    columns = (*COLUMNS, *REPORT)
    dialect = engine.dialect.name
    one = statements.timeline(dialect, shape, columns)
    many = statements.timeline(dialect, shape._replace(of_many=True, backwards=True), columns)
    held, fixed = statements.control(dialect, is_ahead=False, of_some=False, with_claims=False)

    def row(r: Any) -> dict[str, object]:
        return {
            "sort_key": r[3],
            "claim_id": r[4],
            "form": r[5],
            "type": r[6],
            "modality": r[7],
            "polarity": r[8],
            "quote": r[9],
            "edtf": _decode(r[10]).occurred.edtf,
            "report_id": r[11],
            "title": r[12],
        }

    async def a(given: Any) -> object:
        values = {"casebook": CASEBOOK, "place": given["id"], "size": 51}
        rows = await driver.ask((one, values))
        return [row(r) for r in rows[:50]]

    places = orjson.dumps([f"p{n}" for n in range(PLACES)]).decode()

    async def b(_given: Any) -> object:
        rows = await driver.ask((many, {"casebook": CASEBOOK, "place": places, "size": 6}))
        found: dict[int, list[object]] = {}
        for r in rows:
            found.setdefault(r[2], []).append(row(r))
        return [of[-5:] for of in found.values()]

    async def c(given: Any) -> object:
        at = f"{given['at']}T23:59:59.999999Z"
        values = {"casebook": CASEBOOK, "at": at, "last": "~", "known": "9999"}
        rows = await driver.ask((held, values | fixed))
        return [{"place": r[2], "control": _decode_any(r[3])} for r in rows]

    kinds: dict[str, Callable[[Any], Any]] = {"a": a, "b": b, "c": c}

    async def answer(request: Request) -> Response:
        given = orjson.loads(await request.body())
        found = await kinds[given["kind"]](given)
        return Response(orjson.dumps(found), media_type="application/json")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        nonlocal driver
        driver = driver_for(engine)
        yield
        driver.close()

    app = Starlette(lifespan=lifespan, routes=[Route("/graphql", answer, methods=["POST"])])
    _add_middlewares(app, ServerSettings())
    return app


if __name__ == "__main__":
    made = {"ours": ours, "bare": bare}[sys.argv[1]](sys.argv[2])
    settle_memory()  # as `timeline serve` does
    uvicorn.run(
        made, host="127.0.0.1", port=int(sys.argv[3]), log_level="warning", access_log=False
    )
