"""Reads control: the answers for many places in one statement, spans, and what was known when.

The rectangles of one place that are known at one moment follow one another in valid time without a
gap. So the one that holds a moment is the last of them that begins by it: one step in the index
`(casebook, place_id, valid_from, known_from)`, past what was not known then. What was said after
the day asked about would all have to be passed when knowledge ends before it; then the last
rectangle of all is tried first, which the index `control_rectangles_at_the_end` has by known time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Executable,
    FromClause,
    ScalarSelect,
    Select,
    Text,
    bindparam,
    case,
    func,
    null,
    select,
    union_all,
)

from timeline.domain.control import Control, ControlSpan, spans_of_evidence
from timeline.domain.evidence import INSTANT, Evidence
from timeline.domain.slabs import BESIDE, FIGHTS, HOLDS
from timeline.domain.time import instant_from_text, instant_text
from timeline.projections import tables
from timeline.projections.control_forms import INFINITY

# The last instant that can be written, for "all that is known" and "the latest".
LAST = "9999-12-31T23:59:59.999999Z"
_SINCE = {HOLDS: "supports_from", FIGHTS: "fought_since", BESIDE: "beside_since"}
_CASEBOOK, _KNOWN = bindparam("casebook", type_=Text), bindparam("known", type_=Text)
_AT, _LAST = bindparam("at", type_=Text), bindparam("last", type_=Text)
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
    at, known = instant_text(moment - INSTANT), _known(cutoff)
    made: Callable[..., Executable] = claims_query if with_claims else answers_query
    statement = made(is_ahead=at > known, of_some=place_ids is not None)
    bound: dict[str, object] = {"casebook": casebook, "at": at, "last": f"{at}/~", "known": known}
    if place_ids is not None:
        bound["place_ids"] = list(place_ids)
    found: dict[str, Control] = {}
    claims: dict[str, set[str]] = {}
    for place_id, data, claim_id in connection.execute(statement, bound):
        if data is not None:
            found[place_id] = _DECODER.decode(data)
        elif claim_id is not None:
            claims.setdefault(place_id, set()).add(claim_id)
    return {
        place_id: replace(control, claim_ids=tuple(sorted(claims[place_id])))
        if place_id in claims
        else control
        for place_id, control in found.items()
    }


@cache
def answers_query(*, is_ahead: bool, of_some: bool) -> Select[Any]:
    """Place and answer, one row for each place that has any claims.

    Both queries take `casebook`, `at`, `last`, `known` and, `of_some` places, `place_ids`; they are
    made once, which costs more than to run one of them for a place. `is_ahead` if the moment asked
    about lies after the last that was known.
    """
    p = tables.control_places.c
    data = _first_of(_probes("data", tables.control_rectangles, is_ahead=is_ahead))
    return _of_places(
        select(p.place_id, data, null()).where(p.casebook == _CASEBOOK), of_some=of_some
    )


@cache
def claims_query(*, is_ahead: bool, of_some: bool) -> CompoundSelect[Any]:
    """Place and answer, and then place and claim for each claim that an answer rests on."""
    held = held_query(is_ahead=is_ahead, of_some=of_some).cte("held")
    parts: list[Select[Any]] = [select(held.c.place_id, held.c.data, null().cast(Text))]
    for kind in (HOLDS, FIGHTS, BESIDE):
        x, since = tables.control_links.alias(kind).c, held.c[_SINCE[kind]]
        conditions = [
            x.casebook == _CASEBOOK,
            x.place_id == held.c.place_id,
            x.kind == kind,
            x.joined >= since,
            x.joined <= (case((since > _LAST, since), else_=_LAST) if kind == HOLDS else _LAST),
            x.known_from <= _KNOWN,
            x.known_to > _KNOWN,
            x.until > _AT,
        ]
        if kind != BESIDE:
            conditions.append(x.settled <= func.coalesce(held.c.pending, _AT))
        parts.append(select(held.c.place_id, null().cast(Text), x.claim_id).where(*conditions))
    return union_all(*parts)


def held_query(*, is_ahead: bool, of_some: bool) -> Select[Any]:
    """The rectangle of each place that holds the moments asked for."""
    r, p = tables.control_rectangles.c, tables.control_places.c
    probed = tables.control_rectangles.alias("probed")
    query = select(tables.control_rectangles).where(
        p.casebook == _CASEBOOK,
        r.casebook == _CASEBOOK,
        r.place_id == p.place_id,
        r.valid_from == _first_of(_probes("valid_from", probed, is_ahead=is_ahead)),
        r.known_from <= _KNOWN,
        r.known_to > _KNOWN,
    )
    return _of_places(query, of_some=of_some)


def _of_places(query: Select[Any], *, of_some: bool) -> Select[Any]:
    if not of_some:
        return query
    wanted = bindparam("place_ids", type_=Text, expanding=True)
    return query.where(tables.control_places.c.place_id.in_(wanted))


def _probes(name: str, source: FromClause, *, is_ahead: bool) -> list[ScalarSelect[Any]]:
    """Subqueries, of which the first that finds anything has what is wanted of the rectangle."""
    r = source.c
    found = select(r[name]).where(
        r.casebook == _CASEBOOK,
        r.place_id == tables.control_places.c.place_id,
        r.valid_from <= _AT,
        r.known_from <= _KNOWN,
        r.known_to > _KNOWN,
    )
    within = found.order_by(r.valid_from.desc()).limit(1).scalar_subquery()
    if not is_ahead:
        return [within]
    at_end = found.where(r.valid_to == INFINITY).order_by(r.known_from.desc()).limit(1)
    return [at_end.scalar_subquery(), within]


def _first_of(probes: Sequence[ScalarSelect[Any]]) -> ColumnElement[Any]:
    return probes[0] if len(probes) == 1 else func.coalesce(*probes)


def read_spans(
    connection: Connection,
    casebook: str,
    time_zone: str,
    place_ids: Sequence[str],
    cutoff: datetime | None,
) -> dict[str, tuple[ControlSpan, ...]]:
    """The control spans of some places with all that they rest on, folded as known at a moment."""
    told = read_evidence(connection, casebook, place_ids, cutoff)
    return {p: spans_of_evidence(evidence, time_zone) for p, evidence in told.items()}


def read_evidence(
    connection: Connection, casebook: str, place_ids: Sequence[str], cutoff: datetime | None
) -> dict[str, list[Evidence]]:
    """What standing claims say of the control of some places, as known at a moment."""
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
    return told


def read_told_places(connection: Connection, casebook: str) -> set[str]:
    """The places of whose control anything was ever told, known by now or not."""
    p = tables.control_places.c
    return set(connection.execute(select(p.place_id).where(p.casebook == casebook)).scalars())


def read_knowledge(
    connection: Connection, casebook: str, place_ids: Sequence[str]
) -> dict[str, tuple[Known, ...]]:
    """All that was ever known of some places' control, by known time, then by valid time."""
    r = tables.control_rectangles.c
    query = (
        select(r.place_id, r.valid_from, r.valid_to, r.known_from, r.known_to, r.data)
        .where(r.casebook == casebook, r.place_id.in_(place_ids))
        .order_by(r.known_from, r.valid_from)
    )
    found: dict[str, list[Known]] = {}
    for place_id, valid_from, valid_to, known_from, known_to, data in connection.execute(query):
        known = Known(
            valid_from=instant_from_text(valid_from),
            valid_to=_instant(valid_to),
            known_from=instant_from_text(known_from),
            known_to=_instant(known_to),
            control=_DECODER.decode(data),
        )
        found.setdefault(place_id, []).append(known)
    return {place_id: tuple(known) for place_id, known in found.items()}


def _instant(text: str) -> datetime | None:
    return None if text == INFINITY else instant_from_text(text)


def _known(cutoff: datetime | None) -> str:
    return LAST if cutoff is None else instant_text(cutoff)
