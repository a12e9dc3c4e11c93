"""What another extractor reads is stored beside the first reading, and counts once accepted."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Desk
from timeline.api.schema import execute
from timeline.domain.actors import ActorMention, ActorRole, ActorTable
from timeline.domain.claims import (
    ClaimType,
    Evidence,
    Extraction,
    ProposedClaim,
    ReportFrame,
    Verdict,
)
from timeline.domain.events import Basis
from timeline.domain.places import Gazetteer, PlaceMention
from timeline.domain.time import on_day
from timeline.errors import InvalidEvent, InvalidReport, NotFound
from timeline.filing.filing import Filing
from timeline.filing.recoding import Recoded, Recoding, read_opinions
from timeline.filing.reviewing import Signature

TEXT = "IS took Khanasser on Tuesday. Jets struck Ithriya."
FALL = f"""
id: fall
published: 2016-02-24
text: {TEXT}
claims:
  - ref: c1
    type: ControlChanged
    actors: [{{as_named: IS, role: holder}}]
    place: {{as_named: Khanasser}}
    occurred: 2016-02-23
    quote: IS took Khanasser
"""
BARE = "{id: bare, published: 2016-02-24, claims: [{type: Clash, place: {as_named: Ithriya}}]}"
UPDATE = FALL.replace("2016-02-24", "2016-02-24\nupdated: 2016-02-26").replace("Jets", "Russia")


class Second:
    """An extractor that reads the army into the report, and a strike."""

    def __init__(self, name: str = "second-1", day: str = "2016-02-24") -> None:
        self.name, self.day, self.texts = name, day, list[str]()

    def frame(self, text: str) -> ReportFrame:
        return ReportFrame()

    def extract(
        self, text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
    ) -> Extraction:
        self.texts.append(text)
        taken = ProposedClaim(
            type=ClaimType.CONTROL_CHANGED,
            actors=(ActorMention(as_named="Syrian army", role=ActorRole.HOLDER),),
            place=PlaceMention(as_named="Khanasser"),
            occurred=on_day(self.day),
            evidence=Evidence(span_start=3, span_end=17),
        )
        struck = ProposedClaim(
            type=ClaimType.AIRSTRIKE,
            place=PlaceMention(as_named="Ithriya"),
            evidence=Evidence(span_start=30, span_end=49),
        )
        return Extraction(
            frame=frame, claims=(taken, struck), coded_by=self.name, notes=("one was refused",)
        )


def recode(desk: Desk, extractor: Second | None = None, report: str = "fall") -> Recoded:
    app = desk.app
    recoding = Recoding(app.store, app.reader, app.runner, extractor or Second())
    return recoding.recode(report)


def ids(desk: Desk) -> list[str]:
    (opinion,) = desk.app.reviewing.opinions("fall")
    return list(opinion.claims)


def test_an_opinion_is_stored_beside_the_first_reading_and_counts_for_nothing(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    before, rows, head = desk.entries(), desk.holder("2016-02-25"), desk.head

    made = recode(desk)

    assert (made.is_new, made.opinion.coded_by, made.notes[0]) == (
        True,
        "second-1",
        "one was refused",
    )
    assert desk.types(head) == [("report-fall", "ReportRecoded")]
    assert (desk.entries(), desk.holder("2016-02-25")) == (before, rows)
    assert [c.ref for c in (e.claim for e in desk.app.reviewing.claims("fall"))] == ["c1"]
    (opinion,) = desk.app.reviewing.opinions("fall")
    assert [c.type for c in opinion.claims.values()] == ["ControlChanged", "Airstrike"]
    assert [c.place.place_id for c in opinion.claims.values() if c.place] == [
        "khanasser",
        "ithriya",
    ]
    assert {c.coded_by for c in opinion.claims.values()} == {"second-1"}


def test_graphql_tells_of_it_beside_the_claims(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    query = """{report(id: "fall") {claims {claimId} secondOpinions {
        codedBy claimIds claims {type place {place {id}} evidence {quote}}}}}"""

    told = execute(desk.app.reader, desk.app.store, query)

    assert told == {
        "data": {
            "report": {
                "claims": [{"claimId": desk.app.reviewing.claims("fall")[0].claim.claim_id}],
                "secondOpinions": [
                    {
                        "codedBy": "second-1",
                        "claimIds": ids(desk),
                        "claims": [
                            {
                                "type": "ControlChanged",
                                "place": {"place": {"id": "khanasser"}},
                                "evidence": {"quote": "took Khanasser"},
                            },
                            {
                                "type": "Airstrike",
                                "place": {"place": {"id": "ithriya"}},
                                "evidence": {"quote": "Jets struck Ithriya"},
                            },
                        ],
                    }
                ],
            }
        }
    }


def test_the_same_extractor_is_stored_once_and_another_beside_it(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    first, head = recode(desk), desk.head

    again = recode(desk, Second(day="2016-02-22"))

    assert (again.is_new, again.opinion, desk.head) == (False, first.opinion, head)
    recode(desk, Second("third-1"))
    told = [o.coded_by for o in desk.app.reviewing.opinions("fall")]
    assert told == ["second-1", "third-1"]


def test_a_claim_of_an_opinion_counts_when_a_person_accepts_it(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    taken, struck = ids(desk)

    (made,) = desk.app.reviewing.sign(
        "fall", [Signature(struck, Verdict.ACCEPTED)], reviewed_by="anna"
    )

    assert (made.claim_id, made.review.value, made.position) == (struck, "accepted", desk.head - 1)
    assert desk.entries() == [("ControlChanged", "2016-02-23"), ("Airstrike", None)]
    entry = desk.app.reviewing.claims("fall")[-1]
    assert (entry.claim.claim_id, entry.claim.coded_by) == (struck, "second-1")
    assert taken not in [e.claim.claim_id for e in desk.app.reviewing.claims("fall")]
    (again,) = desk.app.reviewing.sign(
        "fall", [Signature(struck, Verdict.ACCEPTED)], reviewed_by="anna"
    )
    assert again.position is None
    assert ids(desk) == [taken, struck]


def test_a_claim_of_an_opinion_is_neither_rejected_nor_corrected_unaccepted(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    head = desk.head

    for signature in (
        Signature(ids(desk)[0], Verdict.REJECTED, reason="no"),
        Signature(ids(desk)[0], Verdict.ACCEPTED, changes={"occurred": "2016-02-22"}),
    ):
        with pytest.raises(InvalidEvent, match="counts for nothing until it is accepted"):
            desk.app.reviewing.sign("fall", [signature], reviewed_by="anna")

    assert desk.head == head


def test_an_opinion_is_of_one_version(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    (_, struck) = ids(desk)

    desk.file("update.yaml", UPDATE)

    assert desk.app.reviewing.opinions("fall") == ()
    with pytest.raises(NotFound):
        desk.app.reviewing.sign("fall", [Signature(struck, Verdict.ACCEPTED)], reviewed_by="anna")
    assert recode(desk).is_new


def test_prose_is_read_with_its_front_matter_blanked(desk: Desk) -> None:
    head = "---\nid: note\npublished: 2016-02-24\n---\n"
    desk.file("note.md", head + TEXT, without_claims=True)
    second = Second()

    recode(desk, second, "note")

    (read,) = second.texts
    assert read == "".join(c if c == "\n" else " " for c in head) + TEXT


def test_an_opinion_that_could_not_be_filed_is_refused(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    head = desk.head

    with pytest.raises(InvalidReport) as fault:
        recode(desk, Second(day="2016-02-27"))

    told = "fall: claims[0].occurred: 2016-02-27 is after the report's publication"
    assert str(fault.value).startswith(told)
    assert desk.head == head


def test_whoever_read_it_first_gives_no_second_opinion(desk: Desk) -> None:
    second = Second()
    app = desk.app
    filing = Filing(app.store, app.reader, app.runner, second, app.clock)
    filing.file(desk.write("note.md", "---\nid: note\npublished: 2016-02-24\n---\n" + TEXT + TEXT))

    with pytest.raises(InvalidReport, match="note: was read by second-1 at first; take another"):
        recode(desk, second, "note")


def test_a_report_that_is_not_there_or_has_no_text_is_refused(desk: Desk) -> None:
    desk.file("bare.yaml", BARE)

    with pytest.raises(NotFound, match="no report has the id 'none'"):
        recode(desk, report="none")
    with pytest.raises(InvalidReport, match="bare: has no text, or it is withheld"):
        recode(desk, report="bare")


def test_a_withheld_report_takes_its_opinions_with_it(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    made = recode(desk)

    withheld = desk.app.withholding.withhold_report("fall", "names a witness")

    assert made.opinion.position in withheld.positions
    assert read_opinions(desk.app.store, ["fall"]) == {}


def test_whoever_withholds_one_claim_is_told_of_the_opinion(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    made = recode(desk)
    (claim,) = [e.position for e in desk.app.reviewing.claims("fall")]

    withheld = desk.app.withholding.withhold([claim], [], "names a witness")

    told = f"position {made.opinion.position} (ReportRecoded) tells the same text again"
    assert [n for n in withheld.notes if n.startswith(told)]


def test_a_rebuild_with_opinions_changes_no_row(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    desk.app.reviewing.sign("fall", [Signature(ids(desk)[1], Verdict.ACCEPTED)], reviewed_by="anna")
    before = desk.checksums()

    desk.forget()
    desk.app.runner.catch_up()

    assert desk.checksums() == before


def test_a_claim_of_an_opinion_is_filed_once_however_often_it_is_named(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    signature = Signature(ids(desk)[1], Verdict.ACCEPTED)
    head = desk.head

    first, again = desk.app.reviewing.sign("fall", [signature] * 2, reviewed_by="anna")

    assert [t for _, t in desk.types(head)] == ["Airstrike", "ClaimReviewed"]
    assert (first.position, again.position) == (head + 1, None)
    assert desk.entries() == [("ControlChanged", "2016-02-23"), ("Airstrike", None)]


def test_a_claim_of_an_opinion_that_was_filed_and_retracted_is_not_filed_anew(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    accept = Signature(ids(desk)[1], Verdict.ACCEPTED)
    desk.app.reviewing.sign("fall", [accept], reviewed_by="anna")
    desk.app.amending.retract("fall", accept.target, basis=Basis.CODING)
    head = desk.head

    with pytest.raises(InvalidEvent, match="was filed before, and retracted or withheld since"):
        desk.app.reviewing.sign("fall", [accept], reviewed_by="anna")

    assert desk.head == head


def test_a_claim_of_an_opinion_that_was_filed_and_withheld_is_not_filed_anew(desk: Desk) -> None:
    desk.file("fall.yaml", FALL)
    recode(desk)
    accept = Signature(ids(desk)[1], Verdict.ACCEPTED)
    (made,) = desk.app.reviewing.sign("fall", [accept], reviewed_by="anna")
    assert made.position is not None
    desk.app.withholding.withhold([made.position], [], "names a witness")
    head = desk.head

    with pytest.raises(InvalidEvent, match="was filed before, and retracted or withheld since"):
        desk.app.reviewing.sign("fall", [accept], reviewed_by="anna")

    assert desk.head == head
