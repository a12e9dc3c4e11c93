"""The `timeline` command: file, ask, amend; running the database is in `cli_admin`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from timeline import (
    __version__,
    cli_admin,
    cli_amend,
    cli_incident,
    cli_migrate,
    cli_proof,
    cli_register,
    cli_replay,
    cli_review,
    cli_schema,
    cli_search,
    cli_token,
    presentation,
)
from timeline.bootstrap import application, initialise
from timeline.cli_common import (
    AsJson,
    At,
    Casebook,
    Database,
    ExtractorName,
    GlobalOptions,
    KnownOn,
    accounted,
    author,
    opened,
    out,
    print_json,
    refuse,
    run,
    settings_of,
    warn,
)
from timeline.cli_filing import JOBS_MAX, file_all
from timeline.domain.actors import ActorTable
from timeline.domain.claims import ReviewStatus
from timeline.domain.places import Gazetteer
from timeline.errors import InvalidEvent, InvalidReport, TimelineError
from timeline.extraction.choosing import new_extractor
from timeline.filing.deciding import publication, resolved
from timeline.filing.filing import Filed, Options, Outcome, frame_of, framed, read_draft
from timeline.filing.theatres import theatre_actors, theatre_places, theatre_told
from timeline.projections.reading import Entry, Filters, Page, Reader
from timeline.resources import resource
from timeline.settings import (
    PAGE_SIZE_MAX,
    Settings,
    normal_url,
)
from timeline.store.tokens import Role

DEMO_FILE = "timeline-demo.db"
DEMO_PLACE = "Khanasser"
DEMO_QUESTIONS = (
    ("What was known", DEMO_PLACE, "2016-02-26", "2016-02-24"),
    ("And two days later", DEMO_PLACE, "2016-02-26", "2016-02-26"),
    ("A disputed date", DEMO_PLACE, "2016-02-23", None),
    ("A contested hold", "Tal Rifaat", "2016-02-15", None),
    ("A vacated place", "thermal station", "2016-02-29", None),
)

app = typer.Typer(
    name="timeline",
    help="An event-sourced timeline database for conflict reporting.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cli_amend.add_to(app)
cli_incident.add_to(app)
cli_admin.add_to(app)
cli_migrate.add_to(app)
cli_proof.add_to(app)
cli_register.add_to(app)
cli_replay.add_to(app)
cli_review.add_to(app)
cli_schema.add_to(app)
cli_search.add_to(app)
cli_token.add_to(app)

PathsArgument = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Reports or folders.")]
PathArgument = Annotated[Path, typer.Argument(metavar="PATH", help="A report.")]
PlaceArgument = Annotated[
    str, typer.Argument(metavar="PLACE", help="An id, or a name in any spelling or script.")
]


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"timeline {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    database: Database = None,
    casebook: Casebook = None,
    version: Annotated[  # noqa: ARG001 - acted on by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An event-sourced timeline database for conflict reporting."""
    GlobalOptions.database, GlobalOptions.casebook = database, casebook


@app.command()
def demo(database: Database = None) -> None:
    """File seeds/ into a fresh SQLite file, show a timeline, say what to try next."""
    chosen = database or GlobalOptions.database
    if chosen is None:
        for suffix in ("", "-wal", "-shm"):
            Path(DEMO_FILE + suffix).unlink(missing_ok=True)
    settings = Settings(database_url=normal_url(chosen or DEMO_FILE))
    registered = initialise(settings)
    with application(settings) as opened_app:
        filed = file_all(opened_app, [resource("seeds") / "reports"], Options())
        events = opened_app.store.head().position
        out.print(
            f"{registered} places and actors, {len(filed)} reports, {events} events"
            f" in {chosen or DEMO_FILE}\n"
        )
        _print_show(opened_app.reader, DEMO_PLACE, None, None, as_json=False)
        _print_demo_questions(opened_app.reader)
    _print_next_steps(chosen or DEMO_FILE)


def _print_demo_questions(reader: Reader) -> None:
    for what, name, at, known_on in DEMO_QUESTIONS:
        place, _ = reader.find_place(name)
        told = f"as known on {known_on}" if known_on else "by all that is known"
        out.print(f"[bold]{what}:[/bold] [dim]who held {name} on {at}, {told}?[/dim]")
        out.print(presentation.control_text(reader.control(place.place_id, at, known_on)))
    out.print("")


def _print_next_steps(database: str) -> None:
    out.print("[bold]Try next[/bold]", highlight=False)
    for command, why in (
        ('show "Tal Rifaat" --at 2016-02-15', "a contested hold"),
        ('show "thermal station" --at 2016-02-29', "a vacated place"),
        ("control --at 2016-02-24 --known-on 2016-02-24", "the whole map, as known that day"),
        ("diff --known-on 2016-02-24 --and 2016-02-26", "what two days of reports changed"),
        ("show خناصر", "any script finds the place"),
        ("serve", "GraphQL at http://127.0.0.1:8000/graphql"),
    ):
        out.print(f"  timeline --database {database} {command}", markup=False, soft_wrap=True)
        out.print(f"      [dim]{why}[/dim]")


@app.command()
def init(
    database: Database = None,
    casebook: Casebook = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="IANA name; days are bounded in it.")
    ] = None,
    theatre: Annotated[
        str | None, typer.Option("--theatre", help="Only its places are matched.")
    ] = None,
) -> None:
    """Migrate the database to head and load places and actors of seeds/."""
    settings = settings_of(database, casebook)
    count = initialise(settings, time_zone=time_zone, theatre=theatre)
    out.print(f"casebook {settings.casebook} is ready; {count} places and actors were new")


@app.command()
def file(
    paths: PathsArgument,
    published: Annotated[
        str | None, typer.Option("--published", metavar="D", help="When the file does not say.")
    ] = None,
    reported: Annotated[
        str | None, typer.Option("--reported", metavar="D", help="When this version came out.")
    ] = None,
    revises: Annotated[
        str | None, typer.Option("--revises", metavar="ID", help="File as its revision.")
    ] = None,
    undated: Annotated[
        bool, typer.Option("--undated", help="Nobody knows when: counts from now on.")
    ] = False,
    without_claims: Annotated[
        bool, typer.Option("--without-claims", help="Read nothing out of prose.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, max=JOBS_MAX, help="How many processes read prose."),
    ] = None,
    extractor: ExtractorName = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """File reports: .txt and .md prose, .yaml and .json coded; folders are walked."""
    chosen = Options(
        published=published,
        reported=reported,
        revises=revises,
        undated=undated,
        without_claims=without_claims,
    )
    refused: list[TimelineError] = []
    with opened(database, casebook, extractor=extractor) as opened_app, accounted(opened_app):
        filed = file_all(opened_app, paths, chosen, refused, jobs)
    for result in filed:
        _print_filed(result)
    for fault in refused:
        refuse(str(fault))
    if refused:
        raise typer.Exit(1)


def _print_filed(result: Filed) -> None:
    told = result.outcome.value
    if result.outcome is Outcome.ALREADY_FILED:
        line = f"{result.path}: {told} as {result.report_id}; nothing was appended"
    else:
        line = (
            f"{result.path}: {told} as {result.report_id},"
            f" {result.events} events, {result.claims} claims"
        )
    out.print(presentation.printable(line), markup=False, soft_wrap=True)
    for note in result.notes:
        out.print(f"  {presentation.printable(note)}", style="yellow", markup=False, soft_wrap=True)


@app.command()
def extract(
    path: PathArgument,
    as_json: AsJson = False,
    published: Annotated[
        str | None, typer.Option("--published", metavar="D", help="When the file does not say.")
    ] = None,
    theatre: Annotated[
        str | None, typer.Option("--theatre", help="Else the one whose words the report has most.")
    ] = None,
    extractor: ExtractorName = None,
) -> None:
    """Print what filing a report would append, without storing it; needs no database."""
    reading = new_extractor(settings_of(None, None, extractor).extractor)
    draft = framed(read_draft(path), reading)
    about = theatre or theatre_told(draft.text or "")
    gazetteer, actors = Gazetteer(theatre_places(about)), ActorTable(theatre_actors(about))
    when = publication(draft, published, None, undated=published is None, now=None)
    if draft.claims is not None:
        claims = resolved(draft.claims, gazetteer, actors)
    else:
        frame = frame_of(draft, when.reported.edtf)
        with accounted(reading):
            read = reading.extract(draft.readable_text or "", frame, gazetteer, actors)
        claims = read.claims
        for note in read.notes:
            warn(note)
    if as_json:
        print_json(presentation.extraction_json(draft, claims))
    else:
        out.print(presentation.claims_table(claims, draft.text or ""))


@app.command()
def show(
    place: PlaceArgument,
    at: At = None,
    known_on: KnownOn = None,
    recorded_at: Annotated[
        str | None,
        typer.Option("--recorded-at", metavar="R", help="As this log stood then (audit)."),
    ] = None,
    reviewed: Annotated[
        list[ReviewStatus] | None,
        typer.Option("--review", help="Only claims of this status; may be repeated."),
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Show who held a place, and its timeline."""
    with opened(database, casebook) as opened_app, ExitStack() as stack:
        reader = opened_app.reader
        if recorded_at is not None:
            reader = stack.enter_context(opened_app.replay_recorded_at(recorded_at, place)).reader
        _print_show(reader, place, at, known_on, reviewed or (), as_json=as_json)


def _print_show(
    reader: Reader,
    name: str,
    at: str | None,
    known_on: str | None,
    reviewed: Sequence[ReviewStatus] = (),
    *,
    as_json: bool,
) -> None:
    place, match = reader.find_place(name)
    control = reader.control(place.place_id, at, known_on)
    filters = Filters(place_id=place.place_id, reviews=tuple(reviewed))
    page = reader.timeline(filters, known_on)
    if as_json:
        entries = _all_entries(reader, filters, known_on, page)
        print_json(presentation.show_json(place, match, at, known_on, control, entries))
    else:
        out.print(presentation.show_text(place, match, control, page))


def _all_entries(reader: Reader, filters: Filters, known_on: str | None, page: Page) -> list[Entry]:
    entries = list(page.entries)
    while page.has_next:
        page = reader.timeline(filters, known_on, PAGE_SIZE_MAX, after=entries[-1].key)
        entries += page.entries
    return entries


@app.command()
def control(
    at: At = None,
    known_on: KnownOn = None,
    as_json: AsJson = False,
    geojson: Annotated[bool, typer.Option("--geojson", help="Print GeoJSON.")] = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Show who held each place of which anything is known."""
    with opened(database, casebook) as opened_app:
        held = opened_app.reader.control_map(at, known_on)
    if geojson:
        print_json(presentation.control_geojson(held))
    elif as_json:
        rows = [
            {"place_id": p.place_id, "name": p.name, "control": presentation.control_json(c)}
            for p, c in held
        ]
        print_json({"at": at, "known_on": known_on, "places": rows})
    else:
        out.print(presentation.control_table(held))


@app.command()
def query(
    text: Annotated[str, typer.Argument(metavar="QUERY|@FILE", help="GraphQL.")],
    variables: Annotated[
        str | None, typer.Option("--variables", metavar="JSON", help="Values of its variables.")
    ] = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Answer a GraphQL query or carry a mutation out, printed as JSON."""
    from timeline.api.access import Caller
    from timeline.api.schema import execute

    with opened(database, casebook) as opened_app:
        caller = Caller(Role.ADMIN, lambda: opened_app.commands(author()))
        result = execute(
            opened_app.reader,
            opened_app.store,
            _query_text(text),
            _variables(variables),
            caller=caller,
        )
    print_json(result)
    errors = result.get("errors")
    if isinstance(errors, list) and errors:
        raise typer.Exit(refuse(f"the query was answered with an error: {errors[0]['message']}"))


def _query_text(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidReport(text[1:], f"cannot be read: {fault}") from None


def _variables(text: str | None) -> dict[str, Any] | None:
    try:
        values = None if text is None else json.loads(text)
    except ValueError as fault:
        raise InvalidEvent(f"--variables is no JSON: {fault}") from None
    if values is not None and not isinstance(values, dict):
        raise InvalidEvent("--variables must be a JSON object")
    return values


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(app))
