"""Filing decides when a report was published, what it may tell, and which events it becomes."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from timeline.domain.actors import Actor, ActorKind, ActorMention, ActorRole, ActorTable, Source
from timeline.domain.claims import ClaimType, Modality, Polarity, ProposedClaim, StatementKind
from timeline.domain.events import Basis, Clash
from timeline.domain.names import Match, Name, Tier
from timeline.domain.places import Gazetteer, Place, PlaceKind, PlaceMention
from timeline.domain.time import UNDATED, occurred_from_edtf
from timeline.errors import InvalidEvent, InvalidReport
from timeline.filing.deciding import (
    Decision,
    Publication,
    amendment_payload,
    check_dates,
    decide,
    naming_notes,
    new_event,
    publication,
    resolved,
    resolved_changes,
)
from timeline.filing.drafts import Draft, DraftAmendment

NOW = datetime(2016, 3, 1, 12, tzinfo=UTC)
GAZETTEER = Gazetteer(
    [
        Place(
            place_id="khanasser",
            name="Khanasser",
            kind=PlaceKind.TOWN,
            latitude=35.78,
            longitude=37.5,
            names=(Name(name="خناصر", language="ar"),),
        )
    ]
)
ACTORS = ActorTable(
    [
        Actor(
            actor_id="islamic-state",
            name="Islamic State",
            kind=ActorKind.NON_STATE_ARMED_GROUP,
            names=(Name(name="IS", case_sensitive=True),),
        )
    ]
)


def draft(**fields: object) -> Draft:
    basis = {
        "path": "report.yaml",
        "content": b"claims: []",
        "media_type": "application/yaml",
        "text": None,
    }
    return msgspec.convert({**basis, **fields}, Draft)


def published(edtf: str) -> Publication:
    return publication(draft(published=edtf), None, None, undated=False, now=NOW)


def refusal(d: Draft, given: str | None = None, reported: str | None = None) -> str:
    with pytest.raises(InvalidReport) as caught:
        publication(d, given, reported, undated=False, now=NOW)
    return str(caught.value)


@pytest.mark.parametrize(
    ("in_file", "given", "reported", "expected"),
    [
        ({"published": "2016-02-24"}, None, None, "2016-02-24"),
        ({}, "2016-02-23", None, "2016-02-23"),
        ({"published": "2016-02-24"}, "2016-02-23", None, "2016-02-24"),
        ({"published": "2016-02-24", "updated": "2016-02-26"}, None, None, "2016-02-26"),
        (
            {"published": "2016-02-24", "updated": "2016-02-26"},
            None,
            "2016-02-27",
            "2016-02-27",
        ),
        ({"published": "2016-02"}, None, None, "2016-02"),
    ],
)
def test_the_file_says_when_it_was_published_before_the_filer_does(
    in_file: dict[str, object], given: str | None, reported: str | None, expected: str
) -> None:
    found = publication(draft(**in_file), given, reported, undated=False, now=NOW)

    assert found.reported.edtf == expected
    assert not found.undated


def test_a_report_without_a_date_is_refused_with_what_to_do() -> None:
    assert refusal(draft()) == (
        "report.yaml: does not say when it was published; give --published DATE, or --undated"
    )


def test_undated_is_reported_when_it_is_recorded() -> None:
    found = publication(draft(), None, None, undated=True, now=NOW)

    assert found == Publication(published=None, updated=None, reported=UNDATED, undated=True)


def test_a_date_in_the_file_counts_although_undated_was_said() -> None:
    found = publication(draft(published="2016-02-24"), None, None, undated=True, now=NOW)

    assert (found.reported.edtf, found.undated) == ("2016-02-24", False)


@pytest.mark.parametrize(
    ("edtf", "told"),
    [
        ("2016-03-04", "publication date '2016-03-04' lies in the future"),
        ("2016-03-04/2016-03-05", "publication date '2016-03-04/2016-03-05' lies in the future"),
        ("2016-02-24/..", "publication date '2016-02-24/..' has no end; give a latest day"),
        ("2016-02-30", "publication date '2016-02-30': is no day of the calendar"),
        ("Tuesday", "publication date 'Tuesday': is not a date; write YYYY-MM-DD"),
    ],
)
def test_a_date_on_which_nothing_can_have_been_published_is_refused(edtf: str, told: str) -> None:
    assert refusal(draft(published=edtf)).startswith(f"report.yaml: {told}")


def test_tomorrow_is_no_future_since_outlets_live_in_other_time_zones() -> None:
    assert published("2016-03-02").reported.edtf == "2016-03-02"


def airstrike(occurred: str, **fields: object) -> ProposedClaim:
    return ProposedClaim(
        type=ClaimType.AIRSTRIKE,
        occurred=occurred_from_edtf(occurred),
        **fields,  # type: ignore[arg-type]
    )


def test_what_happened_after_publication_is_refused_with_its_place() -> None:
    claims = (airstrike("2016-02-23"), airstrike("2016-02-26"))

    with pytest.raises(InvalidReport) as caught:
        check_dates("report.yaml", claims, published("2016-02-24").reported)
    assert str(caught.value) == (
        "report.yaml: claims[1].occurred: 2016-02-26 is after the report's publication"
        " (2016-02-24); what is only expected has modality forecast"
    )


@pytest.mark.parametrize(
    "claim",
    [
        airstrike("2016-02-24"),
        airstrike("2016-02-25"),
        airstrike("../2016-03-24"),
        airstrike("2016-02-20/2016-03-24"),
        airstrike("2016-03-24", modality=Modality.FORECAST),
        airstrike("2016-03-24", polarity=Polarity.NEGATED),
        ProposedClaim(
            type=ClaimType.STATEMENT,
            statement_kind=StatementKind.INTENT,
            occurred=occurred_from_edtf("2016-03-24"),
        ),
        ProposedClaim(type=ClaimType.AGREEMENT, occurred=occurred_from_edtf("2016-02-27")),
        ProposedClaim(type=ClaimType.CLASH),
    ],
)
def test_what_need_not_have_happened_yet_may_lie_ahead(claim: ProposedClaim) -> None:
    check_dates("report.yaml", (claim,), published("2016-02-24").reported)


def test_an_undated_report_may_tell_of_any_day() -> None:
    when = publication(draft(), None, None, undated=True, now=NOW)

    check_dates("report.yaml", (airstrike("2016-02-26"),), when.reported)


def test_names_are_resolved_or_stay_open() -> None:
    claim = airstrike(
        "2016-02-24",
        place=PlaceMention(as_named="خناصر"),
        place2=PlaceMention(as_named="Atlantis"),
        actors=(
            ActorMention(as_named="IS", role=ActorRole.INITIATOR),
            ActorMention(as_named="is", role=ActorRole.TARGET),
        ),
    )
    (found,) = resolved((claim,), GAZETTEER, ACTORS)

    assert found.place is not None
    assert found.place.place_id == "khanasser"
    assert found.place.match == Match(tier=Tier.ALIAS, score=1.0)
    assert found.place2 == PlaceMention(as_named="Atlantis")
    assert [a.actor_id for a in found.actors] == ["islamic-state", None]
    assert naming_notes((found,)) == (
        "place 'Atlantis' is not known",
        "actor 'is' is not known",
    )


def test_a_near_spelling_is_noted_with_its_score() -> None:
    claims = resolved(
        (airstrike("2016-02-24", place=PlaceMention(as_named="Khanaasir")),), GAZETTEER, ACTORS
    )

    (note,) = naming_notes(claims)
    assert note.startswith("place 'Khanaasir' is read as Khanasser (spelling 0.")


def test_an_id_that_a_coder_made_up_is_not_believed() -> None:
    claim = airstrike(
        "2016-02-24", place=PlaceMention(as_named="Atlantis", place_id="atlantis", name="Atlantis")
    )
    (found,) = resolved((claim,), GAZETTEER, ACTORS)

    assert found.place == PlaceMention(as_named="Atlantis")


def test_the_names_in_a_correction_are_resolved_too() -> None:
    found = resolved_changes(
        {"place": {"as_named": "خناصر"}, "actors": [{"as_named": "IS", "role": "holder"}]},
        GAZETTEER,
        ACTORS,
    )

    assert found["place"]["place_id"] == "khanasser"
    assert found["actors"] == [
        {
            "as_named": "IS",
            "role": "holder",
            "actor_id": "islamic-state",
            "name": "Islamic State",
        }
    ]


@pytest.mark.parametrize("basis", list(Basis))
def test_an_amendment_names_its_report_its_outlet_and_its_time(basis: Basis) -> None:
    amendment = DraftAmendment(report_id="a", target="c1", basis=basis)
    found = amendment_payload(amendment, occurred_from_edtf("2016-02-26"), "b", "desk")

    assert type(found).__name__ == "ClaimRetracted"
    assert msgspec.to_builtins(found)["by_report_id"] == "b"
    assert msgspec.to_builtins(found)["by_source_id"] == "desk"
    assert msgspec.to_builtins(found)["reported"]["edtf"] == "2016-02-26"


def decided(d: Draft, source: Source | None = None, *, is_revision: bool = False) -> Decision:
    claims = (airstrike("2016-02-24"), airstrike("2016-02-24"))
    return decide(
        d,
        claims,
        published("2016-02-24"),
        casebook="main",
        report_id="r1",
        is_revision=is_revision,
        stream_version=0,
        source=source,
        actors=ACTORS,
        coded_by=None,
        metadata={"command": "file"},
    )


def shape(decision: Decision) -> list[tuple[str, int | None, list[str]]]:
    return [(a.stream, a.expected_version, [e.type for e in a.events]) for a in decision.appends]


def test_a_report_becomes_its_filing_and_an_event_for_each_claim() -> None:
    assert shape(decided(draft())) == [("report-r1", 0, ["ReportFiled", "Airstrike", "Airstrike"])]
    assert shape(decided(draft(), is_revision=True))[0][2][0] == "ReportRevised"


def test_claims_that_are_alike_have_ids_of_their_own() -> None:
    ids = [e.event_id for a in decided(draft()).appends for e in a.events]

    assert len(set(ids)) == 3


def test_deciding_again_gives_the_same_events() -> None:
    assert decided(draft()) == decided(draft())


def test_an_amendment_goes_into_the_stream_of_its_target() -> None:
    amendment = {"report_id": "other", "target": "c1", "basis": "coding"}

    assert shape(decided(draft(amendments=[amendment])))[1] == (
        "report-other",
        None,
        ["ClaimRetracted"],
    )


def test_a_source_is_registered_once_and_affiliated_when_that_is_first_said() -> None:
    named = draft(source_name="Desert Monitor")
    affiliated = draft(source_name="Desert Monitor", affiliated_with="IS")
    known = Source(source_id="desert-monitor", name="Desert Monitor")
    spoken_for = Source(
        source_id="desert-monitor", name="Desert Monitor", affiliated_with="islamic-state"
    )
    report = ("report-r1", 0, ["ReportFiled", "Airstrike", "Airstrike"])
    registered = ("source-desert-monitor", 0, ["SourceRegistered"])

    assert shape(decided(named)) == [registered, report]
    assert shape(decided(affiliated)) == [registered, report]
    assert shape(decided(named, known)) == [report]
    assert shape(decided(named, spoken_for)) == [report]
    assert shape(decided(affiliated, spoken_for)) == [report]
    assert shape(decided(affiliated, known)) == [
        ("source-desert-monitor", None, ["SourceAffiliated"]),
        report,
    ]


def test_no_event_is_made_that_could_not_be_read_again() -> None:
    overlong = PlaceMention(as_named="x" * 301)

    with pytest.raises(InvalidEvent, match="does not fit its schema"):
        new_event(clash_at(overlong), "00000000-0000-5000-8000-000000000000", {})
    with pytest.raises(InvalidEvent, match="Clash holds a NUL character; leave it out"):
        new_event(clash_at(PlaceMention(as_named="a\0")), "", {})
    with pytest.raises(InvalidEvent, match="Clash holds half of a character; leave it out"):
        new_event(clash_at(PlaceMention(as_named="\ud800")), "", {})
    assert new_event(clash_at(PlaceMention(as_named=r"a\u0000")), "", {}).type == "Clash"


def clash_at(place: PlaceMention) -> Clash:
    return Clash(claim_id="c-" + "0" * 20, report_id="a", report_version="0" * 64, place=place)
