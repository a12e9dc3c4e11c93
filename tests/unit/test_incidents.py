"""Which claims tell of the same incident (docs/incidents.md), by the rule and by analysts."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import Fatalities, Modality, Polarity
from timeline.domain.events import Airstrike, Claim, ControlStated, Statement
from timeline.domain.incident_claims import IncidentClaim, Stance, incident_claim, stance_of
from timeline.domain.incident_sums import Figures, figures_of, incident_of
from timeline.domain.incidents import (
    Decision,
    Named,
    are_neighbours,
    bucket_of,
    buckets_near,
    incidents,
)
from timeline.domain.places import PlaceMention
from timeline.domain.time import UNDATED, occurred_from_edtf

KHANASSER: dict[str, Any] = {
    "place_id": "khanasser",
    "latitude": 35.78,
    "longitude": 37.5,
    "geo_precision": 1,
}
NORTH_14_KM: dict[str, Any] = {**KHANASSER, "place_id": "north", "latitude": 35.906}
NORTH_17_KM: dict[str, Any] = {**KHANASSER, "place_id": "further-north", "latitude": 35.933}


def told(name: str, day: str | None = "2016-02-23", *parties: str, **fields: Any) -> IncidentClaim:  # noqa: ANN401
    """A clash at Khanasser, of a report and root of its own; parties as role:actor."""
    first, _, last = (day or "").partition("/")
    claim_id = "c-" + hashlib.sha256(name.encode()).hexdigest()[:20]
    common: dict[str, Any] = {
        "report_id": name,
        "type": "Clash",
        "stance": Stance.CORROBORATING,
        "telling": name,
        "root": name,
        "known_from": "2016-02-25",
        "first_day": date.fromisoformat(first).toordinal() if first else None,
        "last_day": date.fromisoformat(last or first).toordinal() if first else None,
        "parties": tuple(tuple(p.split(":")) for p in parties),
        **KHANASSER,
    }
    return IncidentClaim(claim_id=claim_id, **{**common, **fields})


def word(position: int, *claims: IncidentClaim, is_link: bool) -> Decision:
    named = tuple(Named(c.claim_id, c.telling) for c in claims)
    return Decision(position=position, claims=named, is_link=is_link)


def groups(*claims: IncidentClaim, words: tuple[Decision, ...] = ()) -> list[list[str]]:
    """The reports of each incident."""
    return sorted(sorted(c.report_id for c in g) for g in incidents(claims, words))


def are_linked(one: IncidentClaim, other: IncidentClaim) -> bool:
    return len(incidents([one, other])) == 1


@pytest.mark.parametrize(
    ("other", "linked"),
    [
        (told("b"), True),
        (told("b", "2016-02-24"), True),
        (told("b", "2016-02-25"), False),
        (told("b", "2016-02-24/2016-02-26"), True),
        (told("b", "2016-02-22/2016-02-25"), False),
        (told("b", None), False),
        (told("b", last_day=None), False),
        (told("b", **NORTH_14_KM), True),
        (told("b", **NORTH_17_KM), False),
        (told("b", **{**NORTH_17_KM, "geo_precision": 2}), True),
        (told("b", **{**KHANASSER, "geo_precision": 3}), False),
        (told("b", place_id=None, latitude=None, longitude=None), False),
        (told("b", type="Shelling"), False),
        (told("b", report_id="a"), False),
        (told("b", report_id="a", stance=Stance.CONTRADICTING), True),
        (told("b", stance=Stance.CONTRADICTING), True),
    ],
)
def test_claims_are_linked_by_type_days_distance_and_report(
    other: IncidentClaim, linked: bool
) -> None:
    assert are_linked(told("a"), other) is linked
    assert are_linked(other, told("a")) is linked


@pytest.mark.parametrize(
    ("one", "other", "linked"),
    [
        ((), ("initiator:is",), True),
        (("initiator:is",), ("initiator:is",), True),
        (("initiator:is", "target:army"), ("initiator:army", "target:is"), True),
        (("initiator:is", "target:army"), ("target:army",), True),
        (("initiator:is", "target:army"), ("initiator:is", "target:sdf"), False),
        (("initiator:is",), ("initiator:army",), False),
    ],
)
def test_fighting_is_the_same_between_the_same_parties_whoever_attacks(
    one: tuple[str, ...], other: tuple[str, ...], linked: bool
) -> None:
    assert are_linked(told("a", "2016-02-23", *one), told("b", "2016-02-23", *other)) is linked


@pytest.mark.parametrize(
    ("one", "other", "linked"),
    [
        ((), ("initiator:russia",), True),
        (("initiator:russia", "target:is"), ("initiator:russia",), True),
        (("initiator:russia", "initiator:army"), ("initiator:army",), True),
        (("initiator:russia",), ("target:is",), True),
        (("initiator:russia", "target:is"), ("initiator:russia", "target:sdf"), False),
        (("initiator:russia",), ("initiator:turkey",), False),
    ],
)
def test_a_strike_is_the_same_when_no_role_is_told_otherwise(
    one: tuple[str, ...], other: tuple[str, ...], linked: bool
) -> None:
    a = told("a", "2016-02-23", *one, type="Airstrike")

    assert are_linked(a, told("b", "2016-02-23", *other, type="Airstrike")) is linked


def test_places_without_a_point_are_near_themselves_alone() -> None:
    nowhere: dict[str, Any] = {"latitude": None, "longitude": None}
    one, same = told("a", place_id="ithriya", **nowhere), told("b", place_id="ithriya", **nowhere)

    assert are_linked(one, same)
    assert not are_linked(one, told("c", place_id="atlantis", **nowhere))
    assert not are_linked(one, told("c", place_id="ithriya"))


def test_a_chain_of_days_is_not_one_incident() -> None:
    days = [told(f"{d}", f"2016-02-{d}") for d in range(10, 20)]

    assert max(len(group) for group in groups(*days)) == 2


def test_of_two_days_the_closest_claims_are_linked_first() -> None:
    first, second = told("a", "2016-02-23"), told("b", "2016-02-23", **NORTH_14_KM)
    later = told("c", "2016-02-24")

    assert groups(first, second, later) == [["a", "b", "c"]]
    assert groups(told("x", "2016-02-22", **NORTH_14_KM), told("y", "2016-02-23"), first) == [
        ["a", "x", "y"]
    ]


def test_one_who_names_no_party_joins_whom_it_was_known_after() -> None:
    by_is = told("is", "2016-02-23", "initiator:is", known_from="2016-02-24")
    by_army = told("army", "2016-02-23", "initiator:army", known_from="2016-02-25")
    nobody = told("nobody", known_from="2016-02-26")

    assert groups(by_is, by_army, nobody) == [["army"], ["is", "nobody"]]
    assert groups(by_army, replace(nobody, known_from="2016-02-23"), by_is) == [
        ["army"],
        ["is", "nobody"],
    ]


def test_analysts_link_across_all_bounds_and_with_it_all_that_is_linked() -> None:
    a, b = told("a"), told("b", "2016-02-24")
    far = told("far", None, type="Airstrike")

    assert groups(a, b, far, words=(word(1, b, far, is_link=True),)) == [["a", "b", "far"]]


def test_what_is_kept_apart_is_not_linked_by_the_rule() -> None:
    a, b, c = told("a"), told("b"), told("c")

    assert groups(a, b, c) == [["a", "b", "c"]]
    assert groups(a, b, words=(word(1, a, b, is_link=False),)) == [["a"], ["b"]]


def test_of_two_words_about_the_same_claims_the_later_counts() -> None:
    a, b = told("a"), told("b", None)
    link, unlink = word(1, a, b, is_link=True), word(2, a, b, is_link=False)

    assert groups(a, b, words=(unlink, link)) == [["a"], ["b"]]
    assert groups(a, b, words=(unlink, replace(link, position=3))) == [["a", "b"]]


def test_no_link_brings_together_what_is_kept_apart() -> None:
    a, b, c = told("a"), told("b", None), told("c", None)
    words = (
        word(1, a, b, is_link=False),
        word(2, a, c, is_link=True),
        word(3, c, b, is_link=True),
    )

    assert groups(a, b, c, words=words) == [["a", "c"], ["b"]]


def test_a_word_about_a_claim_that_is_not_there_waits_for_it() -> None:
    a, b = told("a"), told("b", None)
    link = Decision(position=1, claims=(Named(a.claim_id), Named(b.claim_id)), is_link=True)

    assert groups(a, words=(link,)) == [["a"]]
    assert groups(a, b, words=(link,)) == [["a", "b"]]


def test_a_word_about_a_claim_holds_for_its_revision() -> None:
    a, b = told("a"), told("b", None)
    again = replace(b, claim_id="c-" + "0" * 20, report_id="b2")

    assert groups(a, again, words=(word(1, a, b, is_link=True),)) == [["a", "b2"]]


villages = [{**KHANASSER, "place_id": f"v{n}", "longitude": 37.5 + n * 0.12} for n in range(5)]


@st.composite
def stories(draw: st.DrawFn) -> list[IncidentClaim]:
    made = []
    for number in range(draw(st.integers(0, 12))):
        day = draw(st.integers(10, 16))
        last = day + draw(st.sampled_from([0, 0, 1, 2, 4]))
        who = draw(st.sampled_from([(), ("initiator:is",), ("initiator:is", "target:army")]))
        made.append(
            told(
                f"{number}",
                f"2016-02-{day}/2016-02-{last}",
                *who,
                report_id=f"r{draw(st.integers(0, 6))}",
                known_from=f"2016-02-{draw(st.integers(20, 22))}",
                stance=draw(st.sampled_from(list(Stance))),
                **draw(st.sampled_from(villages)),
            )
        )
    return made


@st.composite
def told_with_words(draw: st.DrawFn) -> tuple[list[IncidentClaim], list[Decision]]:
    claims = draw(stories())
    words = []
    if len(claims) > 1:
        for position in range(draw(st.integers(0, 5))):
            some = st.lists(st.sampled_from(claims), min_size=2, max_size=3, unique=True)
            words.append(word(position, *draw(some), is_link=draw(st.booleans())))
    return claims, words


@given(st.data(), told_with_words())
def test_incidents_do_not_depend_on_the_order_of_claims_or_words(
    data: st.DataObject, story: tuple[list[IncidentClaim], list[Decision]]
) -> None:
    claims, words = story
    shuffled = data.draw(st.permutations(claims)), data.draw(st.permutations(words))

    assert incidents(*shuffled) == incidents(claims, words)


@given(told_with_words())
def test_each_claim_is_in_one_incident(story: tuple[list[IncidentClaim], list[Decision]]) -> None:
    claims, words = story
    found = [c.claim_id for group in incidents(claims, words) for c in group]

    assert sorted(found) == sorted(c.claim_id for c in claims)


@given(told_with_words())
def test_what_the_last_word_keeps_apart_is_never_linked(
    story: tuple[list[IncidentClaim], list[Decision]],
) -> None:
    claims, words = story
    last: dict[frozenset[str], bool] = {}
    for said in words:
        ids = [n.claim_id for n in said.claims]
        last |= {frozenset((a, b)): said.is_link for a in ids for b in ids if a != b}
    of = {c.claim_id: n for n, g in enumerate(incidents(claims, words)) for c in g}

    assert [p for p, is_link in last.items() if not is_link and len({of[c] for c in p}) == 1] == []


@given(stories())
def test_an_incident_by_the_rule_spans_no_more_than_its_bounds(story: list[IncidentClaim]) -> None:
    pairs = [(a, b) for group in incidents(story) for a in group for b in group if a is not b]

    assert [p for p in pairs if not are_neighbours(*p)] == []
    assert [
        p for p in pairs if p[0].report_id == p[1].report_id and p[0].stance is p[1].stance
    ] == []


@given(stories(), st.data())
def test_a_retracted_claim_leaves_no_trace(story: list[IncidentClaim], data: st.DataObject) -> None:
    extra = told("extra", known_from="2016-02-21")
    left = incidents([*story, extra])
    removed = incidents([c for group in left for c in group if c is not extra])

    assert removed == incidents(story)


@given(st.floats(-85, 85), st.floats(-179, 179), st.floats(0, 360), st.floats(0, 35))
def test_a_claim_is_looked_for_wherever_it_may_be_linked(
    latitude: float, longitude: float, bearing: float, km: float
) -> None:
    from timeline.domain.places import point_at

    other_latitude, other_longitude = point_at(latitude, longitude, bearing, km)
    vague: dict[str, Any] = {"place_id": None, "geo_precision": 2}
    one = told("a", latitude=latitude, longitude=longitude, **vague)
    day = "2016-02-26" if km > 17 else "2016-02-20"
    other = told("b", day, latitude=other_latitude, longitude=other_longitude, **vague)

    if abs(other_longitude) < 179.9:
        assert bucket_of(other) in set(buckets_near(one))


def claim(**fields: Any) -> Claim:  # noqa: ANN401
    common: dict[str, Any] = {
        "claim_id": "c-" + "0" * 20,
        "report_id": "a",
        "report_version": "0" * 64,
    }
    type_: type[Claim] = fields.pop("type", Airstrike)
    return type_(**{**common, **fields})


@pytest.mark.parametrize(
    ("fields", "stance"),
    [
        ({}, Stance.CORROBORATING),
        ({"polarity": Polarity.NEGATED}, Stance.CONTRADICTING),
        ({"modality": Modality.DENIED}, Stance.CONTRADICTING),
        ({"modality": Modality.DENIED, "polarity": Polarity.NEGATED}, Stance.CONTRADICTING),
        ({"modality": Modality.ATTEMPTED}, None),
        ({"modality": Modality.FORECAST}, None),
        ({"modality": Modality.HYPOTHETICAL, "polarity": Polarity.NEGATED}, None),
        ({"type": ControlStated}, None),
        ({"type": Statement, "statement_kind": "opinion"}, None),
    ],
)
def test_only_what_happened_or_did_not_tells_of_an_incident(
    fields: dict[str, Any], stance: Stance | None
) -> None:
    assert stance_of(claim(**fields)) is stance


def test_a_claim_is_read_in_the_days_of_the_casebook_and_by_whole_actors() -> None:
    made = incident_claim(
        claim(
            occurred=occurred_from_edtf("2016-02-23T23:30Z"),
            place=PlaceMention(as_named="Khanasser", place_id="khanasser"),
            actors=(
                ActorMention(as_named="Tigers", actor_id="tigers", role=ActorRole.PARTICIPANT),
                ActorMention(as_named="IS", actor_id="is", role=ActorRole.CANDIDATE),
                ActorMention(as_named="gunmen", role=ActorRole.TARGET),
            ),
            fatalities=Fatalities(best=3),
        ),
        0,
        root="source:a",
        wholes={"tigers": "army"},
        known_from="2016",
        quote=None,
        time_zone="Asia/Damascus",
    )

    assert made is not None
    assert made.first_day == made.last_day == date(2016, 2, 24).toordinal()
    assert made.parties == (("initiator", "army"),)
    assert (made.low, made.best, made.high) == (None, 3, None)
    assert made.is_linkable


def test_an_undated_claim_is_not_linkable() -> None:
    made = incident_claim(
        claim(occurred=UNDATED),
        0,
        root="a",
        wholes={},
        known_from="2016",
        quote="words",
        time_zone="UTC",
    )

    assert made is not None
    assert not made.is_linkable


def counted(name: str, low: int | None, best: int | None, high: int | None, **how: Any) -> Any:  # noqa: ANN401
    return told(name, low=low, best=best, high=high, **how)


@pytest.mark.parametrize(
    ("claims", "figures"),
    [
        ([counted("a", 3, 4, 5)], (3, 4, 5)),
        ([counted("a", None, 4, None)], (4, 4, 4)),
        ([counted("a", 10, None, None)], (10, 10, 10)),
        ([counted("a", None, None, 30)], (0, 30, 30)),
        ([counted("a", 3, 4, 5), counted("b", 4, 6, 9)], (3, 4, 9)),
        (
            [
                counted("a", 3, 3, 3, known_from="2016-02-24"),
                counted("a2", 7, 7, 7, root="a", known_from="2016-02-25"),
            ],
            (7, 7, 7),
        ),
        ([counted("a", None, None, None), counted("b", 2, 2, 2)], (2, 2, 2)),
    ],
)
def test_of_one_incident_each_root_counts_the_dead_once_by_its_last_word(
    claims: list[IncidentClaim], figures: tuple[int, int, int]
) -> None:
    low, best, high = figures

    assert figures_of(claims) == Figures(low=low, best=best, high=high)


def test_an_incident_has_the_days_that_its_dates_share_or_else_both_bounds() -> None:
    vague, close = told("a", "2016-02-22/2016-02-24"), told("b", "2016-02-23")
    other = told("c", "2016-02-24", stance=Stance.CORROBORATING)

    shared, disputed = incident_of((vague, close)), incident_of((close, other))
    assert (shared.earliest, shared.latest) == ("2016-02-23", "2016-02-23")
    assert (disputed.earliest, disputed.latest) == ("2016-02-23", "2016-02-24")


def test_an_incident_counts_its_sources_by_root_and_denials_apart() -> None:
    agency = told("a", root="actor:syria")
    minister = told("b", root="actor:syria")
    denial = told("c", root="actor:russia", stance=Stance.CONTRADICTING, best=9)
    incident = incident_of((agency, minister, denial))

    assert (incident.sources, incident.denials) == (1, 1)
    assert incident.corroborating == (agency.claim_id, minister.claim_id)
    assert incident.contradicting == (denial.claim_id,)
    assert incident.figures is None
    assert incident.incident_id == "i-" + agency.claim_id[2:]


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (told("a"), True),
        (told("a", None), False),
        (told("a", "2016-02-20/2016-02-23"), False),
        (told("a", **{**KHANASSER, "geo_precision": 3}), False),
        (told("a", place_id=None, latitude=None, longitude=None), False),
        (told("a", type="Casualties"), False),
        (told("a", stance=Stance.CONTRADICTING), False),
    ],
)
def test_figures_that_may_repeat_those_of_others_are_not_summed(
    one: IncidentClaim, counts: bool
) -> None:
    assert incident_of((one,)).counts is counts
