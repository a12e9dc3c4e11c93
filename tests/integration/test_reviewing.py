"""A person signs what was read out of a report; what is rejected never stands."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Desk
from timeline.domain.claims import ReviewStatus, Verdict
from timeline.errors import InvalidEvent, NotFound
from timeline.filing.reviewing import Signature
from timeline.projections.reading import Filters

FALL = """
id: fall
published: 2016-02-24
text: IS took Khanasser on Tuesday after a clash. Jets struck Ithriya. Jets struck Khanasser.
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    quote: IS took Khanasser
  - {ref: c2, type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-22, quote: a clash}
  - {ref: c3, type: Airstrike, place: {as_named: Ithriya}, quote: Jets struck Ithriya}
"""
UPDATE = FALL.replace(
    "published: 2016-02-24", "published: 2016-02-24\nupdated: 2016-02-26"
).replace("text: IS", "text: Update. IS")


def accept(target: str, **fields: object) -> Signature:
    return Signature(target, Verdict.ACCEPTED, **fields)  # type: ignore[arg-type]


def reject(target: str) -> Signature:
    return Signature(target, Verdict.REJECTED, reason="the words do not say so")


def statuses(desk: Desk, report: str = "fall") -> list[tuple[str | None, str]]:
    return [(e.claim.ref, e.review.value) for e in desk.app.reviewing.claims(report)]


def sign(desk: Desk, *signatures: Signature) -> list[tuple[str, bool]]:
    made = desk.app.reviewing.sign("fall", signatures, reviewed_by="anna")
    return [(r.review.value, r.position is not None) for r in made]


def test_claims_are_accepted_corrected_and_rejected_in_one_append(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    head = desk.head

    made = sign(desk, accept("c1"), accept("c2", changes={"occurred": "2016-02-21"}), reject("c3"))

    assert made == [("accepted", True), ("corrected", True), ("rejected", True)]
    assert desk.head == head + 4
    assert statuses(desk) == [("c1", "accepted"), ("c2", "corrected"), ("c3", "rejected")]
    assert desk.entries() == [("Clash", "2016-02-21"), ("ControlChanged", "2016-02-23")]
    assert desk.entries("2016-02-24") == desk.entries()
    assert sign(desk, accept("c1"), reject("c3")) == [("accepted", False), ("rejected", False)]
    assert desk.head == head + 4


def test_a_timeline_is_filtered_by_review_and_shows_rejected_claims_when_asked(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    sign(desk, accept("c1"), reject("c3"))

    def refs(*reviews: ReviewStatus, known_on: str | None = None) -> list[str | None]:
        page = desk.app.reader.timeline(Filters(reviews=reviews), known_on)
        return [e.claim.ref for e in page.entries]

    assert refs() == ["c2", "c1"]
    assert refs(ReviewStatus.ACCEPTED) == ["c1"]
    assert refs(ReviewStatus.UNREVIEWED) == ["c2"]
    assert refs(ReviewStatus.REJECTED) == ["c3"]
    assert refs(ReviewStatus.REJECTED, known_on="2016-02-23") == []
    assert refs(*ReviewStatus) == ["c2", "c1", "c3"]


def test_a_rejected_claim_holds_nothing_and_an_acceptance_brings_it_back(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)

    sign(desk, reject("c1"))
    assert desk.holder("2016-02-24") == "unknown"

    sign(desk, accept("c1"))
    assert desk.holder("2016-02-24") == "controlled Islamic State"


def test_nothing_is_written_when_one_of_several_signatures_is_refused(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    head = desk.head

    for wrong in (
        accept("c2", changes={"occurred": "2016-02-30"}),
        accept("c2", changes={"type": "Airstrike"}),
        Signature("c2", Verdict.REJECTED),
        Signature("c2", Verdict.REJECTED, {"occurred": "2016-02-21"}, "both"),
    ):
        with pytest.raises(Exception, match=r"date|cannot set type|say why|not both"):
            sign(desk, accept("c1"), wrong)
    with pytest.raises(NotFound, match=r"no claim 'c9' that can be reviewed"):
        sign(desk, accept("c1"), accept("c9"))
    with pytest.raises(InvalidEvent, match="say who reviews"):
        desk.app.reviewing.sign("fall", [accept("c1")], reviewed_by=" ")
    assert desk.head == head


@pytest.mark.parametrize("reviewed_first", [True, False])
def test_reviews_carry_over_to_a_revision_where_type_and_words_are_equal(
    desk: Desk, reviewed_first: bool
) -> None:
    desk.file("fall.yaml", FALL)
    signatures = [accept("c1"), reject("c2"), accept("c3")]
    if reviewed_first:
        sign(desk, *signatures)
    desk.file("update.yaml", UPDATE.replace("Jets struck Ithriya", "Planes struck Ithriya"))
    if not reviewed_first:
        sign(desk, *signatures[:2])

    told = statuses(desk)

    assert told == [("c1", "accepted"), ("c2", "rejected"), ("c3", "unreviewed")]
    assert desk.entries("2016-02-24")[0] == ("ControlChanged", "2016-02-23")


def test_a_review_that_corrected_carries_over_only_where_the_correction_reaches(
    desk: Desk,
) -> None:
    desk.file("fall.yaml", FALL)
    moved = UPDATE.replace("occurred: 2016-02-22", "occurred: 2016-02-20")
    sign(
        desk,
        accept("c1", changes={"certainty": "likely"}),
        accept("c2", changes={"occurred": "2016-02-21"}),
    )

    desk.file("update.yaml", moved)

    assert statuses(desk)[:2] == [("c1", "corrected"), ("c2", "unreviewed")]


def test_a_claim_that_was_not_read_is_added_with_its_words_and_signed(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    strike = {
        "type": "Airstrike",
        "place": {"as_named": "خناصر"},
        "occurred": "2016-02-23",
        "quote": "Jets struck Khanasser",
    }

    added = desk.app.reviewing.add("fall", strike, reviewed_by="anna")

    entry = next(e for e in desk.app.reviewing.claims("fall") if e.claim.claim_id == added.claim_id)
    assert (entry.quote, entry.review, entry.claim.coded_by, entry.report.report_id) == (
        "Jets struck Khanasser",
        ReviewStatus.ACCEPTED,
        "anna",
        "fall",
    )
    assert entry.claim.place is not None
    assert entry.claim.place.place_id == "khanasser"
    head = desk.head
    for wrong, says in (
        (strike, "is there already"),
        ({**strike, "quote": "Jets"}, "in the text 2 times"),
        ({**strike, "quote": None}, "quote the words"),
        ({**strike, "type": "Conquest"}, "it is one of ControlChanged"),
        ({**strike, "occurred": "2016-03-01"}, "after the report's publication"),
    ):
        with pytest.raises(InvalidEvent, match=says):
            desk.app.reviewing.add("fall", wrong, reviewed_by="anna")
    assert desk.head == head


def test_projections_of_reviews_equal_a_replay(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    sign(desk, accept("c1"), reject("c2"))
    desk.file("update.yaml", UPDATE)
    sign(desk, accept("c2"), reject("c1"))
    live = desk.checksums()

    desk.forget()
    desk.app.runner.catch_up()

    assert desk.checksums() == live
