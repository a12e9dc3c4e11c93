"""Counts what an actor is said to have done: by month, type and role, as known on a day.

Read from the entries, grouped in the database by when they happened: nothing is stored for it, and
`entry_actors_by_actor` serves it. Only what is asserted and not negated counts as activity;
denials, threats and plans are counted beside it, and never as if they had happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Row, and_, func, select

from timeline.domain.claims import Modality, Polarity
from timeline.domain.time import instant_from_text
from timeline.projections import tables
from timeline.projections.entry_queries import stands
from timeline.projections.reading import Reader
from timeline.store.engine import read_transaction

_SHORTEST = timedelta(microseconds=1)


@dataclass(frozen=True)
class Seen:
    """Between which days something happened, inclusive; `None` is an open side."""

    earliest: str | None
    latest: str | None


@dataclass(frozen=True)
class ActivityCount:
    """How many claims of one month, type and role; `month` is YYYY-MM, or `None`.

    `None` is for claims that are undated, or that may belong to one month or another.
    """

    month: str | None
    type: str
    role: str
    claims: int


@dataclass(frozen=True)
class Activity:
    """What an actor is said to have done.

    Attributes:
        claims: How many claims say that something happened in which the actor took part.
        other_claims: How many say that it did not, or may, or will.
        first_seen: When the claim happened that is over first; `None` without a dated one.
        last_seen: When the claim happened that begins last.
        counts: By month, type and role, in that order, claims without a month last; a claim in
            which the actor has two roles is counted in both.
    """

    claims: int
    other_claims: int
    first_seen: Seen | None
    last_seen: Seen | None
    counts: tuple[ActivityCount, ...]


def activities(
    engine: Engine, reader: Reader, actor_ids: Collection[str], known_on: str | None = None
) -> dict[str, Activity]:
    """What each of some actors is said to have done, as known on `known_on`.

    Args:
        engine: Where the reader reads.
        reader: Of the casebook.
        actor_ids: The actors' ids, or `named:<words>` for who is no known actor.
        known_on: A day, or an instant with offset; `None` is all that is known.

    Raises:
        InvalidDate: `known_on` is neither a day nor an instant with offset.
    """
    e, a = tables.entries.c, tables.entry_actors.c
    happened = and_(
        e.modality == Modality.ASSERTED.value, e.polarity == Polarity.POSITIVE.value
    ).label("happened")
    joined = tables.entry_actors.join(
        tables.entries,
        and_(e.casebook == a.casebook, e.claim_id == a.claim_id, e.form == a.form),
    )
    of_actors = (
        select(a.actor, happened, e.type, a.role, e.starts, e.ends, e.claim_id)
        .select_from(joined)
        .where(
            a.casebook == reader.casebook,
            a.actor.in_(actor_ids),
            stands(reader.cutoff(known_on)),
        )
        .cte("of_actors")
    )
    o = of_actors.c
    told = (o.actor, o.happened, o.type, o.role, o.starts, o.ends)
    grouped = select(*told, func.count().label("number")).group_by(*told)
    claims = select(o.actor, o.happened, func.count(o.claim_id.distinct()))
    with read_transaction(engine) as connection:
        rows = connection.execute(grouped).all()
        totals = {
            (actor, bool(has_happened)): int(number)
            for actor, has_happened, number in connection.execute(
                claims.group_by(o.actor, o.happened)
            )
        }
    by_actor: dict[str, list[Row[Any]]] = {id_: [] for id_ in actor_ids}
    for row in rows:
        if row.happened:
            by_actor[row.actor].append(row)
    zone = ZoneInfo(reader.time_zone)
    return {
        id_: _summed(found, totals.get((id_, True), 0), totals.get((id_, False), 0), zone)
        for id_, found in by_actor.items()
    }


def _summed(rows: Sequence[Row[Any]], claims: int, others: int, zone: ZoneInfo) -> Activity:
    """The activity of one actor, of what happened by type, role and time."""
    counts: Counter[tuple[str | None, str, str]] = Counter()
    for row in rows:
        counts[_month(row.starts, row.ends, zone), row.type, row.role] += row.number
    seen = {(row.starts, row.ends) for row in rows}
    over = [(ends, starts or "") for starts, ends in seen if ends is not None]
    begun = [(starts, ends or "") for starts, ends in seen if starts is not None]
    return Activity(
        claims=claims,
        other_claims=others,
        first_seen=_seen(min(over)[1], min(over)[0], zone) if over else None,
        last_seen=_seen(max(begun)[0], max(begun)[1], zone) if begun else None,
        counts=tuple(
            ActivityCount(month, type_, role, number)
            for (month, type_, role), number in sorted(
                counts.items(), key=lambda item: (item[0][0] is None, item[0][0] or "", item[0][1:])
            )
        ),
    )


def _month(starts: str | None, ends: str | None, zone: ZoneInfo) -> str | None:
    """The month in the casebook's time zone that a half-open interval lies in; else `None`."""
    if starts is None or ends is None:
        return None
    first, last = _day(starts, zone)[:7], _last_day(ends, zone)[:7]
    return first if first == last else None


def _seen(starts: str, ends: str, zone: ZoneInfo) -> Seen:
    return Seen(
        earliest=_day(starts, zone) if starts else None,
        latest=_last_day(ends, zone) if ends else None,
    )


def _day(instant: str, zone: ZoneInfo) -> str:
    return _local(instant_from_text(instant), zone)


def _last_day(end: str, zone: ZoneInfo) -> str:
    return _local(instant_from_text(end) - _SHORTEST, zone)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).date().isoformat()
