"""Proves that a log is what was appended: recomputes every digest, every hash and the head.

It reads one snapshot and hashes the bytes as they are stored. A row that holds takes one
expression; only for the first that does not are the reasons gone through. What it cannot see is a
log that was rewritten together with its head; a seal shows that (`seals.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Engine, select, text

from timeline.errors import CasebookNotFound
from timeline.store import hashing, tables
from timeline.store.engine import postgres_driver, read_transaction, sqlite_driver
from timeline.store.events import Head

WITHHELD = "ContentWithheld"
"""The event type that names positions, and digests of documents, whose content was erased."""

REPORT_VERSIONS = ("ReportFiled", "ReportRevised")
"""The event types that name a report's documents."""

# Beyond this many streams their versions are checked by the database, which sorts on disk.
STREAMS_IN_MEMORY_MAX = 400_000
_ROWS_PER_PAGE = 1_000
_DOCUMENTS_PER_PAGE = 50

# The primary key serves it: a range of it, so that Postgres without statistics does not sort the
# rest of the log for each page. The data comes as the bytes that are stored.
_PAGE = """
SELECT e.position, e.event_id, e.stream, e.version, e.type, e.schema_version, {data}, e.salt,
       e.digest, e.metadata, e.recorded_at, e.previous_hash, e.hash
FROM events AS e
WHERE e.casebook = {0} AND e.position > {0} AND e.position <= {0}
ORDER BY e.position LIMIT {0}
"""
_PAGE_ON_SQLITE = _PAGE.format("?", data="CAST(e.data AS BLOB)")
_PAGE_ON_POSTGRES = _PAGE.format("%s", data="convert_to(e.data, 'UTF8')")
_FIRST_WRONG_VERSION = """
SELECT min(numbered.position) AS position
FROM (
    SELECT e.position, e.version,
           row_number() OVER (PARTITION BY e.stream ORDER BY e.position) AS ordinal
    FROM events AS e WHERE e.casebook = :casebook
) AS numbered
WHERE numbered.version <> numbered.ordinal
"""
_OF_TYPE_ON_SQLITE = """
SELECT e.position, CAST(e.data AS BLOB) FROM events AS e
WHERE e.casebook = :casebook AND e.position > :after AND e.position <= :until
  AND e.type = :type AND e.data IS NOT NULL
ORDER BY e.position
"""
_OF_TYPE_ON_POSTGRES = _OF_TYPE_ON_SQLITE.replace(
    "CAST(e.data AS BLOB)", "convert_to(e.data, 'UTF8')"
)
_LAST_POSITION = """
SELECT max(CAST(e.position AS BIGINT)) FROM events AS e WHERE e.casebook = :casebook
"""
_POSITION_MAX = 2**63 - 1
_ENCODER = msgspec.json.Encoder()

_Row = Sequence[Any]


@dataclass(frozen=True)
class VerifyResult:
    """What a verification came to.

    Attributes:
        holds: Whether everything holds.
        checked: How many events, or documents, were found to hold.
        withheld: How many of them are withheld, as a `ContentWithheld` event says.
        position: The first position that does not hold; None when all hold, or for a document that
            no event names.
        reason: Why it does not hold; None when all hold.
        head: The end of the log as the head row has it.
    """

    holds: bool
    checked: int
    withheld: int
    position: int | None
    reason: str | None
    head: Head


class Withholding(msgspec.Struct):
    """What a `ContentWithheld` event says, as far as verification needs it."""

    positions: list[int] = []
    documents: list[str] = []


class _Mention(msgspec.Struct):
    """What an event says of a document."""

    digest: str
    media_type: str | None = None
    byte_length: int | None = None


class Mentions(msgspec.Struct):
    """The documents that an event names, as far as verification needs them."""

    document: _Mention | None = None
    text_document: _Mention | None = None


class _Header(msgspec.Struct, gc=False):
    """What `hashing.header` hashes, its keys in the order of canonical JSON."""

    casebook: str
    event_id: str
    metadata: str
    position: int
    recorded_at: str
    schema_version: int
    stream: str
    type: str
    version: int


@dataclass
class Chain:
    """What the rows so far leave to be continued, and what excuses an empty one."""

    casebook: str
    named: dict[int, int]
    position: int = 0
    hash: bytes = hashing.GENESIS_HASH
    recorded_at: str = ""
    versions: dict[str, int] | None = field(default_factory=dict)
    withheld: int = 0

    def follow(self, rows: Sequence[_Row]) -> str | None:
        """Why the next row does not continue the chain; None when all of these rows do."""
        encode, is_instant = _ENCODER.encode, hashing.is_instant_text
        casebook = self.casebook
        for row in rows:
            (position, event_id, stream, version, type_, schema_version, data, salt, digest,
             metadata, recorded_at, previous, hash_) = row  # fmt: skip
            versions = self.versions
            if versions is not None and len(versions) > STREAMS_IN_MEMORY_MAX:
                versions = self.versions = None
            header = _Header(
                casebook, event_id, metadata, position, recorded_at, schema_version, stream, type_,
                version,
            )  # fmt: skip
            try:
                holds = (
                    position == self.position + 1
                    and (versions is None or version == versions.get(stream, 0) + 1)
                    and previous == self.hash
                    and (data is not None and sha256(salt + data).digest() == digest)
                    and sha256(previous + encode(header) + digest).digest() == hash_
                    and (
                        recorded_at == self.recorded_at
                        or (recorded_at > self.recorded_at and is_instant(recorded_at))
                    )
                )
            except (TypeError, ValueError):
                holds = False
            if not holds:
                reason = _fault(self, row, header)
                if reason is not None:
                    return reason
                self.withheld += data is None
            self.position, self.hash, self.recorded_at = position, hash_, recorded_at
            if versions is not None:
                versions[stream] = version
        return None


def verify_log(engine: Engine, casebook: str) -> VerifyResult:
    """Check a casebook's log from the first event to the head.

    Raises:
        CasebookNotFound: there is no such casebook.
        DatabaseUnavailable: the database did not answer.
    """
    with read_transaction(engine) as connection:
        head = _head(connection, casebook)
        chain = Chain(casebook, withheld_positions(connection, casebook))
        for page in _pages(connection, casebook):
            reason = chain.follow(page)
            if reason is not None:
                at = chain.position + 1
                return VerifyResult(False, chain.position, chain.withheld, at, reason, head)
        if chain.versions is None:
            wrong = _first_wrong_version(connection, casebook)
            if wrong is not None:
                reason = "its version is not one more than the last one of its stream"
                return VerifyResult(False, wrong - 1, chain.withheld, wrong, reason, head)
    at_head, reason = _head_fault(chain, head)
    return VerifyResult(reason is None, chain.position, chain.withheld, at_head, reason, head)


def verify_documents(engine: Engine, casebook: str) -> VerifyResult:
    """Check that every document is there with the bytes that its digest and its events tell.

    A document without content holds when a `ContentWithheld` event names its digest among its
    `documents`.

    Raises:
        CasebookNotFound: there is no such casebook.
        DatabaseUnavailable: the database did not answer.
    """
    checked = withheld = 0
    with read_transaction(engine) as connection:
        head = _head(connection, casebook)
        named = {d for _, said in withholdings(connection, casebook) for d in said.documents}
        for digest, content in _documents(connection, casebook):
            reason = None
            if content is None and digest not in named:
                reason = f"document {digest} has no content, and no {WITHHELD} event names it"
            elif content is not None and sha256(content).hexdigest() != digest:
                reason = f"document {digest} holds bytes of another SHA-256"
            if reason is not None:
                return VerifyResult(False, checked, withheld, None, reason, head)
            checked, withheld = checked + 1, withheld + (content is None)
        for position, mention in _mentions(connection, casebook):
            reason = _mention_fault(connection, casebook, mention)
            if reason is not None:
                return VerifyResult(False, checked, withheld, position, reason, head)
    return VerifyResult(True, checked, withheld, None, None, head)


def _fault(chain: Chain, row: _Row, header: _Header) -> str | None:
    """Why a row does not continue the chain; None when it does after all."""
    (position, _, stream, version, _, _, data, salt, digest, _, recorded_at, previous, hash_) = row
    expected = chain.position + 1
    if position != expected:
        return f"the event at position {expected} is missing"
    if chain.versions is not None and version != chain.versions.get(stream, 0) + 1:
        next_version = chain.versions.get(stream, 0) + 1
        return f"its version is {version} where its stream is at {next_version}"
    if any(not isinstance(part, bytes) for part in (digest, previous, hash_)):
        return "one of its hashes is no bytes"
    if data is None or salt is None:
        is_whole = data is None and salt is None
        if not is_whole or chain.named.get(position, 0) <= position:
            return f"its content is gone, and no later {WITHHELD} event names its position"
    elif not isinstance(salt, bytes) or hashing.content_digest(salt, data) != digest:
        return "its data does not have its digest"
    if previous != chain.hash:
        return "its previous hash is not the hash of the event before it"
    try:
        encoded = _ENCODER.encode(header)
    except UnicodeEncodeError:
        return "its header is not UTF-8"
    if hashing.chained_hash(previous, encoded, digest) != hash_:
        return "its hash does not cover its header and digest"
    if not hashing.is_instant_text(recorded_at):
        return f"its record time {recorded_at!r} has not the form of the log"
    if recorded_at < chain.recorded_at:
        return f"its record time {recorded_at} lies before the one of the event before it"
    return None


def _head_fault(chain: Chain, head: Head) -> tuple[int | None, str | None]:
    """The first position that the head row does not agree with, and why."""
    end = chain.position
    if end != head.position:
        first = min(end, head.position) + 1
        return first, f"the log ends at position {end}, its head row says {head.position}"
    if chain.hash != head.hash:
        return end, "the head row has another hash than the last event"
    if (chain.recorded_at or None) != head.recorded_at:
        return end, "the head row has another record time than the last event"
    return None, None


def _head(connection: Connection, casebook: str) -> Head:
    c = tables.casebooks.c
    query = select(c.position, c.hash, c.recorded_at).where(c.casebook == casebook)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise CasebookNotFound(casebook)
    # SQLite lets an owner store a text where an integer belongs.
    return Head(row[0] if isinstance(row[0], int) else -1, row[1], row[2])


def withheld_positions(connection: Connection, casebook: str) -> dict[int, int]:
    """Each position that a `ContentWithheld` event names, with the last position of such one."""
    return {
        position: marker
        for marker, said in withholdings(connection, casebook)
        for position in said.positions
    }


def withholdings(connection: Connection, casebook: str) -> Iterator[tuple[int, Withholding]]:
    """What each `ContentWithheld` event names, with the event's position."""
    for position, encoded in _of_type(connection, casebook, WITHHELD):
        try:
            yield position, msgspec.json.decode(encoded, type=Withholding)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # a marker that cannot be read excuses nothing


def _of_type(connection: Connection, casebook: str, type_: str) -> Iterator[tuple[int, bytes]]:
    """The stored data of the events of a type, by position; no index serves it."""
    is_sqlite = connection.dialect.name == "sqlite"
    query = text(_OF_TYPE_ON_SQLITE if is_sqlite else _OF_TYPE_ON_POSTGRES)
    end = connection.execute(text(_LAST_POSITION), {"casebook": casebook}).scalar_one() or 0
    for after in range(0, end, _ROWS_PER_PAGE):
        bounds = {"after": after, "until": after + _ROWS_PER_PAGE}
        for row in connection.execute(query, {"casebook": casebook, "type": type_, **bounds}):
            yield row[0], bytes(row[1])


def _pages(connection: Connection, casebook: str) -> Iterator[list[_Row]]:
    after = 0
    while True:
        page = _page(connection, (casebook, after, after + _ROWS_PER_PAGE, _ROWS_PER_PAGE))
        yield page
        if len(page) < _ROWS_PER_PAGE:
            # The end, or a gap: what comes after it, if anything, does not continue the chain.
            yield _page(connection, (casebook, after + len(page), _POSITION_MAX, 1))
            return
        after = page[-1][0]


def _page(connection: Connection, given: tuple[str, int, int, int]) -> list[_Row]:
    if connection.dialect.name == "sqlite":
        return _page_on_sqlite(connection, given)
    with postgres_driver(connection).cursor(binary=True) as cursor:
        return cursor.execute(_PAGE_ON_POSTGRES, given, prepare=False).fetchall()


def _page_on_sqlite(connection: Connection, given: tuple[str, int, int, int]) -> list[_Row]:
    driver = sqlite_driver(connection)
    try:
        return driver.execute(_PAGE_ON_SQLITE, given).fetchall()
    except sqlite3.OperationalError as error:
        if "decode to UTF-8" not in str(error):
            raise
    # SQLite may hold a text that is not UTF-8; a surrogate then marks the place.
    factory = driver.text_factory
    driver.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
    try:
        return driver.execute(_PAGE_ON_SQLITE, given).fetchall()
    finally:
        driver.text_factory = factory


def _first_wrong_version(connection: Connection, casebook: str) -> int | None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    query = text(_FIRST_WRONG_VERSION).columns(position=BigInteger)
    return connection.execute(query, {"casebook": casebook}).scalar_one_or_none()


def _mentions(connection: Connection, casebook: str) -> Iterator[tuple[int, _Mention]]:
    """The documents that reports' events name, with the position of each event."""
    for type_ in REPORT_VERSIONS:
        for position, encoded in _of_type(connection, casebook, type_):
            try:
                named = msgspec.json.decode(encoded, type=Mentions)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # what its schema does not allow is for the projections to refuse
            for mention in (named.document, named.text_document):
                if mention is not None:
                    yield position, mention


def _mention_fault(connection: Connection, casebook: str, mention: _Mention) -> str | None:
    d = tables.documents.c
    query = select(d.media_type, d.byte_length).where(d.casebook == casebook)
    row = connection.execute(query.where(d.digest == mention.digest)).one_or_none()
    if row is None:
        return f"document {mention.digest}, which it names, is missing"
    if mention.media_type not in (None, row[0]) or mention.byte_length not in (None, row[1]):
        return f"document {mention.digest} has another type or length than it says"
    return None


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
            yield row[0], row[1] if isinstance(row[1], bytes | None) else b""
        if len(page) < _DOCUMENTS_PER_PAGE:
            return
        after = page[-1][0]
