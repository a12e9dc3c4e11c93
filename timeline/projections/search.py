"""Projects what a search finds: the words of entries, reports, places and actors.

`tables.search_texts` is the same on both engines; what each engine looks words up in follows from
it by the database itself. Texts are told by `entry_texts` and its like, which also tell a search
what to highlight, so the words themselves are all that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec
from sqlalchemy import Table, delete, select

from timeline.domain.actors import Actor
from timeline.domain.events import Claim, ReportVersion
from timeline.domain.identities import Resolution
from timeline.domain.places import Place
from timeline.domain.reference_events import ActorsMerged, PlacesMerged
from timeline.domain.standing import ReportStanding, Standing
from timeline.domain.time import instant_text, sort_key
from timeline.domain.words import indexed_words
from timeline.projections import bulk_rows, tables
from timeline.projections.batches import Batch
from timeline.projections.bulk_rows import Row
from timeline.projections.identities import (
    known_among,
    read_resolution,
    resolved_forms,
    told_parts,
)

ALWAYS_KNOWN = ""


class HitKind(StrEnum):
    """What a search finds."""

    PLACE = "place"
    ACTOR = "actor"
    REPORT = "report"
    ENTRY = "entry"


class TextField(StrEnum):
    """Which text of what is found: a name or title of it, or what it says or names."""

    NAME = "name"
    TITLE = "title"
    SOURCE = "source"
    QUOTE = "quote"
    ATTRIBUTION = "attribution"
    PLACE = "place"
    ACTOR = "actor"


Texts = tuple[tuple[TextField, str], ...]

# Hits that match equally well come in this order.
_ORDER = {HitKind.PLACE: 0, HitKind.ACTOR: 1, HitKind.REPORT: 2, HitKind.ENTRY: 3}


class SearchProjection:
    """What is found by which words, and when it was known."""

    name = "search"
    version = 2
    depends_on: tuple[str, ...] = ("places", "actors", "timeline")
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (tables.search_texts,)

    def apply(self, batch: Batch) -> None:
        """Write anew what these events can have changed."""
        rows = self._registered(batch) if batch.events else []
        bulk_rows.load(batch.connection, tables.search_texts, rows)
        for some in self._reported(batch):
            bulk_rows.load(batch.connection, tables.search_texts, some)

    def _registered(self, batch: Batch) -> list[Row]:
        """Rows of the places and actors that these events were the last to write."""
        since = batch.events[0].stored.position
        rows: list[Row] = []
        for kind, table in ((HitKind.PLACE, tables.places), (HitKind.ACTOR, tables.actors)):
            key = table.c[f"{kind}_id"]
            query = select(key, table.c.data).where(
                table.c.casebook == batch.name,
                table.c.position >= since,
                table.c.position <= batch.until,
            )
            found = batch.connection.execute(query.order_by(key)).all()
            merged = _merged(batch, kind)
            there = select(key).where(table.c.casebook == batch.name, key.in_(merged))
            merged.difference_update(batch.connection.execute(there).scalars())
            self._delete(batch, kind, sorted({*merged, *(row[0] for row in found)}))
            for id_, data in found:
                rows += named_rows(batch.name, kind, id_, data)
        return rows

    def _reported(self, batch: Batch) -> Iterator[list[Row]]:
        meant = read_resolution(batch.connection, batch.name)
        for report_ids, part in told_parts(batch, meant):
            known = known_among(part, report_ids)
            bulk_rows.delete(batch.connection, tables.search_texts, batch.name, "report_id", known)
            standings = part.standings_of(report_ids)
            texts = part.texts_of(standings.values())
            time_zone = batch.casebook.time_zone
            yield [
                row
                for standing in standings.values()
                for row in reported_rows(batch.name, time_zone, standing, texts, meant)
            ]

    def _delete(self, batch: Batch, kind: HitKind, ids: Sequence[str]) -> None:
        if not ids:
            return
        c = tables.search_texts.c
        batch.connection.execute(
            delete(tables.search_texts).where(
                c.casebook == batch.name, c.kind == kind.value, c.item_id.in_(ids)
            )
        )


def _merged(batch: Batch, kind: HitKind) -> set[str]:
    """The ids that these events merge into others."""
    if kind is HitKind.PLACE:
        return {payload.place_id for payload, _ in batch.of(PlacesMerged)}
    return {payload.actor_id for payload, _ in batch.of(ActorsMerged)}


def entry_texts(claim: Claim, quotes: Iterable[str | None]) -> Texts:
    """What is searched of a claim: its words, and what it names, by every name that it gives."""
    told: list[tuple[TextField, str | None]] = [(TextField.QUOTE, q) for q in quotes]
    for place in (claim.place, claim.place2):
        if place is not None:
            told += [(TextField.PLACE, place.as_named), (TextField.PLACE, place.name)]
    for actor in claim.actors:
        told += [(TextField.ACTOR, actor.as_named), (TextField.ACTOR, actor.name)]
    told.append((TextField.ATTRIBUTION, claim.attributed_to))
    return _texts(told)


def report_texts(title: str | None, source_name: str | None) -> Texts:
    """What is searched of a version of a report."""
    return _texts([(TextField.TITLE, title), (TextField.SOURCE, source_name)])


def place_texts(place: Place) -> Texts:
    """What is searched of a place: all of its names."""
    return _texts([(TextField.NAME, n) for n in (place.name, *(n.name for n in place.names))])


def actor_texts(actor: Actor) -> Texts:
    """What is searched of an actor: all of its names, those of ACLED and UCDP included."""
    names = (actor.name, *(n.name for n in actor.names), *actor.acled, *actor.ucdp)
    return _texts([(TextField.NAME, name) for name in names])


def _texts(told: Iterable[tuple[TextField, str | None]]) -> Texts:
    """Each text once, in order."""
    return tuple(dict.fromkeys((field, text) for field, text in told if text))


def reported_rows(
    key: str,
    time_zone: str,
    standing: ReportStanding,
    texts: Mapping[str, str],
    meant: Resolution,
) -> list[Row]:
    """What is found of one report and its entries, under a key.

    Args:
        key: Under which the rows stand.
        time_zone: The casebook's.
        standing: What stands of the report.
        texts: The texts of documents, by digest.
        meant: What the ids in its claims mean.
    """
    entries = _entry_rows(key, time_zone, standing, texts, meant)
    return [*_report_rows(key, standing), *entries]


def named_rows(casebook: str, kind: HitKind, id_: str, data: str) -> list[Row]:
    """What is found of a place or an actor, under a key; `data` is its canonical JSON."""
    if kind is HitKind.PLACE:
        place = msgspec.json.decode(data, type=Place)
        name, texts = place.name, place_texts(place)
    else:
        actor = msgspec.json.decode(data, type=Actor)
        name, texts = actor.name, actor_texts(actor)
    return _rows(casebook, kind, id_, 0, None, texts, name, ALWAYS_KNOWN, None)


def _report_rows(key: str, standing: ReportStanding) -> list[Row]:
    ends = [instant_text(known_from) for _, known_from, _ in standing.versions[1:]]
    rows: list[Row] = []
    for ordinal, (version, known_from, _) in enumerate(standing.versions):
        since = instant_text(known_from)
        until = ends[ordinal] if ordinal < len(ends) else None
        texts = report_texts(version.title, version.source.name if version.source else None)
        id_ = version.report_id
        rows += _rows(key, HitKind.REPORT, id_, ordinal, id_, texts, since, since, until)
    return rows


def _entry_rows(
    key: str,
    time_zone: str,
    standing: ReportStanding,
    texts: Mapping[str, str],
    meant: Resolution,
) -> list[Row]:
    rows: list[Row] = []
    for item, form, version in resolved_forms(standing, meant):
        claim = item.claim
        rows += _rows(
            key,
            HitKind.ENTRY,
            claim.claim_id,
            form,
            claim.report_id,
            entry_texts(claim, _quotes(item, version, texts)),
            sort_key(claim.occurred, time_zone),
            instant_text(item.known_from),
            instant_text(item.known_until) if item.known_until else None,
        )
    return rows


def _quotes(item: Standing, version: ReportVersion, texts: Mapping[str, str]) -> list[str]:
    text = texts.get(version.text_document.digest) if version.text_document else None
    if text is None:
        return []
    first = () if item.claim.evidence is None else (item.claim.evidence,)
    return [text[s.span_start : s.span_end] for s in (*first, *item.claim.also_evidence)]


def _rows(
    casebook: str,
    kind: HitKind,
    item_id: str,
    form: int,
    report_id: str | None,
    texts: Texts,
    order: str,
    known_from: str,
    known_until: str | None,
) -> list[Row]:
    """One row, or none for what has no words."""
    words = indexed_words(text for _, text in texts)
    if not words:
        return []
    return [
        {
            "casebook": casebook,
            "kind": kind.value,
            "item_id": item_id,
            "form": form,
            "report_id": report_id,
            "words": words,
            "sort_key": f"{_ORDER[kind]} {order}",
            "known_from": known_from,
            "known_until": known_until,
        }
    ]
