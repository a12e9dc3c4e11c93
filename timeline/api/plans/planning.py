"""Makes the plan of an operation: what each field of the root reads, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from timeline.api.cursors import PLACES, PLACES_BY_KIND
from timeline.api.nodes import node_id
from timeline.api.ordering import PlaceOrderField
from timeline.api.places import place_key
from timeline.api.plans import statements
from timeline.api.plans.branches import (
    NO_CONTROL,
    PAGE_ARGUMENTS,
    Asking,
    ControlBranch,
    Run,
    TimelineBranch,
    page_of,
    paged,
    read_controls,
)
from timeline.api.plans.errors import Unplanned
from timeline.api.plans.leaves import CONTROL, PLACE
from timeline.api.plans.selection import TYPE_NAME, Selected
from timeline.api.plans.writing import (
    Expression,
    connection_source,
    function,
    shows_cursors,
)
from timeline.domain.places import Place
from timeline.settings import NAME_LENGTH_MAX

_BRANCHES: dict[str, type[ControlBranch | TimelineBranch]] = {
    "control": ControlBranch,
    "timeline": TimelineBranch,
}


class _PlaceNode:
    """Writes what is selected of a place `p`, with what its branches `b` found."""

    def __init__(self) -> None:
        self._branches: list[ControlBranch | TimelineBranch] = []

    def source(self, selected: Selected) -> str:
        written = []
        for field in selected.fields:
            if field.name in _BRANCHES:
                shown = f"b[{len(self._branches)}][p.place_id]"
                self._branches.append(_BRANCHES[field.name](field))
            else:
                shown = Expression().field(field, PLACE, "p")
            written.append(f"{field.key!r}: {shown}")
        return "{" + ", ".join(written) + "}"

    def ask(self, run: Run, places: Sequence[Place]) -> Asking:
        """What each branch finds of some places, in the order of the branches."""
        found: list[object] = []
        for branch in self._branches if places else ():
            answered = yield from branch.ask(run, places)
            found += (answered,)
        return found


class _PlaceRoot:
    """`place`: one place by its id or name."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments("id", "name")
        self._field, self._node = field, _PlaceNode()
        self._write = function("p, match, b", self._node.source(field), node_id=node_id)

    def ask(self, run: Run) -> Asking:
        arguments = self._field.arguments(run.values)
        id_, name = arguments.get("id"), arguments.get("name")
        if (id_ is None) == (name is None):
            raise Unplanned("neither or both of id and name")
        match = None
        if name is None:
            place = run.memory.gazetteer.get(str(id_))
        elif not str(name).strip() or len(str(name)) > NAME_LENGTH_MAX:
            raise Unplanned("the name is empty or too long")
        else:
            place, match = run.memory.gazetteer.look_up(str(name))
        if place is None:
            return None
        return self._write(place, match, (yield from self._node.ask(run, [place])))


class _PlacesRoot:
    """`places`: a page of the gazetteer."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments(*PAGE_ARGUMENTS)
        self._field, self._node = field, _PlaceNode()
        self._with_cursors = shows_cursors(field)
        source = connection_source(field, "p", self._node.source, total="total")
        self._write = function(
            "rows, cursors, has_next, has_previous, total, b",
            source.replace("<bind>", ""),
            match=None,
            node_id=node_id,
        )

    def ask(self, run: Run) -> Asking:
        arguments = self._field.arguments(run.values)
        order: Any = arguments.get("orderBy") or {}
        by = PlaceOrderField(order.get("field", PlaceOrderField.NAME))
        ordering = PLACES if by is PlaceOrderField.NAME else PLACES_BY_KIND
        page = page_of(ordering, arguments)
        rows, more = run.memory.page(page, by)
        run.spend(len(rows))
        shown, has_next, has_previous = paged(page, rows, more)
        ends = shown if self._with_cursors or not shown else (shown[0], shown[-1])
        cursors = ordering.cursors(place_key(by, p) for p in ends)
        found = yield from self._node.ask(run, shown)
        return self._write(shown, cursors, has_next, has_previous, len(run.memory.rank), found)


class _ControlMapRoot:
    """`controlMap`: every place of whose control anything is known."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments("at", "knownOn")
        self._field, self._node = field, _PlaceNode()
        written = []
        for part in field.fields:
            part.check_arguments()
            if part.name == "place":
                shown = self._node.source(part)
            elif part.name == "control":
                shown = Expression().display(part.fields, CONTROL, "x")
            else:
                shown = Expression().field(part, {}, "x")
            written.append(f"{part.key!r}: {shown}")
        row = "{" + ", ".join(written) + "}"
        self._with_claims = "claim_ids" in row
        # Each row is JSON at once: thousands of dicts that all wait for the last cost far more.
        self._write = function(
            "rows, b",
            f"[fragment(dumps({row})) for p, x, claim_ids in rows]",
            match=None,
            node_id=node_id,
            fragment=orjson.Fragment,
            dumps=orjson.dumps,
        )

    def ask(self, run: Run) -> Asking:
        found = yield from read_controls(run, self._field, None, with_claims=self._with_claims)
        if not self._with_claims and any(c == NO_CONTROL for c, _ in found.values()):
            # Whether something rests on claims decides if it is shown.
            found = yield from read_controls(run, self._field, None, with_claims=True)
        places, rank = run.memory.gazetteer.places, run.memory.rank
        told = [
            id_
            for id_, (control, claim_ids) in found.items()
            if id_ in places and (control != NO_CONTROL or claim_ids)
        ]
        run.spend(len(told))
        told.sort(key=rank.__getitem__)
        rows = [(places[id_], *found[id_]) for id_ in told]
        branches = yield from self._node.ask(run, [p for p, _, _ in rows])
        return self._write(rows, branches)


_ROOTS = {"place": _PlaceRoot, "places": _PlacesRoot, "controlMap": _ControlMapRoot}


class Plan:
    """How one operation is answered, under the values of the variables that shape it.

    Args:
        fields: What is selected of the root.

    Raises:
        Unplanned: something in it is not known here.
    """

    def __init__(self, fields: Sequence[Selected]) -> None:
        self._roots: dict[str, Any] = {}
        for field in fields:
            if field.name == TYPE_NAME:
                self._roots[field.key] = field.type_name
            elif field.name in _ROOTS:
                self._roots[field.key] = _ROOTS[field.name](field)
            else:
                raise Unplanned(f"{field.name} is not planned")

    def ask(self, run: Run) -> Asking:
        """The data of the answer; at least one statement is asked for, which checks the marks."""
        data: dict[str, object] = {}
        asked = 0
        for key, root in self._roots.items():
            if isinstance(root, str):
                data[key] = root
                continue
            asking = root.ask(run)
            rows: Any = None
            try:
                while True:
                    question = asking.send(rows)
                    asked += 1
                    rows = yield question
            except StopIteration as ended:
                data[key] = ended.value
        if not asked:
            yield statements.marks(), {"casebook": run.memory.casebook}
        return data
