"""Finds entries, reports, places and actors by words, the same ones in the same order everywhere.

What matches is defined by `search_texts.words` alone. The engine's index gives the rows that have
all the words, and phrases are looked for in those. What somebody types never reaches the engine's
own query language: `search_query` leaves letters and digits, and here they are quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    and_,
    case,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
    tuple_,
)

from timeline.domain.actors import Actor
from timeline.domain.places import Place
from timeline.domain.time import instant_text
from timeline.domain.words import BOUNDARY, SearchQuery, Term, search_query, spans_found
from timeline.projections import search_tables, tables
from timeline.projections.entry_queries import (
    Entry,
    Filters,
    ReportView,
    entries_query,
    report_view,
)
from timeline.projections.reading import Reader
from timeline.projections.search import (
    HitKind,
    TextField,
    Texts,
    actor_texts,
    entry_texts,
    place_texts,
    report_texts,
)
from timeline.settings import PAGE_SIZE_MAX
from timeline.store.engine import read_transaction

HitKey = tuple[int, str, str, int]
Found = Place | Actor | ReportView | Entry

_INDEX = table("search_index", column("rowid"))
_INDEX_ROWS = table(
    "search_index_rows",
    *(column(name) for name in ("id", "casebook", "kind", "item_id", "form")),
)
_ON_SQLITE = "search_index MATCH :sought"
_ON_POSTGRES = f"{search_tables.SEARCH_VECTOR} @@ CAST(:sought AS tsquery)"


class HitMatch(StrEnum):
    """How well something matches, best first."""

    WHOLE = "whole"
    PHRASE = "phrase"
    WORDS = "words"


_MATCHES = tuple(HitMatch)


@dataclass(frozen=True)
class Highlight:
    """A text in which words were found, and where: half-open spans of its code points."""

    field: TextField
    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Hit:
    """Something that a search found, and the texts of it that hold the words."""

    kind: HitKind
    match: HitMatch
    found: Found
    highlights: tuple[Highlight, ...]
    key: HitKey


@dataclass(frozen=True)
class HitPage:
    """Some hits, best first, and whether there are more on either side."""

    hits: tuple[Hit, ...]
    has_next: bool
    has_previous: bool


class Search:
    """Searches one casebook.

    Args:
        engine: Where the reader reads.
        reader: Reads what is found.
    """

    def __init__(self, engine: Engine, reader: Reader) -> None:
        self._engine, self._reader = engine, reader

    def find(
        self,
        sought: str,
        filters: Filters | None = None,
        known_on: str | None = None,
        first: int = PAGE_SIZE_MAX,
        after: HitKey | None = None,
        before: HitKey | None = None,
        *,
        backwards: bool = False,
    ) -> HitPage:
        """What holds all the words, best first.

        First what bears the words as its whole name, title or source, then what holds them one
        after the other, then the rest; among those places, actors, reports, entries; then by name,
        by publication, by valid time.

        Args:
            sought: Words, "phrases" and beginnings*.
            filters: Only entries that these let through; `None` finds everything.
            known_on: As known on that day or instant; `None` is all that is known.
            first: How many at the most, 1 to PAGE_SIZE_MAX.
            after: Key of the hit to begin after.
            before: Key of the hit to end before.
            backwards: Take the last `first` of them instead, still best first.

        Raises:
            InvalidSearch: there is no word, or too many.
            InvalidDate: a date is neither a day nor an instant with offset.
        """
        query = search_query(sought)
        size = max(1, min(first, PAGE_SIZE_MAX))
        statement = self._statement(query, filters, self._reader.cutoff(known_on))
        hits = statement.subquery()
        key = tuple_(hits.c.match, hits.c.sort_key, hits.c.item_id, hits.c.form)
        order = (hits.c.match, hits.c.sort_key, hits.c.item_id, hits.c.form)
        page = select(hits)
        if after is not None:
            page = page.where(key > tuple_(*(literal(part) for part in after)))
        if before is not None:
            page = page.where(key < tuple_(*(literal(part) for part in before)))
        ordered = page.order_by(*(c.desc() for c in order) if backwards else order)
        with read_transaction(self._engine) as connection:
            found = connection.execute(ordered.limit(size + 1)).all()
            more, rows = len(found) > size, [tuple(row) for row in found[:size]]
            if backwards:
                rows.reverse()
            reports = self._reports(connection, rows)
        return HitPage(
            hits=tuple(self._hits(query, rows, reports, known_on)),
            has_next=before is not None if backwards else more,
            has_previous=more if backwards else after is not None,
        )

    def count(
        self, sought: str, filters: Filters | None = None, known_on: str | None = None
    ) -> int:
        """How many hits a search has in all.

        Raises:
            TimelineError: as `find`.
        """
        cutoff = self._reader.cutoff(known_on)
        inner = self._statement(search_query(sought), filters, cutoff).subquery()
        with read_transaction(self._engine) as connection:
            return int(connection.execute(select(func.count()).select_from(inner)).scalar_one())

    def _statement(
        self, query: SearchQuery, filters: Filters | None, cutoff: datetime | None
    ) -> Select[tuple[object, ...]]:
        """All hits, each with how well it matches."""
        t = tables.search_texts.c
        statement = self._candidates(query).where(
            t.casebook == self._reader.casebook,
            _stood(cutoff),
            *(_holds(term) for term in query.terms if len(term.words) > 1),
        )
        if filters is not None:
            e = tables.entries.c
            wanted = entries_query(
                self._reader.casebook, self._reader.time_zone, filters, cutoff
            ).where(e.claim_id == t.item_id, e.form == t.form)
            statement = statement.where(t.kind == HitKind.ENTRY.value, wanted.exists())
        return statement

    def _candidates(self, query: SearchQuery) -> Select[tuple[object, ...]]:
        """The rows that have all the words, by the engine's index."""
        t = tables.search_texts.c
        columns = (t.kind, t.item_id, t.form, t.sort_key, _match(query).label("match"))
        if self._engine.dialect.name == "postgresql":
            sought = text(_ON_POSTGRES).bindparams(sought=_tsquery(query))
            return select(*columns).where(sought)
        r = _INDEX_ROWS.c
        joined = _INDEX.join(_INDEX_ROWS, r.id == _INDEX.c.rowid).join(
            tables.search_texts,
            and_(
                t.casebook == r.casebook,
                t.kind == r.kind,
                t.item_id == r.item_id,
                t.form == r.form,
            ),
        )
        sought = text(_ON_SQLITE).bindparams(sought=_fts5_query(query))
        return select(*columns).select_from(joined).where(sought)

    def _reports(
        self, connection: Connection, rows: Iterable[tuple[object, ...]]
    ) -> dict[tuple[str, int], ReportView]:
        wanted = [(str(row[1]), int(str(row[2]))) for row in rows if row[0] == HitKind.REPORT]
        if not wanted:
            return {}
        r = tables.report_versions.c
        query = select(tables.report_versions).where(
            r.casebook == self._reader.casebook, tuple_(r.report_id, r.ordinal).in_(wanted)
        )
        return {
            (str(row["report_id"]), int(row["ordinal"])): report_view(dict(row))
            for row in connection.execute(query).mappings()
        }

    def _hits(
        self,
        query: SearchQuery,
        rows: Sequence[tuple[object, ...]],
        reports: dict[tuple[str, int], ReportView],
        known_on: str | None,
    ) -> Iterable[Hit]:
        claim_ids = [str(row[1]) for row in rows if row[0] == HitKind.ENTRY]
        standing = self._reader.claims(claim_ids, known_on) if claim_ids else ()
        entries = {(e.key[1], e.key[2]): e for e in standing}
        kinds = {str(row[0]) for row in rows}
        known: dict[object, Callable[[str], Found | None]] = {}
        if HitKind.PLACE in kinds:
            known[HitKind.PLACE] = self._reader.gazetteer().get
        if HitKind.ACTOR in kinds:
            known[HitKind.ACTOR] = self._reader.actor_table().get
        for kind, item_id, form, order, match in rows:
            id_, number = str(item_id), int(str(form))
            found: Found | None
            if kind in known:
                found = known[kind](id_)
            elif kind == HitKind.REPORT:
                found = reports.get((id_, number))
            else:
                found = entries.get((id_, number))
            if found is not None:  # else it went away between the two readings
                yield Hit(
                    kind=HitKind(str(kind)),
                    match=_MATCHES[int(str(match))],
                    found=found,
                    highlights=tuple(_highlights(query, texts_of_found(found))),
                    key=(int(str(match)), str(order), id_, number),
                )


def texts_of_found(found: Found) -> Texts:
    """The texts by which something is found."""
    if isinstance(found, Place):
        return place_texts(found)
    if isinstance(found, Actor):
        return actor_texts(found)
    if isinstance(found, ReportView):
        return report_texts(found.title, found.source_name)
    return entry_texts(found.claim, (found.quote, *found.also_quotes))


def _highlights(query: SearchQuery, texts: Texts) -> Iterable[Highlight]:
    for field, of_field in texts:
        spans = spans_found(query, of_field)
        if spans:
            yield Highlight(field, of_field, spans)


def _stood(cutoff: datetime | None) -> ColumnElement[bool]:
    t = tables.search_texts.c
    if cutoff is None:
        return t.known_until.is_(None)
    moment = instant_text(cutoff)
    return and_(t.known_from <= moment, or_(t.known_until.is_(None), t.known_until > moment))


def _holds(term: Term) -> ColumnElement[bool]:
    """The condition that the words of a term stand one after the other; words have no wildcards."""
    begins = " " + " ".join(term.words)
    pattern = f"%{begins}%" if term.is_prefix else f"%{begins} %"
    return (literal(" ") + tables.search_texts.c.words + literal(" ")).like(pattern)


def _match(query: SearchQuery) -> ColumnElement[int]:
    """How well a row matches, of those that have all the words."""
    last = query.terms[-1].is_prefix
    phrase = Term(query.words, is_prefix=last)
    edge = f" {BOUNDARY} "
    words = literal(edge) + tables.search_texts.c.words + literal(edge)
    whole = words.like(f"%{edge}{' '.join(query.words)}{edge}%")
    named = tables.search_texts.c.kind != HitKind.ENTRY.value
    return case(
        (and_(named, whole), literal(_MATCHES.index(HitMatch.WHOLE), Integer)),
        (_holds(phrase), literal(_MATCHES.index(HitMatch.PHRASE), Integer)),
        else_=literal(_MATCHES.index(HitMatch.WORDS), Integer),
    )


def _each_word(query: SearchQuery) -> Iterable[tuple[str, bool]]:
    """Every word once, and whether it is only how one begins."""
    told = (
        (word, term.is_prefix and at == len(term.words) - 1)
        for term in query.terms
        for at, word in enumerate(term.words)
    )
    return dict.fromkeys(told)


def _fts5_query(query: SearchQuery) -> str:
    return " AND ".join(f'"{word}"' + ("*" if begins else "") for word, begins in _each_word(query))


def _tsquery(query: SearchQuery) -> str:
    return " & ".join(f"'{word}'" + (":*" if begins else "") for word, begins in _each_word(query))
