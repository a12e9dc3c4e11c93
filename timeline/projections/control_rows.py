"""Writes rectangles and links: of all that a place's rows say, only the rows that differ.

What is known at a cut in known time closes rows and opens others. What closes at the cut at which
it opened was never known, and what opens at the cut at which it closed went on; so that the rows
are the same in whichever order claims were filed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from timeline.domain.slabs import Difference, Link, Slab
from timeline.domain.time import instant_text
from timeline.projections import tables

# Sorts after every instant.
INFINITY = "infinity"
KEYS_PER_STATEMENT_MAX = 500

Row = dict[str, Any]
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

    def rows(self) -> list[Row]:
        """All rows, when the walk is over."""
        self._settle()
        return [
            *self._closed,
            *({**row, "known_from": k, "known_to": INFINITY} for row, k in self._open.values()),
        ]

    def _settle(self) -> None:
        for row, known_from in self._closed_last.values():
            self._closed.append({**row, "known_from": known_from, "known_to": self._cut})
        self._closed_last.clear()


@dataclass
class _Differing:
    """Rows of a table to delete, to update and to insert."""

    gone: list[Row] = field(default_factory=list)
    kept: list[Row] = field(default_factory=list)
    added: list[Row] = field(default_factory=list)


class Written:
    """The rows of several places that differ, written together: few statements for many places."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._of: dict[str, tuple[Table, _Differing]] = {}

    def of(self, table: Table) -> _Differing:
        """Those of a table; what is added there is written by `flush`."""
        return self._of.setdefault(table.name, (table, _Differing()))[1]

    def flush(self) -> None:
        """Write them."""
        for table, rows in self._of.values():
            names = [c.name for c in table.primary_key.columns]
            bound = [table.c[name] == bindparam(f"of_{name}") for name in names]
            if rows.gone:
                gone = [{f"of_{n}": r[n] for n in names} for r in rows.gone]
                self.connection.execute(delete(table).where(*bound), gone)
            if rows.kept:
                others: dict[str, Any] = {
                    c.name: bindparam(c.name) for c in table.c if c.name not in names
                }
                kept = [
                    {**{n: r[n] for n in others}, **{f"of_{n}": r[n] for n in names}}
                    for r in rows.kept
                ]
                self.connection.execute(update(table).where(*bound).values(**others), kept)
            if rows.added:
                self.connection.execute(insert(table), rows.added)
        self._of.clear()


class PlaceRows:
    """The rectangles and links of one place."""

    def __init__(self, written: Written, casebook: str, place_id: str) -> None:
        self._written, self._connection = written, written.connection
        self._key = {"casebook": casebook, "place_id": place_id}

    def write(
        self,
        since: datetime,
        walk: Sequence[tuple[datetime, Difference]],
        *,
        is_going_on: bool,
        back: Sequence[tuple[datetime, Difference]] | None = None,
        is_new: bool = False,
    ) -> None:
        """Write what a walk through known time changes.

        Args:
            since: Its first cut.
            walk: Each cut with what it changed.
            is_going_on: From all that is known; else from just before `since` through every cut.
            back: The walk back to there, if that is how the fold came there; else all rows of the
                place are compared.
            is_new: Nothing is stored of the place.
        """
        both = [d for _, d in (*walk, *(back or ()))]
        slabs = [s for d in both for s in (*d.slabs_gone, *d.slabs_new)]
        links = [x for d in both for x in (*d.links_gone, *d.links_new)]
        is_partial = is_going_on or back is not None
        for table, row_of in _ROW_OF.items():
            stored: list[Row] = []
            if not is_new:
                items = slabs if table is tables.control_rectangles else links
                touched = {row_of(self._key, i)[_COLUMN[table.name]] for i in items}
                stored = self._stored(table, since, touched if is_partial else None)
            rows = _walked_rows(table, self._key, since, stored, walk, is_going_on=is_going_on)
            self._replace(table, stored, rows)

    def _stored(self, table: Table, since: datetime, touched: set[str] | None) -> list[Row]:
        """The rows that were not over before a known time; of some bounds, or all."""
        of_place = (table.c.casebook == self._key["casebook"]) & (
            table.c.place_id == self._key["place_id"]
        )
        query = select(table).where(of_place, table.c.known_to >= instant_text(since))
        if touched is None:
            return [dict(r) for r in self._connection.execute(query).mappings()]
        found: list[Row] = []
        ordered, column = sorted(touched), table.c[_COLUMN[table.name]]
        for start in range(0, len(ordered), KEYS_PER_STATEMENT_MAX):
            part = ordered[start : start + KEYS_PER_STATEMENT_MAX]
            rows = self._connection.execute(query.where(column.in_(part))).mappings()
            found += [dict(r) for r in rows]
        return found

    def _replace(self, table: Table, stored: Iterable[Row], wanted: Iterable[Row]) -> None:
        names = [c.name for c in table.primary_key.columns]
        old = {tuple(row[n] for n in names): row for row in stored}
        new = {tuple(row[n] for n in names): row for row in wanted}
        found = self._written.of(table)
        found.gone += [{n: old[k][n] for n in names} for k in old.keys() - new.keys()]
        found.kept += [new[k] for k in new.keys() & old.keys() if new[k] != old[k]]
        found.added += [new[k] for k in new.keys() - old.keys()]


def rows_of_walk(
    casebook: str, place_id: str, walk: Sequence[tuple[datetime, Difference]]
) -> Iterator[tuple[Table, list[Row]]]:
    """All rectangles and links of a place, from a walk through all of its known time."""
    key = {"casebook": casebook, "place_id": place_id}
    if walk:
        for table in _ROW_OF:
            yield table, _walked_rows(table, key, walk[0][0], (), walk, is_going_on=False)


def _walked_rows(
    table: Table,
    key: Row,
    since: datetime,
    stored: Iterable[Row],
    walk: Iterable[tuple[datetime, Difference]],
    *,
    is_going_on: bool,
) -> list[Row]:
    """What a walk makes of the rows of a table that are stored."""
    row_of = _ROW_OF[table]
    known = Known(since, stored, lambda item: row_of(key, item), is_going_on=is_going_on)
    for cut, found in walk:
        if table is tables.control_rectangles:
            known.apply(cut, found.slabs_gone, found.slabs_new)
        else:
            known.apply(cut, found.links_gone, found.links_new)
    return known.rows()


def _rectangle(key: Row, slab: Slab) -> Row:
    answer, plain = slab.answer, msgspec.structs.asdict(slab.answer)
    return {
        **key,
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


def _link(key: Row, link: Link) -> Row:
    return {
        **key,
        "kind": link.kind,
        "joined": origin_text(link.joined, link.number),
        "claim_id": link.claim_id,
        "until": _text(link.until) or INFINITY,
        "settled": instant_text(link.settled),
        "latest": link.latest,
        "root": link.root,
    }


_ROW_OF: Mapping[Table, Callable[[Row, Any], Row]] = {
    tables.control_rectangles: _rectangle,
    tables.control_links: _link,
}
_COLUMN: Mapping[str, str] = {"control_rectangles": "valid_from", "control_links": "joined"}


def origin_text(instant: datetime, number: int) -> str:
    """Which of the states made at an instant, so that text order is their order."""
    return f"{instant_text(instant)}/{number:03d}"


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)
