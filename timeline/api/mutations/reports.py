"""Mutations of reports: filing and extracting."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.context import Info, PlaceGroup
from timeline.api.described import answered, described
from timeline.api.enums import Certainty, ClaimType, Modality, Polarity, StatementKind
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
from timeline.api.values import (
    ActorMention,
    CasualtyCount,
    Evidence,
    Fatalities,
    Occurred,
    PlaceMention,
    Quantity,
)
from timeline.domain import claims
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
class ExtractedClaim:
    """A claim that filing a report would append, as far as it is known before."""

    type: ClaimType = strawberry.field(description="What kind of thing it tells of.")
    modality: Modality = strawberry.field(description="The speaker's.")
    polarity: Polarity = strawberry.field(
        description="Whether it says that it happened, or that it did not."
    )
    certainty: Certainty = strawberry.field(description="The speaker's own hedge.")
    statement_kind: StatementKind | None = strawberry.field(
        description="What kind of Statement it is; null for every other type."
    )
    actors: list[ActorMention] = strawberry.field(description="Who takes part, in which role.")
    place: PlaceMention | None = strawberry.field(description="Where; null when not told.")
    place2: PlaceMention | None = strawberry.field(
        description='The second place of "between one and the other"; null otherwise.'
    )
    occurred: Occurred = strawberry.field(
        description="When it happened (valid time); its fields are null when undated."
    )
    quantity: Quantity | None = strawberry.field(description="How many of what; null: not told.")
    fatalities: Fatalities | None = strawberry.field(
        description="People killed in all; null: not told."
    )
    casualties: list[CasualtyCount] = strawberry.field(
        description="Killed, wounded and others apart by who they were; empty when not told."
    )
    attributed_to: str | None = strawberry.field(
        description="Who says so, in the report's words; null is the report's own voice."
    )
    evidence: Evidence | None = strawberry.field(
        description="The span of the report that says so, with its words; null without text."
    )
    also_evidence: list[Evidence] = strawberry.field(description="Further spans that say the same.")
    confidence: float | None = strawberry.field(
        description="The extractor's confidence in its reading, 0 to 1; null: not told."
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


def _extracted(claim: ProposedClaim, text: str, group: PlaceGroup) -> ExtractedClaim:
    def spanned(span: claims.Evidence) -> Evidence:
        quote = text[span.span_start : span.span_end]
        return Evidence(span_start=span.span_start, span_end=span.span_end, quote=quote)

    return ExtractedClaim(
        type=claim.type,
        modality=claim.modality,
        polarity=claim.polarity,
        certainty=claim.certainty,
        statement_kind=claim.statement_kind,
        actors=[ActorMention.of(a) for a in claim.actors],
        place=PlaceMention.of(claim.place, group),
        place2=PlaceMention.of(claim.place2, group),
        occurred=Occurred.of(claim.occurred),
        quantity=Quantity.of(claim.quantity),
        fatalities=Fatalities.of(claim.fatalities),
        casualties=[CasualtyCount.of(c) for c in claim.casualties],
        attributed_to=claim.attributed_to,
        evidence=spanned(claim.evidence) if claim.evidence else None,
        also_evidence=[spanned(s) for s in claim.also_evidence],
        confidence=claim.confidence,
    )


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
        named = [m.place_id for c in proposed for m in (c.place, c.place2) if m is not None]
        group = PlaceGroup(p for p in named if p is not None)
        return ExtractPayload(
            title=draft.title,
            source=draft.source_name,
            published=draft.published or given.published or draft.dateline,
            claims=[_extracted(c, draft.text or "", group) for c in proposed],
            errors=[],
        )
