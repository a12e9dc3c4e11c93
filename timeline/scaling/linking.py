"""Links the claims of some windows of days, and sums their incidents.

The rule is local (`timeline.domain.incidents`): a claim's group follows from the claims of its type
at the most HOPS_OF_RULE steps away, and a step leads REACH_DAYS at the most. So a window is linked
with so many days more on both sides, and what it says of its own claims is what linking all at
once would say. What analysts link with other incidents is left to the driver, which sees all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from timeline.domain.incident_claims import IncidentClaim
from timeline.domain.incident_sums import incident_id, incident_of
from timeline.domain.incidents import (
    HOPS_OF_RULE,
    REACH_DAYS,
    Decision,
    Group,
    Pair,
    decided,
    joined,
    rule_groups,
)
from timeline.projections import tables
from timeline.projections.incident_rows import ClaimRow, claim_values, sum_values
from timeline.scaling import plan as planning
from timeline.scaling.folding import BIN_DAYS, LINKABLE, NEVER_LINKED, NamedClaim, bin_name
from timeline.scaling.outcome import Outcome
from timeline.scaling.plan import Window, Words
from timeline.scaling.rowfiles import RowFiles

LINKED = "linked"
HALO_DAYS = HOPS_OF_RULE * REACH_DAYS
HALO_BINS = -(-HALO_DAYS // BIN_DAYS)
# A window grows to so many claims, or so many bins where there are few.
CLAIMS_PER_WINDOW = 20_000
BINS_PER_WINDOW_MAX = 16

Windows = list[list[Window]]


def windows_of(counts: Mapping[str, int], partitions: int) -> Windows:
    """The windows to link, dealt out to tasks: of a task together no more claims than its share.

    Args:
        counts: How many claims each bin holds.
        partitions: How many tasks are wanted, more or less.
    """
    share = max(sum(counts.values()) // max(partitions, 1), 1)
    per_window = min(CLAIMS_PER_WINDOW, share)
    tasks: Windows = [[]]
    window, size, in_task = None, 0, 0
    for name in sorted(counts):
        type_, _, digits = name.rpartition("|")
        number = int(digits)
        goes_on = (
            window is not None
            and window.type == type_
            and size + counts[name] <= per_window
            and number - window.first < BINS_PER_WINDOW_MAX
        )
        if goes_on and window is not None:
            window = tasks[-1][-1] = Window(type_, window.first, number)
            size += counts[name]
        else:
            if in_task >= share:
                tasks.append([])
                in_task = 0
            window, size = Window(type_, number, number), counts[name]
            tasks[-1].append(window)
        in_task += counts[name]
    return tasks if tasks[0] else []


def link(outcome: Outcome, number: int) -> None:
    """Link the windows of one task."""
    words = planning.read(outcome.work, planning.WORDS, Words)
    linked = frozenset(claim_id for pair in words.links for claim_id in pair)
    for window in planning.read(outcome.work, planning.WINDOWS, Windows)[number]:
        rows = {r.claim.claim_id: r for r in _around(outcome, window)}
        for group in _groups(window, [r.claim for r in rows.values()], words.apart):
            own = [c for c in group if _is_in(window, c)]
            head = incident_id(group[0].claim_id)
            found = [replace(rows[c.claim_id], rule_group=head, incident_id=head) for c in own]
            if any(c.claim_id in linked for c in group):
                for row in found:
                    data = msgspec.msgpack.encode(row)
                    outcome.hand_on(LINKED, "all", head, 0, data)
                continue
            key = outcome.plan.key
            outcome.add(tables.incident_claims, [claim_values(key, row) for row in found])
            if _is_in(window, group[0]):
                outcome.add(tables.incidents, [sum_values(key, incident_of(group))])


def _around(outcome: Outcome, window: Window) -> Iterator[ClaimRow]:
    """The claims of a window, and those near enough to matter to them."""
    halo = 0 if window.type == NEVER_LINKED else HALO_BINS
    first = window.first * BIN_DAYS - HALO_DAYS
    last = (window.last + 1) * BIN_DAYS + HALO_DAYS
    for number in range(window.first - halo, window.last + halo + 1):
        for _, _, data in outcome.handed(LINKABLE, bin_name(window.type, number)):
            row = msgspec.msgpack.decode(data, type=ClaimRow)
            day = row.claim.first_day
            if not halo or (day is not None and first <= day < last):
                yield row


def _groups(
    window: Window, claims: Sequence[IncidentClaim], apart: frozenset[Pair]
) -> Sequence[Group]:
    if window.type == NEVER_LINKED:
        return [(claim,) for claim in claims]
    ids = {c.claim_id for c in claims}
    return rule_groups(claims, frozenset(p for p in apart if ids.issuperset(p)))


def _is_in(window: Window, claim: IncidentClaim) -> bool:
    if window.type == NEVER_LINKED:
        return True
    return (
        claim.first_day is not None and window.first <= claim.first_day // BIN_DAYS <= window.last
    )


def resolved(decisions: Sequence[Decision], named: Sequence[NamedClaim]) -> Words:
    """What the analysts' words come to, by what stands of the reports whose claims they name.

    Args:
        decisions: The words, whose claims have no tellings yet.
        named: The claims of those reports.
    """
    tellings: dict[str, str] = {}
    for one in named:
        claim = one.claim
        tellings[claim.claim_id] = max(tellings.get(claim.claim_id, ""), claim.telling)
    told = [
        replace(d, claims=tuple(replace(n, telling=tellings.get(n.claim_id)) for n in d.claims))
        for d in decisions
    ]
    standing = sorted((n.claim for n in named if n.stands), key=lambda c: c.order)
    links, apart = decided(told, standing)
    return Words(links=links, apart=apart)


def join(key: str, rows: RowFiles, linked: Sequence[ClaimRow], words: Words) -> None:
    """Make the analysts' links between whole groups of the rule, and write what they come to."""
    groups: dict[str | None, list[IncidentClaim]] = {}
    for row in linked:
        groups.setdefault(row.rule_group, []).append(row.claim)
    ordered: list[Group] = [tuple(sorted(g, key=lambda c: c.order)) for g in groups.values()]
    ordered.sort(key=lambda g: g[0].order)
    by_claim = {row.claim.claim_id: row for row in linked}
    for group in joined(ordered, words.links, words.apart):
        head = incident_id(group[0].claim_id)
        members = [replace(by_claim[c.claim_id], incident_id=head) for c in group]
        rows.add(tables.incident_claims, [claim_values(key, row) for row in members])
        rows.add(tables.incidents, [sum_values(key, incident_of(group))])
