"""Registers places and actors, so that names in reports can be resolved against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from timeline.domain.actors import Actor, ActorTable, wholes_of
from timeline.domain.identities import way_up, words_of
from timeline.domain.names import require_legible
from timeline.domain.places import Place
from timeline.domain.reference_events import (
    ActorRegistered,
    PlaceRegistered,
)
from timeline.errors import InvalidEvent
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.filing.mended import both_or_neither
from timeline.projections.reading import Reader
from timeline.projections.runner import DECIDED_BY, Runner
from timeline.store.event_store import EventStore
from timeline.store.events import NewEvent, StreamAppend


class Registering:
    """Adds to one casebook's gazetteer and actor table."""

    def __init__(self, store: EventStore, reader: Reader, runner: Runner) -> None:
        self._store, self._reader, self._runner = store, reader, runner

    def register(self, places: Sequence[Place] = (), actors: Sequence[Actor] = ()) -> int:
        """Register what is not registered yet, in one transaction; returns how many were new.

        Raises:
            InvalidEvent: one id is given twice, a name is none, `within` names no known place, a
                place has half a point or lies within itself, or an actor is part of itself.
        """
        self._runner.catch_up()
        self._runner.require_going(*DECIDED_BY)
        gazetteer, actor_table = self._reader.gazetteer(), self._reader.actor_table()
        # An id that was merged into another is registered, too.
        new_places = [p for p in places if gazetteer.get(p.place_id) is None]
        new_actors = [a for a in actors if actor_table.get(a.actor_id) is None]
        ids = [f"place-{p.place_id}" for p in new_places]
        ids += [f"actor-{a.actor_id}" for a in new_actors]
        if len(set(ids)) != len(ids):
            raise InvalidEvent("an id is given twice; ids of places and of actors are unique")
        for words in (*map(words_of, new_places), *map(words_of, new_actors)):
            require_legible(words)
        known = {*gazetteer.places, *gazetteer.merged, *(p.place_id for p in new_places)}
        lost = next((p for p in new_places if p.within and p.within not in known), None)
        if lost is not None:
            raise InvalidEvent(f"place {lost.place_id}: within {lost.within!r} is no known place")
        for place in new_places:
            both_or_neither(place, {})
        _require_no_circles(new_places, new_actors, actor_table)
        payloads: list[Struct] = [PlaceRegistered(**asdict(p)) for p in new_places]
        payloads += [ActorRegistered(**asdict(a)) for a in new_actors]
        if not payloads:
            return 0
        appends = [
            StreamAppend(stream, 0, (self._new(payload, stream),))
            for payload, stream in zip(payloads, ids, strict=True)
        ]
        appended = self._store.append(appends)
        self._runner.catch_up_after_append()
        return appended.appended

    def _new(self, payload: Struct, stream: str) -> NewEvent:
        key = event_id(self._store.casebook, stream, "registered")
        return new_event(payload, key, {"command": "register"})


def _require_no_circles(
    places: Sequence[Place], actors: Sequence[Actor], known: ActorTable
) -> None:
    """Refuse places and actors that are parts of themselves, directly or through others.

    No place that is known lies within one that is new; an actor may be a part of one that is.
    """
    around = {p.place_id: (p.within,) for p in places if p.within is not None}
    for id_ in around:
        way = _way_round(id_, around)
        if way:
            told = f"it lies within {', that within '.join(way)}"
            raise InvalidEvent(f"place {id_} cannot lie within itself: {told}")
    wholes = {a.actor_id: wholes_of(a) for a in (*known.actors.values(), *actors)}
    for actor in actors:
        way = _way_round(actor.actor_id, wholes)
        if way:
            told = f"it is part of {', that of '.join(way)}"
            raise InvalidEvent(f"actor {actor.actor_id} cannot be part of itself: {told}")


def _way_round(id_: str, above: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The ids on a way up from an id to itself; empty when there is none."""
    ways = (way_up(one, id_, lambda of: above.get(of, ())) for one in above[id_])
    return next((way for way in ways if way is not None), ())
