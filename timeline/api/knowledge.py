"""GraphQL types of what became known otherwise between two dates of knowledge."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.context import Group, Info
from timeline.api.control import Holder, Since, holders_of
from timeline.api.described import described
from timeline.api.entries import Entry, entries_of
from timeline.api.enums import CauseKind, ChangeKind, Condition, ControlState
from timeline.api.places import Place, place_of
from timeline.domain import control_changes
from timeline.domain.time import instant_text
from timeline.projections import knowledge
from timeline.projections.knowledge import KnowledgeDiff

KnownFirst = Annotated[
    str,
    strawberry.argument(
        description="As published by the end of this day (YYYY-MM-DD, in the casebook's time zone)"
        " or by this instant with offset: the reported axis."
    ),
]
KnownThen = Annotated[
    str, strawberry.argument(name="and", description="And by this later day or instant.")
]


@described
class ControlTold:
    """What is told of a stretch of valid time: the state, who holds the place, since when."""

    state: ControlState = strawberry.field(description="How the place was held.")
    holders: list[Holder] = strawberry.field(
        description="Who held it; several when contested or mixed, empty when vacated or unknown."
    )
    conditions: list[Condition] = strawberry.field(description="What was the case beside that.")
    since: Since = strawberry.field(description="Between which days the state began.")


@described
class ControlChange:
    """A half-open stretch of valid time of which something else was known then than before."""

    valid_from: str = strawberry.field(description="Its first instant, RFC 3339 in UTC.")
    valid_to: str | None = strawberry.field(
        description="The first instant after it, RFC 3339 in UTC; null while it lasts."
    )
    before: ControlTold = strawberry.field(description="What was known by the first date.")
    after: ControlTold = strawberry.field(description="What was known by the second.")


@described
class Cause:
    """What made something known otherwise."""

    kind: CauseKind = strawberry.field(description="A report, a revision, or an amendment.")
    report_id: ID | None = strawberry.field(
        description="The report that says so; null for an amendment entered by hand."
    )
    reported: str | None = strawberry.field(
        description="When it was published, EDTF; null when undated."
    )
    reason: str | None = strawberry.field(description="The reason given; null without one.")


@described
class EntryChange:
    """A claim that came to stand, ceased to, or stands in another form."""

    kind: ChangeKind = strawberry.field(description="What became of it.")
    before: Entry | None = strawberry.field(description="As it stood; null when it is new.")
    after: Entry | None = strawberry.field(description="As it stands; null when withdrawn.")
    fields: list[str] = strawberry.field(
        description="Which of its fields, named as in stored events, say something else."
    )
    because: list[Cause] = strawberry.field(description="Which reports changed it.")


@described
class KnowledgeDifference:
    """What became known otherwise about one place."""

    place: Place | None = strawberry.field(
        description="The place; null for claims that name no known one."
    )
    control: list[ControlChange] = strawberry.field(
        description="Who held it, where that is known otherwise; earliest first."
    )
    entries: list[EntryChange] = strawberry.field(
        description="Its claims that are known otherwise, in order of valid time."
    )


def knowledge_diff(
    info: Info, known_on: str, and_on: str, place_id: str | None
) -> list[KnowledgeDifference]:
    """What was known otherwise, place by place; claims without a known place come last."""
    context = info.context
    found = KnowledgeDiff(context.store, context.reader).between(known_on, and_on, place_id)
    context.spend(sum(len(d.control) + len(d.entries) for d in found))
    places = Group(d.place.place_id for d in found if d.place is not None)
    changes = [e.change for d in found for e in d.entries]
    before = iter(entries_of((c.before for c in changes if c.before is not None), known_on))
    after = iter(entries_of((c.after for c in changes if c.after is not None), and_on))
    return [
        KnowledgeDifference(
            place=None if d.place is None else place_of(d.place, places),
            control=[_control_change(c) for c in d.control],
            entries=[
                _entry_change(
                    e,
                    None if e.change.before is None else next(before),
                    None if e.change.after is None else next(after),
                )
                for e in d.entries
            ],
        )
        for d in found
    ]


def _told(value: control_changes.Told) -> ControlTold:
    return ControlTold(
        state=value.state,
        holders=holders_of(value.holders),
        conditions=list(value.conditions),
        since=Since(earliest=value.since_earliest, latest=value.since_latest),
    )


def _control_change(value: control_changes.ControlChange) -> ControlChange:
    return ControlChange(
        valid_from=instant_text(value.valid_from),
        valid_to=None if value.valid_to is None else instant_text(value.valid_to),
        before=_told(value.before),
        after=_told(value.after),
    )


def _entry_change(
    value: knowledge.KnownOtherwise, before: Entry | None, after: Entry | None
) -> EntryChange:
    return EntryChange(
        kind=value.change.kind,
        before=before,
        after=after,
        fields=list(value.change.fields),
        because=[
            Cause(
                kind=c.kind,
                report_id=None if c.report_id is None else ID(c.report_id),
                reported=c.reported,
                reason=c.reason,
            )
            for c in value.because
        ],
    )
