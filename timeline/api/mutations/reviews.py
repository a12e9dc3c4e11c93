"""Mutations by which a person signs claims, or adds one that was not read out of a report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry import ID
from strawberry.scalars import JSON

from timeline.api.context import Info
from timeline.api.described import answered, described
from timeline.api.entries import Entry, entries_of
from timeline.api.enums import ReviewStatus
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
from timeline.api.scalars import Position
from timeline.domain.claims import Verdict
from timeline.errors import InvalidEvent
from timeline.filing.commands import Commands
from timeline.filing.reviewing import Reviewed, Signature

strawberry.enum(
    Verdict,
    description="What a person decides of a claim: `accepted`, or `rejected`, and then it does not"
    " stand.",
    graphql_name_from="value",
)


@input_of
class ReviewClaimInput:
    """What a person who read a claim beside its words decides; whoever's token it is signs."""

    report_id: ID = strawberry.field(description="The id of the report that makes the claim.")
    claim: str = strawberry.field(description="The claim's id, or its ref in the report.")
    verdict: Verdict = strawberry.field(description="The decision.")
    changes: JSON | None = strawberry.field(
        default=None,
        description="Fields as in a coded report, put right before the claim is accepted.",
    )
    reason: str | None = strawberry.field(
        default=None, description="Why, in a sentence; whoever rejects must say."
    )
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@input_of
class AddClaimInput:
    """A claim that was not read out of a report; whoever's token it is has coded and signed it."""

    report_id: ID = strawberry.field(description="The id of the report that says so.")
    claim: JSON = strawberry.field(
        description="The claim as in a coded report, with a quote where the report has a text."
    )
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@described
class ReviewPayload:
    """A claim after its review."""

    claim_id: ID | None = strawberry.field(description="The claim's id; null when refused.")
    review: ReviewStatus | None = strawberry.field(
        description="Whether a person has signed it; null when refused."
    )
    claim: Entry | None = strawberry.field(
        description="The claim as it stands now; null when it does not stand, or was refused."
    )
    position: Position | None = position_field()
    version: int | None = stream_version_field()
    errors: list[UserError] = errors_field()


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidEvent(f"{what} must be an object of claim fields")
    return value


def _reviewed(
    info: Info,
    name: str,
    given: ReviewClaimInput | AddClaimInput,
    do: Callable[[Commands], Reviewed],
) -> ReviewPayload:
    def done(commands: Commands) -> Told:
        reviewed = do(commands)
        return {
            "claim_id": reviewed.claim_id,
            "review": reviewed.review.value,
            "position": reviewed.position,
            "version": commands.store.stream_version(f"report-{given.report_id}"),
        }

    told, errors = changed(info, name, given, given.idempotency_key, done)
    found = entries_of(info.context.reader.claims([told["claim_id"]])) if told else []
    return ReviewPayload(
        claim_id=ID(told["claim_id"]) if told else None,
        review=ReviewStatus(told["review"]) if told else None,
        claim=found[0] if found else None,
        position=position_of(told),
        version=told.get("version"),
        errors=errors,
    )


@described
class ReviewMutations:
    """Mutations by which a person signs claims."""

    @answered
    def review_claim(self, info: Info, given: Annotated[ReviewClaimInput, INPUT]) -> ReviewPayload:
        """Accept a claim, perhaps put right before, or reject it. Needs the role editor.

        It counts for other versions of the report where type and words are equal.
        """

        def do(commands: Commands) -> Reviewed:
            changes = None if given.changes is None else _object(given.changes, "changes")
            signature = Signature(given.claim, given.verdict, changes, given.reason)
            [reviewed] = commands.reviewing.sign(
                str(given.report_id),
                [signature],
                reviewed_by=commands.author.name,
                expected_version=given.expected_version,
            )
            return reviewed

        return _reviewed(info, "reviewClaim", given, do)

    @answered
    def add_claim(self, info: Info, given: Annotated[AddClaimInput, INPUT]) -> ReviewPayload:
        """Add a claim to the current version of a report. Needs the role editor."""

        def do(commands: Commands) -> Reviewed:
            return commands.reviewing.add(
                str(given.report_id),
                _object(given.claim, "claim"),
                reviewed_by=commands.author.name,
                expected_version=given.expected_version,
            )

        return _reviewed(info, "addClaim", given, do)
