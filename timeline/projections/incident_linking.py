"""Reads what is near some claims, as far as the rule looks, and links it: for any known time.

The rule is local (`timeline.domain.incidents`): blocks of claims are read around the ones asked
for, step by step, so that linking a few costs a few reads however long the war has lasted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_

from timeline.domain.incident_claims import IncidentClaim
from timeline.domain.incidents import (
    HOPS_OF_RULE,
    Block,
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
from timeline.domain.time import instant_text
from timeline.projections import tables
from timeline.projections.incident_rows import ClaimRow, parts, read_rows, read_words


def standing(cutoff: datetime | None) -> ColumnElement[bool]:
    """The condition that a claim stands at a known time (an exclusive end); `None` is now."""
    c = tables.incident_claims.c
    if cutoff is None:
        return c.known_until.is_(None)
    text = instant_text(cutoff)
    return (c.known_from <= text) & or_(c.known_until.is_(None), c.known_until > text)


class Neighbourhood:
    """The standing claims around some, read as they are needed."""

    def __init__(self, connection: Connection, casebook: str, cutoff: datetime | None) -> None:
        self._connection, self._casebook = connection, casebook
        self._stands = standing(cutoff)
        self.rows: dict[str, ClaimRow] = {}
        self._blocks: dict[Block, list[IncidentClaim]] = {}
        self._of_bucket: dict[str, dict[Block, None]] = {}
        self._read: set[str] = set()

    def add(self, row: ClaimRow) -> None:
        """Take a standing claim in, if it is not there already."""
        claim = row.claim
        if claim.claim_id in self.rows:
            return
        self.rows[claim.claim_id] = row
        bucket = bucket_of(claim)
        if bucket is not None:
            block = block_of(claim)
            self._blocks.setdefault(block, []).append(claim)
            self._of_bucket.setdefault(bucket, {})[block] = None

    def fetch(self, column: ColumnElement[str | None], keys: Iterable[str]) -> None:
        """Read the standing claims with one of these values in a column."""
        for some in parts(sorted(keys)):
            for row in read_rows(self._connection, self._casebook, self._stands, column.in_(some)):
                self.add(row)

    def named(self, words: Iterable[Decision]) -> list[ClaimRow]:
        """What stands of the claims that words name, or of the same reports and tells the same."""
        claims = [n for word in words for n in word.claims]
        ids = {n.claim_id for n in claims}
        tellings = {n.telling for n in claims if n.telling is not None}
        self.fetch(tables.incident_claims.c.claim_id, ids)
        self.fetch(tables.incident_claims.c.telling, tellings)
        return [
            row
            for row in self.rows.values()
            if row.claim.claim_id in ids or row.claim.telling in tellings
        ]

    def around(self, seeds: Iterable[IncidentClaim], hops: int) -> Mapping[Block, int]:
        """The blocks around some claims, at the most so many steps away, with the steps."""
        frontier = {block_of(c): c for c in seeds if c.is_linkable}
        depths = dict.fromkeys(frontier, 0)
        for depth in range(1, hops + 1):
            wanted = {b for claim in frontier.values() for b in buckets_near(claim)} - self._read
            self.fetch(tables.incident_claims.c.bucket, wanted)
            self._read |= wanted
            reached: dict[Block, IncidentClaim] = {}
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

    def claims(self, blocks: Iterable[Block]) -> list[IncidentClaim]:
        """The claims of some blocks."""
        return [claim for block in blocks for claim in self._blocks.get(block, ())]


def groups_around(
    connection: Connection,
    casebook: str,
    cutoff: datetime | None,
    seeds: Sequence[ClaimRow],
) -> tuple[Group, ...]:
    """The incidents of some claims that stand at a known time, whole, each once.

    Args:
        connection: Reads the projection.
        casebook: Whose.
        cutoff: The known time as an exclusive end; `None` is now.
        seeds: The claims asked for, which stand then.
    """
    near = Neighbourhood(connection, casebook, cutoff)
    for row in seeds:
        near.add(row)
    words = read_words(connection, casebook)
    asked = [row.claim for row in seeds]
    # What analysts link may be far away: then its own neighbours belong to the incident.
    linked = [*asked, *(row.claim for row in near.named(words))]
    blocks = near.around(linked, HOPS_OF_RULE)
    claims = {c.claim_id: c for c in (*linked, *near.claims(blocks))}
    ordered = sorted(claims.values(), key=lambda c: c.order)
    links, apart = decided(words, ordered)
    groups = joined(rule_groups(ordered, apart), links, apart)
    wanted = {c.claim_id for c in asked}
    return tuple(g for g in groups if any(c.claim_id in wanted for c in g))
