"""Kills writers and databases for a while, and counts: python benchmarks/crash_run.py [SECONDS].

Prints one row a run: what was appended, what each tailer read, who was killed, and what was lost,
which must be 0. It exits with 1 when anything was missed, repeated, reordered or lost.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.contract.crashing import crashable_postgres
from tests.contract.harness import Plan, run
from tests.contract.history import judge
from timeline.store import migrate
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.verify import verify_log

COLUMNS = (
    "run", "appended", "unheard", "refused", "tailers read", "rebuilt", "writers killed",
    "crashes", "lost", "faults", "verify",
)  # fmt: skip


def measure(
    name: str,
    url: str,
    folder: Path,
    seconds: float,
    *,
    kills: int = 0,
    crash: Callable[[], None] | None = None,
    crashes: int = 0,
) -> bool:
    """Run one plan and print its row; whether everything held."""
    folder.mkdir()
    steps = (
        () if crash is None else tuple((at / (crashes + 1), crash) for at in range(1, crashes + 1))
    )
    engine = connect(url)
    try:
        migrate.upgrade(engine)
        store = EventStore(engine, "main", lambda: datetime.now(UTC))
        before = store.open_casebook("UTC", "syria").head.position
        assert before == 0, "a run needs a log of its own"
        ran = run(Plan(url, folder, seconds, writer_kills=kills, crashes=steps))
        verdict = judge(folder, store)
        holds = verify_log(engine, "main").holds
    finally:
        engine.dispose()
    faults = [*verdict.faults, *ran.failures]
    row = (
        name, verdict.acknowledged, verdict.unheard, verdict.refused,
        " ".join(map(str, verdict.tailed)), verdict.rebuilt, ran.killed, ran.crashes,
        verdict.lost, len(faults), "holds" if holds else "does not hold",
    )  # fmt: skip
    print("| " + " | ".join(map(str, row)) + " |", flush=True)
    for fault in faults:
        print(f"  {fault}")
    return not faults and holds


def main() -> None:
    """Run every plan, on both engines."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    kills = max(1, int(seconds / 2))
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    with tempfile.TemporaryDirectory(prefix="crash-run-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        sqlite = f"sqlite:///{folder / 'quiet.db'}"
        killed = f"sqlite:///{folder / 'killed.db'}"
        held = [
            measure("SQLite", sqlite, folder / "a", seconds),
            measure("SQLite, writers killed", killed, folder / "b", seconds, kills=kills),
        ]
        for number, (title, options) in enumerate(
            (
                ("Postgres", {}),
                ("Postgres, writers killed", {"kills": kills}),
                ("Postgres, crashed", {"kills": kills, "crashes": max(1, int(seconds / 6))}),
            )
        ):
            part = folder / f"server-{number}"
            part.mkdir()
            with crashable_postgres(part) as server:
                crash = server.crash if "crashes" in options else None
                held.append(
                    measure(
                        title, server.url, folder / f"p{number}", seconds, crash=crash, **options
                    )
                )
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
