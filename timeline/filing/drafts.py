"""Defines what a report file says before it is filed, whether it was coded or is prose."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from timeline.domain.claims import ProposedClaim
from timeline.domain.events import Basis


class DraftAmendment(Struct, frozen=True, kw_only=True):
    """A correction (`changes` set) or a retraction that a report makes of another's claim."""

    report_id: str
    target: str | None
    basis: Basis
    changes: dict[str, Any] | None = None
    reason: str | None = None


class Draft(Struct, frozen=True, kw_only=True):
    """A report as its file tells it.

    `text` is what spans count in; `None` for a coded report without text. `claims` is `None` for
    prose, which an extractor has yet to read. `published` and `updated` are EDTF as declared,
    `dateline` is a date of publication that stands in the text. `notes` are remarks for the person
    who files.
    """

    path: str
    content: bytes
    media_type: str
    text: str | None
    report_id: str | None = None
    url: str | None = None
    title: str | None = None
    source_name: str | None = None
    affiliated_with: str | None = None
    published: str | None = None
    dateline: str | None = None
    updated: str | None = None
    language: str | None = None
    claims: tuple[ProposedClaim, ...] | None = None
    amendments: tuple[DraftAmendment, ...] = ()
    readable_text: str | None = None
    notes: tuple[str, ...] = ()
