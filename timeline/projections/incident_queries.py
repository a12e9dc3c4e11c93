"""Answers what incidents there are, by what is known now or was known on another day.

What is known now is read from the projection. For another day the claims that stood then are linked
by the same rule and put into tables in memory, so that every question is one statement for both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    func,
    insert,
    or_,
    select,
    tuple_,
)

from timeline.domain.incident_sums import Incident, claim_id_of, incident_of
from timeline.domain.time import local_day, moment_end
from timeline.errors import TooManyClaims
from timeline.projections import tables
from timeline.projections.incident_linking import groups_around, standing
from timeline.projections.incident_rows import (
    ClaimRow,
    parts,
    read_rows,
    write_rows,
    write_sums,
)
from timeline.settings import CLAIMS_LINKED_AT_READ_MAX, PAGE_SIZE_MAX
from timeline.store.engine import connect, read_transaction, write_transaction

IncidentKey = tuple[str, str]
_DECODER = msgspec.json.Decoder(Incident)


@dataclass(frozen=True)
class IncidentFilters:
    """Which incidents are wanted; an empty field means any.

    `from_` and `to` bound when it happened, both inclusive: incidents that may lie in between.
    """

    place_id: str | None = None
    types: tuple[str, ...] = ()
    from_: str | None = None
    to: str | None = None
    sources_min: int = 0

    def conditions(self, time_zone: str) -> list[ColumnElement[bool]]:
        """The conditions on `incidents`.

        Raises:
            InvalidDate: a date is neither a day nor an instant with offset.
        """
        c = tables.incidents.c
        where: list[ColumnElement[bool]] = []
        if self.place_id is not None:
            where.append(c.place_id == self.place_id)
        if self.types:
            where.append(c.type.in_(self.types))
        if self.from_ is not None:
            where.append(c.latest >= _day(self.from_, time_zone))
        if self.to is not None:
            begun = c.earliest <= _day(self.to, time_zone)
            where.append(or_(begun, and_(c.earliest.is_(None), c.latest.is_not(None))))
        if self.sources_min > 0:
            where.append(c.sources >= self.sources_min)
        return where


def _day(text: str, time_zone: str) -> str:
    moment_end(text, time_zone)
    return local_day(text.strip(), time_zone).isoformat()


@dataclass(frozen=True)
class Word:
    """What an analyst said of some claims."""

    position: int
    claim_ids: tuple[str, ...]
    is_link: bool
    reason: str
    requested_by: str


class IncidentReader:
    """Reads one casebook's incidents.

    Known time is given as an exclusive end, `None` being all that is known (`Reader.cutoff`).
    """

    def __init__(self, engine: Engine, casebook: str, time_zone: str) -> None:
        self.engine, self.casebook, self._time_zone = engine, casebook, time_zone

    def of_claims(
        self, claim_ids: Collection[str], cutoff: datetime | None = None
    ) -> dict[str, Incident]:
        """The incident of each of some claims; those that stand not, or tell of none, have none."""
        found: dict[str, Incident] = {}
        c = tables.incident_claims.c
        with read_transaction(self.engine) as connection:
            rows = [
                row
                for some in parts(sorted(set(claim_ids)))
                for row in read_rows(
                    connection, self.casebook, c.claim_id.in_(some), standing(cutoff)
                )
            ]
            if cutoff is None:
                of = self._stored(connection, {str(row.incident_id) for row in rows})
                return {row.claim.claim_id: of[str(row.incident_id)] for row in rows}
            for group in groups_around(connection, self.casebook, cutoff, rows):
                incident = incident_of(group)
                found.update({one.claim_id: incident for one in group})
        return {row.claim.claim_id: found[row.claim.claim_id] for row in rows}

    def _stored(self, connection: Connection, ids: Collection[str]) -> dict[str, Incident]:
        c = tables.incidents.c
        return {
            row.incident_id: _DECODER.decode(row.data)
            for some in parts(sorted(ids))
            for row in connection.execute(
                select(c.incident_id, c.data).where(
                    c.casebook == self.casebook, c.incident_id.in_(some)
                )
            )
        }

    def incident(self, incident_id: str, cutoff: datetime | None = None) -> Incident | None:
        """The incident to which an id leads: that of the claim by which it was named.

        So an id stays good when an earlier claim comes to head the incident, and when a revision
        tells its claim again. `None` when nothing of the kind stands.
        """
        named = claim_id_of(incident_id)
        c = tables.incident_claims.c
        retold = select(c.telling).where(c.casebook == self.casebook, c.claim_id == named)
        found = select(c.claim_id).where(c.casebook == self.casebook, standing(cutoff))
        query = found.where(c.claim_id == named).union(found.where(c.telling.in_(retold)))
        with read_transaction(self.engine) as connection:
            ids = sorted(connection.execute(query).scalars(), key=lambda id_: (id_ != named, id_))
        if not ids:
            return None
        return self.of_claims(ids[:1], cutoff)[ids[0]]

    def page(
        self,
        filters: IncidentFilters,
        cutoff: datetime | None = None,
        first: int = PAGE_SIZE_MAX,
        after: IncidentKey | None = None,
        before: IncidentKey | None = None,
        *,
        backwards: bool = False,
    ) -> tuple[tuple[tuple[IncidentKey, Incident], ...], bool]:
        """Incidents with their keys in order of valid time, and whether there are more that way.

        Undated ones come last; `backwards` takes the last `first`, still in order.

        Raises:
            InvalidDate: a date is neither a day nor an instant with offset.
            TooManyClaims: for another day too many claims would have to be linked.
        """
        c = tables.incidents.c
        key = (c.sort_key, c.incident_id)
        query = select(*key, c.data).where(
            c.casebook == self.casebook, *filters.conditions(self._time_zone)
        )
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        if before is not None:
            query = query.where(tuple_(*key) < tuple_(*before))
        size = max(1, min(first, PAGE_SIZE_MAX))
        ordered = query.order_by(*(k.desc() for k in key) if backwards else key).limit(size + 1)
        with self.known(cutoff, filters.place_id) as connection:
            rows = connection.execute(ordered).all()
        found = [((r.sort_key, r.incident_id), _DECODER.decode(r.data)) for r in rows[:size]]
        return tuple(reversed(found) if backwards else found), len(rows) > size

    def count(self, filters: IncidentFilters, cutoff: datetime | None = None) -> int:
        """How many incidents there are in all."""
        query = select(func.count()).select_from(tables.incidents)
        query = query.where(
            tables.incidents.c.casebook == self.casebook, *filters.conditions(self._time_zone)
        )
        with self.known(cutoff, filters.place_id) as connection:
            return int(connection.execute(query).scalar_one())

    def words(self, claim_ids: Collection[str]) -> tuple[Word, ...]:
        """What analysts said of some claims, or of them and others, in the order of the log."""
        w = tables.incident_words.c
        found: dict[int, list[Row[tuple[object, ...]]]] = {}
        with read_transaction(self.engine) as connection:
            positions: set[int] = set()
            for some in parts(sorted(set(claim_ids))):
                said = select(w.position).where(w.casebook == self.casebook, w.claim_id.in_(some))
                positions.update(connection.execute(said).scalars())
            for some_positions in parts(sorted(positions)):
                query = select(tables.incident_words).where(
                    w.casebook == self.casebook, w.position.in_(some_positions)
                )
                for row in connection.execute(query.order_by(w.position, w.claim_id)):
                    found.setdefault(row.position, []).append(row)
        return tuple(
            Word(
                position=position,
                claim_ids=tuple(row.claim_id for row in rows),
                is_link=bool(rows[0].is_link),
                reason=rows[0].reason,
                requested_by=rows[0].requested_by,
            )
            for position, rows in found.items()
        )

    @contextmanager
    def known(self, cutoff: datetime | None, place_id: str | None = None) -> Iterator[Connection]:
        """A connection on which `incidents`, their claims and actors are those of a known time.

        Args:
            cutoff: The known time; `None` is now, which is read as it is.
            place_id: Only incidents with a claim about this place need be there.

        Raises:
            TooManyClaims: for another day too many claims would have to be linked.
        """
        if cutoff is None:
            with read_transaction(self.engine) as connection:
                yield connection
            return
        memory = connect("sqlite://")
        try:
            kept = [tables.incidents, tables.incident_claims, tables.entry_actors]
            with write_transaction(memory) as target:
                tables.incidents.metadata.create_all(target, tables=kept)
                with read_transaction(self.engine) as connection:
                    self._link_into(target, connection, cutoff, place_id)
                yield target
        finally:
            memory.dispose()

    def _link_into(
        self, target: Connection, connection: Connection, cutoff: datetime, place_id: str | None
    ) -> None:
        rows = self._asked(connection, cutoff, place_id)
        groups = groups_around(connection, self.casebook, cutoff, rows)
        sums = [incident_of(group) for group in groups]
        write_sums(target, self.casebook, (), sums)
        linked = [
            ClaimRow(
                claim=claim,
                source_id=None,
                attributed_to=None,
                known_until=None,
                incident_id=incident.incident_id,
            )
            for group, incident in zip(groups, sums, strict=True)
            for claim in group
        ]
        write_rows(target, self.casebook, linked)
        a = tables.entry_actors.c
        wanted = {row.key for row in linked}
        for some in parts(sorted({claim_id for claim_id, _ in wanted})):
            named = select(tables.entry_actors).where(
                a.casebook == self.casebook, a.claim_id.in_(some)
            )
            found = [dict(r) for r in connection.execute(named).mappings()]
            kept = [r for r in found if (r["claim_id"], r["form"]) in wanted]
            if kept:
                target.execute(insert(tables.entry_actors), kept)

    def _asked(
        self, connection: Connection, cutoff: datetime, place_id: str | None
    ) -> Sequence[ClaimRow]:
        c, e = tables.incident_claims.c, tables.entries.c
        where = [standing(cutoff)]
        if place_id is not None:
            at = select(e.claim_id).where(e.casebook == self.casebook, e.place_id == place_id)
            where.append(c.claim_id.in_(at))
        counted = select(func.count()).select_from(tables.incident_claims)
        number = connection.execute(counted.where(c.casebook == self.casebook, *where)).scalar()
        if (number or 0) > CLAIMS_LINKED_AT_READ_MAX:
            raise TooManyClaims(number or 0, CLAIMS_LINKED_AT_READ_MAX)
        return list(read_rows(connection, self.casebook, *where))
