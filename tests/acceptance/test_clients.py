"""The clients that docs/clients.md shows, run as they stand there against a real server."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import Cli

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
NOTEBOOK = ROOT / "docs" / "notebooks" / "control_history.ipynb"
SHOWN = "http://127.0.0.1:8000"


def _need(what: str, *, is_there: bool) -> None:
    if not is_there:
        if os.environ.get("TIMELINE_REQUIRE_ALL") == "1":
            pytest.fail(f"{what} is missing")
        pytest.skip(f"{what} is missing")


def _need_packages(*names: str) -> None:
    missing = [n for n in names if importlib.util.find_spec(n) is None]
    _need(f"extra clients ({', '.join(missing)})", is_there=not missing)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)


@pytest.fixture(scope="module")
def address(seeds_on_sqlite: Cli) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = seeds_on_sqlite.start("serve", "--port", str(port))
    try:
        served = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while not _answers(served):
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.1)
        yield served
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait()


def _answers(served: str) -> bool:
    try:
        return httpx.get(f"{served}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_curl_asks_as_the_manual_shows(address: str) -> None:
    _need("curl", is_there=shutil.which("curl") is not None)
    answers = []
    for block in _blocks("sh"):
        done = subprocess.run(
            ["sh", "-c", block.replace(SHOWN, address)], check=True, capture_output=True, timeout=30
        )
        answers.append(json.loads(done.stdout)["data"])

    place, geojson = answers
    assert place["place"]["control"]["holders"] == [{"name": "Islamic State"}]
    assert "khanasser" in [f["id"] for f in geojson["controlGeojson"]["features"]]


def test_python_asks_as_the_manual_shows(address: str, tmp_path: Path) -> None:
    _need_packages("gql")
    (block,) = _blocks("python")
    script = tmp_path / "client.py"
    script.write_text(block.replace(SHOWN, address), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True, timeout=60
    )

    lines = done.stdout.splitlines()
    assert any(line.startswith("2016-02-2") for line in lines)
    assert any(line.startswith("   but ") for line in lines)


def test_the_notebook_draws_the_control_history_of_a_place(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _need_packages("gql", "matplotlib", "nbclient", "nbformat", "ipykernel")
    picture = tmp_path / "picture.png"
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("TIMELINE_URL", f"{address}/graphql")
    monkeypatch.setenv("TIMELINE_PICTURE", str(picture))
    run = (
        "import sys, nbformat; from nbclient import NotebookClient\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "NotebookClient(notebook, timeout=60, kernel_name='python3').execute()\n"
        "print([c.outputs[0]['data']['text/plain'] for c in notebook.cells if c.get('outputs')])"
    )

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", run, str(NOTEBOOK)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert "Government of Syria" in done.stdout
    assert "Islamic State" in done.stdout
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 10_000


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]

    assert [c for c in cells if c.get("outputs") or c.get("execution_count")] == []
