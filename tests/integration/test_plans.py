"""Statements find rows by keys on SQLite, which keeps no statistics: none goes through a casebook.

So what a catch-up or an answer costs does not grow with what else is told of.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from benchmarks.casebook import Casebook, opened
from timeline.bootstrap import all_projections
from timeline.projections.entry_queries import Filters
from timeline.projections.incident_queries import IncidentReader
from timeline.projections.knowledge import KnowledgeDiff
from timeline.projections.reading import Reader
from timeline.projections.runner import Runner
from timeline.store.event_store import EventStore

# Read whole on purpose: few rows, however many claims there are.
SMALL = {
    *("casebooks", "checkpoints", "sources", "actors", "place_identities", "actor_identities"),
    *("incident_words", "waiting_amendments"),
}
_READ_WHOLE = re.compile(r"(?:SCAN|SEARCH) (\w+)(?: USING .*\(casebook=\?\).*)?(?: LEFT-JOIN)?$")


@contextmanager
def statements(engine: Engine) -> Iterator[dict[str, str]]:
    """What is asked of SQLite meanwhile: a statement for each form of them."""
    found: dict[str, str] = {}

    def note(statement: str) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "DELETE", "UPDATE", "INSERT")):
            found.setdefault(re.sub(r"'(?:[^']|'')*'|\b\d+\b", "?", statement), statement)

    def traced(driver: sqlite3.Connection, _record: object) -> None:
        driver.set_trace_callback(note)

    engine.dispose()
    event.listen(engine, "connect", traced)
    try:
        yield found
    finally:
        event.remove(engine, "connect", traced)
        engine.dispose()


def read_whole(engine: Engine, asked: dict[str, str]) -> set[tuple[str, str]]:
    """The tables of which a casebook's rows are all read, with the form of the statement."""
    connection = sqlite3.connect(str(engine.url.database))
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    found = {
        (step[1], form)
        for form, statement in asked.items()
        for *_, told in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        if (step := _READ_WHOLE.match(told)) and step[1] in tables - SMALL
    }
    connection.close()
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[EventStore, Casebook]:
    """A casebook of realistic shape, projected."""
    store = opened(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'timeline.db'}")
    casebook = Casebook(store, 20)
    casebook.fill(600)
    Runner(store, all_projections()).catch_up()
    return store, casebook


def test_a_catch_up_reads_what_its_events_touch(filled: tuple[EventStore, Casebook]) -> None:
    store, casebook = filled
    runner = Runner(store, all_projections())
    with statements(store.engine) as asked:
        for _ in range(100):  # with corrections, retractions and revisions
            casebook.one_more()
            runner.catch_up()

    assert any("DELETE FROM entry_actors" in form for form in asked)
    assert not read_whole(store.engine, asked)


def test_an_answer_about_few_reads_few(filled: tuple[EventStore, Casebook]) -> None:
    store, _ = filled
    reader = Reader(store.engine, store.casebook)
    incidents = IncidentReader(store.engine, store.casebook, reader.time_zone)
    of_place, known_on = Filters(place_id="p0"), "2012-06-01"
    with statements(store.engine) as asked:
        [first, *others] = reader.timeline(of_place, first=5).entries
        claim_ids = [e.key[1] for e in others]
        reader.timeline(of_place, known_on, first=5, after=first.key)
        reader.timeline(of_place, first=5, before=others[-1].key, backwards=True)
        reader.timeline(Filters(report_id=first.report.report_id), first=5)
        assert reader.count(of_place, known_on) > 5
        assert reader.claims(claim_ids)
        for found in incidents.of_claims(claim_ids).values():
            assert incidents.incident(found.incident_id) == found
        KnowledgeDiff(store, reader).between("2012-01-01", known_on, "p0")

    assert sum("FROM entries" in form for form in asked) > 5
    assert {t for t, _ in read_whole(store.engine, asked)} == {"places"}  # the gazetteer, kept
