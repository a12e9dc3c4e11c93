"""Actors with their aliases and disputed affiliations; sources, and the root each goes back to.

Independent sources are counted by root (DESIGN, Rules, Control): an outlet quoting an unnamed
officer three times is one source, and a state agency and a minister of that state are one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from timeline.domain.names import Match, Name, NameIndex, Tier, folded_form
from timeline.domain.places import Slug

ROOT_DEPTH_MAX = 8
WHOLE_DEPTH_MAX = 8
PART_OF = "part_of"


class ActorKind(StrEnum):
    """What kind of actor it is."""

    STATE = "state"
    STATE_FORCES = "state_forces"
    NON_STATE_ARMED_GROUP = "non_state_armed_group"
    COALITION = "coalition"
    POLITICAL = "political"
    INTERNATIONAL_ORGANISATION = "international_organisation"
    MEDIA = "media"
    CIVILIAN = "civilian"
    MONITOR = "monitor"


class ActorRole(StrEnum):
    """What an actor does in a claim; `candidate` fills a slot whose identity is disputed."""

    INITIATOR = "initiator"
    TARGET = "target"
    HOLDER = "holder"
    PREVIOUS_HOLDER = "previous_holder"
    PARTICIPANT = "participant"
    CANDIDATE = "candidate"


class Affiliation(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """That an actor belongs to, fights for or is allied with another, according to somebody.

    `from_` (`from` in JSON) and `to` are EDTF; a disputed affiliation never merges two actors.
    """

    actor: Slug
    relation: Annotated[str, Meta(min_length=1, max_length=60)]
    from_: str | None = field(default=None, name="from")
    to: str | None = None
    disputed: bool = False
    according_to: str | None = None


class Actor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A party to the conflict, under its common English name.

    `adjectives` ("Russian") name the actor only before a noun of arms ("Russian jets"). `acled` and
    `ucdp` are the names those datasets use, and match as aliases. `side` is the actor's coarse
    allegiance, itself an actor id.
    """

    actor_id: Slug
    name: Annotated[str, Meta(min_length=1, max_length=300)]
    kind: ActorKind
    side: str | None = None
    names: tuple[Name, ...] = ()
    adjectives: tuple[str, ...] = ()
    acled: tuple[str, ...] = ()
    ucdp: tuple[str, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()


class ActorMention(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """An actor in a claim: in the report's words, and as a known actor where it is one."""

    as_named: Annotated[str, Meta(min_length=1, max_length=300)]
    role: ActorRole
    actor_id: str | None = None
    name: str | None = None


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who publishes: an outlet, archive or analyst, perhaps speaking for an actor."""

    source_id: Slug
    name: Annotated[str, Meta(min_length=1, max_length=300)]
    affiliated_with: str | None = None


class ActorTable:
    """The known actors, found by id or by any of their names."""

    def __init__(self, actors: Iterable[Actor], merged: Mapping[str, str] | None = None) -> None:
        """Index actors.

        Args:
            actors: With the names and affiliations of those that were merged into them.
            merged: The ids that were merged into others, each with the id that it means.
        """
        self.merged: Mapping[str, str] = merged or {}
        self._actors = {a.actor_id: self._resolved(a) for a in actors}
        self._index = NameIndex(
            ((a.actor_id, a.name, _all_names(a)) for a in self._actors.values()), self.merged
        )

    def _resolved(self, actor: Actor) -> Actor:
        """The actor with what the ids mean that it names; it is never affiliated with itself."""
        if not self.merged:
            return actor
        named = (replace(a, actor=self.canonical(a.actor)) for a in actor.affiliations)
        return replace(
            actor,
            side=actor.side and self.canonical(actor.side),
            affiliations=tuple(a for a in named if a.actor != actor.actor_id),
        )

    def __len__(self) -> int:
        return len(self._actors)

    @property
    def actors(self) -> Mapping[str, Actor]:
        """Actors by id; those that were merged into others are not among them."""
        return self._actors

    def canonical(self, actor_id: str) -> str:
        """The id that one means: its own, unless it was merged into another."""
        return self.merged.get(actor_id, actor_id)

    def merged_into(self, actor_id: str) -> tuple[str, ...]:
        """The ids that were merged into this one, in order."""
        return tuple(sorted(old for old, meant in self.merged.items() if meant == actor_id))

    def get(self, actor_id: str) -> Actor | None:
        """The actor that an id means."""
        return self._actors.get(self.canonical(actor_id))

    def resolve(self, name: str) -> tuple[Actor | None, Match | None]:
        """The one actor a name means; `None` when none, or several, have it.

        Spelling is forgiven less than for places: a consonant skeleton does not name an army.
        """
        ids, match = self._index.find(re.sub(r"^the\s+", "", name.strip(), flags=re.IGNORECASE))
        loose = match is not None and match.tier in (Tier.SKELETON, Tier.FUZZY)
        if match is None or loose or len(ids) != 1:
            return None, None
        return self._actors[ids[0]], match

    def whole_of(self, actor_id: str) -> str:
        """The id of what an actor is undisputedly part of, as far up as that goes; else its own.

        A formation that holds a place and the army it belongs to are one holder. Allies are not.
        """
        seen: set[str] = set()
        actor_id = self.canonical(actor_id)
        while actor_id not in seen and len(seen) < WHOLE_DEPTH_MAX:
            seen.add(actor_id)
            actor_id = next(iter(self.wholes(actor_id)), actor_id)
        return actor_id

    def wholes(self, actor_id: str) -> tuple[str, ...]:
        """The ids of the known actors that one is undisputedly part of."""
        actor = self._actors.get(actor_id)
        return tuple(a for a in wholes_of(actor) if a in self._actors) if actor else ()

    def mention(self, mention: ActorMention) -> ActorMention:
        """A mention with the actor's id and name filled in where it is known."""
        known = self.get(mention.actor_id or "")
        actor = known or self.resolve(mention.as_named)[0]
        if actor is None:
            return replace(mention, actor_id=None, name=None)
        return replace(mention, actor_id=actor.actor_id, name=actor.name)


def wholes_of(actor: Actor) -> tuple[str, ...]:
    """The ids of what an actor is undisputedly part of."""
    return tuple(a.actor for a in actor.affiliations if a.relation == PART_OF and not a.disputed)


def _all_names(actor: Actor) -> tuple[Name, ...]:
    return actor.names + tuple(Name(name=n) for n in actor.acled + actor.ucdp)


def slug(name: str) -> str:
    """An id made of a name: lower-case Latin letters, digits and hyphens.

    A name without any such letter keeps a marker, so that it is never empty.
    """
    return "-".join(re.findall(r"[a-z0-9]+", folded_form(name)))[:100] or "unnamed"


_ANONYMOUS = re.compile(
    r"\b(sources?|officials?|officers?|(eye)?witness\w*|activists?|residents?|unnamed|anonymous|reports?|"
    r"some|others?|locals?|correspondents?|media)\b",
    re.IGNORECASE,
)
_OFFICE = re.compile(
    r"(?:the\s+)?(\w+)\s+(?:\w+\s+){0,2}?(?:minister|ministry|president|premier)\b", re.IGNORECASE
)


class Roots:
    """Says which root source stands behind a claim, from its attribution and its outlet."""

    def __init__(self, sources: Iterable[Source], actors: ActorTable) -> None:
        self._sources = {s.source_id: s for s in sources}
        self._by_name = {folded_form(s.name): s.source_id for s in self._sources.values()}
        self._actors = actors
        self._roots: dict[tuple[str | None, str | None], str] = {}
        self._wholes: dict[str, str] = {}
        self._states = {
            adjective.casefold(): actor
            for actor in actors.actors.values()
            for adjective in actor.adjectives
            if actor.kind is ActorKind.STATE
        }

    def root(self, source_id: str | None, attributed_to: str | None) -> str:
        """The root: `actor:<id>`, `source:<id>` or `named:<words>`.

        Who is quoted by name is the root. Unnamed people ("military sources") root in the outlet
        that quotes them, since nobody can tell them from another outlet's or from its own voice.
        A minister or ministry of a state ("the Syrian foreign minister") roots in that state.
        """
        found = self._roots.get((source_id, attributed_to))
        if found is None:
            found = self._roots[source_id, attributed_to] = self._root(source_id, attributed_to)
        return found

    def _root(self, source_id: str | None, attributed_to: str | None) -> str:
        if attributed_to:
            actor = self._actors.resolve(attributed_to)[0] or self._state_of_office(attributed_to)
            if actor is not None:
                return self._root_of_actor(actor)
            named = folded_form(attributed_to)
            if named in self._by_name:
                return self._root_of_source(self._by_name[named])
            if named and not _ANONYMOUS.search(attributed_to) and attributed_to != "outlet":
                return f"named:{named}"
        return self._root_of_source(source_id) if source_id else "source:unknown"

    def wholes(self, actor_ids: Iterable[str]) -> dict[str, str]:
        """What each of these is undisputedly part of; those that are no part are left out."""
        found: dict[str, str] = {}
        for id_ in actor_ids:
            whole = self._wholes.get(id_)
            if whole is None:
                whole = self._wholes[id_] = self._actors.whole_of(id_)
            if whole != id_:
                found[id_] = whole
        return found

    def _state_of_office(self, words: str) -> Actor | None:
        office = _OFFICE.match(words.strip())
        return self._states.get(office[1].casefold()) if office else None

    def _root_of_actor(self, actor: Actor) -> str:
        """The actor's own root, or that of the state or party whose organ it is.

        Only an undisputed `part_of` counts, of a medium in anything or of anything in a state:
        factions of an alliance speak for themselves, and allies are not one source.
        """
        seen: set[str] = set()
        while actor.actor_id not in seen and len(seen) < ROOT_DEPTH_MAX:
            seen.add(actor.actor_id)
            wholes = (self._actors.get(id_) for id_ in wholes_of(actor))
            for whole in (w for w in wholes if w is not None):
                if actor.kind is ActorKind.MEDIA or whole.kind is ActorKind.STATE:
                    actor = whole
                    break
        return f"actor:{actor.actor_id}"

    def _root_of_source(self, source_id: str) -> str:
        seen: list[str] = []
        while source_id not in seen and len(seen) < ROOT_DEPTH_MAX:
            seen.append(source_id)
            source = self._sources.get(source_id)
            if source is None:
                return f"source:{source_id}"
            parent = source.affiliated_with
            actor = self._actors.get(parent) if parent else self._actors.resolve(source.name)[0]
            if parent is None or parent not in self._sources:
                return self._root_of_actor(actor) if actor else f"source:{source_id}"
            source_id = parent
        # Sources that name each other in a circle are one.
        return f"source:{min(seen[seen.index(source_id) :]) if source_id in seen else source_id}"
