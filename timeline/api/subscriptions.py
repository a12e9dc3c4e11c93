"""The root of what can be subscribed to: what a message holds, and from where on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, TypeVar, cast

import strawberry
from strawberry import ID

from timeline.api.areas import InBox, Within, places_in
from timeline.api.context import Context, Info
from timeline.api.described import described, text_of
from timeline.api.entries import Entry, entries_of
from timeline.api.errors import BadUserInput
from timeline.api.log import Event, event_of
from timeline.api.maps import PlaceControl, shown_controls
from timeline.api.reports import KnownOn
from timeline.api.streaming.feeds import (
    ControlFeed,
    ControlTold,
    EntriesFeed,
    EntriesTold,
    EventsFeed,
    EventTold,
    Feed,
    Told,
)
from timeline.domain.events import EVENT_TYPES
from timeline.errors import InvalidCheckpoint, NotFound

TYPES_MAX = 100
F = TypeVar("F")

AfterCheckpoint = Annotated[
    str | None,
    strawberry.argument(
        description="The `checkpoint` of the last message that was received: goes on after it."
        " Null begins with what comes from now on, an empty string with the first event."
    ),
]


def _subscribed(resolver: F) -> F:
    """A field that is subscribed to, described by its docstring."""
    made: Any = strawberry.subscription(resolver=cast(Any, resolver), description=text_of(resolver))
    return cast("F", made)


@described
class EventMessage:
    """An event that the log has stored."""

    checkpoint: str = strawberry.field(
        description="Give it as `after` to go on after this message."
    )
    event: Event = strawberry.field(description="The event.")


@described
class TimelineMessage:
    """What one event did to the timeline of a place."""

    checkpoint: str = strawberry.field(
        description="Give it as `after` to go on after this message."
    )
    report_id: ID = strawberry.field(description="The report that the event is about.")
    is_amendment: bool = strawberry.field(
        description="False: `entries` are new. True: the report was revised, corrected, reviewed or"
        " retracted, and `entries` are all that now stand of it at the place, in place of what was"
        " sent of it before; empty when nothing does."
    )
    entries: list[Entry] = strawberry.field(
        description="The entries, as they stand when the message is made."
    )


@described
class ControlMessage:
    """Places of whose control something new was told.

    It may be what was known before: another source that confirms it makes a message too.
    """

    checkpoint: str = strawberry.field(
        description="Give it as `after` to go on after this message."
    )
    report_id: ID = strawberry.field(description="The report that told it.")
    places: list[PlaceControl] = strawberry.field(
        description="Each place with who holds it, by all that is known when the message is made."
    )


class SubscribingContext(Context):
    """The surroundings of a subscription that begins: what it is about, and where it goes on."""

    resumed_after: str | None = None  # the Last-Event-ID of SSE goes over the argument
    feed: Feed | None = None
    after: int = 0


async def _begun(info: Info, feed: Feed, after: str | None) -> AsyncGenerator[Any, None]:
    """Note what the subscription is about; its messages are made once for all who ask the same."""
    context = info.context
    if not isinstance(context, SubscribingContext):
        raise BadUserInput("a subscription needs a connection that stays open")
    if context.resumed_after:
        after = context.resumed_after
    context.feed, context.after = feed, _position(context, feed, after)
    messages: tuple[Any, ...] = ()
    for message in messages:
        yield message


def _position(context: Context, feed: Feed, after: str | None) -> int:
    if after is None:
        return feed.end(context)
    try:
        position = context.store.parse_checkpoint(after) if after else 0
    except InvalidCheckpoint as fault:
        raise BadUserInput(str(fault)) from fault
    if position > context.store.head().position:
        raise BadUserInput("the checkpoint lies beyond the end of the log; this is another log")
    return position


@strawberry.type(description="What comes, message by message; each can be gone on from.")
class Subscription:
    """The subscriptions of one casebook."""

    @_subscribed
    async def events(
        self,
        info: Info,
        after: AfterCheckpoint = None,
        types: Annotated[
            list[str] | None,
            strawberry.argument(description="Only events of these types, such as ReportFiled."),
        ] = None,
    ) -> AsyncGenerator[EventMessage, None]:
        """Events of the log, in order of position, one a message."""
        unknown = sorted(set(types or ()) - set(EVENT_TYPES))
        if unknown or len(types or ()) > TYPES_MAX:
            raise BadUserInput(f"{', '.join(unknown[:3]) or 'so many'}: no such types of event")
        async for message in _begun(info, EventsFeed(frozenset(types) if types else None), after):
            yield message

    @_subscribed
    async def timeline_entries(
        self,
        info: Info,
        place_id: Annotated[ID, strawberry.argument(description="The place's id.")],
        after: AfterCheckpoint = None,
        known_on: KnownOn = None,
    ) -> AsyncGenerator[TimelineMessage, None]:
        """What becomes of the timeline of a place, in the order in which the log stored it."""
        if info.context.gazetteer.get(place_id) is None:
            raise NotFound(f"there is no place {place_id!r}")
        info.context.reader.cutoff(known_on)
        async for message in _begun(info, EntriesFeed(str(place_id), known_on), after):
            yield message

    @_subscribed
    async def control_changes(
        self,
        info: Info,
        within: Within = None,
        bbox: InBox = None,
        after: AfterCheckpoint = None,
    ) -> AsyncGenerator[ControlMessage, None]:
        """Who holds the places of a region, whenever something new is told of it.

        The places are those of when the subscription begins; without `within` and `bbox`, all.
        """
        places = None
        if within is not None or bbox is not None:
            found = places_in(info.context.gazetteer, within, bbox)
            places = frozenset(p.place_id for p in found)
        async for message in _begun(info, ControlFeed(places), after):
            yield message


Message = EventMessage | TimelineMessage | ControlMessage


def messages_of(
    context: Context, told: list[tuple[int, Told]], known_on: str | None
) -> list[Message]:
    """The GraphQL type of each message."""
    return [_message(context, position, one, known_on) for position, one in told]


def _message(context: Context, position: int, told: Told, known_on: str | None) -> Message:
    checkpoint = context.store.checkpoint(position)
    if isinstance(told, EventTold):
        return EventMessage(checkpoint=checkpoint, event=event_of(told.stored))
    if isinstance(told, EntriesTold):
        return TimelineMessage(
            checkpoint=checkpoint,
            report_id=ID(told.report_id),
            is_amendment=told.is_amendment,
            entries=entries_of(told.entries, known_on),
        )
    assert isinstance(told, ControlTold)  # noqa: S101
    return ControlMessage(
        checkpoint=checkpoint,
        report_id=ID(told.report_id),
        places=shown_controls(told.places, None),
    )
