"""Files reports: reads a file, decides its events, appends them in one transaction, catches up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace

from timeline.domain.actors import Source, slug
from timeline.domain.claims import Extractor, ProposedClaim, ReportFrame
from timeline.domain.time import instant_text, known_end
from timeline.errors import (
    EventIdReused,
    InvalidEvent,
    InvalidReport,
    PartlyAppended,
    WrongExpectedVersion,
)
from timeline.filing.coded import read_coded
from timeline.filing.deciding import (
    Decision,
    Publication,
    check_dates,
    decide,
    publication,
    resolved,
    resolved_changes,
)
from timeline.filing.documents import PROSE_SUFFIXES, SUFFIXES, check_content, read_bytes
from timeline.filing.drafts import Draft
from timeline.filing.history import read_history
from timeline.filing.identity import report_id_of
from timeline.filing.prose import read_prose
from timeline.filing.withholding import refuse_withheld
from timeline.projections.reading import Reader, ReportView
from timeline.projections.register import read_sources
from timeline.projections.runner import DECIDED_BY, Runner
from timeline.settings import CLAIMS_PER_REPORT_MAX, FILES_PER_COMMAND_MAX
from timeline.store.appending import Clock
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore

DECISIONS_MAX = 5
# Another writer filed the same report, or registered the same source, in the meantime.
MOVED_ON = (WrongExpectedVersion, PartlyAppended, EventIdReused)


class Outcome(StrEnum):
    """What filing a report came to."""

    FILED = "filed"
    REVISED = "filed as a revision"
    ALREADY_FILED = "already filed"


@dataclass(frozen=True)
class Filed:
    """The result of filing one report; `events` is 0 when it was filed already."""

    path: str
    report_id: str
    outcome: Outcome
    events: int
    claims: int
    notes: tuple[str, ...]
    position: int | None = None


@dataclass(frozen=True)
class Options:
    """What the person who files adds to what the file says; dates are EDTF.

    With `expected_version` the report's stream must have that version, 0 meaning that the report
    is not filed yet. With `known_places` a place that nothing is known by refuses the report.
    `without_claims` files prose with nothing read out of it, in any language.
    """

    published: str | None = None
    reported: str | None = None
    revises: str | None = None
    undated: bool = False
    expected_version: int | None = None
    known_places: bool = False
    without_claims: bool = False


def report_paths(paths: Sequence[Path]) -> Iterator[Path]:
    """The report files among `paths`, folders walked, in order of their names.

    Raises:
        InvalidReport: a path does not exist, a folder holds no report, or there are too many.
    """
    count = 0
    for path in paths:
        if not path.exists():
            raise InvalidReport(str(path), "does not exist")
        found = [path]
        if path.is_dir():
            files = (p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
            found = sorted(p for p in files if p.is_file())
            if not found:
                raise InvalidReport(str(path), f"holds no report ({', '.join(SUFFIXES)})")
        count += len(found)
        if count > FILES_PER_COMMAND_MAX:
            raise InvalidReport(str(path), f"more than {FILES_PER_COMMAND_MAX:,} files at once")
        yield from found


def read_draft(path: Path) -> Draft:
    """A report file's draft.

    Raises:
        InvalidReport: it is no report; says what is wrong, where, and what to do.
    """
    return draft_of(read_bytes(path), path)


def draft_of(content: bytes, path: Path) -> Draft:
    """The draft of a report's content; `path` names it, and need not be a file.

    Raises:
        InvalidReport: it is no report; says what is wrong, where, and what to do.
    """
    check_content(content, path)
    reads = read_prose if path.suffix.lower() in PROSE_SUFFIXES else read_coded
    return reads(content, path)


def framed(draft: Draft, extractor: Extractor) -> Draft:
    """A prose draft with title, publisher, dateline and language as they stand in the text.

    What the front matter declares comes first.
    """
    if draft.readable_text is None:
        return draft
    frame = extractor.frame(draft.readable_text)
    return replace(
        draft,
        title=draft.title or frame.title,
        source_name=draft.source_name or frame.publisher,
        dateline=frame.published,
        language=draft.language or frame.language,
    )


def frame_of(draft: Draft, published: str | None) -> ReportFrame:
    """What is known of a report before its sentences are read."""
    return ReportFrame(
        title=draft.title,
        publisher=draft.source_name,
        published=published,
        language=draft.language,
    )


class Filing:
    """Files reports into one casebook."""

    def __init__(
        self, store: EventStore, reader: Reader, runner: Runner, extractor: Extractor, clock: Clock
    ) -> None:
        self._store, self._reader, self._runner = store, reader, runner
        self._extractor, self._clock = extractor, clock

    def file(self, path: Path, options: Options | None = None) -> Filed:
        """File one report: all of its events, or none.

        Raises:
            InvalidReport: the file is no report, or contradicts what is filed.
            ProjectionHalted: what is filed already cannot be told: a projection stands still.
            WrongExpectedVersion: other writers kept filing the same report meanwhile.
            PartlyAppended: as WrongExpectedVersion.
            EventIdReused: as WrongExpectedVersion.
            DatabaseUnavailable: the database did not answer.
        """
        return self.file_draft(read_draft(path), options)

    def extraction(
        self, draft: Draft, published: str | None = None
    ) -> tuple[Draft, tuple[ProposedClaim, ...]]:
        """A draft as it would be filed, and the claims it would be filed with; stores nothing.

        Raises:
            InvalidReport: it cannot be filed as it stands; a missing date is no reason.
        """
        draft = framed(draft, self._extractor)
        is_dated = draft.published or published or draft.dateline or draft.updated
        when = publication(draft, published, None, undated=not is_dated, now=self._clock())
        claims, _, _ = self._claims(draft, when)
        check_dates(draft.path, claims, when.reported)
        self._runner.catch_up()
        return draft, resolved(claims, self._reader.gazetteer(), self._reader.actor_table())

    def file_draft(self, draft: Draft, options: Options | None = None) -> Filed:
        """File the report that a draft holds; as `file`.

        Raises:
            TimelineError: as `file`.
        """
        draft = framed(draft, self._extractor)
        for attempt in range(1, DECISIONS_MAX + 1):
            self._runner.catch_up()
            try:
                return self._file_once(draft, options or Options())
            except MOVED_ON:
                if attempt == DECISIONS_MAX or (options and options.expected_version is not None):
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _file_once(self, draft: Draft, options: Options) -> Filed:
        digest = sha256(draft.content).hexdigest()
        known = self._reader.find_report_versions(
            options.revises or draft.report_id, draft.url, digest
        )
        same = next((v for v in known if v.report_version == digest), None)
        if same is not None:
            return Filed(draft.path, same.report_id, Outcome.ALREADY_FILED, 0, 0, ())
        report_id = self._report_id(draft, options, known, digest)
        refuse_withheld(self._store, draft.path, report_id, digest)
        when = publication(
            draft,
            options.published,
            options.reported,
            undated=options.undated,
            now=self._clock(),
        )
        # Read before the versions are: what another writer files after this is a conflict.
        stream_version = self._store.expected_version(
            f"report-{report_id}", options.expected_version
        )
        self._runner.catch_up()
        self._runner.require_going(*DECIDED_BY)
        versions = self._reader.report(report_id)
        self._check_order(draft, when, versions)
        try:
            decision = self._decide(
                draft,
                when,
                report_id,
                stream_version,
                is_revision=bool(versions),
                known_places=options.known_places,
                without_claims=options.without_claims,
            )
        except InvalidEvent as fault:
            raise InvalidReport(draft.path, str(fault)) from None
        appended = self._store.append(decision.appends, decision.documents)
        behind = self._runner.catch_up_after_append()
        waiting = self._waiting_notes(draft)
        return Filed(
            path=draft.path,
            report_id=report_id,
            outcome=_outcome(appended.appended, is_revision=bool(versions)),
            events=appended.appended,
            claims=decision.claim_count,
            notes=(*decision.notes, *waiting, *behind),
            position=max(appended.positions),
        )

    def _report_id(
        self, draft: Draft, options: Options, known: Sequence[ReportView], digest: str
    ) -> str:
        declared = options.revises or draft.report_id
        if options.revises and not any(v.report_id == options.revises for v in known):
            raise InvalidReport(draft.path, f"no report {options.revises!r} is filed to revise")
        by_url = next((v.report_id for v in known if draft.url and v.url == draft.url), None)
        if declared and by_url and declared != by_url:
            raise InvalidReport(
                draft.path,
                f"its url is filed as report {by_url!r}, not {declared!r};"
                f" give it that id, or --revises {by_url}",
            )
        return declared or by_url or report_id_of(digest)

    def _check_order(self, draft: Draft, when: Publication, versions: Sequence[ReportView]) -> None:
        """Two versions published at one time cannot be told apart: which came last?"""
        if when.undated or not versions:
            return
        known_from = instant_text(known_end(when.reported, "", self._reader.time_zone))
        if any(v.known_from == known_from for v in versions):
            raise InvalidReport(
                draft.path,
                f"report {versions[0].report_id!r} is filed already with other content of the same"
                " date; say when this version was published with updated: or --reported DATE",
            )

    def _decide(
        self,
        draft: Draft,
        when: Publication,
        report_id: str,
        stream_version: int,
        *,
        is_revision: bool,
        known_places: bool,
        without_claims: bool,
    ) -> Decision:
        gazetteer, actors = self._reader.gazetteer(), self._reader.actor_table()
        claims, coded_by, left_out = ((), None, ()) if without_claims else self._claims(draft, when)
        check_dates(draft.path, claims, when.reported)
        claims = resolved(claims, gazetteer, actors)
        if known_places:
            require_places(claims, self._reader)
        amendments = tuple(
            replace(a, changes=resolved_changes(a.changes, gazetteer, actors)) if a.changes else a
            for a in draft.amendments
        )
        return decide(
            replace(draft, amendments=amendments, notes=(*draft.notes, *left_out)),
            claims,
            when,
            casebook=self._store.casebook,
            report_id=report_id,
            is_revision=is_revision,
            stream_version=stream_version,
            source=self._source(draft),
            actors=actors,
            coded_by=coded_by,
            metadata={"command": "file"},
            history=read_history(self._store, report_id) if is_revision else None,
        )

    def _claims(
        self, draft: Draft, when: Publication
    ) -> tuple[tuple[ProposedClaim, ...], str | None, tuple[str, ...]]:
        """The claims of a draft, who read them out of it, and notes on what was left out."""
        if draft.claims is not None:
            return draft.claims, None, ()
        assert draft.readable_text is not None  # noqa: S101 - prose has a text
        frame = frame_of(draft, when.reported.edtf)
        try:
            extraction = self._extractor.extract(
                draft.readable_text, frame, self._reader.gazetteer(), self._reader.actor_table()
            )
        except InvalidReport as fault:  # the extractor knows no path
            raise InvalidReport(draft.path, fault.reason) from None
        if len(extraction.claims) > CLAIMS_PER_REPORT_MAX:
            raise InvalidReport(
                draft.path,
                f"gives more than {CLAIMS_PER_REPORT_MAX} claims; split it into single reports",
            )
        return extraction.claims, extraction.coded_by, extraction.notes

    def _source(self, draft: Draft) -> Source | None:
        if draft.source_name is None:
            return None
        wanted = slug(draft.source_name)
        with read_transaction(self._store.engine) as connection:
            sources = read_sources(connection, self._store.casebook)
        return next((s for s in sources if s.source_id == wanted), None)

    def _waiting_notes(self, draft: Draft) -> tuple[str, ...]:
        aimed = {(a.report_id, a.target) for a in draft.amendments}
        return tuple(
            f"{type_} waits until claim {target!r} of report {report_id!r} is filed"
            if target
            else f"{type_} waits until report {report_id!r} is filed"
            for type_, report_id, target in self._reader.waiting()
            if (report_id, target) in aimed
        )


def require_places(claims: Sequence[ProposedClaim], reader: Reader) -> None:
    """Refuse claims about a place that is not known, or that several have the name of.

    Raises:
        PlaceNotFound: names the first, with near names.
        AmbiguousPlace: names the first, with its candidates.
    """
    for mention in (m for c in claims for m in (c.place, c.place2)):
        if mention is not None and mention.place_id is None:
            reader.find_place(mention.as_named)


def _outcome(appended: int, *, is_revision: bool) -> Outcome:
    """Another process may have filed the same report between the decision and the append."""
    if appended == 0:
        return Outcome.ALREADY_FILED
    return Outcome.REVISED if is_revision else Outcome.FILED
