"""GraphQL fields of the log itself: events as stored, and how far projections have come."""

from __future__ import annotations

from typing import Annotated

import msgspec
import strawberry
from strawberry import ID
from strawberry.scalars import JSON

from timeline.api.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    Paging,
    connection,
    paging,
)
from timeline.api.context import Info
from timeline.api.cursors import EVENTS
from timeline.api.described import answered, described
from timeline.api.nodes import Identity, Node
from timeline.api.ordering import EventsBy
from timeline.api.scalars import Position
from timeline.projections.event_pages import EventFilters, count_events, events_page
from timeline.store.engine import read_transaction
from timeline.store.events import StoredEvent


@described
class Event(Node):
    """An event of the log, exactly as it is stored."""

    position: Position = strawberry.field(
        description="Its place in the casebook's one order, from 1, without gaps."
    )
    event_id: ID = strawberry.field(description="Its UUID, derived from its content.")
    stream: str = strawberry.field(
        description="The stream it belongs to, such as report-<id> or place-<id>."
    )
    version: int = strawberry.field(description="Its number within the stream, from 1.")
    type: str = strawberry.field(description="The type of event.")
    schema_version: int = strawberry.field(
        description="The version of the type's schema in which it was written, from 1; `data` is"
        " not brought forward to newer ones."
    )
    recorded_at: str = strawberry.field(
        description="When the log stored it (record time), RFC 3339 in UTC."
    )
    hash: str = strawberry.field(
        description="SHA-256 over the previous hash, the header and the digest, in hexadecimal."
    )
    previous_hash: str = strawberry.field(
        description="The hash of the event before it; zeros for the first."
    )
    digest: str = strawberry.field(
        description="SHA-256 over the salt and the data, in hexadecimal; stays when withheld."
    )
    data: JSON | None = strawberry.field(
        description="What it says, as JSON; null when its content is withheld."
    )
    author: str | None = strawberry.field(
        description="Who made the change: the name of their token, or of their account; null when"
        " the log does not say."
    )
    via: str | None = strawberry.field(
        description="By which way it was made, `graphql` or `cli`; null as author is."
    )
    is_withheld: bool = strawberry.field(
        description="Whether its content was erased; the chain still proves the rest."
    )

    def identity(self) -> Identity:
        """It is found by its position, which never changes."""
        return ("Event", str(self.position))


@described
class Projection:
    """How far a projection has read the log."""

    name: str = strawberry.field(description="Its name.")
    version: int = strawberry.field(description="The version of its rules.")
    position: Position = strawberry.field(description="The last position that it holds.")
    state: str = strawberry.field(
        description="`live` at the log's head, `behind`, `stopped` by an event, or `rebuilding`."
    )
    failed_position: Position | None = strawberry.field(
        description="The event that stops it; null when none does."
    )
    reason: str | None = strawberry.field(
        description="Why it stands still while the log goes on; null when it does not."
    )
    build_position: Position | None = strawberry.field(
        description="How far the rows have come that are built beside it; null when none are."
    )


@described
class Status:
    """The casebook, the head of its log, and its projections."""

    casebook: str = strawberry.field(description="The casebook's name.")
    head_position: Position = strawberry.field(description="The last position; 0 while empty.")
    head_hash: str = strawberry.field(
        description="The hash of the last event, in hexadecimal; zeros while empty."
    )
    projections: list[Projection] = strawberry.field(description="In order of name.")


@described
class LogQuery:
    """The questions to the log."""

    @answered
    def event(
        self,
        info: Info,
        position: Annotated[Position, strawberry.argument(description="Its position, from 1.")],
    ) -> Event | None:
        """The event at a position of the log; null outside the log."""
        return find_event(info, position)

    @answered
    def events(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        types: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Only events of these types, such as ReportFiled; null or empty is any."
            ),
        ] = None,
        stream: Annotated[
            str | None,
            strawberry.argument(description="Only of this stream, such as report-<id>."),
        ] = None,
        from_position: Annotated[
            Position | None,
            strawberry.argument(description="Only from this position on, inclusive."),
        ] = None,
        to_position: Annotated[
            Position | None,
            strawberry.argument(description="Only up to this position, inclusive."),
        ] = None,
        order_by: EventsBy = None,
    ) -> Connection[Event]:
        """The events of the log, in order of position, which is the order of record time.

        `types` are found as far as the projection `types` has read the log.
        """
        page = paging(EVENTS, first, after, last, before, order_by)
        filters = EventFilters(tuple(types or ()), stream, from_position, to_position)
        return _events(info, page, filters)

    @answered
    def status(self, info: Info) -> Status:
        """The casebook, the head of its log, and its projections."""
        return _status(info)


def _events(info: Info, page: Paging, filters: EventFilters) -> Connection[Event]:
    store = info.context.store
    after = None if page.after is None else int(page.after[0])
    before = None if page.before is None else int(page.before[0])
    with read_transaction(store.engine) as connected:
        found, more = events_page(
            connected,
            store.casebook,
            filters,
            page.fetched,
            after,
            before,
            backwards=page.backwards,
        )
    info.context.spend(len(found))

    def count() -> int:
        with read_transaction(store.engine) as connected:
            return count_events(connected, store.casebook, filters)

    return connection(page, [((e.position,), e) for e in found], more, event_of, count)


def find_event(info: Info, position: int) -> Event | None:
    """The event at a position; `None` outside the log."""
    stored = info.context.store.event_at(position)
    return None if stored is None else event_of(stored)


def event_of(stored: StoredEvent) -> Event:
    """The GraphQL type of a stored event."""
    metadata = msgspec.json.decode(stored.metadata)
    return Event(
        author=metadata.get("by"),
        via=metadata.get("via"),
        position=Position(stored.position),
        event_id=ID(stored.event_id),
        stream=stored.stream,
        version=stored.version,
        type=stored.type,
        schema_version=stored.schema_version,
        recorded_at=stored.recorded_at,
        hash=stored.hash.hex(),
        previous_hash=stored.previous_hash.hex(),
        digest=stored.digest.hex(),
        data=None if stored.data is None else JSON(msgspec.json.decode(stored.data)),
        is_withheld=stored.data is None,
    )


def _position(value: int | None) -> Position | None:
    return None if value is None else Position(value)


def _status(info: Info) -> Status:
    """How far the log and the projections have come."""
    head = info.context.store.head()
    return Status(
        casebook=info.context.store.casebook,
        head_position=Position(head.position),
        head_hash=head.hash.hex(),
        projections=[
            Projection(
                name=found.name,
                version=found.version,
                position=Position(found.position),
                state=found.state,
                failed_position=_position(found.failed_position),
                reason=found.reason,
                build_position=_position(found.build_position),
            )
            for found in info.context.reader.projections()
        ],
    )
