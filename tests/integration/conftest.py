"""Gives the filing tests a desk: one casebook of two towns and three actors, and how to ask it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from timeline import presentation
from timeline.bootstrap import Application, all_projections
from timeline.domain.actors import Actor, ActorKind
from timeline.domain.names import Name
from timeline.domain.places import Place, PlaceKind
from timeline.filing.filing import Filed, Options
from timeline.projections import tables
from timeline.projections.reading import Filters, Reader
from timeline.projections.replaying import checksum
from timeline.settings import Settings
from timeline.store.engine import connect, read_transaction, write_transaction

PLACES = (
    Place(
        place_id="khanasser",
        name="Khanasser",
        kind=PlaceKind.TOWN,
        latitude=35.78,
        longitude=37.5,
        names=(Name(name="خناصر", language="ar"),),
    ),
    Place(place_id="ithriya", name="Ithriya", kind=PlaceKind.VILLAGE),
)
ACTORS = (
    Actor(
        actor_id="islamic-state",
        name="Islamic State",
        kind=ActorKind.NON_STATE_ARMED_GROUP,
        names=(Name(name="IS", case_sensitive=True),),
    ),
    Actor(
        actor_id="government-of-syria",
        name="Government of Syria",
        kind=ActorKind.STATE,
        names=(Name(name="Syrian army"),),
        adjectives=("Syrian",),
    ),
    Actor(actor_id="russia", name="Russia", kind=ActorKind.STATE),
)

# A fall that is corrected and in part retracted, a reconquest with a revision, a rival telling by
# a source that turns out to speak for an actor, an undated report, and a correction that waits.
WORLD = {
    "fall.yaml": """
id: fall
source: {name: Desert Monitor}
published: 2016-02-24
text: IS took Khanasser on Tuesday after a clash.
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    quote: IS took Khanasser
  - {ref: c2, type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-22}
""",
    "correction.yaml": """
id: correction
source: {name: Desert Monitor}
published: 2016-02-26
corrections: [{report: fall, ref: c1, set: {occurred: 2016-02-24}, basis: source}]
retractions: [{report: fall, ref: c2, reason: nobody was there, basis: source}]
""",
    "retaken.yaml": """
id: retaken
source: {name: Example Agency}
published: 2016-02-25
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: Syrian army, role: holder}]
    place: {as_named: خناصر}
    occurred: 2016-02-25
""",
    "update.yaml": """
id: retaken
source: {name: Example Agency, affiliated_with: government-of-syria}
published: 2016-02-25
updated: 2016-02-28
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: Syrian army, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-26
""",
    "wire.yaml": """
id: wire
source: {name: State Wire, affiliated_with: Example Agency}
published: 2016-02-27
claims:
  - type: ControlStated
    actors: [{as_named: Syrian army, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-27
  - {type: RouteCut, place: {as_named: Ithriya}, occurred: ../2016-02-20}
  - {type: Clash, place: {as_named: Atlantis}, actors: [{as_named: Sea People, role: target}]}
""",
    "waiting.yaml": """
id: waiting
published: 2016-02-28
corrections: [{report: lost, ref: c1, set: {occurred: 2016-02-24}, basis: coding}]
""",
}


@dataclass
class Desk:
    """A casebook in use: reports are written into a folder and filed from there."""

    app: Application
    folder: Path

    def file(self, name: str, text: str, **options: Any) -> Filed:  # noqa: ANN401
        return self.app.filing.file(self.write(name, text), Options(**options))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def show(
        self,
        at: str | None = None,
        known_on: str | None = None,
        place: str = "Khanasser",
        reader: Reader | None = None,
    ) -> str:
        """What `timeline show --json` prints."""
        asked = reader or self.app.reader
        found, match = asked.find_place(place)
        control = asked.control(found.place_id, at, known_on)
        entries = asked.timeline(Filters(place_id=found.place_id), known_on).entries
        told = presentation.show_json(found, match, at, known_on, control, entries)
        return json.dumps(told, ensure_ascii=False, indent=2)

    def entries(self, known_on: str | None = None) -> list[tuple[str, str | None]]:
        """Type and date of each entry that stands."""
        page = self.app.reader.timeline(Filters(), known_on)
        return [(e.type, e.claim.occurred.edtf) for e in page.entries]

    def holder(self, at: str, known_on: str | None = None) -> str:
        """State and holders of Khanasser."""
        control = self.app.reader.control("khanasser", at, known_on)
        return " ".join([control.state.value, *(h.name for h in control.holders)])

    def file_world(self) -> None:
        """File all of WORLD."""
        for name, text in WORLD.items():
            self.file(name, text)

    def checksums(self) -> dict[str, str]:
        """The checksum of each projected table."""
        with read_transaction(self.app.engine) as connection:
            return {
                table.name: checksum(connection, table, "main")
                for projection in all_projections()
                for table in projection.tables
            }

    def forget(self) -> None:
        """Take the projections back to before the first event."""
        written = [t for p in all_projections() for t in p.tables]
        with write_transaction(self.app.engine) as connection:
            for table in (*written, tables.checkpoints):
                connection.execute(delete(table))

    @property
    def head(self) -> int:
        """The position of the last event."""
        return self.app.store.head().position

    def types(self, after: int = 0) -> list[tuple[str, str]]:
        """Stream and type of each event."""
        return [(e.stream, e.type) for e in self.app.store.read(after)]


@contextmanager
def opened_desk(url: str, folder: Path, clock: Callable[[], Any]) -> Iterator[Desk]:
    """A desk on a migrated database; places and actors are registered once."""
    engine = connect(url)
    try:
        app = Application(Settings(url), engine, clock)
        app.store.open_casebook("Asia/Damascus", "syria")
        app.registering.register(PLACES, ACTORS)
        yield Desk(app, folder)
    finally:
        engine.dispose()


@pytest.fixture
def desk(database_url: str, tmp_path: Path, clock: Callable[[], Any]) -> Iterator[Desk]:
    """A desk on each engine."""
    with opened_desk(database_url, tmp_path / "reports", clock) as opened:
        yield opened
