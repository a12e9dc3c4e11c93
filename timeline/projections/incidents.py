"""Projects incidents: which claims tell of the same thing, by what is known now.

What is linked as known on another day is linked at read, from the claims that stood then. A batch
rewrites what is near its claims: the rule is local (`timeline.domain.incidents`), so blocks of
claims are read around them, twice as far as a claim's group can depend on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Table, insert, or_, select

from timeline.domain.actors import Roots
from timeline.domain.events import (
    ActorRegistered,
    AffiliationStated,
    IncidentsLinked,
    IncidentsUnlinked,
    SourceAffiliated,
    SourceRegistered,
)
from timeline.domain.incident_claims import IncidentClaim
from timeline.domain.incident_sums import incident_id, incident_of
from timeline.domain.incidents import (
    HOPS_OF_RULE,
    Decision,
    Group,
    are_neighbours,
    block_of,
    bucket_of,
    buckets_near,
    decided,
    joined,
    rule_groups,
)
from timeline.projections import tables
from timeline.projections.control import read_roots
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
from timeline.projections.runner import Batch

_Block = tuple[object, ...]
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
        roots = read_roots(batch.connection, batch.name)
        reports = {*batch.report_ids, *_reports_of_other_roots(batch, roots)}
        old = {row.key: row for row in _rows_of_reports(batch, reports)}
        told = told_rows(batch.connection, batch.name, roots, reports, batch.casebook.time_zone)
        new = {row.key: row for row in told}
        moved = {row.claim.claim_id for row in old.values() if _differs(row, new.get(row.key))}
        moved |= {row.claim.claim_id for row in new.values() if _differs(row, old.get(row.key))}
        was = [row for row in old.values() if row.claim.claim_id in moved]
        comes = [row for row in new.values() if row.claim.claim_id in moved]
        if not (was or comes or named):
            return
        remove_rows(batch.connection, batch.name, was)
        _Linking(batch, was, comes, named).run()


def _differs(row: ClaimRow, other: ClaimRow | None) -> bool:
    return other is None or row.told != other.told


def _write_words(batch: Batch) -> set[str]:
    """Keep the analysts' words of a batch; returns the claims that they name."""
    rows = [
        {
            "casebook": batch.name,
            "position": event.stored.position,
            "claim_id": claim_id,
            "is_link": isinstance(event.payload, IncidentsLinked),
            "reason": event.payload.reason,
            "requested_by": event.payload.requested_by,
        }
        for event in batch.events
        if isinstance(event.payload, IncidentsLinked | IncidentsUnlinked)
        for claim_id in dict.fromkeys(event.payload.claims)
    ]
    if rows:
        batch.connection.execute(insert(tables.incident_words), rows)
    return {str(row["claim_id"]) for row in rows}


def _rows_of_reports(batch: Batch, reports: Iterable[str]) -> Iterable[ClaimRow]:
    c = tables.incident_claims.c
    for some in parts(sorted(reports)):
        yield from read_rows(batch.connection, batch.name, c.report_id.in_(some))


def _reports_of_other_roots(batch: Batch, roots: Roots) -> set[str]:
    """Reports whose claims have another root, or other parties, than was written of them."""
    c = tables.incident_claims.c
    payloads = [event.payload for event in batch.events]
    if any(isinstance(p, ActorRegistered | AffiliationStated) for p in payloads):
        every = select(c.report_id).where(c.casebook == batch.name).distinct()
        return set(batch.connection.execute(every).scalars())
    if not any(isinstance(p, SourceRegistered | SourceAffiliated) for p in payloads):
        return set()
    pairs = (c.source_id, c.attributed_to, c.root)
    known = select(*pairs).where(c.casebook == batch.name).distinct()
    found: set[str] = set()
    for source, attributed, root in batch.connection.execute(known).all():
        if roots.root(source, attributed) != root:
            of_pair = select(c.report_id).where(
                c.casebook == batch.name,
                c.root == root,
                c.source_id.is_not_distinct_from(source),
                c.attributed_to.is_not_distinct_from(attributed),
            )
            found.update(batch.connection.execute(of_pair.distinct()).scalars())
    return found


@dataclass
class _Linking:
    """Links anew around some claims, and writes what differs."""

    batch: Batch
    was: Sequence[ClaimRow]
    comes: Sequence[ClaimRow]
    named: set[str]
    _blocks: dict[_Block, list[IncidentClaim]] = field(default_factory=dict)
    _of_bucket: dict[str, dict[_Block, None]] = field(default_factory=dict)
    _rows: dict[str, ClaimRow] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Link, write the claims that are new or linked otherwise, and what incidents come to."""
        for row in self.comes:
            if row.stands:
                self._add(row)
        words = read_words(self.batch.connection, self.batch.name)
        seeds = [row for row in (*self.was, *self.comes) if row.stands]
        seeds += self._standing(words, self.named)
        assigned = self._by_rule([row.claim for row in seeds], words)
        self._by_words(assigned, words)
        touched = self._write(assigned)
        self._write_sums(touched)

    def _add(self, row: ClaimRow) -> None:
        claim = row.claim
        if claim.claim_id in self._rows:
            return
        self._rows[claim.claim_id] = row
        bucket = bucket_of(claim)
        if bucket is not None:
            block = block_of(claim)
            self._blocks.setdefault(block, []).append(claim)
            self._of_bucket.setdefault(bucket, {})[block] = None

    def _standing(self, words: Sequence[Decision], named: set[str] | None) -> list[ClaimRow]:
        """What stands now of the claims that words name, or of those that tell the same."""
        wanted = [n for w in words for n in w.claims if named is None or n.claim_id in named]
        ids = {n.claim_id for n in wanted}
        tellings = {n.telling for n in wanted if n.telling is not None}
        # A claim that this batch brings was not there yet when the words were read.
        tellings |= {row.claim.telling for row in self.comes if row.claim.claim_id in ids}
        c = tables.incident_claims.c
        for some in parts(sorted({*ids, *tellings})):
            told = or_(c.claim_id.in_(some), c.telling.in_(some))
            for row in read_rows(
                self.batch.connection, self.batch.name, c.known_until.is_(None), told
            ):
                self._add(row)
        return [
            row
            for row in self._rows.values()
            if row.claim.claim_id in ids or row.claim.telling in tellings
        ]

    def _by_rule(self, seeds: Sequence[IncidentClaim], words: Sequence[Decision]) -> _Assigned:
        """Groups by the rule around some claims: (rule group, incident without words) of each."""
        depths = self._around(seeds)
        near = [c for block, claims in self._blocks.items() if block in depths for c in claims]
        _, apart = decided(self._told_again(words), near)
        exact = {block for block, depth in depths.items() if depth <= HOPS_OF_RULE}
        assigned: _Assigned = {}
        for group in rule_groups(near, apart):
            head = incident_id(group[0].claim_id)
            for claim in group:
                if block_of(claim) in exact:
                    assigned[claim.claim_id] = (head, head)
        for claim in seeds:
            if not claim.is_linkable and claim.claim_id in self._rows:
                head = incident_id(claim.claim_id)
                assigned[claim.claim_id] = (head, head)
        return assigned

    def _told_again(self, words: Sequence[Decision]) -> list[Decision]:
        """The words, with the tellings of claims that this batch brings."""
        brought = {row.claim.claim_id: row.claim.telling for row in self.comes}
        return [
            msgspec.structs.replace(
                word,
                claims=tuple(
                    msgspec.structs.replace(n, telling=brought.get(n.claim_id, n.telling))
                    for n in word.claims
                ),
            )
            for word in words
        ]

    def _around(self, seeds: Sequence[IncidentClaim]) -> dict[_Block, int]:
        """The blocks around some claims, with how many steps away they are."""
        frontier = {block_of(c): c for c in seeds if c.is_linkable}
        depths = dict.fromkeys(frontier, 0)
        for depth in range(1, 2 * HOPS_OF_RULE + 1):
            self._fetch({b for claim in frontier.values() for b in buckets_near(claim)})
            reached: dict[_Block, IncidentClaim] = {}
            for claim in frontier.values():
                for bucket in buckets_near(claim):
                    for block in self._of_bucket.get(bucket, ()):
                        if block in depths or block in reached:
                            continue
                        if are_neighbours(claim, self._blocks[block][0]):
                            reached[block] = self._blocks[block][0]
            depths.update(dict.fromkeys(reached, depth))
            frontier = reached
            if not frontier:
                break
        return depths

    def _fetch(self, buckets: set[str]) -> None:
        c = tables.incident_claims.c
        for some in parts(sorted(buckets - self._read)):
            for row in read_rows(
                self.batch.connection,
                self.batch.name,
                c.bucket.in_(some),
                c.known_until.is_(None),
            ):
                self._add(row)
        self._read |= buckets

    def _by_words(self, assigned: _Assigned, words: Sequence[Decision]) -> None:
        """Make the analysts' links, between whole groups of the rule."""
        if not words:
            return
        heads = {self._group_of(row, assigned) for row in self._standing(words, None)}
        self._fetch_groups(heads)
        groups: dict[str, list[IncidentClaim]] = {}
        for row in self._rows.values():
            head = self._group_of(row, assigned)
            if head in heads:
                groups.setdefault(head, []).append(row.claim)
        ordered: list[Group] = [tuple(sorted(g, key=lambda c: c.order)) for g in groups.values()]
        ordered.sort(key=lambda g: g[0].order)
        links, apart = decided(self._told_again(words), [c for g in ordered for c in g])
        for group in joined(ordered, links, apart):
            head = incident_id(group[0].claim_id)
            for claim in group:
                rule = self._group_of(self._rows[claim.claim_id], assigned)
                assigned[claim.claim_id] = (rule, head)

    def _group_of(self, row: ClaimRow, assigned: _Assigned) -> str:
        found = assigned.get(row.claim.claim_id)
        head = found[0] if found else row.rule_group
        assert head is not None  # noqa: S101 - what stands has a group, or is given one
        return head

    def _fetch_groups(self, heads: set[str]) -> None:
        c = tables.incident_claims.c
        for some in parts(sorted(heads)):
            for row in read_rows(
                self.batch.connection,
                self.batch.name,
                c.rule_group.in_(some),
                c.known_until.is_(None),
            ):
                self._add(row)

    def _write(self, assigned: _Assigned) -> set[str]:
        """Write new rows, and those whose incident is another; returns the incidents touched."""
        batch = self.batch
        touched = {row.incident_id for row in self.was if row.incident_id is not None}
        added = []
        for row in self.comes:
            rule, incident = assigned[row.claim.claim_id] if row.stands else (None, None)
            added.append(msgspec.structs.replace(row, rule_group=rule, incident_id=incident))
            touched |= {incident} if incident else set()
        write_rows(batch.connection, batch.name, added)
        brought = {row.claim.claim_id for row in self.comes}
        relinked = []
        for claim_id, (rule, incident) in sorted(assigned.items()):
            row = self._rows[claim_id]
            if claim_id in brought or (row.rule_group, row.incident_id) == (rule, incident):
                continue
            touched |= {i for i in (row.incident_id, incident) if i is not None}
            relinked.append((row.key, rule, incident))
        relink_rows(batch.connection, batch.name, relinked)
        return touched

    def _write_sums(self, touched: set[str]) -> None:
        batch, c = self.batch, tables.incident_claims.c
        groups: dict[str, list[IncidentClaim]] = {}
        for some in parts(sorted(touched)):
            for row in read_rows(batch.connection, batch.name, c.incident_id.in_(some)):
                groups.setdefault(str(row.incident_id), []).append(row.claim)
        sums = [incident_of(tuple(sorted(g, key=lambda c: c.order))) for g in groups.values()]
        write_sums(batch.connection, batch.name, touched, sums)
