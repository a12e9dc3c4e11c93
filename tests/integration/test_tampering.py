"""The tampering table: what is done to a log behind its back, and which check finds it where."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from benchmarks.tampering import (
    COLUMNS,
    DAMAGES,
    EVENTS,
    Damage,
    Finding,
    checked,
    e,
    fill,
    flip,
    found,
)
from tests.contract.support import unguarded
from timeline.store import tables
from timeline.store.verify import verify_log


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.kind for damage in DAMAGES])
def test_a_damage_is_found_where_the_table_says(engine: Engine, damage: Damage) -> None:
    assert found(engine, damage) == Finding(damage.verify, damage.seal)


def test_the_documents_table_is_this_table() -> None:
    told = (Path(__file__).parents[2] / "docs" / "sealing.md").read_text()
    rows = [line for line in told.splitlines() if line.count(" | ") == 2]

    assert rows[-len(DAMAGES) :] == [f"{d.kind} | {d.verify} | {d.seal}" for d in DAMAGES]


def test_every_damage_to_what_was_sealed_is_found_by_one_check_at_least() -> None:
    assert [damage.kind for damage in DAMAGES if (damage.verify, damage.seal) == ("-", "-")] == []


def test_an_undamaged_log_holds_against_its_seal(engine: Engine) -> None:
    assert checked(engine, fill(engine)) == Finding("-", "-")


def test_a_flip_in_any_column_of_any_event_is_found_at_its_position(engine: Engine) -> None:
    fill(engine)
    missed = []
    for position in range(1, EVENTS + 1):
        for column in COLUMNS:
            with unguarded(engine) as connection:
                before = connection.execute(
                    tables.events.select().where(e.position == position)
                ).mappings()
                row = dict(before.one())
                flip(column, position)(connection)
            if verify_log(engine, "main").position != position:
                missed.append((column, position))
            with unguarded(engine) as connection:
                connection.execute(
                    update(tables.events).where(e.event_id == row["event_id"]).values(row)
                    if column != "event_id"
                    else update(tables.events).where(e.position == position).values(row)
                )

    assert missed == []
    assert verify_log(engine, "main").holds


@pytest.mark.parametrize("bit", range(8))
def test_a_flip_of_any_bit_of_any_byte_of_the_data_is_found(engine: Engine, bit: int) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("Postgres refuses most of these texts")
    fill(engine)
    original = b'{"name":"n5"}'
    for index in range(len(original)):
        changed = bytearray(original)
        changed[index] ^= 1 << bit
        with unguarded(engine) as connection:
            connection.exec_driver_sql(
                "UPDATE events SET data = CAST(? AS TEXT) WHERE position = 5", (bytes(changed),)
            )
        assert verify_log(engine, "main").position == 5
