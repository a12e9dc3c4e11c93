"""Which places are meant by a region or a box on the map: arguments that several lists share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.described import asked
from timeline.api.errors import BadUserInput
from timeline.domain.places import Gazetteer, Place


@asked
class BoundingBox:
    """A box on the map, as GeoJSON has it (RFC 7946, section 5); its edges belong to it.

    When `west` is greater than `east` it crosses the antimeridian.
    """

    west: float = strawberry.field(description="WGS84 degrees east of its western edge, -180..180.")
    south: float = strawberry.field(
        description="WGS84 degrees north of its southern edge, -90..90."
    )
    east: float = strawberry.field(description="WGS84 degrees east of its eastern edge, -180..180.")
    north: float = strawberry.field(
        description="WGS84 degrees north of its northern edge, -90..90."
    )


Within = Annotated[
    ID | None,
    strawberry.argument(
        description="Only places within the place of this id, directly or through others; not that"
        " place itself."
    ),
]
InBox = Annotated[
    BoundingBox | None,
    strawberry.argument(
        description="Only places with a point in this box; what has no coordinates is in none."
    ),
]


def places_in(
    gazetteer: Gazetteer, within: str | None, box: BoundingBox | None
) -> Collection[Place]:
    """The places of a region that lie in a box; `None` for either means anywhere.

    Raises:
        BadUserInput: the box is none.
    """
    found: Collection[Place] = gazetteer.places.values()
    if within is not None:
        found = [gazetteer.places[id_] for id_ in gazetteer.inside(within)]
    if box is not None:
        _check(box)
        found = [p for p in found if _holds(box, p)]
    return found


def _check(box: BoundingBox) -> None:
    longitudes = all(-180 <= degrees <= 180 for degrees in (box.west, box.east))
    latitudes = all(-90 <= degrees <= 90 for degrees in (box.south, box.north))
    if not (longitudes and latitudes):
        raise BadUserInput("a box has west and east in -180..180, south and north in -90..90")
    if box.south > box.north:
        raise BadUserInput("the south of a box lies not north of its north")


def _holds(box: BoundingBox, place: Place) -> bool:
    if place.latitude is None or place.longitude is None:
        return False
    if not box.south <= place.latitude <= box.north:
        return False
    if box.west <= box.east:
        return box.west <= place.longitude <= box.east
    return place.longitude >= box.west or place.longitude <= box.east
