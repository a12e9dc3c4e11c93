"""A second reading of a report: what another extractor made of it, kept beside the first.

It is no claim of the report yet: it moves nothing and is counted nowhere until a person accepts a
claim of it, which is then filed as one of the report's own.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from timeline.domain.claims import Evidence, ProposedClaim
from timeline.domain.ids import ReportId, Sha256Hex

CLAIMS_PER_OPINION_MAX = 2_000


class ReportRecoded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another extractor read a version of a report; its claims stand beside the first, unfiled.

    A claim of it that is accepted is filed under the id that `identified` gives it here.
    """

    report_id: ReportId
    report_version: Sha256Hex
    coded_by: Annotated[str, Meta(min_length=1, max_length=200)]
    claims: Annotated[tuple[ProposedClaim, ...], Meta(max_length=CLAIMS_PER_OPINION_MAX)]


def agree(one: ProposedClaim, type_: str, evidence: Evidence | None) -> bool:
    """Whether two readings tell of the same: of one type, and in the same words or some of them."""
    if one.type.value != type_ or one.evidence is None or evidence is None:
        return False
    ours = one.evidence
    return ours.span_start < evidence.span_end and evidence.span_start < ours.span_end
