"""Mends reference data: corrects, merges and parts places and actors, and states affiliations.

All of it has basis coding: it holds at every known time. Nothing of it changes what is stored: who
reads claims resolves their ids. A merge is appended to the streams of both ids, each at the
version at which it was decided, so that no two merges can lead in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from msgspec import Struct

from timeline.domain.actors import Actor
from timeline.domain.events import encode
from timeline.domain.identities import Identities, affiliation_of, corrected, id_of, words_of
from timeline.domain.names import Name, require_legible
from timeline.domain.places import Place
from timeline.domain.reference_events import AffiliationStated
from timeline.domain.time import occurred_from_edtf
from timeline.errors import (
    EventIdReused,
    InvalidEvent,
    NotFound,
    PartlyAppended,
    WrongExpectedVersion,
)
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.filing.mended import (
    Mended,
    Word,
    both_or_neither,
    differing,
    renamed,
    require_apart,
    require_no_circle,
    without_names,
)
from timeline.filing.mending_kinds import ACTORS, PLACES, Kind
from timeline.projections.identities import read_identities
from timeline.projections.reading import Reader
from timeline.projections.runner import DECIDED_BY, Runner
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import StreamAppend

DECISIONS_MAX = 5

T = TypeVar("T", bound=Place | Actor)


class Mender:
    """Mends the places and actors of one casebook.

    Places and actors are given by an id or a name. Every command raises `InvalidEvent` when nobody
    says so, `WrongExpectedVersion` when the stream has another version than expected or others keep
    deciding about the same meanwhile, and `EventIdReused` or `PartlyAppended` as the latter.
    """

    def __init__(self, store: EventStore, reader: Reader, runner: Runner) -> None:
        self._store, self._reader, self._runner = store, reader, runner

    def correct_place(
        self,
        place: str,
        changes: Mapping[str, object],
        word: Word,
        *,
        add: Sequence[Name] = (),
        remove: Collection[str] = (),
    ) -> Mended:
        """Put right what is registered of a place.

        Args:
            place: Which.
            changes: Fields with their new JSON values; `None` unsets. A new name leaves the old
                one among the other names.
            word: Whose.
            add: Other names to add.
            remove: Other names to take away, from what was merged into it too.

        Raises:
            PlaceNotFound: there is no such place, or none that it is to lie within.
            AmbiguousPlace: several places have the name.
            InvalidEvent: it is merged into another, or what is to be set does not fit.
        """

        def settled(own: Place) -> Mapping[str, object]:
            both_or_neither(own, changes)
            if changes.get("within") is None:
                return changes
            gazetteer = self._reader.gazetteer()
            around, _ = gazetteer.look_up(str(changes["within"]))
            containers = (around, *gazetteer.containers(around.place_id))
            if own.place_id in {p.place_id for p in containers}:
                raise InvalidEvent(f"place {own.place_id} cannot lie within itself")
            return {**changes, "within": around.place_id}

        return self._correct(PLACES, place, settled, word, add, remove)

    def correct_actor(
        self,
        actor: str,
        changes: Mapping[str, object],
        word: Word,
        *,
        add: Sequence[Name] = (),
        remove: Collection[str] = (),
    ) -> Mended:
        """Put right what is registered of an actor; as `correct_place`.

        Raises:
            NotFound: there is no such actor, or none that it is to side with.
            InvalidEvent: as `correct_place`.
        """

        def settled(_: Actor) -> Mapping[str, object]:
            side = changes.get("side")
            return changes if side is None else {**changes, "side": self._actor(str(side)).actor_id}

        return self._correct(ACTORS, actor, settled, word, add, remove)

    def merge_places(
        self, duplicate: str, into: str, word: Word, into_expected_version: int | None = None
    ) -> Mended:
        """Say that two ids mean one place, and which of them it is known by.

        Raises:
            PlaceNotFound: there is no such place.
            AmbiguousPlace: several places have the name.
            InvalidEvent: both are one, one lies within the other, or is merged already.
        """
        return self._merge(PLACES, duplicate, into, word, into_expected_version)

    def merge_actors(
        self, duplicate: str, into: str, word: Word, into_expected_version: int | None = None
    ) -> Mended:
        """Say that two ids mean one actor, and which of them it is known by.

        Raises:
            NotFound: there is no such actor.
            InvalidEvent: as `merge_places`.
        """
        return self._merge(ACTORS, duplicate, into, word, into_expected_version)

    def unmerge_places(self, duplicate: str, word: Word) -> Mended:
        """Say that a merged id means a place of its own after all.

        Raises:
            InvalidEvent: it is merged into no other.
        """
        return self._unmerge(PLACES, duplicate, word)

    def unmerge_actors(self, duplicate: str, word: Word) -> Mended:
        """Say that a merged id means an actor of its own after all.

        Raises:
            InvalidEvent: it is merged into no other.
        """
        return self._unmerge(ACTORS, duplicate, word)

    def affiliate(
        self,
        actor: str,
        other: str,
        *,
        relation: str,
        according_to: str,
        from_: str | None = None,
        to: str | None = None,
        disputed: bool = False,
        expected_version: int | None = None,
    ) -> Mended:
        """Keep that somebody says that an actor is affiliated with another.

        Args:
            actor: Who.
            other: With whom.
            relation: How, such as part_of or allied_with.
            according_to: Who says so.
            from_: Since when, EDTF.
            to: Until when, EDTF.
            disputed: Whether somebody disputes it: then nothing is reckoned by it.
            expected_version: Of the actor's stream; `None` takes any.

        Raises:
            NotFound: there is no such actor.
            InvalidDate: a date is none, or it ends before it begins.
            InvalidEvent: an actor with itself, or nobody says so.
        """
        for date in (from_, to):
            if date is not None:
                occurred_from_edtf(date)
        if from_ is not None and to is not None:
            occurred_from_edtf(f"{from_}/{to}")
        if not according_to.strip():
            raise InvalidEvent("say who says so; an affiliation is somebody's word")

        def decide() -> Mended:
            own, whom = self._actor(actor), self._actor(other)
            stated = AffiliationStated(
                actor_id=own.actor_id,
                actor=whom.actor_id,
                relation=relation.strip(),
                from_=from_,
                to=to,
                disputed=disputed,
                according_to=according_to.strip(),
            )
            require_no_circle(self._reader.actor_table(), stated)
            stream = ACTORS.stream(own.actor_id)
            versions = self._versions({stream: expected_version})
            if affiliation_of(stated) in self._current(ACTORS, own.actor_id).affiliations:
                return Mended(own.actor_id, None, *versions.values())
            return self._append(own.actor_id, {stream: stated}, versions)

        return self._decided(decide)

    def _actor(self, name: str) -> Actor:
        actors = self._reader.actor_table()
        found = actors.get(name) or actors.resolve(name)[0]
        if found is None:
            raise NotFound(f"there is no actor {name!r}, or several; give its id")
        return found

    def _correct(
        self,
        kind: Kind[T],
        name: str,
        settled: Callable[[T], Mapping[str, object]],
        word: Word,
        add: Sequence[Name],
        remove: Collection[str],
    ) -> Mended:
        told = word.told()

        def decide() -> Mended:
            id_ = self._named(kind, name)
            stream = kind.stream(id_)
            members = self._identities(kind).members(id_) if remove else []
            # What is merged with it stands in its stream, too: at its version these are all.
            asked = {**dict.fromkeys(map(kind.stream, members)), stream: word.expected_version}
            versions = self._versions(asked)
            merged = [self._current(kind, member) for member in members]
            own = self._current(kind, id_)
            changes = settled(own)
            fixed = corrected(own, {**changes, **renamed(own, changes, add, remove, merged)})
            require_legible(words_of(fixed))
            pairs = [(one, without_names(one, remove)) for one in merged] + [(own, fixed)]
            payloads = {
                kind.stream(id_of(was)): kind.corrected(
                    **{f"{kind.name}_id": id_of(was)}, changes=differing(was, now), **told
                )
                for was, now in pairs
                if was != now
            }
            if not payloads:
                return Mended(id_, None, versions[stream])
            return self._append(id_, payloads, versions)

        return self._decided(decide)

    def _merge(
        self, kind: Kind[T], duplicate: str, into: str, word: Word, into_expected: int | None
    ) -> Mended:
        told = word.told()

        def decide() -> Mended:
            known = self._identities(kind).known.get(duplicate)
            if known is not None and known.into is not None and known.into == into:
                version = self._store.stream_version(kind.stream(into))
                return Mended(into, None, version, duplicate=duplicate)
            one, other = self._named(kind, duplicate), self._named(kind, into)
            if one == other:
                raise InvalidEvent(f"{kind.name} {one} cannot be merged into itself")
            expected = {kind.stream(one): word.expected_version, kind.stream(other): into_expected}
            versions = self._versions(expected)
            for id_ in (one, other):
                self._named(kind, id_)
            if kind.type is Place:
                require_apart(self._reader.gazetteer(), one, other)
            payload = kind.merged(**{f"{kind.name}_id": one}, into=other, **told)
            payloads = dict.fromkeys(versions, payload)
            return replace(self._append(other, payloads, versions), duplicate=one)

        return self._decided(decide)

    def _unmerge(self, kind: Kind[T], duplicate: str, word: Word) -> Mended:
        told = word.told()

        def decide() -> Mended:
            id_, into = self._merged(kind, duplicate)
            expected = {kind.stream(into): None, kind.stream(id_): word.expected_version}
            versions = self._versions(expected)
            if self._merged(kind, id_) != (id_, into):
                raise WrongExpectedVersion(kind.stream(id_), *versions.values())
            payload = kind.unmerged(**{f"{kind.name}_id": id_}, into=into, **told)
            return self._append(id_, dict.fromkeys(versions, payload), versions)

        return self._decided(decide)

    def _merged(self, kind: Kind[T], name: str) -> tuple[str, str]:
        """The id that is merged into another, given by itself or its name; and into which.

        Raises:
            InvalidEvent: none is, or several are.
        """
        merged = [
            (id_, one.into)
            for id_, one in self._identities(kind).known.items()
            if one.into is not None and name in (id_, one.own.name)
        ]
        if len(merged) != 1:
            raise InvalidEvent(f"{kind.name} {name!r} is merged into no other; give its id")
        return merged[0]

    def _versions(self, expected: Mapping[str, int | None]) -> dict[str, int]:
        """The versions of streams at which something is decided by what is read after this.

        Raises:
            WrongExpectedVersion: one is another than expected; `None` takes any.
        """
        found = {s: self._store.expected_version(s, version) for s, version in expected.items()}
        self._runner.catch_up()
        return found

    def _named(self, kind: Kind[T], name: str) -> str:
        """The id of what an id or a name means, which is not merged into another.

        Raises:
            InvalidEvent: it is the id of what is merged into another.
        """
        into = self._identities(kind).merged().get(name)
        if into is not None:
            raise InvalidEvent(f"{kind.name} {name} is merged into {into}; name that one")
        if kind.type is Place:
            return self._reader.find_place(name)[0].place_id
        return self._actor(name).actor_id

    def _current(self, kind: Kind[T], id_: str) -> T:
        """What is registered under an id by itself, without what was merged into it."""
        one = self._identities(kind).known.get(id_)
        if one is not None:
            return one.own
        known: Mapping[str, Any] = (
            self._reader.gazetteer().places
            if kind.type is Place
            else self._reader.actor_table().actors
        )
        found: T = known[id_]
        return found

    def _identities(self, kind: Kind[T]) -> Identities[T]:
        with read_transaction(self._store.engine) as connection:
            return read_identities(connection, self._store.casebook, kind.identities, kind.type)

    def _decided(self, decide: Callable[[], Mended]) -> Mended:
        """Decide by what is projected, and again when somebody was faster."""
        for attempt in range(1, DECISIONS_MAX + 1):
            self._runner.catch_up()
            self._runner.require_going(*DECIDED_BY)
            try:
                return decide()
            except (WrongExpectedVersion, EventIdReused, PartlyAppended):
                if attempt == DECISIONS_MAX:
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _append(
        self, id_: str, payloads: Mapping[str, Struct], versions: Mapping[str, int]
    ) -> Mended:
        """Append what was decided to its streams; that of `id_` is the last of the versions."""
        appends = []
        for stream, payload in payloads.items():
            version = versions[stream]
            key = event_id(self._store.casebook, stream, str(version), encode(payload).decode())
            new = new_event(payload, key, {"command": "mend"})
            appends.append(StreamAppend(stream, version, (new,)))
        appended = self._store.append(appends)
        self._runner.catch_up_after_append()
        own, version = [*versions.items()][-1]
        return Mended(id_, appended.positions[-1], version + (own in payloads))
