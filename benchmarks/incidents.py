"""Times the incidents projection: a replay beside the other projections, one more report, reads.

    python benchmarks/incidents.py [--claims 30000] [--database URL]

A made-up war: places are drawn by Zipf's law, reports of three claims come in order of publication,
one in ten of them late by months, from 200 outlets. Times are of the processor, since the machine
is shared; the database's own work on Postgres is not in them.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import text

from timeline.bootstrap import all_projections
from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import Fatalities, Modality
from timeline.domain.events import (
    CLAIM_TYPES,
    DocumentMention,
    ReportFiled,
    SourceMention,
)
from timeline.domain.places import PlaceMention
from timeline.domain.reference_events import SourceRegistered
from timeline.domain.time import moment_end, on_day
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections.incident_queries import IncidentFilters, IncidentReader
from timeline.projections.runner import Runner
from timeline.projections.statistics import By, statistics
from timeline.store.engine import connect, read_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, StreamAppend
from timeline.store.migrate import upgrade

ZONE = "Asia/Damascus"
BEGIN = date(2014, 1, 1)
DAYS = 1_800
PLACES = 2_000
TYPES = ("Clash", "Airstrike", "Shelling", "Bombing", "ControlChanged", "Movement", "RouteCut")
ACTORS = ("islamic-state", "government-of-syria", "russia", "syrian-opposition")
REPORTS_PER_APPEND = 250


def reports(number: int, random_: random.Random) -> Iterator[tuple[str, list[Struct]]]:
    """Reports of three claims each, in order of publication but for those that come late."""
    places = [(f"p{i}", random_.uniform(33, 37), random_.uniform(36, 42)) for i in range(PLACES)]
    weights = [1 / (i + 1) for i in range(PLACES)]
    for n in range(number):
        day = n * DAYS // number
        late = random_.random() < 0.1
        published = BEGIN + timedelta(
            days=max(1, day - random_.randrange(200)) if late else day + 1
        )
        digest = hashlib.sha256(f"{n}".encode()).hexdigest()
        source = f"outlet-{random_.randrange(200)}"
        told: list[Struct] = [
            ReportFiled(
                report_id=f"r{n}",
                report_version=digest,
                source=SourceMention(source_id=source, name=source),
                reported=on_day(published),
                document=DocumentMention(digest=digest, media_type="text/plain", byte_length=1),
                claim_count=3,
            )
        ]
        for index in range(3):
            id_, latitude, longitude = random_.choices(places, weights)[0]
            who = random_.sample(ACTORS, random_.randrange(3))
            roles = (ActorRole.INITIATOR, ActorRole.TARGET)
            told.append(
                CLAIM_TYPES[random_.choice(TYPES)](
                    claim_id="c-" + hashlib.sha256(f"{n}.{index}".encode()).hexdigest()[:20],
                    report_id=f"r{n}",
                    report_version=digest,
                    modality=random_.choice([Modality.ASSERTED] * 9 + [Modality.DENIED]),
                    place=PlaceMention(
                        as_named=id_,
                        place_id=id_,
                        latitude=latitude,
                        longitude=longitude,
                        geo_precision=random_.choice((1, 1, 1, 2)),
                    ),
                    occurred=on_day(published - timedelta(days=random_.randrange(3))),
                    actors=tuple(
                        ActorMention(as_named=a, actor_id=a, name=a, role=r)
                        for a, r in zip(who, roles, strict=False)
                    ),
                    fatalities=Fatalities(best=random_.randrange(20)) if index == 0 else None,
                )
            )
        yield f"report-r{n}", told


def appended(store: EventStore, told: list[tuple[str, list[Struct]]]) -> None:
    """Append reports in one transaction."""
    store.append(
        [
            StreamAppend(
                stream,
                ANY,
                [
                    new_event(p, event_id("main", stream, str(i)), {})
                    for i, p in enumerate(payloads)
                ],
            )
            for stream, payloads in told
        ]
    )


def timed(store: EventStore) -> tuple[Runner, dict[str, float]]:
    """A runner whose projections note how long they worked."""
    spent: dict[str, float] = defaultdict(float)
    projections = all_projections()
    for projection in projections:
        apply = projection.apply

        def noted(batch: Any, apply: Any = apply, name: str = projection.name) -> None:  # noqa: ANN401
            begin = time.process_time()
            apply(batch)
            spent[name] += time.process_time() - begin

        projection.apply = noted  # type: ignore[method-assign]
    return Runner(store, projections), spent


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=30_000)
    parser.add_argument("--database")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(given.database or f"sqlite:///{Path(folder) / 'bench.db'}")
        upgrade(engine)
        store = EventStore(engine, "main", lambda: datetime.now(UTC))
        store.open_casebook(ZONE, "syria")
        outlets: list[Struct] = [
            SourceRegistered(source_id=f"outlet-{n}", name=f"Outlet {n}") for n in range(200)
        ]
        appended(store, [("source-all", outlets)])
        told = list(reports(given.claims // 3 + 20, random.Random(1)))
        for start in range(0, len(told) - 20, REPORTS_PER_APPEND):
            appended(store, told[: len(told) - 20][start : start + REPORTS_PER_APPEND])
        runner, spent = timed(store)
        runner.catch_up()
        for name, seconds in spent.items():
            print(
                f"{name:10} {seconds:7.2f} s of processor, {given.claims / seconds:9,.0f} claims/s"
            )
        with read_transaction(engine) as connection:
            rows = connection.execute(
                text("SELECT claims + 0, count(*) FROM incidents GROUP BY 1 ORDER BY 1")
            ).all()
        print("incidents by corroborating claims:", {r[0]: r[1] for r in rows})
        more = []
        for one in told[-20:]:
            appended(store, [one])
            spent.clear()
            runner.catch_up()
            more.append(spent["incidents"] * 1_000)
        ordered = sorted(more)
        print(f"one more report: median {ordered[10]:.1f} ms, worst of 20 {ordered[-1]:.1f} ms")
        reads(IncidentReader(engine, "main", ZONE))
        engine.dispose()


def reads(reader: IncidentReader) -> None:
    """Time what is asked, by what is known now and on another day."""
    cutoff = moment_end("2014-09-01", ZONE)
    questions: list[tuple[str, Any]] = [
        ("statistics by month, now", lambda: statistics(reader, By.MONTH, IncidentFilters(), ZONE)),
        ("statistics by actor, now", lambda: statistics(reader, By.ACTOR, IncidentFilters(), ZONE)),
        (
            "statistics by month, as known on 2014-09-01",
            lambda: statistics(reader, By.MONTH, IncidentFilters(), ZONE, cutoff),
        ),
        ("a page of 50 of the busiest place, now", lambda: page(reader, None)),
        ("the same, as known on 2014-09-01", lambda: page(reader, cutoff)),
    ]
    for name, question in questions:
        begin = time.process_time()
        question()
        print(f"{name}: {(time.process_time() - begin) * 1_000:.0f} ms")


def page(reader: IncidentReader, cutoff: datetime | None) -> object:
    """A page of incidents at one place."""
    return reader.page(IncidentFilters(place_id="p0"), cutoff, 50)


if __name__ == "__main__":
    main()
