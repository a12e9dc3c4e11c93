"""Projects places, and actors with sources: the reference data that names are resolved against."""

from __future__ import annotations

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Table, func, select, update

from timeline.domain.actors import Actor, Affiliation, Source
from timeline.domain.events import (
    ActorRegistered,
    AffiliationStated,
    PlaceRegistered,
    SourceAffiliated,
    SourceRegistered,
    encode,
)
from timeline.domain.places import Place
from timeline.errors import SchemaMismatch
from timeline.projections import bulk_rows, tables
from timeline.projections.batches import Batch, names_of


class PlacesProjection:
    """The gazetteer as registered."""

    name = "places"
    version = 1
    depends_on: tuple[str, ...] = ()
    event_types: frozenset[str] | None = names_of(PlaceRegistered)
    tables: tuple[Table, ...] = (tables.places,)

    def apply(self, batch: Batch) -> None:
        """Add the places that these events register; registering one again replaces it."""
        rows: dict[str, dict[str, object]] = {}
        for event in batch.events:
            if isinstance(event.payload, PlaceRegistered):
                place = Place(**asdict(event.payload))
                rows[place.place_id] = {
                    "casebook": batch.name,
                    "place_id": place.place_id,
                    "name": place.name,
                    "kind": place.kind.value,
                    "latitude": place.latitude,
                    "longitude": place.longitude,
                    "within": place.within,
                    "data": encode(place).decode(),
                    "position": event.stored.position,
                }
        _replace_rows(batch.connection, tables.places, "place_id", batch.name, rows)


class ActorsProjection:
    """The actor table and the sources, with whom they are affiliated."""

    name = "actors"
    version = 2
    depends_on: tuple[str, ...] = ()
    event_types: frozenset[str] | None = names_of(
        ActorRegistered, AffiliationStated, SourceRegistered, SourceAffiliated
    )
    tables: tuple[Table, ...] = (tables.actors, tables.sources)

    def apply(self, batch: Batch) -> None:
        """Add actors and sources, and what these events say of their affiliations."""
        registered: dict[str, tuple[Actor, int]] = {}
        sources: dict[str, dict[str, object]] = {}
        for event in batch.events:
            payload, position = event.payload, event.stored.position
            if isinstance(payload, ActorRegistered):
                registered[payload.actor_id] = (Actor(**asdict(payload)), position)
            elif isinstance(payload, AffiliationStated):
                known = registered.get(payload.actor_id)
                actor = known[0] if known else _actor(batch, payload.actor_id)
                if actor is not None:
                    registered[actor.actor_id] = (_with_affiliation(actor, payload), position)
            elif isinstance(payload, SourceRegistered):
                row = {"casebook": batch.name, **asdict(payload), "position": position}
                sources[payload.source_id] = row
            elif isinstance(payload, SourceAffiliated):
                self._write_sources(batch, sources)
                sources.clear()
                self._affiliate(batch, payload, position)
        self._write_sources(batch, sources)
        rows = {
            id_: _actor_row(batch.name, actor, position)
            for id_, (actor, position) in registered.items()
        }
        _replace_rows(batch.connection, tables.actors, "actor_id", batch.name, rows)

    def _write_sources(self, batch: Batch, rows: dict[str, dict[str, object]]) -> None:
        _replace_rows(batch.connection, tables.sources, "source_id", batch.name, rows)

    def _affiliate(self, batch: Batch, payload: SourceAffiliated, position: int) -> None:
        c = tables.sources.c
        batch.connection.execute(
            update(tables.sources)
            .where(c.casebook == batch.name, c.source_id == payload.source_id)
            .values(affiliated_with=payload.affiliated_with, position=position)
        )


def _actor(batch: Batch, actor_id: str) -> Actor | None:
    c = tables.actors.c
    data = batch.connection.execute(
        select(c.data).where(c.casebook == batch.name, c.actor_id == actor_id)
    ).scalar_one_or_none()
    return None if data is None else _decoded(data)


def _decoded(data: str) -> Actor:
    try:
        return msgspec.json.decode(data, type=Actor)
    except msgspec.ValidationError:  # rows are no events: they have no upcasters, and are rebuilt
        raise SchemaMismatch(
            "the projection actors is of another release; run `timeline rebuild actors`"
        ) from None


def _with_affiliation(actor: Actor, stated: AffiliationStated) -> Actor:
    fields = {k: v for k, v in asdict(stated).items() if k != "actor_id"}
    return replace(actor, affiliations=(*actor.affiliations, Affiliation(**fields)))


def _actor_row(casebook: str, actor: Actor, position: int) -> dict[str, object]:
    return {
        "casebook": casebook,
        "actor_id": actor.actor_id,
        "name": actor.name,
        "kind": actor.kind.value,
        "data": encode(actor).decode(),
        "position": position,
    }


def _replace_rows(
    connection: Connection,
    table: Table,
    key: str,
    casebook: str,
    rows: dict[str, dict[str, object]],
) -> None:
    bulk_rows.delete(connection, table, casebook, key, rows)
    bulk_rows.load(connection, table, rows.values())


def read_sources(connection: Connection, casebook: str) -> list[Source]:
    """The sources of a casebook."""
    c = tables.sources.c
    rows = connection.execute(
        select(c.source_id, c.name, c.affiliated_with).where(c.casebook == casebook)
    )
    return [Source(**row) for row in rows.mappings()]


def read_actors(connection: Connection, casebook: str) -> list[Actor]:
    """The actors of a casebook."""
    c = tables.actors.c
    rows = connection.execute(select(c.data).where(c.casebook == casebook).order_by(c.actor_id))
    return [_decoded(data) for data in rows.scalars()]


def read_places(connection: Connection, casebook: str) -> list[Place]:
    """The places of a casebook."""
    c = tables.places.c
    rows = connection.execute(select(c.data).where(c.casebook == casebook).order_by(c.place_id))
    return [msgspec.json.decode(data, type=Place) for data in rows.scalars()]


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
