"""Mutations of reports: filing and extracting."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.context import Info
from timeline.api.described import answered, described
from timeline.api.extracted import ExtractedClaim, extracted
from timeline.api.mutations.changing import (
    INPUT,
    Told,
    changed,
    errors_field,
    input_of,
    key_field,
    position_field,
    position_of,
    stream_version_field,
    version_field,
)
from timeline.api.mutations.errors import UserError
from timeline.api.reports import Report, current_report
from timeline.api.scalars import Position
from timeline.api.uploads import UploadedFile
from timeline.domain.claims import ProposedClaim
from timeline.errors import InvalidReport
from timeline.filing.commands import Commands
from timeline.filing.drafts import Draft
from timeline.filing.filing import Options, Outcome, draft_of

FILE_NAME_LENGTH_MAX = 200


class FilingOutcome(StrEnum):
    """What filing a report came to."""

    FILED = "filed"
    REVISED = "revised"
    ALREADY_FILED = "already_filed"


strawberry.enum(
    FilingOutcome, description="What filing a report came to.", graphql_name_from="value"
)
_OUTCOMES = {
    Outcome.FILED: FilingOutcome.FILED,
    Outcome.REVISED: FilingOutcome.REVISED,
    Outcome.ALREADY_FILED: FilingOutcome.ALREADY_FILED,
}


def _file_field() -> UploadedFile | None:
    field: UploadedFile | None = strawberry.field(
        default=None, description="The report's file, as an upload; or give its content."
    )
    return field


def _content_field() -> str | None:
    field: str | None = strawberry.field(
        default=None, description="The report's content, as its file would hold it; with a name."
    )
    return field


def _name_field() -> str | None:
    field: str | None = strawberry.field(
        default=None,
        description="The file's name; what it ends in says what it is: .txt or .md prose, .yaml or"
        " .json coded. Null takes that of the upload.",
    )
    return field


@input_of
class FileReportInput:
    """A report to file, coded or prose, and what its file does not say. Dates are EDTF."""

    file: UploadedFile | None = _file_field()
    content: str | None = _content_field()
    name: str | None = _name_field()
    published: str | None = strawberry.field(
        default=None, description="When it was published, where the file does not say."
    )
    reported: str | None = strawberry.field(
        default=None, description="When this version was published, of a revision."
    )
    revises: ID | None = strawberry.field(
        default=None, description="The id of the report that it is a revision of."
    )
    undated: bool = strawberry.field(
        default=False, description="That nobody knows when it was published: known from now on."
    )
    known_places: bool = strawberry.field(
        default=False,
        description="Refuse the report when a claim names a place that is not known, or that"
        " several have the name of; otherwise it is left unresolved.",
    )
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@described
class FileReportPayload:
    """A filed report."""

    report: Report | None = strawberry.field(description="The report; null when it was refused.")
    outcome: FilingOutcome | None = strawberry.field(description="Null when it was refused.")
    claims: int = strawberry.field(description="How many claims were filed with it.")
    notes: list[str] = strawberry.field(
        description="What the person who files should know, such as names that nothing matches."
    )
    position: Position | None = position_field()
    version: int | None = stream_version_field()
    errors: list[UserError] = errors_field()


@input_of
class ExtractInput:
    """A report to read without storing anything."""

    file: UploadedFile | None = _file_field()
    content: str | None = _content_field()
    name: str | None = _name_field()
    published: str | None = strawberry.field(
        default=None, description="When it was published (EDTF), where the file does not say."
    )


@described
class ExtractPayload:
    """What filing a report would append."""

    title: str | None = strawberry.field(description="Its title; null when it has none.")
    source: str | None = strawberry.field(description="Who published it; null when not told.")
    published: str | None = strawberry.field(
        description="When it was published, as EDTF; null when the report does not say."
    )
    claims: list[ExtractedClaim] = strawberry.field(description="In the order of the report.")
    errors: list[UserError] = strawberry.field(
        description="Why it could not be read; empty when it was."
    )


def _draft(given: FileReportInput | ExtractInput) -> Draft:
    """The draft of what is given.

    Raises:
        InvalidReport: neither or both of file and content, no name, or it is no report.
    """
    upload = given.file
    name = given.name or (upload.name if upload else "")
    path = Path(PurePosixPath(name.replace("\\", "/")).name[-FILE_NAME_LENGTH_MAX:] or "report")
    if (upload is None) == (given.content is None):
        raise InvalidReport(str(path), "is given by a file or by its content, and not by both")
    if upload is not None:
        return draft_of(upload.content, path)
    try:
        content = (given.content or "").encode()
    except UnicodeEncodeError:
        raise InvalidReport(str(path), "holds half of a character; leave it out") from None
    return draft_of(content, path)


@described
class ReportMutations:
    """Mutations of reports."""

    @answered
    def file_report(
        self, info: Info, given: Annotated[FileReportInput, INPUT]
    ) -> FileReportPayload:
        """File a report, with all its claims, or nothing of it.

        Filing the same document again appends nothing. Needs the role reporter.
        """

        def do(commands: Commands) -> Told:
            chosen = Options(
                published=given.published,
                reported=given.reported,
                revises=None if given.revises is None else str(given.revises),
                undated=given.undated,
                expected_version=given.expected_version,
                known_places=given.known_places,
            )
            filed = commands.filing.file_draft(_draft(given), chosen)
            return {
                "report": filed.report_id,
                "outcome": _OUTCOMES[filed.outcome].value,
                "claims": filed.claims,
                "notes": list(filed.notes),
                "position": filed.position,
                "version": commands.store.stream_version(f"report-{filed.report_id}"),
            }

        told, errors = changed(info, "fileReport", given, given.idempotency_key, do)
        return FileReportPayload(
            report=current_report(info, told["report"]) if told else None,
            outcome=FilingOutcome(told["outcome"]) if told else None,
            claims=told.get("claims", 0),
            notes=told.get("notes", []),
            position=position_of(told),
            version=told.get("version"),
            errors=errors,
        )

    @answered
    def extract(self, info: Info, given: Annotated[ExtractInput, INPUT]) -> ExtractPayload:
        """Read what filing a report would append, and store nothing. Needs the role reporter."""
        found: list[tuple[Draft, tuple[ProposedClaim, ...]]] = []

        def do(commands: Commands) -> Told:
            found.append(commands.filing.extraction(_draft(given), given.published))
            return {}

        _, errors = changed(info, "extract", given, None, do)
        if not found:
            return ExtractPayload(title=None, source=None, published=None, claims=[], errors=errors)
        [(draft, proposed)] = found
        info.context.spend(len(proposed))
        return ExtractPayload(
            title=draft.title,
            source=draft.source_name,
            published=draft.published or given.published or draft.dateline,
            claims=extracted(proposed, draft.text or ""),
            errors=[],
        )
