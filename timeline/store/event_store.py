"""Appends to and reads one casebook's log and documents: what the rest of the program uses.

Every reading method has two forms: `read` opens short transactions of its own, a page each, and
`read_in` uses the caller's, so that a projection reads and writes in one. The log only grows and
is never rewritten, so pages of different transactions still fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, insert, select

from timeline.errors import CasebookNotFound, InvalidEvent, TimelineError, WrongExpectedVersion
from timeline.store import appending, checkpoints, hashing, preparing, queries, tables
from timeline.store.appending import Clock
from timeline.store.committing import Committer
from timeline.store.engine import single_read, write_transaction
from timeline.store.events import (
    DOCUMENTS_PER_READ_MAX,
    EVENTS_PER_PAGE,
    STREAMS_PER_READ_MAX,
    Appended,
    Author,
    Document,
    Head,
    StoredEvent,
    StreamAppend,
)
from timeline.store.retry import retried
from timeline.store.waking import Waker

# What is built beside a casebook's projections stands in their tables under its name and this.
BUILD_MARK = "\x1fbuild"

_T = TypeVar("_T")


class _Source(Protocol):
    """Puts a question to a connection: the caller's, or one of its own."""

    def __call__(self, question: Callable[[Connection], _T], /) -> _T: ...


@dataclass(frozen=True)
class Casebook:
    """One casebook: its name, its time zone, its theatre and the head of its log."""

    casebook: str
    time_zone: str
    theatre: str
    head: Head


def _through(connection: Connection) -> _Source:
    def source(question: Callable[[Connection], _T], /) -> _T:
        return question(connection)

    return source


class EventStore:
    """One casebook's log and documents in one database.

    Args:
        engine: From `timeline.store.engine.connect`.
        casebook: The casebook's name.
        clock: Gives the present as an aware datetime; asked once an append.
        author: Who appends; told in the metadata of each event.
    """

    def __init__(
        self, engine: Engine, casebook: str, clock: Clock, author: Author | None = None
    ) -> None:
        self.engine, self.casebook, self._clock = engine, casebook, clock
        self._author = author
        self._committer = Committer(engine, casebook, clock)
        self._waker = Waker(engine, casebook)

    def open_casebook(self, time_zone: str, theatre: str) -> Casebook:
        """Make the casebook with an empty log if it is not there, and return it as it is.

        Args:
            time_zone: An IANA time zone; a casebook that is there keeps its own.
            theatre: The theatre's id; a casebook that is there keeps its own.

        Raises:
            InvalidEvent: the name is kept for builds.
        """
        if self.casebook.endswith(BUILD_MARK):
            raise InvalidEvent("a casebook's name does not end like that of a build; take another")
        present = {"casebook": self.casebook}
        absent = {
            "time_zone": time_zone,
            "theatre": theatre,
            "position": 0,
            "hash": hashing.GENESIS_HASH,
            "recorded_at": None,
        }
        with write_transaction(self.engine) as connection:
            if connection.dialect.name == "postgresql":
                # Two processes may both find nothing; the second then waits here and does nothing.
                from sqlalchemy.dialects.postgresql import insert as postgres_insert

                statement = postgres_insert(tables.casebooks).values(**present, **absent)
                connection.execute(statement.on_conflict_do_nothing())
            elif self._casebook(connection) is None:
                connection.execute(insert(tables.casebooks).values(**present, **absent))
            return self.casebook_row_in(connection)

    def casebook_row(self) -> Casebook:
        """The casebook with its head.

        Raises:
            CasebookNotFound: it has not been made yet.
        """
        return self._own(self.casebook_row_in)

    def casebook_row_in(self, connection: Connection) -> Casebook:
        """`casebook_row` in the caller's transaction."""
        found = self._casebook(connection)
        if found is None:
            raise CasebookNotFound(self.casebook)
        return found

    def _casebook(self, connection: Connection) -> Casebook | None:
        query = select(tables.casebooks).where(tables.casebooks.c.casebook == self.casebook)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        head = Head(row.position, row.hash, row.recorded_at)
        return Casebook(row.casebook, row.time_zone, row.theatre, head)

    def append(
        self, appends: Sequence[StreamAppend], documents: Sequence[Document] = ()
    ) -> Appended:
        """Append events to one or several streams, and store documents, in one transaction.

        Each stream's expected version is judged in the order given. When all events are in the
        log already with the same stream, type, schema version and data (withheld data counts as
        the same), nothing is appended, no version is judged, and their positions are returned.
        When only some are, those streams must expect `ANY`, and the missing are appended.
        Documents that are stored already are left as they are.

        A connection that is lost is tried again for some seconds. Events that the lost try did
        store then count as `already`.

        Raises:
            CasebookNotFound: the casebook has not been made yet.
            WrongExpectedVersion: a stream has another version than expected.
            EventIdReused: an id is taken by an event with other content.
            PartlyAppended: some events of a stream that expects a version are in the log.
            InvalidEvent: an event breaks a bound or its data is not canonical JSON.
            InvalidDocument: a document is not what its digest says.
            DatabaseUnavailable: the database did not answer.
            DatabaseBusy: another writer held the log too long; nothing was written.
            ConnectionLost: the database went away and did not come back in time; the events may
                have been stored: append them again, which stores them once.
        """
        request = preparing.prepare(self._signed(appends), documents)
        appended = retried(lambda: self._append(request))
        if appended.appended:
            self._waker.wake()
        return appended

    def _signed(self, appends: Sequence[StreamAppend]) -> Sequence[StreamAppend]:
        author = self._author
        if author is None:
            return appends
        return [replace(one, events=tuple(map(author.sign, one.events))) for one in appends]

    def _append(self, request: preparing.Request) -> Appended:
        [outcome] = self._committer.append_all([request])
        if isinstance(outcome, TimelineError):
            raise outcome
        return outcome

    def append_in(
        self,
        connection: Connection,
        appends: Sequence[StreamAppend],
        documents: Sequence[Document] = (),
    ) -> Appended:
        """`append` in the caller's transaction, which must be a `write_transaction`.

        Raises:
            TimelineError: as `append`; the caller must then let the transaction roll back.
        """
        request = preparing.prepare(self._signed(appends), documents)
        return appending.append(connection, self.casebook, self._clock, request)

    def expected_version(self, stream: str, told: int | None) -> int:
        """The version of a stream at which something is decided, which must be the one told.

        Raises:
            WrongExpectedVersion: it is another; `None` takes whichever it is.
        """
        version = self.stream_version(stream)
        if told not in (None, version):
            assert told is not None  # noqa: S101 - just asked
            raise WrongExpectedVersion(stream, told, version)
        return version

    def read(
        self,
        after: int = 0,
        limit: int | None = None,
        *,
        backwards: bool = False,
        until: int | None = None,
    ) -> Iterator[StoredEvent]:
        """The events of positions above `after` and up to and with `until`, ascending.

        Args:
            after: The position to begin after; 0 begins with the first event.
            limit: The most events to return; None returns all.
            backwards: Descending from `until`, or from the head, instead.
            until: The last position; None goes on to what is the head on arrival.
        """
        return self._read(self._own, after, limit, backwards, until)

    def read_in(
        self,
        connection: Connection,
        after: int = 0,
        limit: int | None = None,
        *,
        backwards: bool = False,
        until: int | None = None,
    ) -> Iterator[StoredEvent]:
        """`read` in the caller's transaction."""
        return self._read(_through(connection), after, limit, backwards, until)

    def _own(self, question: Callable[[Connection], _T], /) -> _T:
        def ask() -> _T:
            with single_read(self.engine) as connection:
                return question(connection)

        return retried(ask)

    def _read(
        self, source: _Source, after: int, limit: int | None, backwards: bool, until: int | None
    ) -> Iterator[StoredEvent]:
        left = limit
        while left is None or left > 0:
            size = EVENTS_PER_PAGE if left is None else min(EVENTS_PER_PAGE, left)
            page = source(
                partial(
                    queries.log_page,
                    casebook=self.casebook,
                    after=after,
                    until=until,
                    size=size,
                    backwards=backwards,
                )
            )
            yield from page
            if len(page) < size:
                return
            if backwards:
                until = page[-1].position - 1
            else:
                after = page[-1].position
            left = None if left is None else left - len(page)

    def read_stream(self, stream: str, after_version: int = 0) -> Iterator[StoredEvent]:
        """A stream's events with a version above `after_version`, ascending."""
        return self._read_stream(self._own, stream, after_version)

    def read_stream_in(
        self, connection: Connection, stream: str, after_version: int = 0
    ) -> Iterator[StoredEvent]:
        """`read_stream` in the caller's transaction."""
        return self._read_stream(_through(connection), stream, after_version)

    def _read_stream(self, source: _Source, stream: str, after: int) -> Iterator[StoredEvent]:
        while True:
            page = source(
                partial(
                    queries.stream_page,
                    casebook=self.casebook,
                    stream=stream,
                    after_version=after,
                    size=EVENTS_PER_PAGE,
                )
            )
            yield from page
            if len(page) < EVENTS_PER_PAGE:
                return
            after = page[-1].version

    def read_streams(self, streams: Collection[str], after: int = 0) -> Iterator[StoredEvent]:
        """The events of some streams at positions above `after`, in log order.

        Raises:
            InvalidEvent: more streams than one read may name.
        """
        return self._read_streams(self._own, streams, after)

    def read_streams_in(
        self, connection: Connection, streams: Collection[str], after: int = 0
    ) -> Iterator[StoredEvent]:
        """`read_streams` in the caller's transaction."""
        return self._read_streams(_through(connection), streams, after)

    def _read_streams(
        self, source: _Source, streams: Collection[str], after: int
    ) -> Iterator[StoredEvent]:
        if len(streams) > STREAMS_PER_READ_MAX:
            raise InvalidEvent(f"one read names {STREAMS_PER_READ_MAX} streams at most")
        positions = source(
            lambda connection: queries.positions_of_streams(
                connection, self.casebook, set(streams), after
            )
        )
        for start in range(0, len(positions), EVENTS_PER_PAGE):
            wanted = positions[start : start + EVENTS_PER_PAGE]
            yield from source(partial(queries.events_at, casebook=self.casebook, positions=wanted))

    def event_at(self, position: int) -> StoredEvent | None:
        """The event at a position; None outside the log."""
        found = self._own(partial(queries.events_at, casebook=self.casebook, positions=[position]))
        return next(iter(found), None)

    def event_by_id(self, event_id: str) -> StoredEvent | None:
        """The event of an id; None when there is none."""
        return self._own(partial(queries.event_by_id, casebook=self.casebook, event_id=event_id))

    def stream_version(self, stream: str) -> int:
        """The version of a stream; 0 when it has no events."""
        return self.stream_versions([stream])[stream]

    def stream_versions(self, streams: Collection[str]) -> dict[str, int]:
        """The version of each of some streams; 0 for those without events."""
        return self._own(
            partial(queries.stream_versions, casebook=self.casebook, streams=set(streams))
        )

    def head(self) -> Head:
        """The end of the log.

        Raises:
            CasebookNotFound: the casebook has not been made yet.
        """
        return self.casebook_row().head

    def head_in(self, connection: Connection) -> Head:
        """`head` in the caller's transaction."""
        return self.casebook_row_in(connection).head

    def document(self, digest: str) -> Document | None:
        """The document under a digest, without content when withheld; None when unknown."""
        return self.documents([digest]).get(digest)

    def documents(self, digests: Collection[str]) -> dict[str, Document]:
        """The documents under some digests, by digest; the unknown are left out.

        Raises:
            InvalidEvent: more digests than one read may name.
        """
        return self._own(lambda connection: self.documents_in(connection, digests))

    def documents_in(self, connection: Connection, digests: Collection[str]) -> dict[str, Document]:
        """`documents` in the caller's transaction."""
        if len(digests) > DOCUMENTS_PER_READ_MAX:
            raise InvalidEvent(f"one read names {DOCUMENTS_PER_READ_MAX} documents at most")
        return queries.documents_by_digest(connection, self.casebook, set(digests))

    def checkpoint(self, position: int) -> str:
        """The opaque checkpoint of having read up to and with a position."""
        return checkpoints.checkpoint(self.casebook, position)

    def parse_checkpoint(self, text: str) -> int:
        """The position of a checkpoint of this casebook.

        Raises:
            InvalidCheckpoint: it is none, or another casebook's.
        """
        return checkpoints.parse_checkpoint(self.casebook, text)
