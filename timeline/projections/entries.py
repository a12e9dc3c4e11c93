"""Projects timeline entries: each form of each standing claim, with its quote."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Table, delete, insert

from timeline.domain.control import moves_control
from timeline.domain.events import Claim, ReportVersion, encode
from timeline.domain.names import folded_form
from timeline.domain.standing import ReportStanding, Standing
from timeline.domain.time import instant_text, sort_key
from timeline.projections import tables
from timeline.projections.batches import Batch
from timeline.store.events import DOCUMENTS_PER_READ_MAX


class EntriesProjection:
    """What a timeline shows: one row for each form that a claim takes over known time."""

    name = "timeline"
    version = 1
    depends_on: tuple[str, ...] = ()
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (tables.entries, tables.entry_actors)

    def apply(self, batch: Batch) -> None:
        """Write anew the entries of the reports that these events are about."""
        standings = batch.standings()
        if not standings:
            return
        for table in self.tables:
            batch.connection.execute(
                delete(table).where(
                    table.c.casebook == batch.name, table.c.report_id.in_(standings)
                )
            )
        texts = texts_of(batch, standings)
        entries: list[dict[str, object]] = []
        actors: list[dict[str, object]] = []
        for standing in standings.values():
            versions = {v.report_version: v for v, _, _ in standing.versions}
            forms: dict[str, int] = {}
            for item in (*standing.claims, *standing.rejected):
                claim = item.claim
                form = forms[claim.claim_id] = forms.get(claim.claim_id, -1) + 1
                version = versions[claim.report_version]
                entries.append(_entry_row(batch, item, form, version, texts))
                actors += _actor_rows(batch.name, claim, form)
        if entries:
            batch.connection.execute(insert(tables.entries), entries)
        if actors:
            batch.connection.execute(insert(tables.entry_actors), actors)


def texts_of(batch: Batch, standings: Mapping[str, ReportStanding]) -> dict[str, str]:
    """The texts that the spans of these reports count in, by digest; withheld ones are left out."""
    digests = sorted(
        {
            version.text_document.digest
            for standing in standings.values()
            for version, _, _ in standing.versions
            if version.text_document is not None
        }
    )
    texts = {}
    for start in range(0, len(digests), DOCUMENTS_PER_READ_MAX):
        part = digests[start : start + DOCUMENTS_PER_READ_MAX]
        for digest, document in batch.store.documents_in(batch.log, part).items():
            if document.content is not None:
                texts[digest] = document.content.decode("utf-8")
    return texts


def _entry_row(
    batch: Batch, item: Standing, form: int, version: ReportVersion, texts: Mapping[str, str]
) -> dict[str, object]:
    claim, time_zone = item.claim, batch.casebook.time_zone
    starts, ends = claim.occurred.start(time_zone), claim.occurred.end(time_zone)
    text = texts.get(version.text_document.digest) if version.text_document else None
    quote = None
    if text is not None and claim.evidence is not None:
        quote = text[claim.evidence.span_start : claim.evidence.span_end]
    return {
        "casebook": batch.name,
        "claim_id": claim.claim_id,
        "form": form,
        "type": type(claim).__name__,
        "modality": claim.modality.value,
        "polarity": claim.polarity.value,
        "place_id": claim.place.place_id if claim.place else None,
        "place2_id": claim.place2.place_id if claim.place2 else None,
        "place_as_named": claim.place.as_named if claim.place else None,
        "sort_key": sort_key(claim.occurred, time_zone),
        "starts": instant_text(starts) if starts else None,
        "ends": instant_text(ends) if ends else None,
        "moves_control": item.known_from != item.known_until and moves_control(claim),
        "report_id": claim.report_id,
        "report_version": claim.report_version,
        "source_id": version.source.source_id if version.source else None,
        "quote": quote,
        "is_amended": bool(item.amended_by),
        "known_from": instant_text(item.known_from),
        "known_until": instant_text(item.known_until) if item.known_until else None,
        "position": item.position,
        "data": encode(claim).decode(),
        "review": item.review.value,
    }


def _actor_rows(casebook: str, claim: Claim, form: int) -> list[dict[str, object]]:
    named = {(a.actor_id or f"named:{folded_form(a.as_named)}", a.role.value) for a in claim.actors}
    return [
        {
            "casebook": casebook,
            "claim_id": claim.claim_id,
            "form": form,
            "actor": actor,
            "role": role,
            "report_id": claim.report_id,
        }
        for actor, role in sorted(named)
    ]
