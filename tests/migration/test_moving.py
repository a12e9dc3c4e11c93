"""`timeline copy` moves a released database to the other engine and back, killed on the way."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from tests.conftest import PostgresServer
from tests.migration.faults import copy_killed
from tests.migration.releases import ALL, Release, loaded
from timeline.api.schema import execute
from timeline.bootstrap import Application, CopiedCasebook, copy_database
from timeline.settings import Settings
from timeline.store import migrate, tables
from timeline.store.engine import connect, read_transaction
from timeline.store.verify import verify_documents, verify_log

ROOT = Path(__file__).parents[2]
CASEBOOKS = ("main", "second")
NEWEST = [release for release in ALL if release.name == ALL[-1].name]
BATCH = 40


@pytest.fixture(params=NEWEST, ids=str)
def release(request: pytest.FixtureRequest) -> Release:
    found: Release = request.param
    return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def urls(
    release: Release, stack: ExitStack, postgres_server: PostgresServer, tmp_path: Path
) -> list[str]:
    """A released database at head, an empty one on the other engine, and one on its own."""
    source = stack.enter_context(loaded(release, tmp_path / "source.db", postgres_server))
    engine = connect(source)
    migrate.upgrade(engine)
    engine.dispose()
    empty = [f"sqlite:///{tmp_path / 'empty.db'}"]
    empty.append(postgres_server.url(stack.enter_context(postgres_server.database())))
    return [source, *(empty[::-1] if release.engine == "sqlite" else empty)]


@contextmanager
def silent(_label: str) -> Iterator[Callable[[int, int], None]]:
    yield lambda _done, _total: None


def copied(source: str, target: str) -> dict[str, CopiedCasebook]:
    """What `timeline copy` does, for each casebook."""
    done = copy_database(Settings(source), target, None, silent)
    return {one.casebook: one for one in done}


def log_of(engine: Engine) -> dict[str, set[tuple[Any, ...]]]:
    """Every row of the log and its documents, byte for byte."""
    with read_transaction(engine) as connection:
        return {
            table.name: {tuple(row) for row in connection.execute(select(table))}
            for table in (tables.casebooks, tables.events, tables.documents)
        }


def answers_of(url: str, engine: Engine, release: Release) -> list[Any]:
    """The answers to every question of the release."""
    found = []
    for asked in release.told["answers"]:
        app = Application(Settings(url, asked["casebook"]), engine)
        app.runner.catch_up()
        found.append(execute(app.reader, app.store, asked["query"], None))
    return found


def test_a_copy_to_the_other_engine_and_back_keeps_the_log_the_heads_and_the_answers(
    release: Release, urls: list[str], stack: ExitStack
) -> None:
    source, other, back = urls
    engines = [connect(url) for url in urls]
    for engine in engines:
        stack.callback(engine.dispose)
    heads = {name: told["head_hash"] for name, told in release.told["heads"].items()}

    for one, two in ((source, other), (other, back)):
        done = copied(one, two)
        assert {name: c.copied.head.hash.hex() for name, c in done.items()} == heads
        assert all(c.verified == c.copied.head.position for c in done.values())

    logs = [log_of(engine) for engine in engines]
    assert logs[0] == logs[1] == logs[2]
    for engine in engines[1:]:
        for name in CASEBOOKS:
            assert verify_log(engine, name).head.hash.hex() == heads[name]
            assert verify_documents(engine, name).holds
    told = [answers_of(url, engine, release) for url, engine in zip(urls, engines, strict=True)]
    assert told[0] == told[1] == told[2]


def test_a_copy_killed_on_the_way_goes_on_where_it_stopped(
    release: Release, urls: list[str], stack: ExitStack
) -> None:
    source, other, _ = urls
    head = release.told["heads"]["main"]["head_position"]
    engines = connect(source), connect(other)
    for engine in engines:
        stack.callback(engine.dispose)
    migrate.upgrade(engines[1])
    reached = []
    for killed_at in (BATCH, 4 * BATCH, 8 * BATCH):
        copy_killed(source, other, BATCH, killed_at)
        found = verify_log(engines[1], "main")
        assert found.holds
        reached.append(found.head.position)

    assert reached == [BATCH, 4 * BATCH, 8 * BATCH]
    assert copied(source, other)["main"].copied.events == head - reached[-1]
    assert log_of(engines[0]) == log_of(engines[1])


def test_a_copy_shows_its_progress_in_a_terminal(
    stack: ExitStack, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    source = stack.enter_context(loaded(NEWEST[0], tmp_path / "source.db", postgres_server))
    engine = connect(source)
    migrate.upgrade(engine)
    engine.dispose()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "timeline", "copy", source, f"sqlite:///{tmp_path / 'empty.db'}"],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                piece = terminal.read(4096)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            shown += piece

    assert process.wait(60) == 0
    assert "copying main" in shown.decode()
    assert f"/{NEWEST[0].told['heads']['main']['head_position']}" in shown.decode()
