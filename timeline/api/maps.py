"""GraphQL fields of the control map: who held the places of a region or a box, and as GeoJSON."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import strawberry

from timeline.api.areas import BoundingBox, InBox, Within, places_in
from timeline.api.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    Paging,
    connection,
    paging,
)
from timeline.api.context import Group, Info
from timeline.api.control import At, Control, controls_of
from timeline.api.cursors import PLACE_CONTROLS, Key
from timeline.api.described import answered, described
from timeline.api.ordering import PlaceControlsBy
from timeline.api.places import Place, place_of
from timeline.api.reports import KnownOn
from timeline.api.scalars import GeoJSON
from timeline.domain import control, places

T = TypeVar("T")
Held = tuple[places.Place, control.Control]
Portions: TypeAlias = Generator[list[str], Mapping[str, T], tuple[list[tuple[Key, T]], bool]]
CHUNK_MIN, CHUNK_MAX = 100, 1_000


@described
class PlaceControl:
    """A place, and who held it."""

    place: Place = strawberry.field(description="The place.")
    control: Control = strawberry.field(description="Who held it.")


@described
class MapQuery:
    """The questions to the map."""

    @answered
    def control_map(
        self,
        info: Info,
        at: At = None,
        known_on: KnownOn = None,
        within: Within = None,
        bbox: InBox = None,
    ) -> list[PlaceControl]:
        """Who held each place of whose control anything is known then.

        In order of the places' names. `placeControls` is the same in pages.
        """
        return shown_controls(_held(info, at, known_on, within, bbox), known_on)

    @answered
    def place_controls(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        at: At = None,
        known_on: KnownOn = None,
        within: Within = None,
        bbox: InBox = None,
        order_by: PlaceControlsBy = None,
    ) -> Connection[PlaceControl]:
        """Who held each place of whose control anything is known then: `controlMap` in pages.

        In order of the places' names.
        """
        page = paging(PLACE_CONTROLS, first, after, last, before, order_by)
        wanted = places_in(info.context.gazetteer, within, bbox)
        rows, more = _page(info, page, wanted, at, known_on)
        info.context.spend(len(rows))
        shown = shown_controls([held for _, held in rows], known_on)
        return connection(
            page,
            [(key, one) for (key, _), one in zip(rows, shown, strict=True)],
            more,
            lambda one: one,
            lambda: len(_asked(info, at, known_on, [p.place_id for p in wanted])),
        )

    @answered
    def control_geojson(
        self,
        info: Info,
        at: At = None,
        known_on: KnownOn = None,
        within: Within = None,
        bbox: InBox = None,
    ) -> GeoJSON:
        """`controlMap` as a GeoJSON FeatureCollection of points, in order of the places' names.

        A feature's `id` is the place's id; its `properties` are `name`, `kind`, `state`, `holders`
        [{actorId, name}], `conditions`, `since` {earliest, latest}, `certain`, `lastConfirmed` and
        `sources`, as in Control. Places without coordinates are left out.
        """
        held = _held(info, at, known_on, within, bbox)
        return GeoJSON({"type": "FeatureCollection", "features": list(_features(held))})


def _held(
    info: Info,
    at: str | None,
    known_on: str | None,
    within: str | None,
    box: BoundingBox | None,
) -> Sequence[Held]:
    wanted = None
    if within is not None or box is not None:
        region = places_in(info.context.gazetteer, within, box)
        wanted = [p.place_id for p in region]
    found = _asked(info, at, known_on, wanted)
    info.context.spend(len(found))
    return found


def _asked(
    info: Info, at: str | None, known_on: str | None, wanted: Sequence[str] | None
) -> Sequence[Held]:
    return info.context.reader.control_map(at, known_on, wanted)


def shown_controls(held: Sequence[Held], known_on: str | None) -> list[PlaceControl]:
    """The GraphQL type of each place of one answer with who held it, as known on `known_on`."""
    group = Group(place.place_id for place, _ in held)
    told = controls_of([found for _, found in held], known_on)
    return [
        PlaceControl(place=place_of(place, group), control=control)
        for (place, _), control in zip(held, told, strict=True)
    ]


def _page(
    info: Info,
    page: Paging,
    wanted: Collection[places.Place],
    at: str | None,
    known_on: str | None,
) -> tuple[list[tuple[Key, Held]], bool]:
    """The rows of a page, and if there are more."""
    told = info.context.reader.told_places()
    portions: Portions[Held] = filled(
        page, ((p.name, p.place_id) for p in wanted if p.place_id in told)
    )
    try:
        ids = next(portions)
        while True:
            held = {p.place_id: (p, c) for p, c in _asked(info, at, known_on, ids)}
            ids = portions.send(held)
    except StopIteration as ended:
        rows: tuple[list[tuple[Key, Held]], bool] = ended.value
        return rows


def filled(page: Paging, keys: Iterable[Key]) -> Portions[T]:
    """The rows of a page in ascending order of their keys, and if there are more that way.

    Yields ids of places, is sent those of which something is known, and goes on until the page is
    full: of which places something was known then shows when they are read. The portions grow; for
    nearly every question the first is enough.

    Args:
        page: The page.
        keys: Names and ids of the places that it is a page of, in any order.
    """
    ordered = sorted(
        key
        for key in keys
        if (page.after is None or key > page.after) and (page.before is None or key < page.before)
    )
    if page.backwards:
        ordered.reverse()
    found: list[tuple[Key, T]] = []
    portion = max(CHUNK_MIN, page.fetched + 1)
    start = 0
    while start < len(ordered) and len(found) <= page.fetched:
        some = ordered[start : start + portion]
        held = yield [str(key[1]) for key in some]
        found += ((key, held[str(key[1])]) for key in some if key[1] in held)
        start, portion = start + portion, min(CHUNK_MAX, portion * 4)
    taken = found[: page.fetched]
    return (taken[::-1] if page.backwards else taken), len(found) > page.fetched


def _features(held: Sequence[Held]) -> list[dict[str, Any]]:
    return [
        {
            "type": "Feature",
            "id": place.place_id,
            "geometry": {"type": "Point", "coordinates": [place.longitude, place.latitude]},
            "properties": {
                "name": place.name,
                "kind": place.kind.value,
                "state": found.state.value,
                "holders": [{"actorId": h.actor_id, "name": h.name} for h in found.holders],
                "conditions": [c.value for c in found.conditions],
                "since": {"earliest": found.since_earliest, "latest": found.since_latest},
                "certain": found.certain,
                "lastConfirmed": found.last_confirmed,
                "sources": found.sources,
            },
        }
        for place, found in held
        if place.latitude is not None and place.longitude is not None
    ]
