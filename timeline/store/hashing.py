"""Fixes the bytes that the log's digests and its hash chain cover; frozen since release 0.1.

`docs/log.md` tells the format with a worked example, so that anyone can check a log without this
code. Verification hashes the bytes as they are stored; it never serialises `data` anew.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from timeline.errors import InvalidEvent

GENESIS_HASH = bytes(32)
SALT_BYTES = 16

_ENCODER = msgspec.json.Encoder(order="sorted")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z", re.ASCII)


class Canonical(bytes):
    """Bytes that `canonical` wrote, so that nobody need read them again to know what they are.

    Only `canonical` makes them: what is cut out of them or added to them is plain bytes.
    """

    __slots__ = ()


def canonical(value: object) -> bytes:
    """The canonical JSON of a value, as `Canonical`: UTF-8, keys sorted by code point, no spaces.

    Raises:
        InvalidEvent: JSON cannot hold the value: NaN, an infinity, a lone surrogate.
    """
    try:
        encoded = _ENCODER.encode(value)
        # msgspec writes NaN and infinities as null, so only a text with a null can hide one.
        hides_a_number = b"null" in encoded and _has_non_finite(msgspec.to_builtins(value))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidEvent(f"the value cannot be written as JSON: {error}") from error
    if hides_a_number:
        raise InvalidEvent("the value holds NaN or an infinity, which JSON does not have")
    return Canonical(encoded)


def _has_non_finite(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(_has_non_finite(part) for part in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return any(_has_non_finite(part) for part in value)
    return False


def is_canonical(encoded: bytes) -> bool:
    """Whether the bytes are one JSON object exactly as `canonical` writes it."""
    if isinstance(encoded, Canonical):
        return encoded.startswith(b"{")
    try:
        value = msgspec.json.decode(encoded)
        return isinstance(value, dict) and _ENCODER.encode(value) == encoded
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def content_digest(salt: bytes, data: bytes) -> bytes:
    """SHA-256(salt ‖ data): proves the content, and tells nothing once the salt is erased."""
    return sha256(salt + data).digest()


def header(
    *,
    casebook: str,
    position: int,
    event_id: str,
    stream: str,
    version: int,
    type_: str,
    schema_version: int,
    metadata: str,
    recorded_at: str,
) -> bytes:
    """The canonical JSON of everything that is hashed beside the content.

    Args:
        casebook: The casebook whose log holds the event.
        position: The event's position in the log, from 1.
        event_id: The event's id.
        stream: The stream it belongs to.
        version: Its version within the stream, from 1.
        type_: Its type; the key is `type`.
        schema_version: The version of its type's schema.
        metadata: The metadata as the text that is stored, not as an object.
        recorded_at: The record time as the text that is stored.
    """
    return _ENCODER.encode(
        {
            "casebook": casebook,
            "event_id": event_id,
            "metadata": metadata,
            "position": position,
            "recorded_at": recorded_at,
            "schema_version": schema_version,
            "stream": stream,
            "type": type_,
            "version": version,
        }
    )


def chained_hash(previous_hash: bytes, header_bytes: bytes, digest: bytes) -> bytes:
    """SHA-256(previous_hash ‖ header ‖ digest); the first event's previous hash is 32 zeros."""
    return sha256(previous_hash + header_bytes + digest).digest()


def instant_text(instant: datetime) -> str:
    """An instant as the log stores it: RFC 3339, UTC, six decimals, so that it sorts as text.

    Raises:
        ValueError: the datetime is naive.
    """
    if instant.tzinfo is None:
        raise ValueError("a record time needs a time zone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def is_instant_text(text: str) -> bool:
    """Whether the text has the form that `instant_text` writes."""
    return _INSTANT.fullmatch(text) is not None
