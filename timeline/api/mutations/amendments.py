"""Mutations of what is filed: correcting, retracting and reinstating claims and reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypedDict

import strawberry
from strawberry import ID
from strawberry.scalars import JSON

from timeline.api.context import Info
from timeline.api.described import answered, described
from timeline.api.entries import Entry, entries_of
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
from timeline.domain.events import Basis
from timeline.errors import InvalidEvent
from timeline.filing.commands import Commands

Basis = strawberry.enum(  # type: ignore[misc]
    Basis,
    description="Why something is amended: `source`, the outlet corrected itself, which counts from"
    " its own reported time; `coding`, we had misread it, which holds at every known time.",
    graphql_name_from="value",
)


def _report_field() -> ID:
    field: ID = strawberry.field(description="The id of the report that makes the claim.")
    return field


def _claim_field() -> str:
    field: str = strawberry.field(description="The claim's id, or its ref in the report.")
    return field


def _basis_field() -> Basis:
    field: Basis = strawberry.field(description="Who found it.")
    return field


def _reported_field() -> str | None:
    field: str | None = strawberry.field(
        default=None,
        description="When the outlet said so (EDTF); for basis source, which needs it.",
    )
    return field


def _reason_field() -> str | None:
    field: str | None = strawberry.field(default=None, description="Why, in a sentence.")
    return field


@input_of
class CorrectClaimInput:
    """What to put right of a claim."""

    report_id: ID = _report_field()
    claim: str = _claim_field()
    changes: JSON = strawberry.field(
        description='Fields as in a coded report: {"occurred": "2016-02-24"}; null takes one away.'
    )
    basis: Basis = _basis_field()
    reported: str | None = _reported_field()
    reason: str | None = _reason_field()
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@input_of
class AmendClaimInput:
    """A claim to retract or reinstate."""

    report_id: ID = _report_field()
    claim: str = _claim_field()
    basis: Basis = _basis_field()
    reported: str | None = _reported_field()
    reason: str | None = _reason_field()
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@input_of
class RetractReportInput:
    """A report to retract: none of its claims stand any longer, nor those of later versions."""

    report_id: ID = strawberry.field(description="The report's id.")
    basis: Basis = _basis_field()
    reported: str | None = _reported_field()
    reason: str | None = _reason_field()
    expected_version: int | None = version_field()
    idempotency_key: str | None = key_field()


@described
class AmendmentPayload:
    """A report after an amendment."""

    report: Report | None = strawberry.field(
        description="The report amended; null when it was refused."
    )
    claim: Entry | None = strawberry.field(
        description="The claim as it stands now; null when it does not stand, or was refused."
    )
    position: Position | None = position_field()
    version: int | None = stream_version_field()
    errors: list[UserError] = errors_field()


class _Grounds(TypedDict):
    """On what grounds something is amended, as filing takes them."""

    basis: Basis
    reported: str | None
    reason: str | None
    expected_version: int | None


def _grounds(given: CorrectClaimInput | AmendClaimInput | RetractReportInput) -> _Grounds:
    return {
        "basis": given.basis,
        "reported": given.reported,
        "reason": given.reason,
        "expected_version": given.expected_version,
    }


def _amended(
    info: Info,
    name: str,
    given: CorrectClaimInput | AmendClaimInput | RetractReportInput,
    do: Callable[[Commands], int],
) -> AmendmentPayload:
    report_id = str(given.report_id)
    target = None if isinstance(given, RetractReportInput) else given.claim

    def done(commands: Commands) -> Told:
        position = do(commands)
        return {
            "position": position,
            "version": commands.store.stream_version(f"report-{report_id}"),
        }

    told, errors = changed(info, name, given, given.idempotency_key, done)
    reader = info.context.reader
    claim_id = reader.claim_id(report_id, target) if told and target is not None else None
    found = entries_of(reader.claims([claim_id])) if claim_id is not None else []
    return AmendmentPayload(
        report=current_report(info, report_id) if told else None,
        claim=found[0] if found else None,
        position=position_of(told),
        version=told.get("version"),
        errors=errors,
    )


@described
class AmendmentMutations:
    """Mutations of what is filed."""

    @answered
    def correct_claim(
        self, info: Info, given: Annotated[CorrectClaimInput, INPUT]
    ) -> AmendmentPayload:
        """Put fields of a claim right; what it said before stays in the log.

        Needs the role editor.
        """

        def do(commands: Commands) -> int:
            if not isinstance(given.changes, dict) or not given.changes:
                raise InvalidEvent("changes must be an object of claim fields")
            return commands.amending.correct(
                str(given.report_id),
                given.claim,
                given.changes,
                **_grounds(given),
            )

        return _amended(info, "correctClaim", given, do)

    @answered
    def retract_claim(
        self, info: Info, given: Annotated[AmendClaimInput, INPUT]
    ) -> AmendmentPayload:
        """Let a claim no longer stand. Needs the role editor."""

        def do(commands: Commands) -> int:
            return commands.amending.retract(str(given.report_id), given.claim, **_grounds(given))

        return _amended(info, "retractClaim", given, do)

    @answered
    def retract_report(
        self, info: Info, given: Annotated[RetractReportInput, INPUT]
    ) -> AmendmentPayload:
        """Let none of a report's claims stand any longer. Needs the role editor."""

        def do(commands: Commands) -> int:
            return commands.amending.retract(str(given.report_id), None, **_grounds(given))

        return _amended(info, "retractReport", given, do)

    @answered
    def reinstate_claim(
        self, info: Info, given: Annotated[AmendClaimInput, INPUT]
    ) -> AmendmentPayload:
        """Let a retracted claim stand again. Needs the role editor."""

        def do(commands: Commands) -> int:
            return commands.amending.reinstate(str(given.report_id), given.claim, **_grounds(given))

        return _amended(info, "reinstateClaim", given, do)
