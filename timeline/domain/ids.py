"""The forms of ids and digests in events."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from timeline.domain.patterns import written_as

_REPORT_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$(?!\n)"
ReportId = Annotated[str, written_as(_REPORT_ID, length_max=200)]
GivenReportId = Annotated[str, Meta(pattern=_REPORT_ID, max_length=200)]
Sha256Hex = Annotated[str, written_as(r"^[0-9a-f]{64}$(?!\n)")]
ClaimId = Annotated[str, written_as(r"^c-[0-9a-f]{20}$(?!\n)")]
