"""Projects control spans: each place's fold over what is known now.

Who held a place as known on another day is folded at read from the entries that stood then.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, delete, insert, or_, select

from timeline.domain import events
from timeline.domain.actors import ActorTable, Roots
from timeline.domain.control import ControlClaim, ControlSpan, control_spans
from timeline.domain.events import (
    ActorRegistered,
    AffiliationStated,
    Claim,
    SourceAffiliated,
    SourceRegistered,
)
from timeline.domain.time import instant_from_text, instant_text
from timeline.projections import tables
from timeline.projections.batches import Batch
from timeline.projections.register import read_actors, read_sources

# Events after which another root may stand behind a claim.
ROOT_TYPES = (SourceRegistered, SourceAffiliated, ActorRegistered, AffiliationStated)


class ControlProjection:
    """The control spans of every place, by what is known now."""

    name = "control"
    version = 1
    depends_on: tuple[str, ...] = ("actors", "timeline")
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (tables.control_spans, tables.control_claims)

    def apply(self, batch: Batch) -> None:
        """Fold anew the places that these events can have moved."""
        places = self._touched(batch)
        if not places:
            return
        for table in self.tables:
            batch.connection.execute(
                delete(table).where(table.c.casebook == batch.name, table.c.place_id.in_(places))
            )
        roots = read_roots(batch.connection, batch.name)
        claims = control_claims(batch.connection, batch.name, roots, places, None)
        spans: list[dict[str, object]] = []
        used: list[dict[str, object]] = []
        for place_id in sorted(claims):
            folded = control_spans(claims[place_id], batch.casebook.time_zone)
            spans += [_span_row(batch.name, place_id, i, s) for i, s in enumerate(folded)]
            used += [
                {
                    "casebook": batch.name,
                    "place_id": place_id,
                    "claim_id": c.claim.claim_id,
                    "report_id": c.claim.report_id,
                }
                for c in claims[place_id]
            ]
        if spans:
            batch.connection.execute(insert(tables.control_spans), spans)
        if used:
            batch.connection.execute(insert(tables.control_claims), used)

    def _touched(self, batch: Batch) -> set[str]:
        """Places of the batch's reports, before and after; all places when roots may differ."""
        before, after = tables.control_claims, tables.entries
        connection, name = batch.connection, batch.name
        if batch.has(*ROOT_TYPES):
            old = select(before.c.place_id).where(before.c.casebook == name)
            places = set(connection.execute(old.distinct()).scalars())
        else:
            old = select(before.c.place_id).where(
                before.c.casebook == name, before.c.report_id.in_(batch.report_ids)
            )
            places = set(connection.execute(old.distinct()).scalars())
        new = select(after.c.place_id).where(
            after.c.casebook == name,
            after.c.report_id.in_(batch.report_ids),
            after.c.moves_control.is_(True),
        )
        places.update(p for p in connection.execute(new.distinct()).scalars() if p is not None)
        return places


def read_roots(connection: Connection, casebook: str) -> Roots:
    """Who stands behind which source, by what is registered."""
    return Roots(read_sources(connection, casebook), ActorTable(read_actors(connection, casebook)))


def control_claims(
    connection: Connection,
    casebook: str,
    roots: Roots,
    places: Collection[str] | None,
    cutoff: datetime | None,
) -> dict[str, list[ControlClaim]]:
    """The claims that move control, by place, as they stand at a known time.

    Args:
        connection: Reads the entries.
        casebook: Whose.
        roots: Says which root is behind a claim.
        places: Ids of the places asked for; `None` is all.
        cutoff: Known time as an exclusive end; `None` is all that is known.
    """
    c = tables.entries.c
    query = select(c.place_id, c.type, c.source_id, c.known_from, c.data).where(
        c.casebook == casebook, c.moves_control.is_(True), stands(cutoff)
    )
    if places is not None:
        query = query.where(c.place_id.in_(places))
    found: dict[str, list[ControlClaim]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["place_id"], []).append(_control_claim(row, roots))
    return found


def stands(cutoff: datetime | None) -> ColumnElement[bool]:
    """The condition that an entry stands at a known time (an exclusive end)."""
    c = tables.entries.c
    if cutoff is None:
        return c.known_until.is_(None)
    text = instant_text(cutoff)
    return (c.known_from <= text) & or_(c.known_until.is_(None), c.known_until > text)


def _control_claim(row: RowMapping, roots: Roots) -> ControlClaim:
    claim = events.decode(row["type"], events.schema_version(row["type"]), row["data"])
    assert isinstance(claim, Claim)  # noqa: S101
    return ControlClaim(
        claim=claim,
        root=roots.root(row["source_id"], claim.attributed_to),
        known_from=instant_from_text(row["known_from"]),
        wholes=roots.wholes(a.actor_id for a in claim.actors if a.actor_id),
    )


def _span_row(casebook: str, place_id: str, ordinal: int, span: ControlSpan) -> dict[str, object]:
    return {
        "casebook": casebook,
        "place_id": place_id,
        "ordinal": ordinal,
        "valid_from": instant_text(span.valid_from),
        "valid_to": instant_text(span.valid_to) if span.valid_to else None,
        "state": span.state.value,
        "data": events.encode(span).decode(),
    }
