"""Counts claims and incidents by place, type, actor or month, and sums the dead without doubling.

Sums go over incidents and never over claims: what two reports tell of one strike counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, case, func, or_, select

from timeline.domain.incident_claims import Stance
from timeline.domain.time import instant_from_text, instant_text, local_day, moment_end, start_of
from timeline.projections import tables
from timeline.projections.entry_queries import stands
from timeline.projections.incident_queries import IncidentFilters, IncidentReader
from timeline.projections.incident_rows import UNDATED_SORT_KEY
from timeline.store.engine import read_transaction

_MONTH_DIGITS = 7


class By(StrEnum):
    """What is counted apart."""

    PLACE = "place"
    TYPE = "type"
    ACTOR = "actor"
    MONTH = "month"


@dataclass
class Dead:
    """People killed, summed over incidents with figures; `incidents` is how many those are."""

    incidents: int = 0
    low: int = 0
    best: int = 0
    high: int = 0


@dataclass
class Statistic:
    """What is counted under one key; `key` is `None` where no place, actor or date is known.

    `claims` are standing claims of any type and modality. `incidents` are those that somebody says
    happened, `denied` those of them that somebody also denies. `set_aside` are figures that are not
    summed, since nobody can tell whether they repeat those of other incidents.
    """

    key: str | None
    claims: int
    incidents: int
    denied: int
    dead: Dead
    set_aside: Dead


def statistics(
    reader: IncidentReader,
    by: By,
    filters: IncidentFilters,
    time_zone: str,
    cutoff: datetime | None = None,
) -> tuple[Statistic, ...]:
    """Counts and sums, in order of their keys; what has no key comes last.

    By actor an incident counts under each actor that one who says it happened names in any role, so
    the rows do not add up to the whole.

    Raises:
        InvalidDate: a date is neither a day nor an instant with offset.
        TooManyClaims: for another day too many claims would have to be linked.
    """
    found: dict[str | None, Statistic] = {}

    def at(key: str | None) -> Statistic:
        return found.setdefault(key, Statistic(key, 0, 0, 0, Dead(), Dead()))

    with reader.known(cutoff, filters.place_id) as connection:
        for row in connection.execute(_incidents(reader.casebook, by, filters, time_zone)):
            one = at(None if row.key == UNDATED_SORT_KEY[:_MONTH_DIGITS] else row.key)
            one.incidents, one.denied = int(row.incidents), int(row.denied)
            one.dead, one.set_aside = _dead(row, "counted"), _dead(row, "aside")
    with read_transaction(reader.engine) as connection:
        for key, number in _claims(connection, reader.casebook, by, filters, time_zone, cutoff):
            at(key).claims += number
    return tuple(sorted(found.values(), key=lambda s: (s.key is None, s.key or "")))


def _dead(row: Any, prefix: str) -> Dead:  # noqa: ANN401 - a row of `_incidents`
    return Dead(**{f.name: int(getattr(row, f"{prefix}_{f.name}") or 0) for f in fields(Dead)})


def _incidents(
    casebook: str, by: By, filters: IncidentFilters, time_zone: str
) -> Select[*tuple[Any, ...]]:
    i = tables.incidents.c
    key: ColumnElement[str | None] = i.type
    source: Any = tables.incidents
    if by is By.PLACE:
        key = i.place_id
    elif by is By.MONTH:
        key = func.substr(i.sort_key, 1, _MONTH_DIGITS)
    elif by is By.ACTOR:
        named = _actors_of_incidents(casebook)
        source = tables.incidents.outerjoin(named, named.c.incident_id == i.incident_id)
        key = named.c.actor
    told = i.low.is_not(None)
    sums = [
        func.sum(case((and_(told, which), value), else_=0)).label(f"{prefix}_{name}")
        for prefix, which in (("counted", i.counts.is_(True)), ("aside", i.counts.is_(False)))
        for name, value in (("incidents", 1), ("low", i.low), ("best", i.best), ("high", i.high))
    ]
    return (
        select(
            key.label("key"),
            func.count().label("incidents"),
            func.sum(case((i.denials > 0, 1), else_=0)).label("denied"),
            *sums,
        )
        .select_from(source)
        .where(i.casebook == casebook, i.claims > 0, *filters.conditions(time_zone))
        .group_by(key)
    )


def _actors_of_incidents(casebook: str) -> Any:  # noqa: ANN401 - a subquery
    c, a = tables.incident_claims.c, tables.entry_actors.c
    joined = tables.incident_claims.join(
        tables.entry_actors,
        and_(a.casebook == c.casebook, a.claim_id == c.claim_id, a.form == c.form),
    )
    return (
        select(c.incident_id, a.actor)
        .select_from(joined)
        .where(
            c.casebook == casebook,
            c.known_until.is_(None),
            c.stance == Stance.CORROBORATING.value,
        )
        .distinct()
        .subquery()
    )


def _claims(
    connection: Connection,
    casebook: str,
    by: By,
    filters: IncidentFilters,
    time_zone: str,
    cutoff: datetime | None,
) -> Iterable[tuple[str | None, int]]:
    e, a = tables.entries.c, tables.entry_actors.c
    source: Any = tables.entries
    key: Column[Any] = {By.PLACE: e.place_id, By.TYPE: e.type, By.MONTH: e.sort_key}.get(
        by, a.actor
    )
    number = func.count()
    if by is By.ACTOR:
        same = and_(a.casebook == e.casebook, a.claim_id == e.claim_id, a.form == e.form)
        source = tables.entries.outerjoin(tables.entry_actors, same)
        number = func.count(e.claim_id.distinct())
    query = (
        select(key, number)
        .select_from(source)
        .where(e.casebook == casebook, stands(cutoff), *_claim_filters(filters, time_zone))
        .group_by(key)
    )
    for found, times in connection.execute(query):
        yield (_month(found, time_zone) if by is By.MONTH else found), int(times)


def _month(sort_key: str, time_zone: str) -> str | None:
    """The month in the casebook's zone; grouped by instant in SQL, since days begin elsewhere."""
    if sort_key.startswith(UNDATED_SORT_KEY):
        return None
    moment = instant_from_text(sort_key).isoformat()
    return local_day(moment, time_zone).isoformat()[:_MONTH_DIGITS]


def _claim_filters(filters: IncidentFilters, time_zone: str) -> list[ColumnElement[bool]]:
    e = tables.entries.c
    where: list[ColumnElement[bool]] = []
    if filters.place_id is not None:
        where.append(e.place_id == filters.place_id)
    if filters.types:
        where.append(e.type.in_(filters.types))
    if filters.from_ is not None:
        moment_end(filters.from_, time_zone)
        where.append(e.ends > instant_text(start_of(filters.from_.strip(), time_zone)))
    if filters.to is not None:
        end = instant_text(moment_end(filters.to, time_zone))
        where.append(or_(e.starts < end, and_(e.starts.is_(None), e.ends.is_not(None))))
    return where
