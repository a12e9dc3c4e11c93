"""GraphQL types of control: who held a place at a moment, and through time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.context import Group, Info
from timeline.api.described import answered, described
from timeline.api.entries import Entry, EntryGroup
from timeline.api.enums import Condition, ControlState
from timeline.api.scalars import DateTime
from timeline.domain import control
from timeline.domain.time import instant_text
from timeline.projections.control_reading import Known

At = Annotated[
    str | None,
    strawberry.argument(
        description="The end of this day (YYYY-MM-DD, in the casebook's time zone) or an instant"
        " with offset: the valid axis, when it was so. Null is the latest that is known."
    ),
]


@described
class Holder:
    """Who holds a place."""

    actor_id: ID | None = strawberry.field(
        description="The actor's id; null when the name is no known actor."
    )
    name: str = strawberry.field(description="The actor's name, or the report's words for it.")


@described
class Since:
    """Between which days a state began.

    Both inclusive, as in Occurred: a day in the casebook's time zone, or an instant with
    offset.
    """

    earliest: str | None = strawberry.field(description="Not before this; null: no lower bound.")
    latest: str | None = strawberry.field(
        description="Certainly by this; null when the state is unknown."
    )


@described
class Control:
    """Who held a place at one moment, and how well that is known.

    Holding persists forward until other evidence; `lastConfirmed` shows how stale it is.
    """

    state: ControlState = strawberry.field(description="How the place was held.")
    holders: list[Holder] = strawberry.field(
        description="Who held it; several when contested or mixed, empty when vacated or unknown."
    )
    conditions: list[Condition] = strawberry.field(description="What was the case beside that.")
    since: Since = strawberry.field(description="Since when the state had lasted.")
    certain: bool = strawberry.field(
        description="False between `since.earliest` and `since.latest`, when the change may not"
        " have happened yet."
    )
    last_confirmed: str | None = strawberry.field(
        description="Date of the latest evidence for the state up to that moment; null without any."
    )
    sources: int = strawberry.field(
        description="How many independent root sources agree; an outlet that quotes an unnamed"
        " officer three times is one."
    )
    claim_ids: list[ID] = strawberry.field(description="The claims that it rests on.")
    told: strawberry.Private[EntryGroup]

    @answered
    def claims(self, info: Info) -> list[Entry]:
        """The claims that it rests on, each with its quote and report."""
        return self.told.in_order(info, map(str, self.claim_ids))


@described
class ControlSpan:
    """A stretch of valid time during which the state of a place was the same.

    Half-open; its instants are RFC 3339 in UTC.
    """

    valid_from: str = strawberry.field(description="First instant of the stretch.")
    valid_to: str | None = strawberry.field(
        description="First instant after it; null while it lasts."
    )
    certain_from: str = strawberry.field(
        description="From when the state is certain; before, within the stretch, the change may not"
        " have happened yet."
    )
    state: ControlState = strawberry.field(description="How the place was held.")
    holders: list[Holder] = strawberry.field(
        description="Who held it; several when contested or mixed, empty when vacated or unknown."
    )
    conditions: list[Condition] = strawberry.field(description="What was the case beside that.")
    since: Since = strawberry.field(description="Between which days the state began.")
    sources: int = strawberry.field(
        description="How many independent root sources tell of it, in the whole stretch."
    )
    claim_ids: list[ID] = strawberry.field(description="The claims that it rests on.")
    told: strawberry.Private[EntryGroup]

    @answered
    def claims(self, info: Info) -> list[Entry]:
        """The claims that it rests on, each with its quote and report."""
        return self.told.in_order(info, map(str, self.claim_ids))


@described
class KnownControl:
    """What was known of who held a place: for a stretch of valid time, in one of known time.

    Both stretches are half-open. Known time is the reported axis: by when reports were published.
    """

    valid_from: DateTime = strawberry.field(description="First instant of valid time.")
    valid_to: DateTime | None = strawberry.field(
        description="First instant of valid time after it; null while it lasts."
    )
    known_from: DateTime = strawberry.field(description="First instant at which this was known.")
    known_to: DateTime | None = strawberry.field(
        description="First instant at which something else was known; null: it still is."
    )
    state: ControlState = strawberry.field(description="How the place was held.")
    holders: list[Holder] = strawberry.field(
        description="Who held it; several when contested or mixed, empty when vacated or unknown."
    )
    conditions: list[Condition] = strawberry.field(description="What was the case beside that.")
    since: Since = strawberry.field(description="Between which days the state began.")
    certain: bool = strawberry.field(
        description="False while the change to it may not have happened yet."
    )
    last_confirmed: str | None = strawberry.field(
        description="Date of the latest evidence for the state up to then; null without any."
    )
    sources: int = strawberry.field(description="How many independent root sources agreed.")


def holders_of(holders: Iterable[control.Holder]) -> list[Holder]:
    """The GraphQL type of each holder."""
    return [
        Holder(actor_id=None if h.actor_id is None else ID(h.actor_id), name=h.name)
        for h in holders
    ]


def control_at(
    info: Info, group: Group, place_id: str, at: str | None, known_on: str | None
) -> Control:
    """Who held a place among others at the end of `at`, as known on `known_on`.

    Raises:
        InvalidDate: `at` or `known_on` is neither a day nor an instant with offset.
    """

    def read() -> dict[str, Control]:
        found = info.context.reader.controls(group.ids, at, known_on)
        held = [found.get(id_, control.Control()) for id_ in group.ids]
        return dict(zip(group.ids, controls_of(held, known_on), strict=True))

    return group.once(("control", at, known_on), read)[place_id]


def controls_of(values: Collection[control.Control], known_on: str | None) -> list[Control]:
    """The GraphQL type of each state of one answer, as known on `known_on`."""
    told = EntryGroup((c for value in values for c in value.claim_ids), known_on)
    return [_control(value, told) for value in values]


def _control(value: control.Control, told: EntryGroup) -> Control:
    return Control(
        state=value.state,
        holders=holders_of(value.holders),
        conditions=list(value.conditions),
        since=Since(earliest=value.since_earliest, latest=value.since_latest),
        certain=value.certain,
        last_confirmed=value.last_confirmed,
        sources=value.sources,
        claim_ids=[ID(c) for c in value.claim_ids],
        told=told,
    )


def history_of(info: Info, group: Group, place_id: str, known_on: str | None) -> list[ControlSpan]:
    """The control spans of a place among others, as known on `known_on`.

    Raises:
        InvalidDate: `known_on` is neither a day nor an instant with offset.
    """

    def read() -> dict[str, list[ControlSpan]]:
        found = info.context.reader.control_histories(group.ids, known_on)
        spans = chain.from_iterable(found.values())
        told = EntryGroup((s.claim_id for span in spans for s in span.supports), known_on)
        return {id_: [_span(span, told) for span in spans] for id_, spans in found.items()}

    return group.once(("history", known_on), read).get(place_id, [])


def _span(value: control.ControlSpan, told: EntryGroup) -> ControlSpan:
    holding = [s for s in value.supports if s.is_of_holder] or list(value.supports)
    return ControlSpan(
        valid_from=instant_text(value.valid_from),
        valid_to=None if value.valid_to is None else instant_text(value.valid_to),
        certain_from=instant_text(value.certain_from),
        state=value.state,
        holders=holders_of(value.holders),
        conditions=list(value.conditions),
        since=Since(earliest=value.since_earliest, latest=value.since_latest),
        sources=len({s.root for s in holding}),
        claim_ids=[ID(c) for c in sorted({s.claim_id for s in value.supports})],
        told=told,
    )


def knowledge_of(info: Info, group: Group, place_id: str) -> list[KnownControl]:
    """All that was ever known of the control of a place among others."""
    reader = info.context.reader
    found = group.once("knowledge", lambda: reader.control_knowledges(group.ids))
    return [_known(k) for k in found.get(place_id, ())]


def _known(value: Known) -> KnownControl:
    """The GraphQL type of what was known for a stretch of valid time."""
    told = value.control
    return KnownControl(
        valid_from=DateTime(instant_text(value.valid_from)),
        valid_to=None if value.valid_to is None else DateTime(instant_text(value.valid_to)),
        known_from=DateTime(instant_text(value.known_from)),
        known_to=None if value.known_to is None else DateTime(instant_text(value.known_to)),
        state=told.state,
        holders=holders_of(told.holders),
        conditions=list(told.conditions),
        since=Since(earliest=told.since_earliest, latest=told.since_latest),
        certain=told.certain,
        last_confirmed=told.last_confirmed,
        sources=told.sources,
    )
