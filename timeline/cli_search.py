"""The command that finds by words: search."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from timeline import presentation
from timeline.cli_common import (
    AsJson,
    Casebook,
    Database,
    KnownOn,
    opened,
    out,
    print_json,
)
from timeline.domain.actors import Actor
from timeline.domain.places import Place
from timeline.projections.reading import Filters, ReportView
from timeline.projections.searching import Found, Highlight, Hit, HitPage
from timeline.settings import PAGE_SIZE_MAX

HITS_SHOWN = 20
TEXT_LENGTH_MAX = 160
BEFORE_THE_WORDS = 40


def add_to(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(search)


def search(
    sought: Annotated[
        str, typer.Argument(metavar="QUERY", help='Words, "phrases" and beginnings*.')
    ],
    known_on: KnownOn = None,
    place: Annotated[
        str | None, typer.Option("--place", metavar="P", help="Only claims about this one.")
    ] = None,
    first: Annotated[
        int, typer.Option("--first", metavar="N", min=1, max=PAGE_SIZE_MAX, help="How many hits.")
    ] = HITS_SHOWN,
    as_json: AsJson = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Find places, actors, reports and claims by words; the best first."""
    with opened(database, casebook) as app:
        filters = None
        if place is not None:
            filters = Filters(place_id=app.reader.find_place(place)[0].place_id)
        page = app.search.find(sought, filters, known_on, first)
        total = app.search.count(sought, filters, known_on)
    if as_json:
        print_json(_page_json(sought, known_on, total, page))
        return
    if not page.hits:
        out.print("nothing was found")
        return
    rows = [(hit.kind.value, *_told(hit.found), _words(hit)) for hit in page.hits]
    out.print(presentation.rows_table(("What", "Id", "", "Words"), rows))
    if page.has_next:
        out.print(f"{len(page.hits)} of {total} hits; see --first", style="dim")


def _page_json(sought: str, known_on: str | None, total: int, page: HitPage) -> dict[str, Any]:
    return {
        "query": sought,
        "known_on": known_on,
        "total": total,
        "hits": [
            {
                "kind": hit.kind.value,
                "match": hit.match.value,
                "highlights": [_highlight_json(h) for h in hit.highlights],
                hit.kind.value: _found_json(hit.found),
            }
            for hit in page.hits
        ],
    }


def _highlight_json(highlight: Highlight) -> dict[str, Any]:
    return {
        "field": highlight.field.value,
        "text": highlight.text,
        "spans": [{"start": start, "end": end} for start, end in highlight.spans],
    }


def _found_json(found: Found) -> dict[str, Any]:
    if isinstance(found, Place):
        return {"place_id": found.place_id, "name": found.name}
    if isinstance(found, Actor):
        return {"actor_id": found.actor_id, "name": found.name}
    if isinstance(found, ReportView):
        return {
            "id": found.report_id,
            "title": found.title,
            "url": found.url,
            "source": found.source_name,
            "reported": found.reported_edtf,
            "undated": found.undated,
        }
    return presentation.entry_json(found)


def _told(found: Found) -> tuple[str, str]:
    """The id of what was found, and what it is, in a line."""
    if isinstance(found, Place):
        return found.place_id, found.name
    if isinstance(found, Actor):
        return found.actor_id, found.name
    if isinstance(found, ReportView):
        return found.report_id, f"{found.source_name or ''} {found.reported_edtf or 'undated'}"
    when = presentation.when_text(found.claim.occurred)
    return found.report.report_id, f"{found.type} {when}"


def _words(hit: Hit) -> Text:
    """The first text that holds words of the search, around the first of them."""
    if not hit.highlights:
        return Text("")
    highlight = hit.highlights[0]
    begin = max(0, highlight.spans[0][0] - BEFORE_THE_WORDS)
    cut = highlight.text[begin : begin + TEXT_LENGTH_MAX]
    # As long as it was, so that the spans still fit.
    text = Text("".join(c if c.isprintable() else " " for c in cut))
    for start, end in highlight.spans:
        text.stylize("bold", max(0, start - begin), max(0, end - begin))
    return text
