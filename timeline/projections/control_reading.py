"""Reads control: the answers for many places in one statement, spans, and what was known when.

The rectangles of one place that are known at one moment follow one another in valid time without a
gap. So the one that holds a moment is the last of them that begins by it: one step in the index
`(casebook, place_id, valid_from, known_from)`, past what was not known then. What was said after
the day asked about would all have to be passed when knowledge ends before it; then the last
rectangle of all is tried first, which the index `control_rectangles_at_the_end` has by known time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    String,
    case,
    func,
    literal,
    null,
    select,
    union_all,
)

from timeline.domain.control import Control, ControlSpan, spans_of_evidence
from timeline.domain.evidence import INSTANT, Evidence
from timeline.domain.slabs import BESIDE, FIGHTS, HOLDS
from timeline.domain.time import instant_from_text, instant_text
from timeline.projections import tables
from timeline.projections.control_rows import INFINITY

# The last instant that can be written, for "all that is known" and "the latest".
LAST = "9999-12-31T23:59:59.999999Z"
_SINCE = {HOLDS: "supports_from", FIGHTS: "fought_since", BESIDE: "beside_since"}
_DECODER = msgspec.json.Decoder(Control)


class Known(Struct, frozen=True, kw_only=True):
    """What was known of a place's control in a stretch of valid time, and when it was known.

    Both stretches are half-open; an end is `None` while it lasts. `control` names no claims.
    """

    valid_from: datetime
    valid_to: datetime | None
    known_from: datetime
    known_to: datetime | None
    control: Control


def read_controls(
    connection: Connection,
    casebook: str,
    place_ids: Sequence[str] | None,
    moment: datetime,
    cutoff: datetime | None,
    *,
    with_claims: bool = True,
) -> dict[str, Control]:
    """Who held each of some places at a moment, as known at another, in one statement.

    Args:
        connection: Reads the tables.
        casebook: Whose.
        place_ids: `None` is all; places of which nothing was known then are left out.
        moment: Of valid time, as an exclusive end (`moment_end`).
        cutoff: Known time as an exclusive end; `None` is all that is known.
        with_claims: Without it, `claim_ids` is empty, and one row is read for each place.
    """
    if not with_claims:
        answers = answers_query(casebook, place_ids, moment, cutoff)
        return {
            place_id: _DECODER.decode(data)
            for place_id, data in connection.execute(answers)
            if data is not None
        }
    found: dict[str, Control] = {}
    claims: dict[str, list[str]] = {}
    for place_id, data, claim_id in connection.execute(
        claims_query(casebook, place_ids, moment, cutoff)
    ):
        if data is not None:
            found[place_id] = _DECODER.decode(data)
        else:
            claims.setdefault(place_id, []).append(claim_id)
    return {
        place_id: msgspec.structs.replace(
            control, claim_ids=tuple(sorted(set(claims.get(place_id, ()))))
        )
        for place_id, control in found.items()
    }


def answers_query(
    casebook: str,
    place_ids: Sequence[str] | None,
    moment: datetime,
    cutoff: datetime | None,
) -> Select[Any]:
    """Place and answer, one row for each place that has any claims."""
    r = tables.control_rectangles.c
    p = tables.control_places.c
    probes = _probes(p.place_id, casebook, moment, cutoff, r.data)
    query = select(p.place_id, func.coalesce(*probes)).where(p.casebook == casebook)
    return query if place_ids is None else query.where(p.place_id.in_(place_ids))


def claims_query(
    casebook: str,
    place_ids: Sequence[str] | None,
    moment: datetime,
    cutoff: datetime | None,
) -> Any:  # noqa: ANN401 - SQLAlchemy's compound select has no useful type
    """Place and answer, and then place and claim for each claim that an answer rests on."""
    at, known = instant_text(moment - INSTANT), _known(cutoff)
    held = _held(casebook, place_ids, moment, cutoff)
    parts: list[Select[Any]] = [select(held.c.place_id, held.c.data, null().cast(String))]
    for kind in (HOLDS, FIGHTS, BESIDE):
        link = tables.control_links.alias(kind)
        x, last = link.c, literal(f"{at}/~")
        since = held.c[_SINCE[kind]]
        conditions = [
            x.casebook == casebook,
            x.place_id == held.c.place_id,
            x.kind == kind,
            x.joined >= since,
            x.joined <= (case((since > last, since), else_=last) if kind == HOLDS else last),
            x.known_from <= known,
            x.known_to > known,
            x.until > at,
        ]
        if kind != BESIDE:
            conditions.append(x.settled <= func.coalesce(held.c.pending, at))
        parts.append(select(held.c.place_id, null().cast(String), x.claim_id).where(*conditions))
    return union_all(*parts)


def _held(
    casebook: str,
    place_ids: Sequence[str] | None,
    moment: datetime,
    cutoff: datetime | None,
) -> CTE:
    """The rectangle of each place that holds the moments asked for."""
    r, p, known = tables.control_rectangles.c, tables.control_places.c, _known(cutoff)
    inner = tables.control_rectangles.alias("inner_rectangles").c
    probes = _probes(p.place_id, casebook, moment, cutoff, inner.valid_from, inner)
    query = select(tables.control_rectangles).where(
        p.casebook == casebook,
        r.casebook == casebook,
        r.place_id == p.place_id,
        r.valid_from == func.coalesce(*probes),
        r.known_from <= known,
        r.known_to > known,
    )
    if place_ids is not None:
        query = query.where(p.place_id.in_(place_ids))
    return query.cte("held")


def _probes(
    place_id: ColumnElement[str],
    casebook: str,
    moment: datetime,
    cutoff: datetime | None,
    wanted: ColumnElement[Any],
    columns: Any = None,  # noqa: ANN401
) -> list[Any]:
    """Subqueries, of which the first that finds anything has what is wanted of the rectangle."""
    r = tables.control_rectangles.c if columns is None else columns
    at, known = instant_text(moment - INSTANT), _known(cutoff)
    of_place = [
        r.casebook == casebook,
        r.place_id == place_id,
        r.valid_from <= at,
        r.known_from <= known,
        r.known_to > known,
    ]
    within = select(wanted).where(*of_place).order_by(r.valid_from.desc()).limit(1)
    probes = [within.scalar_subquery()]
    if at > known:
        at_end = select(wanted).where(*of_place, r.valid_to == INFINITY)
        last = at_end.order_by(r.known_from.desc()).limit(1)
        probes.insert(0, last.scalar_subquery())
    return [*probes, null()] if len(probes) == 1 else probes


def read_spans(
    connection: Connection,
    casebook: str,
    time_zone: str,
    place_ids: Sequence[str],
    cutoff: datetime | None,
) -> dict[str, tuple[ControlSpan, ...]]:
    """The control spans of some places with all that they rest on, folded as known at a moment."""
    c, known = tables.control_claims.c, _known(cutoff)
    query = select(c.place_id, c.data).where(
        c.casebook == casebook,
        c.place_id.in_(place_ids),
        c.known_from <= known,
        c.known_to > known,
    )
    told: dict[str, list[Evidence]] = {}
    for place_id, data in connection.execute(query):
        told.setdefault(place_id, []).append(msgspec.json.decode(data, type=Evidence))
    return {p: spans_of_evidence(evidence, time_zone) for p, evidence in told.items()}


def read_knowledge(connection: Connection, casebook: str, place_id: str) -> tuple[Known, ...]:
    """All that was ever known of a place's control, by known time, then by valid time."""
    r = tables.control_rectangles.c
    query = (
        select(r.valid_from, r.valid_to, r.known_from, r.known_to, r.data)
        .where(r.casebook == casebook, r.place_id == place_id)
        .order_by(r.known_from, r.valid_from)
    )
    return tuple(
        Known(
            valid_from=instant_from_text(valid_from),
            valid_to=_instant(valid_to),
            known_from=instant_from_text(known_from),
            known_to=_instant(known_to),
            control=_DECODER.decode(data),
        )
        for valid_from, valid_to, known_from, known_to, data in connection.execute(query)
    )


def _instant(text: str) -> datetime | None:
    return None if text == INFINITY else instant_from_text(text)


def _known(cutoff: datetime | None) -> str:
    return LAST if cutoff is None else instant_text(cutoff)
