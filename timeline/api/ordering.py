"""GraphQL inputs that say in which order a list is wanted: `orderBy: {field, direction}`.

One input a list, though most lists have one order yet: what they can be ordered by may grow
without another convention. `desc` is the exact reverse of `asc`, so the same keys serve both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import strawberry

from timeline.api.described import asked
from timeline.api.enums import register


class OrderDirection(StrEnum):
    """Which end of an order comes first."""

    ASC = "asc"
    DESC = "desc"


class PlaceOrderField(StrEnum):
    """What places are ordered by."""

    NAME = "name"
    KIND = "kind"


class PlaceControlOrderField(StrEnum):
    """What places with their control are ordered by."""

    NAME = "name"


class ActorOrderField(StrEnum):
    """What actors are ordered by."""

    NAME = "name"
    KIND = "kind"


class SourceOrderField(StrEnum):
    """What sources are ordered by."""

    NAME = "name"


class ReportOrderField(StrEnum):
    """What reports are ordered by."""

    REPORTED = "reported"


class EntryOrderField(StrEnum):
    """What timeline entries are ordered by."""

    OCCURRED = "occurred"


class IncidentOrderField(StrEnum):
    """What incidents are ordered by."""

    OCCURRED = "occurred"


class StatisticOrderField(StrEnum):
    """What statistics are ordered by."""

    KEY = "key"
    CLAIMS = "claims"
    INCIDENTS = "incidents"
    FATALITIES = "fatalities"


class EventOrderField(StrEnum):
    """What events of the log are ordered by."""

    POSITION = "position"


register(
    OrderDirection,
    "OrderDirection",
    OrderDirection.__doc__ or "",
    asc="The least, earliest or first first.",
    desc="The reverse of asc.",
)
register(
    PlaceOrderField,
    "PlaceOrderField",
    PlaceOrderField.__doc__ or "",
    name="Its common English name.",
    kind="Its kind, then its name.",
)
register(
    PlaceControlOrderField,
    "PlaceControlOrderField",
    PlaceControlOrderField.__doc__ or "",
    name="The place's name.",
)
register(
    ActorOrderField,
    "ActorOrderField",
    ActorOrderField.__doc__ or "",
    name="Its common English name.",
    kind="Its kind, then its name.",
)
register(SourceOrderField, "SourceOrderField", SourceOrderField.__doc__ or "", name="Its name.")
register(
    ReportOrderField,
    "ReportOrderField",
    ReportOrderField.__doc__ or "",
    reported="When the version was published.",
)
register(
    EntryOrderField,
    "EntryOrderField",
    EntryOrderField.__doc__ or "",
    occurred="When it happened (valid time); undated ones after all others.",
)
register(
    IncidentOrderField,
    "IncidentOrderField",
    IncidentOrderField.__doc__ or "",
    occurred="When it happened (valid time); undated ones after all others.",
)
register(
    StatisticOrderField,
    "StatisticOrderField",
    StatisticOrderField.__doc__ or "",
    key="The key; what has none after all others.",
    claims="How many claims there are, then the key.",
    incidents="How many incidents there are, then the key.",
    fatalities="The best number of people killed, then the key.",
)
register(
    EventOrderField,
    "EventOrderField",
    EventOrderField.__doc__ or "",
    position="Its position in the log.",
)


_FIELD = "What they are ordered by."


@asked
class Order:
    """In which order a list is wanted."""

    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which end comes first."
    )


@asked
class PlaceOrder(Order):
    """In which order places are wanted."""

    field: PlaceOrderField = strawberry.field(default=PlaceOrderField.NAME, description=_FIELD)


@asked
class PlaceControlOrder(Order):
    """In which order places with their control are wanted."""

    field: PlaceControlOrderField = strawberry.field(
        default=PlaceControlOrderField.NAME, description=_FIELD
    )


@asked
class ActorOrder(Order):
    """In which order actors are wanted."""

    field: ActorOrderField = strawberry.field(default=ActorOrderField.NAME, description=_FIELD)


@asked
class SourceOrder(Order):
    """In which order sources are wanted."""

    field: SourceOrderField = strawberry.field(default=SourceOrderField.NAME, description=_FIELD)


@asked
class ReportOrder(Order):
    """In which order reports are wanted."""

    field: ReportOrderField = strawberry.field(
        default=ReportOrderField.REPORTED, description=_FIELD
    )


@asked
class EntryOrder(Order):
    """In which order timeline entries are wanted."""

    field: EntryOrderField = strawberry.field(default=EntryOrderField.OCCURRED, description=_FIELD)


@asked
class IncidentOrder(Order):
    """In which order incidents are wanted."""

    field: IncidentOrderField = strawberry.field(
        default=IncidentOrderField.OCCURRED, description=_FIELD
    )


@asked
class StatisticOrder(Order):
    """In which order statistics are wanted."""

    field: StatisticOrderField = strawberry.field(
        default=StatisticOrderField.KEY, description=_FIELD
    )


@asked
class EventOrder(Order):
    """In which order events are wanted."""

    field: EventOrderField = strawberry.field(default=EventOrderField.POSITION, description=_FIELD)


_SAID = strawberry.argument(description="In which order; null is the order told above, ascending.")

PlacesBy = Annotated[PlaceOrder | None, _SAID]
PlaceControlsBy = Annotated[PlaceControlOrder | None, _SAID]
ActorsBy = Annotated[ActorOrder | None, _SAID]
SourcesBy = Annotated[SourceOrder | None, _SAID]
ReportsBy = Annotated[ReportOrder | None, _SAID]
EntriesBy = Annotated[EntryOrder | None, _SAID]
IncidentsBy = Annotated[IncidentOrder | None, _SAID]
StatisticsOrderedBy = Annotated[StatisticOrder | None, _SAID]
EventsBy = Annotated[EventOrder | None, _SAID]
