"""Fills the projections' tables with entries for `graphql.py`, in bulk and without a log.

What is filed comes to the same rows, but a million claims would take hours: the tables are written
as they stand, by COPY on Postgres. Nothing may catch up on such a database.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Engine, Table

from timeline.projections import tables
from timeline.store import migrate
from timeline.store.engine import connect, postgres_driver, sqlite_driver, write_transaction
from timeline.store.event_store import EventStore

CASEBOOK = "main"
START = datetime(2016, 1, 1, tzinfo=UTC)
MAP_PLACES = 2_000
SPANS = 4
CLAIMS_PER_REPORT = 10
KNOWN_AT_ONCE = "2016-01-02T00:00:00.000000Z"
_TYPES = ("Clash", "Airstrike", "Shelling", "ControlChanged", "Movement")
_STATES = ("controlled", "contested", "vacated", "controlled")


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _places(places: int) -> Iterator[tuple[object, ...]]:
    for n in range(places):
        name = f"Place {n:05}"
        data = orjson.dumps({"place_id": f"p{n}", "name": name, "kind": "village"}).decode()
        yield CASEBOOK, f"p{n}", name, "village", None, None, None, data, 0


def _version(report: int) -> str:
    return hashlib.sha256(str(report).encode()).hexdigest()


def _reports(entries: int) -> Iterator[tuple[object, ...]]:
    for n in range(entries // CLAIMS_PER_REPORT):
        yield (
            *(CASEBOOK, f"r{n}", _version(n), 1, f"What happened, number {n}", None, "agency"),
            *("Agency", "2016-01-01", False, "en", None, None, CLAIMS_PER_REPORT),
            *(KNOWN_AT_ONCE, None, 0),
        )


def _entries(entries: int, places: int) -> Iterator[tuple[object, ...]]:
    for n in range(entries):
        place, report = n % places, n // CLAIMS_PER_REPORT
        start = START + timedelta(days=n // places, minutes=n % 1440)
        day, claim = start.date().isoformat(), f"c-{n:020x}"
        quote = f"The village was shelled on {day}, residents said, for the {n % 97}th time."
        data = {
            "actors": [{"as_named": "the army", "role": "initiator", "actor_id": "army"}],
            "place": {"as_named": f"Place {place:05}", "place_id": f"p{place}", "geo_precision": 1},
            "occurred": {"edtf": day, "earliest": day, "latest": day, "precision": "day"},
            "evidence": {"span_start": 10, "span_end": 10 + len(quote)},
            "claim_id": claim,
            "report_id": f"r{report}",
            "report_version": _version(report),
        }
        begin, end = _text(start), _text(start + timedelta(days=1))
        yield (
            *(CASEBOOK, claim, 0, _TYPES[n % 5], "asserted", "positive", f"p{place}", None),
            *(f"Place {place:05}", begin, begin, end, False, f"r{report}", _version(report)),
            *("agency", quote, False, KNOWN_AT_ONCE, None, 0, orjson.dumps(data).decode()),
            "unreviewed",
        )


def _control_places() -> Iterator[tuple[object, ...]]:
    for n in range(MAP_PLACES):
        yield CASEBOOK, f"p{n}", SPANS, "0"


def _rectangles() -> Iterator[tuple[object, ...]]:
    """Spans of each place, none of which is told like that of another place."""
    for n in range(MAP_PLACES):
        for span in range(SPANS):
            begin = START + timedelta(days=30 * span)
            day = begin.date().isoformat()
            data = {
                "state": _STATES[span],
                "holders": [{"actor_id": f"army-{n}", "name": f"Army {n}"}],
                "since_earliest": day,
                "since_latest": day,
                "last_confirmed": day,
                "sources": 2,
            }
            until = "infinity" if span == SPANS - 1 else _text(begin + timedelta(days=30))
            yield (
                *(CASEBOOK, f"p{n}", _text(begin), KNOWN_AT_ONCE, until, "infinity"),
                *(None, None, None, None, orjson.dumps(data).decode()),
            )


def fill(url: str, entries: int, places: int) -> Engine:
    """A migrated database with the rows; the engine to read it by."""
    engine = connect(url)
    migrate.upgrade(engine)
    EventStore(engine, CASEBOOK, lambda: START).open_casebook("UTC", "none")
    parts = (
        (tables.places, _places(places)),
        (tables.report_versions, _reports(entries)),
        (tables.entries, _entries(entries, places)),
        (tables.control_places, _control_places()),
        (tables.control_rectangles, _rectangles()),
    )
    with write_transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        for table, rows in parts:
            if engine.dialect.name == "postgresql":
                names = ", ".join(c.name for c in table.c)
                statement = f"COPY {table.name} ({names}) FROM STDIN"
                cursor = postgres_driver(connection).cursor()
                with cursor, cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                _insert(sqlite_driver(connection), table, rows)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("ANALYZE")
    return engine


def _insert(driver: sqlite3.Connection, table: Table, rows: Iterator[tuple[object, ...]]) -> None:
    marks = ", ".join("?" for _ in table.c)
    names = ", ".join(c.name for c in table.c)
    driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
