"""Corrections and retractions add and never erase; their basis says since when they count."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import SteppableClock
from tests.integration.conftest import Desk, opened_desk
from timeline.domain.events import Basis
from timeline.errors import InvalidDate, InvalidEvent, InvalidReport, NotFound

FALL = """
id: fall
source: {name: Desert Monitor}
published: 2016-02-24
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
  - {ref: c2, type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-22}
"""
RETAKEN = """
id: retaken
source: {name: Example Agency}
published: 2016-02-25
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: Syrian army, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-25
"""
UPDATE = """
id: retaken
source: {name: Example Agency}
published: 2016-02-25
updated: 2016-02-28
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: Syrian army, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-26
"""
CORRECTION = """
id: correction
source: {name: Desert Monitor}
published: 2016-02-26
corrections: [{report: fall, ref: c1, set: {occurred: 2016-02-24}, basis: source}]
"""
RECODING = CORRECTION.replace("basis: source", "basis: coding").replace("correction", "recoding", 1)
RETRACTION = """
id: retraction
source: {name: Desert Monitor}
published: 2016-02-27
retractions: [{report: fall, ref: c2, reason: nobody was there, basis: source}]
"""
WHOLE = """
id: whole
published: 2016-02-27
retractions: [{report: fall, basis: source}]
"""
WRONG = [("Clash", "2016-02-22"), ("ControlChanged", "2016-02-23")]
RIGHT = [("Clash", "2016-02-22"), ("ControlChanged", "2016-02-24")]


def test_a_correction_of_the_source_counts_from_its_own_date(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    desk.file("correction.yaml", CORRECTION)

    assert desk.entries("2016-02-25") == WRONG
    assert desk.entries("2016-02-26") == RIGHT
    assert desk.holder("2016-02-23", "2016-02-25") == "controlled Islamic State"
    assert desk.holder("2016-02-23", "2016-02-26") == "unknown"
    assert desk.holder("2016-02-24", "2016-02-26") == "controlled Islamic State"


def test_a_correction_of_our_coding_holds_at_every_known_time(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    desk.file("recoding.yaml", RECODING)

    assert desk.entries("2016-02-23") == []
    assert desk.entries("2016-02-24") == RIGHT
    assert desk.entries() == RIGHT


def test_what_is_corrected_says_so_and_keeps_its_id(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    before = {e.claim.claim_id: e.is_amended for e in desk.app.reader.report_claims("fall")}
    desk.file("correction.yaml", CORRECTION)
    after = {e.claim.claim_id: e.is_amended for e in desk.app.reader.report_claims("fall")}

    assert list(before) == list(after)
    assert list(after.values()) == [True, False]


def test_a_retracted_claim_stood_until_it_was_retracted(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    desk.file("retraction.yaml", RETRACTION)

    assert desk.entries("2016-02-26") == WRONG
    assert desk.entries("2016-02-27") == [("ControlChanged", "2016-02-23")]


def test_a_retracted_report_says_nothing_any_longer(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    desk.file("whole.yaml", WHOLE)

    assert desk.entries("2016-02-26") == WRONG
    assert desk.entries("2016-02-27") == []
    assert desk.holder("2016-02-24", "2016-02-26") == "controlled Islamic State"
    assert desk.holder("2016-02-24") == "unknown"
    assert len(desk.app.reader.report("fall")) == 1


@pytest.mark.parametrize(
    ("amendment", "name", "waits"),
    [
        (CORRECTION, "correction", ("ClaimCorrected", "fall", "c1")),
        (RECODING, "recoding", ("ClaimCorrected", "fall", "c1")),
        (RETRACTION, "retraction", ("ClaimRetracted", "fall", "c2")),
        (WHOLE, "whole", ("ReportRetracted", "fall", None)),
    ],
)
def test_an_amendment_filed_before_its_target_waits_and_then_applies(
    database_url: str,
    tmp_path: Path,
    sqlite_template: Path,
    clock: SteppableClock,
    amendment: str,
    name: str,
    waits: tuple[str, str, str | None],
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(sqlite_template.read_bytes())
    with (
        opened_desk(database_url, tmp_path, clock) as early,
        opened_desk(f"sqlite:///{other}", tmp_path, clock) as late,
    ):
        filed = early.file(f"{name}.yaml", amendment)
        told = f"claim {waits[2]!r} of report 'fall'" if waits[2] else "report 'fall'"
        assert filed.notes == (f"{waits[0]} waits until {told} is filed",)
        assert early.app.reader.waiting() == (waits,)

        early.file("fall.yaml", FALL)
        assert early.app.reader.waiting() == ()
        late.file("fall.yaml", FALL)
        assert late.file(f"{name}.yaml", amendment).notes == ()
        for known_on in ("2016-02-24", "2016-02-26", "2016-02-27", None):
            assert early.show(known_on=known_on) == late.show(known_on=known_on)


def test_a_correction_of_a_ref_that_the_report_lacks_goes_on_waiting(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    filed = desk.file("correction.yaml", CORRECTION.replace("ref: c1", "ref: c9"))

    assert filed.notes == ("ClaimCorrected waits until claim 'c9' of report 'fall' is filed",)
    assert desk.entries() == WRONG


def test_a_ref_in_a_retraction_of_our_coding_names_the_version_that_is_current(desk: Desk) -> None:
    desk.file("retaken.yaml", RETAKEN)
    desk.file(
        "update.yaml",
        UPDATE + "retractions: [{report: retaken, ref: c1, basis: coding, reason: twice}]\n",
    )

    assert desk.entries() == []
    assert desk.entries("2016-02-27") == [("ControlChanged", "2016-02-25")]


def test_an_analyst_corrects_what_was_misread(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    head = desk.head
    position = desk.app.amending.correct(
        "fall", "c1", {"occurred": "2016-02-24"}, basis=Basis.CODING, reason="misread"
    )

    assert position == head + 1
    assert desk.entries("2016-02-24") == RIGHT


def test_a_corrected_place_moves_the_claim_there(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    desk.app.amending.correct("fall", "c1", {"place": {"as_named": "Ithriya"}}, basis=Basis.CODING)

    assert desk.holder("2016-02-24") == "unknown"
    assert desk.app.reader.control("ithriya", "2016-02-24").state.value == "controlled"


def test_a_claim_is_retracted_and_reinstated(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    desk.app.amending.retract("fall", "c1", basis=Basis.SOURCE, reported="2016-02-26")
    assert desk.holder("2016-02-24") == "unknown"

    desk.app.amending.reinstate("fall", "c1", basis=Basis.SOURCE, reported="2016-02-28")
    assert desk.holder("2016-02-24", "2016-02-25") == "controlled Islamic State"
    assert desk.holder("2016-02-24", "2016-02-27") == "unknown"
    assert desk.holder("2016-02-24", "2016-02-28") == "controlled Islamic State"


def test_a_claim_is_named_by_its_id_too(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    claim_id = desk.app.reader.report_claims("fall")[1].claim.claim_id
    desk.app.amending.retract("fall", claim_id, basis=Basis.CODING)

    assert desk.entries() == [("ControlChanged", "2016-02-23")]


def test_the_same_amendment_made_later_again_is_another_event(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    for _ in range(2):
        desk.app.amending.retract("fall", "c1", basis=Basis.CODING)
        assert desk.entries() == [("Clash", "2016-02-22")]
        desk.app.amending.reinstate("fall", "c1", basis=Basis.CODING)
        assert desk.entries() == WRONG


def test_an_amendment_that_cannot_be_is_refused_and_nothing_is_stored(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    amending, before = desk.app.amending, desk.head

    with pytest.raises(NotFound, match="no report has the id 'rise'"):
        amending.retract("rise", None, basis=Basis.CODING)
    with pytest.raises(NotFound, match="report 'fall' has no claim 'c9'"):
        amending.correct("fall", "c9", {"occurred": "2016"}, basis=Basis.CODING)
    with pytest.raises(InvalidEvent, match="basis source needs the date"):
        amending.retract("fall", "c1", basis=Basis.SOURCE)
    with pytest.raises(InvalidEvent, match="basis coding holds at every known time"):
        amending.retract("fall", "c1", basis=Basis.CODING, reported="2016-02-26")
    with pytest.raises(InvalidDate, match="no day of the calendar"):
        amending.correct("fall", "c1", {"occurred": "2016-02-30"}, basis=Basis.CODING)
    with pytest.raises(InvalidEvent, match="the correction cannot set evidence"):
        amending.correct("fall", "c1", {"evidence": None}, basis=Basis.CODING)
    with pytest.raises(InvalidEvent, match="ClaimCorrected holds a NUL character"):
        amending.correct("fall", "c1", {"place": {"as_named": "a\0b"}}, basis=Basis.CODING)
    with pytest.raises(InvalidEvent, match="ClaimRetracted does not fit its schema"):
        amending.retract("fall", "c1", basis=Basis.CODING, reason="x" * 2001)
    assert desk.head == before


def test_a_correction_by_a_report_that_is_refused_is_not_stored(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    before = desk.head

    with pytest.raises(InvalidReport, match=r"corrections\[0\]\.set: date '2016-02-30'"):
        desk.file("correction.yaml", CORRECTION.replace("2016-02-24", "2016-02-30"))
    assert desk.head == before


REPORTS = {
    "fall": FALL,
    "retaken": RETAKEN,
    "update": UPDATE,
    "correction": CORRECTION,
    "retraction": RETRACTION,
}
TIMES = [
    (None, None),
    ("2016-02-24", "2016-02-24"),
    ("2016-02-25", "2016-02-25"),
    ("2016-02-25", "2016-02-26"),
    ("2016-02-26", "2016-02-27"),
    ("2016-02-25", "2016-02-28"),
]


def answers(folder: Path, template: Path, clock: SteppableClock, order: list[str]) -> list[str]:
    path = folder / "database.db"
    for old in folder.glob("database.db*"):
        old.unlink()
    path.write_bytes(template.read_bytes())
    with opened_desk(f"sqlite:///{path}", folder, clock) as desk:
        for name in order:
            desk.file(f"{name}.yaml", REPORTS[name])
        return [desk.show(at, known_on) for at, known_on in TIMES]


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> dict[str, list[str]]:
    from datetime import UTC, datetime

    clock = SteppableClock(datetime(2026, 11, 22, 20, 30, tzinfo=UTC))
    folder = tmp_path_factory.mktemp("expected")
    return {"answers": answers(folder, sqlite_template, clock, list(REPORTS))}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=st.permutations(list(REPORTS)))
def test_what_is_known_does_not_depend_on_the_order_of_filing(
    tmp_path: Path,
    sqlite_template: Path,
    clock: SteppableClock,
    expected: dict[str, list[str]],
    order: list[str],
) -> None:
    assert answers(tmp_path, sqlite_template, clock, order) == expected["answers"]
