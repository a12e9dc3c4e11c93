"""Bounds what one request may ask for; every number stands here, `measuring.py` holds to them.

What the sizes of pages do not tell (lists without pages) is assumed here, field by field, and
counted again while running.
"""

from __future__ import annotations

from dataclasses import dataclass

BODY_BYTES_MAX = 1_000_000
BODY_BRACKETS_MAX = 20_000
DOCUMENT_LENGTH_MAX = 20_000
TOKENS_MAX = 500
BRACKETS_MAX = 60
NUMBER_LENGTH_MAX = 40
DEFINITIONS_MAX = 40
VARIABLES_MAX = 40
KEYS_MAX = 40
DEPTH_MAX = 15
INTROSPECTION_DEPTH_MAX = 30
ALIASES_MAX = 50
# Validation compares all fields of one name in one place with each other.
COMPARISONS_MAX = 500
VISITS_MAX = 2_500
VALIDATION_ERRORS_MAX = 3
# Beyond so many errors nobody is told what else might have been meant: that costs most of all.
SUGGESTED_ERRORS_MAX = 2
# Of variables of a query; a mutation brings a report, and is bounded by its body alone.
VALUES_MAX = 1_000
VALUE_LENGTH_MAX = 2_000
VALUE_DEPTH_MAX = 60
ROWS_MAX = 10_000
FIELDS_MAX = 250_000
PAGE_SIZE_DEFAULT = 50
REQUESTS_AT_ONCE_MAX = 12
DOCUMENTS_KEPT = 256
# Uploads: all files of one request together, and how many.
UPLOAD_BYTES_MAX = 10_000_000
UPLOADS_MAX = 10


@dataclass(frozen=True)
class RateLimits:
    """How much the bearer of one token may ask of one server process."""

    requests_per_second: float = 50
    requests_burst: float = 500
    rows_per_second: float = 20_000
    rows_burst: float = 500_000


# Lists without pages: as many rows as are assumed before they are counted. A leaf counts its rows.
ASSUMED_ROWS = {
    "Activity.byMonth": 50,
    "Actor.affiliates": 20,
    "Control.claims": 20,
    "ControlMessage.places": 20,
    "ControlSpan.claims": 20,
    "Entry.competing": 5,
    "ExtractPayload.claims": 20,
    "Incident.contradicting": 2,
    "Incident.corroborating": 5,
    "Incident.words": 1,
    "IncidentPayload.incidents": 2,
    "KnowledgeDifference.control": 5,
    "KnowledgeDifference.entries": 20,
    "Place.controlHistory": 10,
    "Place.controlKnowledge": 20,
    "Query.controlGeojson": 100,
    "Query.controlMap": 100,
    "Query.knowledgeDiff": 100,
    "Report.claims": 20,
    "Report.secondOpinions": 2,
    "Report.versions": 2,
    "SecondOpinion.claims": 20,
    "TimelineMessage.entries": 20,
}
# Lists that are part of a row and come with it: how often what stands inside is reckoned.
ASSUMED_PARTS = {
    "ActorPayload.errors": 1,
    "AmendmentPayload.errors": 1,
    "ExtractPayload.errors": 1,
    "ExtractedClaim.actors": 3,
    "ExtractedClaim.alsoEvidence": 1,
    "ExtractedClaim.casualties": 1,
    "ExtractedClaim.weapons": 1,
    "FileReportPayload.errors": 1,
    "IncidentPayload.errors": 1,
    "PlacePayload.errors": 1,
    "ReviewPayload.errors": 1,
    "Actor.affiliations": 2,
    "Actor.names": 5,
    "Control.holders": 1,
    "ControlSpan.holders": 1,
    "ControlTold.holders": 1,
    "Entry.actors": 3,
    "Entry.alsoEvidence": 1,
    "Entry.casualties": 1,
    "Entry.weapons": 1,
    "EntryChange.because": 1,
    "Highlight.spans": 2,
    "Hit.highlights": 2,
    "KnownControl.holders": 1,
    "Place.names": 5,
    "Status.projections": 10,
    "__Directive.args": 2,
    "__Field.args": 2,
    "__Schema.directives": 5,
    "__Schema.types": 100,
    "__Type.enumValues": 3,
    "__Type.fields": 8,
    "__Type.inputFields": 2,
    "__Type.interfaces": 1,
    "__Type.possibleTypes": 1,
}
