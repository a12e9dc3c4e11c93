"""What a report may assert: validation, and ids that are derived and never random."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    ClaimType,
    Evidence,
    Fatalities,
    Harm,
    ProposedClaim,
    Quantity,
    StatementKind,
    check_figures,
    check_sides,
    claim_id,
    identified,
)
from timeline.domain.events import CLAIM_TYPES
from timeline.domain.places import PlaceMention
from timeline.domain.time import on_day

VERSION = "0" * 64
STRIKE = ProposedClaim(
    type=ClaimType.AIRSTRIKE,
    place=PlaceMention(as_named="Khanasser", place_id="khanasser"),
    occurred=on_day("2016-02-23"),
    evidence=Evidence(span_start=10, span_end=30),
    coded_by="rules 1.0",
)


def test_a_statement_needs_a_kind() -> None:
    with pytest.raises(ValueError, match="a Statement needs one"):
        ProposedClaim(type=ClaimType.STATEMENT)


def test_only_a_statement_has_a_kind() -> None:
    with pytest.raises(ValueError, match="belongs to a Statement"):
        ProposedClaim(type=ClaimType.CLASH, statement_kind=StatementKind.OPINION)


@pytest.mark.parametrize(
    ("low", "best", "high"), [(1, 1, 1), (1, 2, 3), (None, 2, None), (0, None, 5)]
)
def test_fatalities_lie_in_order(low: int | None, best: int | None, high: int | None) -> None:
    assert Fatalities(low=low, best=best, high=high).best == best


@pytest.mark.parametrize(("low", "best", "high"), [(3, 2, None), (None, 3, 2), (4, None, 3)])
def test_fatalities_out_of_order_are_refused(
    low: int | None, best: int | None, high: int | None
) -> None:
    with pytest.raises(ValueError, match="low <= best <= high"):
        Fatalities(low=low, best=best, high=high)


def test_fatalities_of_no_number_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Fatalities()


def killed(group: str, **figures: Any) -> CasualtyCount:  # noqa: ANN401
    return msgspec.convert({"harm": "killed", "group": group, **figures}, CasualtyCount)


WOUNDED = CasualtyCount(harm=Harm.WOUNDED, group=CasualtyGroup.CIVILIANS, best=900)


@pytest.mark.parametrize(
    "casualties",
    [
        [],
        [WOUNDED],
        [killed("civilians", best=14)],
        [killed("civilians", best=5), killed("combatants", low=7, best=9), WOUNDED],
        [killed("civilians", low=12, high=90), killed("unknown", as_named="some")],
    ],
)
def test_the_killed_that_are_counted_apart_fit_into_the_total(
    casualties: list[CasualtyCount],
) -> None:
    check_figures(Fatalities(low=12, best=14, high=15), casualties)


@pytest.mark.parametrize(
    ("total", "casualties", "told"),
    [
        (
            None,
            [killed("unknown", as_named="some")],
            (
                "casualties tell of people killed, so fatalities must say how many in all,"
                " at least low"
            ),
        ),
        (
            {"best": 9, "high": 10},
            [killed("civilians", low=6), killed("combatants", low=5, best=90)],
            "casualties count at least 11 killed, more than the 10 of fatalities",
        ),
        (
            {"best": 10},
            [killed("civilians", low=6), killed("combatants", best=5)],
            "casualties count at least 11 killed, more than the 10 of fatalities",
        ),
        (
            {"low": 3, "best": 10, "high": 20},
            [killed("civilians", low=1, best=6), killed("combatants", low=1, best=5)],
            "casualties add up to 11 killed by their best counts, more than the 10 of fatalities",
        ),
    ],
)
def test_more_killed_than_there_are_in_all_are_refused(
    total: dict[str, int] | None, casualties: list[CasualtyCount], told: str
) -> None:
    fatalities = None if total is None else Fatalities(**total)

    with pytest.raises(ValueError, match=f"^{told}$"):
        check_figures(fatalities, casualties)
    with pytest.raises(ValueError, match=f"^{told}$"):
        ProposedClaim(type=ClaimType.CLASH, fatalities=fatalities, casualties=tuple(casualties))


def test_a_total_that_is_only_known_from_below_holds_any_part() -> None:
    check_figures(Fatalities(low=1), [killed("civilians", best=40)])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "needs at least one of low, best, high and as_named"),
        ({"low": 3, "best": 2}, "must have low <= best <= high"),
        ({"best": 2, "role": "target"}, "role is for whom combatants fought"),
        ({"best": -1}, "Expected `int` >= 0"),
        ({"best": 2, "of": "them"}, "unknown field `of`"),
        ({"best": 2, "harm": "hurt"}, "Invalid enum value 'hurt'"),
    ],
)
def test_a_count_of_casualties_that_does_not_fit_is_refused(
    fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        killed("civilians", **fields)


def test_combatants_fought_for_an_actor_of_the_claim() -> None:
    army = ActorMention(as_named="the army", role=ActorRole.TARGET)
    dead = killed("combatants", role="target", best=2)

    check_sides([army], [dead, WOUNDED])
    with pytest.raises(ValueError, match=r"^casualties name the role target, which no actor of"):
        check_sides([], [dead])


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5)])
def test_a_span_that_covers_nothing_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="span_start < span_end"):
        Evidence(span_start=start, span_end=end)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "Airstrike", "confidence": 1.5},
        {"type": "Airstrike", "modality": "rumoured"},
        {"type": "Airstrike", "colour": "red"},
        {"type": "Airstrike", "evidence": {"span_start": -1, "span_end": 2}},
        {"type": "Airstrike", "fatalities": {"low": 3, "best": 2}},
        {"type": "Airstrike", "actors": [{"as_named": "IS", "role": "owner"}]},
        {"type": "Airstrike", "attributed_to": ""},
        {"type": "Earthquake"},
        {"type": "Statement"},
    ],
)
def test_a_coded_claim_that_does_not_fit_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, ProposedClaim)


def test_a_quantity_is_not_below_zero() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"value": -1, "unit": "villages"}, Quantity)


def test_every_claim_type_has_an_event() -> None:
    assert sorted(CLAIM_TYPES) == sorted(t.value for t in ClaimType)


def test_the_id_of_a_claim_is_derived_from_what_it_is() -> None:
    assert claim_id(STRIKE, VERSION, 0) == "c-5396b4bcbc6d9970f49e"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", ClaimType.SHELLING),
        ("place", PlaceMention(as_named="Kweires")),
        ("place", None),
        ("evidence", Evidence(span_start=10, span_end=31)),
        ("evidence", None),
        ("coded_by", "anna"),
        ("ref", "c1"),
    ],
)
def test_the_id_differs_where_the_claim_differs(field: str, value: object) -> None:
    other = msgspec.structs.replace(STRIKE, **{field: value})

    assert claim_id(other, VERSION, 0) != claim_id(STRIKE, VERSION, 0)


def test_the_id_differs_in_another_version_of_the_report() -> None:
    assert claim_id(STRIKE, "1" * 64, 0) != claim_id(STRIKE, VERSION, 0)


def test_a_corrected_date_does_not_change_the_id() -> None:
    moved = msgspec.structs.replace(STRIKE, occurred=on_day("2016-02-24"))

    assert claim_id(moved, VERSION, 0) == claim_id(STRIKE, VERSION, 0)


def test_fields_of_an_id_cannot_run_into_each_other() -> None:
    one = msgspec.structs.replace(STRIKE, coded_by="a", ref="bc")
    other = msgspec.structs.replace(STRIKE, coded_by="ab", ref="c")

    assert claim_id(one, VERSION, 0) != claim_id(other, VERSION, 0)


def test_claims_of_one_report_that_agree_have_different_ids() -> None:
    assert len(set(identified((STRIKE, STRIKE, STRIKE), VERSION))) == 3


def test_filing_again_gives_the_same_ids() -> None:
    assert identified((STRIKE, STRIKE), VERSION) == identified((STRIKE, STRIKE), VERSION)
