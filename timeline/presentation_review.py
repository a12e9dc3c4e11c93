"""Gives a claim under review its shape in a terminal, and reads what a person types for a field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import Certainty, Modality, Polarity, ProposedClaim, ReviewStatus
from timeline.domain.events import Claim, Statement
from timeline.domain.opinions import agree
from timeline.domain.places import PlaceMention, Relation
from timeline.domain.weapons import WeaponKind
from timeline.errors import InvalidEvent
from timeline.filing.recoding import Opinion
from timeline.presentation import (
    casualties_text,
    figures_text,
    printable,
    weapons_text,
    when_text,
)
from timeline.projections.reading import Entry, ReportView

CONTEXT_LENGTH_MAX = 260
FIELDS: Mapping[str, str] = {
    "when": "occurred",
    "where": "place",
    "who": "actors",
    "modality": "modality",
    "polarity": "polarity",
    "certainty": "certainty",
    "according to": "attributed_to",
    "dead": "fatalities",
    "how many": "quantity",
    "weapons": "weapons",
}
HINTS: Mapping[str, str] = {
    "occurred": "2016-02-24, 2016-02-20/2016-02-24, ../2016-02-24, 2016-02",
    "place": "a name as the report has it; near, in or toward before it",
    "actors": "initiator: Russia; target: rebels",
    "modality": ", ".join(Modality),
    "polarity": ", ".join(Polarity),
    "certainty": ", ".join(Certainty),
    "attributed_to": "who says so, in the report's words",
    "fatalities": "12, 10-14 (low-high) or 10/12/14 (low/best/high)",
    "quantity": "20 villages, >20 villages, ~20 villages",
    "weapons": "barrel bombs (explosives); drones",
}
_PARAGRAPH_END = re.compile(r"\n\s*\n|\n---\n")
_CHOICES = {"modality": Modality, "polarity": Polarity, "certainty": Certainty}
_QUALIFIERS = {
    "": "exactly", "~": "about", ">": "more_than", "<": "less_than",
    ">=": "at_least", "<=": "at_most",
}  # fmt: skip
_STATUS_STYLES = {
    ReviewStatus.UNREVIEWED: "dim",
    ReviewStatus.ACCEPTED: "green",
    ReviewStatus.CORRECTED: "cyan",
    ReviewStatus.REJECTED: "red",
}
_KEYS = (
    ("a", "accept"), ("c", "correct"), ("r", "reject"), ("n", "add"), ("s", "skip"), ("q", "quit"),
)  # fmt: skip


def head_text(report: ReportView, entries: Sequence[Entry]) -> RenderableType:
    """The report under review, and how far its review has come."""
    title = Text(printable(report.title, 100) or "untitled", style="bold")
    outlet = printable(report.source_name, 60) or "unnamed source"
    when = report.reported_edtf or "undated"
    title.append(f"\n{printable(report.report_id, 60)} · {outlet} · {when}", style="dim")
    title.append("\n")
    title.append_text(counts_text(entries))
    return Padding(title, (1, 0, 0, 0))


def counts_text(entries: Iterable[Entry]) -> Text:
    """How many claims have which status."""
    counts = dict.fromkeys(ReviewStatus, 0)
    for entry in entries:
        counts[entry.review] += 1
    told = Text()
    for status, number in counts.items():
        told.append(" · " if told else "", style="dim")
        told.append(f"{number} {status.value}", style=_STATUS_STYLES[status] if number else "dim")
    return told


def claim_card(
    entry: Entry, claim: Claim, text: str | None, number: int, total: int
) -> RenderableType:
    """A claim beside its words: `claim` is `entry`'s with what has been corrected so far."""
    what = Text(entry.type, style="bold")
    if isinstance(claim, Statement):
        what.append(f" {claim.statement_kind.value}")
    if claim != entry.claim:
        what.append("  corrected, not signed yet", style="cyan")
    elif entry.review is not ReviewStatus.UNREVIEWED:
        what.append(f"  {entry.review.value}", style=_STATUS_STYLES[entry.review])
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold magenta", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for index, (label, name) in enumerate(FIELDS.items(), 1):
        value = _value(claim, name)
        if getattr(claim, name) != getattr(entry.claim, name):
            value.stylize("cyan")
        table.add_row(str(index), label, value)
    for count in claim.casualties:
        table.add_row("", "casualties", Text(casualties_text(count)))
    title = Text(f"Claim {number} of {total}", style="bold")
    return Group(
        Text(""),
        Rule(title, align="left", style="dim"),
        Padding(words_text(entry, text), (1, 2)),
        what,
        table,
        _coder(claim),
    )


def words_text(entry: Entry, text: str | None) -> Text:
    """A claim's words, marked, in what stands around them in the report."""
    span = entry.claim.evidence
    if text is None or span is None:
        return Text("The report has no text to hold this claim against.", style="yellow")
    before, begins = _around(text[: span.span_start], at_end=True)
    after, ends = _around(text[span.span_end :], at_end=False)
    told = Text("" if begins else "… ", style="dim")
    told.append(_spaced(before), style="dim")
    told.append(printable(text[span.span_start : span.span_end]), style="bold black on yellow")
    told.append(_spaced(after), style="dim")
    told.append("" if ends else " …", style="dim")
    for also in entry.also_quotes:
        told.append("\nalso: ", style="dim")
        told.append(f"“{printable(also, 160)}”", style="italic")
    return told


def _around(text: str, *, at_end: bool) -> tuple[str, bool]:
    """What of a text stands next to a quote, and whether its paragraph is shown to its end."""
    parts = _PARAGRAPH_END.split(text)
    part = parts[-1] if at_end else parts[0]
    if len(part) <= CONTEXT_LENGTH_MAX:
        return part, True
    if at_end:
        return part[-CONTEXT_LENGTH_MAX:].partition(" ")[2], False
    return part[:CONTEXT_LENGTH_MAX].rpartition(" ")[0], False


def _spaced(text: str) -> str:
    """Printable words that keep the space between them and a quote."""
    told = printable(text)
    if not told:
        return " " if text else ""
    return f"{' ' if text[0].isspace() else ''}{told}{' ' if text[-1].isspace() else ''}"


def _value(claim: Claim, name: str) -> Text:
    value = getattr(claim, name)
    if name == "occurred":
        return Text(when_text(value), style="" if value.is_dated else "dim")
    if value is None or value == ():
        return Text("-", style="dim")
    if name == "place":
        return _place(value)
    if name == "actors":
        return Text("\n").join(_actor(a) for a in value)
    if name == "weapons":
        return Text(weapons_text(value))
    if name == "fatalities":
        return Text(figures_text(value.low, value.best, value.high))
    if name == "quantity":
        qualifier = "" if value.qualifier == "exactly" else value.qualifier.replace("_", " ") + " "
        return Text(f"{qualifier}{value.value:g} {printable(value.unit, 60)}")
    unusual = name in _CHOICES and value not in ("asserted", "positive", "certain")
    return Text(printable(str(value), 200), style="yellow" if unusual else "")


def _place(place: PlaceMention) -> Text:
    told = Text("" if place.relation in (Relation.AT, Relation.IN) else f"{place.relation.value} ")
    if place.distance_km is not None:
        told = Text(f"{place.distance_km:g} km from ")
    told.append(printable(place.as_named, 100))
    return _meaning(told, place.as_named, place.name, is_known=place.place_id is not None)


def _actor(actor: ActorMention) -> Text:
    told = Text(f"{actor.role.value.replace('_', ' ')}: ", style="dim")
    told.append(printable(actor.as_named, 100), style="not dim")
    return _meaning(told, actor.as_named, actor.name, is_known=actor.actor_id is not None)


def _meaning(told: Text, as_named: str, name: str | None, *, is_known: bool) -> Text:
    if not is_known:
        told.append("  not known", style="yellow not dim")
    elif name != as_named:
        told.append(" → ", style="dim")
        told.append(printable(name, 100), style="green not dim")
    return told


def _coder(claim: Claim) -> Text:
    by = printable(claim.coded_by, 60) or "the report's coder"
    sure = "" if claim.confidence is None else f" · confidence {claim.confidence:.2f}"
    return Text(f"read by {by}{sure}", style="dim")


def opinions_text(
    opinions: Sequence[Opinion], entries: Sequence[Entry], text: str | None
) -> RenderableType:
    """What other extractors read out of a report, and which of it agrees with what is filed."""
    told = Text()
    for opinion in opinions:
        told.append(f"\nsecond opinion by {printable(opinion.coded_by, 60)}", style="bold")
        told.append(f" · {len(opinion.claims)} claims\n", style="dim")
        for claim_id, claim in opinion.claims.items():
            told.append(f"  {claim_id} ", style="dim")
            told.append(claim.type.value)
            span = claim.evidence
            if text is not None and span is not None:
                quote = printable(text[span.span_start : span.span_end], 100)
                told.append(f" “{quote}”", style="italic")
            told.append(f"  {_beside(claim_id, claim, entries)}\n", style="cyan")
    return told


def _beside(claim_id: str, claim: ProposedClaim, entries: Sequence[Entry]) -> str:
    if any(e.claim.claim_id == claim_id for e in entries):
        return "filed"
    same = [e.claim for e in entries if agree(claim, e.type, e.claim.evidence)]
    return f"agrees with {same[0].ref or same[0].claim_id}" if same else "not filed"


def opinions_json(opinions: Sequence[Opinion]) -> list[dict[str, Any]]:
    """Second opinions as `review --json` prints them."""
    return [
        {
            "coded_by": o.coded_by,
            "recorded_at": o.recorded_at,
            "position": o.position,
            "claims": [
                {"claim_id": i, **msgspec.to_builtins(claim)} for i, claim in o.claims.items()
            ],
        }
        for o in opinions
    ]


def keys_text() -> Text:
    """The keys of the walk, as a line."""
    told = Text("\n")
    for key, word in _KEYS:
        told.append(f" {key} ", style="bold reverse")
        told.append(f" {word}   ")
    return told


def field_named(typed: str) -> str:
    """The field that a number, a label or a name of it means.

    Raises:
        InvalidEvent: none.
    """
    told = typed.strip().casefold()
    names = list(FIELDS.items())
    if told.isascii() and told.isdecimal() and 1 <= int(told[:3]) <= len(names):
        return names[int(told) - 1][1]
    for label, name in names:
        if told in (label, name):
            return name
    raise InvalidEvent(f"there is no field {typed.strip()!r}; give its number, 1 to {len(names)}")


def typed_value(name: str, typed: str) -> Any:  # noqa: ANN401 - JSON may be anything
    """What a person typed for a field, as a coded report has it; "-" takes the field away.

    Raises:
        InvalidEvent: it cannot be read; says how to write it.
    """
    told = typed.strip()
    if told == "-" and name not in _CHOICES:
        return None
    if told[:1] in ("{", "["):
        try:
            return json.loads(told)
        except ValueError as fault:
            raise InvalidEvent(f"that is no JSON: {fault}") from None
    if name in _CHOICES:
        return chosen(told, _CHOICES[name])
    reads: Mapping[str, Callable[[str], Any]] = {
        "place": _typed_place,
        "actors": typed_actors,
        "fatalities": _typed_dead,
        "quantity": _typed_quantity,
        "weapons": _typed_weapons,
    }
    return reads[name](told) if name in reads else told


def chosen(typed: str, values: Iterable[str]) -> str:
    """The one of some words that what is typed begins, in any case.

    Raises:
        InvalidEvent: none or several begin so.
    """
    options = [str(v) for v in values]
    wanted = typed.strip().casefold().replace(" ", "_")
    found = [v for v in options if v.casefold() == wanted]
    found = found or [v for v in options if wanted and v.casefold().startswith(wanted)]
    if len(found) != 1:
        raise InvalidEvent(f"{typed.strip()!r} is none of {', '.join(options)}")
    return found[0]


def _typed_place(typed: str) -> dict[str, str]:
    word, _, rest = typed.partition(" ")
    if word.casefold() in ("at", "in", "near", "toward") and rest.strip():
        return {"as_named": rest.strip(), "relation": word.casefold()}
    return {"as_named": typed}


def typed_actors(typed: str) -> list[dict[str, str]]:
    """Actors as "ROLE: NAME; ROLE: NAME".

    Raises:
        InvalidEvent: one has no role or no name.
    """
    actors = []
    for part in filter(None, (p.strip() for p in typed.split(";"))):
        role, colon, name = part.partition(":")
        if not colon or not name.strip():
            raise InvalidEvent(f"{part!r} lacks a role; write it as {HINTS['actors']}")
        actors.append({"role": chosen(role, ActorRole), "as_named": name.strip()})
    return actors


def _typed_dead(typed: str) -> dict[str, int]:
    match = re.fullmatch(r"(\d{1,8})(?:\s*[-–]\s*(\d{1,8}))?", typed)
    if match:
        low, high = match.groups()
        return {"best": int(low)} if high is None else {"low": int(low), "high": int(high)}
    match = re.fullmatch(r"(\d{1,8})\s*/\s*(\d{1,8})\s*/\s*(\d{1,8})", typed)
    if match is None:
        raise InvalidEvent(f"{typed!r} is no number of dead; write it as {HINTS['fatalities']}")
    low, best, high = (int(n) for n in match.groups())
    return {"low": low, "best": best, "high": high}


def _typed_weapons(typed: str) -> list[dict[str, str]]:
    weapons = []
    for part in filter(None, (p.strip() for p in typed.split(";"))):
        match = re.fullmatch(r"(\S.*?)\s*\(([^()]*)\)", part)
        words, kind = match.groups() if match else (part, None)
        told = {} if kind is None else {"kind": chosen(kind, WeaponKind)}
        weapons.append({"as_named": words, **told})
    return weapons


def _typed_quantity(typed: str) -> dict[str, Any]:
    match = re.fullmatch(r"(>=|<=|>|<|~|)\s*(\d{1,9}(?:\.\d{1,3})?)\s+(\S.*)", typed)
    if match is None:
        raise InvalidEvent(f"{typed!r} is no quantity; write it as {HINTS['quantity']}")
    sign, number, unit = match.groups()
    return {"value": float(number), "unit": unit, "qualifier": _QUALIFIERS[sign]}
