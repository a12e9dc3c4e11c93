"""A process killed while it files leaves whole reports or nothing of them, and can be run again."""

from __future__ import annotations

import random
import time

import msgspec

from tests.acceptance.conftest import Cli, log_of
from timeline.store.events import StoredEvent

REPORTS = 40
CLAIMS = 40
KILLS = 5


def report(number: int) -> str:
    claims = "".join(
        f"  - {{type: Clash, ref: c{i}, occurred: 2016-02-{1 + i % 24:02},"
        " place: {as_named: Ithriya, relation: near},"
        f" actors: [{{as_named: Islamic State, role: initiator}}]}}\n"
        for i in range(CLAIMS)
    )
    return (
        f"id: r{number}\nsource: {{name: Outlet {number}}}\npublished: 2016-02-25\n"
        f"text: Report {number}.\nclaims:\n{claims}"
        f"corrections: [{{report: r{number - 1}, ref: c0, set: {{occurred: 2016-02-10}},"
        " basis: coding}]\n"
    )


def whole_reports(events: list[StoredEvent]) -> int:
    """How many reports the log holds, each with its claims, its source and its correction."""
    claims: dict[str, int] = {}
    promised: dict[str, int] = {}
    corrections, sources = 0, 0
    for event in events:
        assert event.data is not None
        data = msgspec.json.decode(event.data)
        if event.type == "ReportFiled":
            promised[data["report_version"]] = data["claim_count"]
        elif event.type == "Clash":
            claims[data["report_version"]] = claims.get(data["report_version"], 0) + 1
        corrections += event.type == "ClaimCorrected"
        sources += event.type == "SourceRegistered"
    assert claims == promised
    assert corrections == sources == len(promised)
    return len(promised)


def test_sigkill_in_the_middle_of_filing_leaves_whole_reports(cli: Cli) -> None:
    for number in range(REPORTS):
        cli.write(f"r{number:02}.yaml", report(number))
    moments = random.Random(2016)  # the same moments in every run
    counts = [0]
    with log_of(cli.database) as log:
        for _ in range(KILLS):
            head, deadline = log.head().position, time.monotonic() + 30
            running = cli.start("file", "reports")
            while log.head().position == head and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.08))
            running.kill()
            assert running.wait().code == -9
            counts.append(whole_reports(list(log.read())))

    assert counts == sorted(set(counts)), "each run files something, and none takes away"
    assert counts[-1] < REPORTS, "the last kill came too late to tell anything"
    told = cli.done("file", "reports").out.splitlines()
    assert sum("already filed" in line for line in told) == counts[-1]
    with log_of(cli.database) as log:
        assert whole_reports(list(log.read())) == REPORTS
    assert len(cli.done("verify").out.splitlines()) == 3


def test_sigkill_in_the_middle_of_a_rebuild_leaves_the_old_rows(seeds_on_sqlite: Cli) -> None:
    question = ("show", "Khanasser", "--json")
    before = seeds_on_sqlite.done(*question).out
    for delay in (0.05, 0.2, 0.35):
        running = seeds_on_sqlite.start("rebuild")
        time.sleep(delay)
        running.kill()
        running.wait()

        assert seeds_on_sqlite.done(*question).out == before
    assert len(seeds_on_sqlite.done("verify").out.splitlines()) == 3

    assert "0 rows deleted, 0 changed, 0 added" in seeds_on_sqlite.done("rebuild").out
    states = {p["state"] for p in seeds_on_sqlite.done("status", "--json").json["projections"]}
    assert states == {"live"}
