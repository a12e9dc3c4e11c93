"""What a message costs a subscriber: CPU of `timeline serve` with many websockets on loopback.

    python -m benchmarks.subscriptions [--subscribers 200] [--events 200] [--rounds 3]

The server is a process of its own on a fresh SQLite casebook; the clients, in this process, all
subscribe to the same events; then places are registered. Told is the server's CPU from before the
first event to after the last message, less what the same takes with a single subscriber (reading
the log, catching up, making the messages), over messages and further subscribers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from timeline.bootstrap import Application, application, initialise
from timeline.domain.places import Place, PlaceKind
from timeline.settings import Settings

QUERY = "subscription { events { checkpoint event { position type stream recordedAt hash } } }"
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS_MAX = 60


def cpu_seconds(pid: int) -> float:
    """The CPU that a process has used, its threads among it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def joined(port: int) -> ClientConnection:
    """A client that has subscribed to what comes from now on."""
    client = await connect(
        f"ws://127.0.0.1:{port}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        max_queue=None,
        ping_interval=None,
    )
    await client.send('{"type": "connection_init"}')
    await client.recv()
    message = {"id": "1", "type": "subscribe", "payload": {"query": QUERY}}
    await client.send(json.dumps(message))
    # The answer to a query that was asked later says that the subscription is being served.
    query = {"id": "2", "type": "subscribe", "payload": {"query": "{ __typename }"}}
    await client.send(json.dumps(query))
    while json.loads(await client.recv())["type"] != "complete":
        pass
    return client


async def round_of(app: Application, pid: int, port: int, subscribers: int, events: int) -> float:
    """The server's CPU seconds for some events to some subscribers."""
    clients = [await joined(port) for _ in range(subscribers)]
    await asyncio.sleep(1)
    first = app.store.head().position
    places = [
        Place(place_id=f"p{first + n}", name=f"Place {first + n}", kind=PlaceKind.VILLAGE)
        for n in range(events)
    ]

    async def received(client: ClientConnection) -> None:
        for _ in range(events):
            await client.recv()

    before = cpu_seconds(pid)
    await asyncio.to_thread(app.registering.register, places, [])
    await asyncio.gather(*(received(c) for c in clients))
    used = cpu_seconds(pid) - before
    await asyncio.gather(*(c.close() for c in clients))
    return used


def serve(url: str) -> tuple[subprocess.Popen[bytes], int]:
    """A server on a database, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    command = [sys.executable, "-m", "timeline", "--database", url, "serve", "--port", str(port)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process, port
    process.kill()
    raise SystemExit("the server does not start")


async def measure(app: Application, pid: int, port: int, options: argparse.Namespace) -> None:
    """Print what each round took."""
    count, events = options.subscribers, options.events
    await round_of(app, pid, port, 1, events)  # warms up
    best = []
    for number in range(options.rounds):
        single = await round_of(app, pid, port, 1, events)
        many = await round_of(app, pid, port, count, events)
        best.append((many - single) / events / (count - 1) * 1e6)
        print(
            f"round {number + 1}: {single:.2f} s for 1 subscriber, {many:.2f} s for {count}:"
            f" {best[-1]:.1f} us a message and subscriber"
        )
    load = os.getloadavg()[0]
    print(f"least {min(best):.1f} us (asked: 30); load {load:.1f}, {events} events a round")


def main() -> None:
    """Measure with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(f"sqlite:///{folder}/served.db")
        initialise(settings)
        process, port = serve(settings.database_url)
        try:
            with application(settings) as app:
                asyncio.run(measure(app, process.pid, port, options))
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main()
