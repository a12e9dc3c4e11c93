"""A folder of prose whose filing by several processes is killed half-way is filed to its end."""

from __future__ import annotations

import time
from pathlib import Path

from tests.acceptance.conftest import Cli, log_of

REPORTS = 30
KILLS = 1
ENDED_WITHIN_SECONDS = 20
FILED_WITHIN_SECONDS = 60


def prose(number: int) -> str:
    day = 1 + number % 24
    return (
        f"---\nsource: Outlet {number}\npublished: 2016-02-{day + 1:02}\n---\n"
        f"Islamic State captured Ithriya on {day} February 2016. Syrian jets bombed the town,"
        f" report {number} said. The army vowed to retake Khanasser. Rebels shelled Azaz on"
        f" {day} February.\n"
    )


def told(url: str) -> list[tuple[str, str, str | None]]:
    """Everything that is in the log but when it was recorded."""
    with log_of(url) as log:
        return [(e.stream, e.type, e.data) for e in log.read()]


def children_of(pid: int) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == pid:
                found.add(int(entry.name))
    return found


def have_ended(pids: set[int]) -> bool:
    deadline = time.monotonic() + ENDED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_a_folder_of_prose_killed_half_way_is_filed_to_its_end(
    on_sqlite: Cli, tmp_path: Path
) -> None:
    cli = on_sqlite
    for number in range(REPORTS):
        cli.write(f"r{number:02}.md", prose(number))
    counts = [0]
    with log_of(cli.database) as log:
        for _ in range(KILLS):
            head, deadline = log.head().position, time.monotonic() + FILED_WITHIN_SECONDS
            running = cli.start("file", "reports", "--jobs", "2")
            while log.head().position == head and time.monotonic() < deadline:
                time.sleep(0.005)
            workers = children_of(running.pid)
            running.kill()
            assert running.wait().code == -9
            assert len(workers) >= 2, "reading went on in processes of its own"
            assert have_ended(workers), "no reader outlives the command"
            counts.append(sum(e.type == "ReportFiled" for e in log.read()))
    assert counts == sorted(set(counts)), "each run files something, and none takes away"
    assert counts[-1] < REPORTS, "the last kill came too late to tell anything"

    lines = cli.done("file", "reports", "--jobs", "2").out.splitlines()

    assert sum("already filed" in line for line in lines) == counts[-1]
    resumed = told(cli.database)
    assert sum(type_ == "ReportFiled" for _, type_, _ in resumed) == REPORTS
    assert sum(type_ == "ControlChanged" for _, type_, _ in resumed) >= REPORTS
    cli.database = f"sqlite:///{tmp_path / 'once.db'}"
    cli.done("init")
    cli.done("file", "reports", "--jobs", "1")
    assert told(cli.database) == resumed
    assert len(cli.done("verify").out.splitlines()) == 3
