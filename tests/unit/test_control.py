"""Who holds a place: what counts, when it counts, and each state (docs/control.md, rules 1-13)."""

from __future__ import annotations

import pytest

from tests.unit.control_helpers import ZONE, at, fought, held, left, since_at, state_at, told, took
from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import Certainty, Modality, Polarity
from timeline.domain.control import Control, control_spans
from timeline.domain.events import Airstrike, ControlChanged
from timeline.domain.places import Relation

GOVERNMENT_IN_JANUARY = took("government", "2016-01-10")


@pytest.mark.parametrize("modality", [m for m in Modality if m is not Modality.ASSERTED])
def test_rule_1_what_is_not_asserted_moves_nothing(modality: Modality) -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23", modality=modality)]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


def test_rule_1_the_speakers_hedge_does_not_keep_a_claim_from_counting() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23", certainty=Certainty.DOUBTFUL)]

    assert state_at(claims, "2016-02-24") == ("controlled", "is")


def test_rule_2_what_is_negated_moves_nothing() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23", polarity=Polarity.NEGATED)]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


@pytest.mark.parametrize("relation", [Relation.NEAR, Relation.BETWEEN, Relation.TOWARD])
def test_rule_3_what_happened_beside_the_place_moves_nothing(relation: Relation) -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23", relation=relation)]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


@pytest.mark.parametrize("relation", [Relation.AT, Relation.IN])
def test_rule_3_at_and_in_are_the_place(relation: Relation) -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23", relation=relation)]

    assert state_at(claims, "2016-02-24") == ("controlled", "is")


@pytest.mark.parametrize("geo_precision", [2, 3, None])
def test_rule_4_an_imprecise_place_moves_nothing(geo_precision: int | None) -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23", geo_precision=geo_precision)]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


def test_rule_4_leaving_twenty_villages_of_a_region_does_not_vacate_it() -> None:
    claims = [took("is", "2016-01-10"), left("is", "2016-02-23", geo_precision=3)]

    assert state_at(claims, "2016-02-24") == ("controlled", "is")


@pytest.mark.parametrize("occurred", [None, "2016-02-23/.."])
def test_rule_5_what_has_no_latest_date_moves_nothing(occurred: str | None) -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", occurred)]

    assert state_at(claims, "2016-12-31") == ("controlled", "government")


def test_rule_6_an_airstrike_says_nothing_of_control() -> None:
    strike = told(Airstrike, "2016-02-23", ("russia", ActorRole.INITIATOR))

    assert control_spans([strike], ZONE) == ()


def test_rule_6_a_statement_that_names_no_holder_says_nothing() -> None:
    claims = [GOVERNMENT_IN_JANUARY, held(None, "2016-02-23")]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


def test_rule_6_a_candidate_for_the_holder_is_no_holder() -> None:
    maybe = told(ControlChanged, "2016-02-23", ("is", ActorRole.CANDIDATE))

    assert state_at([maybe], "2016-02-24") == ("unknown",)


def test_rule_7_a_day_means_its_end() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23")]

    assert state_at(claims, "2016-02-23") == ("controlled", "is")


def test_rule_7_the_day_ends_in_the_casebooks_time_zone() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23T23:30:00+02:00")]

    assert state_at(claims, "2016-02-23") == ("controlled", "is")


def test_rule_7_an_hour_on_the_next_day_is_not_yet_known_that_day() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23T22:30:00+00:00")]

    assert state_at(claims, "2016-02-23") == ("controlled", "government")


def test_rule_8_a_change_is_certain_at_the_end_of_its_latest_day() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-20/2016-02-24")]

    assert at(claims, "2016-02-24").certain


@pytest.mark.parametrize("day", ["2016-02-20", "2016-02-23"])
def test_rule_8_between_earliest_and_latest_the_new_holder_is_uncertain(day: str) -> None:
    control = at([GOVERNMENT_IN_JANUARY, took("is", "2016-02-20/2016-02-24")], day)

    assert ([h.name for h in control.holders], control.certain) == (["is"], False)


def test_rule_8_before_the_earliest_day_the_old_state_stands() -> None:
    control = at([GOVERNMENT_IN_JANUARY, took("is", "2016-02-20/2016-02-24")], "2016-02-19")

    assert ([h.name for h in control.holders], control.certain) == (["government"], True)


def test_rule_8_not_later_than_a_day_counts_from_the_end_of_that_day() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "../2016-02-24")]

    assert [state_at(claims, day)[1] for day in ("2016-02-23", "2016-02-24")] == [
        "government",
        "is",
    ]


def test_rule_8_what_was_settled_last_stands_inside_a_vague_later_change() -> None:
    claims = [
        took("government", "2016-02-22"),
        took("is", "2016-02-20/2016-02-24", known="2016-02-24"),
    ]

    assert state_at([claims[0], held("government", "2016-02-22"), claims[1]], "2016-02-21") == (
        "unknown",
    )


def test_rule_9_holding_lasts_until_other_evidence() -> None:
    assert state_at([took("is", "2016-02-23")], "2099-01-01") == ("controlled", "is")


def test_rule_9_holding_does_not_reach_back() -> None:
    assert at([took("is", "2016-02-23")], "2016-02-22") == Control()


def test_rule_9_nothing_is_known_of_a_place_of_which_nothing_was_said() -> None:
    assert at([], "2016-02-23") == Control()


def test_rule_9_the_old_holder_stands_until_the_new_one_comes() -> None:
    claims = [GOVERNMENT_IN_JANUARY, took("is", "2016-02-23")]

    assert state_at(claims, "2016-02-22") == ("controlled", "government")


@pytest.mark.parametrize("reverse", [False, True])
def test_rule_9_a_capture_and_a_recapture_stand_in_either_order_of_filing(reverse: bool) -> None:
    claims = [took("is", "2016-02-23"), took("government", "2016-02-25", root="B")]
    days = ("2016-02-22", "2016-02-23", "2016-02-24", "2016-02-25")

    assert [state_at(claims[::-1] if reverse else claims, day)[1:] for day in days] == [
        (),
        ("is",),
        ("is",),
        ("government",),
    ]


def test_rule_10_since_is_what_the_change_tells() -> None:
    assert since_at([took("is", "2016-02-20/2016-02-24")], "2016-03-01") == (
        "2016-02-20",
        "2016-02-24",
    )


def test_rule_10_a_statement_tells_only_that_it_began_not_later() -> None:
    assert since_at([held("is", "2016-02-23")], "2016-03-01") == (None, "2016-02-23")


def test_rule_10_a_later_statement_does_not_move_since() -> None:
    claims = [took("is", "2016-02-23"), held("is", "2016-03-01", root="B")]

    assert since_at(claims, "2016-03-02") == ("2016-02-23", "2016-02-23")


def test_rule_10_last_confirmed_is_the_latest_evidence_up_to_that_day() -> None:
    claims = [
        took("is", "2016-02-23"),
        held("is", "2016-02-26", root="B"),
        held("is", "2016-03-05", root="C"),
    ]

    assert at(claims, "2016-03-01").last_confirmed == "2016-02-26"


def test_rule_10_nothing_is_confirmed_while_the_change_is_uncertain() -> None:
    claims = [took("is", "2016-02-20/2016-02-24"), held("is", "2016-03-05", root="B")]

    assert at(claims, "2016-02-22").last_confirmed is None


def test_rule_10_an_uncertain_change_is_named_though_a_cut_route_is_settled() -> None:
    change = took("is", "2016-02-20/2016-02-24")

    assert at([change, held("is", "2016-03-05", root="B")], "2016-02-22").claim_ids == (
        change.claim.claim_id,
    )


def test_rule_11_several_holders_in_one_claim_share_the_place() -> None:
    claims = [took(("government", "sdf"), "2016-02-23")]

    assert state_at(claims, "2016-02-23") == ("mixed", "government", "sdf")


def test_rule_11_a_name_that_is_no_known_actor_still_holds() -> None:
    claim = took("is", "2016-02-23")
    stranger = ActorMention(as_named="Lions of the Steppe", role=ActorRole.HOLDER)
    changed = ControlChanged(
        claim_id=claim.claim.claim_id,
        report_id="r1",
        report_version="0" * 64,
        actors=(stranger,),
        place=claim.claim.place,
        occurred=claim.claim.occurred,
    )
    named = type(claim)(claim=changed, root="A", known_from=claim.known_from)

    assert state_at([named], "2016-02-23") == ("controlled", "Lions of the Steppe")


def test_rule_11_a_known_and_an_unknown_actor_of_one_name_can_share_a_place() -> None:
    claim = took("is", "2016-02-23")
    actors = (
        ActorMention(as_named="IS", actor_id="islamic-state", name="IS", role=ActorRole.HOLDER),
        ActorMention(as_named="IS", role=ActorRole.HOLDER),
    )
    changed = ControlChanged(
        claim_id=claim.claim.claim_id,
        report_id="r1",
        report_version="0" * 64,
        actors=actors,
        place=claim.claim.place,
        occurred=claim.claim.occurred,
    )
    shared = type(claim)(claim=changed, root="A", known_from=claim.known_from)

    assert [h.actor_id for h in at([shared], "2016-02-23").holders] == [None, "islamic-state"]


def test_rule_12_a_withdrawal_vacates_and_names_no_successor() -> None:
    claims = [took("is", "2016-02-23"), left("is", "2016-02-25")]

    assert state_at(claims, "2016-02-25") == ("vacated",)


def test_rule_12_a_withdrawal_vacates_a_place_of_which_nothing_else_is_known() -> None:
    assert state_at([left("is", "2016-02-25")], "2016-02-25") == ("vacated",)


def test_rule_12_the_withdrawal_of_somebody_else_changes_nothing() -> None:
    claims = [took("is", "2016-02-23"), left("government", "2016-02-25")]

    assert state_at(claims, "2016-02-25") == ("controlled", "is")


def test_rule_12_whoever_shared_the_place_stays_when_the_other_leaves() -> None:
    claims = [took(("government", "sdf"), "2016-02-23"), left("sdf", "2016-02-25")]

    assert state_at(claims, "2016-02-25") == ("controlled", "government")


def test_rule_12_the_evidence_of_who_stays_is_kept() -> None:
    shared, leaving = took(("government", "sdf"), "2016-02-23"), left("sdf", "2016-02-25")

    assert set(at([shared, leaving], "2016-02-25").claim_ids) == {
        shared.claim.claim_id,
        leaving.claim.claim_id,
    }


def test_rule_12_a_second_source_of_a_withdrawal_is_counted() -> None:
    claims = [
        took("is", "2016-02-23"),
        left("is", "2016-02-25"),
        left("is", "2016-02-25", root="B"),
    ]

    assert at(claims, "2016-02-25").sources == 2


def test_rule_13_a_change_to_nobody_named_leaves_the_holder_unknown() -> None:
    claims = [took("government", "2016-02-20"), took(None, "2016-02-23", "government")]

    assert state_at(claims, "2016-02-23") == ("unknown",)


def test_rule_13_a_change_to_nobody_named_may_be_the_change_that_is_known() -> None:
    claims = [took("is", "2016-02-23"), took(None, "2016-02-23", "government", root="B")]

    assert state_at(claims, "2016-02-23") == ("controlled", "is")


def test_rule_13_a_loss_told_afterwards_does_not_hide_who_took_the_place() -> None:
    claims = [took("is", "2016-02-23"), took(None, "../2016-02-26", "government", root="B")]

    assert state_at(claims, "2016-02-26") == ("controlled", "is")


def test_rule_13_a_loss_by_somebody_who_does_not_hold_the_place_changes_nothing() -> None:
    claims = [took("is", "2016-02-23"), took(None, "2016-02-26", "government", root="B")]

    assert state_at(claims, "2016-02-26") == ("controlled", "is")


def test_fighting_before_anything_else_is_known_has_no_holder() -> None:
    assert state_at([fought("2016-02-23")], "2016-02-23") == ("contested",)
