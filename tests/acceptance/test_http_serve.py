"""`timeline serve` as a process, over a database that another process files into."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PROGRAM = Path(sys.executable).with_name("timeline")
START_SECONDS_MAX = 60
REPORT = """
id: held
title: Who holds Khanasser
source: {name: Example Agency}
published: 2016-02-25
claims:
  - type: ControlStated
    actors: [{as_named: Syrian army, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-25
"""
QUERY = """{ place(name: "Khanasser") { control { state holders { name } }
  timeline { edges { node { type report { id title } } } } } }"""


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    url = f"sqlite:///{tmp_path / 'served.db'}"
    return {**os.environ, "TIMELINE_DATABASE_URL": url, "PYTHONWARNINGS": "ignore"}


def run(surroundings: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [PROGRAM, *arguments],
        check=False,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def client(surroundings: dict[str, str]) -> Iterator[httpx.Client]:
    run(surroundings, "init")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    process = subprocess.Popen(
        [PROGRAM, "serve", "--port", port], env=surroundings, stderr=subprocess.PIPE
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as connected:
            wait_for(connected, process)
            yield connected
    finally:
        process.terminate()
        process.communicate(timeout=30)


def wait_for(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server stopped"
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def test_what_another_process_files_is_served_with_the_next_request(
    surroundings: dict[str, str], client: httpx.Client, tmp_path: Path
) -> None:
    before = client.post("/graphql", json={"query": QUERY}).json()
    (tmp_path / "held.yaml").write_text(REPORT, encoding="utf-8")
    run(surroundings, "file", str(tmp_path / "held.yaml"))

    after = client.post("/graphql", json={"query": QUERY}).json()

    assert before["data"]["place"]["timeline"]["edges"] == []
    report = {"id": "held", "title": "Who holds Khanasser"}
    assert after["data"]["place"] == {
        "control": {"state": "controlled", "holders": [{"name": "Government of Syria"}]},
        "timeline": {"edges": [{"node": {"type": "ControlStated", "report": report}}]},
    }
