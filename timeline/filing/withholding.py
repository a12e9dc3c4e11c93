"""Withholds what must not be kept: erases events and documents, and says in the log that it did.

A report's words and claims leave the log, the projections and every replay; the chain, seals and
proofs hold. One `ContentWithheld` event goes into the stream of each report that is touched, which
makes the projections fold that report anew; documents that no report names have the stream
`withheld-documents`. Only what reports say can be withheld: the names of places, actors and sources
are part of their streams' names, which the chain needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from msgspec import Struct
from sqlalchemy import Connection, or_, select

from timeline.domain.events import (
    Amendment,
    Claim,
    ClaimCorrected,
    ContentWithheld,
    ReportRetracted,
    ReportVersion,
    encode,
)
from timeline.domain.opinions import ReportRecoded
from timeline.errors import DatabaseBusy, InvalidEvent, InvalidReport, NotFound
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import tables
from timeline.projections.reading import Reader
from timeline.projections.runner import REPORT_STREAM_PREFIX, Runner, payload_of
from timeline.store import queries, withholding
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, EVENTS_PER_PAGE, StoredEvent, StreamAppend
from timeline.store.tables import casebooks

POSITIONS_MAX = 10_000
DOCUMENTS_MAX = 1_000
REASON_LENGTH_MAX = 2_000
ATTEMPTS_MAX = 5
ORPHANS_STREAM = "withheld-documents"


@dataclass(frozen=True)
class Withheld:
    """What a withholding came to.

    Attributes:
        positions: The events erased now; those withheld before are left out.
        documents: The documents erased now, by digest.
        markers: The positions of the `ContentWithheld` events.
        notes: What still holds words of what is withheld, or stands otherwise than before.
        is_scrubbed: Whether the database file holds no erased byte any longer; never on Postgres.
    """

    positions: tuple[int, ...]
    documents: tuple[str, ...]
    markers: tuple[int, ...]
    notes: tuple[str, ...]
    is_scrubbed: bool


@dataclass(frozen=True)
class _Chosen:
    """What is to be erased, and whom it touches."""

    events: tuple[StoredEvent, ...]
    documents: tuple[str, ...]
    reports_by_document: Mapping[str, frozenset[str]]
    notes: tuple[str, ...]

    @property
    def report_ids(self) -> set[str]:
        """The reports that lose something."""
        streams = {event.stream for event in self.events}
        of_events = {stream.removeprefix(REPORT_STREAM_PREFIX) for stream in streams}
        return of_events.union(*self.reports_by_document.values())


class Withholding:
    """Withholds content of one casebook."""

    def __init__(self, store: EventStore, reader: Reader, runner: Runner) -> None:
        self._store, self._reader, self._runner = store, reader, runner

    def withhold(
        self,
        positions: Collection[int],
        documents: Collection[str],
        reason: str,
        *,
        even_shared: bool = False,
        requested_by: str | None = None,
    ) -> Withheld:
        """Erase events and documents for good, and append what says so, in one transaction.

        Doing it again does nothing.

        Args:
            positions: Events of reports.
            documents: SHA-256 digests of documents.
            reason: Why, in a sentence that may stay in the log for ever: name nobody in it.
            even_shared: Erase a document although several reports have it and some still stand.
            requested_by: Who asked for it.

        Raises:
            NotFound: there is no such event or document.
            InvalidEvent: an event cannot be withheld, or a document is needed; says what to do.
            DatabaseBusy: other writers kept filing meanwhile.
            DatabaseUnavailable: the database did not answer.
        """
        if not 0 < len(reason.strip()) <= REASON_LENGTH_MAX:
            raise InvalidEvent(f"say why, in 1 to {REASON_LENGTH_MAX} characters")
        if len(positions) > POSITIONS_MAX or len(documents) > DOCUMENTS_MAX:
            raise InvalidEvent(
                f"one withholding takes {POSITIONS_MAX} events and {DOCUMENTS_MAX} documents"
            )
        for _ in range(ATTEMPTS_MAX):
            self._runner.catch_up()
            with write_transaction(self._store.engine) as connection:
                head = self._locked_head(connection)
                if self._projected(connection) < head:
                    continue
                chosen = self._chosen(connection, set(positions), set(documents), even_shared)
                markers = self._append(connection, head, chosen, reason.strip(), requested_by)
                erased = tuple(event.position for event in chosen.events)
                withholding.erase_in(connection, self._store.casebook, erased, chosen.documents)
            behind = self._runner.catch_up_after_withholding(chosen.report_ids)
            is_scrubbed = withholding.scrub(self._store.engine)
            notes = (*chosen.notes, *behind)
            return Withheld(erased, chosen.documents, markers, notes, is_scrubbed)
        raise DatabaseBusy("other writers kept filing; nothing was withheld, try again")

    def withhold_report(
        self, report_id: str, reason: str, *, requested_by: str | None = None
    ) -> Withheld:
        """Withhold everything that the log holds of a report.

        Documents that another standing report has too are kept, and named in the notes.

        Raises:
            NotFound: no such report is filed.
            TimelineError: as `withhold`.
        """
        stream = list(self._store.read_stream(REPORT_STREAM_PREFIX + report_id))
        payloads = {s.position: payload_of(s) for s in stream if s.data is not None}
        wanted = {p: v for p, v in payloads.items() if not isinstance(v, ContentWithheld)}
        if not any(isinstance(v, ReportVersion | Claim) for v in wanted.values()):
            raise NotFound(f"nothing is filed, or all is withheld, of report {report_id!r}")
        digests: set[str] = set()
        for payload in wanted.values():
            if isinstance(payload, ReportVersion):
                digests.add(payload.document.digest)
                if payload.text_document is not None:
                    digests.add(payload.text_document.digest)
        self._runner.catch_up()
        with read_transaction(self._store.engine) as connection:
            users = self._users(connection, digests)
        kept = {d for d, rows in users.items() if any(r != report_id for r, _ in rows)}
        done = self.withhold(set(wanted), digests - kept, reason, requested_by=requested_by)
        notes = tuple(
            f"document {digest} is kept: report {other!r} has it too"
            for digest in sorted(kept)
            for other in sorted({r for r, _ in users[digest] if r != report_id})
        )
        told = tuple(n for n in done.notes if not any(digest in n for digest in kept))
        return replace(done, notes=told + notes)

    def _locked_head(self, connection: Connection) -> int:
        query = select(casebooks.c.position).where(casebooks.c.casebook == self._store.casebook)
        found = connection.execute(query.with_for_update()).scalar_one_or_none()
        if found is None:
            return self._store.head_in(connection).position  # tells that there is no casebook
        return int(found)

    def _projected(self, connection: Connection) -> int:
        """How far the reports are projected: whose documents are whose is read from them."""
        c = tables.checkpoints.c
        query = select(c.position).where(
            c.casebook == self._store.casebook, c.projection == "reports"
        )
        return int(connection.execute(query).scalar_one_or_none() or 0)

    def _chosen(
        self, connection: Connection, positions: set[int], digests: set[str], even_shared: bool
    ) -> _Chosen:
        events = self._events(connection, positions)
        streams = {event.stream for event in events}
        payloads = {
            stored.position: payload_of(stored)
            for stored in self._store.read_streams_in(connection, streams)
            if stored.data is not None
        }
        gone = {event.position for event in events}
        notes = [*_refused_or_noted(payloads, gone), *_leftovers(payloads, gone)]
        found = self._store.documents_in(connection, digests)
        for digest in sorted(digests - set(found)):
            raise NotFound(f"there is no document {digest}")
        users = self._users(connection, digests)
        documents = []
        for digest in sorted(d for d in digests if found[d].content is not None):
            _refuse_needed(digest, users[digest], gone, even_shared=even_shared)
            documents.append(digest)
        versions = [payloads[p] for p in sorted(gone)]
        notes += self._kept(
            connection, digests, [v for v in versions if isinstance(v, ReportVersion)]
        )
        reports = {d: frozenset(report for report, _ in users[d]) for d in documents}
        return _Chosen(tuple(events), tuple(documents), reports, tuple(dict.fromkeys(notes)))

    def _events(self, connection: Connection, positions: set[int]) -> list[StoredEvent]:
        ordered = sorted(positions)
        found = [
            stored
            for start in range(0, len(ordered), EVENTS_PER_PAGE)
            for stored in queries.events_at(
                connection, self._store.casebook, ordered[start : start + EVENTS_PER_PAGE]
            )
        ]
        for missing in sorted(positions - {stored.position for stored in found}):
            raise NotFound(f"the log has no event at position {missing}")
        for stored in found:
            if stored.type == ContentWithheld.__name__:
                raise InvalidEvent(
                    f"position {stored.position} says what is withheld; without it the log would"
                    " not verify"
                )
            if not stored.stream.startswith(REPORT_STREAM_PREFIX):
                raise InvalidEvent(
                    f"position {stored.position} is of stream {stored.stream}; only what reports"
                    " say can be withheld"
                )
        return [stored for stored in found if stored.data is not None]

    def _users(
        self, connection: Connection, digests: Collection[str]
    ) -> dict[str, set[tuple[str, int]]]:
        """The report versions that have each document, as (report id, position)."""
        users: dict[str, set[tuple[str, int]]] = {digest: set() for digest in digests}
        for report_id, version, text, position in self._versions(connection, digests):
            for digest in (version, text):
                if digest in users:
                    users[digest].add((report_id, position))
        return users

    def _versions(
        self, connection: Connection, digests: Collection[str]
    ) -> list[tuple[str, str, str | None, int]]:
        r = tables.report_versions.c
        query = select(r.report_id, r.report_version, r.text_digest, r.position).where(
            r.casebook == self._store.casebook,
            or_(r.report_version.in_(digests), r.text_digest.in_(digests)),
        )
        return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]

    def _kept(
        self, connection: Connection, digests: set[str], versions: Iterable[ReportVersion]
    ) -> list[str]:
        """Documents that still hold words of what is erased: a coded report has two of them."""
        pairs = {(r, d) for r, v, t, _ in self._versions(connection, digests) for d in (v, t) if d}
        for version in versions:
            pairs.add((version.report_id, version.document.digest))
            if version.text_document is not None:
                pairs.add((version.report_id, version.text_document.digest))
        others = {(r, d) for r, d in pairs if d not in digests}
        found = self._store.documents_in(connection, {d for _, d in others})
        return [
            f"document {digest} of report {report_id!r} holds its words; withhold it too"
            for report_id, digest in sorted(others)
            if found[digest].content is not None
        ]

    def _append(
        self,
        connection: Connection,
        head: int,
        chosen: _Chosen,
        reason: str,
        requested_by: str | None,
    ) -> tuple[int, ...]:
        payloads = _markers(chosen, reason, requested_by)
        appends = []
        for stream, payload in payloads.items():
            key = event_id(
                self._store.casebook, stream, "withheld", str(head), encode(payload).decode()
            )
            new = new_event(payload, key, {"command": "withhold"})
            appends.append(StreamAppend(stream, ANY, (new,)))
        return self._store.append_in(connection, appends).positions if appends else ()


def _markers(chosen: _Chosen, reason: str, requested_by: str | None) -> dict[str, ContentWithheld]:
    positions: dict[str, list[int]] = {}
    documents: dict[str, list[str]] = {}
    for event in chosen.events:
        positions.setdefault(event.stream, []).append(event.position)
    for digest in chosen.documents:
        reports = sorted(chosen.reports_by_document[digest])
        streams = [REPORT_STREAM_PREFIX + report for report in reports]
        for stream in streams or [min(positions, default=ORPHANS_STREAM)]:
            documents.setdefault(stream, []).append(digest)
    return {
        stream: ContentWithheld(
            positions=tuple(positions.get(stream, ())),
            documents=tuple(documents.get(stream, ())),
            reason=reason,
            requested_by=requested_by,
        )
        for stream in sorted({*positions, *documents})
    }


def _refuse_needed(
    digest: str, users: set[tuple[str, int]], gone: set[int], *, even_shared: bool
) -> None:
    standing = sorted({report for report, position in users if position not in gone})
    if standing and len({report for report, _ in users}) > 1 and not even_shared:
        raise InvalidEvent(
            f"document {digest} is needed by {', '.join(standing)}; withhold what those reports say"
            " too, or say that it is to go although it is shared"
        )


def _refused_or_noted(payloads: Mapping[int, Struct], gone: set[int]) -> Iterable[str]:
    """Erasing an amendment undoes it; a retraction must not come undone that way."""
    left = {p: v for p, v in payloads.items() if isinstance(v, Claim) and p not in gone}
    for position in sorted(gone):
        payload = payloads[position]
        if not isinstance(payload, Amendment):
            continue
        aimed = [p for p, claim in sorted(left.items()) if _aims_at(payload, claim)]
        name = type(payload).__name__
        if aimed and not isinstance(payload, ClaimCorrected):
            raise InvalidEvent(
                f"position {position} ({name}) decides whether the claim at position {aimed[0]}"
                " stands; withhold that claim too"
            )
        if aimed:
            yield f"the claim at position {aimed[0]} stands as it was before position {position}"


def _leftovers(payloads: Mapping[int, Struct], gone: set[int]) -> Iterable[str]:
    """What stays in the log of a claim or a version that is withheld."""
    claims = [v for p, v in payloads.items() if isinstance(v, Claim) and p in gone]
    versions = {
        v.report_version for p, v in payloads.items() if isinstance(v, ReportVersion) and p in gone
    }
    for position, payload in sorted(payloads.items()):
        name = type(payload).__name__
        if position in gone:
            continue
        if isinstance(payload, Claim) and payload.report_version in versions:
            yield f"position {position} ({name}) is of a version that is withheld; withhold it too"
        if isinstance(payload, ReportRecoded) and (claims or payload.report_version in versions):
            yield f"position {position} ({name}) tells the same text again; withhold it too"
        is_about = isinstance(payload, Amendment) and any(_aims_at(payload, c) for c in claims)
        if is_about and not isinstance(payload, ReportRetracted):
            yield f"position {position} ({name}) is about a withheld claim; withhold it too"


def _aims_at(amendment: Amendment, claim: Claim) -> bool:
    if isinstance(amendment, ReportRetracted):
        return True
    return getattr(amendment, "target", None) in (claim.claim_id, claim.ref)


def refuse_withheld(store: EventStore, path: str, report_id: str, digest: str) -> None:
    """Refuse to file a report's document again once it, or what was filed of it, is withheld.

    The log itself would add nothing; this says so before a claim comes back under another id.

    Raises:
        InvalidReport: it is withheld; another text of the report may be filed.
    """
    document = store.document(digest)
    stream = REPORT_STREAM_PREFIX + report_id
    filed = store.event_by_id(event_id(store.casebook, stream, digest, "report"))
    is_document_gone = document is not None and document.content is None
    if is_document_gone or (filed is not None and filed.data is None):
        raise InvalidReport(
            path, "was withheld from this casebook and is not filed again; a redacted text may be"
        )
