"""Writes rectangles and links: of all that a place's rows say, only the rows that differ.

What is known at a cut in known time closes rows and opens others. What closes at the cut at which
it opened was never known, and what opens at the cut at which it closed went on; so that the rows
are the same in whichever order claims were filed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, Table

from timeline.domain.slabs import Difference, Link, Slab
from timeline.domain.time import instant_text
from timeline.projections import bulk_rows, tables
from timeline.projections.bulk_rows import Row
from timeline.projections.control_forms import INFINITY

Cut = tuple[datetime, Difference]
_RECTANGLE_FIELDS = ("origin", "fought_since", "beside_since", "pending")


class Known:
    """Slabs or links with the known time in which they stand, while a walk goes on.

    Args:
        since: The first cut of the walk.
        stored: The rows that may be touched and were not over before it.
        row_of: The row of a slab or link, without its known time.
        is_going_on: The walk goes on from all that is known; else from just before `since`.
    """

    def __init__(
        self,
        since: datetime,
        stored: Iterable[Row],
        row_of: Callable[[Any], Row],
        *,
        is_going_on: bool,
    ) -> None:
        self._row_of = row_of
        self._open: dict[tuple[Any, ...], tuple[Row, str]] = {}
        self._closed: list[Row] = []
        self._closed_last: dict[tuple[Any, ...], tuple[Row, str]] = {}
        self._cut = since_text = instant_text(since)
        for stored_row in stored:
            row = {k: v for k, v in stored_row.items() if k not in ("known_from", "known_to")}
            known_from, known_to = stored_row["known_from"], stored_row["known_to"]
            is_open = known_to == INFINITY if is_going_on else known_from < since_text
            if is_open:
                self._open[tuple(row.values())] = row, known_from
            elif is_going_on and known_to == since_text:
                self._closed_last[tuple(row.values())] = row, known_from
            elif is_going_on:
                self._closed.append(stored_row)

    def apply(self, cut: datetime, gone: Iterable[object], new: Iterable[object]) -> None:
        """What a cut closes and opens."""
        text = instant_text(cut)
        if text != self._cut:
            self._settle()
            self._cut = text
        for item in gone:
            row = self._row_of(item)
            key = tuple(row.values())
            _, known_from = self._open.pop(key)
            if known_from != text:
                self._closed_last[key] = row, known_from
        for item in new:
            row = self._row_of(item)
            key = tuple(row.values())
            went_on = self._closed_last.pop(key, None)
            self._open[key] = went_on or (row, text)

    def over(self) -> list[Row]:
        """The rows that are over since this was last asked, and of which nothing can change."""
        closed, self._closed = self._closed, []
        return closed

    def rows(self) -> list[Row]:
        """All rows, when the walk is over; but for those already given."""
        self._settle()
        return [
            *self._closed,
            *({**row, "known_from": k, "known_to": INFINITY} for row, k in self._open.values()),
        ]

    def _settle(self) -> None:
        for row, known_from in self._closed_last.values():
            self._closed.append({**row, "known_from": known_from, "known_to": self._cut})
        self._closed_last.clear()


@dataclass(frozen=True)
class Walk:
    """A walk through known time at one place.

    Attributes:
        place_id: Which.
        since: Its first cut.
        cuts: Each cut with what it changed.
        is_going_on: From all that is known; else from just before `since` through every cut.
        back: The walk back to there, if that is how the fold came there; else all rows of the
            place are compared.
        is_new: Nothing is stored of the place.
    """

    place_id: str
    since: datetime
    cuts: Sequence[Cut]
    is_going_on: bool = False
    back: Sequence[Cut] | None = None
    is_new: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether only rows that begin where something changed can differ."""
        return self.is_going_on or self.back is not None


def write(connection: Connection, casebook: str, walks: Sequence[Walk]) -> None:
    """Write what walks change, each of another place: few statements for many places."""
    for kind in (_Rectangles(casebook), _Links(casebook)):
        gone: list[Row] = []
        kept: list[Row] = []
        added: list[Row] = []
        stored = kind.stored(connection, walks)
        for walk in walks:
            old = {kind.key(row): row for row in stored.get(walk.place_id, ())}
            wanted = kind.rows(walk, old.values())
            new = {kind.key(row): row for row in wanted}
            gone += [old[k] for k in old.keys() - new.keys()]
            kept += [new[k] for k in new.keys() & old.keys() if new[k] != old[k]]
            added += [new[k] for k in new.keys() - old.keys()]
        bulk_rows.delete_keys(connection, kind.table, casebook, gone)
        bulk_rows.update(connection, kind.table, casebook, kind.values, kept)
        bulk_rows.load(connection, kind.table, added)


def fresh_rows(
    casebook: str, place_id: str, since: datetime, cuts: Iterable[Cut]
) -> Iterator[tuple[Table, Row]]:
    """The rectangles and links of a place of which nothing is stored, each when it is over.

    So the rows of a place with very many claims need not be in memory together.
    """
    kinds = (_Rectangles(casebook), _Links(casebook))
    both = [
        (kind, Known(since, (), partial(kind.row, place_id), is_going_on=False)) for kind in kinds
    ]
    for cut, found in cuts:
        for kind, known in both:
            known.apply(cut, *kind.items(found))
            yield from ((kind.table, row) for row in known.over())
    for kind, known in both:
        yield from ((kind.table, row) for row in known.rows())


class _Kind:
    """What rectangles and links have in common."""

    table: Table

    def __init__(self, casebook: str) -> None:
        self._casebook = casebook
        keys = [c.name for c in self.table.primary_key.columns]
        # What tells rows of a place apart, but for their known time: they are read by it.
        self._names = tuple(keys[2:-1])
        self.key: Callable[[Row], tuple[str, ...]] = itemgetter(*keys)
        self.values = [c.name for c in self.table.columns if c.name not in keys]

    def items(self, found: Difference) -> tuple[Sequence[Any], Sequence[Any]]:
        """What a difference takes away and brings of this kind."""
        raise NotImplementedError

    def row(self, place_id: str, item: Any) -> Row:  # noqa: ANN401 - a slab or a link
        """Its row, without its known time."""
        raise NotImplementedError

    def stored(self, connection: Connection, walks: Sequence[Walk]) -> dict[str, list[Row]]:
        """The rows that walks may touch, by place: those that were not over before them."""
        whole: list[tuple[str, ...]] = []
        some: list[tuple[str, ...]] = []
        for walk in walks:
            since = instant_text(walk.since)
            if walk.is_partial:
                some += [(walk.place_id, *values, since) for values in self._touched(walk)]
            elif not walk.is_new:
                whole.append((walk.place_id, since))
        found: dict[str, list[Row]] = {}
        for equal, given in ((("place_id",), whole), (("place_id", *self._names), some)):
            for row in bulk_rows.read(
                connection, self.table, self._casebook, equal, "known_to", given
            ):
                found.setdefault(row["place_id"], []).append(row)
        return found

    def _touched(self, walk: Walk) -> list[tuple[str, ...]]:
        items = [
            item
            for _, found in (*walk.cuts, *(walk.back or ()))
            for part in self.items(found)
            for item in part
        ]
        rows = (self.row(walk.place_id, item) for item in items)
        return sorted({tuple(row[name] for name in self._names) for row in rows})

    def rows(self, walk: Walk, stored: Iterable[Row]) -> list[Row]:
        """What the rows that are stored become."""
        known = Known(
            walk.since, stored, partial(self.row, walk.place_id), is_going_on=walk.is_going_on
        )
        for cut, found in walk.cuts:
            known.apply(cut, *self.items(found))
        return known.rows()


class _Rectangles(_Kind):
    table = tables.control_rectangles

    def items(self, found: Difference) -> tuple[Sequence[Slab], Sequence[Slab]]:
        return found.slabs_gone, found.slabs_new

    def row(self, place_id: str, item: Slab) -> Row:
        slab = item
        answer, plain = slab.answer, msgspec.structs.asdict(slab.answer)
        return {
            "casebook": self._casebook,
            "place_id": place_id,
            "valid_from": instant_text(slab.valid_from),
            "valid_to": _text(slab.valid_to) or INFINITY,
            "supports_from": origin_text(*answer.origin) if answer.origin else None,
            "fought_since": _text(answer.fought_since),
            "beside_since": _text(answer.beside_since),
            "pending": _text(answer.pending),
            "data": msgspec.json.encode(
                {k: v for k, v in plain.items() if k not in _RECTANGLE_FIELDS}
            ).decode(),
        }


class _Links(_Kind):
    table = tables.control_links

    def items(self, found: Difference) -> tuple[Sequence[Link], Sequence[Link]]:
        return found.links_gone, found.links_new

    def row(self, place_id: str, item: Link) -> Row:
        link = item
        return {
            "casebook": self._casebook,
            "place_id": place_id,
            "kind": link.kind,
            "joined": origin_text(link.joined, link.number),
            "claim_id": link.claim_id,
            "until": _text(link.until) or INFINITY,
            "settled": instant_text(link.settled),
            "latest": link.latest,
            "root": link.root,
        }


def origin_text(instant: datetime, number: int) -> str:
    """Which of the states made at an instant, so that text order is their order."""
    return f"{instant_text(instant)}/{number:03d}"


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)
