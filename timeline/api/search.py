"""GraphQL types of what a search finds, and of the words that it was found by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import strawberry

from timeline.api.actors import Actor, actor_of
from timeline.api.connections import Connection, Paging, connection
from timeline.api.context import Group, Info
from timeline.api.cursors import Key
from timeline.api.described import described
from timeline.api.entries import Entry, entries_of
from timeline.api.enums import HitKind, HitMatch, TextField
from timeline.api.places import Place, place_of
from timeline.api.reports import Report, report_of
from timeline.api.timelines import TimelineFilters, actor_key
from timeline.domain import actors, places
from timeline.domain.words import SEARCH_LENGTH_MAX, SEARCH_WORDS_MAX
from timeline.projections import reading, searching
from timeline.projections.searching import HitKey

Sought = Annotated[
    str,
    strawberry.argument(
        description='Words, "phrases" and beginnings*, all of which have to be there; at most'
        f" {SEARCH_LENGTH_MAX} characters and {SEARCH_WORDS_MAX} words. Nothing else has a meaning."
    ),
]
Found = Annotated[
    Place | Actor | Report | Entry,
    strawberry.union("Found", description="Something that a search can find."),
]


@described
class Span:
    """A half-open span of a text, counted in code points."""

    start: int = strawberry.field(description="Where it begins, from 0.")
    end: int = strawberry.field(description="Where it ends: the first that no longer belongs.")


@described
class Highlight:
    """A text that holds words of a search; plain text, never HTML."""

    field: TextField = strawberry.field(description="Which text it is.")
    text: str = strawberry.field(description="The text, whole.")
    spans: list[Span] = strawberry.field(
        description="Where the words stand in it, in order and without overlap."
    )


@described
class Hit:
    """Something that a search found."""

    kind: HitKind = strawberry.field(description="What it is.")
    match: HitMatch = strawberry.field(description="How well it matches.")
    highlights: list[Highlight] = strawberry.field(
        description="Its texts that hold words of the search."
    )
    found: Found = strawberry.field(description="What was found.")


def hits_page(
    info: Info, page: Paging, sought: str, wanted: TimelineFilters, place_id: str | None
) -> Connection[Hit]:
    """A page of what a search finds, best first.

    Raises:
        InvalidSearch: there is no word, or too many.
        InvalidDate: a date is neither a day nor an instant with offset.
    """
    search, known_on = info.context.search, wanted.known_on
    filters: reading.Filters | None = reading.Filters(
        place_id=place_id,
        actor_id=actor_key(info, wanted.actor),
        types=tuple(t.value for t in wanted.types or ()),
        modalities=tuple(m.value for m in wanted.modalities or ()),
        from_=wanted.from_,
        to=wanted.to,
    )
    if filters == reading.Filters():
        filters = None
    found = search.find(
        sought,
        filters,
        known_on,
        page.fetched,
        _hit_key(page.after),
        _hit_key(page.before),
        backwards=page.backwards,
    )
    info.context.spend(len(found.hits))
    shown = _found_of([hit.found for hit in found.hits], known_on)
    rows = [(h.key, _hit_of(h, one)) for h, one in zip(found.hits, shown, strict=True)]
    more = found.has_previous if page.backwards else found.has_next
    return connection(
        page, rows, more, lambda node: node, lambda: search.count(sought, filters, known_on)
    )


def _hit_of(hit: searching.Hit, found: Found) -> Hit:
    return Hit(
        kind=hit.kind,
        match=hit.match,
        highlights=[
            Highlight(field=h.field, text=h.text, spans=[Span(start=a, end=b) for a, b in h.spans])
            for h in hit.highlights
        ],
        found=found,
    )


def _found_of(found: Sequence[searching.Found], known_on: str | None) -> list[Found]:
    """The GraphQL type of each thing that was found; those of one kind are read on together."""
    in_places = Group(f.place_id for f in found if isinstance(f, places.Place))
    in_actors = Group(f.actor_id for f in found if isinstance(f, actors.Actor))
    in_reports = Group(f.report_id for f in found if isinstance(f, reading.ReportView))
    entries = iter(entries_of((f for f in found if isinstance(f, reading.Entry)), known_on))
    shown: list[Found] = []
    for one in found:
        if isinstance(one, places.Place):
            shown.append(place_of(one, in_places))
        elif isinstance(one, actors.Actor):
            shown.append(actor_of(one, in_actors))
        elif isinstance(one, reading.ReportView):
            shown.append(report_of(one, in_reports))
        else:
            shown.append(next(entries))
    return shown


def _hit_key(key: Key | None) -> HitKey | None:
    return None if key is None else (int(key[0]), str(key[1]), str(key[2]), int(key[3]))
