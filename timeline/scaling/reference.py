"""Resolves first what is small: places, actors, sources, and what analysts say of incidents.

Their own projections make their rows, in memory, from the events that were sent to all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, select

from timeline.domain.incidents import Decision, Named
from timeline.projections import batches, tables
from timeline.projections.batches import Batch, Projection, logged
from timeline.projections.bulk_rows import Row
from timeline.projections.identities import read_resolution
from timeline.projections.incidents import word_rows
from timeline.projections.register import read_actors, read_sources
from timeline.projections.replaying import apply_all, tables_in_memory
from timeline.projections.search import HitKind, named_rows
from timeline.scaling.plan import Plan, Reference
from timeline.scaling.rowfiles import RowFiles
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import StoredEvent

_REGISTERS = ("places", "actors")


@dataclass(frozen=True)
class Resolved:
    """What all tasks are told, and the analysts' words, which wait for the claims they name."""

    reference: Reference
    decisions: tuple[Decision, ...]


def resolve(
    store: EventStore,
    projections: Sequence[Projection],
    plan: Plan,
    told: Iterable[StoredEvent],
    rows: RowFiles,
) -> Resolved:
    """Fold the events that were sent to all.

    Args:
        store: Whose casebook.
        projections: All of the casebook's.
        plan: Of the rebuild.
        told: The events, in order.
        rows: Takes what these come to.

    Raises:
        ProjectionFailed: one cannot be projected.
    """
    registers = [p for p in projections if p.name in _REGISTERS]
    casebook = replace(store.casebook_row(), casebook=plan.key)
    words: list[Row] = []
    with tables_in_memory(store) as engine, write_transaction(engine) as target:
        stream = iter(told)
        while some := list(islice(stream, batches.EVENTS_PER_BATCH)):
            batch = Batch(target, target, store, casebook, logged(some), some[-1].position)
            apply_all(registers, batch)
            if "incidents" in plan.projections:
                words += word_rows(batch)
        for projection in registers:
            if projection.name in plan.projections:
                for table in projection.tables:
                    rows.add(table, _all(target, table, plan.key))
        if "search" in plan.projections:
            for kind, table in ((HitKind.PLACE, tables.places), (HitKind.ACTOR, tables.actors)):
                for row in _all(target, table, plan.key):
                    found = named_rows(plan.key, kind, row[f"{kind}_id"], row["data"])
                    rows.add(tables.search_texts, found)
        rows.add(tables.incident_words, words)
        meant = read_resolution(target, plan.key)
        reference = Reference(
            sources=tuple(read_sources(target, plan.key)),
            actors=tuple(read_actors(target, plan.key).actors.values()),
            places_mended=tuple(meant.places.known.values()),
            actors_mended=tuple(meant.actors.known.values()),
            named=frozenset(str(row["claim_id"]) for row in words),
        )
    return Resolved(reference, tuple(_decisions(words)))


def _all(connection: Connection, table: Table, key: str) -> Iterator[dict[str, Any]]:
    query = select(table).where(table.c.casebook == key).order_by(*table.primary_key.columns)
    for row in connection.execute(query).mappings():
        yield dict(row)


def _decisions(words: Iterable[Row]) -> Iterator[Decision]:
    named: dict[int, list[Named]] = {}
    is_link: dict[int, bool] = {}
    for row in words:
        named.setdefault(row["position"], []).append(Named(row["claim_id"]))
        is_link[row["position"]] = row["is_link"]
    for position, claims in named.items():
        yield Decision(position=position, claims=tuple(claims), is_link=is_link[position])
