"""Links all claims of a casebook from its entries, some days at a time, into empty tables.

The rule is local: what is linked with a claim depends on claims within HOPS_OF_RULE steps, each of
a few days. So days are read with so many on either side; each claim is written with the days in
which it lies, and each incident with those of its first known claim.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import date, timedelta

from msgspec.structs import replace
from sqlalchemy import ColumnElement, select

from timeline.domain.actors import Roots
from timeline.domain.incident_sums import Incident, incident_id, incident_of
from timeline.domain.incidents import (
    HOPS_OF_RULE,
    REACH_DAYS,
    Decision,
    Named,
    decided,
    rule_groups,
)
from timeline.projections import tables
from timeline.projections.batches import Batch
from timeline.projections.incident_rows import (
    ClaimRow,
    parts,
    read_words,
    rows_of_entries,
    write_rows,
    write_sums,
)
from timeline.projections.roots import read_roots

# How many entries are linked in one part; a day with more is one part.
ENTRIES_PER_PART = 40_000
# Sort keys are in UTC, and days in the casebook's zone: one more on either side.
MARGIN_DAYS = HOPS_OF_RULE * REACH_DAYS + 1


def load_days(batch: Batch, done: int) -> int | None:
    """Write the claims of the next days and their incidents.

    Args:
        batch: Of no events; nothing but the parts before this one is in the tables.
        done: The ordinal of the first day; 0 for the first part.

    Returns:
        The ordinal of the day after the last; `None` when no entries are left.
    """
    begin, end = _days(batch, done)
    margin = timedelta(days=MARGIN_DAYS)
    key = tables.entries.c.sort_key
    where: list[ColumnElement[bool]] = []
    if begin is not None:
        where.append(key >= (begin - min(margin, begin - date.min)).isoformat())
    if end is not None:
        where.append(key < (end + min(margin, date.max - end)).isoformat())
    roots = read_roots(batch.connection, batch.name)
    low, high = begin.isoformat() if begin else "", end.isoformat() if end else "~"
    rows: list[ClaimRow] = []
    inside: set[tuple[str, int]] = set()
    for sort_key, row in rows_of_entries(
        batch.connection, batch.name, roots, batch.casebook.time_zone, *where
    ):
        rows.append(row)
        if low <= sort_key < high:
            inside.add(row.key)
    added, sums = linked(rows, inside, _words(batch, roots))
    write_rows(batch.connection, batch.name, added)
    write_sums(batch.connection, batch.name, (), sums)
    return None if end is None else end.toordinal()


def linked(
    rows: Iterable[ClaimRow], inside: Container[tuple[str, int]], words: Sequence[Decision]
) -> tuple[list[ClaimRow], list[Incident]]:
    """Link claims by the rule alone.

    Args:
        rows: Claims, with all that are within the rule's reach of those inside.
        inside: The claim and form of the rows that are wanted.
        words: What analysts said, with the tellings of the claims that they name.

    Returns:
        The rows inside with their incidents, and the incidents whose first claim is inside.
    """
    all_rows = list(rows)
    standing = [row.claim for row in all_rows if row.stands]
    _, apart = decided(words, standing)
    head: dict[tuple[str, int], str] = {}
    sums: list[Incident] = []
    for group in rule_groups(standing, apart):
        first = group[0]
        head.update(dict.fromkeys(((c.claim_id, c.form) for c in group), first.claim_id))
        if (first.claim_id, first.form) in inside:
            sums.append(incident_of(group))
    added = []
    for row in all_rows:
        if row.key in inside:
            incident = incident_id(head[row.key]) if row.stands else None
            added.append(replace(row, rule_group=incident, incident_id=incident))
    return added, sums


def _days(batch: Batch, done: int) -> tuple[date | None, date | None]:
    """The first day of a part and the day after its last; `None` where there is no bound."""
    key = tables.entries.c.sort_key
    begin = date.fromordinal(done) if done else None
    following = select(key).where(tables.entries.c.casebook == batch.name)
    if begin is not None:
        following = following.where(key >= begin.isoformat())
    last = batch.connection.execute(
        following.order_by(key).offset(ENTRIES_PER_PART).limit(1)
    ).scalar()
    if last is None:
        return begin, None
    end = date.fromisoformat(last[:10])
    if begin is None or end > begin:
        return begin, end
    return begin, None if end == date.max else end + timedelta(days=1)


def _words(batch: Batch, roots: Roots) -> list[Decision]:
    """What analysts said, with the telling of each claim that they name, as its entries have it."""
    words = read_words(batch.connection, batch.name)
    names = {n.claim_id for word in words for n in word.claims}
    tellings: dict[str, str] = {}
    for some in parts(sorted(names)):
        found = rows_of_entries(
            batch.connection,
            batch.name,
            roots,
            batch.casebook.time_zone,
            tables.entries.c.claim_id.in_(some),
        )
        for _, row in found:
            known = tellings.get(row.claim.claim_id, "")
            tellings[row.claim.claim_id] = max(known, row.claim.telling)
    return [
        replace(
            word, claims=tuple(Named(n.claim_id, tellings.get(n.claim_id)) for n in word.claims)
        )
        for word in words
    ]
