"""Gives what changed its shape: the steps of a replay and a difference in knowledge, JSON and text.

Words of reports are untrusted here as in `presentation`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pendulum
from rich.text import Text

from timeline.domain.control_changes import ControlChange, Told
from timeline.domain.events import (
    Amendment,
    Claim,
    ContentWithheld,
    ReportVersion,
)
from timeline.domain.identities import subject
from timeline.domain.reference_events import (
    ActorCorrected,
    ActorsMerged,
    ActorsUnmerged,
    Mending,
    PlaceCorrected,
    PlacesMerged,
    PlacesUnmerged,
)
from timeline.domain.time import instant_text
from timeline.presentation import (
    QUOTE_LENGTH_MAX,
    STATE_STYLES,
    entry_json,
    printable,
    since_text,
    when_text,
)
from timeline.projections.changes import ChangeKind, EntryChange
from timeline.projections.knowledge import Cause, KnownOtherwise, PlaceDifference
from timeline.projections.stepping import Step

_MARKS = {
    ChangeKind.ADDED: ("+", "green"),
    ChangeKind.WITHDRAWN: ("-", "red"),
    ChangeKind.CHANGED: ("~", "yellow"),
}
NO_PLACE = "no known place"


def told_json(told: Told) -> dict[str, Any]:
    """What one side of a change tells of a place."""
    return {
        "state": told.state.value,
        "holders": [{"actor_id": h.actor_id, "name": h.name} for h in told.holders],
        "conditions": [c.value for c in told.conditions],
        "since": {"earliest": told.since_earliest, "latest": told.since_latest},
    }


def control_change_json(change: ControlChange) -> dict[str, Any]:
    """A stretch of valid time, half-open, and what was and is told of it."""
    return {
        "valid_from": instant_text(change.valid_from),
        "valid_to": instant_text(change.valid_to) if change.valid_to else None,
        "before": told_json(change.before),
        "after": told_json(change.after),
    }


def entry_change_json(change: EntryChange) -> dict[str, Any]:
    """A claim that does not stand as it stood, whole on both sides."""
    return {
        "change": change.kind.value,
        "fields": list(change.fields),
        "before": entry_json(change.before) if change.before else None,
        "after": entry_json(change.after) if change.after else None,
    }


def _cause_json(cause: Cause) -> dict[str, Any]:
    return {
        "kind": cause.kind.value,
        "report_id": cause.report_id,
        "reported": cause.reported,
        "reason": cause.reason,
    }


def diff_json(known_on: str, and_on: str, differences: Sequence[PlaceDifference]) -> dict[str, Any]:
    """The answer of `timeline diff`; the same for databases with the same knowledge."""
    return {
        "known_on": known_on,
        "and": and_on,
        "places": [
            {
                "place_id": d.place.place_id if d.place else None,
                "name": d.place.name if d.place else None,
                "control": [control_change_json(c) for c in d.control],
                "entries": [
                    {
                        **entry_change_json(known.change),
                        "because": [_cause_json(c) for c in known.because],
                    }
                    for known in d.entries
                ],
            }
            for d in differences
        ],
    }


def step_json(step: Step) -> dict[str, Any]:
    """One event of a replay, and what it changed."""
    stored = step.event.stored
    return {
        "position": stored.position,
        "recorded_at": stored.recorded_at,
        "type": stored.type,
        "stream": stored.stream,
        "withheld": step.event.payload is None,
        "entries": [entry_change_json(c) for c in step.entries],
        "control": [
            {"place_id": place.place_id, "name": place.name, **control_change_json(change)}
            for place, change in step.control
        ],
    }


def told_text(told: Told) -> Text:
    """State, holders and conditions, on one line."""
    text = Text(told.state.value, style=STATE_STYLES[told.state])
    if told.holders:
        text.append(" · " + ", ".join(printable(h.name) for h in told.holders), style="bold")
    text.append("".join(f" · {c.value.replace('_', ' ')}" for c in told.conditions), "red")
    return text


def control_change_text(change: ControlChange, time_zone: str) -> Text:
    """Which days, what was told of them, and what is."""
    text = Text(f"{_stretch(change, time_zone)}: ")
    was, now = told_text(change.before), told_text(change.after)
    before = since_text(change.before.since_earliest, change.before.since_latest)
    after = since_text(change.after.since_earliest, change.after.since_latest)
    if was == now:
        return text.append_text(now).append(f" · {after or 'since when is unknown'}; was {before}")
    text.append_text(was).append(" → ").append_text(now)
    return text.append(f" · {after}" if after else "")


def _stretch(change: ControlChange, time_zone: str) -> str:
    """Days as a person writes them: the last one included."""
    first = _day(change.valid_from, time_zone)
    if change.valid_to is None:
        return f"from {first}"
    last = _day(change.valid_to, time_zone, is_end=True)
    return first if first == last else f"{first} to {last}"


def _day(moment: datetime, time_zone: str, *, is_end: bool = False) -> str:
    local = pendulum.instance(moment).in_timezone(time_zone)
    following = local.add(microseconds=1)
    if local == local.start_of("day"):
        return (local.subtract(days=1) if is_end else local).to_date_string()
    if following == following.start_of("day"):  # what is dated to a day settles at its end
        return local.to_date_string() if is_end else f"the end of {local.to_date_string()}"
    return local.to_iso8601_string()


def diff_lines(differences: Sequence[PlaceDifference], time_zone: str) -> Iterator[Text]:
    """What became known otherwise, place by place, for a person."""
    for difference in differences:
        place = difference.place
        yield Text(printable(place.name) if place else NO_PLACE, style="bold")
        for change in difference.control:
            yield Text("  ").append_text(control_change_text(change, time_zone))
        for known in difference.entries:
            yield from _known_lines(known)
        yield Text("")


def _known_lines(known: KnownOtherwise) -> Iterator[Text]:
    yield Text("  ").append_text(entry_change_text(known.change))
    quote = known.change.entry.quote
    if quote:
        yield Text(f"      “{printable(quote, QUOTE_LENGTH_MAX)}”", style="italic")
    for cause in known.because:
        by = f" {printable(cause.report_id, 80)}" if cause.report_id else ", entered by hand"
        reason = f": {printable(cause.reason, 200)}" if cause.reason else ""
        dated = f" of {cause.reported}" if cause.reported else ""
        yield Text(f"      {cause.kind.value}{by}{dated}{reason}", style="dim")


def entry_change_text(change: EntryChange) -> Text:
    """A mark, what the claim tells of, when, who is in it, and what of that was changed."""
    mark, style = _MARKS[change.kind]
    claim = change.entry.claim
    text = Text(f"{mark} ", style=style).append(change.entry.type, "bold")
    if claim.modality.value != "asserted":
        text.append(f" {claim.modality.value}", "yellow")
    if claim.polarity.value == "negated":
        text.append(" did not happen", "yellow")
    text.append(f" {when_text(claim.occurred)}")
    who = ", ".join(
        f"{a.role.value.replace('_', ' ')} {printable(a.name or a.as_named, 60)}"
        for a in claim.actors
    )
    text.append(f" · {who}" if who else "")
    if change.fields:
        text.append(f" · {_fields_text(change)}", "yellow")
    return text


def _fields_text(change: EntryChange) -> str:
    before, after = change.before, change.after
    told = []
    for name in change.fields:
        if name == "occurred" and before and after:
            was, now = when_text(before.claim.occurred), when_text(after.claim.occurred)
            told.append(f"date {was} → {now}")
        else:
            told.append(f"{name.replace('_', ' ')} changed")
    return ", ".join(told)


def step_lines(step: Step, time_zone: str) -> Iterator[Text]:
    """One event: where it stands in the log, what it is, and what it changed."""
    stored = step.event.stored
    head = Text(f"position {stored.position}: ", style="dim").append(stored.type, "bold")
    head.append(f" {printable(_about(step), 160)}")
    yield head
    claim = step.event.payload
    for change in step.entries:
        if isinstance(claim, Claim) and change.kind is ChangeKind.ADDED:
            continue  # the event itself is the claim
        yield Text("    ").append_text(entry_change_text(change))
    for place, stretch in step.control:
        line = Text(f"    {printable(place.name)} ")
        yield line.append_text(control_change_text(stretch, time_zone))


def _about(step: Step) -> str:
    """What the event is about, in a few words."""
    payload, stored = step.event.payload, step.event.stored
    if payload is None:
        return f" in {stored.stream}: its content is withheld"
    if isinstance(payload, Claim):
        return f"{_where(payload)} {when_text(payload.occurred)}{_amended_away(step)}"
    if isinstance(payload, ReportVersion):
        return f" {payload.report_id}" + (f": {payload.title}" if payload.title else "")
    if isinstance(payload, Amendment):
        target = getattr(payload, "target", "")
        waits = "" if step.entries else "; nothing that stands changes"
        return f" {target} of {payload.report_id}".replace("  ", " ") + waits
    if isinstance(payload, ContentWithheld):
        return f" in {stored.stream}: {payload.reason}"
    if isinstance(payload, Mending):
        return f" {_mended(payload)}" + (f": {payload.reason}" if payload.reason else "")
    name = getattr(payload, "name", None)
    return f" {stored.stream}" + (f": {name}" if name else "")


def _mended(payload: Mending) -> str:
    """What a merge, its opposite or a correction says, in a few words."""
    if isinstance(payload, PlacesMerged | ActorsMerged):
        return f"{subject(payload)} is {payload.into}"
    if isinstance(payload, PlacesUnmerged | ActorsUnmerged):
        return f"{subject(payload)} is not {payload.into}"
    if isinstance(payload, PlaceCorrected | ActorCorrected):
        return f"{subject(payload)}, its {', '.join(sorted(payload.changes)).replace('_', ' ')}"
    return ""


def _where(claim: Claim) -> str:
    place = claim.place
    if place is None:
        return ""
    return f" {place.relation.value} {place.name or place.as_named}"


def _amended_away(step: Step) -> str:
    return "" if step.entries else "; it does not stand, or not yet"


def steps_json(steps: Iterable[Step], ids: Collection[str] | None) -> list[dict[str, Any]]:
    """The steps that touch a place, given by all ids that mean it, or all."""
    return [step_json(s) for s in steps if ids is None or s.touches(ids)]
