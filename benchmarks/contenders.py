"""What `log.py` compares on one payload: ours, `eventsourcing` 9.5, UmaDB, the bare drivers.

The bare drivers write into our own table, with its keys, indexes and triggers, and keep no order,
no hash chain and no head.
"""

# ruff: noqa: D102 - `Contender` tells what the methods are
from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import (
    DatetimeAsISO,
    InfrastructureFactory,
    JSONTranscoder,
    Mapper,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.utils import Environment

from timeline.domain import events as domain_events
from timeline.store import migrate
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import NewEvent, StreamAppend
from timeline.store.group_commit import GroupedEventStore
from timeline.store.hashing import canonical

# A claim of an ordinary report: about 600 bytes of canonical JSON.
CLAIM: dict[str, object] = {
    "actors": [
        {"actor_id": "government-of-syria", "as_named": "Syrian army", "role": "holder"},
        {"actor_id": "islamic-state", "as_named": "IS", "role": "previous_holder"},
    ],
    "attributed_to": "the military",
    "claim_id": "c-0123456789abcdef0123",
    "evidence": {"span_end": 148, "span_start": 121},
    "occurred": {"earliest": "2016-02-25", "edtf": "2016-02-25", "latest": "2016-02-25"},
    "place": {"as_named": "Khanasser", "place_id": "khanasser", "geo_precision": 1},
    "report_id": "sana-2016-02-25-khanasser",
    "report_version": "720f96ed4c15c644af3f93441b99eb674ff58c4b4460e750800f428d6161511a",
}
DATA = canonical(CLAIM)
METADATA = {"filed_by": "desk", "release": "0.1.0"}


@dataclass(frozen=True)
class Reported(DomainEvent):
    """The same content as a domain event of `eventsourcing`."""

    claim: dict[str, Any]


class Contender(Protocol):
    """Appends in bulk and one by one, and reads; counts are what the caller asked for.

    `read` reads from the first event on, whole pages, and returns how many it read.
    """

    def bulk(self, count: int) -> None: ...
    def single(self) -> None: ...
    def read(self, count: int) -> int: ...
    def close(self) -> None: ...


def new_event() -> NewEvent:
    """One of our events, with an id of its own."""
    return NewEvent(str(uuid.uuid4()), "ControlChanged", 1, DATA, METADATA)


@dataclass
class Ours:
    """Our store; with `groups`, single appends share transactions."""

    url: str
    groups: bool = False

    def __post_init__(self) -> None:
        kind = GroupedEventStore if self.groups else EventStore
        self.engine = connect(self.url)
        self.store = kind(self.engine, "main", lambda: datetime.now(UTC))

    def bulk(self, count: int) -> None:
        events = [new_event() for _ in range(count)]
        self.store.append([StreamAppend(f"report-{uuid.uuid4()}", 0, events)])

    def single(self) -> None:
        self.store.append([StreamAppend(f"report-{uuid.uuid4()}", 0, [new_event()])])

    def read(self, count: int) -> int:
        """Events decoded to their domain type."""
        decode = domain_events.decode
        read = 0
        for stored in self.store.read(limit=count):
            decode(stored.type, stored.schema_version, stored.data or "")
            read += 1
        return read

    def read_stored(self, count: int) -> int:
        """Events as stored, not decoded."""
        return sum(1 for _ in self.store.read(limit=count))

    def close(self) -> None:
        if isinstance(self.store, GroupedEventStore):
            self.store.close()
        self.engine.dispose()


def prepare_ours(url: str) -> None:
    """Migrate a database and open casebook `main`."""
    engine = connect(url)
    migrate.upgrade(engine)
    EventStore(engine, "main", lambda: datetime.now(UTC)).open_casebook("UTC", "syria")
    engine.dispose()


class Eventsourcing:
    """`eventsourcing`'s application recorder, in its default mode."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.factory = InfrastructureFactory.construct(Environment("bench", environment))
        self.recorder = self._recorder()
        transcoder = JSONTranscoder()
        transcoder.register(DatetimeAsISO())
        self.mapper = Mapper[Any](transcoder)
        # Encoded once, as ours is: what is compared is storing.
        self.one = self.mapper.to_stored_event(
            Reported(originator_id=uuid.uuid4(), originator_version=1, timestamp=NOW, claim=CLAIM)
        )

    def _recorder(self) -> Any:  # noqa: ANN401 - generic in its wheel
        # Processes that create its tables at once trip over one another.
        for _ in range(20):
            try:
                return self.factory.application_recorder()
            except PersistenceError:
                time.sleep(0.1)
        return self.factory.application_recorder()

    def _events(self, count: int) -> list[StoredEvent]:
        id_ = uuid.uuid4()
        return [
            StoredEvent(id_, version, self.one.topic, self.one.state)
            for version in range(1, count + 1)
        ]

    def bulk(self, count: int) -> None:
        self.recorder.insert_events(self._events(count))

    def single(self) -> None:
        self.recorder.insert_events(self._events(1))

    def read(self, count: int) -> int:
        """Events by its `to_domain_event`, in pages of 500."""
        read, start = 0, 0
        select = self.recorder.select_notifications
        while read < count and (page := select(start, 500, inclusive_of_start=False)):
            for one in page:
                self.mapper.to_domain_event(one)
            read, start = read + len(page), page[-1].id
        return read

    def close(self) -> None:
        self.factory.close()


NOW = datetime(2026, 11, 22, tzinfo=UTC)


def eventsourcing_on_sqlite(path: Path) -> dict[str, str]:
    """Its environment for a SQLite file."""
    return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)}


def eventsourcing_on_postgres(port: int, database: str) -> dict[str, str]:
    """Its environment for a Postgres on this machine."""
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": database,
        "POSTGRES_HOST": "127.0.0.1",
        "POSTGRES_PORT": str(port),
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": "",
        "POSTGRES_POOL_SIZE": "10",
    }


_COLUMNS = (
    "casebook, position, event_id, stream, version, type, schema_version,"
    " data, salt, digest, metadata, recorded_at, previous_hash, hash"
)
_UNNEST = f"""
INSERT INTO events ({_COLUMNS})
SELECT * FROM unnest(
    %b::text[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::integer[],
    %b::text[], %b::bytea[], %b::bytea[], %b::text[], %b::text[], %b::bytea[], %b::bytea[])
"""


class _Bare:
    def __init__(self) -> None:
        self._position = 0

    def _rows(self, count: int) -> list[tuple[object, ...]]:
        stream, hash_, start = f"report-{uuid.uuid4()}", os.urandom(32), self._position
        self._position += count
        return [
            (
                "main", start + version, str(uuid.uuid4()), stream, version, "ControlChanged", 1,
                DATA.decode(), hash_[:16], hash_, '{"filed_by":"desk","release":"0.1.0"}',
                "2026-11-22T20:31:00.123456Z", hash_, hash_,
            )
            for version in range(1, count + 1)
        ]  # fmt: skip


class BarePostgres(_Bare):
    """psycopg: `INSERT .. SELECT unnest`, and binary pages of 500 rows."""

    def __init__(self, url: str) -> None:
        super().__init__()
        prepare_ours(url)
        self.connection = psycopg.connect(url)

    def bulk(self, count: int) -> None:
        columns = tuple(list(column) for column in zip(*self._rows(count), strict=True))
        self.connection.execute(_UNNEST, columns)
        self.connection.commit()

    def single(self) -> None:
        self.bulk(1)

    def read(self, count: int) -> int:
        read, after = 0, 0
        query = (
            f"SELECT {_COLUMNS} FROM events WHERE casebook = %s AND position > %s"
            " ORDER BY position LIMIT 500"
        )
        cursor = self.connection.cursor(binary=True)
        while read < count:
            page = cursor.execute(query, ("main", after), prepare=False).fetchall()
            if not page:
                break
            read, after = read + len(page), page[-1][1]
        self.connection.commit()
        return read

    def close(self) -> None:
        self.connection.close()


class BareSqlite(_Bare):
    """sqlite3: `executemany` in one transaction, WAL, synchronous FULL."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        prepare_ours(f"sqlite:///{path}")
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = FULL")

    def bulk(self, count: int) -> None:
        marks = ", ".join("?" * 14)
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            f"INSERT INTO events ({_COLUMNS}) VALUES ({marks})", self._rows(count)
        )
        self.connection.execute("COMMIT")

    def single(self) -> None:
        self.bulk(1)

    def read(self, count: int) -> int:
        read, after = 0, 0
        query = (
            f"SELECT {_COLUMNS} FROM events WHERE casebook = ? AND position > ?"
            " ORDER BY position LIMIT 500"
        )
        while read < count:
            page = self.connection.execute(query, ("main", after)).fetchall()
            if not page:
                break
            read, after = read + len(page), page[-1][1]
        return read

    def close(self) -> None:
        self.connection.close()


class Umadb:
    """UmaDB's client, and its server from the same wheel as a process of its own."""

    def __init__(self, folder: Path, port: int = 50_951) -> None:
        import umadb

        self._umadb = umadb
        self.address = f"http://127.0.0.1:{port}"
        binary = Path(sys.executable).parent / "umadb"
        self._server = subprocess.Popen(
            [binary, "--listen", f"127.0.0.1:{port}", "--db-path", str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.client = self._connected()

    def _connected(self) -> Any:  # noqa: ANN401 - its stubs are generated and incomplete
        for _ in range(100):
            try:
                client = self._umadb.Client(self.address)
                client.head()
            except Exception:  # noqa: BLE001 - whatever it raises while it starts
                time.sleep(0.1)
            else:
                return client
        raise RuntimeError("UmaDB's server does not start")

    def bulk(self, count: int) -> None:
        tags = [f"report-{uuid.uuid4()}"]
        make = self._umadb.Event
        self.client.append(
            [make(event_type="ControlChanged", data=DATA, tags=tags) for _ in range(count)]
        )

    def single(self) -> None:
        self.bulk(1)

    def read(self, count: int) -> int:
        return sum(1 for _ in self.client.read(limit=count))

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()
