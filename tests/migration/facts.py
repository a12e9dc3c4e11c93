"""Files the same few facts with whatever release runs it, and writes down the log that comes of it.

Run as a program, it made the files of `logs/` with the code of each release:

    PYTHONPATH=<checkout of the release> python tests/migration/facts.py logs/v<RELEASE>.jsonl

So it uses only what every release has, and neither it nor a file of `logs/` ever changes. A log is
one JSON object a line: the documents, then the events in order of position.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from timeline.bootstrap import Application
from timeline.domain.actors import Actor, ActorKind, Affiliation
from timeline.domain.events import Basis
from timeline.domain.names import Name
from timeline.domain.places import Place, PlaceKind
from timeline.domain.reference_events import AffiliationStated
from timeline.filing.deciding import new_event
from timeline.filing.filing import Options
from timeline.filing.identity import event_id
from timeline.settings import Settings
from timeline.store import migrate
from timeline.store.engine import connect, read_transaction
from timeline.store.events import ANY, StreamAppend
from timeline.store.tables import documents

NOW = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)

REPORTS = {
    "fall.yaml": """
id: fall
source: {name: Desert Monitor}
published: 2016-02-24
text: IS took Khanasser on Tuesday after a clash. Ten were killed, most of them soldiers.
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}, {as_named: Syrian army, role: previous_holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    quote: IS took Khanasser
  - ref: c2
    type: Clash
    actors: [{as_named: IS, role: initiator}, {as_named: Syrian army, role: target}]
    place: {as_named: Khanasser, relation: near}
    occurred: 2016-02-23
    fatalities: {low: 10, best: 10, high: 12}
    quote: after a clash
  - ref: c3
    type: Shelling
    place: {as_named: Khanasser}
    occurred: 2016-02-22
    fatalities: {best: 3}
  - {ref: c4, type: Statement, statement_kind: opinion, place: {as_named: Khanasser}}
""",
    "correction.yaml": """
id: correction
source: {name: Desert Monitor}
published: 2016-02-26
corrections:
  - {report: fall, ref: c1, set: {occurred: 2016-02-24}, basis: source}
  - {report: fall, ref: c2, set: {fatalities: {low: 8, best: 9}, actors: []}, basis: source}
retractions: [{report: fall, ref: c3, reason: nobody was there, basis: source}]
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
    fatalities: {low: 2}
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
    fatalities: {low: 2, high: 5}
""",
    "wire.yaml": """
id: wire
published: 2016-02-27
claims:
  - {type: RouteCut, place: {as_named: Ithriya}, occurred: ../2016-02-20}
  - {type: Clash, place: {as_named: Atlantis}, actors: [{as_named: Sea People, role: target}]}
""",
    "waiting.yaml": """
id: waiting
published: 2016-02-28
corrections: [{report: lost, ref: c1, set: {fatalities: {best: 4}}, basis: coding}]
""",
}


def write(app: Application, folder: Path) -> None:
    """File the facts into a casebook that is open and empty."""
    syria = Affiliation(actor="government-of-syria", relation="part_of", from_="2013", to="2019")
    app.registering.register(
        [
            Place(
                place_id="khanasser",
                name="Khanasser",
                kind=PlaceKind.TOWN,
                latitude=35.78,
                longitude=37.5,
                names=(Name(name="خناصر", language="ar"),),
            ),
            Place(place_id="ithriya", name="Ithriya", kind=PlaceKind.VILLAGE),
        ],
        [
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
            ),
            Actor(
                actor_id="tiger-forces",
                name="Tiger Forces",
                kind=ActorKind.STATE_FORCES,
                affiliations=(syria, Affiliation(actor="islamic-state", relation="fights")),
            ),
        ],
    )
    stated = AffiliationStated(
        actor_id="tiger-forces",
        actor="government-of-syria",
        relation="fights_for",
        from_="2014",
        disputed=True,
        according_to="Example Agency",
    )
    key = event_id("main", "actor-tiger-forces", "stated")
    app.store.append([StreamAppend("actor-tiger-forces", ANY, [new_event(stated, key, {})])])
    for name, text in REPORTS.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        app.filing.file(path, Options())
    amending = app.amending
    amending.correct(
        "retaken", "c1", {"fatalities": {"low": 3}, "certainty": "likely"}, basis=Basis.CODING
    )
    amending.retract("fall", "c4", basis=Basis.CODING)
    amending.reinstate("fall", "c4", basis=Basis.CODING, reason="it is in the text after all")


def logged(app: Application) -> list[dict[str, Any]]:
    """The documents and events of a casebook, as lines of a file of `logs/`."""
    with read_transaction(app.engine) as connection:
        found = select(documents.c.digest, documents.c.media_type, documents.c.content)
        rows = connection.execute(found.order_by(documents.c.digest)).all()
    lines: list[dict[str, Any]] = [
        {"digest": digest, "media_type": media_type, "content": bytes(content).decode()}
        for digest, media_type, content in rows
    ]
    lines += [
        {
            "event_id": event.event_id,
            "stream": event.stream,
            "type": event.type,
            "schema_version": event.schema_version,
            "data": event.data,
            "metadata": msgspec.json.decode(event.metadata),
        }
        for event in app.store.read()
    ]
    return lines


def main(path: Path) -> None:
    """Write the log that this release makes of the facts."""
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/facts.db")
        migrate.upgrade(engine)
        app = Application(Settings(str(engine.url), "main"), engine, lambda: NOW)
        app.store.open_casebook("Asia/Damascus", "syria")
        write(app, Path(folder))
        lines = [json.dumps(line, ensure_ascii=False) for line in logged(app)]
        engine.dispose()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
