"""Says which place or actor an id means, once some were merged, renamed or moved: a pure fold.

A merge points one id to another, and its opposite takes the pointer away: what was registered and
claimed of each stays as it was, and is told of the id at the end of the pointers. All of this has
basis coding: it holds at every known time, and in the order of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from timeline.domain import patterns
from timeline.domain.actors import Actor, ActorMention, Affiliation
from timeline.domain.claims import ClaimFields
from timeline.domain.names import Name
from timeline.domain.places import Located, Place, PlaceMention
from timeline.domain.reference_events import (
    ACTOR_FIELDS,
    PLACE_FIELDS,
    ActorCorrected,
    ActorsMerged,
    ActorsUnmerged,
    AffiliationStated,
    PlaceCorrected,
    PlacesMerged,
    PlacesUnmerged,
)
from timeline.errors import InvalidEvent

T = TypeVar("T", bound=Place | Actor)
C = TypeVar("C", bound=ClaimFields)

Corrected: TypeAlias = PlaceCorrected | ActorCorrected
Merged: TypeAlias = PlacesMerged | ActorsMerged
Unmerged: TypeAlias = PlacesUnmerged | ActorsUnmerged
Mended: TypeAlias = Corrected | Merged | Unmerged | AffiliationStated

# Fields of a place that claims were given when they were filed.
_TOLD_OF_CLAIMS = frozenset({"name", "latitude", "longitude", "geo_precision"})


class Identity(Struct, Generic[T], frozen=True, kw_only=True, omit_defaults=True):
    """What is registered under one id that was ever mended.

    Attributes:
        own: What is registered under it, whatever it was merged into.
        family: The least of the ids that were ever merged with it, directly or through others,
            whether they are still or not; else its own.
        into: The id that it is merged into; `None` when it means itself.
        located: Where its own claims may have been located by it: each point that it had.
        reason: Why it was merged.
        requested_by: Who said so.
        position: Of the last event that mended any of its family.
    """

    own: T
    family: str
    into: str | None = None
    located: tuple[Located, ...] = ()
    reason: str | None = None
    requested_by: str | None = None
    position: int = 0

    @property
    def id(self) -> str:
        """Of which id."""
        return id_of(self.own)


def id_of(registered: Place | Actor) -> str:
    """The id of a place or actor."""
    return registered.place_id if isinstance(registered, Place) else registered.actor_id


def way_up(start: str, end: str, above: Callable[[str], Iterable[str]]) -> tuple[str, ...] | None:
    """The ids on a way from one to another, upwards, both included; `None` when there is none."""
    way_to: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = [start]
    while waiting and end not in way_to:
        id_ = waiting.pop(0)
        for whole in above(id_):
            if whole not in way_to:
                way_to[whole] = (*way_to[id_], whole)
                waiting.append(whole)
    return way_to.get(end)


def words_of(registered: Place | Actor) -> tuple[str, ...]:
    """Every spelling by which a place or actor is shown or found."""
    told = (registered.name, *(n.name for n in registered.names))
    return (*told, *registered.adjectives) if isinstance(registered, Actor) else told


def subject(payload: Mended) -> str:
    """The id that an event is about."""
    if isinstance(payload, PlaceCorrected | PlacesMerged | PlacesUnmerged):
        return payload.place_id
    return payload.actor_id


def corrected(registered: T, changes: Mapping[str, object]) -> T:
    """A place or actor with `changes` (JSON values by field name) made; `null` unsets.

    Raises:
        InvalidEvent: a field that a correction may not set, or a value that does not fit.
    """
    fields = PLACE_FIELDS if isinstance(registered, Place) else ACTOR_FIELDS
    unknown = sorted(set(changes) - fields)
    if unknown:
        raise InvalidEvent(f"a correction cannot set {', '.join(unknown)}")
    merged: dict[str, object] = {**msgspec.to_builtins(registered), **changes}
    kept = {name: value for name, value in merged.items() if value is not None}
    try:
        found: T = msgspec.convert(kept, type(registered))
        patterns.check(found)
    except msgspec.ValidationError as fault:
        raise InvalidEvent(f"{id_of(registered)} cannot be corrected so: {fault}") from None
    return found


def affiliated(actor: Actor, stated: AffiliationStated) -> Actor:
    """An actor with one more thing that somebody says of its affiliations."""
    return replace(actor, affiliations=(*actor.affiliations, affiliation_of(stated)))


def affiliation_of(stated: AffiliationStated) -> Affiliation:
    """What an event says of an actor's affiliations."""
    fields = {name: value for name, value in asdict(stated).items() if name != "actor_id"}
    return Affiliation(**fields)


class Identities(Generic[T]):
    """The ids of one kind that were ever mended; any other id means itself."""

    def __init__(self, known: Iterable[Identity[T]] = ()) -> None:
        self.known: dict[str, Identity[T]] = {one.id: one for one in known}

    def canonical(self, id_: str) -> str:
        """The id that one means."""
        while (one := self.known.get(id_)) is not None and one.into is not None:
            id_ = one.into
        return id_

    def merged(self) -> dict[str, str]:
        """The ids that are merged into others, each with the id that it means."""
        return {i: self.canonical(i) for i, one in self.known.items() if one.into is not None}

    def members(self, id_: str) -> list[str]:
        """The ids that mean this one beside itself, in order."""
        return sorted(i for i, meant in self.merged().items() if meant == id_)

    def family(self, ids: Iterable[str]) -> list[str]:
        """All ids that were ever merged with some, directly or through others, with them."""
        labels = {one.family for i in ids if (one := self.known.get(i)) is not None}
        return sorted(i for i, one in self.known.items() if one.family in labels)

    def whole(self, id_: str) -> T:
        """A place or actor with the names, and affiliations, of those merged into it."""
        found, own = [self.known[m].own for m in self.members(id_)], self.known[id_].own
        return _with_all_of(own, found)

    def mend(
        self,
        payload: Mended,
        position: int,
        registered: Callable[[str], T | None],
    ) -> bool:
        """Take one event in.

        What cannot be is left as it is, so that every log can be replayed: ids that nobody
        registered, a merge of what is merged already or that would lead in a circle.

        Args:
            payload: What it says.
            position: Where it stands in the log.
            registered: The place or actor of an id that was never mended.

        Returns:
            Whether all ids are known; then the family's position is this one.
        """
        id_ = subject(payload)
        into = getattr(payload, "into", None)
        for one in (id_,) if into is None else (id_, into):
            if not self._know(one, registered):
                return False
        if isinstance(payload, Merged):
            self._merge(payload, id_, payload.into)
        elif isinstance(payload, Unmerged):
            if self.known[id_].into == payload.into:
                self._set(id_, into=None, reason=None, requested_by=None)
        elif isinstance(payload, AffiliationStated):
            self._set(id_, own=affiliated(self.known[id_].own, payload))  # type: ignore[arg-type]
        else:
            self._correct(id_, payload.changes)
        for one in self.family([id_]):
            self._set(one, position=position)
        return True

    def _know(self, id_: str, registered: Callable[[str], T | None]) -> bool:
        if id_ not in self.known:
            own = registered(id_)
            if own is None:
                return False
            self.known[id_] = Identity(own=own, family=id_, located=_located(own))
        return True

    def _merge(self, payload: Merged, id_: str, into: str) -> None:
        families = {self.known[id_].family, self.known[into].family}
        for one in self.family([id_, into]):
            self._set(one, family=min(families))
        if self.known[id_].into is None and self.canonical(into) != id_:
            told = {"reason": payload.reason, "requested_by": payload.requested_by}
            self._set(id_, into=into, **told)

    def _correct(self, id_: str, changes: Mapping[str, object]) -> None:
        one = self.known[id_]
        own = corrected(one.own, changes)
        located = tuple(dict.fromkeys((*one.located, *_located(own))))
        self._set(id_, own=own, located=located)

    def _set(self, id_: str, **values: Any) -> None:  # noqa: ANN401 - fields of an identity
        self.known[id_] = replace(self.known[id_], **values)


def _located(registered: Place | Actor) -> tuple[Located, ...]:
    return (registered.located,) if isinstance(registered, Place) else ()


def _with_all_of(own: T, others: Sequence[T]) -> T:
    if not others:
        return own
    told = [n for other in others for n in (Name(name=other.name), *other.names)]
    seen = {own.name, *(n.name for n in own.names)}
    names = list(own.names)
    for name in told:
        if name.name not in seen:
            seen.add(name.name)
            names.append(name)
    whole: T = replace(own, names=tuple(names))
    if isinstance(whole, Actor):
        for field in ("adjectives", "acled", "ucdp", "affiliations"):
            every = [v for one in (whole, *others) for v in getattr(one, field)]
            whole = replace(whole, **{field: tuple(dict.fromkeys(every))})
    return whole


class Resolution:
    """What the ids in claims mean: every place and actor by its canonical id and present name."""

    def __init__(
        self, places: Identities[Place] | None = None, actors: Identities[Actor] | None = None
    ) -> None:
        self.places, self.actors = places or Identities(), actors or Identities()

    def claim(self, claim: C) -> C:
        """A claim with what its ids mean; its words stay."""
        if self.places.known and (claim.place is not None or claim.place2 is not None):
            claim = replace(
                claim,
                place=claim.place and self.place(claim.place),
                place2=claim.place2 and self.place(claim.place2),
            )
        if self.actors.known and claim.actors:
            claim = replace(claim, actors=tuple(map(self.actor, claim.actors)))
        return claim

    def place(self, mention: PlaceMention) -> PlaceMention:
        """A mention of a place by what its id means.

        A point or precision that it was given by the place is given anew; one of its own stays.
        """
        one = self.places.known.get(mention.place_id or "")
        if one is None:
            return mention
        meant = self.places.known[self.places.canonical(one.id)].own
        found = replace(mention, place_id=meant.place_id, name=meant.name)
        given = [spot.given(mention) for spot in one.located]
        latitude, longitude, precision = meant.located.given(mention)
        if (mention.latitude, mention.longitude) in [g[:2] for g in given]:
            found = replace(found, latitude=latitude, longitude=longitude)
        if mention.geo_precision in [g[2] for g in given]:
            found = replace(found, geo_precision=precision)
        return found

    def actor(self, mention: ActorMention) -> ActorMention:
        """A mention of an actor by what its id means."""
        if mention.actor_id not in self.actors.known:
            return mention
        meant = self.actors.known[self.actors.canonical(mention.actor_id)].own
        return replace(mention, actor_id=meant.actor_id, name=meant.name)


def told_otherwise(payload: object) -> tuple[str, ...]:
    """The ids whose claims are told otherwise after an event: merged, parted, renamed or moved."""
    if isinstance(payload, Merged | Unmerged):
        return (subject(payload), payload.into)
    if isinstance(payload, PlaceCorrected):
        return (payload.place_id,) if _TOLD_OF_CLAIMS.intersection(payload.changes) else ()
    if isinstance(payload, ActorCorrected):
        return (payload.actor_id,) if "name" in payload.changes else ()
    return ()
