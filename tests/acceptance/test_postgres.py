"""Postgres and SQLite with the same reports print the same bytes, and hold to the same log."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Cli

QUESTIONS = [
    ("show", "Khanasser", "--json"),
    ("show", "Khanasser", "--at", "2016-02-24", "--known-on", "2016-02-24", "--json"),
    ("show", "Khanasser", "--at", "2016-02-26", "--known-on", "2016-02-26", "--json"),
    ("show", "خناصر", "--at", "2016-02-24T12:00:00+02:00", "--json"),
    ("show", "Tal Rifaat", "--at", "2016-02-15", "--json"),
    ("show", "Palmyra", "--known-on", "2016-03-28", "--json"),
    ("show", "Kweires", "--json"),
    ("control", "--json"),
    ("control", "--at", "2016-02-24", "--known-on", "2016-02-24", "--json"),
    ("control", "--geojson"),
    ("unresolved", "--json"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_both_engines_answer_with_the_same_bytes(
    seeds_on_sqlite: Cli, seeds_on_postgres: Cli, question: tuple[str, ...]
) -> None:
    assert seeds_on_sqlite.done(*question).out == seeds_on_postgres.done(*question).out


def test_both_logs_hold_the_same_events(seeds_on_sqlite: Cli, seeds_on_postgres: Cli) -> None:
    one, two = (
        database.done("status", "--json").json for database in (seeds_on_sqlite, seeds_on_postgres)
    )

    assert one["head_position"] == two["head_position"] > 300
    assert one["projections"] == two["projections"]
    assert one["head_hash"] != two["head_hash"]  # each event's salt is random


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_log_and_its_projections_verify(request: pytest.FixtureRequest, engine: str) -> None:
    database: Cli = request.getfixturevalue(f"seeds_on_{engine}")

    told = database.done("verify").out.splitlines()
    assert [line.split(":")[0] for line in told] == ["the log", "the documents", "projections"]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_rebuild_changes_no_byte(request: pytest.FixtureRequest, engine: str) -> None:
    database: Cli = request.getfixturevalue(f"seeds_on_{engine}")
    before = [database.done(*question).out for question in QUESTIONS[:3]]

    assert "0 rows deleted, 0 changed, 0 added" in database.done("rebuild").out
    assert [database.done(*question).out for question in QUESTIONS[:3]] == before


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_filing_a_folder_again_appends_nothing(request: pytest.FixtureRequest, engine: str) -> None:
    from tests.acceptance.conftest import SEEDS

    database: Cli = request.getfixturevalue(f"seeds_on_{engine}")
    before = database.head
    told = database.done("file", SEEDS).out.splitlines()

    assert len(told) == len([p for p in SEEDS.iterdir() if p.suffix in (".yaml", ".md", ".txt")])
    assert all("already filed as" in t and t.endswith("nothing was appended") for t in told)
    assert database.head == before
