"""Projects timeline entries: each form of each standing claim, with its quote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, Table, select

from timeline.domain.actors import ActorTable
from timeline.domain.control import moves_control
from timeline.domain.events import Claim, ReportVersion, encode
from timeline.domain.identities import Resolution
from timeline.domain.names import folded_form
from timeline.domain.standing import Standing
from timeline.domain.time import instant_text, sort_key
from timeline.projections import bulk_rows, tables
from timeline.projections.batches import Batch
from timeline.projections.bulk_rows import Row
from timeline.projections.identities import (
    known_among,
    read_resolution,
    resolved_forms,
    told_parts,
)


class EntriesProjection:
    """What a timeline shows: one row for each form that a claim takes over known time."""

    name = "timeline"
    version = 2
    depends_on: tuple[str, ...] = ("places", "actors")
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (tables.entries, tables.entry_actors)

    def apply(self, batch: Batch) -> None:
        """Write anew the entries of the reports that these events are about or tell otherwise."""
        meant = read_resolution(batch.connection, batch.name)
        for report_ids, part in told_parts(batch, meant):
            _remove(batch.connection, batch.name, known_among(part, report_ids))
            self._load(part, report_ids, meant)

    def _load(self, batch: Batch, report_ids: Sequence[str], meant: Resolution) -> None:
        standings = batch.standings_of(report_ids)
        texts = batch.texts_of(standings.values())
        actors: list[Row] = []

        def entries() -> Iterator[Row]:
            for standing in standings.values():
                for item, form, version in resolved_forms(standing, meant, with_rejected=True):
                    actors.extend(actor_rows(batch.name, item.claim, form))
                    yield entry_row(
                        batch.name, batch.casebook.time_zone, item, form, version, texts
                    )

        # Made as they are written: Postgres stores the first while the later ones are made.
        bulk_rows.load(batch.connection, tables.entries, entries())
        bulk_rows.load(batch.connection, tables.entry_actors, actors)


def _remove(connection: Connection, casebook: str, report_ids: Sequence[str]) -> None:
    """Delete what is there of some reports; actors by claim, with which their key begins."""
    if not report_ids:  # nearly always: reports are new
        return
    e = tables.entries.c
    of_reports = select(e.claim_id).where(e.casebook == casebook, e.report_id.in_(report_ids))
    claim_ids = set(connection.execute(of_reports).scalars())
    bulk_rows.delete(connection, tables.entry_actors, casebook, "claim_id", claim_ids)
    bulk_rows.delete(connection, tables.entries, casebook, "report_id", report_ids)


def quote_of(claim: Claim, version: ReportVersion, texts: Mapping[str, str]) -> str | None:
    """The words of a claim, where its version has a text."""
    text = texts.get(version.text_document.digest) if version.text_document else None
    if text is None or claim.evidence is None:
        return None
    return text[claim.evidence.span_start : claim.evidence.span_end]


def entry_row(
    casebook: str,
    time_zone: str,
    item: Standing,
    form: int,
    version: ReportVersion,
    texts: Mapping[str, str],
) -> Row:
    """The row of `entries` of one form of a claim.

    Args:
        casebook: The key under which rows are written.
        time_zone: The casebook's.
        item: The form, and when it stands.
        form: Its number.
        version: The report's version that it is of.
        texts: The texts of documents, by digest.
    """
    claim = item.claim
    starts, ends = claim.occurred.start(time_zone), claim.occurred.end(time_zone)
    return {
        "casebook": casebook,
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
        "quote": quote_of(claim, version, texts),
        "is_amended": bool(item.amended_by),
        "known_from": instant_text(item.known_from),
        "known_until": instant_text(item.known_until) if item.known_until else None,
        "position": item.position,
        "data": encode(claim).decode(),
        "review": item.review.value,
    }


def key_of_actor(actors: ActorTable, name: str) -> str:
    """What `entry_actors` names an actor by: its id, or its words where it is no known actor."""
    known, _ = actors.resolve(name)
    return known.actor_id if known else _key_of_words(name)


def _key_of_words(as_named: str) -> str:
    return f"named:{folded_form(as_named)}"


def actor_rows(casebook: str, claim: Claim, form: int) -> list[Row]:
    """The rows of `entry_actors` of one form of a claim."""
    named = {(a.actor_id or _key_of_words(a.as_named), a.role.value) for a in claim.actors}
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
