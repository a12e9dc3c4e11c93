"""Reads what claims say of control: from entries, from the rows of before, and what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, select, union

from timeline.domain import events
from timeline.domain.actors import Roots
from timeline.domain.control import ControlClaim
from timeline.domain.events import Claim
from timeline.domain.evidence import Evidence, evidence_of
from timeline.domain.knowledge import Form, first_difference
from timeline.domain.time import instant_from_text, instant_text
from timeline.projections import tables
from timeline.projections.batches import Batch
from timeline.projections.bulk_rows import Row

# Sorts after every instant.
INFINITY = "infinity"
DIGEST_BYTES = 16
_EVIDENCE = msgspec.json.Decoder(Evidence)
Key = tuple[str, str, str]
Forms = dict[Key, Row]
"""Rows of `control_claims` by place, claim and the known time in which they begin to stand."""


class PlaceChange:
    """What differs in what is said of a place.

    Args:
        place_id: Which.
        gone: The rows of `control_claims` that are there no more, or are others.
        come: Those that are new, or others.
        before: The number of its claims and their digest before; `None` when there were none.
    """

    def __init__(
        self,
        place_id: str,
        gone: Sequence[Row],
        come: Sequence[Row],
        before: tuple[int, str] | None = None,
    ) -> None:
        self.place_id = place_id
        self.old, self.new = [form_of(r) for r in gone], [form_of(r) for r in come]
        self.since = first_difference(self.old, self.new)
        count, digest = before or (0, "")
        self.digest_before = digest or None
        total = int(digest or "0", 16) + sum(map(_digest, come)) - sum(map(_digest, gone))
        self.claims = count + len(come) - len(gone)
        self.digest = f"{total % (1 << 8 * DIGEST_BYTES):0{2 * DIGEST_BYTES}x}"

    def row(self, casebook: str) -> Row:
        """The row of `control_places` of the place, when it is told of."""
        return {
            "casebook": casebook,
            "place_id": self.place_id,
            "claims": self.claims,
            "digest": self.digest,
        }


def stored_forms(connection: Connection, casebook: str, reports: Collection[str]) -> Forms:
    """What is stored of some reports."""
    c = tables.control_claims.c
    query = select(tables.control_claims).where(c.casebook == casebook, c.report_id.in_(reports))
    return {key_of(row): row for row in map(dict, connection.execute(query).mappings())}


def _entries(batch: Batch) -> Select[*tuple[Any, ...]]:
    """The columns of entries that `forms_from` reads."""
    c = tables.entries.c
    columns = (
        c.place_id, c.claim_id, c.report_id, c.type, c.source_id, c.known_from, c.known_until,
        c.data,
    )  # fmt: skip
    return select(*columns).where(c.casebook == batch.name, c.moves_control.is_(True))


def told_forms(batch: Batch, roots: Roots, *where: ColumnElement[bool]) -> Forms:
    """What some of the entries say of control."""
    return forms_from(batch, roots, batch.connection.execute(_entries(batch).where(*where)))


def next_places(batch: Batch, entries_max: int) -> Sequence[Any]:
    """The entries of the next places that have no row in `control_places`, in order of their ids.

    At most so many, but all of a place. The index `entries_of_control` serves it.
    """
    c, place_id = tables.entries.c, tables.control_places.c.place_id
    last = batch.connection.execute(
        select(func.max(place_id)).where(tables.control_places.c.casebook == batch.name)
    ).scalar()
    query = _entries(batch).where(c.place_id > (last or "")).order_by(c.place_id)
    rows = batch.connection.execute(query.limit(entries_max)).all()
    if len(rows) < entries_max:
        return rows
    if rows[0].place_id == rows[-1].place_id:
        return batch.connection.execute(_entries(batch).where(c.place_id == rows[0].place_id)).all()
    return [row for row in rows if row.place_id != rows[-1].place_id]


def forms_from(batch: Batch, roots: Roots, entries: Iterable[Any]) -> Forms:
    """What entries say of control, given as the columns that `told_forms` reads."""
    found: Forms = {}
    for place_id, claim_id, report_id, type_, source_id, known_from, known_until, data in entries:
        claim = events.decode(type_, events.schema_version(type_), data)
        assert isinstance(claim, Claim)  # noqa: S101
        entry = {
            "place_id": place_id,
            "claim_id": claim_id,
            "report_id": report_id,
            "source_id": source_id,
            "known_from": known_from,
            "known_until": known_until,
        }
        form = form_row(batch.name, batch.casebook.time_zone, roots, claim, entry)
        found[key_of(form)] = form
    return found


def form_row(key: str, time_zone: str, roots: Roots, claim: Claim, entry: Row) -> Row:
    """The row of `control_claims`, under a key, of a claim with its row of `entries`."""
    told = ControlClaim(
        claim=claim,
        root=roots.root(entry["source_id"], claim.attributed_to),
        known_from=instant_from_text(entry["known_from"]),
        wholes=roots.wholes(a.actor_id for a in claim.actors if a.actor_id),
    )
    return {
        "casebook": key,
        "place_id": entry["place_id"],
        "claim_id": entry["claim_id"],
        "known_from": entry["known_from"],
        "known_to": entry["known_until"] or INFINITY,
        "report_id": entry["report_id"],
        "source_id": entry["source_id"],
        "attributed_to": claim.attributed_to,
        "root": told.root,
        "data": events.encode(evidence_of(told, time_zone)).decode(),
    }


def key_of(row: Row) -> Key:
    """The key of a row of `control_claims` within its casebook."""
    return row["place_id"], row["claim_id"], row["known_from"]


def by_place(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by their place."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["place_id"], []).append(row)
    return found


def form_of(row: Row) -> Form:
    """What a row of `control_claims` says."""
    return _form(row["known_from"], row["known_to"], row["data"])


def _form(known_from: str, known_to: str, data: str) -> Form:
    return Form(
        evidence=_EVIDENCE.decode(data),
        known_from=instant_from_text(known_from),
        known_until=None if known_to == INFINITY else instant_from_text(known_to),
    )


def _digest(row: Row) -> int:
    told = "\n".join((row["claim_id"], row["known_from"], row["known_to"], row["data"]))
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=DIGEST_BYTES).digest())


def forms_of_places(batch: Batch, place_ids: Sequence[str]) -> dict[str, list[Form]]:
    """All that is stored of some places."""
    c = tables.control_claims.c
    query = select(c.place_id, c.known_from, c.known_to, c.data).where(
        c.casebook == batch.name, c.place_id.in_(place_ids)
    )
    found: dict[str, list[Form]] = {}
    for place_id, known_from, known_to, data in batch.connection.execute(query):
        found.setdefault(place_id, []).append(_form(known_from, known_to, data))
    return found


def forms_since(batch: Batch, place_id: str, since: datetime) -> list[Form]:
    """The forms of a place that became known or void at a moment of known time or later."""
    c, text = tables.control_claims.c, instant_text(since)
    of_place = (c.casebook == batch.name) & (c.place_id == place_id)
    columns = (c.known_from, c.known_to, c.data)
    known = select(*columns).where(of_place, c.known_from >= text)
    void = select(*columns).where(of_place, c.known_to >= text, c.known_to < INFINITY)
    return [_form(*row) for row in batch.connection.execute(union(known, void))]
