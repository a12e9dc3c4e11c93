"""Reads prose in several processes ahead of filing, which stays one report after the other.

Filing asks its extractor as always; this one has the answer at hand where the report was announced.
Each report is read by itself, so what is found is the same as in one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread

import msgspec

from timeline.domain.actors import ActorTable
from timeline.domain.claims import Extraction, Extractor, ReportFrame
from timeline.domain.places import Gazetteer
from timeline.errors import InvalidReport, TimelineError

ANNOUNCED_PER_JOB_MAX = 8
_Asked = tuple[str, ReportFrame]


class ReadingAhead:
    """An `Extractor` that has announced reports read by other processes; close it in the end."""

    def __init__(
        self,
        make: Callable[[], Extractor],
        gazetteer: Gazetteer,
        actors: ActorTable,
        jobs: int,
    ) -> None:
        """Read with what `make`, which is pickled, gives in each of `jobs` processes."""
        self._own, self.gazetteer, self.actors = make(), gazetteer, actors
        self.announced_max = jobs * ANNOUNCED_PER_JOB_MAX
        self._pool = ProcessPoolExecutor(
            jobs, get_context("spawn"), initializer=_prepare, initargs=(make, gazetteer, actors)
        )
        self._answers: dict[_Asked, Future[tuple[bytes | None, str | None]]] = {}

    def frame(self, text: str) -> ReportFrame:
        """As the extractor itself."""
        return self._own.frame(text)

    def announce(self, text: str, frame: ReportFrame) -> None:
        """Have a report read that will be asked for soon."""
        try:
            self._answers[_key(text, frame)] = self._pool.submit(_read, text, frame)
        except BrokenProcessPool:
            self._answers.clear()  # then each is read when it is asked for

    def extract(
        self, text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
    ) -> Extraction:
        """The claims of a text, read ahead where it was announced.

        What a worker could not do, and what places or actors registered meanwhile may change, is
        done here.

        Raises:
            InvalidReport: as the extractor itself.
        """
        waiting = self._answers.pop(_key(text, frame), None)
        if waiting is not None and gazetteer is self.gazetteer and actors is self.actors:
            try:
                read, refused = waiting.result()
            except BrokenProcessPool:
                read, refused = None, None
            if refused is not None:
                raise InvalidReport("the text", refused)
            if read is not None:
                return msgspec.json.decode(read, type=Extraction)
        return self._own.extract(text, frame, gazetteer, actors)

    def close(self) -> None:
        """End the processes; what was announced and not asked for is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _key(text: str, frame: ReportFrame) -> _Asked:
    return text, frame


class _Worker:
    """What a process reads with."""

    extractor: Extractor
    gazetteer: Gazetteer
    actors: ActorTable


def _prepare(make: Callable[[], Extractor], gazetteer: Gazetteer, actors: ActorTable) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    _Worker.extractor, _Worker.gazetteer, _Worker.actors = make(), gazetteer, actors


def _end_with_parent() -> None:
    """End this process once its parent is gone: a killed parent cannot tell its pool to stop."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _read(text: str, frame: ReportFrame) -> tuple[bytes | None, str | None]:
    """The claims, or why the text is refused; neither when the parent shall see for itself.

    As JSON, since a default that was pickled is no longer the default, and would be written out.
    """
    try:
        read = _Worker.extractor.extract(text, frame, _Worker.gazetteer, _Worker.actors)
    except InvalidReport as fault:
        return None, fault.reason
    except TimelineError:
        return None, None
    return msgspec.json.encode(read), None
