"""The command by which a person signs what was read out of a report: in a walk, or by options."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer

from timeline.cli_common import (
    AsJson,
    Casebook,
    Database,
    ExtractorName,
    accounted,
    opened,
    out,
    print_json,
)
from timeline.cli_walk import Walk, accepted
from timeline.domain.claims import Verdict
from timeline.errors import InvalidEvent
from timeline.filing.reviewing import Reviewing, Signature
from timeline.presentation import entry_json, printable
from timeline.presentation_review import opinions_json, opinions_text

ReportArgument = Annotated[str, typer.Argument(metavar="REPORT", help="The report's id.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(review)
    app.command()(recode)


def recode(
    report: ReportArgument,
    extractor: ExtractorName = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Have another extractor read a report: a second opinion beside the first, never over it."""
    with opened(database, casebook, extractor=extractor) as opened_app, accounted(opened_app):
        made = opened_app.recoding.recode(report)
        entries = opened_app.reviewing.claims(report)
        text = opened_app.reviewing.text(report)
    told = "stored" if made.is_new else "there already"
    line = f"{report}: {told}, at position {made.opinion.position}; nothing of it counts yet"
    out.print(printable(line), markup=False, soft_wrap=True)
    for note in made.notes:
        out.print(f"  {printable(note)}", style="yellow", markup=False, soft_wrap=True)
    out.print(opinions_text([made.opinion], entries, text))


def review(
    report: ReportArgument,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="NAME",
            envvar="TIMELINE_REVIEWER",
            help="Who reviews; stays in the log.",
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="CLAIM", help="Its ref or claim id; all; repeatable."),
    ] = None,
    reject: Annotated[
        list[str] | None,
        typer.Option("--reject", metavar="CLAIM", help="Its ref or claim id; may be repeated."),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in a sentence.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Walk through signed claims once more.")
    ] = False,
    as_json: AsJson = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Sign the claims of a report: accept, correct, reject, add."""
    with opened(database, casebook) as opened_app:
        reviewing = opened_app.reviewing
        entries = reviewing.claims(report)
        if accept or reject:
            signatures = accepted(entries, accept or ())
            signatures += [Signature(t, Verdict.REJECTED, reason=reason) for t in reject or ()]
            _sign(reviewing, report, signatures, _named(by), quiet=as_json)
        elif not as_json:
            _walk(reviewing, report, _named(by), again=again)
        if as_json:
            entries = reviewing.claims(report)
            told = {"report_id": report, "claims": [entry_json(e) for e in entries]}
            print_json(told | {"second_opinions": opinions_json(reviewing.opinions(report))})


def _named(by: str | None) -> str:
    if by is None or not by.strip():
        raise InvalidEvent("say who reviews with --by NAME; the name stays in the log")
    return by


def _sign(
    reviewing: Reviewing, report: str, signatures: list[Signature], by: str, *, quiet: bool
) -> None:
    for made in reviewing.sign(report, signatures, reviewed_by=by):
        told = "already" if made.position is None else f"at position {made.position}"
        if not quiet:
            out.print(f"{made.claim_id}: {made.review.value}, {told}", markup=False)


def _walk(reviewing: Reviewing, report: str, by: str, *, again: bool) -> None:
    if not (sys.stdin.isatty() and out.is_terminal):
        raise InvalidEvent("a walk needs a terminal; give --accept, --reject or --json instead")
    with contextlib.suppress(ImportError):  # lines can be edited where the system has it
        import readline  # noqa: F401
    walk = Walk(reviewing, report, by, out, typer.getchar, input)
    try:
        walk.run(again=again)
    except (KeyboardInterrupt, EOFError):
        raise typer.Abort from None
