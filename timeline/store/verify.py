"""Proves that a log is what was appended: recomputes every digest, every hash and the head.

It reads one snapshot, and hashes the bytes as they are stored. What it cannot see is a log that was
rewritten together with its head; a head published elsewhere (a seal) shows that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Engine, LargeBinary, cast, func, select

from timeline.errors import CasebookNotFound
from timeline.store import hashing, tables
from timeline.store.engine import read_transaction
from timeline.store.events import Head

WITHHELD = "ContentWithheld"
"""The event type that names positions, and digests of documents, whose content was erased."""

_ROWS_PER_PAGE = 1_000
_DOCUMENTS_PER_PAGE = 50
_TEXTS = ("casebook", "event_id", "stream", "type", "data", "metadata", "recorded_at")


@dataclass(frozen=True)
class VerifyResult:
    """What a verification came to.

    Attributes:
        holds: Whether everything holds.
        checked: How many events, or documents, were found to hold.
        withheld: How many of them are withheld, as a `ContentWithheld` event says.
        position: The first position that does not hold; None when all hold, or for a document.
        reason: Why it does not hold; None when all hold.
        head: The end of the log as the head row has it.
    """

    holds: bool
    checked: int
    withheld: int
    position: int | None
    reason: str | None
    head: Head


class _Withheld(msgspec.Struct):
    """What a `ContentWithheld` event says, as far as verification needs it."""

    positions: list[int] = []
    documents: list[str] = []


class _Row(msgspec.Struct):
    """A row of `events` with its texts as the bytes that are stored."""

    casebook: bytes
    position: int
    event_id: bytes
    stream: bytes
    version: int
    type: bytes
    schema_version: int
    data: bytes | None
    salt: bytes | None
    digest: bytes
    metadata: bytes
    recorded_at: bytes
    previous_hash: bytes
    hash: bytes


@dataclass
class _Chain:
    """What the rows so far leave to be continued."""

    position: int = 0
    hash: bytes = hashing.GENESIS_HASH
    recorded_at: str | None = None
    versions: dict[bytes, int] = field(default_factory=dict)
    withheld: int = 0


def verify_log(engine: Engine, casebook: str) -> VerifyResult:
    """Check a casebook's log from the first event to the head.

    Raises:
        CasebookNotFound: there is no such casebook.
        DatabaseUnavailable: the database did not answer.
    """
    with read_transaction(engine) as connection:
        head = _head(connection, casebook)
        named = _withheld_positions(connection, casebook)
        chain = _Chain()
        for row in _rows(connection, casebook):
            reason = _fault(chain, row, casebook, named)
            if reason is not None:
                at = chain.position + 1
                return VerifyResult(False, chain.position, chain.withheld, at, reason, head)
    reason = _head_fault(chain, head)
    at_head = None if reason is None else min(chain.position, head.position) + 1
    if reason is not None and chain.position == head.position:
        at_head = chain.position
    return VerifyResult(reason is None, chain.position, chain.withheld, at_head, reason, head)


def verify_documents(engine: Engine, casebook: str) -> VerifyResult:
    """Check that every document's bytes have the digest that it is stored under.

    A document without content holds when a `ContentWithheld` event names its digest among its
    `documents`.

    Raises:
        CasebookNotFound: there is no such casebook.
        DatabaseUnavailable: the database did not answer.
    """
    checked = withheld = 0
    with read_transaction(engine) as connection:
        head = _head(connection, casebook)
        named = _withheld_documents(connection, casebook)
        for digest, content in _documents(connection, casebook):
            reason = None
            if content is None:
                if digest not in named:
                    reason = f"document {digest} has no content, and no {WITHHELD} event names it"
                withheld += 1
            elif sha256(content).hexdigest() != digest:
                reason = f"document {digest} holds bytes of another SHA-256"
            if reason is not None:
                return VerifyResult(False, checked, withheld, None, reason, head)
            checked += 1
    return VerifyResult(True, checked, withheld, None, None, head)


def _fault(chain: _Chain, row: _Row, casebook: str, named: dict[int, int]) -> str | None:
    """Why a row does not continue the chain; None when it does, and then the chain has moved."""
    expected = chain.position + 1
    if row.position != expected:
        return f"the event at position {expected} is missing"
    version = chain.versions.get(row.stream, 0) + 1
    if row.version != version:
        return f"its version is {row.version} where its stream is at {version}"
    content = _content_fault(row, named)
    if content is not None:
        return content
    if row.previous_hash != chain.hash:
        return "its previous hash is not the hash of the event before it"
    try:
        recorded_at = row.recorded_at.decode()
        header = hashing.header(
            casebook=casebook,
            position=row.position,
            event_id=row.event_id.decode(),
            stream=row.stream.decode(),
            version=row.version,
            type_=row.type.decode(),
            schema_version=row.schema_version,
            metadata=row.metadata.decode(),
            recorded_at=recorded_at,
        )
    except UnicodeDecodeError:
        return "its header is not UTF-8"
    if hashing.chained_hash(row.previous_hash, header, row.digest) != row.hash:
        return "its hash does not cover its header and digest"
    if not hashing.is_instant_text(recorded_at):
        return f"its record time {recorded_at!r} has not the form of the log"
    if chain.recorded_at is not None and recorded_at < chain.recorded_at:
        return f"its record time {recorded_at} lies before the one of the event before it"
    chain.position, chain.hash, chain.recorded_at = expected, row.hash, recorded_at
    chain.versions[row.stream] = version
    chain.withheld += row.data is None
    return None


def _content_fault(row: _Row, named: dict[int, int]) -> str | None:
    if row.data is None or row.salt is None:
        if row.data is None and row.salt is None and named.get(row.position, 0) > row.position:
            return None
        return f"its content is gone, and no later {WITHHELD} event names its position"
    if hashing.content_digest(row.salt, row.data) != row.digest:
        return "its data does not have its digest"
    return None


def _head_fault(chain: _Chain, head: Head) -> str | None:
    if chain.position != head.position:
        return f"the log ends at position {chain.position}, its head row says {head.position}"
    if chain.hash != head.hash:
        return "the head row has another hash than the last event"
    if chain.recorded_at != head.recorded_at:
        return "the head row has another record time than the last event"
    return None


def _head(connection: Connection, casebook: str) -> Head:
    c = tables.casebooks.c
    query = select(c.position, c.hash, c.recorded_at).where(c.casebook == casebook)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise CasebookNotFound(casebook)
    return Head(row[0], row[1], row[2])


def _withheld_positions(connection: Connection, casebook: str) -> dict[int, int]:
    """Each position that a `ContentWithheld` event names, with the last position of such one."""
    return {
        position: marker
        for marker, said in _withholdings(connection, casebook)
        for position in said.positions
    }


def _withheld_documents(connection: Connection, casebook: str) -> set[str]:
    return {digest for _, said in _withholdings(connection, casebook) for digest in said.documents}


def _withholdings(connection: Connection, casebook: str) -> Iterator[tuple[int, _Withheld]]:
    e = tables.events.c
    data = _stored_bytes(connection, e.data)
    query = (
        select(e.position, data)
        .where(e.casebook == casebook, e.type == WITHHELD, e.data.is_not(None))
        .order_by(e.position)
    )
    for position, encoded in connection.execute(query):
        try:
            yield position, msgspec.json.decode(encoded, type=_Withheld)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a marker that cannot be read excuses nothing


def _stored_bytes(connection: Connection, column: Column[str]) -> ColumnElement[bytes]:
    # SQLite may hold a text that is not UTF-8, which the driver would refuse to read.
    if connection.dialect.name == "sqlite":
        return cast(column, LargeBinary)
    return func.convert_to(column, "UTF8", type_=LargeBinary)


def _rows(connection: Connection, casebook: str) -> Iterator[_Row]:
    e = tables.events.c
    columns = [
        _stored_bytes(connection, column) if column.name in _TEXTS else column for column in e
    ]
    after = 0
    while True:
        page = connection.execute(
            select(*columns)
            .where(e.casebook == casebook, e.position > after)
            .order_by(e.position)
            .limit(_ROWS_PER_PAGE)
        ).all()
        for row in page:
            yield _Row(*row)
        if len(page) < _ROWS_PER_PAGE:
            return
        after = page[-1][1]


def _documents(connection: Connection, casebook: str) -> Iterator[tuple[str, bytes | None]]:
    d = tables.documents.c
    after = ""
    while True:
        page = connection.execute(
            select(d.digest, d.content)
            .where(d.casebook == casebook, d.digest > after)
            .order_by(d.digest)
            .limit(_DOCUMENTS_PER_PAGE)
        ).all()
        for row in page:
            yield row[0], row[1]
        if len(page) < _DOCUMENTS_PER_PAGE:
            return
        after = page[-1][0]
