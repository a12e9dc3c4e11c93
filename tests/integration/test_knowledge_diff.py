"""What changed in what was known between two dates, and which reports changed it."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import WORLD, Desk
from timeline import presentation_changes
from timeline.domain.events import Basis
from timeline.errors import InvalidDate
from timeline.projections.knowledge import PlaceDifference


@pytest.fixture
def world(desk: Desk) -> Desk:
    desk.file_world()
    return desk


def between(
    desk: Desk, known_on: str, and_on: str, place_id: str | None = None
) -> dict[str, PlaceDifference]:
    found = desk.app.knowledge.between(known_on, and_on, place_id)
    return {d.place.place_id if d.place else "": d for d in found}


def told(difference: PlaceDifference) -> list[tuple[str, str, list[tuple[str, str | None]]]]:
    return [
        (
            known.change.kind.value,
            known.change.entry.type,
            [(c.kind.value, c.report_id) for c in known.because],
        )
        for known in difference.entries
    ]


def test_a_report_adds_its_claims_and_moves_control(world: Desk) -> None:
    found = between(world, "2016-02-24", "2016-02-25")

    assert list(found) == ["khanasser"]
    assert told(found["khanasser"]) == [("added", "ControlChanged", [("report", "retaken")])]
    [change] = found["khanasser"].control
    assert [h.name for h in change.before.holders] == ["Islamic State"]
    assert [h.name for h in change.after.holders] == ["Government of Syria"]
    assert (change.after.since_latest, change.valid_to) == ("2016-02-25", None)


def test_a_revision_that_says_another_date_changes_the_claim_and_is_named(world: Desk) -> None:
    found = between(world, "2016-02-27", "2016-02-28", "khanasser")

    kinds = told(found["khanasser"])
    assert ("changed", "ControlChanged", [("revision", "retaken")]) in kinds
    [changed] = [k for k in found["khanasser"].entries if k.change.kind.value == "changed"]
    assert changed.change.fields == ("occurred",)
    before, after = changed.change.before, changed.change.after
    assert before is not None
    assert after is not None
    assert before.claim.occurred.edtf == "2016-02-25"
    assert after.claim.occurred.edtf == "2016-02-26"


def test_an_outlet_s_correction_changes_the_claim_and_is_named(desk: Desk) -> None:
    desk.file("fall.yaml", WORLD["fall.yaml"])
    desk.file(
        "sorry.yaml",
        "id: sorry\nsource: {name: Desert Monitor}\npublished: 2016-02-26\n"
        "corrections: [{report: fall, ref: c1, set: {occurred: 2016-02-24}, basis: source}]\n"
        "retractions: [{report: fall, ref: c2, reason: we were misled, basis: source}]\n",
    )

    found = between(desk, "2016-02-24", "2016-02-26")["khanasser"]

    assert told(found) == [
        ("withdrawn", "Clash", [("retraction", "sorry")]),
        ("changed", "ControlChanged", [("correction", "sorry")]),
    ]
    assert found.entries[0].because[0].reason == "we were misled"
    assert not between(desk, "2016-02-26", "2016-03-26")


def test_a_retraction_of_the_whole_report_leaves_the_place_unknown(desk: Desk) -> None:
    desk.file("fall.yaml", WORLD["fall.yaml"])
    desk.app.amending.retract("fall", None, basis=Basis.SOURCE, reported="2016-02-28")

    found = between(desk, "2016-02-27", "2016-02-28")["khanasser"]

    assert [t[0] for t in told(found)] == ["withdrawn", "withdrawn"]
    assert {c.report_id for k in found.entries for c in k.because} == {None}
    assert found.control[-1].after.state.value == "unknown"


def test_what_we_had_misread_was_never_known_otherwise(desk: Desk) -> None:
    desk.file("fall.yaml", WORLD["fall.yaml"])
    desk.app.amending.correct("fall", "c1", {"occurred": "2016-02-22"}, basis=Basis.CODING)

    assert not between(desk, "2016-02-24", "2016-12-31")


def test_nothing_differs_between_a_day_and_itself_and_claims_without_a_place_come_last(
    world: Desk,
) -> None:
    assert not between(world, "2016-02-27", "2016-02-27")
    assert list(between(world, "2016-02-26", "2016-02-27"))[-1] == ""


@pytest.mark.parametrize(
    ("known_on", "and_on", "words"),
    [
        ("2016-02-26", "2016-02-24", "give the earlier date first"),
        ("soon", "2016-02-24", "neither a day"),
        ("2016-02-24", "2016-02-30", "2016-02-30"),
    ],
)
def test_dates_that_are_none_or_the_wrong_way_round_are_refused(
    desk: Desk, known_on: str, and_on: str, words: str
) -> None:
    with pytest.raises(InvalidDate, match=words):
        desk.app.knowledge.between(known_on, and_on)


def test_the_order_of_filing_makes_no_difference(desk: Desk) -> None:
    for name in reversed(WORLD):
        desk.file(name, WORLD[name])
    backwards = presentation_changes.diff_json(
        "2016-02-24", "2016-03-01", desk.app.knowledge.between("2016-02-24", "2016-03-01")
    )

    kinds = [
        (entry["change"], (entry["after"] or entry["before"])["type"])
        for place in backwards["places"]
        for entry in place["entries"]
    ]
    assert kinds.count(("added", "ControlChanged")) == 1
    assert "position" not in json.dumps(backwards)
