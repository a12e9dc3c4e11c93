"""Decides which evidence counts: not what its root source has told otherwise in a later report.

The rules are docs/control.md, 16 and 17. Whether a claim counts can hang on claims of quite other
dates (a corrected date, and what was told in between), so that the answer is kept up to date here:
evidence comes and goes, and only what can differ is judged anew.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from timeline.domain.evidence import Evidence, Voice, are_of_same_time, contradicts, is_telling

# Evidence is looked up by its dates among that of about its own length, so that a claim dated to a
# year does not make every look-up read a year.
LENGTHS_MAX = (timedelta(days=2), timedelta(days=40), timedelta(days=400))
DAWN = datetime(1, 1, 1, tzinfo=UTC)


class ByDate:
    """Evidence by the days on which it may have been."""

    def __init__(self) -> None:
        self._parts: list[list[tuple[datetime, str, Evidence]]] = [[] for _ in (*LENGTHS_MAX, None)]

    def add(self, e: Evidence) -> None:
        """Put one in."""
        insort(self._part(e), (e.first, e.claim_id, e))

    def remove(self, e: Evidence) -> None:
        """Take one out that is in it."""
        part = self._part(e)
        del part[bisect_left(part, (e.first, e.claim_id))]

    def overlapping(self, low: datetime, high: datetime) -> Iterator[Evidence]:
        """What may have been between two instants, both inclusive."""
        for part, length in zip(self._parts, (*LENGTHS_MAX, None), strict=True):
            if not part:
                continue
            begin = DAWN if length is None or low - DAWN <= length else low - length
            for index in range(bisect_left(part, (begin,)), len(part)):
                first, _, e = part[index]
                if first > high:
                    break
                if e.settled >= low:
                    yield e

    def _part(self, e: Evidence) -> list[tuple[datetime, str, Evidence]]:
        length = e.settled - e.first
        index = next((i for i, m in enumerate(LENGTHS_MAX) if length <= m), len(LENGTHS_MAX))
        return self._parts[index]


class Counting:
    """The evidence that tells of holders, and which of it counts."""

    def __init__(self) -> None:
        self._all: dict[str, Evidence] = {}
        self._superseder: dict[str, str] = {}
        self._superseded: dict[str, set[str]] = {}
        self._of_root: dict[str, ByDate] = {}
        self._changes: dict[frozenset[str], list[tuple[datetime, str]]] = {}
        self._changes_known: dict[tuple[str, frozenset[str]], list[tuple[datetime, str]]] = {}
        self._changes_counting: dict[frozenset[str], list[tuple[datetime, str]]] = {}
        self._settled: dict[Voice, list[datetime]] = {}

    def change(
        self, added: Iterable[Evidence], removed: Iterable[Evidence]
    ) -> tuple[list[Evidence], list[Evidence]]:
        """Let evidence come and go.

        Returns:
            What counts now and did not, and what does not count any more; none of it twice.
        """
        coming = [e for e in added if is_telling(e)]
        going = [e for e in removed if is_telling(e)]
        doubtful: set[str] = set()
        gone: list[Evidence] = []
        for e in going:
            doubtful |= self._superseded.get(e.claim_id, set())
            if e.claim_id not in self._superseder:
                gone.append(e)
            self._forget(e)
        for e in coming:
            self._remember(e)
        new = {e.claim_id for e in coming}
        if 2 * len(coming) > len(self._all):
            doubtful |= self._all.keys()
        else:
            doubtful |= new
            for e in coming:
                doubtful.update(self._told_otherwise_by(e))
                doubtful.update(self._kept_apart_by(e))
            for e in going:
                doubtful.update(self._brought_together_without(e))
        counts: list[Evidence] = []
        for claim_id in sorted(doubtful & self._all.keys()):
            e = self._all[claim_id]
            did = claim_id not in new and claim_id not in self._superseder
            does = not self._judge(e)
            if does and not did:
                counts.append(e)
            elif did and not does:
                gone.append(e)
        return counts, gone

    def _remember(self, e: Evidence) -> None:
        self._all[e.claim_id] = e
        self._of_root.setdefault(e.root, ByDate()).add(e)
        insort(self._settled.setdefault(e.voice, []), e.settled)
        if e.voice.is_change:
            key = (e.root, e.voice.keys)
            insort(self._changes_known.setdefault(key, []), (e.known_from, e.claim_id))
            for found in (self._changes, self._changes_counting):
                insort(found.setdefault(e.voice.keys, []), (e.settled, e.claim_id))

    def _forget(self, e: Evidence) -> None:
        del self._all[e.claim_id]
        self._set_superseder(e.claim_id, None)
        for claim_id in self._superseded.pop(e.claim_id, set()):
            # Judged anew by whoever asked; until then it does not count.
            self._superseder[claim_id] = ""
        self._of_root[e.root].remove(e)
        settled = self._settled[e.voice]
        del settled[bisect_left(settled, e.settled)]
        if e.voice.is_change:
            known = self._changes_known[e.root, e.voice.keys]
            del known[bisect_left(known, (e.known_from, e.claim_id))]
            changes = self._changes[e.voice.keys]
            del changes[bisect_left(changes, (e.settled, e.claim_id))]
            self._set_counting(e, counts=False)

    def _set_superseder(self, claim_id: str, by: str | None) -> None:
        old = self._superseder.pop(claim_id, None)
        if old:
            self._superseded[old].discard(claim_id)
        if by is not None:
            self._superseder[claim_id] = by
            self._superseded.setdefault(by, set()).add(claim_id)

    def _judge(self, e: Evidence) -> bool:
        """Whether something supersedes it; remembers what."""
        by = next(self._superseders(e), None)
        self._set_superseder(e.claim_id, by.claim_id if by else None)
        if e.voice.is_change:
            self._set_counting(e, counts=by is None)
        return by is not None

    def _set_counting(self, e: Evidence, *, counts: bool) -> None:
        counting = self._changes_counting[e.voice.keys]
        at = bisect_left(counting, (e.settled, e.claim_id))
        is_there = at < len(counting) and counting[at][1] == e.claim_id
        if is_there and not counts:
            del counting[at]
        elif counts and not is_there:
            counting.insert(at, (e.settled, e.claim_id))

    def _superseders(self, e: Evidence) -> Iterator[Evidence]:
        for other in self._of_root[e.root].overlapping(e.first, e.settled):
            if _is_later_report(other, e) and _tells_otherwise(other, e):
                yield other
        if e.voice.is_change:
            known = self._changes_known[e.root, e.voice.keys]
            later = bisect_right(known, (e.known_from, "~"))
            if later == len(known):
                return
            low, high = self._told_until(e.settled, e.voice)
            for index in range(len(known) - 1, later - 1, -1):
                other = self._all[known[index][1]]
                if (low and other.settled < low) or (high and other.settled > high):
                    continue
                if _is_later_report(other, e) and self._corrects_date(other, e):
                    yield other

    def _corrects_date(self, one: Evidence, other: Evidence) -> bool:
        """Whether two changes to one holder are one, of which both dates cannot be right.

        Both dates can be right if they overlap: the closer one will date the change. With something
        told in between that contradicts the holder, they are two changes.
        """
        low, high = (one, other) if one.settled < other.settled else (other, one)
        if high.start is None or high.start <= low.settled:
            return False
        return not any(
            contradicts(voice, one.voice)
            and bisect_left(settled, low.settled) < bisect_right(settled, high.settled)
            for voice, settled in self._settled.items()
        )

    def _told_otherwise_by(self, e: Evidence) -> Iterator[str]:
        """What a new report may supersede; what is superseded already is left alone."""
        for other in self._of_root[e.root].overlapping(e.first, e.settled):
            if other.claim_id not in self._superseder and other.known_from < e.known_from:
                yield other.claim_id
        if e.voice.is_change:
            counting = self._changes_counting[e.voice.keys]
            for claim_id in _ids_between(counting, *self._told_until(e.settled, e.voice)):
                if self._all[claim_id].root == e.root:
                    yield claim_id

    def _kept_apart_by(self, e: Evidence) -> Iterator[str]:
        """Superseded changes that may be another than what supersedes them, with this in between.

        One of the two lies on either side: the side with fewer changes is looked through.
        """
        for changes, low, high in self._contradicted_by(self._changes, e):
            at = bisect_left(changes, (e.settled, "")), bisect_right(changes, (e.settled, "~"))
            start = bisect_left(changes, (low, "")) if low else 0
            stop = bisect_right(changes, (high, "~")) if high else len(changes)
            before, after = changes[start : at[1]], changes[at[0] : stop]
            for _, claim_id in before if len(before) < len(after) else after:
                yield claim_id
                yield from self._superseded.get(claim_id, ())

    def _brought_together_without(self, e: Evidence) -> Iterator[str]:
        """Changes that count and may be one, without what was in between."""
        for counting, low, high in self._contradicted_by(self._changes_counting, e):
            yield from _ids_between(counting, low, high)

    def _contradicted_by(
        self, found: dict[frozenset[str], list[tuple[datetime, str]]], e: Evidence
    ) -> Iterator[tuple[list[tuple[datetime, str]], datetime | None, datetime | None]]:
        """Changes that a claim contradicts, on both sides of it, and how far to look for them."""
        for keys, changes in found.items():
            if not changes or changes[-1][0] < e.settled or changes[0][0] > e.settled:
                continue
            sample = Voice("ControlChanged", keys, frozenset())
            if not keys or contradicts(e.voice, sample):
                yield changes, *self._told_until(e.settled, sample)

    def _told_until(self, moment: datetime, of: Voice) -> tuple[datetime | None, datetime | None]:
        """The nearest instants before and after at which something contradicts a voice.

        Whether a change to nobody named is contradicted depends on who lost the place, which may
        differ among those that say the same: for them there are no bounds.
        """
        low: datetime | None = None
        high: datetime | None = None
        for voice, settled in self._settled.items() if of.keys else ():
            if not contradicts(voice, of):
                continue
            before, after = bisect_left(settled, moment), bisect_right(settled, moment)
            if before and (low is None or settled[before - 1] > low):
                low = settled[before - 1]
            if after < len(settled) and (high is None or settled[after] < high):
                high = settled[after]
        return low, high


def _ids_between(
    found: list[tuple[datetime, str]], low: datetime | None, high: datetime | None
) -> list[str]:
    start = bisect_left(found, (low, "")) if low else 0
    stop = bisect_right(found, (high, "~")) if high else len(found)
    return [claim_id for _, claim_id in found[start:stop]]


def _is_later_report(later: Evidence, earlier: Evidence) -> bool:
    return later.known_from > earlier.known_from and later.report_id != earlier.report_id


def _tells_otherwise(one: Evidence, other: Evidence) -> bool:
    return contradicts(one.voice, other.voice) and are_of_same_time(one, other)
