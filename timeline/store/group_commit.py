"""Lets concurrent appends share a transaction, so that a server is not held to one commit each.

One thread writes: while it commits, the appends that arrive wait, and the next transaction takes
all of them. Each is judged by itself, in the order of arrival, against the log as those before it
leave it; a conflict refuses that one alone. Nobody is answered before the commit. A transaction
that cannot be committed fails every append in it, with the reason.

Callers that append again and again would fall into two halves that take turns, one waiting while
the other commits. So the writer waits for as many as the last time were there, but never for longer
than a part of what a transaction takes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from timeline.errors import DatabaseBusy, DatabaseUnavailable, TimelineError
from timeline.store import preparing
from timeline.store.appending import Clock
from timeline.store.event_store import EventStore
from timeline.store.events import Appended, Document, StreamAppend
from timeline.store.preparing import Request
from timeline.store.retry import retried

WAITING_MAX = 1_000
EVENTS_PER_GROUP_MAX = 2_000
CLOSE_SECONDS_MAX = 60
# How long to wait for callers that were there the last time: a part of the last transaction.
LINGER_PART = 0.5
LINGER_SECONDS_MAX = 0.002

_Waiting = tuple[Request, "Future[Appended]"]


class GroupedEventStore(EventStore):
    """An event store whose appends, from any thread, share transactions.

    It reads as any other. Close it, or use it as a context manager, so that the last appends are
    written before the program ends. From asyncio:
    `await asyncio.wrap_future(store.submit(appends))`.

    Args:
        engine: From `timeline.store.engine.connect`.
        casebook: The casebook's name.
        clock: Gives the present as an aware datetime; asked once a transaction.
        waiting_max: How many appends may wait; one more is refused.
    """

    def __init__(
        self, engine: Engine, casebook: str, clock: Clock, *, waiting_max: int = WAITING_MAX
    ) -> None:
        super().__init__(engine, casebook, clock)
        self._waiting_max = waiting_max
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._writer: threading.Thread | None = None
        self._expected = self._wakes_at = 1
        self._linger_seconds = 0.0

    def append(
        self, appends: Sequence[StreamAppend], documents: Sequence[Document] = ()
    ) -> Appended:
        """`EventStore.append`, in a transaction that others may share; waits for its commit.

        Raises:
            TimelineError: as `EventStore.append`, and as `submit`.
        """
        return self.submit(appends, documents).result()

    def submit(
        self, appends: Sequence[StreamAppend], documents: Sequence[Document] = ()
    ) -> Future[Appended]:
        """Hand in an append and return at once; the future tells what it came to.

        A future that is cancelled before its transaction begins is not written.

        Raises:
            InvalidEvent: as `EventStore.append`.
            InvalidDocument: as `EventStore.append`.
            DatabaseBusy: too many appends are waiting; nothing was written.
            DatabaseUnavailable: the store is closed.
        """
        request = preparing.prepare(appends, documents)
        future: Future[Appended] = Future()
        with self._changed:
            if self._is_closed:
                raise DatabaseUnavailable("this store is closed; nothing was written")
            if len(self._waiting) >= self._waiting_max:
                raise DatabaseBusy(
                    f"{self._waiting_max} appends are waiting to be written already;"
                    " nothing was written, try again"
                )
            self._waiting.append((request, future))
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write_groups, name="group-commit", daemon=True
                )
                self._writer.start()
            if len(self._waiting) >= self._wakes_at:
                self._changed.notify()
        return future

    def close(self) -> None:
        """Refuse further appends, and wait until those that were accepted are written."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            writer = self._writer
        if writer is not None:
            writer.join(CLOSE_SECONDS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write_groups(self) -> None:
        while group := self._next_group():
            self._write(group)

    def _next_group(self) -> list[_Waiting]:
        """What waits, up to the bound and at least one; empty once closed and written."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            end = time.monotonic() + self._linger_seconds
            # Each wake takes the interpreter from a caller that is about to hand in its append.
            self._wakes_at = self._expected
            while len(self._waiting) < self._expected and not self._is_closed:
                left_seconds = end - time.monotonic()
                if left_seconds <= 0:
                    break
                self._changed.wait(left_seconds)
            self._wakes_at = 1
            group: list[_Waiting] = []
            events = 0
            while self._waiting:
                events += len(self._waiting[0][0].event_ids)
                if group and events > EVENTS_PER_GROUP_MAX:
                    break
                group.append(self._waiting.popleft())
            return group

    def _write(self, group: Sequence[_Waiting]) -> None:
        wanted = [one for one in group if one[1].set_running_or_notify_cancel()]
        if wanted:
            self._write_wanted(wanted)

    def _write_wanted(self, group: Sequence[_Waiting]) -> None:
        requests = [request for request, _ in group]
        begun = time.monotonic()
        try:
            outcomes = retried(lambda: self._append_all(requests))
        except BaseException as error:  # noqa: BLE001 - a waiting caller must be told whatever it is
            is_about_all = isinstance(error, TimelineError)
            if is_about_all or len(group) == 1:
                for _, future in group:
                    future.set_exception(error)
                return
            # Something the judging did not foresee: the others must not suffer for one of them.
            for one in group:
                self._write_wanted([one])
            return
        took_seconds = time.monotonic() - begun
        self._linger_seconds = min(LINGER_PART * took_seconds, LINGER_SECONDS_MAX)
        self._expected = len(group) + len(self._waiting)
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, TimelineError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if any(isinstance(one, Appended) and one.appended for one in outcomes):
            self._waker.wake()

    def _append_all(self, requests: Sequence[Request]) -> list[Appended | TimelineError]:
        return self._committer.append_all(requests)
