"""Writes the place in an ordering as an opaque cursor, and reads it again.

A cursor holds its own version, the digest of the ordering it belongs to, and the key of a row, so
that it stays good when rows are added before or after it, and is refused in another ordering.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from timeline.api.errors import BadUserInput

CURSOR_VERSION = 1
CURSOR_LENGTH_MAX = 2_000

Key = tuple[str | int, ...]

_encode_lines = msgspec.json.Encoder().encode_lines
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Ordering:
    """One order of rows: a name, and the types of its key's parts."""

    def __init__(self, name: str, *parts: type[str | int]) -> None:
        self._name, self._parts = name, parts
        spelled = f"{name}:{','.join(p.__name__ for p in parts)}"
        self._digest = sha256(spelled.encode()).hexdigest()[:8]
        self.prefix = (CURSOR_VERSION, self._digest)
        """What stands in a cursor before the key."""

    def cursor(self, key: Key) -> str:
        """The opaque cursor of a key."""
        return self.cursors([key])[0]

    def cursors(self, keys: Iterable[Key]) -> list[str]:
        """The opaque cursors of some keys, written together: one by one costs twice as much."""
        return written_cursors([(*self.prefix, *key) for key in keys])

    def key(self, cursor: str) -> Key:
        """The key of a cursor.

        Raises:
            BadUserInput: it is no cursor of this ordering.
        """
        try:
            if len(cursor) > CURSOR_LENGTH_MAX:
                raise ValueError
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            read = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
            version, digest, *key = read
            right = [type(k) for k in key] == list(self._parts)
            if version != CURSOR_VERSION or digest != self._digest or not right:
                raise ValueError
        except (ValueError, TypeError, binascii.Error, msgspec.MsgspecError):
            raise BadUserInput(
                f"this is no cursor of a list of {self._name}; use endCursor, startCursor or"
                " an edge's cursor exactly as it was given"
            ) from None
        return tuple(key)


def written_cursors(told: list[Key]) -> list[str]:
    """The cursors that hold what is told, each an ordering's prefix and a key."""
    # JSON holds no line break, and Base64 none but that after each piece.
    lines = _encode_lines(told).split(b"\n")[:-1]
    written = b"".join(map(binascii.b2a_base64, lines)).translate(_URL_SAFE, b"=")
    return written.decode().split("\n")[:-1]


SOURCES = Ordering("sources", str, str)
EVENTS = Ordering("events", int)
PLACES_BY_KIND = Ordering("places by kind", str, str, str)
ACTORS_BY_KIND = Ordering("actors by kind", str, str, str)
PLACE_CONTROLS = Ordering("places with their control", str, str)
TIMELINE = Ordering("timeline entries", str, str, int)
PLACES = Ordering("places", str, str)
ACTORS = Ordering("actors", str, str)
REPORTS = Ordering("reports", str, str)
INCIDENTS = Ordering("incidents", str, str)
STATISTICS = {
    "key": Ordering("statistics", int, str),
    "claims": Ordering("statistics by claims", int, int, str),
    "incidents": Ordering("statistics by incidents", int, int, str),
    "fatalities": Ordering("statistics by fatalities", int, int, str),
}
HITS = Ordering("search hits", int, str, str, int)
