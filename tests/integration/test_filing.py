"""Filing a report appends all of its events once, or nothing at all."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SteppableClock
from tests.integration.conftest import Desk, opened_desk
from timeline.errors import InvalidReport
from timeline.filing.filing import Filing, Outcome
from timeline.projections.entries import EntriesProjection
from timeline.store import hashing

FALL = """
id: fall
source: {name: Desert Monitor}
published: 2016-02-24
text: |
  IS took Khanasser on Tuesday. Russia bombed the road.
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}, {as_named: Syrian army, role: previous_holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    quote: IS took Khanasser on Tuesday
  - ref: c2
    type: Airstrike
    actors: [{as_named: Russia, role: initiator}]
    place: {as_named: Khanasser, relation: near}
    occurred: ../2016-02-24
    quote: Russia bombed the road
"""
PLAIN = "claims: [{type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-20}]\n"


def test_a_report_becomes_its_filing_its_source_and_its_claims(desk: Desk) -> None:
    before = desk.head
    filed = desk.file("fall.yaml", FALL)

    assert (filed.report_id, filed.outcome, filed.events, filed.claims, filed.notes) == (
        "fall",
        Outcome.FILED,
        4,
        2,
        (),
    )
    assert desk.types(before) == [
        ("source-desert-monitor", "SourceRegistered"),
        ("report-fall", "ReportFiled"),
        ("report-fall", "ControlChanged"),
        ("report-fall", "Airstrike"),
    ]
    assert desk.holder("2016-02-24") == "controlled Islamic State"


def test_every_entry_has_its_quote_and_its_report(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)

    found = desk.app.reader.report_claims("fall")
    assert [(e.quote, e.report.source_name) for e in found] == [
        ("IS took Khanasser on Tuesday", "Desert Monitor"),
        ("Russia bombed the road", "Desert Monitor"),
    ]


def test_filing_again_appends_nothing_and_says_so(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    head = desk.app.store.head()
    again = desk.file("fall.yaml", FALL)

    assert (again.outcome, again.report_id, again.events) == (Outcome.ALREADY_FILED, "fall", 0)
    assert desk.app.store.head() == head


def test_filing_again_after_a_restart_appends_nothing(
    database_url: str, tmp_path: Path, clock: SteppableClock
) -> None:
    with opened_desk(database_url, tmp_path, clock) as first:
        first.file("fall.yaml", FALL)
        head = first.app.store.head()
    clock.step(86_400)
    with opened_desk(database_url, tmp_path, clock) as second:
        again = second.file("fall.yaml", FALL)

        assert again.outcome is Outcome.ALREADY_FILED
        assert second.app.store.head() == head


def test_the_same_content_under_another_path_is_the_same_report(desk: Desk) -> None:
    first = desk.file("a.yaml", f"published: 2016-02-24\n{PLAIN}")
    head = desk.head
    again = desk.file("copies/b.yaml", f"published: 2016-02-24\n{PLAIN}")

    assert (again.outcome, again.report_id) == (Outcome.ALREADY_FILED, first.report_id)
    assert desk.head == head


def test_an_undeclared_id_is_a_prefix_of_the_content_s_digest(desk: Desk) -> None:
    filed = desk.file("a.yaml", f"published: 2016-02-24\n{PLAIN}")

    assert filed.report_id == "53da42aa54011ad1"


def test_a_report_without_a_date_is_refused_unless_somebody_gives_one(desk: Desk) -> None:
    before = desk.head
    with pytest.raises(InvalidReport, match="give --published DATE, or --undated"):
        desk.file("a.yaml", PLAIN)
    assert desk.head == before

    desk.file("a.yaml", PLAIN, published="2016-02-24")
    assert desk.entries("2016-02-23") == []
    assert desk.entries("2016-02-24") == [("Clash", "2016-02-20")]


def test_an_undated_report_is_known_from_when_it_was_recorded(desk: Desk) -> None:
    filed = desk.file("a.yaml", PLAIN, undated=True)

    (view,) = desk.app.reader.report(filed.report_id)
    assert (view.undated, view.reported_edtf) == (True, None)
    assert desk.entries("2026-11-21") == []
    assert desk.entries("2026-11-22") == [("Clash", "2016-02-20")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"published: 2026-11-25\n{PLAIN}", "publication date '2026-11-25' lies in the future"),
        (f"published: 2016-02-18\n{PLAIN}", "2016-02-20 is after the report's publication"),
        (f"published: 2016-02-30\n{PLAIN}", "publication date '2016-02-30': is no day of the"),
    ],
)
def test_a_date_that_cannot_be_is_refused_and_nothing_is_stored(
    desk: Desk, text: str, told: str
) -> None:
    before = desk.head

    with pytest.raises(InvalidReport, match=told):
        desk.file("a.yaml", text)
    assert desk.head == before


def test_what_matched_nothing_is_noted_and_listed(desk: Desk) -> None:
    filed = desk.file(
        "a.yaml",
        "published: 2016-02-24\nclaims:\n"
        "  - {type: Clash, place: {as_named: Atlantis}, occurred: 2016-02-20,\n"
        "     actors: [{as_named: Sea People, role: initiator}]}\n",
    )

    assert filed.notes == ("place 'Atlantis' is not known", "actor 'Sea People' is not known")
    assert desk.app.reader.unresolved() == (("actor", "sea people", 1), ("place", "Atlantis", 1))


@pytest.mark.parametrize("written", [0, 1, 3])
def test_a_failure_in_the_middle_of_the_append_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    before = desk.app.store.head()
    rows: list[bytes] = []

    def chained_hash(previous: bytes, header: bytes, digest: bytes) -> bytes:
        if len(rows) == written:
            raise RuntimeError("power cut")
        rows.append(digest)
        return hashing_as_it_is(previous, header, digest)

    hashing_as_it_is = hashing.chained_hash
    monkeypatch.setattr(hashing, "chained_hash", chained_hash)
    with pytest.raises(RuntimeError, match="power cut"):
        desk.file("fall.yaml", FALL)
    monkeypatch.undo()

    assert len(rows) == written
    assert desk.app.store.head() == before
    assert desk.app.store.document(sha256(FALL.encode()).hexdigest()) is None
    assert desk.app.reader.report("fall") == ()
    assert desk.file("fall.yaml", FALL).events == 4


def test_a_projection_that_fails_after_the_append_is_caught_up_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apply(_self: object, _batch: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(EntriesProjection, "apply", apply)
    filed = desk.file("fall.yaml", FALL)
    assert any("power cut" in note for note in filed.notes)
    monkeypatch.undo()

    assert desk.file("fall.yaml", FALL).outcome is Outcome.ALREADY_FILED
    assert desk.holder("2016-02-24") == "controlled Islamic State"


def test_a_version_filed_meanwhile_by_another_process_makes_this_one_a_revision(
    database_url: str, tmp_path: Path, clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        opened_desk(database_url, tmp_path / "one", clock) as one,
        opened_desk(database_url, tmp_path / "two", clock) as two,
    ):
        decide = Filing._decide

        def slow_decide(self: Filing, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            decided = decide(self, *arguments, **named)
            monkeypatch.setattr(Filing, "_decide", decide)
            two.file("fall.yaml", FALL)
            return decided

        monkeypatch.setattr(Filing, "_decide", slow_decide)
        filed = one.file("fall.yaml", FALL.replace("2016-02-24\ntext", "2016-02-26\ntext"))

        assert filed.outcome is Outcome.REVISED
        assert [v.reported_edtf for v in one.app.reader.report("fall")] == [
            "2016-02-24",
            "2016-02-26",
        ]


@pytest.mark.parametrize("name", ["Desert Monitor", "DESERT monitor"])
def test_a_source_that_another_process_registers_meanwhile_is_registered_once(
    database_url: str,
    tmp_path: Path,
    clock: SteppableClock,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    with (
        opened_desk(database_url, tmp_path / "one", clock) as one,
        opened_desk(database_url, tmp_path / "two", clock) as two,
    ):
        source = Filing._source

        def stale_source(self: Filing, draft: Any) -> Any:  # noqa: ANN401
            found = source(self, draft)
            monkeypatch.setattr(Filing, "_source", source)
            two.file("a.yaml", f"source: {{name: {name}}}\npublished: 2016-02-24\n{PLAIN}")
            return found

        monkeypatch.setattr(Filing, "_source", stale_source)
        filed = one.file("fall.yaml", FALL)

        assert filed.outcome is Outcome.FILED
        assert [t for s, t in one.types() if s.startswith("source-")] == ["SourceRegistered"]


def test_the_same_report_filed_by_two_processes_at_once_is_filed_once(
    database_url: str, tmp_path: Path, clock: SteppableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        opened_desk(database_url, tmp_path / "one", clock) as one,
        opened_desk(database_url, tmp_path / "two", clock) as two,
    ):
        source = Filing._source

        def stale_source(self: Filing, draft: Any) -> Any:  # noqa: ANN401
            found = source(self, draft)
            monkeypatch.setattr(Filing, "_source", source)
            two.file("fall.yaml", FALL)
            return found

        monkeypatch.setattr(Filing, "_source", stale_source)
        filed = one.file("fall.yaml", FALL)

        assert (filed.outcome, filed.events) == (Outcome.ALREADY_FILED, 0)
        assert [t for s, t in one.types() if s == "report-fall"] == [
            "ReportFiled",
            "ControlChanged",
            "Airstrike",
        ]


@pytest.mark.parametrize(
    ("declared", "text", "says"),
    [
        ("", "L'armée a repris la ville au groupe jeudi, selon des responsables.", "is in the"),
        ("language: fr\n", "The army took the town of Khanasser on Thursday.", "declares the"),
        ("language: en\n", "استعاد الجيش بلدة خناصر من التنظيم يوم الخميس", "is in the"),
    ],
)
def test_another_language_is_refused_and_filed_without_claims_on_request(
    desk: Desk, declared: str, text: str, says: str
) -> None:
    report = f"---\nid: other\npublished: 2016-02-25\n{declared}---\n{text}\n"

    with pytest.raises(InvalidReport, match=f"{says} language '..', and English alone is read"):
        desk.file("other.md", report)
    filed = desk.file("other.md", report, without_claims=True)

    assert (filed.outcome, filed.claims) == (Outcome.FILED, 0)
    assert desk.file("other.md", report).outcome is Outcome.ALREADY_FILED
