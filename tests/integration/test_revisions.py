"""A changed report is filed beside the first, and from its own date on only its claims stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import SteppableClock
from tests.integration.conftest import Desk, opened_desk
from timeline.errors import InvalidReport
from timeline.filing.filing import Outcome

FIRST = """
id: fall
published: 2016-02-24
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
  - {ref: c2, type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-22}
"""
SECOND = """
id: fall
published: 2016-02-24
updated: 2016-02-26
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-24
"""
TIMES = [
    (None, None),
    ("2016-02-23", None),
    ("2016-02-24", "2016-02-24"),
    ("2016-02-24", "2016-02-25"),
    ("2016-02-24", "2016-02-26"),
]


def all_shown(desk: Desk) -> list[str]:
    return [desk.show(at, known_on) for at, known_on in TIMES]


def test_a_changed_report_is_filed_as_a_revision(desk: Desk) -> None:
    desk.file("first.yaml", FIRST)
    before = desk.head
    filed = desk.file("second.yaml", SECOND)

    assert (filed.outcome, filed.report_id, filed.events) == (Outcome.REVISED, "fall", 2)
    assert desk.types(before) == [
        ("report-fall", "ReportRevised"),
        ("report-fall", "ControlChanged"),
    ]


def test_from_its_date_on_only_the_revision_s_claims_stand(desk: Desk) -> None:
    desk.file("first.yaml", FIRST)
    desk.file("second.yaml", SECOND)

    assert desk.entries("2016-02-25") == [("Clash", "2016-02-22"), ("ControlChanged", "2016-02-23")]
    assert desk.entries("2016-02-26") == [("ControlChanged", "2016-02-24")]
    assert desk.entries() == [("ControlChanged", "2016-02-24")]


def test_all_versions_are_one_source(desk: Desk) -> None:
    desk.file("first.yaml", FIRST)
    desk.file("second.yaml", SECOND)

    assert desk.app.reader.control("khanasser", "2016-02-24").sources == 1
    assert desk.app.reader.count_reports() == 1
    assert [(v.reported_edtf, v.is_current) for v in desk.app.reader.report("fall")] == [
        ("2016-02-24", False),
        ("2016-02-26", True),
    ]


def test_a_revision_filed_in_either_order_gives_the_same_answers(
    database_url: str, tmp_path: Path, clock: SteppableClock, sqlite_template: Path
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(sqlite_template.read_bytes())
    with (
        opened_desk(database_url, tmp_path, clock) as one,
        opened_desk(f"sqlite:///{other}", tmp_path, clock) as two,
    ):
        for name, text in (("first.yaml", FIRST), ("second.yaml", SECOND)):
            one.file(name, text)
        for name, text in (("second.yaml", SECOND), ("first.yaml", FIRST)):
            two.file(name, text)

        assert all_shown(one) == all_shown(two)


def test_an_older_version_filed_later_is_a_revision_that_stood_before(desk: Desk) -> None:
    desk.file("second.yaml", SECOND)
    filed = desk.file("first.yaml", FIRST)

    assert filed.outcome is Outcome.REVISED
    assert desk.entries() == [("ControlChanged", "2016-02-24")]
    assert desk.entries("2016-02-24") == [("Clash", "2016-02-22"), ("ControlChanged", "2016-02-23")]


def test_two_versions_of_one_date_are_refused_with_what_to_do(desk: Desk) -> None:
    desk.file("first.yaml", FIRST)
    before = desk.head
    changed = FIRST.replace("2016-02-22", "2016-02-21")

    with pytest.raises(InvalidReport) as caught:
        desk.file("changed.yaml", changed)
    assert str(caught.value).endswith(
        "report 'fall' is filed already with other content of the same date;"
        " say when this version was published with updated: or --reported DATE"
    )
    assert desk.head == before
    assert desk.file("changed.yaml", changed, reported="2016-02-25").outcome is Outcome.REVISED


def test_other_content_under_the_same_url_is_a_revision(desk: Desk) -> None:
    url = "url: https://example.org/fall"
    first = desk.file("first.yaml", FIRST.replace("id: fall", url))
    second = desk.file("second.yaml", SECOND.replace("id: fall", url))

    assert second.outcome is Outcome.REVISED
    assert second.report_id == first.report_id


def test_a_url_belongs_to_one_report(desk: Desk) -> None:
    url = "\nurl: https://example.org/fall"
    desk.file("first.yaml", FIRST.replace("id: fall", "id: fall" + url))

    with pytest.raises(InvalidReport, match="its url is filed as report 'fall', not 'rise'"):
        desk.file("second.yaml", SECOND.replace("id: fall", "id: rise" + url))
    filed = desk.file("second.yaml", SECOND.replace("id: fall", "id: rise" + url), revises="fall")
    assert (filed.report_id, filed.outcome) == ("fall", Outcome.REVISED)


def test_a_revision_can_be_declared_by_who_files_it(desk: Desk) -> None:
    desk.file("first.yaml", FIRST)

    filed = desk.file("second.yaml", SECOND.replace("id: fall\n", ""), revises="fall")
    assert (filed.report_id, filed.outcome) == ("fall", Outcome.REVISED)
    with pytest.raises(InvalidReport, match="no report 'rise' is filed to revise"):
        desk.file("third.yaml", FIRST.replace("id: fall\n", ""), revises="rise")


def test_all_versions_are_found_again_by_their_content(desk: Desk) -> None:
    desk.file("first.yaml", FIRST)
    desk.file("second.yaml", SECOND)
    before = desk.head

    assert desk.file("first.yaml", FIRST).outcome is Outcome.ALREADY_FILED
    assert desk.file("second.yaml", SECOND).outcome is Outcome.ALREADY_FILED
    assert desk.head == before


def test_a_correction_of_a_ref_is_about_the_version_of_its_time(desk: Desk) -> None:
    desk.file("first.yaml", FIRST)
    desk.file("second.yaml", SECOND)
    desk.file(
        "correction.yaml",
        "id: correction\npublished: 2016-02-25\ncorrections:\n"
        "  - {report: fall, ref: c1, basis: source, set: {occurred: 2016-02-20}}\n",
    )

    assert desk.entries("2016-02-24")[1] == ("ControlChanged", "2016-02-23")
    assert desk.entries("2016-02-25")[0] == ("ControlChanged", "2016-02-20")
    assert desk.entries("2016-02-26") == [("ControlChanged", "2016-02-24")]
