"""Builds the one statement that fetches timeline entries, and reads its rows into values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    and_,
    exists,
    func,
    or_,
    select,
    union_all,
)

from timeline.domain import events
from timeline.domain.claims import ReviewStatus
from timeline.domain.events import Claim
from timeline.domain.time import instant_text, moment_end, start_of
from timeline.projections import tables

_Key = tuple[str, str, int]


@dataclass(frozen=True)
class ReportView:
    """One version of a report; `is_current` when no later version is known."""

    report_id: str
    report_version: str
    title: str | None
    url: str | None
    source_id: str | None
    source_name: str | None
    reported_edtf: str | None
    undated: bool
    language: str | None
    text_digest: str | None
    coded_by: str | None
    claim_count: int
    known_from: str
    is_current: bool


@dataclass(frozen=True)
class Entry:
    """One claim in a timeline, with the words that say so and the report they stand in."""

    type: str
    claim: Claim
    quote: str | None
    also_quotes: tuple[str, ...]
    is_amended: bool
    report: ReportView
    key: tuple[str, str, int]
    position: int
    review: ReviewStatus = ReviewStatus.UNREVIEWED


@dataclass(frozen=True)
class Filters:
    """Which entries are wanted; an empty field means any.

    `from_` and `to` bound when it happened: entries that may lie in between, both inclusive.
    Claims that were rejected stand nowhere, and are found only by `reviews` that name it.
    """

    place_id: str | None = None
    report_id: str | None = None
    actor_id: str | None = None
    types: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    from_: str | None = None
    to: str | None = None
    reviews: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """Some entries in order of valid time, and whether there are more on either side."""

    entries: tuple[Entry, ...]
    has_next: bool
    has_previous: bool


def entries_query(
    casebook: str, time_zone: str, filters: Filters, cutoff: datetime | None
) -> Select[tuple[object, ...]]:
    """Entries that stand, joined with their report versions, whose columns begin with `r_`."""
    return entries_where(casebook, _shown(filters, cutoff), *_filter_conditions(filters, time_zone))


def entries_queries(
    casebook: str, time_zone: str, filters: Filters, cutoff: datetime | None
) -> tuple[Select[tuple[object, ...]], ...]:
    """As `entries_query`, in parts that have no entry in common.

    What is at a place and what names it second are apart: an index finds either, in order of
    valid time. SQLite, which keeps no statistics, would go through the whole casebook for both.
    """
    if filters.place_id is None:
        return (entries_query(casebook, time_zone, filters, cutoff),)
    e, place_id = tables.entries.c, filters.place_id
    rest = entries_query(casebook, time_zone, replace(filters, place_id=None), cutoff)
    beside = and_(e.place2_id == place_id, e.place_id.is_distinct_from(place_id))
    return rest.where(e.place_id == place_id), rest.where(beside)


def page_of(
    parts: Iterable[Select[tuple[object, ...]]],
    filters: Filters,
    size: int,
    after: _Key | None,
    before: _Key | None,
    *,
    backwards: bool,
) -> CompoundSelect[tuple[object, ...]]:
    """The first (or last, backwards) entries of `entries_queries` between two keys, in order."""
    keys = in_order(by_key=filters.report_id is not None)
    firsts = []
    for part in parts:
        bounded = part if after is None else part.where(_beyond(after))
        bounded = bounded if before is None else bounded.where(_short_of(before))
        ordered = bounded.order_by(*(k.desc() for k in keys) if backwards else keys)
        firsts.append(select(ordered.limit(size).subquery()))
    whole = union_all(*firsts)
    merged = [whole.selected_columns[k] for k in ("sort_key", "claim_id", "form")]
    return whole.order_by(*(k.desc() for k in merged) if backwards else merged).limit(size)


def in_order(*, by_key: bool) -> tuple[ColumnElement[Any], ...]:
    """The keys by which entries are in order of valid time.

    Args:
        by_key: Whether they are few, found by key and then sorted: SQLite would else rather go
            through the whole casebook in the order of an index.
    """
    e = tables.entries.c
    return (func.coalesce(e.sort_key, "") if by_key else e.sort_key), e.claim_id, e.form


def entries_where(casebook: str, *where: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    """Entries under some conditions, joined with their report versions; as `entries_query`."""
    e, r = tables.entries.c, tables.report_versions.c
    joined = tables.entries.join(
        tables.report_versions,
        and_(
            r.casebook == e.casebook,
            r.report_id == e.report_id,
            r.report_version == e.report_version,
        ),
    )
    report = [c.label(f"r_{c.name}") for c in tables.report_versions.c]
    return (
        select(*tables.entries.c, *report).select_from(joined).where(e.casebook == casebook, *where)
    )


def _filter_conditions(filters: Filters, time_zone: str) -> list[ColumnElement[bool]]:
    e, a = tables.entries.c, tables.entry_actors.c
    where: list[ColumnElement[bool]] = []
    if filters.place_id is not None:
        where.append(or_(e.place_id == filters.place_id, e.place2_id == filters.place_id))
    if filters.report_id is not None:
        where.append(e.report_id == filters.report_id)
    if filters.types:
        where.append(e.type.in_(filters.types))
    if filters.modalities:
        where.append(e.modality.in_(filters.modalities))
    if filters.reviews:
        where.append(e.review.in_(filters.reviews))
    if filters.actor_id is not None:
        named = exists().where(
            a.casebook == e.casebook,
            a.claim_id == e.claim_id,
            a.form == e.form,
            a.actor == filters.actor_id,
        )
        where.append(named)
    if filters.from_ is not None:
        begin = begin_text(filters.from_, time_zone)
        where.append(and_(e.ends.is_not(None), e.ends > begin))
    if filters.to is not None:
        end = instant_text(moment_end(filters.to, time_zone))
        starts = and_(e.starts.is_not(None), e.starts < end)
        open_start = and_(e.starts.is_(None), e.ends.is_not(None))
        where.append(or_(starts, open_start))
    return where


def entry_from(row: dict[str, object]) -> Entry:
    """The entry of a row of `entries_query`."""
    type_ = str(row["type"])
    claim = events.decode(type_, events.schema_version(type_), str(row["data"]))
    assert isinstance(claim, Claim)  # noqa: S101
    quote = row["quote"]
    return Entry(
        type=type_,
        claim=claim,
        quote=None if quote is None else str(quote),
        also_quotes=(),
        is_amended=bool(row["is_amended"]),
        report=report_view({k.removeprefix("r_"): v for k, v in row.items() if k[:2] == "r_"}),
        key=(str(row["sort_key"]), claim.claim_id, int(str(row["form"]))),
        position=int(str(row["position"])),
        review=ReviewStatus(str(row["review"])),
    )


def _beyond(key: _Key) -> ColumnElement[bool]:
    """The condition that an entry comes after the one with this key."""
    c = tables.entries.c
    return or_(
        c.sort_key > key[0],
        and_(c.sort_key == key[0], c.claim_id > key[1]),
        and_(c.sort_key == key[0], c.claim_id == key[1], c.form > key[2]),
    )


def _short_of(key: _Key) -> ColumnElement[bool]:
    """The condition that an entry comes before the one with this key."""
    c = tables.entries.c
    return or_(
        c.sort_key < key[0],
        and_(c.sort_key == key[0], c.claim_id < key[1]),
        and_(c.sort_key == key[0], c.claim_id == key[1], c.form < key[2]),
    )


def begin_text(text: str, time_zone: str) -> str:
    """The first instant of a day, or the instant, as fixed-width text.

    Raises:
        InvalidDate: neither a day nor an instant with offset.
    """
    moment_end(text, time_zone)
    return instant_text(start_of(text.strip(), time_zone))


def with_also(entry: Entry, texts: dict[str, str]) -> Entry:
    """The entry with the quotes of its further spans, from the texts by digest."""
    text = texts.get(entry.report.text_digest or "")
    if text is None:
        return entry
    quotes = tuple(text[s.span_start : s.span_end] for s in entry.claim.also_evidence)
    return replace(entry, also_quotes=quotes)


def report_view(row: dict[str, object]) -> ReportView:
    """The view of a row of `report_versions`."""
    fields = {name: row[name] for name in ReportView.__dataclass_fields__ if name in row}
    fields["undated"] = bool(row["undated"])
    return ReportView(**fields, is_current=row["known_until"] is None)  # type: ignore[arg-type]


def stands(cutoff: datetime | None) -> ColumnElement[bool]:
    """The condition that an entry stands at a known time (an exclusive end)."""
    return _known(tables.entries, cutoff)


def is_current(cutoff: datetime | None) -> ColumnElement[bool]:
    """The condition that a report's version is the current one at a known time."""
    return _known(tables.report_versions, cutoff)


def _known(table: Table, cutoff: datetime | None) -> ColumnElement[bool]:
    c = table.c
    if cutoff is None:
        return c.known_until.is_(None)
    text = instant_text(cutoff)
    return (c.known_from <= text) & or_(c.known_until.is_(None), c.known_until > text)


def _shown(filters: Filters, cutoff: datetime | None) -> ColumnElement[bool]:
    """The condition that an entry stands, or is rejected and such are wanted."""
    if ReviewStatus.REJECTED.value not in filters.reviews:
        return stands(cutoff)
    c = tables.entries.c
    rejected = c.review == ReviewStatus.REJECTED.value
    if cutoff is not None:
        rejected = and_(rejected, c.known_from <= instant_text(cutoff))
    return or_(stands(cutoff), rejected)
