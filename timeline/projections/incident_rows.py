"""Reads and writes the rows of incidents: claims with what the rule looks at, sums, and words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from timeline.domain import events
from timeline.domain.actors import Roots
from timeline.domain.claims import ReviewStatus
from timeline.domain.events import Claim
from timeline.domain.incident_claims import NO_INCIDENTS, IncidentClaim, incident_claim
from timeline.domain.incident_sums import Incident
from timeline.domain.incidents import Decision, Named, bucket_of
from timeline.projections import tables

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
    e = tables.entries.c
    columns = (
        e.claim_id, e.form, e.type, e.source_id, e.quote, e.known_from, e.known_until, e.data
    )  # fmt: skip
    for some in parts(sorted(report_ids)):
        query = select(*columns).where(
            e.casebook == casebook,
            e.report_id.in_(some),
            e.type.not_in(NO_INCIDENTS),
            e.review != ReviewStatus.REJECTED.value,
        )
        for row in connection.execute(query):
            claim = events.decode(row.type, events.schema_version(row.type), row.data)
            assert isinstance(claim, Claim)  # noqa: S101
            told = incident_claim(
                claim,
                row.form,
                root=roots.root(row.source_id, claim.attributed_to),
                wholes=roots.wholes(a.actor_id for a in claim.actors if a.actor_id),
                known_from=row.known_from,
                quote=row.quote,
                time_zone=time_zone,
            )
            if told is not None:
                yield ClaimRow(
                    claim=told,
                    source_id=row.source_id,
                    attributed_to=claim.attributed_to,
                    known_until=row.known_until,
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


def write_rows(connection: Connection, casebook: str, rows: Sequence[ClaimRow]) -> None:
    """Add rows."""
    if not rows:
        return
    connection.execute(
        insert(tables.incident_claims),
        [
            {
                "casebook": casebook,
                "claim_id": row.claim.claim_id,
                "form": row.claim.form,
                "report_id": row.claim.report_id,
                "stance": row.claim.stance.value,
                "telling": row.claim.telling,
                "bucket": bucket_of(row.claim),
                "source_id": row.source_id,
                "attributed_to": row.attributed_to,
                "root": row.claim.root,
                "known_from": row.claim.known_from,
                "known_until": row.known_until,
                "rule_group": row.rule_group,
                "incident_id": row.incident_id,
                "data": events.encode(row.claim).decode(),
            }
            for row in rows
        ],
    )


def relink_rows(
    connection: Connection, casebook: str, linked: Iterable[tuple[tuple[str, int], str, str]]
) -> None:
    """Give rows, by claim and form, another rule group and incident."""
    c = tables.incident_claims.c
    values = [
        {"of_claim": claim_id, "of_form": form, "rule": rule, "incident": incident}
        for (claim_id, form), rule, incident in linked
    ]
    if values:
        connection.execute(
            update(tables.incident_claims)
            .where(
                c.casebook == casebook,
                c.claim_id == bindparam("of_claim"),
                c.form == bindparam("of_form"),
            )
            .values(rule_group=bindparam("rule"), incident_id=bindparam("incident")),
            values,
        )


def remove_rows(connection: Connection, casebook: str, rows: Iterable[ClaimRow]) -> None:
    """Take rows away, by claim."""
    c = tables.incident_claims.c
    for some in parts(sorted({row.claim.claim_id for row in rows})):
        connection.execute(
            delete(tables.incident_claims).where(c.casebook == casebook, c.claim_id.in_(some))
        )


def write_sums(
    connection: Connection, casebook: str, touched: Collection[str], sums: Iterable[Incident]
) -> None:
    """Replace some incidents by what they come to now."""
    c = tables.incidents.c
    for some in parts(sorted(touched)):
        connection.execute(
            delete(tables.incidents).where(c.casebook == casebook, c.incident_id.in_(some))
        )
    rows = [_sum_row(casebook, one) for one in sums]
    if rows:
        connection.execute(insert(tables.incidents), rows)


def _sum_row(casebook: str, one: Incident) -> dict[str, Any]:
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
        select(w.position, w.claim_id, w.is_link, c.telling)
        .select_from(joined)
        .where(w.casebook == casebook)
        .distinct()
        .order_by(w.position, w.claim_id, c.telling)
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
