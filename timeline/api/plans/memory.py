"""Keeps the places and actors of a casebook in memory, with the marks at which they are right."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence

from timeline.api.connections import Paging
from timeline.api.cursors import Key
from timeline.api.ordering import PlaceOrderField
from timeline.api.places import place_key
from timeline.domain.actors import ActorTable
from timeline.domain.places import Gazetteer, Place

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
        self._ordered: dict[PlaceOrderField, tuple[list[Key], list[Place]]] = {}
        _, named = self._in_order(PlaceOrderField.NAME)
        self.rank = {place.place_id: n for n, place in enumerate(named)}

    def renewed(self, marks: Marks) -> Memory:
        """The same at later marks; nothing of it was written since."""
        later = object.__new__(Memory)
        later.__dict__.update(self.__dict__, marks=marks)
        return later

    def _in_order(self, by: PlaceOrderField) -> tuple[list[Key], list[Place]]:
        """The keys of all places and the places, sorted when that order is first asked for."""
        if by not in self._ordered:
            self._ordered[by] = _sorted(self.gazetteer.places.values(), by)
        return self._ordered[by]

    def page(
        self, page: Paging, by: PlaceOrderField, wanted: Collection[Place] | None = None
    ) -> tuple[Sequence[Place], bool]:
        """A page of all places, or of some, in an order, and whether there are more that way."""
        keys, ordered = self._in_order(by) if wanted is None else _sorted(wanted, by)
        low = 0 if page.after is None else bisect_right(keys, page.after)
        high = len(keys) if page.before is None else bisect_left(keys, page.before)
        high = max(low, high)
        if page.backwards:
            start = max(low, high - page.fetched)
            return ordered[start:high], start > low
        end = min(high, low + page.fetched)
        return ordered[low:end], end < high


def _sorted(places: Collection[Place], by: PlaceOrderField) -> tuple[list[Key], list[Place]]:
    ordered = sorted((place_key(by, p), p) for p in places)
    return [key for key, _ in ordered], [place for _, place in ordered]
