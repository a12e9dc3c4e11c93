"""Projects reports: their versions in order of publication, and the amendments that still wait."""

from __future__ import annotations

from sqlalchemy import Table

from timeline.domain.events import Amendment
from timeline.domain.standing import ReportStanding
from timeline.domain.time import instant_text
from timeline.projections import bulk_rows, tables
from timeline.projections.batches import Batch
from timeline.projections.bulk_rows import Row


class ReportsProjection:
    """Every version of every report, and since when each is known."""

    name = "reports"
    version = 1
    depends_on: tuple[str, ...] = ()
    event_types: frozenset[str] | None = None
    tables: tuple[Table, ...] = (tables.report_versions, tables.waiting_amendments)

    def apply(self, batch: Batch) -> None:
        """Write anew the rows of the reports that these events are about."""
        standings = batch.standings()
        for table in self.tables:
            known = batch.known_report_ids
            bulk_rows.delete(batch.connection, table, batch.name, "report_id", known)
        versions = [row for s in standings.values() for row in version_rows(batch.name, s)]
        bulk_rows.load(batch.connection, tables.report_versions, versions)
        waiting = [row for s in standings.values() for row in waiting_rows(batch.name, s)]
        bulk_rows.load(batch.connection, tables.waiting_amendments, waiting)


def version_rows(casebook: str, standing: ReportStanding) -> list[Row]:
    """The rows of `report_versions` of a report."""
    ends = [known_from for _, known_from, _ in standing.versions[1:]]
    rows: list[Row] = []
    for ordinal, (version, known_from, position) in enumerate(standing.versions):
        until = ends[ordinal] if ordinal < len(ends) else None
        rows.append(
            {
                "casebook": casebook,
                "report_id": version.report_id,
                "report_version": version.report_version,
                "ordinal": ordinal,
                "title": version.title,
                "url": version.url,
                "source_id": version.source.source_id if version.source else None,
                "source_name": version.source.name if version.source else None,
                "reported_edtf": version.reported.edtf,
                "undated": version.undated,
                "language": version.language,
                "text_digest": version.text_document.digest if version.text_document else None,
                "coded_by": version.coded_by,
                "claim_count": version.claim_count,
                "known_from": instant_text(known_from),
                "known_until": instant_text(until) if until else None,
                "position": position,
            }
        )
    return rows


def waiting_rows(casebook: str, standing: ReportStanding) -> list[Row]:
    """The rows of `waiting_amendments` of a report."""
    rows: list[Row] = []
    for fact in standing.waiting:
        assert isinstance(fact.payload, Amendment)  # noqa: S101
        rows.append(
            {
                "casebook": casebook,
                "position": fact.position,
                "report_id": fact.payload.report_id,
                "type": type(fact.payload).__name__,
                "target": getattr(fact.payload, "target", None),
            }
        )
    return rows
