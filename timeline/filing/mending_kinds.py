"""Says what tells places and actors apart where they are mended alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from msgspec import Struct
from sqlalchemy import Table

from timeline.domain.actors import Actor
from timeline.domain.places import Place
from timeline.domain.reference_events import (
    ActorCorrected,
    ActorsMerged,
    ActorsUnmerged,
    PlaceCorrected,
    PlacesMerged,
    PlacesUnmerged,
)
from timeline.projections import tables

T = TypeVar("T", bound=Place | Actor)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of what can be mended: its name, its type, where its ids stand, and its events."""

    name: str
    type: type[T]
    identities: Table
    corrected: Callable[..., Struct]
    merged: Callable[..., Struct]
    unmerged: Callable[..., Struct]

    def stream(self, id_: str) -> str:
        """The stream of an id."""
        return f"{self.name}-{id_}"


PLACES = Kind("place", Place, tables.place_identities, PlaceCorrected, PlacesMerged, PlacesUnmerged)
ACTORS = Kind("actor", Actor, tables.actor_identities, ActorCorrected, ActorsMerged, ActorsUnmerged)
