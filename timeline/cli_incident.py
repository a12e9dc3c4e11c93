"""The commands by which analysts link claims of one incident, and keep apart those of several."""

from __future__ import annotations

from typing import Annotated

import typer

from timeline.cli_common import Casebook, Database, opened, out
from timeline.filing.linking import Linked

incident_app = typer.Typer(help="Incidents: which claims tell of the same.", no_args_is_help=True)

ClaimsArgument = Annotated[
    list[str],
    typer.Argument(metavar="CLAIM CLAIM...", help="Claim ids, or REPORT/REF; two or more."),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in a sentence.")]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(incident_app, name="incident")


@incident_app.command()
def link(
    claims: ClaimsArgument,
    reason: ReasonOption,
    by: ByOption,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Say that claims tell of one incident, whatever the rule says."""
    with opened(database, casebook) as opened_app:
        said = opened_app.linking.link(claims, reason=reason, requested_by=by)
    _print(said, "linked")


@incident_app.command()
def unlink(
    claims: ClaimsArgument,
    reason: ReasonOption,
    by: ByOption,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Say that claims tell of different incidents, whatever the rule says."""
    with opened(database, casebook) as opened_app:
        said = opened_app.linking.unlink(claims, reason=reason, requested_by=by)
    _print(said, "unlinked")


def _print(said: Linked, word: str) -> None:
    told = f"already {word}; nothing was appended"
    if said.position is not None:
        told = f"{word}, at position {said.position}"
    out.print(f"{told}: {', '.join(said.claims)}", markup=False, soft_wrap=True)
