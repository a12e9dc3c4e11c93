"""The lists that places have: each fetches its rows for all places of an answer at once.

A branch is a generator: it yields statements with their values, is sent the rows, and returns what
belongs to each place. So the same code serves a driver that waits and one that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

import msgspec
import orjson
from graphql.execution.values import VariableValues

from timeline.api.connections import Paging, paging
from timeline.api.cursors import TIMELINE, Key, Ordering, written_cursors
from timeline.api.limits import ROWS_MAX
from timeline.api.ordering import Order, OrderDirection
from timeline.api.plans import statements
from timeline.api.plans.errors import Unplanned
from timeline.api.plans.lean import lean, with_fields
from timeline.api.plans.leaves import CONTROL, ENTRY
from timeline.api.plans.memory import Memory
from timeline.api.plans.moments import moment
from timeline.api.plans.selection import Selected
from timeline.api.plans.statements import MARKS, Shape, Whose
from timeline.api.plans.writing import Connection, Expression, Page, function
from timeline.domain.claims import ClaimFields
from timeline.domain.control import Control
from timeline.domain.evidence import INSTANT
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
_FILTERS = ("knownOn", "from", "to", "types", "actor", "modalities", "reviewed", "placeId")
_CONTROL = lean(Control)
decode_control: Callable[[str], Any] = msgspec.json.Decoder(_CONTROL).decode
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


class _Asked(NamedTuple):
    """What a timeline is asked for: the page, the statement but whose, and the day as a tuple."""

    page: Paging
    shape: Shape
    values: dict[str, object]
    known: tuple[str, ...]


class TimelineBranch:
    """The timeline of each place or actor, or the one of all that is told."""

    def __init__(self, field: Selected, whose: Whose = "places") -> None:
        field.check_arguments(*PAGE_ARGUMENTS, *_FILTERS)
        self._field, self._whose = field, whose
        self._row = row = Expression(offset=MARKS + 1)

        def node(selected: Selected) -> str:
            return row.display(selected.fields, ENTRY, "r")

        key = ", ".join(row.column(c) for c in ("sort_key", "claim_id", "form"))
        self._connection = Connection(field, "r", node, "known, places")
        prefix = ", ".join(map(repr, TIMELINE.prefix))
        self._keys: Callable[[Iterable[Any]], list[Key]] = function(
            "rows", f"[({prefix}, {key}) for r in rows]"
        )
        if row.claim_fields:
            row.column("data")
            self._decode = _claims_decoder(frozenset(row.claim_fields))
            self._data = MARKS + 1 + row.columns.index("data")
        self._columns = tuple(row.columns)
        self._asked: _Asked | None = None

    def ask(self, run: Run, ids: Sequence[str]) -> Asking:
        """Fetch and write the page of each of some ids, by the id."""
        asked = self._asked or self._question(run)
        shape, values = statements.of_ids(asked.shape, asked.values, ids)
        sql = statements.timeline(run.dialect, shape, self._columns)
        rows = yield sql, values
        totals: Sequence[int | None] = [None] * len(ids)
        if self._connection.shows_total:
            sql = statements.timeline_count(run.dialect, shape)
            totals = [r[MARKS + 1] for r in (yield sql, values)]
        pages = _pages(run, asked.page, _by_number(rows, len(ids)))
        made = self._made(run, pages, totals, asked.known)
        return dict(zip(ids, self._connection.pages(made), strict=True))

    def _question(self, run: Run) -> _Asked:
        """What is asked for; without variables it is the same each time, and kept."""
        arguments, memory = self._field.arguments(run.values), run.memory
        page, actor = page_of(TIMELINE, arguments), arguments.get("actor")
        shape, values = statements.bound(
            memory.casebook,
            memory.time_zone,
            page,
            arguments,
            None if actor is None else key_of_actor(memory.actors, str(actor)),
            self._whose,
        )
        known_on = arguments.get("knownOn")
        known = () if known_on is None else (str(known_on),)
        asked = _Asked(page, shape, values, known)
        if not self._field.has_variables and actor is None:
            self._asked = asked
        return asked

    def _made(
        self,
        run: Run,
        pages: Sequence[Shown],
        totals: Sequence[int | None],
        known: tuple[str, ...],
    ) -> Iterator[Page]:
        rows = pages[0][0] if len(pages) == 1 else [r for shown, _, _ in pages for r in shown]
        claims: Iterable[Any] = repeat(None)
        if self._row.claim_fields:
            at = self._data
            claims = self._decode("[" + ",".join([r[at] for r in rows]) + "]")
        made, cursors = self._connection, self._cursors(pages, rows)
        each = cursors if made.shows_cursors else repeat(None)
        lists = made.lists(rows, claims, each, known, run.memory.gazetteer)
        begin = ends = 0
        for (shown, has_next, has_previous), total in zip(pages, totals, strict=True):
            own = lists if len(pages) == 1 else [of[begin : begin + len(shown)] for of in lists]
            start = end = None
            if shown and made.shows_ends:
                first, last = begin, begin + len(shown) - 1
                if not made.shows_cursors:
                    first, last, ends = ends, ends + 1, ends + 2
                start, end = cursors[first], cursors[last]
            begin += len(shown)
            yield own, start, end, has_next, has_previous, total

    def _cursors(self, pages: Sequence[Shown], rows: Sequence[Any]) -> list[str]:
        """The cursors of all rows, of the two ends of each page, or none: what is shown."""
        if self._connection.shows_cursors:
            return written_cursors(self._keys(rows))
        if not self._connection.shows_ends:
            return []
        ends = ((shown[0], shown[-1]) for shown, _, _ in pages if shown)
        return written_cursors(self._keys(chain.from_iterable(ends)))


def _by_number(rows: Rows, number: int) -> Sequence[Sequence[Sequence[Any]]]:
    """The rows of each of so many timelines, by the number that each row bears."""
    if rows[0][MARKS] is None:  # there is but the row of the marks
        return [()] * number
    if number == 1:
        return [rows]
    found: list[list[Sequence[Any]]] = [[] for _ in range(number)]
    for r in rows:
        found[r[MARKS]].append(r)
    return found


def _pages(run: Run, page: Paging, fetched: Sequence[Sequence[Any]]) -> list[Shown]:
    """What is shown of a page of each of some lists; one row more than it has was fetched."""
    most = page.fetched
    run.spend(sum([min(len(rows), most) for rows in fetched]))
    return [paged(page, rows, more=False) for rows in fetched]


def paged(page: Paging, rows: Sequence[Any], *, more: bool) -> Shown:
    """The rows that are shown, and whether there are more after and before them.

    As `connections.connection` has it.

    Args:
        page: The page.
        rows: What was fetched for it, and perhaps one row more.
        more: Whether there are more than these.
    """
    spare = len(rows) - page.size
    more = more or spare > 0
    if page.backwards:
        kept = rows[spare:] if spare > 0 else rows
        has_next, has_previous = page.before is not None, more
    else:
        kept = rows[: page.size] if spare > 0 else rows
        has_next, has_previous = more, page.after is not None
    if page.is_descending:
        return kept[::-1], has_previous, has_next
    return kept, has_next, has_previous


def _claims_decoder(wanted: frozenset[str]) -> Callable[[str], Any]:
    """Reads a JSON list of claims."""
    kind = lean(ClaimFields, wanted)
    if "statement_kind" in wanted:  # no claim has it but a Statement
        kind = with_fields(kind, [("statement_kind", str | None, None)])
    return msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]


class ControlBranch:
    """Who held each place."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments("at", "knownOn")
        self._field = field
        shown = Expression().display(field.fields, CONTROL, "x")
        self._with_claims = "claim_ids" in shown
        self._write = function("x, claim_ids", shown)

    def ask(self, run: Run, ids: Sequence[str]) -> Asking:
        """Fetch and write who held each place, by the place's id."""
        found = yield from read_controls(run, self._field, ids, with_claims=self._with_claims)
        write, none = self._write, (NO_CONTROL, ())
        return {id_: write(*found.get(id_, none)) for id_ in ids}


def read_controls(
    run: Run, field: Selected, ids: Sequence[str] | None, *, with_claims: bool
) -> Asking:
    """The control of some places, or of all, and the claims that it rests on, by place id.

    As `control_reading.read_controls`.
    """
    rows = yield from control_rows(run, field, ids, with_claims=with_claims)
    controls: dict[str, Any] = {}
    claims: dict[str, set[str]] = {}
    for _, _, place_id, data, claim_id in rows:
        if data is not None:
            controls[place_id] = decode_control(data)
        elif claim_id is not None:
            claims.setdefault(place_id, set()).add(claim_id)
    return {
        id_: (control, sorted(claims[id_]) if id_ in claims else control.claim_ids)
        for id_, control in controls.items()
    }


def control_rows(
    run: Run, field: Selected, ids: Sequence[str] | None, *, with_claims: bool
) -> Asking:
    """Rows of the marks, place, control and claim, of some places or of all.

    The field's arguments `at` and `knownOn` say when.
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
    return (yield sql, values | fixed)
