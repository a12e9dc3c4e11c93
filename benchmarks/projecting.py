"""Projects timeline entries by other means: a hand-written loop, and `eventsourcing`'s runner."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Composed

from benchmarks.casebook import ZONE
from timeline.domain import events
from timeline.domain.control import moves_control
from timeline.domain.events import Claim, ReportVersion
from timeline.domain.time import instant_text, known_end, sort_key
from timeline.projections import tables
from timeline.projections.bulk_rows import Row
from timeline.projections.collecting import collector_at_rest
from timeline.projections.entries import actor_rows
from timeline.store.event_store import EventStore

ROWS_PER_PAGE = 5_000
_TABLES = (tables.entries, tables.entry_actors)
_COLUMNS = {t.name: [c.name for c in t.columns] for t in _TABLES}
_TYPES = {"form": "int4", "position": "int8", "moves_control": "bool", "is_amended": "bool"}


@collector_at_rest()
def by_hand(url: str) -> int:
    """Read, decode and COPY; returns how many entries. The collector rests as it does in a build.

    What it leaves out: corrections, retractions, revisions and quotes, since rows are made as
    events come by. Rows go into bare tables, which get keys, indexes and a new name at the end.
    """
    address, rows = url.replace("postgresql+psycopg", "postgresql"), 0
    with psycopg.connect(address) as source, psycopg.connect(address) as target:
        for table in _TABLES:
            target.execute(f"CREATE TABLE {table.name}_bare (LIKE {table.name})")
        read = source.cursor("log", binary=True)
        read.execute("SELECT type, data, position, recorded_at FROM events ORDER BY position")
        decoders = {t: msgspec.json.Decoder(c) for t, c in events.EVENT_TYPES.items()}
        known: dict[str, tuple[ReportVersion, str]] = {}
        while page := read.fetchmany(ROWS_PER_PAGE):
            entries: list[Row] = []
            actors: list[Row] = []
            for type_, data, position, recorded_at in page:
                payload = decoders[type_].decode(data)
                if isinstance(payload, ReportVersion):
                    since = known_end(payload.reported, recorded_at, ZONE)
                    known[payload.report_id] = payload, instant_text(since)
                elif isinstance(payload, Claim):
                    entries.append(_entry(payload, data, position, *known[payload.report_id]))
                    actors += actor_rows("main", payload, 0)
            rows += len(entries)
            _copy(target, "entries", entries)
            _copy(target, "entry_actors", actors)
        for table in _TABLES:
            keys = ", ".join(c.name for c in table.primary_key.columns)
            target.execute(f"ALTER TABLE {table.name}_bare ADD PRIMARY KEY ({keys})")
            for index in table.indexes:
                named = ", ".join(c.name for c in index.columns)
                target.execute(f"CREATE INDEX ON {table.name}_bare ({named})")
            target.execute(f"ALTER TABLE {table.name}_bare RENAME TO {table.name}_by_hand")
        target.commit()
        for table in _TABLES:
            target.execute(f"DROP TABLE {table.name}_by_hand")
    return rows


def _copy(target: psycopg.Connection[Any], name: str, rows: list[Row]) -> None:
    columns = _COLUMNS[name]
    statement = f"COPY {name}_bare ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with target.cursor().copy(statement) as copy:
        copy.set_types([_TYPES.get(c, "text") for c in columns])
        for row in rows:
            copy.write_row([row[c] for c in columns])


def _entry(claim: Claim, data: str, position: int, version: ReportVersion, since: str) -> Row:
    starts, ends = claim.occurred.start(ZONE), claim.occurred.end(ZONE)
    return {
        "casebook": "main",
        "claim_id": claim.claim_id,
        "form": 0,
        "type": type(claim).__name__,
        "modality": claim.modality.value,
        "polarity": claim.polarity.value,
        "place_id": claim.place.place_id if claim.place else None,
        "place2_id": claim.place2.place_id if claim.place2 else None,
        "place_as_named": claim.place.as_named if claim.place else None,
        "sort_key": sort_key(claim.occurred, ZONE),
        "starts": instant_text(starts) if starts else None,
        "ends": instant_text(ends) if ends else None,
        "moves_control": moves_control(claim),
        "report_id": claim.report_id,
        "report_version": claim.report_version,
        "source_id": version.source.source_id if version.source else None,
        "quote": None,
        "is_amended": False,
        "known_from": since,
        "known_until": None,
        "position": position,
        "data": data,
        "review": "unreviewed",
    }


class Told(Aggregate):
    """A claim as an aggregate of `eventsourcing`, of one event with the row that it becomes."""

    @event("Claimed")
    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row


class Log(Application[Any]):
    """The log of the peer."""

    is_snapshotting_enabled = False


class View(PostgresTrackingRecorder):
    """The table of entries, in the peer's way: a row and the tracking in one transaction."""

    def __init__(self, datastore: PostgresDatastore, **given: Any) -> None:  # noqa: ANN401
        super().__init__(datastore, **given)
        columns = ", ".join(f"{c} {_TYPES.get(c, 'text')}" for c in _COLUMNS["entries"])
        table = f"CREATE TABLE IF NOT EXISTS entries ({columns},"
        keyed = SQL(f"{table} PRIMARY KEY (casebook, claim_id, form))")
        self.sql_create_statements.append(Composed([keyed]))
        marks = ", ".join(f"%({c})s" for c in _COLUMNS["entries"])
        self._insert = f"INSERT INTO entries VALUES ({marks})"

    def add(self, row: dict[str, Any], tracking: Tracking) -> None:
        """Write a row."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._insert, row, prepare=True)


class Entries(Projection[View]):
    """The timeline in the peer's way."""

    name = "entries"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401
        """Write the row of a claim."""
        self.view.add(domain_event.row, tracking)


def by_eventsourcing(port: int, url: str, store: EventStore, count: int) -> float:
    """Seconds in which the peer's runner projects so many claims, which it has in its own log."""
    name = url.rsplit("/", 1)[1]
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": name,
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(port),
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": "",
    }
    with store.engine.connect() as connection:
        found = connection.execute(tables.entries.select().limit(count)).mappings()
        rows = [dict(row) for row in found]
    with Log(env=env) as log:
        for start in range(0, len(rows), 500):
            log.save(*(Told(row) for row in rows[start : start + 500]))
        last = log.recorder.max_notification_id()
    begin = time.perf_counter()
    with ProjectionRunner(
        application_class=Log, projection_class=Entries, view_class=View, env=env
    ) as runner:
        runner.wait(last, timeout=600)
    return time.perf_counter() - begin
