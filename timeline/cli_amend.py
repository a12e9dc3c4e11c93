"""The commands that amend what is filed: correct, retract and reinstate."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from timeline.cli_common import Casebook, Database, opened, out
from timeline.domain.events import Basis
from timeline.errors import InvalidEvent

ReportArgument = Annotated[str, typer.Argument(metavar="REPORT", help="The report's id.")]
BasisOption = Annotated[
    Basis, typer.Option("--basis", help="source: the outlet says so; coding: we had misread it.")
]
ReportedOption = Annotated[
    str | None, typer.Option("--reported", metavar="D", help="When the outlet said so.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why, in a sentence.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (correct, retract, reinstate):
        app.command()(command)


def correct(
    report: ReportArgument,
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="Its ref or claim id.")],
    values: Annotated[
        list[str],
        typer.Option("--set", metavar="FIELD=VALUE", help="As in a coded report; may be repeated."),
    ],
    basis: BasisOption,
    reported: ReportedOption = None,
    reason: ReasonOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Put fields of a filed claim right."""
    changes = dict(_assignment(v) for v in values)
    with opened(database, casebook) as opened_app:
        position = opened_app.amending.correct(
            report, claim, changes, basis=basis, reported=reported, reason=reason
        )
    out.print(f"corrected, at position {position}")


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidEvent(f"--set {text!r} must be FIELD=VALUE")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def retract(
    report: ReportArgument,
    basis: BasisOption,
    claim: Annotated[
        str | None, typer.Argument(metavar="[CLAIM]", help="Its ref or claim id; all without.")
    ] = None,
    reported: ReportedOption = None,
    reason: ReasonOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Let a claim, or a whole report, no longer stand."""
    with opened(database, casebook) as opened_app:
        position = opened_app.amending.retract(
            report, claim, basis=basis, reported=reported, reason=reason
        )
    out.print(f"retracted, at position {position}")


def reinstate(
    report: ReportArgument,
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="Its ref or claim id.")],
    basis: BasisOption,
    reported: ReportedOption = None,
    reason: ReasonOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Let a retracted claim stand again."""
    with opened(database, casebook) as opened_app:
        position = opened_app.amending.reinstate(
            report, claim, basis=basis, reported=reported, reason=reason
        )
    out.print(f"reinstated, at position {position}")
