"""Gives tests the command line as processes of their own, and databases with the seeds' places.

Loading the program and its language model takes seconds, so it is done once: a parent process
loads them and forks for every command. Each command still has a process, streams, an environment
and an exit code of its own, and can be killed. `test_cli` also starts it from nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ENGINES, PostgresServer
from timeline.bootstrap import initialise, system_clock
from timeline.settings import Settings
from timeline.store.engine import connect
from timeline.store.event_store import EventStore

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds" / "reports"
ARTICLE = ROOT.parent / "shared" / "reports" / "seed" / "2016-02-24-eldorar-khanasser.txt"

# Reads one order a line: start a command, or wait for one.
_PARENT = """
import json, os, sys, warnings
from timeline.cli import main
from timeline.extraction.model import load_model
try:
    import timeline.api.schema
except ImportError:
    pass
load_model()
print("ready", flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
    else:
        answer = os.fork()
        if answer == 0:
            os.chdir(order["folder"])
            os.environ.update(order["environment"])
            for stream, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
                opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
                os.dup2(opened, stream)
            sys.argv = ["timeline", *order["arguments"]]
            sys.stdin = open(os.devnull)
            code = 70
            try:
                main()
            except SystemExit as end:
                code = end.code or 0
            except BaseException:
                import traceback
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(answer, flush=True)
"""


@dataclass(frozen=True)
class Result:
    """What a command came to; -9 is a process that was killed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.out)


class Forker:
    """The parent of the commands' processes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PARENT],
            cwd=ROOT,
            env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "120"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def order(self, **order: object) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


@dataclass
class Running:
    """A command that has been started."""

    cli: Cli
    pid: int
    name: str

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Result:
        code = self.cli.forker.order(wait=self.pid)
        out, err = (
            (self.cli.folder / f"{self.name}.{stream}").read_text("utf-8")
            for stream in ("stdout", "stderr")
        )
        return Result(code, out, err)


@dataclass
class Cli:
    """The program in a folder, on a database."""

    forker: Forker
    folder: Path
    database: str
    _count: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str | Path) -> Running:
        self._count += 1
        name = f"command-{self._count}"
        pid = self.forker.order(
            arguments=[str(a) for a in arguments],
            folder=str(self.folder),
            environment={"TIMELINE_DATABASE_URL": self.database, **self.environment},
            out=str(self.folder / f"{name}.stdout"),
            err=str(self.folder / f"{name}.stderr"),
        )
        return Running(self, pid, name)

    def __call__(self, *arguments: str | Path) -> Result:
        return self.start(*arguments).wait()

    def done(self, *arguments: str | Path) -> Result:
        """Run a command that must succeed without a word on stderr."""
        result = self(*arguments)
        assert (result.code, result.err) == (0, ""), result
        return result

    def refused(self, *arguments: str | Path) -> str:
        """Run a command that must be refused with one line on stderr, and return the line."""
        result = self(*arguments)
        assert (result.code, result.out) == (1, ""), result
        assert result.err.endswith("\n"), result
        assert result.err.count("\n") == 1, result
        return result.err.rstrip("\n")

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / "reports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    @property
    def head(self) -> int:
        return int(self.done("status", "--json").json["head_position"])


@contextmanager
def log_of(url: str) -> Iterator[EventStore]:
    """The log of a database, as another process sees it."""
    engine = connect(url)
    try:
        yield EventStore(engine, "main", system_clock)
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """The loaded program."""
    opened = Forker()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the seeds' places and actors, to copy."""
    path = tmp_path_factory.mktemp("seeded") / "seeded.db"
    initialise(Settings(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def seeded_template(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a Postgres database with the seeds' places and actors, to copy."""
    with postgres_server.database() as name:
        initialise(Settings(postgres_server.url(name)))
        yield name


@pytest.fixture
def on_sqlite(forker: Forker, tmp_path: Path, seeded_file: Path) -> Cli:
    """The program on an SQLite file with the seeds' places and actors."""
    shutil.copyfile(seeded_file, tmp_path / "desk.db")
    return Cli(forker, tmp_path, f"sqlite:///{tmp_path / 'desk.db'}")


@pytest.fixture
def on_postgres(
    forker: Forker, tmp_path: Path, postgres_server: PostgresServer, seeded_template: str
) -> Iterator[Cli]:
    """The program on a Postgres database with the seeds' places and actors."""
    folder = tmp_path / "postgres"
    folder.mkdir()
    with postgres_server.database(seeded_template) as name:
        yield Cli(forker, folder, postgres_server.url(name))


@pytest.fixture(params=ENGINES)
def cli(request: pytest.FixtureRequest) -> Cli:
    """The program on each engine."""
    found: Cli = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture(scope="session")
def seeds_on_sqlite(
    forker: Forker, tmp_path_factory: pytest.TempPathFactory, seeded_file: Path
) -> Cli:
    """The program on an SQLite file in which the seeds' reports are filed; only to be read."""
    folder = tmp_path_factory.mktemp("seeds")
    shutil.copyfile(seeded_file, folder / "desk.db")
    opened = Cli(forker, folder, f"sqlite:///{folder / 'desk.db'}")
    opened.done("file", SEEDS)
    return opened


@pytest.fixture(scope="session")
def seeds_on_postgres(
    forker: Forker,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    seeded_template: str,
) -> Iterator[Cli]:
    """The program on a Postgres database in which the seeds' reports are filed; only to be read."""
    with postgres_server.database(seeded_template) as name:
        opened = Cli(forker, tmp_path_factory.mktemp("seeds"), postgres_server.url(name))
        opened.done("file", SEEDS)
        yield opened
