"""What is true of control whatever was told (docs/control.md, rules 1-9, 20 and 21)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.control_helpers import ZONE, fought, held, left, told, took
from timeline.domain.claims import Modality, Polarity
from timeline.domain.control import ControlClaim, control_at, control_spans
from timeline.domain.events import RouteCut, RouteOpened, SiegeBegan, SiegeEnded
from timeline.domain.time import moment_end, start_of

HOLDERS = st.sampled_from(["government", "is", "sdf"])
ROOTS = st.sampled_from(["A", "B", "C"])
DAYS = [f"2016-02-{day:02}" for day in range(20, 28)]


@st.composite
def dates(draw: st.DrawFn) -> str:
    first, last = sorted(draw(st.tuples(st.integers(20, 26), st.integers(20, 26))))
    day, later = f"2016-02-{first:02}", f"2016-02-{last:02}"
    vague = "2016-02" if first == 20 else f"../{later}"
    return draw(st.sampled_from([day, day, f"{day}/{later}", vague]))


@st.composite
def claims(draw: st.DrawFn) -> ControlClaim:
    day, root, who = draw(dates()), draw(ROOTS), draw(HOLDERS)
    known = draw(st.sampled_from([None, "2016-03-01", "2016-03-02"]))
    kind = draw(st.integers(0, 9))
    if kind <= 2:
        return took(who, day, draw(st.none() | HOLDERS), root=root, known=known)
    if kind == 3:
        return took(draw(st.sampled_from([None, ("is", "sdf")])), day, root=root, known=known)
    if kind <= 5:
        return held(who, day, root=root, known=known)
    if kind == 6:
        return left(who, day, root=root, known=known)
    if kind == 7:
        return fought(day, root=root, known=known)
    condition = draw(st.sampled_from([SiegeBegan, SiegeEnded, RouteCut, RouteOpened]))
    return told(condition, day, root=root, known=known)


stories = st.lists(claims(), max_size=8, unique_by=lambda c: c.claim.claim_id)


# Each claim from a root of its own, so that no root supersedes itself.
independent = stories.map(lambda story: [replace(c, root=f"root-{n}") for n, c in enumerate(story)])


@given(st.data(), stories)
def test_rule_21_the_order_of_the_claims_does_not_matter(
    data: st.DataObject, story: list[ControlClaim]
) -> None:
    shuffled = data.draw(st.permutations(story))

    assert control_spans(shuffled, ZONE) == control_spans(story, ZONE)


@given(stories)
def test_rule_21_spans_follow_one_another_without_overlap_or_gap(story: list[ControlClaim]) -> None:
    spans = control_spans(story, ZONE)

    assert all(one.valid_to == next_.valid_from for one, next_ in pairwise(spans))


@given(stories)
def test_rule_21_no_span_is_empty(story: list[ControlClaim]) -> None:
    spans = control_spans(story, ZONE)

    assert all(s.valid_to is None or s.valid_from < s.valid_to for s in spans)


@given(stories)
def test_rule_9_only_the_last_span_is_open(story: list[ControlClaim]) -> None:
    spans = control_spans(story, ZONE)

    assert [s.valid_to is None for s in spans] == [False] * (len(spans) - 1) + [True] * bool(spans)


@given(stories)
def test_rule_9_nothing_is_said_of_the_time_before_the_first_evidence(
    story: list[ControlClaim],
) -> None:
    spans = control_spans(story, ZONE)
    bounds = [c.claim.occurred.earliest or c.claim.occurred.latest or "" for c in story]

    assert all(s.valid_from >= start_of(min(bounds), ZONE) for s in spans)


@given(stories, claims())
def test_rule_1_what_is_only_forecast_changes_nothing(
    story: list[ControlClaim], extra: ControlClaim
) -> None:
    forecast = replace(extra, claim=replace(extra.claim, modality=Modality.FORECAST))

    assert control_spans([*story, forecast], ZONE) == control_spans(story, ZONE)


@given(stories, claims())
def test_rule_2_what_is_negated_changes_nothing(
    story: list[ControlClaim], extra: ControlClaim
) -> None:
    negated = replace(extra, claim=replace(extra.claim, polarity=Polarity.NEGATED))

    assert control_spans([*story, negated], ZONE) == control_spans(story, ZONE)


@given(stories, claims())
def test_rule_4_what_happened_somewhere_in_the_region_changes_nothing(
    story: list[ControlClaim], extra: ControlClaim
) -> None:
    assert extra.claim.place is not None
    region = replace(extra.claim.place, geo_precision=3)
    vague = replace(extra, claim=replace(extra.claim, place=region))

    assert control_spans([*story, vague], ZONE) == control_spans(story, ZONE)


def holders_by_day(story: Sequence[ControlClaim]) -> list[tuple[str, ...]]:
    spans = control_spans(story, ZONE)
    days = [control_at(spans, moment_end(day, ZONE)) for day in DAYS]
    return [(control.state.value, *(h.name for h in control.holders)) for control in days]


@given(st.data(), independent.filter(bool))
def test_rule_20_the_same_told_by_another_root_never_changes_the_holder(
    data: st.DataObject, story: list[ControlClaim]
) -> None:
    again = data.draw(st.sampled_from(story))
    copied = replace(again.claim, claim_id="c-" + "f" * 20, report_id="another")

    assert holders_by_day([*story, replace(again, claim=copied, root="another")]) == (
        holders_by_day(story)
    )


@given(stories)
def test_rule_20_no_more_sources_are_counted_than_roots_spoke(story: list[ControlClaim]) -> None:
    spans = control_spans(story, ZONE)
    roots = {c.root for c in story}

    assert all(control_at(spans, moment_end(day, ZONE)).sources <= len(roots) for day in DAYS)


@given(stories)
def test_rule_10_nothing_is_confirmed_by_a_later_day(story: list[ControlClaim]) -> None:
    spans = control_spans(story, ZONE)

    assert all((control_at(spans, moment_end(d, ZONE)).last_confirmed or "") <= d for d in DAYS)
