"""Sieges, cut routes, and how many sources there are (docs/control.md, rules 19 and 20)."""

from __future__ import annotations

import pytest

from tests.unit.control_helpers import at, held, left, told, took
from timeline.domain.control import Condition
from timeline.domain.events import RouteCut, RouteOpened, SiegeBegan, SiegeEnded


@pytest.mark.parametrize(
    ("type_", "condition"),
    [(SiegeBegan, Condition.BESIEGED), (RouteCut, Condition.CUT_OFF)],
)
def test_rule_19_a_condition_stands_beside_the_holder(
    type_: type[SiegeBegan | RouteCut], condition: Condition
) -> None:
    control = at([took("government", "2016-01-10"), told(type_, "2016-02-20")], "2016-02-21")

    assert (control.state, control.conditions) == ("controlled", (condition,))


@pytest.mark.parametrize(("began", "ended"), [(SiegeBegan, SiegeEnded), (RouteCut, RouteOpened)])
def test_rule_19_a_condition_lasts_until_it_is_ended(
    began: type[SiegeBegan | RouteCut], ended: type[SiegeEnded | RouteOpened]
) -> None:
    claims = [
        took("government", "2016-01-10"),
        told(began, "2016-02-20"),
        told(ended, "2016-02-24"),
    ]

    assert [len(at(claims, f"2016-02-{d}").conditions) for d in (19, 20, 23, 24)] == [0, 1, 1, 0]


def test_rule_19_a_route_cut_and_opened_on_one_day_is_open() -> None:
    claims = [told(RouteOpened, "2016-02-20"), told(RouteCut, "2016-02-20", root="B")]

    assert at(claims, "2016-02-20").conditions == ()


@pytest.mark.parametrize("via_withdrawal", [False, True])
def test_rule_19_a_siege_ends_when_the_place_changes_hands(via_withdrawal: bool) -> None:
    claims = [took("government", "2016-01-10"), told(SiegeBegan, "2016-02-20")]
    claims += [left("government", "2016-02-23")] if via_withdrawal else []

    assert at([*claims, took("is", "2016-02-24")], "2016-02-24").conditions == ()


def test_rule_19_a_dispute_does_not_lift_a_siege() -> None:
    claims = [
        took("government", "2016-01-10"),
        told(SiegeBegan, "2016-02-20"),
        took("is", "2016-02-23"),
        held("government", "2016-02-23", root="B"),
        held("government", "2016-02-25", root="B"),
    ]

    assert at(claims, "2016-02-26").conditions == (Condition.BESIEGED,)


def test_rule_19_a_route_stays_cut_when_the_place_changes_hands() -> None:
    claims = [
        took("government", "2016-01-10"),
        told(RouteCut, "2016-02-20"),
        took("is", "2016-02-24"),
    ]

    assert at(claims, "2016-02-25").conditions == (Condition.CUT_OFF,)


def test_rule_19_a_condition_is_no_evidence_of_the_holder() -> None:
    claims = [took("government", "2016-01-10"), told(RouteCut, "2016-02-20", root="B")]

    assert at(claims, "2016-02-21").last_confirmed == "2016-01-10"


def test_rule_19_an_uncertain_change_is_named_beside_a_settled_condition() -> None:
    change = took("is", "2016-02-20/2016-02-24")
    claims = [told(RouteCut, "2016-02-01"), change]

    assert change.claim.claim_id in at(claims, "2016-02-22").claim_ids


def test_rule_20_one_root_told_three_times_is_one_source() -> None:
    claims = [held("is", "2016-02-23", report=f"r{n}") for n in (1, 2, 3)]

    assert at(claims, "2016-02-23").sources == 1


def test_rule_20_two_roots_are_two_sources() -> None:
    claims = [took("is", "2016-02-23"), held("is", "2016-02-24", root="B")]

    assert at(claims, "2016-02-24").sources == 2


def test_rule_20_a_source_does_not_count_before_its_evidence() -> None:
    claims = [took("is", "2016-02-23"), held("is", "2016-03-05", root="B")]

    assert at(claims, "2016-02-24").sources == 1
