"""Turns a position into an opaque checkpoint and back, at the public edge.

A checkpoint names its casebook, so that one cannot be used by mistake on another log.
"""

from __future__ import annotations

import base64
import binascii

from timeline.errors import InvalidCheckpoint

_FORMAT = "1"
_TEXT_LENGTH_MAX = 1_000
_POSITION_MAX = 2**63 - 1


def checkpoint(casebook: str, position: int) -> str:
    """The checkpoint of having read a casebook's log up to and with a position; 0 is nothing."""
    plain = "\0".join((_FORMAT, casebook, str(position)))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def parse_checkpoint(casebook: str, text: str) -> int:
    """The position of a checkpoint.

    Raises:
        InvalidCheckpoint: the text is no checkpoint, or one of another casebook.
    """
    if len(text) > _TEXT_LENGTH_MAX:
        raise InvalidCheckpoint(text[:20] + "...", "it is too long to be one")
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        format_, named, digits = plain.decode().split("\0")
    except (binascii.Error, ValueError) as error:
        raise InvalidCheckpoint(text, "it is not one that this program gave out") from error
    if format_ != _FORMAT or not (digits.isascii() and digits.isdecimal()):
        raise InvalidCheckpoint(text, "it is not one that this program gave out")
    if named != casebook:
        raise InvalidCheckpoint(text, f"it belongs to casebook {named!r}, not to {casebook!r}")
    position = int(digits)
    if position > _POSITION_MAX:
        raise InvalidCheckpoint(text, "it is not one that this program gave out")
    return position
