"""Any interleaving of filing, mending, catch-up, standstill and rebuild comes to the same rows."""

from __future__ import annotations

import hashlib
import random
import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.conftest import PostgresServer, SteppableClock
from tests.integration.conftest import Desk, opened_desk
from tests.integration.engines_world import BEGIN, claims, villages
from timeline.bootstrap import all_projections
from timeline.domain.events import DocumentMention, ReportFiled, SourceMention
from timeline.domain.reference_events import (
    ActorCorrected,
    ActorsMerged,
    ActorsUnmerged,
    PlaceCorrected,
    PlacesMerged,
    PlacesUnmerged,
)
from timeline.domain.time import on_day
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import batches, building
from timeline.projections.batches import Batch
from timeline.projections.control import ControlProjection
from timeline.projections.entries import EntriesProjection
from timeline.projections.incidents import IncidentsProjection
from timeline.projections.register import PlacesProjection
from timeline.projections.replaying import verified
from timeline.projections.runner import Runner
from timeline.projections.search import SearchProjection
from timeline.store.events import ANY, StreamAppend

NAMES = tuple(p.name for p in all_projections())
HELD = (
    PlacesProjection,
    EntriesProjection,
    ControlProjection,
    IncidentsProjection,
    SearchProjection,
)
PLACES = ("village-0", "village-1", "khanasser", "nowhere")
ACTORS = ("isil", "islamic-state", "russia")
# Seeds of reports about villages that can be merged.
TELLING_OF_VILLAGES = (7, 9, 11, 12)
WORD: dict[str, Any] = {"requested_by": "us"}

places, actors = st.sampled_from(PLACES), st.sampled_from(ACTORS)
sizes = st.integers(1, 9)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("report")),
        st.tuples(st.sampled_from([PlacesMerged, PlacesUnmerged]), places, places),
        st.tuples(st.sampled_from([ActorsMerged, ActorsUnmerged]), actors, actors),
        st.tuples(st.just("move"), places, st.integers(0, 3)),
        st.tuples(st.just("rename"), actors),
        st.tuples(st.just("catch up"), sizes),
        st.just(("check",)),
        st.tuples(st.just("hold"), st.sampled_from(HELD), sizes),
        st.tuples(st.just("rebuild"), st.sets(st.sampled_from(NAMES), min_size=1, max_size=2)),
    ),
    min_size=3,
    max_size=14,
)


def report(number: int) -> list[tuple[str, Struct]]:
    version = hashlib.sha256(str(number).encode()).hexdigest()
    published = BEGIN + timedelta(days=number % 5)
    chance = random.Random(TELLING_OF_VILLAGES[number % len(TELLING_OF_VILLAGES)])
    told = list(claims(number, version, published, chance))
    filed = ReportFiled(
        report_id=f"r{number}",
        report_version=version,
        source=SourceMention(source_id=f"outlet-{number % 3}", name=f"Outlet {number % 3}"),
        reported=on_day(published),
        document=DocumentMention(digest=version, media_type="text/plain", byte_length=1),
        claim_count=len(told),
    )
    return [(f"report-r{number}", one) for one in (filed, *told)]


def events_of(number: int, step: tuple[Any, ...]) -> list[tuple[str, Struct]]:
    """What a step appends, whether it makes sense or not."""
    match step:
        case ("report",):
            return report(number)
        case ("move", place, kilometres):
            changes = {"name": f"{place} {number}", "latitude": 35.0 + kilometres / 100}
            return [(f"place-{place}", PlaceCorrected(place_id=place, changes=changes, **WORD))]
        case ("rename", actor):
            corrected = ActorCorrected(actor_id=actor, changes={"name": f"N {number}"}, **WORD)
            return [(f"actor-{actor}", corrected)]
        case (kind, one, other) if kind in (PlacesMerged, PlacesUnmerged):
            merged = kind(place_id=one, into=other, **WORD)
            return [(f"place-{one}", merged), (f"place-{other}", merged)]
        case (kind, one, other) if kind in (ActorsMerged, ActorsUnmerged):
            merged = kind(actor_id=one, into=other, **WORD)
            return [(f"actor-{one}", merged), (f"actor-{other}", merged)]
    return []


def append(desk: Desk, number: int, told: list[tuple[str, Struct]]) -> None:
    appends = [
        StreamAppend(s, ANY, [new_event(p, event_id("main", s, str(number), str(n)), {})])
        for n, (s, p) in enumerate(told)
    ]
    desk.app.store.append(appends)


def play(desk: Desk, plan: list[tuple[Any, ...]]) -> None:
    store = desk.app.store
    for number, step in enumerate([("begin",), *plan]):
        told = list(villages()) if step == ("begin",) else events_of(number, step)
        if told:
            append(desk, number, told)
        runner = Runner(store, all_projections())  # a process of its own
        with pytest.MonkeyPatch.context() as patch:
            match step:
                case ("catch up", size):
                    patch.setattr(batches, "EVENTS_PER_BATCH", size)
                    runner.catch_up()
                case ("hold", victim, size):
                    patch.setattr(batches, "EVENTS_PER_BATCH", size)
                    patch.setattr(victim, "apply", refuse)
                    runner.catch_up()
                case ("rebuild", names):
                    runner.rebuild(names)
                case ("check",):
                    check(desk)


def refuse(_self: object, _batch: Batch) -> None:
    raise ValueError("not now")


def check(desk: Desk) -> None:
    runner = Runner(desk.app.store, all_projections())
    found = verified(desk.app.store, all_projections(), runner)
    assert (found.position, found.different, found.halted) == (desk.head, (), ())


@given(steps)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_interleaving_of_mending_comes_to_the_rows_of_a_replay(
    sqlite_template: Path, clock: SteppableClock, plan: list[tuple[Any, ...]]
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "PAUSE_SECONDS_MIN", 0.0)
        path = Path(folder) / "timeline.db"
        shutil.copyfile(sqlite_template, path)
        with opened_desk(f"sqlite:///{path}", Path(folder) / "reports", clock) as desk:
            play(desk, plan)
            check(desk)


def test_so_does_it_on_postgres(
    postgres_server: PostgresServer, postgres_template: str, tmp_path: Path, clock: SteppableClock
) -> None:
    plan: list[tuple[Any, ...]] = [
        ("report",),
        ("report",),
        (PlacesMerged, "village-0", "village-1"),
        ("hold", EntriesProjection, 3),
        ("report",),
        (PlacesMerged, "village-1", "khanasser"),
        (ActorsMerged, "islamic-state", "isil"),
        ("hold", ControlProjection, 2),
        ("check",),
        (PlacesUnmerged, "village-0", "village-1"),
        ("check",),
        ("move", "khanasser", 3),
        ("hold", PlacesProjection, 5),
        ("rebuild", {"reports"}),
        ("rename", "isil"),
        (PlacesUnmerged, "village-1", "khanasser"),
        ("report",),
        ("catch up", 1),
        (ActorsUnmerged, "islamic-state", "isil"),
    ]
    with (
        postgres_server.database(postgres_template) as name,
        opened_desk(postgres_server.url(name), tmp_path, clock) as desk,
    ):
        play(desk, plan)
        check(desk)
