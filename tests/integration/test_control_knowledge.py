"""Control by valid and by known time: the tables say what the fold over what was known says."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.integration.control_world import (
    DAYS,
    Filing,
    amendment,
    filings,
    folded,
    opened_world,
    redated,
    report,
)
from tests.unit.control_helpers import ZONE, held, left, took
from tests.unit.test_control_properties import claims
from timeline.bootstrap import all_projections
from timeline.domain.events import Claim, ClaimRetracted
from timeline.domain.time import moment_end
from timeline.projections import control
from timeline.projections.control_reading import read_controls
from timeline.projections.runner import Runner
from timeline.store.engine import read_transaction

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(filings(), st.data())
def test_at_every_day_as_known_on_every_day_the_tables_answer_as_the_fold_does(
    filed: list[Filing], data: st.DataObject
) -> None:
    known = [*DAYS, None]
    with opened_world() as world:
        for filing in data.draw(st.permutations(filed)):
            world.file(filing)

        expected = [folded(filed, at, on) for on in known for at in DAYS]
        assert world.controls(DAYS, known) == expected


@pytest.mark.parametrize("part_walked_back_max", [0, 3])
@FEW
@given(filed=filings(), data=st.data())
def test_filed_in_any_order_and_in_any_batches_the_rows_are_the_same(
    part_walked_back_max: int, filed: list[Filing], data: st.DataObject
) -> None:
    # With 0, a fold that was kept is always taken back; with 3, seldom in so short a story.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(control, "PART_WALKED_BACK_MAX", part_walked_back_max)
        _file_in_any_order(filed, data)


def _file_in_any_order(filed: list[Filing], data: st.DataObject) -> None:
    with opened_world() as at_once:
        at_once.file(*filed)
        expected = at_once.checksums()
    with opened_world() as world:
        rest = list(data.draw(st.permutations(filed)))
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            world.file(*rest[:size])
            if data.draw(st.booleans()):
                world.runner = Runner(world.store, all_projections())  # keeps no folds
            del rest[:size]

        assert world.checksums() == expected


def known_on_every_day(filed: list[Filing]) -> list[list[object]]:
    with opened_world() as world:
        world.file(*filed)
        return [[*world.controls(DAYS, [on])] for on in [*DAYS, None]]


@FEW
@given(filings(), st.sampled_from(DAYS), st.data())
def test_what_the_source_retracts_is_as_if_never_told_from_then_on(
    filed: list[Filing], day: str, data: st.DataObject
) -> None:
    extra = report(9, [data.draw(claims())], "2016-02-20", source="c")
    claim = extra[1]
    assert isinstance(claim, Claim)
    retracted = known_on_every_day([*filed, extra, amendment(ClaimRetracted, claim, day)])
    never_told, told = known_on_every_day(filed), known_on_every_day([*filed, extra])

    from_then_on = [on >= max(day, "2016-02-20") for on in DAYS] + [True]
    assert retracted == [
        without if is_void else with_
        for without, with_, is_void in zip(never_told, told, from_then_on, strict=True)
    ]


@FEW
@given(filings(), st.data())
def test_what_we_retract_as_misread_leaves_no_row(filed: list[Filing], data: st.DataObject) -> None:
    extra = report(9, [data.draw(claims())], "2016-02-20", source="c")
    claim = extra[1]
    assert isinstance(claim, Claim)
    with opened_world() as never_told:
        never_told.file(*filed)
        expected = never_told.checksums()
    with opened_world() as world:
        for filing in (*filed, extra, amendment(ClaimRetracted, claim, None)):
            world.file(filing)

        assert world.checksums() == expected


FALL = report(1, [took("is", "2016-02-20")], "2016-02-21")


def answers(*filed: Filing) -> list[tuple[str | None, str | None, str, tuple[str, ...], int]]:
    """Valid from and known from, state, holders and sources of each rectangle."""
    with opened_world() as world:
        world.file(*filed)
        return [
            (
                f"{k.valid_from:%d}-{k.valid_to:%d}" if k.valid_to else f"{k.valid_from:%d}-",
                f"{k.known_from:%d}-{k.known_to:%d}" if k.known_to else f"{k.known_from:%d}-",
                k.control.state.value,
                tuple(h.name for h in k.control.holders),
                k.control.sources,
            )
            for k in world.reader.control_knowledge("khanasser")
        ]


def test_one_claim_is_uncertain_for_its_day_and_holds_on() -> None:
    # In UTC a day in Damascus begins at 22:00 on the day before.
    assert answers(FALL) == [
        ("19-20", "21-", "controlled", ("is",), 1),
        ("20-", "21-", "controlled", ("is",), 1),
    ]


def test_what_another_source_confirms_later_is_known_later() -> None:
    confirmed = report(2, [held("is", "2016-02-24")], "2016-02-25", source="b")

    assert answers(FALL, confirmed) == [
        ("19-20", "21-", "controlled", ("is",), 1),
        ("20-", "21-25", "controlled", ("is",), 1),
        ("20-24", "25-", "controlled", ("is",), 1),
        ("24-", "25-", "controlled", ("is",), 2),
    ]


def test_a_retraction_ends_what_was_known_and_not_what_had_been() -> None:
    claim = FALL[1]
    assert isinstance(claim, Claim)

    assert answers(FALL, amendment(ClaimRetracted, claim, "2016-02-26")) == [
        ("19-20", "21-26", "controlled", ("is",), 1),
        ("20-", "21-26", "controlled", ("is",), 1),
    ]


def test_a_corrected_date_is_known_from_the_day_of_the_correction() -> None:
    claim = FALL[1]
    assert isinstance(claim, Claim)

    assert answers(FALL, redated(claim, "2016-02-18", "2016-02-26")) == [
        ("19-20", "21-26", "controlled", ("is",), 1),
        ("20-", "21-26", "controlled", ("is",), 1),
        ("17-18", "26-", "controlled", ("is",), 1),
        ("18-", "26-", "controlled", ("is",), 1),
    ]


def test_what_was_misread_was_never_known_so() -> None:
    claim = FALL[1]
    assert isinstance(claim, Claim)

    assert answers(FALL, redated(claim, "2016-02-18", None)) == [
        ("17-18", "21-", "controlled", ("is",), 1),
        ("18-", "21-", "controlled", ("is",), 1),
    ]


def test_who_left_is_known_from_the_report_of_it() -> None:
    gone = report(2, [left("is", "2016-02-22")], "2016-02-24", source="b")

    assert answers(FALL, gone)[-2:] == [
        ("21-22", "24-", "vacated", (), 1),
        ("22-", "24-", "vacated", (), 1),
    ]


def test_a_map_without_claims_gives_the_same_answers() -> None:
    gone = report(2, [left("is", "2016-02-22")], "2016-02-24", source="b")
    with opened_world() as world:
        world.file(FALL, gone)
        with read_transaction(world.engine) as connection:
            asked = (connection, "main", None, moment_end("2016-02-23", ZONE), None)
            with_claims = read_controls(*asked)
            without = read_controls(*asked, with_claims=False)

    assert without == {p: replace(c, claim_ids=()) for p, c in with_claims.items()}
    assert without["khanasser"].state.value == "vacated"
