"""Commits appends in transactions of their own, asking the database as little as may be asked.

Almost every event is new, and often nobody else writes. So on Postgres a few events for new streams
go in one statement and one round trip, which holds only if the head is still the one that this
store left. Else the head is locked first, and no event is looked up by its id. Whatever that
assumed wrongly, a unique key or the head finds, nothing is written, and all is judged again with
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
from timeline.store.preparing import Request

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
        outcomes = self._after_own_head(requests)
        if outcomes is not None:
            return outcomes
        try:
            with write_transaction(self._engine) as connection:
                outcomes, head = appending.append_all(
                    connection, self._casebook, self._clock, requests,
                    commits=True, assumes_new=True,
                )  # fmt: skip
        except UNIQUE_VIOLATIONS:
            with write_transaction(self._engine) as connection:
                outcomes, head = appending.append_all(
                    connection, self._casebook, self._clock, requests, commits=True
                )
        self._head = head
        return outcomes

    def _after_own_head(self, requests: Sequence[Request]) -> list[Outcome] | None:
        """What requests came to without a lock; None when nothing was written."""
        head = self._head
        if head is None or not self._is_postgres or not all(map(_needs_no_look, requests)):
            return None
        if self._locked_left:
            self._locked_left -= 1
            return None
        situation = Situation(head.position, {}, {})
        outcomes = appending.judged(requests, situation)
        if not situation.granted or any(isinstance(one, TimelineError) for one in outcomes):
            return None
        rows = appending.chained_rows(self._casebook, head, self._clock, situation)
        if not rows.are_few:
            return None
        self._head = None
        try:
            with autocommitting_driver(self._engine) as driver:
                written = inserting.insert_after_head(driver, rows, head)
        except (psycopg.errors.UniqueViolation, psycopg.errors.SerializationFailure):
            return None
        if not written:
            self._locked_left = LOCKED_AFTER_LOSS
            return None
        self._head = rows.head
        return outcomes


def _needs_no_look(request: Request) -> bool:
    """Whether the unique keys alone can judge it: new streams, and no documents."""
    return not request.documents and all(one.expected_version == 0 for one in request.appends)
