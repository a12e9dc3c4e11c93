"""Rival claims, fighting, corrected dates and ties (docs/control.md, rules 14-18)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.control_helpers import at, fought, held, left, since_at, state_at, took
from timeline.domain.control import ControlClaim


def test_rule_14_different_holders_from_different_roots_contest_the_day() -> None:
    claims = [took("is", "2016-02-23"), took("government", "2016-02-23", root="B")]

    assert state_at(claims, "2016-02-23") == ("contested", "government", "is")


def test_rule_14_a_dispute_lasts_while_nothing_later_is_told() -> None:
    claims = [took("is", "2016-02-23"), took("government", "2016-02-23", root="B")]

    assert state_at(claims, "2016-06-01") == ("contested", "government", "is")


def test_rule_14_a_dispute_ends_with_later_dated_evidence() -> None:
    claims = [
        took("is", "2016-02-23"),
        took("government", "2016-02-23", root="B"),
        held("is", "2016-02-24", root="C"),
    ]

    assert state_at(claims, "2016-02-24") == ("controlled", "is")


def test_rule_14_a_third_voice_on_the_same_day_does_not_settle_a_dispute() -> None:
    claims = [
        took("is", "2016-02-23"),
        took("government", "2016-02-23", root="B"),
        held("is", "2016-02-23", root="C"),
    ]

    assert state_at(claims, "2016-02-23") == ("contested", "government", "is")


def test_rule_14_a_third_holder_joins_the_dispute() -> None:
    claims = [
        took("is", "2016-02-23"),
        took("government", "2016-02-23", root="B"),
        took("nusra", "2016-02-23", root="C"),
    ]

    assert state_at(claims, "2016-02-23") == ("contested", "government", "is", "nusra")


def test_rule_14_before_the_disputed_day_the_old_state_stands() -> None:
    claims = [
        took("government", "2016-01-10"),
        took("is", "2016-02-23"),
        held("government", "2016-02-23", root="B"),
    ]

    assert state_at(claims, "2016-02-22") == ("controlled", "government")


def test_rule_14_who_is_said_to_have_left_and_to_hold_the_place_is_disputed() -> None:
    claims = [
        took("is", "2016-02-20"),
        left("is", "2016-02-23", root="B"),
        held("is", "2016-02-23", root="C"),
    ]

    assert state_at(claims, "2016-02-23") == ("contested", "is")


def test_rule_14_a_capture_and_a_withdrawal_by_the_newcomer_are_disputed() -> None:
    claims = [
        took("government", "2016-01-10"),
        took("is", "2016-02-23"),
        left("is", "2016-02-23", root="B"),
    ]

    assert state_at(claims, "2016-02-23") == ("contested", "is")


def test_rule_14_a_vague_change_follows_what_was_only_stated_before_its_end() -> None:
    claims = [held("is", "2016-02-22"), took("government", "2016-02-20/2016-02-24", root="B")]

    assert [state_at(claims, day) for day in ("2016-02-22", "2016-02-24")] == [
        ("controlled", "is"),
        ("controlled", "government"),
    ]


def test_rule_14_a_vague_withdrawal_follows_the_capture() -> None:
    claims = [took("is", "2016-02-23"), left("is", "2016-02-23/2016-02-25", root="B")]

    assert [state_at(claims, day) for day in ("2016-02-23", "2016-02-25")] == [
        ("controlled", "is"),
        ("vacated",),
    ]


def test_rule_14_one_root_cannot_contest_itself() -> None:
    claims = [took("is", "2016-02-23", report="r1"), took("nusra", "2016-02-23", report="r1")]

    assert at(claims, "2016-02-23").state == "controlled"


def test_rule_14_a_withdrawal_of_one_side_leaves_the_other() -> None:
    claims = [
        took("is", "2016-02-23"),
        took("government", "2016-02-23", root="B"),
        left("is", "2016-02-25", root="C"),
    ]

    assert state_at(claims, "2016-02-25") == ("controlled", "government")


def test_rule_15_fighting_inside_contests_its_day() -> None:
    claims = [took("government", "2016-01-10"), fought("2016-02-23", root="B")]

    assert [state_at(claims, f"2016-02-{d}") for d in (22, 23, 24)] == [
        ("controlled", "government"),
        ("contested", "government"),
        ("controlled", "government"),
    ]


def test_rule_15_fighting_over_several_days_contests_them_all() -> None:
    claims = [took("government", "2016-01-10"), fought("2016-02-23/2016-02-25", root="B")]

    assert [at(claims, f"2016-02-{d}").state for d in (23, 24, 25)] == ["contested"] * 3


def test_rule_15_fighting_at_an_hour_contests_the_rest_of_the_day() -> None:
    claims = [took("government", "2016-01-10"), fought("2016-02-23T10:00+02:00", root="B")]

    assert state_at(claims, "2016-02-23") == ("contested", "government")


def test_rule_15_fighting_in_some_month_contests_no_day() -> None:
    claims = [took("government", "2016-01-10"), fought("2016-02", root="B")]

    assert state_at(claims, "2016-02-23") == ("controlled", "government")


def test_rule_15_fighting_not_later_than_a_day_contests_no_day() -> None:
    claims = [took("government", "2016-01-10"), fought("../2016-02-23", root="B")]

    assert state_at(claims, "2016-02-23") == ("controlled", "government")


def test_rule_15_a_capture_on_the_day_is_what_the_fighting_led_to() -> None:
    claims = [took("is", "2016-02-23"), fought("2016-02-23", root="B")]

    assert state_at(claims, "2016-02-23") == ("controlled", "is")


def test_rule_15_a_mere_statement_does_not_end_the_fighting() -> None:
    claims = [held("government", "2016-02-23"), fought("2016-02-23", root="B")]

    assert state_at(claims, "2016-02-23") == ("contested", "government")


def test_rule_15_rival_claims_are_named_beside_the_fighting() -> None:
    rivals = [took("is", "2016-02-23"), took("government", "2016-02-23", root="B")]
    claims = [*rivals, fought("2016-02-25", root="C")]

    assert {c.claim.claim_id for c in claims} == set(at(claims, "2016-02-25").claim_ids)


def test_rule_16_a_later_report_of_one_root_supersedes_the_earlier() -> None:
    claims = [
        took("is", "2016-02-23", known="2016-02-24"),
        held("government", "2016-02-23", known="2016-02-25"),
    ]

    assert state_at(claims, "2016-02-23") == ("controlled", "government")


def test_rule_16_a_later_report_of_another_root_does_not() -> None:
    claims = [
        took("is", "2016-02-23", known="2016-02-24"),
        held("government", "2016-02-23", root="B", known="2016-02-25"),
    ]

    assert state_at(claims, "2016-02-23") == ("contested", "government", "is")


def test_rule_16_a_root_that_puts_its_date_right_has_one_date() -> None:
    claims = [
        took("is", "2016-02-23", known="2016-02-24"),
        took("is", "2016-02-25", known="2016-02-27"),
    ]

    assert since_at(claims, "2016-03-01") == ("2016-02-25", "2016-02-25")


def test_rule_16_taking_a_place_twice_is_no_corrected_date_when_it_was_lost_between() -> None:
    claims = [
        took("is", "2016-02-23"),
        took("government", "2016-02-25"),
        took("is", "2016-02-27"),
    ]

    assert [state_at(claims, f"2016-02-{d}")[1] for d in (23, 25, 27)] == ["is", "government", "is"]


def test_rule_16_a_retelling_under_a_vague_date_supersedes_nothing() -> None:
    claims = [took("is", "2016-02-23"), took("is", "../2016-03-01", known="2016-03-01")]

    assert [state_at(claims, day) for day in ("2016-02-24", "2016-03-01")] == [
        ("controlled", "is"),
        ("controlled", "is"),
    ]


def test_rule_16_a_withdrawal_told_later_does_not_undo_the_capture() -> None:
    claims = [
        took("government", "2016-01-10"),
        took("is", "2016-02-23"),
        left("is", "2016-02-23/2016-02-25", known="2016-02-26"),
    ]

    assert [state_at(claims, f"2016-02-{d}") for d in (23, 25)] == [
        ("controlled", "is"),
        ("vacated",),
    ]


def test_rule_17_two_roots_with_two_dates_give_both_bounds() -> None:
    claims = [took("is", "2016-02-23"), took("is", "2016-02-24", root="B")]

    assert since_at(claims, "2016-03-01") == ("2016-02-23", "2016-02-24")


@pytest.mark.parametrize(
    ("moment", "certain"), [("2016-02-23", False), ("2016-02-24T23:59:00+02:00", False),
                            ("2016-02-24", True)],
)  # fmt: skip
def test_rule_17_a_disputed_date_is_uncertain_until_the_end_of_the_later_one(
    moment: str, certain: bool
) -> None:
    claims = [took("is", "2016-02-23"), took("is", "2016-02-24", root="B")]

    assert at(claims, moment).certain is certain


def test_rule_17_a_disputed_date_does_not_dispute_the_holder() -> None:
    claims = [took("is", "2016-02-23"), took("is", "2016-02-24", root="B")]

    assert state_at(claims, "2016-02-23") == ("controlled", "is")


def test_rule_17_not_later_than_a_day_disputes_no_earlier_date() -> None:
    control = at([took("is", "2016-02-22"), took("is", "../2016-02-24", root="B")], "2016-02-23")

    assert (control.since_earliest, control.since_latest, control.certain) == (
        "2016-02-22",
        "2016-02-22",
        True,
    )


def test_rule_17_a_closer_date_narrows_a_vague_one() -> None:
    claims = [took("is", "2016-02-20/2016-02-24"), took("is", "2016-02-22", root="B")]

    assert since_at(claims, "2016-03-01") == ("2016-02-22", "2016-02-22")


def test_rule_17_two_dates_that_overlap_give_what_they_share() -> None:
    claims = [took("is", "2016-02-20/2016-02-23"), took("is", "2016-02-22/2016-02-25", root="B")]

    assert since_at(claims, "2016-03-01") == ("2016-02-22", "2016-02-23")


def test_rule_17_a_month_that_holds_a_known_day_changes_nothing() -> None:
    claims = [
        took("is", "2016-02-23"),
        took("government", "2016-02-25"),
        took("government", "2016-02", root="B"),
    ]

    assert since_at(claims, "2016-03-01") == ("2016-02-25", "2016-02-25")


def test_rule_17_a_later_capture_by_who_is_said_to_hold_the_place_is_only_a_confirmation() -> None:
    claims = [held("is", "2016-02-23"), took("is", "2016-02-25", root="B")]

    assert since_at(claims, "2016-03-01") == (None, "2016-02-23")


def test_rule_18_on_one_day_the_holder_leaves_before_another_comes() -> None:
    claims = [
        took("is", "2016-02-20"),
        took("government", "2016-02-24", root="B"),
        left("is", "2016-02-24", root="C"),
    ]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


def test_rule_18_who_did_not_hold_the_place_came_before_leaving_it() -> None:
    claims = [
        took("government", "2016-02-20"),
        left("is", "2016-02-24", report="r1"),
        took("is", "2016-02-24", report="r1"),
    ]

    assert state_at(claims, "2016-02-24") == ("vacated",)


def test_rule_18_a_place_lost_and_retaken_on_one_day_is_the_old_holders() -> None:
    claims = [
        took("government", "2016-02-20"),
        took("government", "2016-02-24", "is", report="r1", offset=0),
        took("is", "2016-02-24", "government", report="r1", offset=50),
    ]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


def test_rule_18_a_change_outdoes_what_its_own_root_states_of_that_day() -> None:
    claims = [
        held("is", "2016-02-24", report="r1"),
        took("government", "2016-02-24", report="r1"),
    ]

    assert state_at(claims, "2016-02-24") == ("controlled", "government")


def test_rule_18_otherwise_the_text_gives_the_order() -> None:
    claims = [
        took("nusra", "2016-02-24", report="r1", offset=90),
        took("is", "2016-02-24", report="r1", offset=10),
    ]

    assert state_at(claims, "2016-02-24") == ("controlled", "nusra")


def part_of_government(claim: ControlClaim) -> ControlClaim:
    return replace(claim, wholes={"tiger-forces": "government"})


def test_rule_14_a_formation_and_the_army_it_is_part_of_are_no_rivals() -> None:
    claims = [
        part_of_government(took("tiger-forces", "2016-02-25")),
        took("government", "2016-02-25", root="B"),
    ]

    assert state_at(claims, "2016-02-25") == ("controlled", "government")


def test_rule_14_a_formation_alone_is_named_as_the_holder() -> None:
    claims = [part_of_government(took("tiger-forces", "2016-02-25"))]

    assert state_at(claims, "2016-02-25") == ("controlled", "tiger-forces")


def test_rule_14_an_army_leaves_what_its_formation_held() -> None:
    claims = [
        part_of_government(took("tiger-forces", "2016-02-25")),
        left("government", "2016-02-27", root="B"),
    ]

    assert state_at(claims, "2016-02-27") == ("vacated",)
