"""Finds the names in standing claims that matched no place and no actor."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from timeline.projections import tables


def read_unresolved(connection: Connection, casebook: str) -> tuple[tuple[str, str, int], ...]:
    """Each name with how many claims use it, the most first: (place or actor, words, claims)."""
    e, a = tables.entries.c, tables.entry_actors.c
    places = (
        select(e.place_as_named, func.count())
        .where(
            e.casebook == casebook,
            e.place_id.is_(None),
            e.place_as_named.is_not(None),
            e.known_until.is_(None),
        )
        .group_by(e.place_as_named)
    )
    actors = (
        select(a.actor, func.count(a.claim_id.distinct()))
        .where(a.casebook == casebook, a.actor.like("named:%"))
        .group_by(a.actor)
    )
    found = [("place", str(name), int(claims)) for name, claims in connection.execute(places)]
    found += [
        ("actor", str(name).removeprefix("named:"), int(claims))
        for name, claims in connection.execute(actors)
    ]
    return tuple(sorted(found, key=lambda row: (row[0], -row[2], row[1])))
