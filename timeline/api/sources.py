"""Finds sources: by id, and all of them in pages."""

from __future__ import annotations

from strawberry import ID

from timeline.api.connections import Connection, Paging, connection, in_memory
from timeline.api.context import Info
from timeline.api.values import Source
from timeline.domain import actors


def source_of(value: actors.Source) -> Source:
    """The GraphQL type of a source."""
    return Source(id=ID(value.source_id), name=value.name)


def find_source(info: Info, source_id: str) -> Source | None:
    """The source of an id; `None` when there is none."""
    found = info.context.sources.get(source_id)
    return None if found is None else source_of(found)


def sources_page(info: Info, page: Paging) -> Connection[Source]:
    """A page of the sources, in order of name."""
    known = info.context.sources
    ordered = sorted(((s.name, s.source_id), s) for s in known.values())
    rows, more = in_memory(page, ordered)
    info.context.spend(len(rows))
    return connection(page, rows, more, source_of, lambda: len(known))
