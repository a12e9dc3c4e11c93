"""Measures what refusing each hostile document of the tests' table costs: CPU of the one process.

    python -m benchmarks.hostile [--rounds 5]

Each is read from its JSON body and run as the server does, against a small casebook on SQLite. The
caches of documents are emptied before each round, so that none is refused from memory. The least
of the rounds is what it costs; what lies above the bound is marked, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tests.integration.hostile import DOCUMENTS
from tests.integration.test_graphql_world import World, file_all, new_world
from timeline.api import endpoint, schema
from timeline.api.errors import request_error
from timeline.store import migrate
from timeline.store.engine import connect
from timeline.store.event_store import EventStore

CPU_MS_MAX = 10.0


def cpu_ms(world: World, body: bytes) -> tuple[float, str]:
    """What one round costs in milliseconds of CPU, and the code with which it ends."""
    schema._parsed.cache_clear()  # noqa: SLF001
    schema._validated.cache_clear()  # noqa: SLF001
    begun = time.process_time()
    try:
        asked: Any = endpoint._json(body, "the body")  # noqa: SLF001
        result = world.run(asked["query"], asked["variables"])
        orjson.dumps(result)
    except endpoint.RequestRefused as refused:
        result = request_error(refused.message, refused.code)
    took = (time.process_time() - begun) * 1_000
    errors = result.get("errors") or [{"extensions": {"code": "-"}}]
    return took, errors[0]["extensions"]["code"]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    above = 0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'timeline.db'}"
        engine = connect(url)
        migrate.upgrade(engine)
        store = EventStore(engine, "main", lambda: datetime(2026, 11, 22, tzinfo=UTC))
        store.open_casebook("Asia/Damascus", "syria")
        world = new_world(store)
        file_all(world)
        world.ask('{ place(id: "khanasser") { id } }')
        for hostile in DOCUMENTS:
            body = hostile.body()
            measured = [cpu_ms(world, body) for _ in range(rounds)]
            least, code = min(measured)
            above += least > CPU_MS_MAX
            mark = " !" if least > CPU_MS_MAX else ""
            wrong = "" if code == hostile.code else f" (expected {hostile.code})"
            print(f"{hostile.name:45} {len(body):8} B {least:8.2f} ms {code}{wrong}{mark}")
        engine.dispose()
    print(f"{len(DOCUMENTS)} documents, {above} above {CPU_MS_MAX:.0f} ms")
    return 1 if above else 0


if __name__ == "__main__":
    raise SystemExit(main())
