"""Names who holds a place, and makes a formation and the army it is part of one holder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from timeline.domain.events import Claim
from timeline.domain.names import folded_form


class ControlState(StrEnum):
    """How a place is held."""

    CONTROLLED = "controlled"
    CONTESTED = "contested"
    MIXED = "mixed"
    VACATED = "vacated"
    UNKNOWN = "unknown"


class Holder(Struct, frozen=True, gc=False, kw_only=True, order=True):
    """Who holds a place; `actor_id` is `None` for a name that is no known actor.

    `whole` is the id of the actor that the holder is undisputedly part of, if any.
    """

    name: str
    actor_id: str | None = None
    whole: str | None = None

    @property
    def key(self) -> str:
        """What makes two mentions the same holder: a formation is one with its army."""
        return self.whole or self.actor_id or f"named:{folded_form(self.name)}"


class ControlClaim(Struct, frozen=True, kw_only=True):
    """A standing claim, the root source behind it, and since when it is known.

    `wholes` maps the claim's actors to what they are undisputedly part of; others are left out.
    """

    claim: Claim
    root: str
    known_from: datetime
    wholes: Mapping[str, str] = {}


def in_order(holders: Iterable[Holder]) -> tuple[Holder, ...]:
    """Each holder once; the army stands for its formations where it is named itself."""
    ordered = sorted(holders, key=lambda h: (h.whole is None, h.name, h.actor_id or ""))
    distinct = {h.key: h for h in ordered}
    return tuple(sorted(distinct.values(), key=lambda h: (h.name, h.actor_id or "")))
