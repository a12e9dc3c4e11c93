"""Plans the control map: all of it, in pages, and as GeoJSON.

Who drags a map through time asks again and again for answers that most places have kept, so what a
stored answer looks like as JSON is remembered by its text, up to a bound.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from timeline.api.areas import BoundingBox, places_in
from timeline.api.cursors import PLACE_CONTROLS
from timeline.api.maps import Portions, filled
from timeline.api.plans import statements
from timeline.api.plans.branches import (
    NO_CONTROL,
    PAGE_ARGUMENTS,
    Asking,
    Run,
    control_rows,
    decode_control,
    page_of,
    paged,
    read_controls,
)
from timeline.api.plans.leaves import CONTROL
from timeline.api.plans.objects import Places
from timeline.api.plans.selection import Selected
from timeline.api.plans.statements import MARKS
from timeline.api.plans.writing import Connection, Expression, function
from timeline.domain.places import Place
from timeline.settings import PLACES_NAMED_MAX

CONTROLS_KEPT = 20_000
_WHEN = ("at", "knownOn")
WHERE = ("within", "bbox")
Shown = tuple[orjson.Fragment, ...]
"""Each `control` of a place as it is selected, as JSON."""


def region_of(run: Run, arguments: Mapping[str, Any]) -> Collection[Place] | None:
    """The places of the region and box that are asked for; `None` for all."""
    within, box = (arguments.get(name) for name in WHERE)
    if within is None and box is None:
        return None
    return places_in(run.memory.gazetteer, within, None if box is None else BoundingBox(**box))


def _named(places: Collection[Place] | None) -> list[str] | None:
    """The ids by which some places are read; a long list costs more than to read them all."""
    if places is None or len(places) > PLACES_NAMED_MAX:
        return None
    return [p.place_id for p in places]


class _Controls:
    """The `control` of places as it is selected, each as JSON."""

    def __init__(self) -> None:
        self._fields: list[str] = []
        self._with_claims = False

    def source(self, selected: Selected, of: str) -> str:
        """The expression of one `control`, of what is shown of a place."""
        shown = Expression().display(selected.fields, CONTROL, "x")
        self._with_claims = self._with_claims or "claim_ids" in shown
        self._fields.append(shown)
        return f"{of}[{len(self._fields) - 1}]"

    def end(self) -> None:
        """Make what writes them, once all are known."""
        parts = "".join(f"fragment(dumps({shown})), " for shown in self._fields)
        self._write = function(
            "x, claim_ids", f"({parts})", fragment=orjson.Fragment, dumps=orjson.dumps
        )

    def ask(self, run: Run, field: Selected, ids: Sequence[str] | None) -> Asking:
        """What is shown of those of some places, or of all, of whose control anything is known."""
        if not self._with_claims:
            rows = yield from control_rows(run, field, ids, with_claims=False)
            kept = {r[MARKS]: _shown(self, r[MARKS + 1]) for r in rows if r[MARKS + 1] is not None}
            if None not in kept.values():
                return kept
        # Where nothing is said of it, whether it rests on claims decides if it is shown.
        found = yield from read_controls(run, field, ids, with_claims=True)
        return {id_: self._write(*held) for id_, held in _known(found).items()}

    def shown(self, data: str) -> Shown | None:
        """What is shown of a stored answer; `None` where nothing is known."""
        control = decode_control(data)
        return None if control == NO_CONTROL else self._write(control, control.claim_ids)


@lru_cache(maxsize=CONTROLS_KEPT)
def _shown(controls: _Controls, data: str) -> Shown | None:
    return controls.shown(data)


def _known(read: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `read_controls` of whose control anything is known."""
    return {id_: held for id_, held in read.items() if held[0] != NO_CONTROL or held[1]}


class _Row:
    """A place with its control: the expression of both, of a place `p` and what is shown `s`."""

    def __init__(self) -> None:
        self.places, self.controls = Places(), _Controls()

    def source(self, selected: Selected, place: str, shown: str) -> str:
        written = []
        for part in selected.fields:
            part.check_arguments()
            if part.name == "place":
                expression = self.places.source(part, place)
            elif part.name == "control":
                expression = self.controls.source(part, shown)
            else:
                expression = Expression().field(part, {}, "")
            written.append(f"{part.key!r}: {expression}")
        return "{" + ", ".join(written) + "}"


def _told(run: Run, found: Mapping[str, Any], wanted: Collection[Place] | None) -> list[Place]:
    """The places of which something was found, of those that are wanted, in order of name."""
    rank = run.memory.rank
    ids = found.keys() & (rank.keys() if wanted is None else {p.place_id for p in wanted})
    run.spend(len(ids))
    places = run.memory.gazetteer.places
    return [places[id_] for id_ in sorted(ids, key=rank.__getitem__)]


class ControlMapRoot:
    """`controlMap`: every place of whose control anything is known."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments(*_WHEN, *WHERE)
        self._field, self._row = field, _Row()
        row = self._row.source(field, "p", "s")
        self._row.controls.end()
        self._write = function("rows, b, match, places", f"[{row} for p, s in rows]")

    def ask(self, run: Run) -> Asking:
        """The map."""
        wanted = region_of(run, self._field.arguments(run.values))
        found = yield from self._row.controls.ask(run, self._field, _named(wanted))
        told = _told(run, found, wanted)
        branches = yield from self._row.places.ask(run, [p.place_id for p in told])
        rows = [(p, found[p.place_id]) for p in told]
        return self._write(rows, branches, None, run.memory.gazetteer)


class PlaceControlsRoot:
    """`placeControls`: the same in pages."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments(*PAGE_ARGUMENTS, *_WHEN, *WHERE)
        self._field, self._row = field, _Row()
        self._connection = Connection(
            field, "h", lambda node: self._row.source(node, "h[0]", "h[1]"), "b, match, places"
        )
        self._row.controls.end()

    def ask(self, run: Run) -> Asking:
        """The page."""
        arguments, memory = self._field.arguments(run.values), run.memory
        page = page_of(PLACE_CONTROLS, arguments)
        region = region_of(run, arguments)
        wanted = memory.gazetteer.places.values() if region is None else region
        asked = yield statements.told_places(), {"casebook": memory.casebook}
        ever = {r[MARKS] for r in asked}
        portions: Portions[Any] = filled(
            page, ((p.name, p.place_id) for p in wanted if p.place_id in ever)
        )
        try:
            ids = next(portions)
            while True:
                found = yield from self._row.controls.ask(run, self._field, ids)
                ids = portions.send(found)
        except StopIteration as ended:
            rows, more = ended.value
        run.spend(len(rows))
        shown, has_next, has_previous = paged(page, rows, more=more)
        total = None
        if self._connection.shows_total:
            found = yield from self._row.controls.ask(run, self._field, _named(wanted))
            total = len(found.keys() & {p.place_id for p in wanted})
        branches = yield from self._row.places.ask(run, [key[1] for key, _ in shown])
        return self._connection.written(
            [(memory.gazetteer.places[key[1]], told) for key, told in shown],
            PLACE_CONTROLS.cursors(key for key, _ in shown),
            has_next,
            has_previous,
            total,
            branches,
            None,
            memory.gazetteer,
        )


class ControlGeojsonRoot:
    """`controlGeojson`: the map as a FeatureCollection."""

    def __init__(self, field: Selected) -> None:
        field.check_arguments(*_WHEN, *WHERE)
        self._field = field

    def ask(self, run: Run) -> Asking:
        """The collection."""
        wanted = region_of(run, self._field.arguments(run.values))
        named = _named(wanted)
        read = yield from read_controls(run, self._field, named, with_claims=False)
        if any(c == NO_CONTROL for c, _ in read.values()):
            read = yield from read_controls(run, self._field, named, with_claims=True)
        found = _known(read)
        features = [
            _feature(p, found[p.place_id][0])
            for p in _told(run, found, wanted)
            if p.latitude is not None and p.longitude is not None
        ]
        return {"type": "FeatureCollection", "features": features}


def _feature(place: Place, held: Any) -> orjson.Fragment:  # noqa: ANN401 - a lean control
    properties = {
        "name": place.name,
        "kind": place.kind.value,
        "state": held.state,
        "holders": [{"actorId": h.actor_id, "name": h.name} for h in held.holders],
        "conditions": held.conditions,
        "since": {"earliest": held.since_earliest, "latest": held.since_latest},
        "certain": held.certain,
        "lastConfirmed": held.last_confirmed,
        "sources": held.sources,
    }
    point = {"type": "Point", "coordinates": (place.longitude, place.latitude)}
    feature = {"type": "Feature", "id": place.place_id, "geometry": point, "properties": properties}
    return orjson.Fragment(orjson.dumps(feature))
