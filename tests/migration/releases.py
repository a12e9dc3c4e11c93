"""Loads the databases that the released versions filled, and what those versions answered."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.conftest import PostgresServer

FOLDER = Path(__file__).parent / "releases"
RELEASES = tuple(sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))


@dataclass(frozen=True)
class Release:
    """One release on one engine ("sqlite" or "postgres")."""

    name: str
    engine: str

    def __str__(self) -> str:
        return f"{self.name}-{self.engine}"

    @cached_property
    def told(self) -> dict[str, Any]:
        """Its heads and answers, as `make_release.py` wrote them."""
        found: dict[str, Any] = json.loads(self._read("json"))
        return found

    def _read(self, kind: str) -> bytes:
        return gzip.decompress((FOLDER / self.name / f"{self.engine}.{kind}.gz").read_bytes())

    def write_file(self, path: Path) -> str:
        """Write the SQLite file; returns its URL."""
        path.write_bytes(self._read("db"))
        return f"sqlite:///{path}"

    def load_into(self, url: str) -> None:
        """Execute the Postgres dump on an empty database."""
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(self._read("sql"))


ALL = tuple(Release(name, engine) for name in RELEASES for engine in ("sqlite", "postgres"))


@contextmanager
def loaded(release: Release, path: Path, server: PostgresServer | None) -> Iterator[str]:
    """The URL of a fresh copy of a release's database.

    Args:
        release: Which.
        path: Where the SQLite file goes.
        server: Where the Postgres database is made; needed for that engine alone.
    """
    if release.engine == "sqlite":
        yield release.write_file(path)
        return
    assert server is not None
    with server.database() as name:
        release.load_into(server.url(name))
        yield server.url(name)
