"""Projections are a function of the log: however they come about, the same rows stand in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Connection, delete, text, update

from tests.conftest import PostgresServer, SteppableClock
from tests.integration.conftest import WORLD, Desk, opened_desk
from timeline.bootstrap import all_projections
from timeline.domain.reference_events import AffiliationStated
from timeline.errors import NotFound
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import batches, tables
from timeline.projections.control import ControlProjection
from timeline.projections.control_reading import answers_query
from timeline.projections.entries import EntriesProjection
from timeline.projections.replaying import checksum, differing_tables
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.events import ANY, StreamAppend

TABLES = [
    "event_types",
    "places",
    "place_identities",
    "actors",
    "sources",
    "actor_identities",
    "report_versions",
    "waiting_amendments",
    "entries",
    "entry_actors",
    "control_places",
    "control_claims",
    "control_rectangles",
    "control_links",
    "incident_claims",
    "incidents",
    "incident_words",
    "search_texts",
]


def of_replay(desk: Desk) -> dict[str, str]:
    with desk.app.replay(None) as replay, read_transaction(replay.engine) as connection:
        return {
            table.name: checksum(connection, table, "main")
            for projection in all_projections()
            for table in projection.tables
        }


def forget(desk: Desk) -> None:
    """Take the projections back to before the first event."""
    with write_transaction(desk.app.engine) as connection:
        for name in (*TABLES, "checkpoints"):
            connection.execute(text(f"DELETE FROM {name}"))


def test_catching_up_rebuilding_and_replaying_give_the_same_rows(desk: Desk) -> None:
    desk.file_world()
    caught_up = desk.checksums()

    assert list(caught_up) == TABLES
    assert of_replay(desk) == caught_up
    assert desk.app.runner.rebuild().events == desk.head
    assert desk.checksums() == caught_up


def test_the_rows_are_not_empty(desk: Desk) -> None:
    desk.file_world()

    with read_transaction(desk.app.engine) as connection:
        counts = {n: connection.scalar(text(f"SELECT count(*) FROM {n}")) for n in TABLES}
    assert counts == {
        "event_types": 25,
        "places": 2,
        "place_identities": 0,
        "actors": 3,
        "sources": 3,
        "actor_identities": 0,
        "report_versions": 6,
        "waiting_amendments": 1,
        "entries": 8,
        "entry_actors": 6,
        "control_places": 2,
        "control_claims": 7,
        "control_rectangles": 16,
        "control_links": 7,
        "incident_claims": 7,
        "incidents": 4,
        "incident_words": 0,
        "search_texts": 18,
    }


@pytest.mark.parametrize("size", [1, 2, 7])
def test_catching_up_in_small_batches_gives_the_same_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    desk.file_world()
    expected, seen = desk.checksums(), []
    forget(desk)
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", size)

    assert desk.app.runner.catch_up(lambda done, head: seen.append((done, head))) == desk.head
    assert desk.checksums() == expected
    assert seen[0] == (size, desk.head)
    assert seen[-1] == (desk.head, desk.head)
    assert len(seen) == -(-desk.head // size)


def test_rebuilding_in_small_batches_gives_the_same_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    expected = desk.checksums()
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", 3)

    desk.app.runner.rebuild()
    assert desk.checksums() == expected


def test_sqlite_and_postgres_hold_the_same_rows(
    desk: Desk, tmp_path: Path, clock: SteppableClock, sqlite_template: Path
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(sqlite_template.read_bytes())
    desk.file_world()
    with opened_desk(f"sqlite:///{other}", tmp_path, clock) as on_sqlite:
        on_sqlite.file_world()

        assert desk.checksums() == on_sqlite.checksums()
        assert desk.show() == on_sqlite.show()


@pytest.mark.parametrize("name", [p.name for p in all_projections()])
def test_one_projection_can_be_rebuilt_alone(desk: Desk, name: str) -> None:
    desk.file_world()
    expected = desk.checksums()
    (projection,) = [p for p in all_projections() if p.name == name]
    with write_transaction(desk.app.engine) as connection:
        for table in projection.tables:
            connection.execute(delete(table))
    assert desk.checksums() != expected

    assert name in desk.app.runner.rebuild([name]).projections
    assert desk.checksums() == expected
    assert {s.state for s in desk.app.runner.status()} == {"live"}


def test_an_unknown_projection_is_refused_with_the_known_ones(desk: Desk) -> None:
    with pytest.raises(NotFound) as caught:
        desk.app.runner.rebuild(["control", "views"])
    assert str(caught.value) == (
        "no projection is called views; there are types, places, actors, reports, timeline,"
        " control, incidents, search"
    )


class PowerCut(BaseException):
    """Ends a process in the middle of what it does."""


def test_a_rebuild_that_is_cut_short_leaves_the_old_rows_and_can_be_gone_on_with(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    expected = desk.checksums()

    def cut(_self: object, _batch: object, _done: int = 0) -> None:
        raise PowerCut

    for projection, method, reached in (
        (EntriesProjection, "apply", 0),
        (ControlProjection, "load_part", desk.head),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(projection, method, cut)
            with pytest.raises(PowerCut):
                desk.app.runner.rebuild()
        assert desk.checksums() == expected
        status = {s.name: (s.position, s.build_position) for s in desk.app.runner.status()}
        assert status["timeline"] == (desk.head, reached)
        assert status["control"] == (desk.head, 0)

    desk.app.runner.rebuild()
    assert desk.checksums() == expected
    assert {s.build_position for s in desk.app.runner.status()} == {None}


def test_a_batch_that_fails_half_way_loses_and_repeats_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file_world()
    expected = desk.checksums()
    forget(desk)
    monkeypatch.setattr(batches, "EVENTS_PER_BATCH", 4)
    applied = EntriesProjection.apply
    calls = iter(range(100))

    def apply(self: EntriesProjection, batch: Any) -> None:  # noqa: ANN401
        if next(calls) == 3:
            raise PowerCut
        applied(self, batch)

    monkeypatch.setattr(EntriesProjection, "apply", apply)
    with pytest.raises(PowerCut):
        desk.app.runner.catch_up()
    assert {s.position for s in desk.app.runner.status()} == {12}

    desk.app.runner.catch_up()
    assert desk.checksums() == expected


def test_nothing_new_is_nothing_to_do(desk: Desk) -> None:
    desk.file_world()

    assert desk.app.runner.catch_up() == 0
    assert [(s.name, s.position, s.state) for s in desk.app.runner.status()] == [
        ("types", desk.head, "live"),
        ("places", desk.head, "live"),
        ("actors", desk.head, "live"),
        ("reports", desk.head, "live"),
        ("timeline", desk.head, "live"),
        ("control", desk.head, "live"),
        ("incidents", desk.head, "live"),
        ("search", desk.head, "live"),
    ]


def test_casebooks_are_projected_apart(desk: Desk, tmp_path: Path, clock: SteppableClock) -> None:
    from dataclasses import replace

    from timeline.bootstrap import Application

    desk.file_world()
    expected = desk.checksums()
    other = Application(replace(desk.app.settings, casebook="other"), desk.app.engine, clock)
    other.store.open_casebook("Europe/Kyiv", "ukraine")
    Desk(other, tmp_path).file("fall.yaml", WORLD["fall.yaml"])
    other.runner.rebuild()

    assert desk.checksums() == expected
    assert other.reader.unresolved() == (("actor", "is", 1), ("place", "Khanasser", 2))


def test_a_tampered_row_is_told_from_a_replay(desk: Desk) -> None:
    desk.file_world()
    c = tables.entries.c
    with write_transaction(desk.app.engine) as connection:
        connection.execute(update(tables.entries).where(c.type == "Clash").values(quote="no"))

    with desk.app.replay(None) as replay:
        assert differing_tables(desk.app.store, all_projections(), replay) == ("entries",)


def test_an_affiliation_stated_later_changes_who_is_independent(desk: Desk) -> None:
    # Two outlets, each quoting its own: one source once the one turns out to be part of the other.
    for name, told in (("a", "Russia"), ("b", "Government of Syria")):
        desk.file(
            f"{name}.yaml",
            f"id: {name}\npublished: 2016-02-25\nclaims:\n"
            "  - {type: ControlStated, place: {as_named: Khanasser}, occurred: 2016-02-25,\n"
            f"     attributed_to: {told}, actors: [{{as_named: Syrian army, role: holder}}]}}\n",
        )
    assert desk.app.reader.control("khanasser").sources == 2

    stated = AffiliationStated(actor_id="russia", actor="government-of-syria", relation="part_of")
    event = new_event(stated, event_id("main", "actor-russia", "affiliated"), {})
    desk.app.store.append([StreamAppend("actor-russia", ANY, (event,))])
    desk.app.runner.catch_up()

    caught_up = desk.checksums()
    assert desk.app.reader.control("khanasser").sources == 1
    desk.app.runner.rebuild()
    assert desk.checksums() == caught_up


def test_postgres_compares_text_byte_by_byte_whatever_its_locale(
    postgres_server: PostgresServer, postgres_template: str
) -> None:
    # Or a rebuild on a Postgres of another locale would not verify against a replay.
    with postgres_server.database(postgres_template) as name:
        engine = connect(postgres_server.url(name))
        with read_transaction(engine) as connection:
            others = list(_other_collations(connection))
        engine.dispose()

    assert others == []


def _other_collations(connection: Connection) -> Iterator[tuple[str, str]]:
    query = text(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'text'"
        " AND collation_name IS DISTINCT FROM 'C' AND table_name = ANY(:names)"
    )
    for row in connection.execute(query, {"names": [*TABLES, "checkpoints"]}):
        yield row[0], row[1]


def test_control_as_known_on_each_day_is_the_same_on_both_engines(desk: Desk) -> None:
    desk.file_world()

    # Desert Monitor's capture, its corrected date, the Agency's reconquest, and its revision.
    assert desk.holder("2016-02-24", "2016-02-23") == "unknown"
    assert desk.holder("2016-02-24", "2016-02-24") == "controlled Islamic State"
    assert desk.holder("2016-02-23", "2016-02-25") == "controlled Islamic State"
    assert desk.holder("2016-02-23", "2016-02-26") == "unknown"
    assert desk.holder("2016-02-25", "2016-02-27") == "controlled Government of Syria"
    assert desk.holder("2016-02-25", "2016-02-28") == "controlled Islamic State"
    assert desk.holder("2030-01-01") == "controlled Government of Syria"
    knowledge = desk.app.reader.control_knowledge("ithriya")
    assert [(k.known_from.isoformat(), k.control.conditions) for k in knowledge] == [
        ("2016-02-27T22:00:00+00:00", ("cut_off",))
    ]


@pytest.mark.parametrize("is_ahead", [True, False])
def test_the_map_of_any_two_days_reads_an_index_for_each_place(
    desk: Desk, *, is_ahead: bool
) -> None:
    desk.file_world()
    statement = answers_query(is_ahead=is_ahead, of_some=False)
    assert isinstance(statement, ClauseElement)
    bound = {"casebook": "main", "at": "2016-02-25", "known": "2016-02-27"}
    explain = "EXPLAIN " if desk.app.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    with read_transaction(desk.app.engine) as connection:
        if desk.app.engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        compiled = statement.params(**bound).compile(
            connection, compile_kwargs={"literal_binds": True}
        )
        plan = "\n".join(str(tuple(r)) for r in connection.execute(text(f"{explain}{compiled}")))
    assert "SCAN control_rectangles" not in plan
    assert "Seq Scan on control_rectangles" not in plan
    assert "Sort" not in plan
