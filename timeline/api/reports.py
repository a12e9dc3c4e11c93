"""GraphQL types of reports: one version each, with its source and its claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import ID

from timeline.api.connections import Connection, Paging, connection
from timeline.api.context import Group, Info
from timeline.api.described import answered, described
from timeline.api.extracted import SecondOpinion, extracted
from timeline.api.nodes import Identity, Node
from timeline.api.values import Source
from timeline.filing.recoding import Opinion, read_opinions
from timeline.projections.reading import ReportView

if TYPE_CHECKING:
    from timeline.api.entries import Entry

STREAM_ROWS = 20  # what reading a report's own stream is counted as
KnownOn = Annotated[
    str | None,
    strawberry.argument(
        description="As known on this day (its whole, in the casebook's time zone; YYYY-MM-DD) or"
        " instant with offset: the reported axis, by when reports were published. Null is all that"
        " is known now."
    ),
]


@described
class Report(Node):
    """One version of a report.

    A changed document of the same report is a further version; from its publication on only its
    claims stand.
    """

    id: ID = strawberry.field(description="The report's id, the same for all its versions.")
    version: str = strawberry.field(
        description="SHA-256 of the document as filed, in hexadecimal: the id of this version."
    )
    title: str | None = strawberry.field(description="Its title; null when it has none.")
    url: str | None = strawberry.field(description="Where it was published; null when not told.")
    source: Source | None = strawberry.field(description="Who published it; null when not told.")
    reported: str | None = strawberry.field(
        description="When this version was published, as EDTF; null when undated."
    )
    undated: bool = strawberry.field(
        description="Whether it was filed without a date of publication; then it counts as known"
        " from when it was recorded."
    )
    language: str | None = strawberry.field(
        description="Language of its text as BCP 47, such as en; null when not told."
    )
    coded_by: str | None = strawberry.field(
        description="The person who coded it, or the extractor with its version; null when not"
        " told."
    )
    claim_count: int = strawberry.field(
        description="How many claims this version was filed with, standing or not."
    )
    is_current: bool = strawberry.field(
        description="Whether no later version is known; for all that is known now."
    )

    text_digest: strawberry.Private[str | None]
    group: strawberry.Private[Group]

    def identity(self) -> Identity:
        """It is found by its id and version."""
        return ("Report", str(self.id), self.version)

    @answered
    def published(self, info: Info) -> str | None:
        """When the report was first published, as EDTF; null when undated.

        The same as `reported` for the first version.
        """
        versions = info.context.versions(str(self.id), self.group.ids)
        return versions[0].reported_edtf if versions else self.reported

    @answered
    def versions(self, info: Info) -> list[Report]:
        """All versions of the report, oldest publication first."""
        found = info.context.versions(str(self.id), self.group.ids)
        info.context.spend(len(found))
        return [report_of(v, self.group) for v in found]

    @answered
    def claims(
        self, info: Info, known_on: KnownOn = None
    ) -> list[Annotated[Entry, strawberry.lazy("timeline.api.entries")]]:
        """The report's standing claims, in the order in which they were filed.

        Those of the version that is current, or that was on `knownOn`. Retracted claims do not
        stand.
        """
        by_report = self.group.once(
            ("claims", known_on), lambda: _claims_of(info, self.group, known_on)
        )
        found = by_report.get(str(self.id), [])
        info.context.spend(len(found))
        return found

    @answered
    def second_opinions(self, info: Info) -> list[SecondOpinion]:
        """What other extractors read in this version, in the order of the log."""
        context, group = info.context, self.group
        context.spend(STREAM_ROWS)
        told = group.once("opinions", lambda: read_opinions(context.store, group.ids))
        found = [o for o in told.get(str(self.id), ()) if o.report_version == self.version]
        if not found:
            return []
        context.spend(sum(1 + len(o.claims) for o in found))
        texts = group.once("texts", lambda: _texts_read(info, group, told))
        text = texts.get(self.text_digest or "", "")
        return [
            SecondOpinion(
                coded_by=o.coded_by,
                recorded_at=o.recorded_at,
                claim_ids=[ID(i) for i in o.claims],
                claims=extracted(o.claims.values(), text),
            )
            for o in found
        ]


def _claims_of(info: Info, group: Group, known_on: str | None) -> dict[str, list[Entry]]:
    """The standing claims of each of some reports, as known on `known_on`.

    Raises:
        InvalidDate: `known_on` is neither a day nor an instant with offset.
        QueryTooLarge: the reports have more claims than one request may return.
    """
    from timeline.api.batches import claims_of_reports
    from timeline.api.entries import entries_of_each

    return entries_of_each(claims_of_reports(info, group.ids, known_on), known_on)


def _texts_read(info: Info, group: Group, told: Mapping[str, Sequence[Opinion]]) -> dict[str, str]:
    """The texts, by digest, of the versions on which there are second opinions."""
    read = {o.report_version for opinions in told.values() for o in opinions}
    versions = chain.from_iterable(info.context.versions(id_, group.ids) for id_ in told)
    return info.context.reader.texts({v.text_digest for v in versions if v.report_version in read})


def report_of(view: ReportView, group: Group | None = None) -> Report:
    """The GraphQL type of a report's version; `group` are the reports of the same answer."""
    source = None
    if view.source_id is not None:
        source = Source(id=ID(view.source_id), name=view.source_name or view.source_id)
    return Report(
        id=ID(view.report_id),
        version=view.report_version,
        title=view.title,
        url=view.url,
        source=source,
        reported=view.reported_edtf,
        undated=view.undated,
        language=view.language,
        coded_by=view.coded_by,
        claim_count=view.claim_count,
        is_current=view.is_current,
        text_digest=view.text_digest,
        group=group or Group([view.report_id]),
    )


def current_report(info: Info, report_id: str) -> Report | None:
    """The current version of a report; `None` when none has that id."""
    versions = info.context.versions(report_id)
    return report_of(versions[-1]) if versions else None


def find_version(info: Info, report_id: str, version: str) -> Report | None:
    """One version of a report; `None` when it has none of that digest."""
    found = (v for v in info.context.versions(report_id) if v.report_version == version)
    return next(map(report_of, found), None)


def reports_page(
    info: Info, page: Paging, known_on: str | None, source_id: str | None
) -> Connection[Report]:
    """A page of the current versions, or of those of a known time, in order of publication."""
    after = None if page.after is None else (str(page.after[0]), str(page.after[1]))
    before = None if page.before is None else (str(page.before[0]), str(page.before[1]))
    reader = info.context.reader
    views, more = reader.reports(
        page.fetched,
        after,
        before,
        backwards=page.backwards,
        known_on=known_on,
        source_id=source_id,
    )
    info.context.spend(len(views))
    rows = [((v.known_from, v.report_id), v) for v in views]
    group = Group(v.report_id for v in views)
    return connection(
        page,
        rows,
        more,
        lambda view: report_of(view, group),
        lambda: reader.count_reports(known_on, source_id),
    )
