"""A log of several schema versions answers as the same facts written in the newest do.

`logs/v<RELEASE>.jsonl` is the log that a release itself wrote of the facts in `facts.py`, byte for
byte. Each test stores the same facts three times: as the oldest release wrote them, in versions
that change from event to event, and as this release writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Engine, MetaData, Table, Text, func, select, update

from tests.migration.facts import NOW, logged, write
from timeline.bootstrap import Application, all_projections
from timeline.domain.events import Basis, ClaimCorrected, decode, schema_version
from timeline.domain.events import encode as encoded
from timeline.domain.weapons import Weapon
from timeline.errors import InvalidEvent, SchemaMismatch
from timeline.projections.reading import Filters
from timeline.projections.replaying import differing_tables, replayed
from timeline.settings import Settings
from timeline.store import migrate
from timeline.store.copying import copy_casebook
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend
from timeline.store.verify import verify_documents, verify_log

LOGS = sorted((Path(__file__).parent / "logs").glob("v*.jsonl"))
OLDEST, MIXED, NEWEST = "oldest", "mixed", "newest"

# Only this release can write it: figures that contradict nothing and weapons, of an older claim and
# of its own.
AMBUSH = """
id: ambush
published: 2016-03-01
text: An ambush near Ithriya killed five residents and two fighters, and wounded a dozen.
claims:
  - ref: c1
    type: Clash
    actors: [{as_named: IS, role: initiator}]
    place: {as_named: Ithriya, relation: near}
    occurred: 2016-02-29
    fatalities: {low: 7, best: 7}
    casualties:
      - {harm: killed, group: civilians, best: 5, as_named: five residents}
      - {harm: killed, group: combatants, role: initiator, best: 2, as_named: two fighters}
      - {harm: wounded, group: unknown, best: 12}
    weapons: [{as_named: rifles, kind: firearms}, {as_named: a mine, kind: explosives}]
    quote: An ambush near Ithriya
corrections:
  - report: fall
    ref: c2
    basis: coding
    set:
      fatalities: {best: 9}
      casualties: [{harm: killed, group: combatants, best: 6}]
      weapons: [{as_named: mortars, kind: explosives}]
retractions: [{report: fall, ref: c1, basis: coding}]
"""

Line = dict[str, Any]


def lines_of(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def events_of(lines: list[Line]) -> list[Line]:
    return [line for line in lines if "event_id" in line]


def opened(engine: Engine, casebook: str) -> Application:
    app = Application(Settings(str(engine.url), casebook), engine, lambda: NOW)
    app.store.open_casebook("Asia/Damascus", "syria")
    return app


def store_lines(app: Application, lines: list[Line]) -> None:
    """Store a log as it is, one append an event, so that positions stay."""
    texts = [
        Document.of(line["media_type"], line["content"].encode())
        for line in lines
        if "digest" in line
    ]
    for number, line in enumerate(events_of(lines)):
        event = NewEvent(
            line["event_id"], line["type"], line["schema_version"], line["data"], line["metadata"]
        )
        app.store.append([StreamAppend(line["stream"], ANY, [event])], () if number else texts)
    app.runner.catch_up()


def projected(app: Application) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every projection, without the casebook's name."""
    found = {}
    with read_transaction(app.engine) as connection:
        for projection in all_projections():
            for table in projection.tables:
                columns = [c for c in table.columns if c.name != "casebook"]
                rows = select(*columns).where(table.c.casebook == app.settings.casebook)
                ordered = rows.order_by(*table.primary_key.columns)
                found[table.name] = [tuple(row) for row in connection.execute(ordered)]
    return found


@pytest.fixture(params=LOGS, ids=lambda path: path.stem)
def casebooks(
    request: pytest.FixtureRequest, engine: Engine, tmp_path: Path
) -> dict[str, Application]:
    """The same facts in three casebooks of one database."""
    apps = {name: opened(engine, name) for name in (OLDEST, MIXED, NEWEST)}
    write(apps[NEWEST], tmp_path)
    old = lines_of(request.param)
    # Written by casebook `main`; here the events of this release bear the same ids. No release
    # wrote claims of version 2; what these facts say is the same in it.
    events_by_turns = [
        (one, {**other, "schema_version": min(2, other["schema_version"])}, other)[number % 3]
        for number, (one, other) in enumerate(
            zip(events_of(old), events_of(logged(apps[NEWEST])), strict=True)
        )
    ]
    store_lines(apps[OLDEST], old)
    store_lines(apps[MIXED], [*(line for line in old if "digest" in line), *events_by_turns])
    return apps


def versions(app: Application) -> set[int]:
    """Of the claims and their corrections, the only types that have reached version 3."""
    return {e.schema_version for e in app.store.read() if schema_version(e.type) > 2}


def test_every_older_version_of_a_type_is_in_a_log_that_a_release_wrote() -> None:
    assert [path.stem for path in LOGS] == ["v0.1.0"]
    assert {line["schema_version"] for line in events_of(lines_of(LOGS[0]))} == {1}


def test_mixed_versions_replay_into_the_tables_of_the_newest(
    casebooks: dict[str, Application],
) -> None:
    tables = {name: projected(app) for name, app in casebooks.items()}

    assert {name: versions(app) for name, app in casebooks.items()} == {
        OLDEST: {1},
        MIXED: {1, 2, 3},
        NEWEST: {3},
    }
    empty = [name for name, rows in tables[NEWEST].items() if not rows]
    # Release 0.1.0 had no analysts' words on incidents, and mended neither places nor actors.
    assert sorted(empty) == ["actor_identities", "incident_words", "place_identities"]
    assert tables[OLDEST] == tables[NEWEST]
    assert tables[MIXED] == tables[NEWEST]


def test_what_only_the_newest_can_say_amends_older_claims_alike(
    casebooks: dict[str, Application], tmp_path: Path
) -> None:
    (tmp_path / "ambush.yaml").write_text(AMBUSH, encoding="utf-8")
    for app in casebooks.values():
        app.filing.file(tmp_path / "ambush.yaml")
        app.amending.correct(
            "ambush",
            "c1",
            {"casualties": [], "fatalities": {"best": 6}, "weapons": [{"as_named": "rifles"}]},
            basis=Basis.CODING,
        )
        old = ClaimCorrected(
            report_id="ambush", target="c1", basis=Basis.CODING, changes={"certainty": "likely"}
        )
        for version in (1, 2):
            id_ = f"00000000-0000-5000-8000-00000000000{version}"
            event = NewEvent(id_, "ClaimCorrected", version, encoded(old))
            app.store.append([StreamAppend("report-ambush", ANY, [event])])
        app.amending.retract("ambush", "c1", basis=Basis.CODING)
        app.amending.reinstate("ambush", "c1", basis=Basis.CODING)
    tables = {name: projected(app) for name, app in casebooks.items()}
    page = casebooks[MIXED].reader.timeline(Filters())
    claims = {(e.report.report_id, e.claim.ref): e.claim for e in page.entries}
    clash, ambush = claims["fall", "c2"], claims["ambush", "c1"]

    assert [(c.harm, c.best) for c in clash.casualties] == [("killed", 6)]
    assert [(w.as_named, w.kind) for w in clash.weapons] == [("mortars", "explosives")]
    assert (ambush.casualties, ambush.certainty) == ((), "likely")
    assert ambush.weapons == (Weapon(as_named="rifles"),)
    assert ambush.fatalities is not None
    assert ambush.fatalities.best == 6
    assert ("fall", "c1") not in claims
    assert tables[OLDEST] == tables[NEWEST]
    assert tables[MIXED] == tables[NEWEST]


def test_the_live_tables_of_mixed_versions_are_those_of_a_replay_and_the_chain_holds(
    casebooks: dict[str, Application],
) -> None:
    store = casebooks[MIXED].store
    with replayed(store, all_projections()) as replay:
        different = differing_tables(store, all_projections(), replay)
    checked = verify_log(store.engine, MIXED)

    assert different == ()
    assert (checked.holds, checked.checked) == (True, store.head().position)
    assert verify_documents(store.engine, MIXED).holds


@pytest.mark.parametrize("until", ["5", "12", "20"])
def test_a_replay_to_a_position_is_the_same_in_every_version(
    casebooks: dict[str, Application], until: str
) -> None:
    told = []
    for app in casebooks.values():
        with app.replay(until) as replay:
            page = replay.reader.timeline(Filters())
            told.append(([e.claim for e in page.entries], replay.reader.control("khanasser")))

    assert told[0] == told[1] == told[2]


def test_older_events_are_withheld_like_others(casebooks: dict[str, Application]) -> None:
    for app in casebooks.values():
        app.withholding.withhold_report("fall", "names a witness")
    tables = {name: projected(app) for name, app in casebooks.items()}

    assert verify_log(casebooks[MIXED].engine, MIXED).holds
    assert tables[OLDEST] == tables[NEWEST]
    assert tables[MIXED] == tables[NEWEST]


@contextmanager
def empty_copy(path: Path, casebook: str) -> Iterator[EventStore]:
    engine = connect(f"sqlite:///{path}")
    try:
        migrate.upgrade(engine)
        yield EventStore(engine, casebook, lambda: NOW)
    finally:
        engine.dispose()


def test_a_copy_keeps_every_version_as_it_was_written(
    casebooks: dict[str, Application], tmp_path: Path
) -> None:
    store = casebooks[MIXED].store
    with empty_copy(tmp_path / "copy.db", MIXED) as elsewhere:
        copy_casebook(store, elsewhere)

        assert list(elsewhere.read()) == list(store.read())
        app = Application(Settings(str(elsewhere.engine.url), MIXED), elsewhere.engine)
        app.runner.catch_up()
        assert projected(app) == projected(casebooks[MIXED])


def test_rows_of_an_older_release_are_refused_until_they_are_rebuilt(
    casebooks: dict[str, Application],
) -> None:
    app, wanted = casebooks[MIXED], projected(casebooks[NEWEST])
    actors = Table("actors", MetaData(), Column("casebook", Text), Column("data", Text))
    with write_transaction(app.engine) as connection:
        old = func.replace(actors.c.data, '"from":', '"from_":')
        connection.execute(update(actors).where(actors.c.casebook == MIXED).values(data=old))

    with pytest.raises(SchemaMismatch, match="run `timeline rebuild actors`"):
        app.reader.actor_table()
    app.runner.rebuild(["actors"])
    assert projected(app) == wanted


def test_a_correction_that_would_make_figures_contradict_each_other_is_refused(
    casebooks: dict[str, Application], tmp_path: Path
) -> None:
    (tmp_path / "ambush.yaml").write_text(AMBUSH, encoding="utf-8")
    app = casebooks[NEWEST]
    app.filing.file(tmp_path / "ambush.yaml")
    before = app.store.head()

    with pytest.raises(
        InvalidEvent, match=r"count at least 7 killed, more than the 4 of fatalities"
    ):
        app.amending.correct("ambush", "c1", {"fatalities": {"best": 4}}, basis=Basis.CODING)

    assert app.store.head() == before


def test_a_claim_whose_figures_a_later_correction_contradicts_can_still_be_read() -> None:
    # As from a report that corrects a claim which has not been filed yet.
    stored = {
        "claim_id": "c-" + "0" * 20,
        "report_id": "r1",
        "report_version": "0" * 64,
        "fatalities": {"best": 1},
        "casualties": [{"harm": "killed", "group": "civilians", "best": 3}],
    }

    assert json.loads(encoded(decode("Clash", 2, json.dumps(stored)))) == stored
