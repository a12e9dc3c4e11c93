"""What one request has at hand: the reader, the log, and what it has read already."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import strawberry

from timeline.api.access import LOCAL_READER, Caller
from timeline.api.errors import QueryTooLarge
from timeline.api.limits import ROWS_MAX
from timeline.domain.actors import ActorTable, Source
from timeline.domain.incident_sums import Incident
from timeline.domain.places import Gazetteer
from timeline.projections.incident_queries import IncidentReader
from timeline.projections.reading import Reader, ReportView
from timeline.projections.register import read_sources
from timeline.projections.searching import Search
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore

T = TypeVar("T")


class Context:
    """One request's surroundings; made anew for each, used by one thread."""

    def __init__(self, reader: Reader, store: EventStore, caller: Caller = LOCAL_READER) -> None:
        self.reader, self.store, self.caller = reader, store, caller
        self._rows = 0
        self._versions: dict[str, tuple[ReportView, ...]] = {}

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """The casebook's places, read once a request."""
        return self.reader.gazetteer()

    def meant_place(self, place_id: str | None) -> str | None:
        """The id that an id of a place means; `None` of `None`."""
        return None if place_id is None else self.gazetteer.canonical(str(place_id))

    @cached_property
    def actor_table(self) -> ActorTable:
        """The casebook's actors, read once a request."""
        return self.reader.actor_table()

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """The casebook's sources by id, read once a request."""
        with read_transaction(self.store.engine) as connection:
            found = read_sources(connection, self.reader.casebook)
        return {source.source_id: source for source in found}

    @cached_property
    def incidents(self) -> IncidentReader:
        """The casebook's incidents."""
        return IncidentReader(self.store.engine, self.reader.casebook, self.reader.time_zone)

    @cached_property
    def search(self) -> Search:
        """Finds by words."""
        return Search(self.store.engine, self.reader)

    def versions(self, report_id: str, beside: Iterable[str] = ()) -> tuple[ReportView, ...]:
        """A report's versions, read once a request, with those of reports of the same answer."""
        if report_id not in self._versions:
            wanted = {report_id, *beside} - self._versions.keys()
            self._versions |= dict.fromkeys(wanted, ()) | self.reader.versions(wanted)
        return self._versions[report_id]

    def forget(self) -> None:
        """Read everything anew: something was changed."""
        for name in ("gazetteer", "actor_table"):
            self.__dict__.pop(name, None)
        self._versions.clear()

    @property
    def rows(self) -> int:
        """How many rows were counted so far."""
        return self._rows

    def spend(self, rows: int) -> None:
        """Count rows against the bound on one request.

        Raises:
            QueryTooLarge: the bound is passed.
        """
        self._rows += rows
        if self._rows > ROWS_MAX:
            raise QueryTooLarge(
                f"the query returns more than {ROWS_MAX} rows; ask for smaller pages"
            )


class Group:
    """Ids of one kind in one answer: what one of them asks for is read once for all of them.

    Args:
        ids: The ids; each is kept once, in order.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = tuple(dict.fromkeys(ids))
        self._read: dict[Hashable, Any] = {}

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` says, asked the first time that something of this key is wanted."""
        if key not in self._read:
            self._read[key] = read()
        found: T = self._read[key]
        return found

    def holding(self, id_: str) -> Group:
        """This group, or one of its own for an id that is not in it."""
        return self if id_ in self._known else Group([id_])

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.ids)


class ClaimGroup(Group):
    """Claims of one answer, as known on one day, and the places where they happened."""

    def __init__(
        self, claim_ids: Iterable[str], known_on: str | None, place_ids: Iterable[str] = ()
    ) -> None:
        super().__init__(claim_ids)
        self.known_on = known_on
        self.place_ids = frozenset(place_ids)

    def incidents(self, context: Context) -> Mapping[str, Incident]:
        """The incidents of those of the claims that tell of one."""

        def read() -> Mapping[str, Incident]:
            return context.incidents.of_claims(self.ids, context.reader.cutoff(self.known_on))

        return self.once("incidents", read)


Info = strawberry.Info[Context, None]
