"""Catching up reads and deletes by keys: what it costs does not grow with the casebook."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from sqlalchemy import event

from benchmarks.casebook import Casebook, opened
from timeline.bootstrap import all_projections
from timeline.projections.runner import Runner

# Read whole on purpose: few rows, however many claims there are.
SMALL = {
    *("casebooks", "checkpoints", "sources", "actors", "place_identities", "actor_identities"),
    *("incident_words", "waiting_amendments"),
}
_READ_WHOLE = re.compile(r"(?:SCAN|SEARCH) (\w+)(?: USING .*\(casebook=\?\).*)?(?: LEFT-JOIN)?$")


def test_no_statement_goes_through_all_rows_of_a_casebook(tmp_path: Path) -> None:
    path = tmp_path / "timeline.db"
    store = opened(f"sqlite:///{path}")
    casebook, runner = Casebook(store, 20), Runner(store, all_projections())
    casebook.fill(600)
    runner.catch_up()
    statements: dict[str, str] = {}

    def note(statement: str) -> None:
        statements.setdefault(re.sub(r"'(?:[^']|'')*'|\b\d+\b", "?", statement), statement)

    store.engine.dispose()
    event.listen(store.engine, "connect", lambda driver, _: driver.set_trace_callback(note))
    for _ in range(150):  # with corrections, retractions and revisions
        casebook.one_more()
        runner.catch_up()
    store.engine.dispose()

    connection = sqlite3.connect(path)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    read_whole = {
        (found[1], shape)
        for shape, statement in statements.items()
        if statement.lstrip().startswith(("SELECT", "WITH", "DELETE", "UPDATE", "INSERT"))
        for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        if (found := _READ_WHOLE.match(step)) and found[1] in tables - SMALL
    }
    connection.close()
    assert any("DELETE FROM entry_actors" in shape for shape in statements)
    assert not read_whole
