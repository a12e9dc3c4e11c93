"""Answers questions from the projections: places, timelines, control, reports, actors.

Every answer is a plain immutable value; who asks (GraphQL, the page, the CLI) only gives it shape.
Times in questions are what people write (`moment_end`), and known time is the reported axis.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Engine, func, or_, select, tuple_

from timeline.domain.actors import ActorTable
from timeline.domain.control import Control, ControlSpan
from timeline.domain.events import Claim
from timeline.domain.evidence import Evidence
from timeline.domain.names import Match
from timeline.domain.places import Gazetteer, Place
from timeline.domain.time import moment_end
from timeline.projections import checkpointing, tables
from timeline.projections.batches import payload_of
from timeline.projections.checkpointing import ProjectionStatus
from timeline.projections.control_reading import (
    Known,
    read_controls,
    read_evidence,
    read_knowledge,
    read_spans,
    read_told_places,
)
from timeline.projections.entry_queries import (
    Entry,
    Filters,
    Page,
    ReportView,
    entries_queries,
    entries_query,
    entry_from,
    in_order,
    is_current,
    page_of,
    report_view,
    with_also,
)
from timeline.projections.register import last_written, read_actors, read_places
from timeline.projections.unresolved import read_unresolved
from timeline.settings import PAGE_SIZE_MAX, PLACES_NAMED_MAX
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore

FOREVER = datetime.max.replace(tzinfo=UTC)

__all__ = ["Entry", "Filters", "Page", "Reader", "ReportView"]


class Reader:
    """Reads one casebook's projections.

    The gazetteer and the actor table are kept between questions until rows are written.
    """

    def __init__(self, engine: Engine, casebook: str, documents: EventStore | None = None) -> None:
        """Read from `engine`; texts come from `documents` when the log is in another database."""
        self._engine, self.casebook = engine, casebook
        self._store = EventStore(engine, casebook, lambda: datetime.now(UTC))
        self._documents = documents or self._store
        self._gazetteer: tuple[object, Gazetteer] | None = None
        self._actors: tuple[object, ActorTable] | None = None
        self.time_zone = self._store.casebook_row().time_zone

    @property
    def engine(self) -> Engine:
        """What it reads."""
        return self._engine

    def gazetteer(self) -> Gazetteer:
        """The places of the casebook, by id and by any spelling."""
        with read_transaction(self._engine) as connection:
            seen = last_written(connection, self.casebook, tables.places)
            if self._gazetteer is None or self._gazetteer[0] != seen:
                self._gazetteer = (seen, read_places(connection, self.casebook))
        return self._gazetteer[1]

    def actor_table(self) -> ActorTable:
        """The actors of the casebook, by id and by any name."""
        with read_transaction(self._engine) as connection:
            seen = last_written(connection, self.casebook, tables.actors)
            if self._actors is None or self._actors[0] != seen:
                self._actors = (seen, read_actors(connection, self.casebook))
        return self._actors[1]

    def _moment(self, at: str | None) -> datetime:
        return FOREVER if at is None else moment_end(at, self.time_zone)

    def find_place(self, name: str) -> tuple[Place, Match]:
        """The place that an id, a name or a spelling of it means.

        Raises:
            PlaceNotFound: none does.
            AmbiguousPlace: several do.
        """
        return self.gazetteer().look_up(name)

    def cutoff(self, known_on: str | None) -> datetime | None:
        """What a person means by a date of knowledge; `None` is all that is known."""
        return None if known_on is None else moment_end(known_on, self.time_zone)

    def control(self, place_id: str, at: str | None = None, known_on: str | None = None) -> Control:
        """Who held a place at the end of `at`, as known on `known_on`.

        Raises:
            InvalidDate: `at` or `known_on` is neither a day nor an instant with offset.
        """
        return self.controls([place_id], at, known_on).get(place_id, Control())

    def controls(
        self, place_ids: Sequence[str], at: str | None = None, known_on: str | None = None
    ) -> dict[str, Control]:
        """`control` of several places; those of which nothing was known then are left out.

        Raises:
            InvalidDate: `at` or `known_on` is neither a day nor an instant with offset.
        """
        moment, cutoff = self._moment(at), self.cutoff(known_on)
        with read_transaction(self._engine) as connection:
            return read_controls(connection, self.casebook, place_ids, moment, cutoff)

    def control_history(
        self, place_id: str, known_on: str | None = None
    ) -> tuple[ControlSpan, ...]:
        """The control spans of a place, earliest first, as known on `known_on`.

        Raises:
            InvalidDate: `known_on` is neither a day nor an instant with offset.
        """
        return self.control_histories([place_id], known_on).get(place_id, ())

    def control_histories(
        self, place_ids: Sequence[str], known_on: str | None = None
    ) -> dict[str, tuple[ControlSpan, ...]]:
        """`control_history` of several places; those of which nothing was said are left out.

        Raises:
            InvalidDate: `known_on` is neither a day nor an instant with offset.
        """
        cutoff = self.cutoff(known_on)
        with read_transaction(self._engine) as connection:
            return read_spans(connection, self.casebook, self.time_zone, place_ids, cutoff)

    def control_knowledge(self, place_id: str) -> tuple[Known, ...]:
        """All that was ever known of who held a place, by known time, then by valid time."""
        return self.control_knowledges([place_id]).get(place_id, ())

    def control_knowledges(self, place_ids: Sequence[str]) -> dict[str, tuple[Known, ...]]:
        """`control_knowledge` of several places; those of which nothing was said are left out."""
        with read_transaction(self._engine) as connection:
            return read_knowledge(connection, self.casebook, place_ids)

    def control_evidence(
        self, place_ids: Sequence[str], known_on: str | None = None
    ) -> dict[str, list[Evidence]]:
        """What standing claims say of the control of some places, as known on `known_on`.

        Raises:
            InvalidDate: `known_on` is neither a day nor an instant with offset.
        """
        cutoff = self.cutoff(known_on)
        with read_transaction(self._engine) as connection:
            return read_evidence(connection, self.casebook, place_ids, cutoff)

    def told_places(self) -> set[str]:
        """The places of whose control anything was ever told."""
        with read_transaction(self._engine) as connection:
            return read_told_places(connection, self.casebook)

    def control_map(
        self,
        at: str | None = None,
        known_on: str | None = None,
        wanted: Collection[str] | None = None,
    ) -> tuple[tuple[Place, Control], ...]:
        """Who held each place of which anything is known, in order of the places' names.

        With `wanted`, of these places only.

        Raises:
            InvalidDate: `at` or `known_on` is neither a day nor an instant with offset.
        """
        moment, cutoff = self._moment(at), self.cutoff(known_on)
        places = self.gazetteer().places
        # A long list costs more to look up one by one than to leave out of all that is read.
        named = None if wanted is None or len(wanted) > PLACES_NAMED_MAX else list(wanted)
        with read_transaction(self._engine) as connection:
            controls = read_controls(connection, self.casebook, named, moment, cutoff)
        kept = places if wanted is None else places.keys() & set(wanted)
        found = [(places[id_], control) for id_, control in controls.items() if id_ in kept]
        told = [(p, c) for p, c in found if c != Control()]
        return tuple(sorted(told, key=lambda pair: (pair[0].name, pair[0].place_id)))

    def timeline(
        self,
        filters: Filters,
        known_on: str | None = None,
        first: int = PAGE_SIZE_MAX,
        after: tuple[str, str, int] | None = None,
        before: tuple[str, str, int] | None = None,
        *,
        backwards: bool = False,
    ) -> Page:
        """Entries in order of valid time; undated ones last.

        Args:
            filters: Which entries.
            known_on: As known on that day or instant; `None` is all that is known.
            first: How many at the most, 1 to PAGE_SIZE_MAX.
            after: Key of the entry to begin after.
            before: Key of the entry to end before.
            backwards: Take the last `first` of them instead, still in order of valid time.

        Raises:
            InvalidDate: a date is neither a day nor an instant with offset.
        """
        size = max(1, min(first, PAGE_SIZE_MAX))
        parts = entries_queries(self.casebook, self.time_zone, filters, self.cutoff(known_on))
        query = page_of(parts, filters, size + 1, after, before, backwards=backwards)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
            more, rows = len(rows) > size, rows[:size]
        entries = [entry_from(dict(r)) for r in (reversed(rows) if backwards else rows)]
        texts = self.quoted_texts(entries)
        return Page(
            entries=tuple(with_also(e, texts) for e in entries),
            has_next=before is not None if backwards else more,
            has_previous=more if backwards else after is not None,
        )

    def count(self, filters: Filters, known_on: str | None = None) -> int:
        """How many entries a timeline has in all."""
        parts = entries_queries(self.casebook, self.time_zone, filters, self.cutoff(known_on))
        counts = [select(func.count()).select_from(part.subquery()) for part in parts]
        with read_transaction(self._engine) as connection:
            return sum(int(connection.execute(count).scalar_one()) for count in counts)

    def claims(self, claim_ids: Sequence[str], known_on: str | None = None) -> tuple[Entry, ...]:
        """Those of some claims that stand as known on `known_on`, in order of valid time.

        Raises:
            InvalidDate: `known_on` is neither a day nor an instant with offset.
        """
        c = tables.entries.c
        query = entries_query(self.casebook, self.time_zone, Filters(), self.cutoff(known_on))
        ordered = query.where(c.claim_id.in_(claim_ids)).order_by(*in_order(by_key=True))
        with read_transaction(self._engine) as connection:
            rows = connection.execute(ordered).mappings().all()
        entries = [entry_from(dict(r)) for r in rows]
        texts = self.quoted_texts(entries)
        return tuple(with_also(e, texts) for e in entries)

    def quoted_texts(self, entries: Sequence[Entry]) -> dict[str, str]:
        """The texts of entries that quote more than one place in them."""
        wanted = {
            e.report.text_digest for e in entries if e.claim.also_evidence and e.report.text_digest
        }
        documents = self._documents.documents(wanted) if wanted else {}
        return {d: doc.content.decode() for d, doc in documents.items() if doc.content is not None}

    def report(self, report_id: str) -> tuple[ReportView, ...]:
        """A report's versions, oldest publication first; empty when it is not filed."""
        return self.versions([report_id]).get(report_id, ())

    def versions(self, report_ids: Collection[str]) -> dict[str, tuple[ReportView, ...]]:
        """`report` of several reports; those that are not filed are left out."""
        found: dict[str, tuple[ReportView, ...]] = {}
        for view in self._versions(tables.report_versions.c.report_id.in_(report_ids)):
            found[view.report_id] = (*found.get(view.report_id, ()), view)
        return found

    def _versions(self, where: ColumnElement[bool]) -> tuple[ReportView, ...]:
        r = tables.report_versions.c
        query = select(tables.report_versions).where(r.casebook == self.casebook, where)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(r.report_id, r.ordinal)).mappings().all()
        return tuple(report_view(dict(row)) for row in rows)

    def claim_id(self, report_id: str, target: str) -> str | None:
        """The id of a report's claim by its id or `ref`, in the latest version that has it."""
        order = [v.report_version for v in self.report(report_id)]
        found: dict[str, str] = {}
        for stored in self._store.read_stream(f"report-{report_id}"):
            claim = None if stored.data is None else payload_of(stored)
            if isinstance(claim, Claim) and target in (claim.ref, claim.claim_id):
                found[claim.report_version] = claim.claim_id
        return next((found[v] for v in reversed(order) if v in found), None)

    def report_claims(
        self, report_id: str, known_on: str | None = None, reviews: tuple[str, ...] = ()
    ) -> tuple[Entry, ...]:
        """A report's standing claims in the order in which they were filed."""
        filters = Filters(report_id=report_id, reviews=reviews)
        page = self.timeline(filters, known_on)
        found = list(page.entries)
        while page.has_next:
            page = self.timeline(filters, known_on, after=found[-1].key)
            found += page.entries
        return tuple(sorted(found, key=lambda e: e.position))

    def text(self, digest: str | None) -> str | None:
        """The text of a document; `None` when there is none, or it is withheld."""
        found = None if digest is None else self._documents.documents([digest]).get(digest)
        return None if found is None or found.content is None else found.content.decode()

    def reports(
        self,
        first: int,
        after: tuple[str, str] | None = None,
        before: tuple[str, str] | None = None,
        *,
        backwards: bool = False,
        known_on: str | None = None,
        source_id: str | None = None,
    ) -> tuple[tuple[ReportView, ...], bool]:
        """Current versions in order of publication, and whether there are more that way.

        `after` and `before` are keys (`known_from`, `report_id`); `backwards` takes the last.
        With `known_on` each report's version is that which was current then.

        Raises:
            InvalidDate: `known_on` is neither a day nor an instant with offset.
        """
        r = tables.report_versions.c
        key = (r.known_from, r.report_id)
        query = select(tables.report_versions).where(*self._current(known_on, source_id))
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        if before is not None:
            query = query.where(tuple_(*key) < tuple_(*before))
        size = max(1, min(first, PAGE_SIZE_MAX))
        ordered = query.order_by(*(k.desc() for k in key) if backwards else key)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(ordered.limit(size + 1)).mappings().all()
        views = [report_view(dict(row)) for row in rows[:size]]
        return tuple(reversed(views) if backwards else views), len(rows) > size

    def projections(self) -> tuple[ProjectionStatus, ...]:
        """How far each projection has come, in order of name."""
        with read_transaction(self._engine) as connection:
            head = self._store.head_in(connection).position
            return checkpointing.recorded(connection, self.casebook, head)

    def _current(self, known_on: str | None, source_id: str | None) -> list[ColumnElement[bool]]:
        """The conditions on versions of reports that are, or were, current."""
        r, cutoff = tables.report_versions.c, self.cutoff(known_on)
        where = [r.casebook == self.casebook, is_current(cutoff)]
        return where if source_id is None else [*where, r.source_id == source_id]

    def count_reports(self, known_on: str | None = None, source_id: str | None = None) -> int:
        """How many reports there are, each counted once; as `reports`."""
        query = select(func.count()).select_from(tables.report_versions)
        query = query.where(*self._current(known_on, source_id))
        with read_transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def find_report_versions(
        self, report_id: str | None, url: str | None, digest: str
    ) -> tuple[ReportView, ...]:
        """Versions of any report with this id, URL or document digest."""
        r = tables.report_versions.c
        same = [r.report_version == digest]
        if report_id is not None:
            same.append(r.report_id == report_id)
        if url is not None:
            same.append(r.url == url)
        return self._versions(or_(*same))

    def waiting(self) -> tuple[tuple[str, str, str | None], ...]:
        """Amendments whose target is not filed yet, as (type, report id, target)."""
        w = tables.waiting_amendments.c
        query = select(w.type, w.report_id, w.target).where(w.casebook == self.casebook)
        with read_transaction(self._engine) as connection:
            return tuple(tuple(r) for r in connection.execute(query.order_by(w.position)))

    def unresolved(self) -> tuple[tuple[str, str, int], ...]:
        """Names in standing claims that matched nothing: (place or actor, words, claims)."""
        with read_transaction(self._engine) as connection:
            return read_unresolved(connection, self.casebook)
