"""A replay says what the log knew at a point of the record axis, and touches no live table."""

from __future__ import annotations

import pytest

from tests.conftest import SteppableClock
from tests.integration.conftest import WORLD, Desk
from timeline.domain.events import Basis
from timeline.errors import InvalidDate, PlaceNotFound

# What was filed when, on the record axis: the clock stands at 22 November 2026, 20:30 UTC.
FALL_FILED = "2026-11-22T20:30:00+00:00"
RETAKEN_FILED = "2026-11-23T20:30:00+00:00"


@pytest.fixture
def filed(desk: Desk, clock: SteppableClock) -> Desk:
    """Khanasser falls; a day later on the record axis it is retaken; a day later a misreading."""
    desk.file("fall.yaml", WORLD["fall.yaml"])
    clock.step(86_400)
    desk.file("retaken.yaml", WORLD["retaken.yaml"])
    clock.step(86_400)
    desk.app.amending.retract("retaken", None, basis=Basis.CODING)
    return desk


def replayed_holder(desk: Desk, until: str | None, at: str | None = None) -> tuple[str, int, int]:
    with desk.app.replay(until) as replay:
        control = replay.reader.control("khanasser", at)
        holders = " ".join([control.state.value, *(h.name for h in control.holders)])
        return holders, replay.position, replay.events


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (None, ("controlled Islamic State", 13, 13)),
        ("13", ("controlled Islamic State", 13, 13)),
        ("12", ("controlled Government of Syria", 12, 12)),
        ("9", ("controlled Islamic State", 9, 9)),
        ("7", ("unknown", 7, 7)),
        ("0", ("unknown", 0, 0)),
        ("1000", ("controlled Islamic State", 13, 13)),
        ("9" * 40, ("controlled Islamic State", 13, 13)),
        ("2026-11-24", ("controlled Islamic State", 13, 13)),
        ("2026-11-23", ("controlled Government of Syria", 12, 12)),
        (RETAKEN_FILED, ("controlled Government of Syria", 12, 12)),
        ("2026-11-23T20:29:59+00:00", ("controlled Islamic State", 9, 9)),
        ("2026-11-22", ("controlled Islamic State", 9, 9)),
        ("2026-11-21", ("unknown", 0, 0)),
    ],
)
def test_a_replay_ends_at_a_position_a_day_or_an_instant(
    filed: Desk, until: str | None, expected: tuple[str, int, int]
) -> None:
    assert replayed_holder(filed, until) == expected


@pytest.mark.parametrize("until", ["yesterday", "2016-02-30", "2026-11-22T20:30", "-1", "²", ""])
def test_what_is_neither_position_nor_moment_is_refused(desk: Desk, until: str) -> None:
    with pytest.raises(InvalidDate), desk.app.replay(until):
        pass


def test_a_day_of_the_record_axis_is_bounded_in_the_casebook_s_time_zone(
    desk: Desk, clock: SteppableClock
) -> None:
    clock.step(2 * 3600)  # 22:30 UTC is half past midnight in Damascus, in winter
    desk.file("fall.yaml", WORLD["fall.yaml"])

    assert replayed_holder(desk, "2026-11-22")[0] == "unknown"
    assert replayed_holder(desk, "2026-11-23")[0] == "controlled Islamic State"


def test_recorded_at_answers_as_the_log_stood_then(filed: Desk) -> None:
    with filed.app.replay_recorded_at("2026-11-23", "khanasser") as replay:
        then = filed.show(reader=replay.reader)
        on_the_24th = filed.show(known_on="2016-02-24", reader=replay.reader)

    assert '"Government of Syria"' in then
    assert '"Government of Syria"' not in filed.show()
    assert on_the_24th == filed.show(known_on="2016-02-24")


def test_a_replay_of_all_gives_the_same_bytes(filed: Desk) -> None:
    for at, known_on in ((None, None), ("2016-02-24", None), ("2016-02-24", "2016-02-25")):
        with filed.app.replay(None) as replay:
            assert filed.show(at, known_on, reader=replay.reader) == filed.show(at, known_on)


def test_before_places_were_registered_there_were_none(filed: Desk) -> None:
    with (
        pytest.raises(PlaceNotFound),
        filed.app.replay_recorded_at("1999-01-01", "khanasser"),
    ):
        pass


def test_a_replay_of_one_place_answers_as_one_of_the_whole_log(
    desk: Desk, clock: SteppableClock
) -> None:
    for name, text in WORLD.items():
        desk.file(name, text)
        clock.step(86_400)
    elsewhere = {"place": {"as_named": "Ithriya"}}
    desk.app.amending.correct("fall", "c1", elsewhere, basis=Basis.CODING)

    answers = set()
    for day in (f"2026-11-{22 + n}" for n in range(len(WORLD) + 1)):
        with desk.app.replay(day) as of_all:
            for place in ("khanasser", "ithriya"):
                with desk.app.replay_recorded_at(day, place) as of_place:
                    told = desk.show(place=place, reader=of_place.reader)
                    assert of_place.position == of_all.position
                assert told == desk.show(place=place, reader=of_all.reader)
                answers.add(told)
    assert len(answers) == 9


def test_a_replay_of_one_place_reads_no_report_of_another(desk: Desk) -> None:
    desk.file("fall.yaml", WORLD["fall.yaml"])
    with desk.app.replay_recorded_at("2026-11-22", "ithriya") as replay:
        assert (replay.events, replay.position) == (6, 9)
        assert replay.reader.report("fall") == ()


def test_a_replay_leaves_the_live_tables_alone(filed: Desk) -> None:
    before = filed.checksums()
    seen: list[tuple[int, int]] = []
    with filed.app.replay("9", lambda done, head: seen.append((done, head))):
        pass

    assert filed.checksums() == before
    assert seen == [(9, 13)]
    assert {s.position for s in filed.app.runner.status()} == {13}
