"""Pages of entries: those about one place or actor, or about each of many at once."""

from __future__ import annotations

from dataclasses import dataclass

from timeline.api import batches
from timeline.api.connections import Connection, Paging, connection
from timeline.api.context import Group, Info
from timeline.api.cursors import Key
from timeline.api.entries import Entry, entries_of, entries_of_each
from timeline.api.enums import ClaimType, Modality, ReviewStatus
from timeline.api.plans.statements import Whose
from timeline.projections import reading
from timeline.projections.entries import key_of_actor


@dataclass(frozen=True)
class TimelineFilters:
    """The arguments of a timeline that say which entries are wanted."""

    known_on: str | None = None
    from_: str | None = None
    to: str | None = None
    types: list[ClaimType] | None = None
    actor: str | None = None
    modalities: list[Modality] | None = None
    reviewed: list[ReviewStatus] | None = None


def timeline_page(
    info: Info,
    page: Paging,
    wanted: TimelineFilters,
    place_id: str | None = None,
    actor_id: str | None = None,
) -> Connection[Entry]:
    """A page of the entries about a place or an actor, in order of valid time, undated ones last.

    Raises:
        InvalidDate: a date is neither a day nor an instant with offset.
    """
    reader = info.context.reader
    filters = reading.Filters(
        place_id=place_id,
        actor_id=actor_id or actor_key(info, wanted.actor),
        types=tuple(t.value for t in wanted.types or ()),
        modalities=tuple(m.value for m in wanted.modalities or ()),
        reviews=tuple(r.value for r in wanted.reviewed or ()),
        from_=wanted.from_,
        to=wanted.to,
    )
    found = reader.timeline(
        filters,
        wanted.known_on,
        page.fetched,
        _entry_key(page.after),
        _entry_key(page.before),
        backwards=page.backwards,
    )
    info.context.spend(len(found.entries))
    shown = entries_of(found.entries, wanted.known_on)
    rows = [(e.key, node) for e, node in zip(found.entries, shown, strict=True)]
    more = found.has_previous if page.backwards else found.has_next
    return connection(
        page, rows, more, lambda node: node, lambda: reader.count(filters, wanted.known_on)
    )


def timeline_in_list(
    info: Info, page: Paging, wanted: TimelineFilters, group: Group, whose: Whose, id_: str
) -> Connection[Entry]:
    """`timeline_page` of a place or an actor among others, whose pages are read together.

    Raises:
        InvalidDate: a date is neither a day nor an instant with offset.
        QueryTooLarge: there are more entries than one request may return.
    """
    if len(group.ids) == 1:
        own = {"place_id" if whose == "places" else "actor_id": id_}
        return timeline_page(info, page, wanted, **own)
    arguments = {
        "knownOn": wanted.known_on,
        "from": wanted.from_,
        "to": wanted.to,
        "types": wanted.types,
        "modalities": wanted.modalities,
        "reviewed": wanted.reviewed,
    }
    key = (page.size, page.after, page.before, page.backwards, page.is_descending, repr(wanted))
    named = actor_key(info, wanted.actor)

    def read() -> dict[str, list[tuple[reading.Entry, Entry]]]:
        told = batches.timelines(info, group.ids, whose, page, arguments, named)
        shown = entries_of_each(told, wanted.known_on)
        return {id_: list(zip(of, shown[id_], strict=True)) for id_, of in told.items()}

    def counted() -> dict[str, int]:
        return batches.counts(info, group.ids, whose, page, arguments, named)

    found = group.once(("timeline", key), read).get(id_, [])
    more = len(found) > page.fetched
    if more:
        found = found[1:] if page.backwards else found[:-1]
    info.context.spend(len(found))
    return connection(
        page,
        [(e.key, node) for e, node in found],
        more,
        lambda node: node,
        lambda: group.once(("count", key), counted)[id_],
    )


def _entry_key(key: Key | None) -> tuple[str, str, int] | None:
    return None if key is None else (str(key[0]), str(key[1]), int(key[2]))


def actor_key(info: Info, actor: str | None) -> str | None:
    """What entries name an actor by; `None` for any."""
    return None if actor is None else key_of_actor(info.context.actor_table, actor)
