"""Projects control: who held each place when, as known when, and which claims say so.

What the claims of the batch's reports say of a place is compared with what they said before. The
fold goes on from the first known time at which that differs, and only rows that differ are written.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, tuple_, union

from timeline.domain import events
from timeline.domain.actors import Roots
from timeline.domain.control import ControlClaim
from timeline.domain.events import Claim
from timeline.domain.evidence import Evidence, evidence_of
from timeline.domain.knowledge import (
    Form,
    cuts_of,
    first_difference,
    folded_before,
    gone_on,
    unwalked,
    walked,
)
from timeline.domain.slabs import PlaceFold
from timeline.domain.time import instant_from_text, instant_text
from timeline.projections import tables
from timeline.projections.batches import Batch
from timeline.projections.control_rows import INFINITY, PlaceRows, Row, Written, rows_of_walk
from timeline.projections.roots import ROOT_TYPES, read_roots, reports_of_other_roots

REPORTS_AT_ONCE_MAX = 2_000
# Folds are kept between batches while they rest on no more claims than these, about 2 kB each.
CLAIMS_KEPT_MAX = 150_000
DIGEST_BYTES = 16
# To go back over more than a third of a place's claims costs more than to fold it anew.
PART_WALKED_BACK_MAX = 3
_Forms = dict[tuple[str, str, str], Row]


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
            old = _stored_forms(batch.connection, batch.name, part)
            new = _standing_forms(batch, roots, part)
            self._write(batch, old, new)

    def _write(self, batch: Batch, old: _Forms, new: _Forms) -> None:
        gone = [row for key, row in old.items() if new.get(key) != row]
        come = [row for key, row in new.items() if old.get(key) != row]
        _replace_forms(batch.connection, batch.name, gone, come)
        before = _by_place(gone)
        after = _by_place(come)
        ids = sorted(before.keys() | after.keys())
        digests = _digests(batch.connection, batch.name, ids)
        changes = [
            _PlaceChange(
                place_id,
                before.get(place_id, []),
                after.get(place_id, []),
                digests.get(place_id),
            )
            for place_id in ids
        ]
        _write_digests(batch.connection, batch.name, changes)
        written = Written(batch.connection)
        later = [change for change in changes if not self._go_on(batch, change, written)]
        # Read together, a bounded number of claims at a time.
        for part in _bounded(later):
            forms = _forms_of_places(batch, [c.place_id for c in part])
            for change in part:
                self._walk(batch, change, forms.get(change.place_id, []), written)
        written.flush()

    def _go_on(self, batch: Batch, change: _PlaceChange, written: Written) -> bool:
        """Go on from a fold that was kept, after going back if more was known after what is new."""
        since = change.since
        if since is None:
            return True
        kept = self._kept.take(change.digest_before, batch.casebook.time_zone)
        if kept is None:
            return False
        rows = PlaceRows(written, batch.name, change.place_id)
        if kept.last_cut <= since:
            walk = list(gone_on(kept.fold, change.old, change.new, since))
            rows.write(since, walk, is_going_on=True)
        else:
            now = _forms_since(batch, change.place_id, since)
            if PART_WALKED_BACK_MAX * len(now) > change.claims:
                return False
            before = [*set(now).difference(change.new), *change.old]
            back = list(unwalked(kept.fold, before, since))
            walk = list(walked(kept.fold, now, since))
            rows.write(since, walk, is_going_on=False, back=back)
        last_cut = max(kept.last_cut, *cuts_of(change.new), since)
        self._kept.keep(change, batch.casebook.time_zone, kept.fold, last_cut)
        return True

    def _walk(
        self, batch: Batch, change: _PlaceChange, forms: Sequence[Form], written: Written
    ) -> None:
        """Fold what was known before, and walk through known time from there."""
        since, time_zone = change.since, batch.casebook.time_zone
        assert since is not None  # noqa: S101
        fold = folded_before(forms, since, time_zone)
        walk = list(walked(fold, forms, since))
        rows = PlaceRows(written, batch.name, change.place_id)
        rows.write(since, walk, is_going_on=False, is_new=change.digest_before is None)
        if forms:
            self._kept.keep(change, time_zone, fold, max(cuts_of(forms)))


class _PlaceChange:
    """What differs in what is said of a place."""

    def __init__(
        self, place_id: str, gone: list[Row], come: list[Row], before: tuple[int, str] | None
    ) -> None:
        self.place_id = place_id
        self.old, self.new = [_form(r) for r in gone], [_form(r) for r in come]
        self.since = first_difference(self.old, self.new)
        count, digest = before or (0, "")
        self.digest_before = digest or None
        total = int(digest or "0", 16) + sum(map(_digest, come)) - sum(map(_digest, gone))
        self.claims = count + len(come) - len(gone)
        self.digest = f"{total % (1 << 8 * DIGEST_BYTES):0{2 * DIGEST_BYTES}x}"

    def row(self, key: str) -> Row:
        """The place's row of `control_places`, after the change."""
        return {
            "casebook": key,
            "place_id": self.place_id,
            "claims": self.claims,
            "digest": self.digest,
        }


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
        self, change: _PlaceChange, time_zone: str, fold: PlaceFold, last_cut: datetime
    ) -> None:
        """Keep a fold; those not asked for the longest go."""
        self.take(change.digest, time_zone)
        self._folds[change.digest, time_zone] = _Kept(fold, last_cut, change.claims)
        self._claims += change.claims
        while self._claims > CLAIMS_KEPT_MAX:
            _, oldest = self._folds.popitem(last=False)
            self._claims -= oldest.claims


def _stored_forms(connection: Connection, casebook: str, reports: Collection[str]) -> _Forms:
    c = tables.control_claims.c
    query = select(tables.control_claims).where(c.casebook == casebook, c.report_id.in_(reports))
    return {_key_of(dict(r)): dict(r) for r in connection.execute(query).mappings()}


def _standing_forms(batch: Batch, roots: Roots, reports: Collection[str]) -> _Forms:
    """What the entries of some reports say of control."""
    c = tables.entries.c
    query = select(
        c.place_id,
        c.claim_id,
        c.report_id,
        c.type,
        c.source_id,
        c.known_from,
        c.known_until,
        c.data,
    ).where(c.casebook == batch.name, c.report_id.in_(reports), c.moves_control.is_(True))
    found: _Forms = {}
    for row in batch.connection.execute(query).mappings():
        claim = events.decode(row["type"], events.schema_version(row["type"]), row["data"])
        assert isinstance(claim, Claim)  # noqa: S101
        form = form_row(batch.name, batch.casebook.time_zone, roots, claim, dict(row))
        found[_key_of(form)] = form
    return found


def form_row(key: str, time_zone: str, roots: Roots, claim: Claim, entry: Mapping[str, Any]) -> Row:
    """What an entry that moves control says of it: its row of `control_claims`, under a key."""
    told = ControlClaim(
        claim=claim,
        root=roots.root(entry["source_id"], claim.attributed_to),
        known_from=instant_from_text(entry["known_from"]),
        wholes=roots.wholes(a.actor_id for a in claim.actors if a.actor_id),
    )
    return {
        "casebook": key,
        "place_id": entry["place_id"],
        "claim_id": entry["claim_id"],
        "known_from": entry["known_from"],
        "known_to": entry["known_until"] or INFINITY,
        "report_id": entry["report_id"],
        "source_id": entry["source_id"],
        "attributed_to": claim.attributed_to,
        "root": told.root,
        "data": events.encode(evidence_of(told, time_zone)).decode(),
    }


def place_rows(
    key: str, time_zone: str, place_id: str, forms: list[Row]
) -> Iterator[tuple[Table, Sequence[Row]]]:
    """All rows of a place's control, by table, from all of its rows of `control_claims`."""
    change = _PlaceChange(place_id, [], forms, None)
    if change.since is None:
        return
    fold = folded_before(change.new, change.since, time_zone)
    walk = list(walked(fold, change.new, change.since))
    yield tables.control_places, [change.row(key)]
    yield from rows_of_walk(key, place_id, walk)


def _key_of(row: Row) -> tuple[str, str, str]:
    return row["place_id"], row["claim_id"], row["known_from"]


def _by_place(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["place_id"], []).append(row)
    return found


def _form(row: Mapping[str, str]) -> Form:
    until = row["known_to"]
    return Form(
        evidence=msgspec.json.decode(row["data"], type=Evidence),
        known_from=instant_from_text(row["known_from"]),
        known_until=None if until == INFINITY else instant_from_text(until),
    )


def _digest(row: Row) -> int:
    told = "\n".join((row["claim_id"], row["known_from"], row["known_to"], row["data"]))
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=DIGEST_BYTES).digest())


def _replace_forms(
    connection: Connection, casebook: str, gone: Sequence[Row], come: Sequence[Row]
) -> None:
    c = tables.control_claims.c
    for start in range(0, len(gone), REPORTS_AT_ONCE_MAX):
        keys = [_key_of(row) for row in gone[start : start + REPORTS_AT_ONCE_MAX]]
        connection.execute(
            delete(tables.control_claims).where(
                c.casebook == casebook, tuple_(c.place_id, c.claim_id, c.known_from).in_(keys)
            )
        )
    if come:
        connection.execute(insert(tables.control_claims), list(come))


def _digests(
    connection: Connection, casebook: str, place_ids: Sequence[str]
) -> dict[str, tuple[int, str]]:
    c = tables.control_places.c
    query = select(c.place_id, c.claims, c.digest).where(
        c.casebook == casebook, c.place_id.in_(place_ids)
    )
    return {row.place_id: (row.claims, row.digest) for row in connection.execute(query)}


def _write_digests(connection: Connection, casebook: str, changes: Sequence[_PlaceChange]) -> None:
    c = tables.control_places.c
    ids = [change.place_id for change in changes]
    connection.execute(
        delete(tables.control_places).where(c.casebook == casebook, c.place_id.in_(ids))
    )
    rows = [change.row(casebook) for change in changes if change.claims]
    if rows:
        connection.execute(insert(tables.control_places), rows)


def _bounded(changes: Sequence[_PlaceChange]) -> Iterator[list[_PlaceChange]]:
    """Places to read together: no more claims than are kept, but for one place alone."""
    part: list[_PlaceChange] = []
    claims = 0
    for change in changes:
        if part and claims + change.claims > CLAIMS_KEPT_MAX // 10:
            yield part
            part, claims = [], 0
        part.append(change)
        claims += change.claims
    if part:
        yield part


def _forms_of_places(batch: Batch, place_ids: Sequence[str]) -> dict[str, list[Form]]:
    c = tables.control_claims.c
    query = select(c.place_id, c.known_from, c.known_to, c.data).where(
        c.casebook == batch.name, c.place_id.in_(place_ids)
    )
    found: dict[str, list[Form]] = {}
    for row in batch.connection.execute(query).mappings():
        found.setdefault(row["place_id"], []).append(_form(dict(row)))
    return found


def _forms_since(batch: Batch, place_id: str, since: datetime) -> list[Form]:
    """The forms of a place that became known or void at a moment of known time or later."""
    c, text = tables.control_claims.c, instant_text(since)
    of_place = (c.casebook == batch.name) & (c.place_id == place_id)
    columns = (c.claim_id, c.known_from, c.known_to, c.data)
    known = select(*columns).where(of_place, c.known_from >= text)
    void = select(*columns).where(of_place, c.known_to >= text, c.known_to < INFINITY)
    rows = batch.connection.execute(union(known, void)).mappings()
    return [_form(dict(row)) for row in rows]
