"""A replay by steps says of each event what it changed, along the record axis."""

from __future__ import annotations

import pytest

from tests.integration.conftest import WORLD, Desk
from timeline import presentation_changes
from timeline.domain.events import Basis


@pytest.fixture
def filed(desk: Desk) -> Desk:
    """Five places and actors; Khanasser falls and is retaken; the second report was misread."""
    desk.file("fall.yaml", WORLD["fall.yaml"])
    desk.file("retaken.yaml", WORLD["retaken.yaml"])
    desk.app.amending.retract("retaken", None, basis=Basis.CODING)
    return desk


def lines(desk: Desk, since: int, until: str | None = None) -> list[str]:
    with desk.app.stepping(since, until) as (replay, steps):
        zone = replay.reader.time_zone
        return [
            line.plain for step in steps for line in presentation_changes.step_lines(step, zone)
        ]


def test_each_event_tells_what_it_changed(filed: Desk) -> None:
    assert lines(filed, 7) == [
        "position 7: ReportFiled fall",
        "position 8: ControlChanged at Khanasser 2016-02-23",
        "    Khanasser from 2016-02-23: unknown → controlled · Islamic State · since 2016-02-23",
        "position 9: Clash at Khanasser 2016-02-22",
        "    Khanasser 2016-02-22: unknown → contested · since 2016-02-22",
        "position 10: SourceRegistered source-example-agency: Example Agency",
        "position 11: ReportFiled retaken",
        "position 12: ControlChanged at Khanasser 2016-02-25",
        (
            "    Khanasser from 2016-02-25: controlled · Islamic State → controlled ·"
            " Government of Syria · since 2016-02-25"
        ),
        "position 13: ReportRetracted of retaken",
        "    - ControlChanged 2016-02-25 · holder Government of Syria",
        (
            "    Khanasser from 2016-02-25: controlled · Government of Syria → controlled ·"
            " Islamic State · since 2016-02-23"
        ),
    ]


def test_what_lies_before_the_first_step_is_replayed_in_silence(filed: Desk) -> None:
    assert lines(filed, 12, "12") == lines(filed, 1, "12")[-2:]
    assert lines(filed, 14) == []


def test_the_state_after_the_last_step_is_that_of_a_replay(filed: Desk) -> None:
    with filed.app.stepping(3, "12") as (stepped, steps), filed.app.replay("12") as whole:
        count = sum(1 for _ in steps)
        shown = filed.show(reader=stepped.reader)

        assert (count, stepped.position, stepped.events) == (10, 12, 12)
        assert shown == filed.show(reader=whole.reader)


def test_only_the_steps_that_touch_a_place_are_told_of_it(filed: Desk) -> None:
    with filed.app.stepping(1, None) as (_, steps):
        touching = [s.event.stored.position for s in steps if s.touches({"khanasser"})]

    assert touching == [8, 9, 12, 13]


def test_an_event_whose_content_is_withheld_says_so(filed: Desk) -> None:
    filed.app.withholding.withhold([9], [], reason="a name must not be kept")

    told = [line for line in lines(filed, 9) if line.startswith(("position 9:", "position 14:"))]

    assert told == [
        "position 9: Clash in report-fall: its content is withheld",
        "position 14: ContentWithheld in report-fall: a name must not be kept",
    ]


def test_steps_are_json_for_scripts(filed: Desk) -> None:
    with filed.app.stepping(12, "12") as (_, steps):
        [step] = presentation_changes.steps_json(steps, None)

    assert (step["position"], step["type"], step["withheld"]) == (12, "ControlChanged", False)
    assert [e["change"] for e in step["entries"]] == ["added"]
    [control] = step["control"]
    assert control["place_id"] == "khanasser"
    assert control["before"]["holders"] == [{"actor_id": "islamic-state", "name": "Islamic State"}]
    assert control["after"]["state"] == "controlled"
