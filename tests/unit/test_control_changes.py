"""Two folds of one place are compared stretch by stretch of valid time."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.control_helpers import ZONE, held, took
from timeline.domain.control import ControlSpan, ControlState, control_spans
from timeline.domain.control_changes import ControlChange, control_changes
from timeline.domain.holders import ControlClaim
from timeline.domain.time import start_of


def spans_of(*claims: ControlClaim) -> tuple[ControlSpan, ...]:
    return control_spans(claims, ZONE)


def moment(day: str) -> datetime:
    return start_of(day, ZONE)


def told(change: ControlChange) -> tuple[str, str]:
    def side(state: ControlState, names: tuple[str, ...]) -> str:
        return " ".join([state.value, *names])

    return (
        side(change.before.state, tuple(h.name for h in change.before.holders)),
        side(change.after.state, tuple(h.name for h in change.after.holders)),
    )


def test_equal_folds_do_not_differ() -> None:
    spans = spans_of(took("IS", "2016-02-23"))

    assert control_changes(spans, spans) == ()


def test_a_first_word_about_a_place_differs_from_its_beginning_on() -> None:
    [change] = control_changes((), spans_of(took("IS", "2016-02-23")))

    assert told(change) == ("unknown", "controlled IS")
    assert change.valid_from == moment("2016-02-23")
    assert change.valid_to is None


def test_what_was_taken_back_leaves_the_rest_alone() -> None:
    taken, retaken = took("IS", "2016-02-23"), took("SAA", "2016-02-25")

    [change] = control_changes(spans_of(taken, retaken), spans_of(taken))

    assert told(change) == ("controlled SAA", "controlled IS")
    assert (change.valid_from, change.valid_to) == (moment("2016-02-25"), None)


def test_one_more_source_is_no_difference_of_control() -> None:
    taken = took("IS", "2016-02-23")

    assert (
        control_changes(spans_of(taken), spans_of(taken, held("IS", "2016-02-24", root="B"))) == ()
    )


def test_a_closer_date_is_told_though_the_holder_is_the_same() -> None:
    before = spans_of(held("IS", "2016-02-24"))
    after = spans_of(held("IS", "2016-02-24"), took("IS", "2016-02-23", root="B"))

    changes = control_changes(before, after)

    assert [told(c)[1] for c in changes] == ["controlled IS", "controlled IS"]
    assert changes[-1].before.since_latest == "2016-02-24"
    assert changes[-1].after.since_latest == "2016-02-23"


CLAIMS = st.lists(
    st.builds(
        took,
        st.sampled_from(["IS", "SAA", "SDF"]),
        st.sampled_from(["2016-02-20", "2016-02-23", "2016-02-25", "2016-02-28"]),
        root=st.sampled_from(["A", "B"]),
    ),
    max_size=5,
)


def at(spans: tuple[ControlSpan, ...], day: str) -> tuple[ControlState, tuple[str, ...]]:
    when = moment(day)
    for span in spans:
        if span.valid_from <= when and (span.valid_to is None or when < span.valid_to):
            return span.state, tuple(h.name for h in span.holders)
    return ControlState.UNKNOWN, ()


@given(one=CLAIMS, other=CLAIMS)
def test_outside_the_changes_both_folds_hold_the_same(
    one: list[ControlClaim], other: list[ControlClaim]
) -> None:
    before, after = control_spans(one, ZONE), control_spans(other, ZONE)
    changes = control_changes(before, after)

    for number in range(18, 30):
        day = f"2016-02-{number:02d}"
        when = moment(day)
        covered = [
            c for c in changes if c.valid_from <= when and (c.valid_to is None or when < c.valid_to)
        ]
        assert len(covered) <= 1
        if covered:
            assert (covered[0].before.state, covered[0].after.state) == (
                at(before, day)[0],
                at(after, day)[0],
            )
        else:
            assert at(before, day) == at(after, day)
