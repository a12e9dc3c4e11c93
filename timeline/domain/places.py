"""Places: their names in any spelling and script, containment, distances and relative positions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from geographiclib.geodesic import Geodesic
from msgspec import Meta, Struct
from msgspec.structs import replace

from timeline.domain.names import Match, Name, NameIndex, Tier
from timeline.domain.patterns import written_as
from timeline.errors import AmbiguousPlace, PlaceNotFound

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
GeoPrecision = Annotated[int, Meta(ge=1, le=3)]
DistanceKm = Annotated[float, Meta(ge=0, le=20_100)]
Bearing = Annotated[float, Meta(ge=0, lt=360)]
Slug = Annotated[str, written_as(r"^[a-z0-9][a-z0-9._-]*$(?!\n)", length_max=120)]

CONTAINMENT_DEPTH_MAX = 12


class PlaceKind(StrEnum):
    """What kind of place it is."""

    COUNTRY = "country"
    GOVERNORATE = "governorate"
    REGION = "region"
    CITY = "city"
    TOWN = "town"
    VILLAGE = "village"
    NEIGHBOURHOOD = "neighbourhood"
    AIRBASE = "airbase"
    BASE = "base"
    FACILITY = "facility"
    POWER_STATION = "power_station"
    ROAD = "road"
    HILL = "hill"
    CAMP = "camp"
    CROSSING = "crossing"
    ISLAND = "island"


class Relation(StrEnum):
    """How an event's location relates to the named place; only `at` and `in` are the place."""

    AT = "at"
    IN = "in"
    NEAR = "near"
    BETWEEN = "between"
    TOWARD = "toward"


class Located(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a place lies (WGS84 degrees), and with which of ACLED's precisions."""

    latitude: float | None = None
    longitude: float | None = None
    geo_precision: int = 1

    def given(self, mention: PlaceMention) -> tuple[float | None, float | None, int]:
        """(latitude, longitude, precision) that a mention without its own gets by the place.

        The precision is 1 at or in the place itself, otherwise at least 2 (ACLED geo_precision).
        """
        latitude, longitude, precision = self.latitude, self.longitude, self.geo_precision
        bearing, away_km = mention.bearing, mention.distance_km
        if not (latitude is None or longitude is None or bearing is None or away_km is None):
            latitude, longitude = point_at(latitude, longitude, bearing, away_km)
        if mention.relation not in (Relation.AT, Relation.IN) or away_km:
            precision = max(2, precision)
        return latitude, longitude, precision


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place of the gazetteer.

    Coordinates are WGS84 degrees. `geo_precision` is ACLED's: 1 the place itself, 2 near or part
    of it, 3 a region. `within` is the id of the containing place; `connects` the places a road
    joins. `theatre` gates matching: names of another theatre are never considered.
    """

    place_id: Slug
    name: Annotated[str, Meta(min_length=1, max_length=300)]
    kind: PlaceKind
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    geo_precision: GeoPrecision = 1
    within: str | None = None
    theatre: str | None = None
    names: tuple[Name, ...] = ()
    connects: tuple[str, ...] = ()
    geonameid: int | None = None
    source: str | None = None

    @property
    def located(self) -> Located:
        """Where it lies."""
        return Located(
            latitude=self.latitude, longitude=self.longitude, geo_precision=self.geo_precision
        )


class PlaceMention(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where a claim says something happened, in the report's words and, if known, as a place.

    `place_id` is `None` when the words match no place, or several: then it is unresolved, never
    guessed. `distance_km` (kilometres) and `bearing` (degrees clockwise from north) lead from the
    place to the event, and then `latitude` and `longitude` are of the event.
    """

    as_named: Annotated[str, Meta(min_length=1, max_length=300)]
    place_id: str | None = None
    name: str | None = None
    relation: Relation = Relation.AT
    distance_km: DistanceKm | None = None
    bearing: Bearing | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    geo_precision: GeoPrecision | None = None
    match: Match | None = None


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Kilometres between two points along the WGS84 ellipsoid."""
    return float(Geodesic.WGS84.Inverse(lat1, lon1, lat2, lon2)["s12"]) / 1000


def point_at(lat: float, lon: float, bearing: float, km: float) -> tuple[float, float]:
    """(latitude, longitude) of the point `km` from another at `bearing` degrees from north."""
    end = Geodesic.WGS84.Direct(lat, lon, bearing, km * 1000)
    return round(float(end["lat2"]), 6), round(float(end["lon2"]), 6)


class Gazetteer:
    """The places of a theatre, found by id or by any spelling."""

    def __init__(
        self,
        places: Iterable[Place],
        theatre: str | None = None,
        merged: Mapping[str, str] | None = None,
    ) -> None:
        """Index places.

        Args:
            places: With the names of those that were merged into them.
            theatre: Keeps the places of this theatre, and those of none; `None` keeps all.
            merged: The ids that were merged into others, each with the id that it means.
        """
        self.merged: Mapping[str, str] = merged or {}
        self._places: dict[str, Place] = {
            p.place_id: self._resolved(p)
            for p in places
            if theatre is None or p.theatre is None or p.theatre == theatre
        }
        self._index = NameIndex(
            ((p.place_id, p.name, p.names) for p in self._places.values()), self.merged
        )

    def _resolved(self, place: Place) -> Place:
        """The place with what the ids mean that it names; it never lies within itself."""
        if not self.merged:
            return place
        within = self.canonical(place.within) if place.within else None
        if within == place.place_id:  # the two were merged
            within = None
        return replace(place, within=within, connects=tuple(map(self.canonical, place.connects)))

    def __len__(self) -> int:
        return len(self._places)

    @property
    def places(self) -> Mapping[str, Place]:
        """Places by id; those that were merged into others are not among them."""
        return self._places

    def canonical(self, place_id: str) -> str:
        """The id that one means: its own, unless it was merged into another."""
        return self.merged.get(place_id, place_id)

    def merged_into(self, place_id: str) -> tuple[str, ...]:
        """The ids that were merged into this one, in order."""
        return tuple(sorted(old for old, meant in self.merged.items() if meant == place_id))

    def get(self, place_id: str) -> Place | None:
        """The place that an id means."""
        return self._places.get(self.canonical(place_id))

    def find(self, name: str) -> tuple[tuple[Place, ...], Match | None]:
        """Every place that a spelling may mean at its surest tier, best first."""
        ids, match = self._index.find(name)
        if match is None or match.tier is Tier.FUZZY:
            bare = without_kind_words(name)
            if bare != name:
                bare_ids, bare_match = self._index.find(bare)
                if bare_match is not None:
                    ids, match = bare_ids, bare_match
        return tuple(self._places[i] for i in ids), match

    def look_up(self, name: str) -> tuple[Place, Match]:
        """The one place that a person asking for `name` means.

        Raises:
            PlaceNotFound: nothing has that name; near spellings are suggested.
            AmbiguousPlace: several places have it.
        """
        places, match = self.find(name)
        if match is None or not places:
            raise PlaceNotFound(name)
        if match.tier is Tier.FUZZY:
            raise PlaceNotFound(name, tuple(p.name for p in places))
        if len(places) > 1:
            raise AmbiguousPlace(name, tuple(f"{p.place_id} ({p.name})" for p in places))
        return places[0], match

    def mention(self, mention: PlaceMention) -> PlaceMention:
        """A mention with what the gazetteer knows filled in; unresolved when it is not sure."""
        by_id = self.get(mention.place_id or "")
        places, match = self.find(by_id.place_id if by_id else mention.as_named)
        if match is None or match.tier is Tier.FUZZY or len(places) != 1:
            return replace(mention, place_id=None, name=None, match=None)
        place = places[0]
        latitude, longitude, precision = place.located.given(mention)
        return replace(
            mention,
            place_id=place.place_id,
            name=place.name,
            match=match,
            latitude=mention.latitude if mention.latitude is not None else latitude,
            longitude=mention.longitude if mention.longitude is not None else longitude,
            geo_precision=mention.geo_precision or precision,
        )

    @cached_property
    def _parts(self) -> dict[str, list[str]]:
        """The places that lie directly within each place."""
        found: dict[str, list[str]] = {}
        for place in self._places.values():
            if place.within:
                found.setdefault(place.within, []).append(place.place_id)
        return found

    def inside(self, place_id: str) -> frozenset[str]:
        """Ids of all places within this one, directly or through others; never itself."""
        found: set[str] = set()
        place_id = self.canonical(place_id)
        waiting = [place_id]
        while waiting:
            new = [p for p in self._parts.get(waiting.pop(), ()) if p not in found]
            found.update(new)
            waiting += new
        return frozenset(found - {place_id})

    def containers(self, place_id: str) -> tuple[Place, ...]:
        """The places that contain this one, nearest first; never itself, even in a circle."""
        found: list[Place] = []
        place = self.get(place_id)
        while place is not None and place.within and len(found) < CONTAINMENT_DEPTH_MAX:
            place = self._places.get(place.within)
            if place is None or place in found or place.place_id == place_id:
                break
            found.append(place)
        return tuple(found)


def without_kind_words(name: str) -> str:
    """A settlement's name without "the town of" before or "town" after it."""
    bare = re.sub(
        r"^(the\s+)?((town|city|village|villages)\s+of\s+)?", "", name.strip(), flags=re.IGNORECASE
    )
    return re.sub(r"\s+(town|city|village)$", "", bare, flags=re.IGNORECASE) or name
