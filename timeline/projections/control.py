"""Projects control: who held each place when, as known when, and which claims say so.

What the claims of the batch's reports say of a place is compared with what they said before. The
fold goes on from the first known time at which that differs, and only rows that differ are written.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection, Table, select

from timeline.domain.knowledge import (
    Form,
    cuts_of,
    folded_before,
    gone_on,
    known_since,
    unwalked,
    walked,
)
from timeline.domain.slabs import PlaceFold
from timeline.projections import bulk_rows, control_rows, tables
from timeline.projections.batches import Batch
from timeline.projections.bulk_rows import Row
from timeline.projections.control_forms import (
    Forms,
    PlaceChange,
    by_place,
    forms_from,
    forms_of_places,
    forms_since,
    next_places,
    stored_forms,
    told_forms,
)
from timeline.projections.control_rows import Walk, fresh_rows
from timeline.projections.roots import ROOT_TYPES, read_roots, reports_of_other_roots

# How many claims are folded in one part when all places are; a place with more is one part.
CLAIMS_PER_PART = 20_000
REPORTS_AT_ONCE_MAX = 2_000
# Folds are kept between batches while they rest on no more claims than these, about 2 kB each.
CLAIMS_KEPT_MAX = 150_000
# To go back over more than a third of a place's claims costs more than to fold it anew.
PART_WALKED_BACK_MAX = 3


class ControlProjection:
    """The control of every place, by valid and by known time."""

    name = "control"
    version = 2
    depends_on: tuple[str, ...] = ("actors", "timeline")
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (
        tables.control_places,
        tables.control_claims,
        tables.control_rectangles,
        tables.control_links,
    )

    def __init__(self) -> None:
        self._kept = _KeptFolds()

    def apply(self, batch: Batch) -> None:
        """Let what these events say of control come and go."""
        if not batch.report_ids and not batch.has(*ROOT_TYPES):
            return
        roots = read_roots(batch.connection, batch.name)
        of_other_roots = reports_of_other_roots(batch, roots, tables.control_claims)
        reports = sorted({*batch.report_ids, *of_other_roots})
        for start in range(0, len(reports), REPORTS_AT_ONCE_MAX):
            part = reports[start : start + REPORTS_AT_ONCE_MAX]
            old = stored_forms(batch.connection, batch.name, part)
            new = told_forms(batch, roots, tables.entries.c.report_id.in_(part))
            self._write(batch, old, new)

    def load_part(self, batch: Batch, done: int) -> int | None:
        """Fold the next places, each from all that is said of it."""
        entries = next_places(batch, CLAIMS_PER_PART)
        is_last = not entries
        forms = forms_from(batch, read_roots(batch.connection, batch.name), entries)
        del entries  # of a place with very many claims these would be most of the memory
        told = by_place(forms.values())
        changes = [PlaceChange(place_id, (), rows) for place_id, rows in told.items()]
        places = [change.row(batch.name) for change in changes]
        bulk_rows.load(batch.connection, tables.control_places, places)
        bulk_rows.load(batch.connection, tables.control_claims, forms.values())
        del forms, told
        folded = (folded_rows(batch.name, c, batch.casebook.time_zone) for c in changes)
        for table, rows in bulk_rows.grouped(chain.from_iterable(folded)):
            bulk_rows.load(batch.connection, table, rows)
        return None if is_last else done + 1

    def _write(self, batch: Batch, old: Forms, new: Forms) -> None:
        gone = [row for key, row in old.items() if new.get(key) != row]
        come = [row for key, row in new.items() if old.get(key) != row]
        bulk_rows.delete_keys(batch.connection, tables.control_claims, batch.name, gone)
        bulk_rows.load(batch.connection, tables.control_claims, come)
        before = by_place(gone)
        after = by_place(come)
        ids = sorted(before.keys() | after.keys())
        digests = _digests(batch.connection, batch.name, ids)
        changes = [
            PlaceChange(
                place_id,
                before.get(place_id, []),
                after.get(place_id, []),
                digests.get(place_id),
            )
            for place_id in ids
        ]
        bulk_rows.delete(batch.connection, tables.control_places, batch.name, "place_id", digests)
        rows = [change.row(batch.name) for change in changes if change.claims]
        bulk_rows.load(batch.connection, tables.control_places, rows)
        later: list[PlaceChange] = []
        walks: list[Walk] = []
        for change in changes:
            if change.since is not None:
                walk = self._go_on(batch, change, change.since)
                if walk is None:
                    later.append(change)
                else:
                    walks.append(walk)
        # Read together, a bounded number of claims at a time.
        for part in _bounded(later):
            forms = forms_of_places(batch, [c.place_id for c in part])
            walks += [self._fold(batch, change, forms.get(change.place_id, [])) for change in part]
        control_rows.write(batch.connection, batch.name, walks)

    def _go_on(self, batch: Batch, change: PlaceChange, since: datetime) -> Walk | None:
        """Go on from a fold that was kept, if not too much was known after what is new."""
        kept = self._kept.take(change.digest_before, batch.casebook.time_zone)
        if kept is None:
            return None
        now: Sequence[Form] = ()
        if kept.last_cut > since:
            now = forms_since(batch, change.place_id, since)
            if PART_WALKED_BACK_MAX * len(now) > change.claims:
                return None
        return self._gone_on(batch, change, kept, now)

    def _gone_on(self, batch: Batch, change: PlaceChange, kept: _Kept, now: Sequence[Form]) -> Walk:
        """Go on from a fold of all that was known, after going back over what is known later."""
        since = change.since
        assert since is not None  # noqa: S101
        if kept.last_cut <= since:
            cuts = list(gone_on(kept.fold, change.old, change.new, since))
            walk = Walk(change.place_id, since, cuts, is_going_on=True)
        else:
            before = [*set(now).difference(change.new), *change.old]
            back = list(unwalked(kept.fold, before, since))
            walk = Walk(change.place_id, since, list(walked(kept.fold, now, since)), back=back)
        last_cut = max(kept.last_cut, *cuts_of(change.new), since)
        self._kept.keep(change, batch.casebook.time_zone, kept.fold, last_cut)
        return walk

    def _fold(self, batch: Batch, change: PlaceChange, forms: Sequence[Form]) -> Walk:
        """Fold a place that was not kept.

        From all that was known of it before, so that only rows that may differ are read; unless too
        much of that was known after what is new: then all rows from there on are made again.
        """
        since, time_zone = change.since, batch.casebook.time_zone
        assert since is not None  # noqa: S101
        now = known_since(forms, since)
        new = {f.evidence.claim_id for f in change.new}
        stays = [f for f in forms if f.evidence.claim_id not in new or f not in change.new]
        old = [*stays, *change.old]
        if old and PART_WALKED_BACK_MAX * len(now) <= change.claims:
            fold = PlaceFold(time_zone)
            fold.change([f.evidence for f in old if f.known_until is None], ())
            return self._gone_on(batch, change, _Kept(fold, max(cuts_of(old)), change.claims), now)
        fold = folded_before(forms, since, time_zone)
        cuts = list(walked(fold, forms, since))
        if forms:
            self._kept.keep(change, time_zone, fold, max(cuts_of(forms)))
        return Walk(change.place_id, since, cuts, is_new=change.digest_before is None)


def folded_rows(casebook: str, change: PlaceChange, time_zone: str) -> Iterator[tuple[Table, Row]]:
    """The rectangles and links of a place, from all that is said of it, as they are made."""
    assert change.since is not None  # noqa: S101 - something is said
    cuts = walked(PlaceFold(time_zone), change.new, change.since)
    return fresh_rows(casebook, change.place_id, change.since, cuts)


@dataclass(frozen=True)
class _Kept:
    fold: PlaceFold
    last_cut: datetime
    claims: int


class _KeptFolds:
    """Folds by the digest of the claims in them, and so right whatever was rolled back."""

    def __init__(self) -> None:
        self._folds: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._claims = 0

    def take(self, digest: str | None, time_zone: str) -> _Kept | None:
        """A fold of just these claims, which the taker may change."""
        found = self._folds.pop((digest or "", time_zone), None)
        if found is not None:
            self._claims -= found.claims
        return found

    def keep(
        self, change: PlaceChange, time_zone: str, fold: PlaceFold, last_cut: datetime
    ) -> None:
        """Keep a fold; those not asked for the longest go."""
        self.take(change.digest, time_zone)
        self._folds[change.digest, time_zone] = _Kept(fold, last_cut, change.claims)
        self._claims += change.claims
        while self._claims > CLAIMS_KEPT_MAX:
            _, oldest = self._folds.popitem(last=False)
            self._claims -= oldest.claims


def _digests(
    connection: Connection, casebook: str, place_ids: Sequence[str]
) -> dict[str, tuple[int, str]]:
    c = tables.control_places.c
    query = select(c.place_id, c.claims, c.digest).where(
        c.casebook == casebook, c.place_id.in_(place_ids)
    )
    return {row.place_id: (row.claims, row.digest) for row in connection.execute(query)}


def _bounded(changes: Sequence[PlaceChange]) -> Iterator[list[PlaceChange]]:
    """Places to read together: no more claims than are kept, but for one place alone."""
    part: list[PlaceChange] = []
    claims = 0
    for change in changes:
        if part and claims + change.claims > CLAIMS_KEPT_MAX // 10:
            yield part
            part, claims = [], 0
        part.append(change)
        claims += change.claims
    if part:
        yield part
