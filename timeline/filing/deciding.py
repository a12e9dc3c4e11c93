"""Decides which events a report becomes: pure, from the draft and what is filed already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from timeline.domain import events
from timeline.domain.actors import ActorMention, ActorTable, Source, slug
from timeline.domain.claims import ClaimType, Modality, Polarity, ProposedClaim, identified
from timeline.domain.events import (
    ClaimCorrected,
    ClaimRetracted,
    DocumentMention,
    ReportFiled,
    ReportRetracted,
    ReportRevised,
    ReportVersion,
    SourceMention,
)
from timeline.domain.names import Tier
from timeline.domain.places import Gazetteer, PlaceMention
from timeline.domain.reference_events import (
    SourceAffiliated,
    SourceRegistered,
)
from timeline.domain.time import UNDATED, Occurred, end_of, occurred_from_edtf, start_of
from timeline.errors import InvalidDate, InvalidEvent, InvalidReport
from timeline.filing.drafts import Draft, DraftAmendment
from timeline.filing.history import ReportHistory
from timeline.filing.identity import event_id
from timeline.store.events import ANY, Document, NewEvent, StreamAppend

# Occurrences may be dated this long after publication: outlets live in other time zones.
AFTER_PUBLICATION_MAX = timedelta(days=1)
FUTURE_PUBLICATION_MAX = timedelta(days=1)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # escaped, as JSON has it
MAY_LIE_AHEAD = (ClaimType.STATEMENT, ClaimType.AGREEMENT)


class Publication(Struct, frozen=True, kw_only=True):
    """When a report version was published: `reported` is an interval, open when `undated`."""

    published: str | None
    updated: str | None
    reported: Occurred
    undated: bool


class Decision(Struct, frozen=True, kw_only=True):
    """What filing a draft appends, and what the person who files should know."""

    appends: tuple[StreamAppend, ...]
    documents: tuple[Document, ...]
    claim_count: int
    notes: tuple[str, ...]


def publication(
    draft: Draft,
    published: str | None,
    reported: str | None,
    *,
    undated: bool,
    now: datetime | None,
) -> Publication:
    """When this version of a report was published, by the file or by the person who files.

    `now` bounds it; `None` does not ask for the present.

    Raises:
        InvalidReport: nobody says, a date is no date, or it lies in the future.
    """
    told = draft.published or published or draft.dateline
    when = reported or draft.updated or told
    if undated and (reported or published):
        raise InvalidReport(draft.path, "is given a date and --undated; give one of them")
    try:
        _check_updated_follows(told, draft)
        if when is None:
            if not undated:
                raise InvalidReport(
                    draft.path,
                    "does not say when it was published; give --published DATE, or --undated",
                )
            return Publication(published=None, updated=None, reported=UNDATED, undated=True)
        moment = occurred_from_edtf(when)
    except InvalidDate as fault:
        raise InvalidReport(draft.path, f"publication {fault}") from None
    if moment.latest is None:
        raise InvalidReport(draft.path, f"publication date {when!r} has no end; give a latest day")
    begins = start_of(moment.earliest or moment.latest, "UTC")
    if now is not None and begins > now + FUTURE_PUBLICATION_MAX:
        raise InvalidReport(draft.path, f"publication date {when!r} lies in the future")
    return Publication(published=told, updated=draft.updated, reported=moment, undated=False)


def _check_updated_follows(published: str | None, draft: Draft) -> None:
    if published is None:
        return
    first = occurred_from_edtf(published).earliest
    updated = occurred_from_edtf(draft.updated).latest if draft.updated else None
    if first and updated and end_of(updated, "UTC") <= start_of(first, "UTC"):
        raise InvalidReport(
            draft.path, f"was updated ({draft.updated}) before it was published ({published})"
        )


def check_dates(path: str, claims: Sequence[ProposedClaim], reported: Occurred) -> None:
    """Refuse what is told as having happened after the report was published.

    Raises:
        InvalidReport: names the claim.
    """
    if reported.latest is None:
        return
    limit = end_of(reported.latest, "UTC") + AFTER_PUBLICATION_MAX
    for index, claim in enumerate(claims):
        told = claim.modality is Modality.ASSERTED and claim.polarity is Polarity.POSITIVE
        earliest = claim.occurred.earliest
        if not told or earliest is None or claim.type in MAY_LIE_AHEAD:
            continue
        if start_of(earliest, "UTC") >= limit:
            raise InvalidReport(
                path,
                f"claims[{index}].occurred: {claim.occurred.edtf} is after the report's publication"
                f" ({reported.edtf}); what is only expected has modality forecast",
            )


def resolved(
    claims: Sequence[ProposedClaim], gazetteer: Gazetteer, actors: ActorTable
) -> tuple[ProposedClaim, ...]:
    """Claims with the places and actors that their words name; what is not sure stays open."""
    return tuple(
        replace(
            claim,
            place=gazetteer.mention(claim.place) if claim.place else None,
            place2=gazetteer.mention(claim.place2) if claim.place2 else None,
            actors=tuple(actors.mention(a) for a in claim.actors),
        )
        for claim in claims
    )


def resolved_changes(
    changes: dict[str, Any], gazetteer: Gazetteer, actors: ActorTable
) -> dict[str, Any]:
    """What a correction sets, with the places and actors that its words name."""
    found = dict(changes)
    for key in ("place", "place2"):
        if found.get(key):
            mention = gazetteer.mention(msgspec.convert(found[key], PlaceMention))
            found[key] = msgspec.to_builtins(mention)
    if found.get("actors"):
        mentions = msgspec.convert(found["actors"], tuple[ActorMention, ...])
        found["actors"] = [msgspec.to_builtins(actors.mention(a)) for a in mentions]
    return found


def naming_notes(claims: Sequence[ProposedClaim]) -> tuple[str, ...]:
    """What was read into names: places taken by a near spelling, and names that matched nothing."""
    mentions = [m for c in claims for m in (c.place, c.place2) if m is not None]
    notes = [_place_note(m) for m in mentions]
    notes += [
        f"actor {a.as_named!r} is not known" for c in claims for a in c.actors if a.actor_id is None
    ]
    return tuple(dict.fromkeys(n for n in notes if n))


def _place_note(mention: PlaceMention) -> str | None:
    if mention.place_id is None:
        return f"place {mention.as_named!r} is not known"
    if mention.match is not None and mention.match.tier is Tier.SKELETON:
        score = mention.match.score
        return f"place {mention.as_named!r} is read as {mention.name} (spelling {score:.2f})"
    return None


def decide(
    draft: Draft,
    claims: Sequence[ProposedClaim],
    when: Publication,
    *,
    casebook: str,
    report_id: str,
    is_revision: bool,
    stream_version: int,
    source: Source | None,
    actors: ActorTable,
    coded_by: str | None,
    metadata: dict[str, object],
    history: ReportHistory | None = None,
) -> Decision:
    """The events of a report version, in the streams that they belong to.

    Args:
        draft: The report as its file tells it.
        claims: Its claims, with names resolved.
        when: When this version was published.
        casebook: Whose log.
        report_id: Under which id.
        is_revision: Whether another version is filed already.
        stream_version: The version of the report's stream, at which this was decided.
        source: The draft's source as registered; `None` when it is new.
        actors: Resolves whom a source speaks for.
        coded_by: Who read the claims out of the report.
        metadata: What is told of every event beside its content.
        history: What is filed of the report, whose reviews carry over to a revision.
    """
    document = Document.of(draft.media_type, draft.content)
    text_document = _text_document(draft, document)
    payload = (ReportRevised if is_revision else ReportFiled)(
        report_id=report_id,
        report_version=document.digest,
        title=draft.title,
        url=draft.url,
        source=_source_mention(draft),
        published=when.published,
        updated=when.updated,
        reported=when.reported,
        undated=when.undated,
        language=draft.language,
        document=_mention(document),
        text_document=_mention(text_document) if text_document else None,
        coded_by=coded_by,
        claim_count=len(claims),
    )
    ids = identified(tuple(claims), document.digest)
    made = [
        events.claim_from(claim, claim_id, report_id, document.digest)
        for claim, claim_id in zip(claims, ids, strict=True)
    ]
    reviews = history.carried_to(made, draft.text) if history else ()
    payloads: list[Struct] = [payload, *made, *reviews]
    keys = ["report", *ids, *(f"review {r.target}" for r in reviews)]
    stream = f"report-{report_id}"
    filed = [
        new_event(p, event_id(casebook, stream, document.digest, key), metadata)
        for p, key in zip(payloads, keys, strict=True)
    ]
    appends = _source_appends(draft, source, actors, casebook, metadata)
    appends.append(StreamAppend(stream, stream_version, tuple(filed)))
    appends += _amendment_appends(draft, payload, casebook, metadata)
    documents = [document]
    if text_document is not None and text_document != document:
        documents.append(text_document)
    return Decision(
        appends=tuple(appends),
        documents=tuple(documents),
        claim_count=len(claims),
        notes=(*draft.notes, *naming_notes(claims)),
    )


def _amendment_appends(
    draft: Draft, version: ReportVersion, casebook: str, metadata: dict[str, object]
) -> list[StreamAppend]:
    """What a report version amends, each in the stream of the report that it is about."""
    appends = []
    by_source = version.source.source_id if version.source else None
    for index, amendment in enumerate(draft.amendments):
        stream = f"report-{amendment.report_id}"
        payload = amendment_payload(amendment, version.reported, version.report_id, by_source)
        key = event_id(casebook, stream, version.report_version, "amendment", str(index))
        appends.append(StreamAppend(stream, ANY, (new_event(payload, key, metadata),)))
    return appends


def new_event(payload: Struct, id_: str, metadata: dict[str, object]) -> NewEvent:
    """A payload ready to append, in the schema version that this release writes.

    It is read once before it is written: constructors do not look at bounds, and an event that
    cannot be read would stop every projection for ever. So would a NUL, which Postgres refuses.

    Raises:
        InvalidEvent: the payload does not fit its schema, or holds what cannot be stored.
    """
    type_ = type(payload).__name__
    version = events.schema_version(type_)
    try:
        data = events.encode(payload)
    except UnicodeEncodeError:
        raise InvalidEvent(f"{type_} holds half of a character; leave it out") from None
    if _NUL.search(data):
        raise InvalidEvent(f"{type_} holds a NUL character; leave it out")
    events.decode(type_, version, data)
    events.check_ids(payload)
    return NewEvent(event_id=id_, type=type_, schema_version=version, data=data, metadata=metadata)


def amendment_payload(
    amendment: DraftAmendment, reported: Occurred, by_report_id: str, by_source_id: str | None
) -> Struct:
    """The correction or retraction that an amendment becomes.

    `reported` also tells which version a `ref` means, so basis coding has it too.
    """
    common: dict[str, object] = {
        "report_id": amendment.report_id,
        "basis": amendment.basis,
        "reported": reported,
        "reason": amendment.reason,
        "by_report_id": by_report_id,
        "by_source_id": by_source_id,
    }
    if amendment.target is None:
        return ReportRetracted(**common)  # type: ignore[arg-type]
    common["target"] = amendment.target
    if amendment.changes is None:
        return ClaimRetracted(**common)  # type: ignore[arg-type]
    return ClaimCorrected(**common, changes=amendment.changes)  # type: ignore[arg-type]


def _mention(document: Document) -> DocumentMention:
    return DocumentMention(
        digest=document.digest,
        media_type=document.media_type,
        byte_length=len(document.content or b""),
    )


def _text_document(draft: Draft, document: Document) -> Document | None:
    if draft.text is None:
        return None
    content = draft.text.encode()
    return document if content == draft.content else Document.of("text/plain", content)


def _source_mention(draft: Draft) -> SourceMention | None:
    if draft.source_name is None:
        return None
    return SourceMention(source_id=slug(draft.source_name), name=draft.source_name)


def _source_appends(
    draft: Draft,
    known: Source | None,
    actors: ActorTable,
    casebook: str,
    metadata: dict[str, object],
) -> list[StreamAppend]:
    """A source is registered when it is first named, and affiliated when that is first said."""
    mention = _source_mention(draft)
    if mention is None:
        return []
    stream = f"source-{mention.source_id}"
    affiliated = _affiliation(draft.affiliated_with, actors)
    if known is None:
        payload: Struct = SourceRegistered(
            source_id=mention.source_id, name=mention.name, affiliated_with=affiliated
        )
        new = new_event(payload, event_id(casebook, stream, "registered"), metadata)
        return [StreamAppend(stream, 0, (new,))]
    if affiliated is None or affiliated == actors.canonical(known.affiliated_with or ""):
        return []
    payload = SourceAffiliated(source_id=mention.source_id, affiliated_with=affiliated)
    digest = Document.of(draft.media_type, draft.content).digest
    key = event_id(casebook, stream, "affiliated", digest, affiliated)
    return [StreamAppend(stream, ANY, (new_event(payload, key, metadata),))]


def _affiliation(told: str | None, actors: ActorTable) -> str | None:
    if told is None:
        return None
    actor, _ = actors.resolve(told)
    return actor.actor_id if actor else slug(told)
