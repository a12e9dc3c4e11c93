"""The lists that places have: each fetches its rows for all places of an answer at once.

A branch is a generator: it yields statements with their values, is sent the rows, and returns what
belongs to each place. So the same code serves a driver that waits and one that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import msgspec
import orjson
from graphql.execution.values import VariableValues

from timeline.api.connections import Paging, paging
from timeline.api.cursors import TIMELINE, Key, Ordering, written_cursors
from timeline.api.limits import ROWS_MAX
from timeline.api.nodes import node_id
from timeline.api.ordering import Order, OrderDirection
from timeline.api.plans import statements
from timeline.api.plans.errors import Unplanned
from timeline.api.plans.lean import lean, with_fields
from timeline.api.plans.leaves import CONTROL, ENTRY
from timeline.api.plans.memory import Memory
from timeline.api.plans.moments import moment
from timeline.api.plans.selection import Selected
from timeline.api.plans.statements import MARKS
from timeline.api.plans.writing import (
    Expression,
    connection_source,
    function,
    shows_cursors,
)
from timeline.domain.claims import ClaimFields
from timeline.domain.control import Control
from timeline.domain.evidence import INSTANT
from timeline.domain.places import Place
from timeline.domain.time import instant_text
from timeline.projections.control_reading import LAST
from timeline.projections.entries import key_of_actor
from timeline.projections.reading import FOREVER

Rows = Sequence[Sequence[Any]]
Question = tuple[str, dict[str, object]]
Asking = Generator[Question, Rows, Any]
Shown = tuple[Sequence[Any], bool, bool]
"""Rows of a page, and whether there are more after and before them."""

PAGE_ARGUMENTS = ("first", "after", "last", "before", "orderBy")
_FILTERS = ("knownOn", "from", "to", "types", "actor", "modalities", "reviewed")
_CONTROL = lean(Control)
_DECODE_CONTROL: Callable[[str], Any] = msgspec.json.Decoder(_CONTROL).decode
NO_CONTROL = _CONTROL()


class Run:
    """One run of a plan: the variables, what is in memory, and the rows read so far."""

    def __init__(self, values: VariableValues, memory: Memory, dialect: str) -> None:
        self.values, self.memory, self.dialect = values, memory, dialect
        self.rows = 0

    def spend(self, rows: int) -> None:
        """Count rows against the bound on one request.

        Raises:
            Unplanned: the bound is passed.
        """
        self.rows += rows
        if self.rows > ROWS_MAX:
            raise Unplanned("too many rows")


def page_of(ordering: Ordering, arguments: Mapping[str, Any]) -> Paging:
    """The checked arguments of a page; as `paging`."""
    first, after, last, before, order = (arguments.get(name) for name in PAGE_ARGUMENTS)
    return paging(ordering, first, after, last, before, None if order is None else _order(order))


def _order(given: Mapping[str, Any]) -> Order:
    return Order(direction=OrderDirection(given["direction"]))


class TimelineBranch:
    """The timeline of each place."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments(*PAGE_ARGUMENTS, *_FILTERS)
        self._field = field
        row = Expression(offset=MARKS + 1)

        def node(selected: Selected) -> str:
            return row.display(selected.fields, ENTRY, "r")

        key = ", ".join(row.column(c) for c in ("sort_key", "claim_id", "form"))
        source = connection_source(field, "r", node, total="total")
        prefix = ", ".join(map(repr, TIMELINE.prefix))
        self._keys: Callable[[Iterable[Any]], list[Key]] = function(
            "rows", f"[({prefix}, {key}) for r in rows]"
        )
        self._with_cursors = shows_cursors(field)
        self._with_total = any(f.name == "totalCount" for f in field.fields)
        names: dict[str, object] = {"node_id": node_id}
        bind = ""
        if row.claim_fields:
            bind = f" for c in (decode({row.column('data')}),)"
            names["decode"] = _claim_decoder(frozenset(row.claim_fields))
        self._write = function(
            "rows, cursors, has_next, has_previous, total, known",
            source.replace("<bind>", bind),
            **names,
        )
        self._columns = tuple(row.columns)

    def ask(self, run: Run, places: Sequence[Place]) -> Asking:
        """Fetch and write the page of each place, by the place's id."""
        arguments = self._field.arguments(run.values)
        page = page_of(TIMELINE, arguments)
        ids = [p.place_id for p in places]
        actor: Any = arguments.get("actor")
        shape, values = statements.bound(
            run.memory.casebook,
            run.memory.time_zone,
            page,
            arguments,
            ids,
            None if actor is None else key_of_actor(run.memory.actors, actor),
        )
        sql = statements.timeline(run.dialect, shape, self._columns)
        rows = yield sql, values
        if rows[0][MARKS] is None:  # there is but the row of the marks
            rows = ()
        by_place: list[list[Sequence[Any]]] = [list(rows)] if len(ids) == 1 else [[] for _ in ids]
        for r in rows if len(ids) > 1 else ():
            by_place[r[MARKS]].append(r)
        totals: Sequence[int | None] = [None] * len(ids)
        if self._with_total:
            sql = statements.timeline_count(run.dialect, shape)
            totals = [r[MARKS + 1] for r in (yield sql, values)]
        pages = [_shown(run, page, found) for found in by_place]
        cursors = iter(self._cursors(pages))
        known = () if arguments.get("knownOn") is None else (arguments["knownOn"],)
        write, answers = self._write, {}
        for id_, (shown, has_next, has_previous), total in zip(ids, pages, totals, strict=True):
            own = list(islice(cursors, len(shown) if self._with_cursors else 2)) if shown else []
            answers[id_] = write(shown, own, has_next, has_previous, total, known)
        return answers

    def _cursors(self, pages: Sequence[Shown]) -> list[str]:
        """The cursors of all rows, or of the ends of each page."""
        if self._with_cursors:
            return written_cursors(self._keys(chain.from_iterable(p[0] for p in pages)))
        ends = ((rows[0], rows[-1]) for rows, _, _ in pages if rows)
        return written_cursors(self._keys(chain.from_iterable(ends)))


def _shown(run: Run, page: Paging, rows: list[Sequence[Any]]) -> Shown:
    more = len(rows) > page.fetched
    if more:
        rows = rows[1:] if page.backwards else rows[:-1]
    run.spend(len(rows))
    return paged(page, rows, more)


def paged(page: Paging, rows: Sequence[Any], more: bool) -> Shown:
    """The rows that are shown, and whether there are more after and before them.

    As `connections.connection` has it.
    """
    kept = rows[: page.size] if not page.backwards else rows[max(0, len(rows) - page.size) :]
    beyond = more or len(kept) < len(rows)
    has_next = page.before is not None if page.backwards else beyond
    has_previous = beyond if page.backwards else page.after is not None
    if page.is_descending:
        return kept[::-1], has_previous, has_next
    return kept, has_next, has_previous


def _claim_decoder(wanted: frozenset[str]) -> Callable[[str], Any]:
    kind = lean(ClaimFields, wanted)
    if "statement_kind" in wanted:  # no claim has it but a Statement
        kind = with_fields(kind, [("statement_kind", str | None, None)])
    return msgspec.json.Decoder(kind).decode


class ControlBranch:
    """Who held each place."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments("at", "knownOn")
        self._field = field
        shown = Expression().display(field.fields, CONTROL, "x")
        self._with_claims = "claim_ids" in shown
        self._write = function("x, claim_ids", shown)

    def ask(self, run: Run, places: Sequence[Place]) -> Asking:
        """Fetch and write who held each place, by the place's id."""
        ids = [p.place_id for p in places]
        found = yield from read_controls(run, self._field, ids, with_claims=self._with_claims)
        write, none = self._write, (NO_CONTROL, ())
        return {id_: write(*found.get(id_, none)) for id_ in ids}


def read_controls(
    run: Run, field: Selected, ids: Sequence[str] | None, *, with_claims: bool
) -> Asking:
    """The control of some places, or of all, and the claims that it rests on, by place id.

    The field's arguments `at` and `knownOn` say when; as `control_reading.read_controls`.
    """
    arguments, zone = field.arguments(run.values), run.memory.time_zone
    at, known_on = arguments.get("at"), arguments.get("knownOn")
    at_text = instant_text((FOREVER if at is None else moment(at, zone)) - INSTANT)
    known = LAST if known_on is None else instant_text(moment(known_on, zone))
    values: dict[str, object] = {
        "casebook": run.memory.casebook,
        "at": at_text,
        "last": f"{at_text}/~",
        "known": known,
    }
    if ids is not None:
        values["place_ids"] = orjson.dumps(ids).decode()
    sql, fixed = statements.control(
        run.dialect, is_ahead=at_text > known, of_some=ids is not None, with_claims=with_claims
    )
    rows = yield sql, values | fixed
    controls: dict[str, Any] = {}
    claims: dict[str, set[str]] = {}
    for _, _, place_id, data, claim_id in rows:
        if data is not None:
            controls[place_id] = _DECODE_CONTROL(data)
        elif claim_id is not None:
            claims.setdefault(place_id, set()).add(claim_id)
    return {
        id_: (control, sorted(claims[id_]) if id_ in claims else control.claim_ids)
        for id_, control in controls.items()
    }
