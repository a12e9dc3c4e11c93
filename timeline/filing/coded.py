"""Reads a coded report (.yaml, .json) to the letter of its contract: DESIGN, "Coded report"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from timeline.domain.actors import ActorMention
from timeline.domain.claims import (
    CasualtyCount,
    Certainty,
    ClaimFields,
    ClaimType,
    Evidence,
    Fatalities,
    Modality,
    Polarity,
    ProposedClaim,
    Quantity,
    StatementKind,
    check_figures,
)
from timeline.domain.events import CORRECTABLE_FIELDS, Basis
from timeline.domain.ids import GivenReportId
from timeline.domain.places import PlaceMention
from timeline.domain.time import UNDATED, Occurred, occurred_from_edtf
from timeline.domain.weapons import Weapon, check_weapons
from timeline.errors import InvalidDate, InvalidReport
from timeline.filing.documents import CODED_SUFFIXES, decode_text, load_json, load_yaml
from timeline.filing.drafts import Draft, DraftAmendment
from timeline.settings import CLAIMS_PER_REPORT_MAX

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
EdtfText = Annotated[str, Meta(min_length=1, max_length=60)] | int
_C = TypeVar("_C", bound=ClaimFields)


class CodedSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Who published, and whom they speak for."""

    name: Annotated[str, Meta(min_length=1, max_length=300)]
    affiliated_with: Annotated[str, Meta(min_length=1, max_length=300)] | None = None


class CodedClaim(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A claim as a person codes it."""

    type: ClaimType
    ref: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    statement_kind: StatementKind | None = None
    modality: Modality = Modality.ASSERTED
    polarity: Polarity = Polarity.POSITIVE
    certainty: Certainty = Certainty.CERTAIN
    actors: tuple[ActorMention, ...] = ()
    place: PlaceMention | None = None
    place2: PlaceMention | None = None
    occurred: EdtfText | None = None
    sub_event_type: str | None = None
    plover_event: str | None = None
    plover_mode: str | None = None
    quantity: Quantity | None = None
    fatalities: Fatalities | None = None
    casualties: tuple[CasualtyCount, ...] = ()
    weapons: tuple[Weapon, ...] = ()
    attributed_to: str | None = None
    quote: str | None = None
    evidence: Evidence | None = None
    also_evidence: tuple[Evidence, ...] = ()
    coded_by: str | None = None
    confidence: float | None = None


class CodedCorrection(Struct, frozen=True, forbid_unknown_fields=True):
    """A correction of another report's claim."""

    report: GivenReportId
    ref: Text
    set: dict[str, Any]
    basis: Basis
    reason: Text | None = None


class CodedRetraction(Struct, frozen=True, forbid_unknown_fields=True):
    """A retraction of another report's claim, or of the whole report without `ref`."""

    report: GivenReportId
    basis: Basis
    ref: Text | None = None
    reason: Text | None = None


class CodedReport(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A coded report file."""

    id: GivenReportId | None = None
    url: Text | None = None
    title: Text | None = None
    source: CodedSource | None = None
    published: EdtfText | None = None
    updated: EdtfText | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    text: str | None = None
    claims: Annotated[tuple[CodedClaim, ...], Meta(max_length=CLAIMS_PER_REPORT_MAX)] = ()
    corrections: tuple[CodedCorrection, ...] = ()
    retractions: tuple[CodedRetraction, ...] = ()


def read_coded(content: bytes, path: Path) -> Draft:
    """A coded report's draft; names are not resolved yet.

    Raises:
        InvalidReport: it is no such report; says what is wrong, where, and what to do.
    """
    load = load_json if path.suffix.lower() == ".json" else load_yaml
    data = load(decode_text(content, path), path)
    if not isinstance(data, dict):
        raise InvalidReport(str(path), "must be a mapping with keys such as title and claims")
    try:
        report = msgspec.convert(data, CodedReport)
    except msgspec.ValidationError as fault:
        raise InvalidReport(str(path), readable_fault(fault)) from None
    if not (report.claims or report.corrections or report.retractions):
        raise InvalidReport(
            str(path), "holds no claims, corrections or retractions; add one, or file it as prose"
        )
    refs = [c.ref for c in report.claims if c.ref]
    repeated = next((r for r in refs if refs.count(r) > 1), None)
    if repeated:
        raise InvalidReport(str(path), f"the ref {repeated!r} stands at more than one claim")
    return Draft(
        path=str(path),
        content=content,
        media_type=CODED_SUFFIXES[path.suffix.lower()],
        text=report.text,
        report_id=report.id,
        url=report.url,
        title=report.title,
        source_name=report.source.name if report.source else None,
        affiliated_with=report.source.affiliated_with if report.source else None,
        published=None if report.published is None else str(report.published),
        updated=None if report.updated is None else str(report.updated),
        language=report.language,
        claims=tuple(_proposed(c, i, report.text, path) for i, c in enumerate(report.claims)),
        amendments=_amendments(report, path),
    )


def readable_fault(fault: msgspec.ValidationError) -> str:
    """A validation error as "claims[0].type: ..." instead of a JSON path at the end."""
    told = str(fault)
    match = re.fullmatch(r"(.*?) - at (?:`key` in )?`\$?\.?(.*?)`", told, flags=re.DOTALL)
    message, where = (match.group(1), match.group(2)) if match else (told, "")
    message = message.replace("Object contains unknown field", "does not know the key")
    message = message.replace("Object missing required field", "lacks the key")
    if where.endswith("type") and "enum" in message:
        message += f"; it is one of {', '.join(ClaimType)}"
    return f"{where}: {message}" if where else message


def _proposed(claim: CodedClaim, index: int, text: str | None, path: Path) -> ProposedClaim:
    where = f"claims[{index}]"
    evidence = _evidence(claim, where, text, path)
    for span in claim.also_evidence:
        _check_span(span, f"{where}.also_evidence", text, path)
    fields = {
        name: getattr(claim, name)
        for name in claim.__struct_fields__
        if name not in ("occurred", "quote", "evidence")
    }
    try:
        proposed = ProposedClaim(**fields, occurred=_occurred(claim.occurred), evidence=evidence)
        return _within_bounds(proposed)
    except InvalidDate as fault:
        raise InvalidReport(str(path), f"{where}.occurred: {fault}") from None
    except msgspec.ValidationError as fault:
        raise InvalidReport(str(path), f"{where}.{readable_fault(fault)}") from None
    except ValueError as fault:
        raise InvalidReport(str(path), f"{where}: {fault}") from None


def _within_bounds(claim: _C) -> _C:
    """The claim, once its bounds hold: a constructor does not look at them, and a reader does."""
    return msgspec.convert(msgspec.to_builtins(claim), type(claim))


def _occurred(edtf: str | int | None) -> Occurred:
    return UNDATED if edtf is None else occurred_from_edtf(str(edtf))


def _evidence(claim: CodedClaim, where: str, text: str | None, path: Path) -> Evidence | None:
    if claim.quote is None:
        if claim.evidence is not None:
            _check_span(claim.evidence, f"{where}.evidence", text, path)
        return claim.evidence
    if claim.evidence is not None:
        raise InvalidReport(str(path), f"{where} has a quote and an evidence; give one of them")
    if text is None:
        raise InvalidReport(str(path), f"{where} has a quote, but the report has no text")
    found = _occurrences(claim.quote, text)
    if found != 1:
        told = "is not in the text" if found == 0 else f"is in the text {found} times"
        raise InvalidReport(
            str(path), f"{where}.quote {told}; quote words that stand there exactly once"
        )
    start = text.index(claim.quote)
    return Evidence(span_start=start, span_end=start + len(claim.quote))


def _occurrences(quote: str, text: str) -> int:
    """How often a quote stands in a text, also where it overlaps itself."""
    found, start = 0, text.find(quote) if quote else -1
    while start >= 0:
        found, start = found + 1, text.find(quote, start + 1)
    return found


def _check_span(span: Evidence, where: str, text: str | None, path: Path) -> None:
    if text is None:
        raise InvalidReport(str(path), f"{where}: the report has no text that spans could count in")
    if span.span_end > len(text):
        raise InvalidReport(str(path), f"{where} ends after the text's {len(text)} code points")


def _amendments(report: CodedReport, path: Path) -> tuple[DraftAmendment, ...]:
    found = []
    for index, c in enumerate(report.corrections):
        try:
            changes = coded_changes(c.set)
        except InvalidDate as fault:
            raise InvalidReport(str(path), f"corrections[{index}].set: {fault}") from None
        except ValueError as fault:
            raise InvalidReport(str(path), f"corrections[{index}].set {fault}") from None
        found.append(
            DraftAmendment(
                report_id=c.report, target=c.ref, basis=c.basis, changes=changes, reason=c.reason
            )
        )
    found += [
        DraftAmendment(report_id=r.report, target=r.ref, basis=r.basis, reason=r.reason)
        for r in report.retractions
    ]
    return tuple(found)


def coded_claim(fields: Mapping[str, Any], text: str | None) -> ProposedClaim:
    """A single claim as in a coded report, for a report whose text is `text`.

    Raises:
        ValueError: what is wrong with it; a quote must stand in the text exactly once.
    """
    try:
        return _proposed(msgspec.convert(dict(fields), CodedClaim), 0, text, Path("claim"))
    except msgspec.ValidationError as fault:
        raise ValueError(readable_fault(fault)) from None
    except InvalidReport as fault:
        raise ValueError(fault.reason.removeprefix("claims[0]").lstrip(".: ")) from None


def coded_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What a correction sets, each value checked and in the form in which claims are stored.

    Raises:
        ValueError: a key that a correction may not set, or a value that does not fit.
        InvalidDate: `occurred` is no date.
    """
    if not changes:
        raise ValueError("is empty; name at least one field")
    unknown = sorted(set(changes) - CORRECTABLE_FIELDS)
    if unknown:
        raise ValueError(
            f"cannot set {', '.join(unknown)}; it can set {', '.join(sorted(CORRECTABLE_FIELDS))}"
        )
    told = {k: v for k, v in changes.items() if v is not None}
    try:
        claim = msgspec.convert({**told, "type": "OtherIncident"}, CodedClaim)
        set_values = {key: getattr(claim, key) for key in told if key != "occurred"}
        _within_bounds(ClaimFields(**set_values))
    except msgspec.ValidationError as fault:
        raise ValueError(readable_fault(fault)) from None
    try:  # in itself: the claim may not be filed yet, and the order of filing must not matter
        check_figures(claim.fatalities, claim.casualties)
        check_weapons(claim.weapons)
    except ValueError as fault:
        raise ValueError(f"does not hold: {fault}") from None
    values: dict[str, Any] = {k: None for k in changes if k not in told}
    for key in told:
        value = getattr(claim, key)
        values[key] = msgspec.to_builtins(_occurred(value) if key == "occurred" else value)
    try:
        msgspec.convert({k: v for k, v in values.items() if v is not None}, ClaimFields)
    except msgspec.ValidationError as fault:
        raise ValueError(readable_fault(fault)) from None
    return values
