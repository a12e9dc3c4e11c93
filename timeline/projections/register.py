"""Projects places, and actors with sources: the reference data that names are resolved against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Connection, Table, func, select, update

from timeline.domain.actors import Actor, ActorTable, Source
from timeline.domain.events import encode
from timeline.domain.identities import Mended, affiliated, id_of, subject
from timeline.domain.places import Gazetteer, Place
from timeline.domain.reference_events import (
    ActorRegistered,
    AffiliationStated,
    PlaceRegistered,
    SourceAffiliated,
    SourceRegistered,
)
from timeline.errors import SchemaMismatch
from timeline.projections import bulk_rows, tables
from timeline.projections.batches import Batch, names_of
from timeline.projections.bulk_rows import Row
from timeline.projections.identities import (
    ACTOR_MENDING,
    PLACE_MENDING,
    read_identities,
    write_identities,
)

T = TypeVar("T", bound=Place | Actor)


class PlacesProjection:
    """The gazetteer: the places that ids mean, and which id means which."""

    name = "places"
    version = 2
    depends_on: tuple[str, ...] = ()
    event_types: frozenset[str] | None = names_of(PlaceRegistered, *PLACE_MENDING)
    tables: tuple[Table, ...] = (tables.places, tables.place_identities)

    def apply(self, batch: Batch) -> None:
        """Add the places that these events register, and mend those that they mend."""
        register = _Register(batch, Place, tables.places, tables.place_identities)
        for event in batch.events:
            payload, position = event.payload, event.stored.position
            if isinstance(payload, PlaceRegistered):
                register.add(Place(**asdict(payload)), position)
            elif isinstance(payload, PLACE_MENDING):
                register.mend(payload, position)
        register.write(_place_row)


class ActorsProjection:
    """The actor table and the sources, with whom they are affiliated, and which id means which."""

    name = "actors"
    version = 3
    depends_on: tuple[str, ...] = ()
    event_types: frozenset[str] | None = names_of(
        ActorRegistered, AffiliationStated, SourceRegistered, SourceAffiliated, *ACTOR_MENDING
    )
    tables: tuple[Table, ...] = (tables.actors, tables.sources, tables.actor_identities)

    def apply(self, batch: Batch) -> None:
        """Add actors and sources, mend actors, and keep what is said of affiliations."""
        register = _Register(batch, Actor, tables.actors, tables.actor_identities)
        sources: dict[str, dict[str, object]] = {}
        for event in batch.events:
            payload, position = event.payload, event.stored.position
            if isinstance(payload, ActorRegistered):
                register.add(Actor(**asdict(payload)), position)
            elif isinstance(payload, AffiliationStated):
                if payload.actor_id in register.identities.known:
                    register.mend(payload, position)
                elif (actor := register.registered(payload.actor_id)) is not None:
                    register.add(affiliated(actor, payload), position)
            elif isinstance(payload, ACTOR_MENDING):
                register.mend(payload, position)
            elif isinstance(payload, SourceRegistered):
                row = {"casebook": batch.name, **asdict(payload), "position": position}
                sources[payload.source_id] = row
            elif isinstance(payload, SourceAffiliated):
                self._write_sources(batch, sources)
                sources.clear()
                self._affiliate(batch, payload, position)
        self._write_sources(batch, sources)
        register.write(_actor_row)

    def _write_sources(self, batch: Batch, rows: dict[str, dict[str, object]]) -> None:
        bulk_rows.delete(batch.connection, tables.sources, batch.name, "source_id", rows)
        bulk_rows.load(batch.connection, tables.sources, rows.values())

    def _affiliate(self, batch: Batch, payload: SourceAffiliated, position: int) -> None:
        c = tables.sources.c
        batch.connection.execute(
            update(tables.sources)
            .where(c.casebook == batch.name, c.source_id == payload.source_id)
            .values(affiliated_with=payload.affiliated_with, position=position)
        )


class _Register(Generic[T]):
    """The rows of one kind that a batch writes."""

    def __init__(self, batch: Batch, kind: type[T], table: Table, of_identities: Table) -> None:
        self._batch, self._kind, self._table, self._of_identities = (
            batch,
            kind,
            table,
            of_identities,
        )
        self._key = "place_id" if kind is Place else "actor_id"
        self._added: dict[str, tuple[T, int]] = {}
        self._mended: set[str] = set()
        self.identities = read_identities(batch.connection, batch.name, of_identities, kind)

    def registered(self, id_: str) -> T | None:
        """What is registered under an id that was never mended."""
        if id_ in self._added:
            return self._added[id_][0]
        c = self._table.c
        data = self._batch.connection.execute(
            select(c.data).where(c.casebook == self._batch.name, c[self._key] == id_)
        ).scalar_one_or_none()
        return None if data is None else _decoded(data, self._kind)

    def add(self, registered: T, position: int) -> None:
        """Register something; doing so again replaces it, unless it was mended."""
        id_ = id_of(registered)
        if id_ not in self.identities.known:
            self._added[id_] = registered, position

    def mend(self, payload: Mended, position: int) -> None:
        """Take in what mends something."""
        if self.identities.mend(payload, position, self.registered):
            family = self.identities.family([subject(payload)])
            self._mended.update(family)
            for id_ in family:
                self._added.pop(id_, None)

    def write(self, row_of: Callable[[str, T, int], Row]) -> None:
        """Write what was added, and all of what was mended."""
        connection, name = self._batch.connection, self._batch.name
        mended = [self.identities.known[id_] for id_ in sorted(self._mended)]
        write_identities(connection, name, self._of_identities, mended)
        rows = [row_of(name, own, position) for own, position in self._added.values()]
        rows += [
            row_of(name, self.identities.whole(one.id), one.position)
            for one in mended
            if one.into is None
        ]
        ids = [*self._added, *self._mended]
        bulk_rows.delete(connection, self._table, name, self._key, ids)
        bulk_rows.load(connection, self._table, rows)


def _decoded(data: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:  # rows are no events: they have no upcasters, and are rebuilt
        told = "places" if kind is Place else "actors"
        raise SchemaMismatch(
            f"the projection {told} is of another release; run `timeline rebuild {told}`"
        ) from None


def _place_row(casebook: str, place: Place, position: int) -> Row:
    return {
        "casebook": casebook,
        "place_id": place.place_id,
        "name": place.name,
        "kind": place.kind.value,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "within": place.within,
        "data": encode(place).decode(),
        "position": position,
    }


def _actor_row(casebook: str, actor: Actor, position: int) -> dict[str, object]:
    return {
        "casebook": casebook,
        "actor_id": actor.actor_id,
        "name": actor.name,
        "kind": actor.kind.value,
        "data": encode(actor).decode(),
        "position": position,
    }


def read_sources(connection: Connection, casebook: str) -> list[Source]:
    """The sources of a casebook."""
    c = tables.sources.c
    rows = connection.execute(
        select(c.source_id, c.name, c.affiliated_with).where(c.casebook == casebook)
    )
    return [Source(**row) for row in rows.mappings()]


def read_actors(connection: Connection, casebook: str) -> ActorTable:
    """The actors of a casebook."""
    c = tables.actors.c
    rows = connection.execute(select(c.data).where(c.casebook == casebook).order_by(c.actor_id))
    found = [_decoded(data, Actor) for data in rows.scalars()]
    known = read_identities(connection, casebook, tables.actor_identities, Actor)
    return ActorTable(found, known.merged())


def read_places(connection: Connection, casebook: str) -> Gazetteer:
    """The places of a casebook."""
    c = tables.places.c
    rows = connection.execute(select(c.data).where(c.casebook == casebook).order_by(c.place_id))
    found = [_decoded(data, Place) for data in rows.scalars()]
    known = read_identities(connection, casebook, tables.place_identities, Place)
    return Gazetteer(found, merged=known.merged())


def last_written(connection: Connection, casebook: str, *written: Table) -> tuple[int, int]:
    """The position that last wrote a row of these tables, and how often rows were swapped.

    What was read from them before is still right as long as this is the same.
    """
    found = (
        connection.execute(select(func.max(t.c.position)).where(t.c.casebook == casebook)).scalar()
        for t in written
    )
    c = tables.checkpoints.c
    builds = connection.execute(select(func.sum(c.builds)).where(c.casebook == casebook)).scalar()
    return max((position or 0 for position in found), default=0), builds or 0
