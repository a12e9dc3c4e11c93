"""Reads who, where and when by nearness alone, to hold it against what the parse says.

The fall-back of the field: the last actor before the word that tells of an event, the nearest
place, the nearest date. Where it agrees with the parse, a claim is right more often.
"""

from __future__ import annotations

from timeline.extraction.date_forms import DateExpression
from timeline.extraction.dates import days_of
from timeline.extraction.dating import Calendar
from timeline.extraction.drafts import Draft, place_key
from timeline.extraction.scene import Scene

_DOERS = ("initiator", "holder", "participant")


def agreements(draft: Draft, scene: Scene, dates: list[DateExpression], calendar: Calendar) -> int:
    """How many of doer, place and date nearness gives as the parse did: 0 to 3."""
    at = scene.parse.offsets[draft.token_index][0]
    return (
        _same_doer(draft, scene, at)
        + _same_place(draft, scene, at)
        + _same_date(draft, scene, dates, calendar, at)
    )


def _same_doer(draft: Draft, scene: Scene, at: int) -> bool:
    before = scene.cast.touching(scene.parse.sentence.start, at)
    keys = draft.actor_keys(*_DOERS)
    return bool(before) and (before[-1].actor_id or before[-1].as_named.lower()) in keys


def _same_place(draft: Draft, scene: Scene, at: int) -> bool:
    near = min(scene.places, key=lambda p: (p.start < at, abs(p.start - at)), default=None)
    return near is not None and place_key(near.mention) == place_key(draft.place)


def _same_date(
    draft: Draft, scene: Scene, dates: list[DateExpression], calendar: Calendar, at: int
) -> bool:
    start, end = scene.parse.sentence.start, scene.parse.sentence.end
    inside = [d for d in dates if start <= d.start < end]
    near = min(inside, key=lambda d: abs(d.start - at), default=None)
    if near is None or not draft.has_own_date:
        return False
    days = days_of(near, calendar.dateline, calendar.last_told)
    return days is not None and draft.occurred.latest == days.last.isoformat()
