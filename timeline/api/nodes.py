"""Writes what an object is as one opaque id of the whole graph, and reads it again.

`id` of a place is `khanasser`, as in the log, the command line and every URL: unique among places
alone. What Relay's specification asks of a global id stands beside it as `nodeId`, PostGraphile's
name for the same; Relay's compiler takes that name by `nodeInterfaceIdField`. A node id holds the
type, the id, and the day on which an answer was known, so that it leads to the same answer again.
"""

from __future__ import annotations

import base64
import binascii

import msgspec
import strawberry
from strawberry import ID

from timeline.api.described import answered, text_of
from timeline.api.errors import BadUserInput

NODE_ID_LENGTH_MAX = 2_000
_PARTS_MAX = 4

Identity = tuple[str, ...]


def node_id(identity: Identity) -> ID:
    """The opaque id of a type's name and what tells one of its objects from the others."""
    written = msgspec.json.encode(identity)
    return ID(base64.urlsafe_b64encode(written).decode().rstrip("="))


def identity_of(id_: str) -> Identity:
    """What a node id stands for.

    Raises:
        BadUserInput: it is no node id.
    """
    try:
        if len(id_) > NODE_ID_LENGTH_MAX:
            raise ValueError
        padded = id_.encode("ascii") + b"=" * (-len(id_) % 4)
        read = base64.b64decode(padded, altchars=b"-_", validate=True)
        identity = msgspec.json.decode(read, type=Identity)
        if not 2 <= len(identity) <= _PARTS_MAX:
            raise ValueError
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise BadUserInput("this is no node id; use a nodeId exactly as it was given") from None
    return identity


class Node:
    """Something that `node` finds again."""

    @answered
    def node_id(self) -> ID:
        """Opaque, and unique among all objects of every type; `node` finds it again by it.

        Of an answer as known on another day it holds that day.
        """
        return node_id(self.identity())

    def identity(self) -> Identity:
        """The type's name, and what tells this object from others of the type."""
        raise NotImplementedError


strawberry.interface(Node, description=text_of(Node))
