"""The catalogue of stored event types: their payloads, schema versions, encoding and decoding.

A payload is immutable and is never rewritten in the log; a newer schema version comes with an
upcaster (`upcast.py`) and leaves the older JSON Schema standing in schema/events/.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from timeline.domain import patterns, upcast
from timeline.domain.claims import ClaimFields, ClaimType, ProposedClaim, StatementKind, Verdict
from timeline.domain.ids import ClaimId, ReportId, Sha256Hex
from timeline.domain.opinions import ReportRecoded
from timeline.domain.places import Slug
from timeline.domain.reference_events import REFERENCE_TYPES
from timeline.domain.time import UNDATED, Occurred
from timeline.errors import InvalidEvent, UnknownEventSchema

ShortText = Annotated[str, Meta(max_length=2000)]

CLAIMS_PER_LINK_MAX = 50


class Claim(ClaimFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filed claim: its fields, its id, and the version of the report that makes it.

    `report_version` is the SHA-256 of the filed document, in hexadecimal.
    """

    claim_id: ClaimId
    report_id: ReportId
    report_version: Sha256Hex


class ControlChanged(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place changed hands; role holder took it, role previous_holder lost it."""


class ControlStated(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place was in somebody's hands at that time; nothing is said of when that began."""


class Withdrawal(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The initiator left a place; names no successor (ACLED: non-violent transfer of territory)."""


class Clash(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Armed parties fought on the ground (ACLED: armed clash)."""


class Airstrike(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attack from the air (ACLED: air/drone strike)."""


class Shelling(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Artillery, mortar, rocket or missile fire (ACLED: shelling/artillery/missile attack)."""


class Bombing(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suicide bomb, car bomb, mine or improvised device exploded."""


class SiegeBegan(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place came under siege or blockade by the initiator."""


class SiegeEnded(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A siege or blockade of a place was broken or lifted."""


class RouteCut(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A road or supply route was cut."""


class RouteOpened(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A road or supply route was opened again."""


class Movement(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Forces moved or were reinforced, without fighting being told."""


class Agreement(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parties agreed: a ceasefire, a truce, a handover, an evacuation."""


class Casualties(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A count of killed, wounded or otherwise harmed people that no incident claim can carry."""


class Detention(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People were captured, arrested or abducted."""


class ViolenceAgainstCivilians(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Civilians were attacked on purpose (ACLED: violence against civilians)."""


class AircraftLoss(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An aircraft crashed or was shot down."""


class OtherIncident(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened and has no type of its own."""


class Statement(Claim, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something said that is no occurrence and has no type of its own."""

    statement_kind: StatementKind


class SourceMention(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The outlet that published a report."""

    source_id: Slug
    name: Annotated[str, Meta(min_length=1, max_length=300)]


class DocumentMention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stored document: SHA-256 of its bytes, media type and length in bytes."""

    digest: Sha256Hex
    media_type: Annotated[str, Meta(max_length=100)]
    byte_length: Annotated[int, Meta(ge=0)]


class ReportVersion(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One version of a report, as filed.

    `published` and `updated` are EDTF as declared; `reported` is when this version was published,
    an interval too, open on both sides when `undated` (then it counts from its record time).
    `document` is the file as filed; spans count in `text_document`, which is the same for prose
    and `None` for a coded report without text.
    """

    report_id: ReportId
    report_version: Sha256Hex
    title: ShortText | None = None
    url: ShortText | None = None
    source: SourceMention | None = None
    published: str | None = None
    updated: str | None = None
    reported: Occurred = UNDATED
    undated: bool = False
    language: Annotated[str, Meta(max_length=35)] | None = None
    document: DocumentMention
    text_document: DocumentMention | None = None
    coded_by: Annotated[str, Meta(max_length=200)] | None = None
    claim_count: Annotated[int, Meta(ge=0)] = 0


class ReportFiled(ReportVersion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report entered the log, with the version that was filed first."""


class ReportRevised(ReportVersion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another version of a filed report entered the log; both stay."""


class Basis(StrEnum):
    """Why something is corrected: the outlet corrected itself, or we had misread it."""

    SOURCE = "source"
    CODING = "coding"


class Amendment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a later word does to an earlier claim or report.

    `report_id` is the report amended, which may not be filed yet: then the amendment waits.
    `target` is a claim's `ref` or `claim_id` in it. `reported` is when the outlet said so (basis
    source); basis coding holds at every known time. `by_report_id` is the report that says so, and
    `by_source_id` its outlet: with basis source it counts for reports of that outlet alone.
    """

    report_id: ReportId
    basis: Basis
    reported: Occurred = UNDATED
    reason: ShortText | None = None
    by_report_id: ReportId | None = None
    by_source_id: Slug | None = None
    requested_by: Annotated[str, Meta(max_length=200)] | None = None


# What a correction may set: everything that a claim says, but neither what it is nor where it is.
CORRECTABLE_FIELDS = frozenset(ClaimFields.__struct_fields__) - {
    "ref", "evidence", "also_evidence", "coded_by", "confidence",
}  # fmt: skip


class ClaimCorrected(Amendment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of a claim were put right; `changes` maps claim fields to their new JSON values."""

    target: Annotated[str, Meta(min_length=1, max_length=100)]
    changes: Annotated[
        dict[str, Any],
        Meta(extra_json_schema={"propertyNames": {"enum": sorted(CORRECTABLE_FIELDS)}}),
    ]


class ClaimRetracted(Amendment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim no longer stands."""

    target: Annotated[str, Meta(min_length=1, max_length=100)]


class ClaimReinstated(Amendment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A retracted claim stands again."""

    target: Annotated[str, Meta(min_length=1, max_length=100)]


class ClaimReviewed(Amendment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person read a claim beside its words and signed it, or found that they do not say it.

    `carried_from` is the claim of another version that was read, of the same type and quote.
    """

    target: ClaimId
    verdict: Verdict
    carried_from: ClaimId | None = None


class ReportRetracted(Amendment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None of a report's claims stand any longer."""


class ContentWithheld(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The content of events, and of documents, was erased; their digests and hashes stay.

    `positions` come before this event in the log; `documents` are the SHA-256 of their bytes. It
    stands in the stream of a report that it touches, so that the report is projected anew.
    """

    positions: tuple[Annotated[int, Meta(ge=1)], ...] = ()
    documents: tuple[Sha256Hex, ...] = ()
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    requested_by: Annotated[str, Meta(max_length=200)] | None = None


class IncidentWord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An analyst's word on whether claims tell of one incident; its basis is always coding.

    `claims` are in order of their ids, each once. One that is not filed yet is waited for. Of
    several words about the same two claims the later in the log counts.
    """

    claims: Annotated[tuple[ClaimId, ...], Meta(min_length=2, max_length=CLAIMS_PER_LINK_MAX)]
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    requested_by: Annotated[str, Meta(min_length=1, max_length=200)]


class IncidentsLinked(IncidentWord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An analyst found that claims tell of one incident, with whatever is linked with each."""


class IncidentsUnlinked(IncidentWord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An analyst found that claims tell of different incidents; the rule keeps them apart."""


CLAIM_TYPES: dict[str, type[Claim]] = {
    t.__name__: t for t in (
        ControlChanged, ControlStated, Withdrawal, Clash, Airstrike, Shelling, Bombing, SiegeBegan,
        SiegeEnded, RouteCut, RouteOpened, Movement, Agreement, Casualties, Detention,
        ViolenceAgainstCivilians, AircraftLoss, OtherIncident, Statement,
    )
}  # fmt: skip

_OTHER_TYPES: tuple[type[Struct], ...] = (
    ReportFiled, ReportRevised, ReportRecoded, ReportRetracted, ClaimCorrected, ClaimRetracted,
    ClaimReinstated, ClaimReviewed, ContentWithheld, IncidentsLinked, IncidentsUnlinked,
)  # fmt: skip

EVENT_TYPES: dict[str, type[Struct]] = {
    **CLAIM_TYPES,
    **{t.__name__: t for t in (*_OTHER_TYPES, *REFERENCE_TYPES)},
}

SCHEMA_VERSION_FIRST = 1


def schema_version(type_: str) -> int:
    """The schema version in which this release writes events of a type, from 1."""
    version = SCHEMA_VERSION_FIRST
    while (type_, version) in upcast.UPCASTERS:
        version += 1
    return version


def encode(payload: Struct) -> bytes:
    """Canonical JSON of a payload: UTF-8, keys sorted, no white space, defaults left out."""
    return msgspec.json.encode(payload, order="sorted")


@cache
def _decoder(type_: str) -> msgspec.json.Decoder[Struct]:
    return msgspec.json.Decoder(EVENT_TYPES[type_])


def decode(type_: str, version: int, data: str | bytes) -> Struct:
    """The payload of a stored event, upcast to the newest version of its type.

    The form of its ids and digests was checked when it was made (`check_ids`), and is not again.

    Raises:
        UnknownEventSchema: the type or version was written by a newer release.
        InvalidEvent: the JSON does not fit the type's schema.
    """
    try:
        if type_ in EVENT_TYPES and upcast.reads_as_newest(type_, version):
            return _decoder(type_).decode(data)
        if type_ not in EVENT_TYPES or not 1 <= version <= schema_version(type_):
            raise UnknownEventSchema(type_, version)
        upcasted = upcast.to_newest(type_, version, msgspec.json.decode(data))
        return msgspec.convert(upcasted, EVENT_TYPES[type_])
    except msgspec.MsgspecError as fault:
        raise InvalidEvent(f"event of type {type_} does not fit its schema: {fault}") from None


def check_ids(payload: Struct) -> None:
    """Hold a payload's ids and digests to their form; `decode` checks all else of its schema.

    Raises:
        InvalidEvent: one of them has another form.
    """
    try:
        patterns.check(payload)
    except msgspec.ValidationError as fault:
        type_ = type(payload).__name__
        raise InvalidEvent(f"event of type {type_} does not fit its schema: {fault}") from None


def claim_from(
    proposed: ProposedClaim, claim_id: str, report_id: str, report_version: str
) -> Claim:
    """The event payload that a proposed claim becomes."""
    fields = {name: getattr(proposed, name) for name in ClaimFields.__struct_fields__}
    if proposed.type is ClaimType.STATEMENT:
        fields["statement_kind"] = proposed.statement_kind
    return CLAIM_TYPES[proposed.type](
        claim_id=claim_id, report_id=report_id, report_version=report_version, **fields
    )


def corrected(claim: Claim, changes: Mapping[str, object]) -> Claim:
    """The claim with `changes` (JSON values by field name) made.

    Raises:
        InvalidEvent: a field that a correction may not set, or a value that does not fit.
    """
    unknown = sorted(set(changes) - CORRECTABLE_FIELDS)
    if unknown:
        raise InvalidEvent(f"a correction cannot set {', '.join(unknown)}")
    merged: dict[str, object] = {**msgspec.to_builtins(claim), **changes}
    try:
        return msgspec.convert({k: v for k, v in merged.items() if v is not None}, type(claim))
    except msgspec.ValidationError as fault:
        raise InvalidEvent(f"a correction does not fit {type(claim).__name__}: {fault}") from None
