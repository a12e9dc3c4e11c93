"""Stores what another extractor makes of a filed report: beside the first reading, never over it.

Whoever reads first is filed; a second opinion is one event with all its claims, which stand nowhere
until a person accepts one (`reviewing`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from timeline.domain.claims import Extractor, ProposedClaim, ReportFrame, identified
from timeline.domain.opinions import CLAIMS_PER_OPINION_MAX, ReportRecoded
from timeline.domain.time import occurred_from_edtf
from timeline.errors import InvalidEvent, InvalidReport, NotFound
from timeline.filing.deciding import check_dates, naming_notes, new_event, resolved
from timeline.filing.documents import PROSE_SUFFIXES
from timeline.filing.identity import event_id
from timeline.filing.prose import read_prose
from timeline.projections.batches import REPORT_STREAM_PREFIX, payload_of
from timeline.projections.reading import Reader, ReportView
from timeline.projections.runner import DECIDED_BY, Runner
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, StreamAppend


@dataclass(frozen=True)
class Opinion:
    """A second opinion on one version of a report: its claims by their ids, in their order."""

    report_version: str
    coded_by: str
    recorded_at: str
    position: int
    claims: Mapping[str, ProposedClaim]


@dataclass(frozen=True)
class Recoded:
    """What recoding came to; `is_new` unless the same extractor had read that version before."""

    opinion: Opinion
    is_new: bool
    notes: tuple[str, ...]


def read_opinions(store: EventStore, report_ids: Collection[str]) -> dict[str, tuple[Opinion, ...]]:
    """All second opinions on some reports, in the order of the log; withheld ones are left out.

    Reports of which there are none are left out.
    """
    found: dict[str, tuple[Opinion, ...]] = {}
    for stored in store.read_streams({REPORT_STREAM_PREFIX + id_ for id_ in report_ids}):
        if stored.type != ReportRecoded.__name__ or stored.data is None:
            continue
        payload = payload_of(stored)
        assert isinstance(payload, ReportRecoded)  # noqa: S101
        ids = identified(payload.claims, payload.report_version)
        opinion = Opinion(
            report_version=payload.report_version,
            coded_by=payload.coded_by,
            recorded_at=stored.recorded_at,
            position=stored.position,
            claims=dict(zip(ids, payload.claims, strict=True)),
        )
        report_id = stored.stream.removeprefix(REPORT_STREAM_PREFIX)
        found[report_id] = (*found.get(report_id, ()), opinion)
    return found


class Recoding:
    """Recodes reports of one casebook."""

    def __init__(
        self, store: EventStore, reader: Reader, runner: Runner, extractor: Extractor
    ) -> None:
        self._store, self._reader, self._runner = store, reader, runner
        self._extractor = extractor

    def recode(self, report_id: str) -> Recoded:
        """Have the extractor read a report's current version, and store its claims as an opinion.

        Whose opinion is there already is not stored again; an extractor that says beforehand who
        it is, by an attribute `coded_by`, is not even asked again.

        Raises:
            NotFound: no such report.
            InvalidReport: it has no text, cannot be read by that extractor, or was by it at first.
            InvalidEvent: the opinion was withheld.
            EventIdReused: another process stored an opinion of that extractor meanwhile.
            TimelineError: as the extractor says.
        """
        self._runner.catch_up()
        self._runner.require_going(*DECIDED_BY)
        versions = self._reader.report(report_id)
        if not versions:
            raise NotFound(f"no report has the id {report_id!r}; see `timeline query`")
        view = next(v for v in versions if v.is_current)
        asked = self._known(view, getattr(self._extractor, "coded_by", None))
        if asked is not None:
            return Recoded(asked, is_new=False, notes=())
        frame = ReportFrame(
            title=view.title,
            publisher=view.source_name,
            published=view.reported_edtf,
            language=view.language,
        )
        gazetteer, actors = self._reader.gazetteer(), self._reader.actor_table()
        try:
            text = self._readable(view)
            read = self._extractor.extract(text, frame, gazetteer, actors)
            if read.coded_by == view.coded_by:
                raise InvalidReport(
                    report_id, f"was read by {read.coded_by} at first; take another"
                )
            if len(read.claims) > CLAIMS_PER_OPINION_MAX:
                raise InvalidReport(report_id, f"gives more than {CLAIMS_PER_OPINION_MAX} claims")
            if view.reported_edtf is not None:
                check_dates(report_id, read.claims, occurred_from_edtf(view.reported_edtf))
        except InvalidReport as fault:  # the extractor knows no id
            raise InvalidReport(report_id, fault.reason) from None
        known = self._known(view, read.coded_by)
        if known is not None:
            return Recoded(known, is_new=False, notes=())
        claims = resolved(
            [replace(c, coded_by=c.coded_by or read.coded_by) for c in read.claims],
            gazetteer,
            actors,
        )
        payload = ReportRecoded(
            report_id=report_id,
            report_version=view.report_version,
            coded_by=read.coded_by,
            claims=claims,
        )
        stream = REPORT_STREAM_PREFIX + report_id
        key = event_id(self._store.casebook, stream, view.report_version, "recoded", read.coded_by)
        new = new_event(payload, key, {"command": "recode"})
        # Beside whatever else is filed: an opinion decides nothing that could be in conflict.
        self._store.append([StreamAppend(stream, ANY, (new,))])
        behind = self._runner.catch_up_after_append()
        opinion = self._known(view, read.coded_by)
        if opinion is None:
            raise InvalidEvent(
                "the opinion was withheld from this casebook; it is not stored again"
            )
        return Recoded(opinion, is_new=True, notes=(*read.notes, *naming_notes(claims), *behind))

    def _readable(self, view: ReportView) -> str:
        """The text as an extractor reads it: the front matter of prose blanked."""
        text = self._reader.text(view.text_digest)
        if text is None:
            raise InvalidReport(view.report_id, "has no text, or it is withheld")
        if view.text_digest != view.report_version:
            return text  # of a coded report
        suffix = next(iter(PROSE_SUFFIXES))
        return read_prose(text.encode(), Path(view.report_id + suffix)).readable_text or ""

    def _known(self, view: ReportView, coded_by: str | None) -> Opinion | None:
        if coded_by is None:
            return None
        opinions = read_opinions(self._store, [view.report_id]).get(view.report_id, ())
        return next(
            (
                o
                for o in opinions
                if (o.report_version, o.coded_by) == (view.report_version, coded_by)
            ),
            None,
        )
