"""Decides which claims tell of the same incident: a rule, and the analysts' word over it.

Claims are linked, never merged. The rule is told in docs/incidents.md. It is local: what is linked
with a claim depends on claims of its type within HOPS_OF_RULE steps of neighbouring blocks alone,
so that one more report cannot regroup a whole war, and a projection rewrites only what is near.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import asin, cos, floor, radians, sin, sqrt

from msgspec import Struct

from timeline.domain.claims import ClaimType
from timeline.domain.incident_claims import SPAN_DAYS_MAX, IncidentClaim

GAP_DAYS_MAX = 1
DISTANCE_KM_MAX = 15.0
SLACK_KM = {1: 0.0, 2: 10.0}
REGION = 3
ROUNDS = 2
# Whether two groups join depends on the other neighbours of both: two steps, in each round.
HOPS_OF_RULE = 2 * ROUNDS
REACH_DAYS = SPAN_DAYS_MAX - 1 + GAP_DAYS_MAX

CELL_KM = 40.0  # no less than the widest distance at which two claims are linked
BUCKET_DAYS = 8
EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = 111.2

# In these everybody is party to the same thing, whoever is called the initiator.
UNDIRECTED = frozenset({ClaimType.CLASH.value, ClaimType.AGREEMENT.value})


class Named(Struct, frozen=True):
    """A claim that an analyst named; `telling` is `None` as long as it is not filed."""

    claim_id: str
    telling: str | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """An analyst's word that claims tell of one incident, or that they do not."""

    position: int
    claims: tuple[Named, ...]
    is_link: bool


Pair = tuple[str, str]
Group = tuple[IncidentClaim, ...]
Block = tuple[object, ...]
# Days, kilometres, and less the actors that they share: the smaller the closer.
_Near = tuple[int, float, int]


def incidents(
    claims: Iterable[IncidentClaim], decisions: Iterable[Decision] = ()
) -> tuple[Group, ...]:
    """Which of some standing claims tell of the same incident.

    Args:
        claims: Standing claims with a stance, each in one form, in any order.
        decisions: The analysts' words, in any order.

    Returns:
        Each claim in exactly one group, in the order in which they became known; the groups in the
        order of their first claims.
    """
    found = sorted(claims, key=lambda c: c.order)
    links, apart = decided(decisions, found)
    return joined(rule_groups(found, apart), links, apart)


def decided(
    decisions: Iterable[Decision], claims: Sequence[IncidentClaim]
) -> tuple[tuple[Pair, ...], frozenset[Pair]]:
    """Pairs of claims that analysts link, in the order of their words, and those they keep apart.

    Of several words about one pair the last in the log counts. A claim that does not stand means
    whatever stands of the same report and tells the same; if nothing does, the word waits.
    """
    ordered = sorted(decisions, key=lambda d: d.position)
    if not ordered:
        return (), frozenset()
    standing = {c.claim_id for c in claims}
    retold: dict[str, list[str]] = {}
    for claim in claims:
        retold.setdefault(claim.telling, []).append(claim.claim_id)
    last: dict[Pair, bool] = {}
    for decision in ordered:
        meant = [
            [n.claim_id] if n.claim_id in standing else retold.get(n.telling or "", [])
            for n in decision.claims
        ]
        for i, ones in enumerate(meant):
            for pair in (pair_of(a, b) for others in meant[:i] for a in ones for b in others):
                if pair[0] != pair[1]:
                    last.pop(pair, None)
                    last[pair] = decision.is_link
    links = tuple(pair for pair, is_link in last.items() if is_link)
    return links, frozenset(pair for pair, is_link in last.items() if not is_link)


def pair_of(one: str, other: str) -> Pair:
    """Two claims' ids in a fixed order."""
    return (one, other) if one < other else (other, one)


def block_of(claim: IncidentClaim) -> Block:
    """What claims have in common that tell of the same type, spot and days."""
    spot = (claim.place_id, claim.latitude, claim.longitude, claim.geo_precision)
    return claim.type, spot, claim.first_day, claim.last_day


def rule_groups(
    claims: Iterable[IncidentClaim], apart: frozenset[Pair] = frozenset()
) -> tuple[Group, ...]:
    """The groups that the rule makes, without the analysts' links; `apart` are never joined.

    First those of one spot and the same days; then, in a fixed number of rounds, each two groups of
    which either is the other's closest, if each claim of one is compatible with each of the other.
    """
    ordered = sorted(claims, key=lambda c: c.order)
    blocks: dict[Block, list[Group]] = {}
    alone: list[Group] = []
    for claim in ordered:
        if claim.is_linkable:
            _admit(blocks.setdefault(block_of(claim), []), claim, apart)
        else:
            alone.append((claim,))
    groups = dict(enumerate(group for of_block in blocks.values() for group in of_block))
    near = _distances(groups, apart)
    for _ in range(ROUNDS):
        _round(groups, near)
    return tuple(sorted([*groups.values(), *alone], key=lambda g: g[0].order))


def _admit(groups: list[Group], claim: IncidentClaim, apart: frozenset[Pair]) -> None:
    """Put a claim into the group with which it shares most actors, or into one of its own."""
    best: tuple[int, int] | None = None
    for index, group in enumerate(groups):
        if all(_agree(one, claim, apart) for one in group):
            rank = (-max(_shared(one, claim) for one in group), index)
            best = rank if best is None else min(best, rank)
    if best is None:
        groups.append((claim,))
    else:
        groups[best[1]] = (*groups[best[1]], claim)


def _distances(groups: Mapping[int, Group], apart: frozenset[Pair]) -> dict[int, dict[int, _Near]]:
    """How far each two groups are apart of which all claims are compatible, both ways."""
    # By type, cell and first day. No group is longer than SPAN_DAYS_MAX.
    index: dict[str, dict[str, dict[int, list[int]]]] = {}
    near: dict[int, dict[int, _Near]] = {number: {} for number in groups}
    for number, group in groups.items():
        first = group[0]
        begin, end = first.first_day, first.last_day
        assert begin is not None and end is not None  # noqa: S101, PT018
        days = range(begin - REACH_DAYS, end + GAP_DAYS_MAX + 1)
        of_type = index.setdefault(first.type, {})
        for cell in _cells(first, near=True):
            of_cell = of_type.get(cell)
            if of_cell is None:
                continue
            for day in days:
                for other in of_cell.get(day, ()):
                    found = _distance(group, groups[other], apart)
                    if found is not None:
                        near[number][other] = near[other][number] = found
        own = of_type.setdefault(_cells(first, near=False)[0], {})
        own.setdefault(begin, []).append(number)
    return near


def _distance(one: Group, other: Group, apart: frozenset[Pair]) -> _Near | None:
    """Of their farthest claims; `None` when any two are incompatible."""
    # All claims of a group have one spot and one date.
    gap = _gap_days(one[0], other[0])
    away = _km_between(one[0], other[0]) if gap <= GAP_DAYS_MAX else None
    if away is None or not all(_agree(a, b, apart) for a in one for b in other):
        return None
    return gap, away, -max(_shared(a, b) for a in one for b in other)


def _round(groups: dict[int, Group], near: dict[int, dict[int, _Near]]) -> None:
    """Join each two groups of which either is the other's closest."""
    closest: dict[int, int] = {}
    for number, others in near.items():
        if others:
            closest[number] = min(
                others,
                key=lambda o: (
                    others[o],
                    *sorted((groups[number][0].order, groups[o][0].order)),
                ),
            )
    for one, other in closest.items():
        if one < other and closest[other] == one:
            merged = sorted((*groups[one], *groups.pop(other)), key=lambda c: c.order)
            groups[one] = tuple(merged)
            _take_over(near, one, other)


def _take_over(near: dict[int, dict[int, _Near]], one: int, other: int) -> None:
    """A joined group is near what both of its parts were near, as far as the farther of them."""
    ours, theirs = near.pop(one), near.pop(other)
    both = {
        third: (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]))
        for third, a in ours.items()
        if (b := theirs.get(third)) is not None
    }
    near[one] = both
    for third in {*ours, *theirs} - {one, other}:
        near[third].pop(one, None)
        near[third].pop(other, None)
        if third in both:
            near[third][one] = both[third]


def are_neighbours(one: IncidentClaim, other: IncidentClaim) -> bool:
    """Whether two claims are near enough for the rule to look at both, whoever took part."""
    if one.type != other.type or not (one.is_linkable and other.is_linkable):
        return False
    return _gap_days(one, other) <= GAP_DAYS_MAX and _km_between(one, other) is not None


def _gap_days(one: IncidentClaim, other: IncidentClaim) -> int:
    """Days from the end of one to the beginning of the other; 0 when they share a day."""
    a, b, c, d = one.first_day, one.last_day, other.first_day, other.last_day
    assert a is not None and b is not None and c is not None and d is not None  # noqa: S101, PT018
    return max(0, c - b, a - d)


def _km_between(one: IncidentClaim, other: IncidentClaim) -> float | None:
    """Kilometres between two claims; `None` when they are too far apart, or nobody can tell.

    A region is not measured from its label: it is only near itself, as is a place without a point.
    """
    if not (_has_point(one) and _has_point(other)):
        same = not _has_point(one) and not _has_point(other) and one.place_id == other.place_id
        return 0.0 if same else None
    a, b, c, d = one.latitude, one.longitude, other.latitude, other.longitude
    assert a is not None and b is not None and c is not None and d is not None  # noqa: S101, PT018
    within = DISTANCE_KM_MAX + _slack_km(one) + _slack_km(other)
    if abs(a - c) * (KM_PER_DEGREE - 1) > within:
        return None
    away = _distance_km(a, b, c, d)
    return away if away <= within else None


def _has_point(claim: IncidentClaim) -> bool:
    return (
        claim.latitude is not None and claim.longitude is not None and claim.geo_precision != REGION
    )


def _slack_km(claim: IncidentClaim) -> float:
    return SLACK_KM[claim.geo_precision or 2]


@lru_cache(maxsize=65536)
def _distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """To 0.1 km on the sphere, which differs from the ellipsoid by 0.5 % at most: enough here."""
    a, b = radians(lat1), radians(lat2)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(lon2 - lon1) / 2) ** 2
    return round(2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half))), 1)


def _agree(one: IncidentClaim, other: IncidentClaim, apart: frozenset[Pair]) -> bool:
    """Whether two claims do not exclude each other by who took part or by where they are told.

    Two claims of one report that both say that something happened tell of two things: what is told
    twice is one claim with two spans.
    """
    if one.report_id == other.report_id and one.stance is other.stance:
        return False
    if apart and pair_of(one.claim_id, other.claim_id) in apart:
        return False
    if one.type in UNDIRECTED:
        ours, theirs = {a for _, a in one.parties}, {a for _, a in other.parties}
        needed = min(2, len(ours), len(theirs))
        return len(ours & theirs) >= needed
    roles, others = _by_role(one), _by_role(other)
    return all(not roles[role].isdisjoint(others[role]) for role in roles if role in others)


def _by_role(claim: IncidentClaim) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for role, actor in claim.parties:
        found.setdefault(role, set()).add(actor)
    return found


def _shared(one: IncidentClaim, other: IncidentClaim) -> int:
    return len({a for _, a in one.parties} & {a for _, a in other.parties})


def joined(
    groups: Sequence[Group], links: Sequence[Pair], apart: frozenset[Pair]
) -> tuple[Group, ...]:
    """The groups with the analysts' links made, except where that joined what is kept apart."""
    if not links:
        return tuple(groups)
    members: dict[int, list[IncidentClaim]] = {i: list(g) for i, g in enumerate(groups)}
    at = {c.claim_id: i for i, g in enumerate(groups) for c in g}
    kept: dict[str, set[str]] = {}
    for a, b in apart:
        kept.setdefault(a, set()).add(b)
        kept.setdefault(b, set()).add(a)
    for a, b in links:
        one, other = at.get(a), at.get(b)
        if one is None or other is None or one == other:
            continue
        ids = {c.claim_id for c in members[other]}
        if any(not ids.isdisjoint(kept.get(c.claim_id, ())) for c in members[one]):
            continue
        for claim in members[other]:
            at[claim.claim_id] = one
        members[one] += members.pop(other)
    ordered = (tuple(sorted(g, key=lambda c: c.order)) for g in members.values())
    return tuple(sorted(ordered, key=lambda g: g[0].order))


def bucket_of(claim: IncidentClaim) -> str | None:
    """The bucket of type, cell and days in which a claim lies; `None` when it is never linked."""
    return next(_buckets(claim, near=False), None)


def buckets_near(claim: IncidentClaim) -> Iterator[str]:
    """The buckets in which every claim lies that the rule may link with this one."""
    return _buckets(claim, near=True)


def _buckets(claim: IncidentClaim, *, near: bool) -> Iterator[str]:
    if not claim.is_linkable or claim.first_day is None:
        return
    reach = REACH_DAYS if near else 0
    first, last = claim.first_day - reach, claim.first_day + reach
    for cell in _cells(claim, near=near):
        for period in range(first // BUCKET_DAYS, last // BUCKET_DAYS + 1):
            yield f"{claim.type}|{cell}|{period}"


def _cells(claim: IncidentClaim, *, near: bool) -> tuple[str, ...]:
    if not _has_point(claim):
        return (f"place:{claim.place_id}",)
    assert claim.latitude is not None and claim.longitude is not None  # noqa: S101, PT018
    return _cells_of_point(claim.latitude, claim.longitude, 1 if near else 0)


@lru_cache(maxsize=65536)
def _cells_of_point(latitude: float, longitude: float, step: int) -> tuple[str, ...]:
    """Cells at least CELL_KM wide; bands of latitude, each cut by longitude as fits it."""
    own = floor(latitude * KM_PER_DEGREE / CELL_KM)
    found = []
    for band in range(own - step, own + step + 1):
        poleward = max(abs(band), abs(band + 1)) * CELL_KM / KM_PER_DEGREE
        km_per_degree = KM_PER_DEGREE * cos(radians(min(poleward, 89.0)))
        column = floor(longitude * km_per_degree / CELL_KM)
        found += [f"{band}:{x}" for x in range(column - step, column + step + 1)]
    return tuple(found)
