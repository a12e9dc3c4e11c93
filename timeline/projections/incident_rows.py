"""Reads and writes the rows of incidents: claims with what the rule looks at, sums, and words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, select

from timeline.domain import events
from timeline.domain.actors import Roots
from timeline.domain.events import Claim
from timeline.domain.incident_claims import NO_INCIDENTS, IncidentClaim, incident_claim
from timeline.domain.incident_sums import Incident
from timeline.domain.incidents import Decision, Named, bucket_of
from timeline.projections import bulk_rows, tables
from timeline.projections.bulk_rows import Row

KEYS_PER_READ_MAX = 500
UNDATED_SORT_KEY = "9999-12-31"

_T = TypeVar("_T")


class ClaimRow(Struct, frozen=True, kw_only=True):
    """A row of `incident_claims`, its claim decoded."""

    claim: IncidentClaim
    source_id: str | None
    attributed_to: str | None
    known_until: str | None
    rule_group: str | None = None
    incident_id: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Its key within the casebook."""
        return self.claim.claim_id, self.claim.form

    @property
    def told(self) -> tuple[object, ...]:
        """What the row says apart from its incident."""
        return self.claim, self.source_id, self.attributed_to, self.known_until

    @property
    def stands(self) -> bool:
        """Whether the form stands by what is known now."""
        return self.known_until is None


def parts(keys: Iterable[_T]) -> Iterator[list[_T]]:
    """Keys in portions that fit one statement."""
    ordered = list(keys)
    for start in range(0, len(ordered), KEYS_PER_READ_MAX):
        yield ordered[start : start + KEYS_PER_READ_MAX]


def told_rows(
    connection: Connection,
    casebook: str,
    roots: Roots,
    report_ids: Collection[str],
    time_zone: str,
) -> Iterator[ClaimRow]:
    """The rows that the entries of some reports come to, without their incidents."""
    for some in parts(sorted(report_ids)):
        where = tables.entries.c.report_id.in_(some)
        for _, row in rows_of_entries(connection, casebook, roots, time_zone, where):
            yield row


def rows_of_entries(
    connection: Connection,
    casebook: str,
    roots: Roots,
    time_zone: str,
    *where: ColumnElement[bool],
) -> Iterator[tuple[str, ClaimRow]]:
    """The rows that some entries come to, without their incidents, each after its `sort_key`."""
    e = tables.entries.c
    columns = (
        e.claim_id, e.form, e.type, e.source_id, e.quote, e.known_from, e.known_until, e.data,
        e.sort_key,
    )  # fmt: skip
    query = select(*columns).where(e.casebook == casebook, e.type.not_in(NO_INCIDENTS), *where)
    for row in connection.execute(query):
        _, form, type_, source_id, quote, known_from, known_until, data, sort_key = row
        claim = events.decode(type_, events.schema_version(type_), data)
        assert isinstance(claim, Claim)  # noqa: S101
        entry = {
            "form": form,
            "source_id": source_id,
            "quote": quote,
            "known_from": known_from,
            "known_until": known_until,
        }
        told = told_row(time_zone, roots, claim, entry)
        if told is not None:
            yield sort_key, told


def told_row(time_zone: str, roots: Roots, claim: Claim, entry: Row) -> ClaimRow | None:
    """What a claim with its row of `entries` comes to; `None` when it tells of no incident."""
    told = incident_claim(
        claim,
        entry["form"],
        root=roots.root(entry["source_id"], claim.attributed_to),
        wholes=roots.wholes(a.actor_id for a in claim.actors if a.actor_id),
        known_from=entry["known_from"],
        quote=entry["quote"],
        time_zone=time_zone,
    )
    if told is None:
        return None
    return ClaimRow(
        claim=told,
        source_id=entry["source_id"],
        attributed_to=claim.attributed_to,
        known_until=entry["known_until"],
    )


def read_rows(
    connection: Connection, casebook: str, *where: ColumnElement[bool]
) -> Iterator[ClaimRow]:
    """Rows under some conditions, in no order."""
    c = tables.incident_claims.c
    query = select(
        c.data, c.source_id, c.attributed_to, c.known_until, c.rule_group, c.incident_id
    ).where(c.casebook == casebook, *where)
    for row in connection.execute(query):
        yield ClaimRow(
            claim=_DECODER.decode(row.data),
            source_id=row.source_id,
            attributed_to=row.attributed_to,
            known_until=row.known_until,
            rule_group=row.rule_group,
            incident_id=row.incident_id,
        )


_DECODER = msgspec.json.Decoder(IncidentClaim)


def write_rows(connection: Connection, casebook: str, rows: Iterable[ClaimRow]) -> None:
    """Add rows."""
    bulk_rows.load(connection, tables.incident_claims, (claim_values(casebook, r) for r in rows))


def claim_values(casebook: str, row: ClaimRow) -> Row:
    """A row as it is written, under a key."""
    claim = row.claim
    return {
        "casebook": casebook,
        "claim_id": claim.claim_id,
        "form": claim.form,
        "report_id": claim.report_id,
        "stance": claim.stance.value,
        "telling": claim.telling,
        "bucket": bucket_of(claim),
        "source_id": row.source_id,
        "attributed_to": row.attributed_to,
        "root": claim.root,
        "known_from": claim.known_from,
        "known_until": row.known_until,
        "rule_group": row.rule_group,
        "incident_id": row.incident_id,
        "data": events.encode(claim).decode(),
    }


def relink_rows(
    connection: Connection, casebook: str, linked: Iterable[tuple[tuple[str, int], str, str]]
) -> None:
    """Give rows, by claim and form, another rule group and incident."""
    rows = [
        {"claim_id": claim_id, "form": form, "rule_group": rule, "incident_id": incident}
        for (claim_id, form), rule, incident in linked
    ]
    names = ("rule_group", "incident_id")
    bulk_rows.update(connection, tables.incident_claims, casebook, names, rows)


def remove_rows(connection: Connection, casebook: str, rows: Iterable[ClaimRow]) -> None:
    """Take rows away, by claim."""
    ids = {row.claim.claim_id for row in rows}
    bulk_rows.delete(connection, tables.incident_claims, casebook, "claim_id", ids)


def write_sums(
    connection: Connection, casebook: str, touched: Collection[str], sums: Iterable[Incident]
) -> None:
    """Replace some incidents by what they come to now."""
    bulk_rows.delete(connection, tables.incidents, casebook, "incident_id", touched)
    bulk_rows.load(connection, tables.incidents, (sum_values(casebook, one) for one in sums))


def sum_values(casebook: str, one: Incident) -> Row:
    """An incident as it is written, under a key."""
    figures = one.figures
    return {
        "casebook": casebook,
        "incident_id": one.incident_id,
        "type": one.type,
        "place_id": one.place_id,
        "sort_key": one.earliest or one.latest or UNDATED_SORT_KEY,
        "earliest": one.earliest,
        "latest": one.latest,
        "claims": len(one.corroborating),
        "sources": one.sources,
        "denials": one.denials,
        "low": figures.low if figures else None,
        "best": figures.best if figures else None,
        "high": figures.high if figures else None,
        "counts": one.counts,
        "data": events.encode(one).decode(),
    }


def read_words(connection: Connection, casebook: str) -> list[Decision]:
    """The analysts' words, in the order of the log; claims that are not filed without a telling."""
    w, c = tables.incident_words.c, tables.incident_claims.c
    joined = tables.incident_words.outerjoin(
        tables.incident_claims, (c.casebook == w.casebook) & (c.claim_id == w.claim_id)
    )
    query = (
        select(w.position, w.claim_id, w.is_link, func.max(c.telling).label("telling"))
        .select_from(joined)
        .where(w.casebook == casebook)
        .group_by(w.position, w.claim_id, w.is_link)
        .order_by(w.position, w.claim_id)
    )
    named: dict[int, dict[str, Named]] = {}
    is_link: dict[int, bool] = {}
    for row in connection.execute(query):
        named.setdefault(row.position, {})[row.claim_id] = Named(row.claim_id, row.telling)
        is_link[row.position] = bool(row.is_link)
    return [
        Decision(position=p, claims=tuple(of.values()), is_link=is_link[p])
        for p, of in named.items()
    ]
