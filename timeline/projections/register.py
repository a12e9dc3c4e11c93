"""Projects places, and actors with sources: the reference data that names are resolved against."""

from __future__ import annotations

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Table, delete, insert, select, update

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
from timeline.projections import tables
from timeline.projections.runner import Batch


class PlacesProjection:
    """The gazetteer as registered."""

    name = "places"
    version = 1
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
                }
        _replace_rows(batch.connection, tables.places, "place_id", batch.name, rows)


class ActorsProjection:
    """The actor table and the sources, with whom they are affiliated."""

    name = "actors"
    version = 1
    tables: tuple[Table, ...] = (tables.actors, tables.sources)

    def apply(self, batch: Batch) -> None:
        """Add actors and sources, and what these events say of their affiliations."""
        registered: dict[str, Actor] = {}
        sources: dict[str, dict[str, object]] = {}
        for event in batch.events:
            payload = event.payload
            if isinstance(payload, ActorRegistered):
                registered[payload.actor_id] = Actor(**asdict(payload))
            elif isinstance(payload, AffiliationStated):
                actor = registered.get(payload.actor_id) or _actor(batch, payload.actor_id)
                if actor is not None:
                    registered[actor.actor_id] = _with_affiliation(actor, payload)
            elif isinstance(payload, SourceRegistered):
                sources[payload.source_id] = {"casebook": batch.name, **asdict(payload)}
            elif isinstance(payload, SourceAffiliated):
                self._write_sources(batch, sources)
                sources.clear()
                self._affiliate(batch, payload)
        self._write_sources(batch, sources)
        rows = {id_: _actor_row(batch.name, actor) for id_, actor in registered.items()}
        _replace_rows(batch.connection, tables.actors, "actor_id", batch.name, rows)

    def _write_sources(self, batch: Batch, rows: dict[str, dict[str, object]]) -> None:
        _replace_rows(batch.connection, tables.sources, "source_id", batch.name, rows)

    def _affiliate(self, batch: Batch, payload: SourceAffiliated) -> None:
        c = tables.sources.c
        batch.connection.execute(
            update(tables.sources)
            .where(c.casebook == batch.name, c.source_id == payload.source_id)
            .values(affiliated_with=payload.affiliated_with)
        )


def _actor(batch: Batch, actor_id: str) -> Actor | None:
    c = tables.actors.c
    data = batch.connection.execute(
        select(c.data).where(c.casebook == batch.name, c.actor_id == actor_id)
    ).scalar_one_or_none()
    return None if data is None else msgspec.json.decode(data, type=Actor)


def _with_affiliation(actor: Actor, stated: AffiliationStated) -> Actor:
    fields = {k: v for k, v in asdict(stated).items() if k != "actor_id"}
    return replace(actor, affiliations=(*actor.affiliations, Affiliation(**fields)))


def _actor_row(casebook: str, actor: Actor) -> dict[str, object]:
    return {
        "casebook": casebook,
        "actor_id": actor.actor_id,
        "name": actor.name,
        "kind": actor.kind.value,
        "data": encode(actor).decode(),
    }


def _replace_rows(
    connection: Connection,
    table: Table,
    key: str,
    casebook: str,
    rows: dict[str, dict[str, object]],
) -> None:
    if not rows:
        return
    connection.execute(delete(table).where(table.c.casebook == casebook, table.c[key].in_(rows)))
    connection.execute(insert(table), list(rows.values()))


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
    return [msgspec.json.decode(data, type=Actor) for data in rows.scalars()]


def read_places(connection: Connection, casebook: str) -> list[Place]:
    """The places of a casebook."""
    c = tables.places.c
    rows = connection.execute(select(c.data).where(c.casebook == casebook).order_by(c.place_id))
    return [msgspec.json.decode(data, type=Place) for data in rows.scalars()]
