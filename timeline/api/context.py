"""What one request has at hand: the reader, the log, and what it has read already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import strawberry

from timeline.api.access import LOCAL_READER, Caller
from timeline.api.errors import QueryTooLarge
from timeline.api.limits import ROWS_MAX
from timeline.domain.actors import ActorTable, Source
from timeline.domain.control import Control, ControlSpan
from timeline.domain.incident_sums import Incident
from timeline.domain.places import Gazetteer
from timeline.projections.control_reading import Known
from timeline.projections.incident_queries import IncidentReader
from timeline.projections.reading import Reader, ReportView
from timeline.projections.register import read_sources
from timeline.projections.searching import Search
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore


class Context:
    """One request's surroundings; made anew for each, used by one thread."""

    def __init__(self, reader: Reader, store: EventStore, caller: Caller = LOCAL_READER) -> None:
        self.reader, self.store, self.caller = reader, store, caller
        self._rows = 0
        self._versions: dict[str, tuple[ReportView, ...]] = {}
        self._expected: set[str] = set()

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

    def expect(self, report_ids: Iterable[str]) -> None:
        """Note reports of an answer, so that their versions are read together if one asks."""
        self._expected.update(report_ids)

    def versions(self, report_id: str) -> tuple[ReportView, ...]:
        """A report's versions, read once a request, with those of the reports expected."""
        if report_id not in self._versions:
            wanted = {report_id, *self._expected} - self._versions.keys()
            self._versions |= dict.fromkeys(wanted, ()) | self.reader.versions(wanted)
            self._expected.clear()
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


class PlaceGroup:
    """Places of one answer, whose control is read together the first time one of them asks."""

    def __init__(self, place_ids: Iterable[str]) -> None:
        self.place_ids = tuple(dict.fromkeys(place_ids))
        # What was read of their timelines, by the arguments: pages by place, and counts.
        self.timelines: dict[str, dict[str, list[Any]]] = {}
        self.counts: dict[str, dict[str, int]] = {}
        self._found: dict[str | None, dict[str, tuple[ControlSpan, ...]]] = {}
        self._controls: dict[tuple[str | None, str | None], dict[str, Control]] = {}
        self._knowledge: dict[str, tuple[Known, ...]] | None = None

    def history(self, reader: Reader, place_id: str, known_on: str | None) -> Sequence[ControlSpan]:
        """The control spans of one of the places, as known on `known_on`.

        Raises:
            InvalidDate: `known_on` is neither a day nor an instant with offset.
        """
        if known_on not in self._found:
            self._found[known_on] = reader.control_histories(self.place_ids, known_on)
        return self._found[known_on].get(place_id, ())

    def control(
        self, reader: Reader, place_id: str, at: str | None, known_on: str | None
    ) -> Control:
        """Who held one of the places at the end of `at`, as known on `known_on`.

        Raises:
            InvalidDate: `at` or `known_on` is neither a day nor an instant with offset.
        """
        if (at, known_on) not in self._controls:
            self._controls[at, known_on] = reader.controls(self.place_ids, at, known_on)
        return self._controls[at, known_on].get(place_id, Control())

    def knowledge(self, reader: Reader, place_id: str) -> Sequence[Known]:
        """All that was ever known of the control of one of the places."""
        if self._knowledge is None:
            self._knowledge = reader.control_knowledges(self.place_ids)
        return self._knowledge.get(place_id, ())


class ClaimGroup:
    """Claims of one answer, whose incidents are read together the first time one of them asks."""

    def __init__(
        self, claim_ids: Iterable[str], known_on: str | None, place_ids: Iterable[str] = ()
    ) -> None:
        self.claim_ids, self.known_on = tuple(claim_ids), known_on
        self.place_ids = frozenset(place_ids)
        self._found: dict[str, Incident] | None = None
        self.shared: object = None  # what whoever shows the incidents shares among them
        self.rivals: object = None  # and whoever shows what competes with the claims

    def incident(self, context: Context, claim_id: str) -> Incident | None:
        """The incident of one of the claims."""
        if self._found is None:
            cutoff = context.reader.cutoff(self.known_on)
            self._found = context.incidents.of_claims(self.claim_ids, cutoff)
        return self._found.get(claim_id)

    def incidents(self) -> tuple[Incident, ...]:
        """The incidents of all the claims, once they were read."""
        return tuple({i.incident_id: i for i in (self._found or {}).values()}.values())


Info = strawberry.Info[Context, None]
