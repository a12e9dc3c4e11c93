"""Projects incidents: which claims tell of the same thing, by what is known now.

What is linked as known on another day is linked at read, from the claims that stood then. A batch
rewrites what is near its claims: the rule is local (`timeline.domain.incidents`), so blocks of
claims are read around them, twice as far as a claim's group can depend on.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import Table

from timeline.domain.actors import Roots
from timeline.domain.events import IncidentsLinked, IncidentsUnlinked
from timeline.domain.incident_claims import IncidentClaim
from timeline.domain.incident_sums import incident_id, incident_of
from timeline.domain.incidents import (
    HOPS_OF_RULE,
    Decision,
    Group,
    block_of,
    decided,
    joined,
    rule_groups,
)
from timeline.projections import bulk_rows, event_types, incident_loading, tables
from timeline.projections.batches import Batch, names_of
from timeline.projections.bulk_rows import Row
from timeline.projections.identities import MENDING, named_by
from timeline.projections.incident_linking import Neighbourhood
from timeline.projections.incident_rows import (
    ClaimRow,
    parts,
    read_rows,
    read_words,
    relink_rows,
    remove_rows,
    told_rows,
    write_rows,
    write_sums,
)
from timeline.projections.roots import ROOT_TYPES, read_roots, reports_of_other_roots

_Assigned = dict[str, tuple[str, str]]


class IncidentsProjection:
    """The incidents by what is known now, and all that is needed to link them for another day."""

    name = "incidents"
    version = 1
    depends_on: tuple[str, ...] = ("actors", "timeline")
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (
        tables.incident_claims,
        tables.incidents,
        tables.incident_words,
    )

    def apply(self, batch: Batch) -> None:
        """Link anew what is near the claims that these events bring, take away or speak of."""
        named = _write_words(batch)
        if not batch.report_ids and not named and not batch.has(*ROOT_TYPES, *MENDING):
            return
        roots = read_roots(batch.connection, batch.name)
        of_other_roots = reports_of_other_roots(batch, roots, tables.incident_claims)
        reports = {*batch.report_ids, *of_other_roots, *named_by(batch)}
        # In portions, since another affiliation of an actor may concern every report there is.
        for some in list(parts(sorted(reports))) or [[]]:
            _relink(batch, roots, some, named)
            named = set()

    def load_part(self, batch: Batch, done: int) -> int | None:
        """Link the claims of the next days, and after the last what analysts have said."""
        if done == 0:
            found = event_types.events_of(batch, names_of(IncidentsLinked, IncidentsUnlinked))
            _write_words(batch.with_events(found))
        following = incident_loading.load_days(batch, done)
        if following is None:
            named = {n.claim_id for w in read_words(batch.connection, batch.name) for n in w.claims}
            if named:
                _Linking(batch, (), (), named).run()
        return following


def _relink(batch: Batch, roots: Roots, reports: Sequence[str], named: set[str]) -> None:
    """Bring the rows of some reports to what their entries say, and link anew around them."""
    connection, name = batch.connection, batch.name
    c = tables.incident_claims.c
    old = {row.key: row for row in read_rows(connection, name, c.report_id.in_(reports))}
    told = told_rows(connection, name, roots, reports, batch.casebook.time_zone)
    new = {row.key: row for row in told}
    moved = {row.claim.claim_id for row in old.values() if _differs(row, new.get(row.key))}
    moved |= {row.claim.claim_id for row in new.values() if _differs(row, old.get(row.key))}
    was = [row for row in old.values() if row.claim.claim_id in moved]
    comes = [row for row in new.values() if row.claim.claim_id in moved]
    if was or comes or named:
        remove_rows(connection, name, was)
        _Linking(batch, was, comes, named).run()


def _differs(row: ClaimRow, other: ClaimRow | None) -> bool:
    return other is None or row.told != other.told


def _write_words(batch: Batch) -> set[str]:
    """Keep the analysts' words of a batch; returns the claims that they name."""
    rows = word_rows(batch)
    bulk_rows.load(batch.connection, tables.incident_words, rows)
    return {str(row["claim_id"]) for row in rows}


def word_rows(batch: Batch) -> list[Row]:
    """The analysts' words of a batch, a row for each claim that they name."""
    return [
        {
            "casebook": batch.name,
            "position": stored.position,
            "claim_id": claim_id,
            "is_link": isinstance(said, IncidentsLinked),
            "reason": said.reason,
            "requested_by": said.requested_by,
        }
        for said, stored in batch.of(IncidentsLinked, IncidentsUnlinked)
        for claim_id in dict.fromkeys(said.claims)
    ]


class _Linking:
    """Links anew around some claims, and writes what differs."""

    def __init__(
        self, batch: Batch, was: Sequence[ClaimRow], comes: Sequence[ClaimRow], named: set[str]
    ) -> None:
        self._batch, self._was, self._comes, self._named = batch, was, comes, named
        self._near = Neighbourhood(batch.connection, batch.name, None)

    def run(self) -> None:
        """Link, write the claims that are new or linked otherwise, and what incidents come to."""
        for row in self._comes:
            if row.stands:
                self._near.add(row)
        words = self._words()
        spoken_of = [w for w in words if any(n.claim_id in self._named for n in w.claims)]
        seeds = [row for row in (*self._was, *self._comes) if row.stands]
        seeds += self._near.named(spoken_of)
        assigned = self._by_rule([row.claim for row in seeds], words)
        self._by_words(assigned, words)
        self._write_sums(self._write(assigned))

    def _words(self) -> list[Decision]:
        """The words so far, with the tellings of the claims that this batch brings."""
        brought = {row.claim.claim_id: row.claim.telling for row in self._comes}
        return [
            replace(
                word,
                claims=tuple(
                    replace(n, telling=brought.get(n.claim_id, n.telling)) for n in word.claims
                ),
            )
            for word in read_words(self._batch.connection, self._batch.name)
        ]

    def _by_rule(self, seeds: Sequence[IncidentClaim], words: Sequence[Decision]) -> _Assigned:
        """Groups by the rule around some claims: (rule group, incident without words) of each."""
        depths = self._near.around(seeds, 2 * HOPS_OF_RULE)
        claims = self._near.claims(depths)
        _, apart = decided(words, claims)
        assigned: _Assigned = {}
        for group in rule_groups(claims, apart):
            head = incident_id(group[0].claim_id)
            for claim in group:
                if depths[block_of(claim)] <= HOPS_OF_RULE:
                    assigned[claim.claim_id] = (head, head)
        for claim in seeds:
            if not claim.is_linkable and claim.claim_id in self._near.rows:
                head = incident_id(claim.claim_id)
                assigned[claim.claim_id] = (head, head)
        return assigned

    def _by_words(self, assigned: _Assigned, words: Sequence[Decision]) -> None:
        """Make the analysts' links, between whole groups of the rule."""
        if not words:
            return
        heads = {self._group_of(row, assigned) for row in self._near.named(words)}
        self._near.fetch(tables.incident_claims.c.rule_group, heads)
        groups: dict[str, list[IncidentClaim]] = {}
        for row in self._near.rows.values():
            head = self._group_of(row, assigned)
            if head in heads:
                groups.setdefault(head, []).append(row.claim)
        ordered: list[Group] = [tuple(sorted(g, key=lambda c: c.order)) for g in groups.values()]
        ordered.sort(key=lambda g: g[0].order)
        links, apart = decided(words, [c for g in ordered for c in g])
        for group in joined(ordered, links, apart):
            head = incident_id(group[0].claim_id)
            for claim in group:
                rule = self._group_of(self._near.rows[claim.claim_id], assigned)
                assigned[claim.claim_id] = (rule, head)

    def _group_of(self, row: ClaimRow, assigned: _Assigned) -> str:
        found = assigned.get(row.claim.claim_id)
        head = found[0] if found else row.rule_group
        assert head is not None  # noqa: S101 - what stands has a group, or is given one
        return head

    def _write(self, assigned: _Assigned) -> set[str]:
        """Write new rows, and those whose incident is another; returns the incidents touched."""
        batch = self._batch
        touched = {row.incident_id for row in self._was if row.incident_id is not None}
        added = []
        for row in self._comes:
            rule, incident = assigned[row.claim.claim_id] if row.stands else (None, None)
            added.append(replace(row, rule_group=rule, incident_id=incident))
            touched |= {incident} if incident else set()
        write_rows(batch.connection, batch.name, added)
        brought = {row.claim.claim_id for row in self._comes}
        relinked = []
        for claim_id, (rule, incident) in sorted(assigned.items()):
            row = self._near.rows[claim_id]
            if claim_id in brought or (row.rule_group, row.incident_id) == (rule, incident):
                continue
            touched |= {i for i in (row.incident_id, incident) if i is not None}
            relinked.append((row.key, rule, incident))
        relink_rows(batch.connection, batch.name, relinked)
        return touched

    def _write_sums(self, touched: set[str]) -> None:
        batch, c = self._batch, tables.incident_claims.c
        groups: dict[str, list[IncidentClaim]] = {}
        for some in parts(sorted(touched)):
            for row in read_rows(batch.connection, batch.name, c.incident_id.in_(some)):
                groups.setdefault(str(row.incident_id), []).append(row.claim)
        sums = [incident_of(tuple(sorted(g, key=lambda c: c.order))) for g in groups.values()]
        write_sums(batch.connection, batch.name, touched, sums)
