"""Gives filed things ids derived from what they are, so that filing again changes nothing."""

from __future__ import annotations

import uuid

EVENT_NAMESPACE = uuid.UUID("6f1c1f0e-58b4-5f6c-9b62-3f6f0a4b7c11")
REPORT_ID_HEX_DIGITS = 16


def event_id(casebook: str, *parts: str) -> str:
    """A UUIDv5 of what makes an event itself; never random."""
    return str(uuid.uuid5(EVENT_NAMESPACE, "\x1f".join((casebook, *parts))))


def report_id_of(digest: str) -> str:
    """The id of a report that declares none: a prefix of its document's SHA-256."""
    return digest[:REPORT_ID_HEX_DIGITS]
