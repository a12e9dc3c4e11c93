"""Walks known time: what was known of a place's control when, and what each cut in it changed.

A claim stands during known time in one or more forms. Between two cuts nothing becomes known, and
the fold over what stands is the same; at a cut it goes on from there (`slabs.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from timeline.domain.evidence import INSTANT, Evidence
from timeline.domain.slabs import Difference, PlaceFold


class Form(Struct, frozen=True, gc=False):
    """What a claim says while it stands, and the half-open known time in which it does.

    `known_until` is `None` while nothing voids it.
    """

    evidence: Evidence
    known_from: datetime
    known_until: datetime | None

    def stands_on(self, moment: datetime) -> bool:
        """Whether it stands at a moment of known time."""
        return self.known_from <= moment and (self.known_until is None or moment < self.known_until)


def cuts_of(forms: Iterable[Form]) -> set[datetime]:
    """When something about these becomes known or is void."""
    cuts: set[datetime] = set()
    for form in forms:
        cuts.add(form.known_from)
        if form.known_until is not None:
            cuts.add(form.known_until)
    return cuts


def known_since(forms: Iterable[Form], moment: datetime) -> list[Form]:
    """Those that became known or void at a moment of known time or later."""
    return [
        f
        for f in forms
        if f.known_from >= moment or (f.known_until is not None and f.known_until >= moment)
    ]


def first_difference(old: Sequence[Form], new: Sequence[Form]) -> datetime | None:
    """From when in known time on two sets of forms may tell different things."""
    differing = set(old) ^ set(new)
    by_start: dict[tuple[str, datetime], list[Form]] = {}
    for form in differing:
        by_start.setdefault((form.evidence.claim_id, form.known_from), []).append(form)
    found: list[datetime] = []
    for (_, known_from), same in by_start.items():
        ends = [f.known_until for f in same if f.known_until is not None]
        if len(same) == 2 and same[0].evidence == same[1].evidence:
            found.append(min(ends))  # it stands for longer, or not as long
        else:
            found.append(known_from)
    return min(found, default=None)


def walked(
    fold: PlaceFold, forms: Sequence[Form], since: datetime
) -> Iterator[tuple[datetime, Difference]]:
    """Go on with a fold of what stood just before a moment of known time, cut by cut."""
    coming: dict[datetime, tuple[list[Evidence], list[Evidence]]] = {}
    for form in forms:
        if form.known_from >= since:
            coming.setdefault(form.known_from, ([], []))[0].append(form.evidence)
        if form.known_until is not None and form.known_until >= since:
            coming.setdefault(form.known_until, ([], []))[1].append(form.evidence)
    for cut in sorted(coming):
        yield cut, fold.change(*coming[cut])


def unwalked(
    fold: PlaceFold, forms: Sequence[Form], since: datetime
) -> Iterator[tuple[datetime, Difference]]:
    """Take a fold of all that is known back to just before a moment, the last cut first.

    Args:
        fold: Is changed.
        forms: Those that became known or void at that moment or later.
        since: The moment of known time.
    """
    going: dict[datetime, tuple[list[Evidence], list[Evidence]]] = {}
    for form in forms:
        if form.known_from >= since:
            going.setdefault(form.known_from, ([], []))[1].append(form.evidence)
        if form.known_until is not None and form.known_until >= since:
            going.setdefault(form.known_until, ([], []))[0].append(form.evidence)
    for cut in sorted(going, reverse=True):
        yield cut, fold.change(*going[cut])


def folded_before(forms: Iterable[Form], moment: datetime, time_zone: str) -> PlaceFold:
    """The fold over what stood just before a moment of known time."""
    fold = PlaceFold(time_zone)
    standing = [
        f.evidence
        for f in forms
        if f.known_from < moment and (f.known_until is None or f.known_until >= moment)
    ]
    if standing:
        fold.change(standing, ())
    return fold


def gone_on(
    fold: PlaceFold, old: Iterable[Form], new: Sequence[Form], since: datetime
) -> Iterator[tuple[datetime, Difference]]:
    """Go on with a fold of all that is known, whose last cut is not after `since`.

    Args:
        fold: Is changed.
        old: The forms in it of the claims that change.
        new: Their forms from now on; they differ from `since` on.
        since: The first known time of the change.
    """
    there = {f.evidence.claim_id: f.evidence for f in old if f.known_until is None}
    wanted = {f.evidence.claim_id: f.evidence for f in new if f.stands_on(since)}
    added = [e for claim_id, e in wanted.items() if there.get(claim_id) != e]
    removed = [e for claim_id, e in there.items() if wanted.get(claim_id) != e]
    if added or removed:
        yield since, fold.change(added, removed)
    yield from walked(fold, new, since + INSTANT)
