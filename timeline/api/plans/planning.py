"""Makes the plan of an operation: what each field of the root reads, and what it writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from timeline.api.cursors import PLACES, PLACES_BY_KIND
from timeline.api.ordering import PlaceOrderField
from timeline.api.places import place_key
from timeline.api.plans import statements
from timeline.api.plans.branches import PAGE_ARGUMENTS, Asking, Run, TimelineBranch, page_of, paged
from timeline.api.plans.errors import Unplanned
from timeline.api.plans.maps import (
    WHERE,
    ControlGeojsonRoot,
    ControlMapRoot,
    PlaceControlsRoot,
    region_of,
)
from timeline.api.plans.objects import Actors, Places
from timeline.api.plans.selection import TYPE_NAME, Selected
from timeline.api.plans.writing import Connection, function
from timeline.domain.places import Place
from timeline.settings import NAME_LENGTH_MAX


class _PlaceRoot:
    """`place`: one place by its id or name."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments("id", "name")
        self._field, self._places = field, Places()
        self._write = function("p, match, b, places", self._places.source(field, "p"))

    def ask(self, run: Run) -> Asking:
        arguments = self._field.arguments(run.values)
        id_, name = arguments.get("id"), arguments.get("name")
        if (id_ is None) == (name is None):
            raise Unplanned("neither or both of id and name")
        match, gazetteer = None, run.memory.gazetteer
        if name is None:
            place = gazetteer.get(str(id_))
        elif not str(name).strip() or len(str(name)) > NAME_LENGTH_MAX:
            raise Unplanned("the name is empty or too long")
        else:
            place, match = gazetteer.look_up(str(name))
        if place is None:
            return None
        branches = yield from self._places.ask(run, [place.place_id])
        return self._write(place, match, branches, gazetteer)


class _ActorRoot:
    """`actor`: one actor by its id."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments("id")
        self._field, self._actors = field, Actors()
        self._write = function("a, b", self._actors.source(field, "a"))

    def ask(self, run: Run) -> Asking:
        actor = run.memory.actors.get(str(self._field.arguments(run.values)["id"]))
        if actor is None:
            return None
        return self._write(actor, (yield from self._actors.ask(run, [actor.actor_id])))


class _TimelineRoot:
    """`timeline`: what is told of all places, or of one."""

    def __init__(self, field: Selected) -> None:
        self._field = field
        self._of_all, self._of_place = TimelineBranch(field, "all"), TimelineBranch(field)

    def ask(self, run: Run) -> Asking:
        place_id = self._field.arguments(run.values).get("placeId")
        branch = self._of_all if place_id is None else self._of_place
        meant = "" if place_id is None else run.memory.gazetteer.canonical(str(place_id))
        return (yield from branch.ask(run, [meant]))[meant]


class _PlacesRoot:
    """`places`: a page of the gazetteer."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments(*PAGE_ARGUMENTS, "kinds", *WHERE)
        self._field, self._places = field, Places()
        self._connection = Connection(
            field, "p", lambda node: self._places.source(node, "p"), "match, b, places"
        )

    def ask(self, run: Run) -> Asking:
        arguments = self._field.arguments(run.values)
        order: Any = arguments.get("orderBy") or {}
        by = PlaceOrderField(order.get("field", PlaceOrderField.NAME))
        ordering = PLACES if by is PlaceOrderField.NAME else PLACES_BY_KIND
        page = page_of(ordering, arguments)
        wanted = _of_kinds(run, arguments.get("kinds"), region_of(run, arguments))
        rows, more = run.memory.page(page, by, wanted)
        run.spend(len(rows))
        shown, has_next, has_previous = paged(page, rows, more=more)
        ends = shown if self._connection.shows_cursors or not shown else (shown[0], shown[-1])
        cursors = ordering.cursors(place_key(by, p) for p in ends)
        found = yield from self._places.ask(run, [p.place_id for p in shown])
        return self._connection.written(
            shown,
            cursors,
            has_next,
            has_previous,
            len(run.memory.rank if wanted is None else wanted),
            None,
            found,
            run.memory.gazetteer,
        )


def _of_kinds(
    run: Run, kinds: object, places: Collection[Place] | None
) -> Collection[Place] | None:
    """Those of some places, or of all, that are of some kinds; `None` for either is any."""
    if not isinstance(kinds, list) or not kinds:
        return places
    wanted = {getattr(kind, "value", kind) for kind in kinds}
    among = run.memory.gazetteer.places.values() if places is None else places
    return [p for p in among if p.kind.value in wanted]


_ROOTS = {
    "actor": _ActorRoot,
    "controlGeojson": ControlGeojsonRoot,
    "controlMap": ControlMapRoot,
    "place": _PlaceRoot,
    "placeControls": PlaceControlsRoot,
    "places": _PlacesRoot,
    "timeline": _TimelineRoot,
}


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
