"""Keeps the places and actors of a casebook in memory, with the marks at which they are right."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from timeline.api.connections import Paging
from timeline.api.cursors import Key
from timeline.domain.actors import ActorTable
from timeline.domain.places import Gazetteer, Place
from timeline.domain.time import moment_end
from timeline.projections.entry_queries import begin_text

MOMENTS_KEPT = 4_096


Marks = tuple[object, ...]
"""The head of the log, and how often projections were swapped, as a statement reads them."""


class Memory:
    """The places and actors as they are at some marks.

    Args:
        marks: When the rows were read, or before.
        gazetteer: The places.
        actors: The actors.
        casebook: Whose they are.
        time_zone: The casebook's.
    """

    def __init__(
        self, marks: Marks, gazetteer: Gazetteer, actors: ActorTable, casebook: str, time_zone: str
    ) -> None:
        self.marks, self.gazetteer, self.actors = marks, gazetteer, actors
        self.casebook, self.time_zone = casebook, time_zone
        ordered = sorted(((p.name, p.place_id), p) for p in gazetteer.places.values())
        self._keys: list[Key] = [key for key, _ in ordered]
        self._ordered = [place for _, place in ordered]
        self.rank = {place.place_id: n for n, place in enumerate(self._ordered)}

    def renewed(self, marks: Marks) -> Memory:
        """The same at later marks; nothing of it was written since."""
        later = object.__new__(Memory)
        later.__dict__.update(self.__dict__, marks=marks)
        return later

    def page(self, page: Paging) -> tuple[Sequence[Place], bool]:
        """A page of the places in order of name, and whether there are more that way."""
        low = 0 if page.after is None else bisect_right(self._keys, page.after)
        high = len(self._keys) if page.before is None else bisect_left(self._keys, page.before)
        high = max(low, high)
        if page.backwards:
            start = max(low, high - page.fetched)
            return self._ordered[start:high], start > low
        end = min(high, low + page.fetched)
        return self._ordered[low:end], end < high


@lru_cache(maxsize=MOMENTS_KEPT)
def begin(text: str, time_zone: str) -> str:
    """`begin_text`, of what was asked for before."""
    return begin_text(text, time_zone)


@lru_cache(maxsize=MOMENTS_KEPT)
def moment(text: str, time_zone: str) -> datetime:
    """`moment_end`, which costs more than a short query, of what was asked for before."""
    return moment_end(text, time_zone)
