"""Gives answers their shape: the JSON of the contract, and tables for people.

Words of reports are untrusted: `printable` takes out what could drive a terminal, and they are
never read as markup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    ClaimFields,
    Evidence,
    Fatalities,
    Modality,
    Polarity,
    ProposedClaim,
    ReviewStatus,
)
from timeline.domain.control import Control, ControlState
from timeline.domain.names import Match
from timeline.domain.places import Place, PlaceMention
from timeline.domain.time import Occurred
from timeline.domain.weapons import Weapon
from timeline.filing.drafts import Draft
from timeline.projections.reading import Entry, Page

STATE_STYLES = {
    ControlState.CONTROLLED: "bold green",
    ControlState.CONTESTED: "bold red",
    ControlState.MIXED: "bold yellow",
    ControlState.VACATED: "bold magenta",
    ControlState.UNKNOWN: "dim",
}
QUOTE_LENGTH_MAX = 160
_DIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str | None, length_max: int = 2000) -> str:
    """A report's words on one line, without control or direction characters, cut to a length.

    Half characters, which a file's name can hold, become spaces too: no terminal takes them.
    """
    if not text:
        return ""
    kept = (" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
    line = " ".join("".join(c for c in kept if c not in _DIRECTIONAL).split())
    return line if len(line) <= length_max else line[: length_max - 1] + "…"


def part_json(part: Occurred | Fatalities | CasualtyCount | Weapon) -> dict[str, Any]:
    """All fields of a part of a claim, open ones and those that are not told as null."""
    told: dict[str, Any] = msgspec.to_builtins(asdict(part))
    return told


def place_json(place: PlaceMention | None) -> dict[str, Any] | None:
    """All fields of a place mention; null when the claim names no place."""
    if place is None:
        return None
    return {
        "place_id": place.place_id,
        "name": place.name,
        "as_named": place.as_named,
        "relation": place.relation.value,
        "distance_km": place.distance_km,
        "bearing": place.bearing,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "geo_precision": place.geo_precision,
        "match": msgspec.to_builtins(place.match),
    }


def claim_json(claim: ClaimFields, type_: str) -> dict[str, Any]:
    """A claim as scripts read it, without its evidence; every key is there, unknown ones null."""
    kind = getattr(claim, "statement_kind", None)
    return {
        "type": type_,
        "modality": claim.modality.value,
        "polarity": claim.polarity.value,
        "statement_kind": kind.value if kind else None,
        "certainty": claim.certainty.value,
        "actors": [
            {
                "actor_id": a.actor_id,
                "name": a.name,
                "role": a.role.value,
                "as_named": a.as_named,
            }
            for a in claim.actors
        ],
        "place": place_json(claim.place),
        "place2": place_json(claim.place2),
        "occurred": part_json(claim.occurred),
        "sub_event_type": claim.sub_event_type,
        "plover_event": claim.plover_event,
        "plover_mode": claim.plover_mode,
        "attributed_to": claim.attributed_to,
        "quantity": msgspec.to_builtins(claim.quantity),
        "fatalities": part_json(claim.fatalities) if claim.fatalities else None,
        "casualties": [part_json(c) for c in claim.casualties],
        "weapons": [part_json(w) for w in claim.weapons],
        "coded_by": claim.coded_by,
        "confidence": claim.confidence,
    }


def evidence_json(span: Evidence | None, quote: str | None) -> dict[str, Any] | None:
    """A span with its words; null without evidence."""
    if span is None:
        return None
    return {"span_start": span.span_start, "span_end": span.span_end, "quote": quote}


def entry_json(entry: Entry) -> dict[str, Any]:
    """A timeline entry; no position, record time or hash, so that equal knowledge prints equal."""
    also = entry.also_quotes or (None,) * len(entry.claim.also_evidence)
    report = entry.report
    return {
        "claim_id": entry.claim.claim_id,
        "ref": entry.claim.ref,
        **claim_json(entry.claim, entry.type),
        "evidence": evidence_json(entry.claim.evidence, entry.quote),
        "also_evidence": [
            evidence_json(span, quote)
            for span, quote in zip(entry.claim.also_evidence, also, strict=True)
        ],
        "is_amended": entry.is_amended,
        "review": entry.review.value,
        "report": {
            "id": report.report_id,
            "title": report.title,
            "url": report.url,
            "source": report.source_name,
            "reported": report.reported_edtf,
            "undated": report.undated,
        },
    }


def extraction_json(draft: Draft, claims: Sequence[ProposedClaim]) -> dict[str, Any]:
    """What filing a report would append."""
    text = draft.text or ""

    def spanned(span: Evidence | None) -> dict[str, Any] | None:
        return evidence_json(span, text[span.span_start : span.span_end] if span else None)

    return {
        "report": {
            "id": draft.report_id,
            "url": draft.url,
            "title": draft.title,
            "source": draft.source_name,
            "published": draft.published or draft.dateline,
            "updated": draft.updated,
            "language": draft.language,
        },
        "claims": [
            {
                **claim_json(claim, claim.type.value),
                "evidence": spanned(claim.evidence),
                "also_evidence": [spanned(s) for s in claim.also_evidence],
            }
            for claim in claims
        ],
    }


def control_json(control: Control) -> dict[str, Any]:
    """Who held a place, and how well that is known."""
    return {
        "state": control.state.value,
        "holders": [{"actor_id": h.actor_id, "name": h.name} for h in control.holders],
        "conditions": [c.value for c in control.conditions],
        "since": {"earliest": control.since_earliest, "latest": control.since_latest},
        "certain": control.certain,
        "last_confirmed": control.last_confirmed,
        "sources": control.sources,
        "claim_ids": list(control.claim_ids),
    }


def show_json(
    place: Place,
    match: Match,
    at: str | None,
    known_on: str | None,
    control: Control,
    entries: Iterable[Entry],
) -> dict[str, Any]:
    """The answer of `timeline show`."""
    return {
        "place": {
            "place_id": place.place_id,
            "name": place.name,
            "matched_by": {"tier": match.tier.value, "score": match.score},
        },
        "at": at,
        "known_on": known_on,
        "control": control_json(control),
        "entries": [entry_json(e) for e in entries],
    }


def control_geojson(held: Sequence[tuple[Place, Control]]) -> dict[str, Any]:
    """The control map as a GeoJSON FeatureCollection (RFC 7946); places without a point are out."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": place.place_id,
                "geometry": {"type": "Point", "coordinates": [place.longitude, place.latitude]},
                "properties": {"name": place.name, **control_json(control)},
            }
            for place, control in held
            if place.latitude is not None and place.longitude is not None
        ],
    }


def when_text(occurred: Occurred) -> str:
    """A date as a person reads it."""
    if not occurred.is_dated:
        return "undated"
    if occurred.earliest is None:
        return f"by {occurred.latest}"
    if occurred.latest is None:
        return f"from {occurred.earliest}"
    return occurred.edtf or occurred.earliest


def since_text(earliest: str | None, latest: str | None) -> str:
    """Since when a state holds, as a person reads it."""
    if latest is None:
        return ""
    if earliest is None:
        return f"since {latest} or before"
    if earliest == latest:
        return f"since {latest}"
    return f"since between {earliest} and {latest}"


def control_text(control: Control) -> Text:
    """One line: state, holders, since when, how sure."""
    text = Text(control.state.value, style=STATE_STYLES[control.state])
    if control.holders:
        text.append(" · " + ", ".join(printable(h.name) for h in control.holders), style="bold")
    text.append("".join(f" · {c.value.replace('_', ' ')}" for c in control.conditions), "red")
    since = since_text(control.since_earliest, control.since_latest)
    if since:
        text.append(f" · {since}")
    if not control.certain:
        text.append(" · uncertain", style="yellow")
    if control.last_confirmed:
        word = "source" if control.sources == 1 else "sources"
        text.append(
            f" · last confirmed {control.last_confirmed} · {control.sources} {word}", style="dim"
        )
    return text


def show_text(place: Place, match: Match, control: Control, page: Page) -> RenderableType:
    """A place's control and its timeline, for a person."""
    arabic = next((n.name for n in place.names if n.language == "ar"), None)
    head = Text(printable(place.name), style="bold")
    head.append(f" {printable(arabic)}" if arabic else "")
    head.append(f"  {place.kind.value.replace('_', ' ')} · matched by {match.tier}", style="dim")
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column("When", no_wrap=True)
    table.add_column("What")
    table.add_column("According to")
    for entry in page.entries:
        table.add_row(when_text(entry.claim.occurred), _what(entry), _who_says(entry))
    more = Text("… and more: use --json or GraphQL", style="dim") if page.has_next else Text("")
    return Group(head, control_text(control), Text(""), table, more)


def _what(entry: Entry) -> RenderableType:
    claim = entry.claim
    happened = claim.modality is Modality.ASSERTED and claim.polarity is Polarity.POSITIVE
    text = Text(entry.type, style="bold" if happened else "dim")
    if claim.modality is not Modality.ASSERTED:
        text.append(f" {claim.modality.value}", style="yellow")
    if claim.polarity is Polarity.NEGATED:
        text.append(" did not happen", style="yellow")
    if entry.is_amended:
        text.append(" corrected", style="cyan")
    if entry.review is not ReviewStatus.UNREVIEWED:
        rejected = entry.review is ReviewStatus.REJECTED
        text.append(" rejected" if rejected else " ✓", style="red" if rejected else "green")
    by_role: dict[str, list[str]] = {}
    for actor in claim.actors:
        by_role.setdefault(actor.role.value, []).append(printable(actor.name or actor.as_named, 60))
    for role, names in by_role.items():
        text.append(f"\n{role.replace('_', ' ')}: ", style="dim")
        text.append(", ".join(names))
    text.append("".join(f"\n{line}" for line in _how_many_and_by_what(claim)))
    if claim.place is not None and claim.place.relation not in ("at", "in"):
        text.append(f"\n{_relative(claim.place)}", style="dim")
    if not entry.quote:
        return text
    quote = Text(f"“{printable(entry.quote, QUOTE_LENGTH_MAX)}”", style="italic")
    return Group(text, Padding(quote, (0, 0, 1, 0)))


def _how_many_and_by_what(claim: ClaimFields) -> Iterable[str]:
    if (q := claim.quantity) is not None:
        told = "" if q.qualifier == "exactly" else q.qualifier.value.replace("_", " ") + " "
        yield f"{told}{q.value:g} {printable(q.unit, 60)}"
    if (f := claim.fatalities) is not None:
        yield f"fatalities: {figures_text(f.low, f.best, f.high)}"
    yield from map(casualties_text, claim.casualties)
    if claim.weapons:
        yield f"weapons: {weapons_text(claim.weapons)}"


def casualties_text(count: CasualtyCount) -> str:
    """Such as "killed combatants (target): 26 · soldiers"; what is not told is left out."""
    who = "" if count.group is CasualtyGroup.UNKNOWN else f" {count.group.value}"
    role = f" ({count.role.value.replace('_', ' ')})" if count.role else ""
    figures = figures_text(count.low, count.best, count.high)
    told = " · ".join(t for t in (figures, printable(count.as_named, 60)) if t)
    return f"{count.harm.value}{who}{role}: {told}"


def weapons_text(weapons: Iterable[Weapon]) -> str:
    """Such as "barrel bombs (explosives), drones"; a kind that is not told is left out."""
    kinds = {w: f" ({w.kind.value.replace('_', ' ')})" if w.kind else "" for w in weapons}
    return ", ".join(f"{printable(w.as_named, 60)}{kind}" for w, kind in kinds.items())


def figures_text(low: int | None, best: int | None, high: int | None) -> str:
    """Bounds of a number as a person reads them."""
    told = {"low": low, "best": best, "high": high}
    if low == best == high:
        return "" if best is None else str(best)
    return ", ".join(f"{name} {n}" for name, n in told.items() if n is not None)


def _relative(place: PlaceMention) -> str:
    distance = f"{place.distance_km:g} km " if place.distance_km is not None else ""
    return f"{distance}{place.relation.value} {printable(place.as_named, 60)}"


def _who_says(entry: Entry) -> Text:
    report = entry.report
    says = printable(entry.claim.attributed_to, 80)
    outlet = printable(report.source_name, 80) or "unnamed source"
    text = Text(f"{says}, to {outlet}" if says else outlet)
    text.append(f"\n{report.reported_edtf or 'undated'} · {printable(report.report_id, 60)}", "dim")
    return text


def rows_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A plain table of untrusted cells."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(c if isinstance(c, Text) else Text(printable(str(c))) for c in row))
    return table


def control_table(held: Sequence[tuple[Place, Control]]) -> Table:
    """Who held what, a line a place."""
    return rows_table(("Place", "Control"), [(p.name, control_text(c)) for p, c in held])


def claims_table(claims: Sequence[ProposedClaim], text: str) -> Table:
    """What filing a report would append, for a person."""
    rows = []
    for c in claims:
        span = c.evidence
        quote = text[span.span_start : span.span_end] if span else ""
        who = ", ".join(f"{a.role.value} {a.name or a.as_named}" for a in c.actors)
        where = (c.place.name or c.place.as_named) if c.place else ""
        told = "" if c.modality is Modality.ASSERTED else f" ({c.modality.value})"
        told += " (negated)" if c.polarity is Polarity.NEGATED else ""
        rows.append((c.type.value + told, when_text(c.occurred), where, who, printable(quote, 80)))
    return rows_table(("What", "When", "Where", "Who", "Words"), rows)
