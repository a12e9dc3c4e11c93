"""Says in which stretches of valid time two folds of one place's control tell different things.

What is compared is what a reader would act on: the state, the holders, the conditions and since
when. One more source for the same is no difference here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest

from msgspec import Struct
from msgspec.structs import replace

from timeline.domain.control import Condition, ControlSpan, span_at
from timeline.domain.holders import ControlState, Holder


class Told(Struct, frozen=True, kw_only=True):
    """What one fold tells of a stretch: a control span without its bounds and its supports."""

    state: ControlState = ControlState.UNKNOWN
    holders: tuple[Holder, ...] = ()
    conditions: tuple[Condition, ...] = ()
    since_earliest: str | None = None
    since_latest: str | None = None


NOTHING_TOLD = Told()


class ControlChange(Struct, frozen=True, kw_only=True):
    """A half-open stretch of valid time of which `before` told one thing and `after` another.

    `valid_to` is `None` where the stretch still lasts.
    """

    valid_from: datetime
    valid_to: datetime | None
    before: Told
    after: Told


def control_changes(
    before: Sequence[ControlSpan], after: Sequence[ControlSpan]
) -> tuple[ControlChange, ...]:
    """Compare two folds of one place.

    Args:
        before: Spans of one fold, earliest first, as `control_spans` returns them.
        after: Spans of the other.

    Returns:
        The stretches that differ, earliest first; neighbours of which both folds tell the same
        are one stretch. Time of which a fold says nothing counts as unknown.
    """
    cuts = sorted(
        {moment for s in (*before, *after) for moment in (s.valid_from, s.valid_to) if moment}
    )
    changes: list[ControlChange] = []
    for start, end in zip_longest(cuts, cuts[1:]):
        was, now = _told(before, start), _told(after, start)
        if was == now:
            continue
        last = changes[-1] if changes else None
        if last and last.valid_to == start and (last.before, last.after) == (was, now):
            changes[-1] = replace(last, valid_to=end)
        else:
            changes.append(ControlChange(valid_from=start, valid_to=end, before=was, after=now))
    return tuple(changes)


def _told(spans: Sequence[ControlSpan], moment: datetime) -> Told:
    span = span_at(spans, moment)
    if span is None:
        return NOTHING_TOLD
    return Told(
        state=span.state,
        holders=span.holders,
        conditions=span.conditions,
        since_earliest=span.since_earliest,
        since_latest=span.since_latest,
    )
