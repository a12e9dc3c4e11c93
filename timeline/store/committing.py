"""Commits appends in transactions of their own, asking the database as little as may be asked.

Almost every event is new, and often nobody else writes. So on Postgres a few events for new streams
go in one statement and one round trip, which writes only if the head is still the one that this
store left; where others write too, the head is locked in a round trip before. All else is judged
in an ordinary transaction, and there too no event is looked up by its id at first. What that
assumes wrongly, a unique key or the head finds: nothing is written, and all is judged again with
every question asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from sqlalchemy import Engine

from timeline.errors import TimelineError
from timeline.store import appending, inserting
from timeline.store.appending import Clock, Outcome, Situation
from timeline.store.engine import UNIQUE_VIOLATIONS, autocommitting_driver, write_transaction
from timeline.store.events import Head
from timeline.store.inserting import FEW_ROWS_MAX
from timeline.store.preparing import Request
from timeline.store.queries import begin_with_locked_head

# After a lost race others are writing: for so many appends the head is locked first.
LOCKED_AFTER_LOSS = 50


class Committer:
    """Writes one casebook's appends; any thread may call it.

    Args:
        engine: From `timeline.store.engine.connect`.
        casebook: The casebook's name.
        clock: Gives the present as an aware datetime; asked once a transaction.
    """

    def __init__(self, engine: Engine, casebook: str, clock: Clock) -> None:
        self._engine, self._casebook, self._clock = engine, casebook, clock
        self._is_postgres = engine.dialect.name == "postgresql"
        self._head: Head | None = None
        self._locked_left = 0

    def append_all(self, requests: Sequence[Request]) -> list[Outcome]:
        """Judge and write requests in one transaction, and commit it.

        Returns:
            For each request what it came to, or why it is refused; a refused one leaves no trace.

        Raises:
            CasebookNotFound: there is no such casebook.
            TimelineError: what `write_transaction` raises.
        """
        try:
            outcomes = self._appended_cheaply(requests)
            if outcomes is None:
                outcomes = self._appended(requests, assumes_new=True)
        except UNIQUE_VIOLATIONS:
            outcomes = self._appended(requests, assumes_new=False)
        return outcomes

    def _appended(self, requests: Sequence[Request], *, assumes_new: bool) -> list[Outcome]:
        with write_transaction(self._engine) as connection:
            outcomes, head = appending.append_all(
                connection, self._casebook, self._clock, requests,
                commits=True, assumes_new=assumes_new,
            )  # fmt: skip
        self._head = head
        return outcomes

    def _appended_cheaply(self, requests: Sequence[Request]) -> list[Outcome] | None:
        """What a few requests for new streams came to; None when nothing was written.

        Raises:
            psycopg.errors.UniqueViolation: an event or a stream is not new; nothing was written.
        """
        is_few = sum(len(one.events) for r in requests for one in r.appends) <= FEW_ROWS_MAX
        if not (self._is_postgres and is_few and all(map(_needs_no_look, requests))):
            return None
        own = self._own_head()
        try:
            with autocommitting_driver(self._engine) as driver:
                head = own or begin_with_locked_head(driver, self._casebook)
                if head is None:
                    return None
                situation = Situation(head.position, {}, {})
                outcomes = appending.judged(requests, situation)
                if any(isinstance(one, TimelineError) for one in outcomes):
                    return None
                rows = appending.chained_rows(self._casebook, head, self._clock, situation)
                if not rows.are_few:
                    return None
                if own is None:
                    written = inserting.insert_and_commit(driver, rows, head)
                else:
                    written = inserting.insert_after_head(driver, rows, head).rowcount
        except psycopg.errors.SerializationFailure:
            written = 0  # a database whose transactions do not see what others commit meanwhile
        if not written:
            self._locked_left = LOCKED_AFTER_LOSS
            return None
        self._head = rows.head
        return outcomes

    def _own_head(self) -> Head | None:
        """The head that this store left; None when it is not known, or others are writing."""
        if self._locked_left:
            self._locked_left -= 1
            return None
        head, self._head = self._head, None
        return head


def _needs_no_look(request: Request) -> bool:
    """Whether the unique keys alone can judge it: new streams, and no documents."""
    return (
        bool(request.appends)
        and not request.documents
        and all(one.expected_version == 0 and one.events for one in request.appends)
    )
