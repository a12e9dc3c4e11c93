"""Reads and writes which place or actor an id means, and finds the reports told otherwise by it.

A projection that shows claims shows them by what their ids mean (`read_resolution`); and when that
changes, it makes anew the rows of the reports that name any id of the family (`reports_named`).
A family is every id that was ever merged with one, so that it does not matter whether the
tables that tell what ids mean stand at the batch's end or further on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Table, select, union

from timeline.domain.actors import Actor
from timeline.domain.events import ReportVersion, encode
from timeline.domain.identities import (
    Identities,
    Identity,
    Resolution,
    told_otherwise,
)
from timeline.domain.places import Located, Place
from timeline.domain.reference_events import (
    ActorCorrected,
    ActorsMerged,
    ActorsUnmerged,
    PlaceCorrected,
    PlacesMerged,
    PlacesUnmerged,
)
from timeline.domain.standing import ReportStanding, Standing
from timeline.projections import bulk_rows, tables
from timeline.projections.batches import Batch
from timeline.projections.bulk_rows import Row

PLACE_MENDING = (PlaceCorrected, PlacesMerged, PlacesUnmerged)
ACTOR_MENDING = (ActorCorrected, ActorsMerged, ActorsUnmerged)
MENDING = (*PLACE_MENDING, *ACTOR_MENDING)
# How many reports whose claims are told otherwise are made anew at once.
REPORTS_AT_ONCE_MAX = 500

T = TypeVar("T", bound=Place | Actor)


def read_identities(
    connection: Connection, casebook: str, table: Table, type_: type[T]
) -> Identities[T]:
    """The ids of one kind that were ever mended.

    Args:
        connection: Reads the tables.
        casebook: Whose.
        table: `place_identities` or `actor_identities`.
        type_: What is registered there.
    """
    query = select(table).where(table.c.casebook == casebook).order_by(table.c.id)
    return Identities(
        Identity(
            own=msgspec.json.decode(row["data"], type=type_),
            family=row["family"],
            into=row["into_id"],
            located=msgspec.json.decode(row["located"], type=tuple[Located, ...]),
            reason=row["reason"],
            requested_by=row["requested_by"],
            position=row["position"],
        )
        for row in connection.execute(query).mappings()
    )


def read_resolution(connection: Connection, casebook: str) -> Resolution:
    """What the ids of places and actors in claims mean."""
    return Resolution(
        read_identities(connection, casebook, tables.place_identities, Place),
        read_identities(connection, casebook, tables.actor_identities, Actor),
    )


def write_identities(
    connection: Connection, casebook: str, table: Table, found: Collection[Identity[Any]]
) -> None:
    """Replace the rows of some ids."""
    bulk_rows.delete(connection, table, casebook, "id", [one.id for one in found])
    bulk_rows.load(connection, table, (identity_row(casebook, one) for one in found))


def identity_row(casebook: str, one: Identity[Any]) -> Row:
    """The row of an id that was mended, under a key."""
    return {
        "casebook": casebook,
        "id": one.id,
        "family": one.family,
        "into_id": one.into,
        "data": encode(one.own).decode(),
        "located": msgspec.json.encode(one.located).decode(),
        "reason": one.reason,
        "requested_by": one.requested_by,
        "position": one.position,
    }


def resolved_forms(
    standing: ReportStanding, meant: Resolution, *, with_rejected: bool = False
) -> Iterator[tuple[Standing, int, ReportVersion]]:
    """The forms of a report's claims by what their ids mean; as `ReportStanding.forms`."""
    for item, form, version in standing.forms(with_rejected=with_rejected):
        yield replace(item, claim=meant.claim(item.claim)), form, version


def reports_named(batch: Batch, meant: Resolution) -> tuple[str, ...]:
    """The reports whose claims these events may tell otherwise, by their rows of `entries`."""
    if not batch.has(*MENDING):
        return ()
    places = meant.places.family(_told(batch, PLACE_MENDING))
    actors = meant.actors.family(_told(batch, ACTOR_MENDING))
    if not places and not actors:
        return ()
    e, a = tables.entries.c, tables.entry_actors.c
    of_entries = select(e.report_id).where(e.casebook == batch.name)
    of_actors = select(a.report_id).where(a.casebook == batch.name)
    query = union(
        of_entries.where(e.place_id.in_(places)),
        of_entries.where(e.place2_id.in_(places)),
        of_actors.where(a.actor.in_(actors)),
    )
    return tuple(sorted(batch.connection.execute(query).scalars()))


def named_by(batch: Batch) -> tuple[str, ...]:
    """`reports_named`, for who reads claims from entries, and so by what their ids mean."""
    if not batch.has(*MENDING):
        return ()
    return reports_named(batch, read_resolution(batch.connection, batch.name))


def _told(batch: Batch, types: tuple[type[msgspec.Struct], ...]) -> list[str]:
    return [id_ for payload, _ in batch.of(*types) for id_ in told_otherwise(payload)]


def told_parts(batch: Batch, meant: Resolution) -> Iterator[tuple[list[str], Batch]]:
    """The reports that the events of a batch are about, and then those that they tell otherwise.

    The latter come in bounded parts, each with a batch that keeps nothing of the others.
    """
    yield list(batch.report_ids), batch
    others = [r for r in reports_named(batch, meant) if r not in set(batch.report_ids)]
    for start in range(0, len(others), REPORTS_AT_ONCE_MAX):
        yield others[start : start + REPORTS_AT_ONCE_MAX], batch.without_events()


def known_among(batch: Batch, report_ids: Iterable[str]) -> list[str]:
    """Those of some reports of which rows may be there."""
    return [r for r in report_ids if r not in batch.new_report_ids]
