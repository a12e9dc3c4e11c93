"""Kills and races migrations many times and counts; a state in between or a failure stops it.

python benchmarks/migration_faults.py [--kills 200] [--races 25] [--processes 8]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.migrations import durable_postgres
from tests.migration.faults import engine_on, kill_upgrades, race_upgrades


def main() -> None:
    """Print one line an engine."""
    parser = argparse.ArgumentParser(description="Kill and race migrations.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--races", type=int, default=25)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=2016)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = stack.enter_context(durable_postgres(Path(folder)))
        database = stack.enter_context(server.database())
        for name, url in (
            ("SQLite", f"sqlite:///{folder}/faults.db"),
            ("Postgres", server.url(database)),
        ):
            with engine_on(url) as engine:
                killed = kill_upgrades(engine, url, given.kills, given.seed)
                for _ in range(given.races):
                    race_upgrades(engine, url, given.processes)
            found = ", ".join(f"{n} at {r}" for r, n in sorted(killed.found.items()))
            print(
                f"{name}: {given.kills} kills, found {found}; slowest next upgrade"
                f" {killed.slowest_next_seconds:.2f} s; {given.races} races of"
                f" {given.processes} processes, each migrated once; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
