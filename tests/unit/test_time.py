"""Uncertain dates: what EDTF covers, in which time zone, and when something counts as known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from timeline.domain.time import (
    UNDATED,
    Anchor,
    Occurred,
    Precision,
    check_time_zone,
    end_of,
    end_of_day,
    instant_from_text,
    instant_text,
    known_end,
    moment_end,
    not_later_than,
    occurred_from_edtf,
    on_day,
    sort_key,
    start_of,
)
from timeline.errors import InvalidDate

DAMASCUS = "Asia/Damascus"


@pytest.mark.parametrize(
    ("edtf", "earliest", "latest", "precision"),
    [
        ("2016-02-23", "2016-02-23", "2016-02-23", Precision.DAY),
        ("2016-02-23?", "2016-02-23", "2016-02-23", Precision.DAY),
        ("2016-02-23~", "2016-02-23", "2016-02-23", Precision.DAY),
        ("2016-02-23%", "2016-02-23", "2016-02-23", Precision.DAY),
        ("2016-02", "2016-02-01", "2016-02-29", Precision.MONTH),
        ("2016-02-XX", "2016-02-01", "2016-02-29", Precision.MONTH),
        ("2016", "2016-01-01", "2016-12-31", Precision.YEAR),
        ("2016-XX", "2016-01-01", "2016-12-31", Precision.YEAR),
        ("2016-XX-XX", "2016-01-01", "2016-12-31", Precision.YEAR),
        ("201X", "2010-01-01", "2019-12-31", Precision.INTERVAL),
        ("20XX", "2000-01-01", "2099-12-31", Precision.INTERVAL),
        ("2016-21", "2016-03-01", "2016-05-31", Precision.SEASON),
        ("2016-22", "2016-06-01", "2016-08-31", Precision.SEASON),
        ("2016-23", "2016-09-01", "2016-11-30", Precision.SEASON),
        ("2015-24", "2015-12-01", "2016-02-29", Precision.SEASON),
        ("2016-02-20/2016-02-24", "2016-02-20", "2016-02-24", Precision.INTERVAL),
        ("2016-02-23/2016-02-23", "2016-02-23", "2016-02-23", Precision.DAY),
        ("2016-02-20~/2016-03?", "2016-02-20", "2016-03-31", Precision.INTERVAL),
        ("../2016-02-23", None, "2016-02-23", Precision.NOT_LATER_THAN),
        ("/2016-02-23", None, "2016-02-23", Precision.NOT_LATER_THAN),
        ("2016-02-23/..", "2016-02-23", None, Precision.NOT_EARLIER_THAN),
        ("2016-02-23/", "2016-02-23", None, Precision.NOT_EARLIER_THAN),
        ("1900-01-01", "1900-01-01", "1900-01-01", Precision.DAY),
        ("2100-12-31", "2100-12-31", "2100-12-31", Precision.DAY),
        (
            "2016-02-23T14:00Z",
            "2016-02-23T14:00:00+00:00",
            "2016-02-23T14:00:00+00:00",
            Precision.TIME,
        ),
    ],
)
def test_edtf_is_read_into_inclusive_bounds(
    edtf: str, earliest: str | None, latest: str | None, precision: Precision
) -> None:
    assert occurred_from_edtf(edtf) == Occurred(
        edtf=edtf, earliest=earliest, latest=latest, precision=precision
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty; leave the date out when it is not known"),
        ("..", "says nothing; leave the date out when it is not known"),
        ("/", "says nothing; leave the date out when it is not known"),
        ("../..", "says nothing; leave the date out when it is not known"),
        ("2016-02-30", "is no day of the calendar"),
        ("2015-02-29", "is no day of the calendar"),
        ("2016-13", "is no day of the calendar"),
        ("2016-00", "is no day of the calendar"),
        ("2016-02-00", "is no day of the calendar"),
        ("2016-33", "is no day of the calendar"),
        ("2016-02-24/2016-02-23", "ends before it starts"),
        ("2016-02-23/2016-02-24/2016-02-25", "has more than one '/'; write START/END"),
        ("2016-02-23T14:00", "has an hour but no offset; add one, such as +02:00"),
        ("2016-02-23T25:00Z", "is no moment of the calendar"),
        ("1899-12-31", "lies outside the years 1900 to 2100"),
        ("2202-01-01", "lies outside the years 1900 to 2100"),
        ("0025-02-23", "lies outside the years 1900 to 2100"),
        ("2101-01-01T00:00Z", "lies outside the years 1900 to 2100"),
        ("2100-24", "lies outside the years 1900 to 2100"),
    ],
)
def test_what_is_no_date_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidDate) as refused:
        occurred_from_edtf(text)

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "text",
    ["23 February 2016", "2016-02-23/24", "[2016-02-23,2016-02-25]", "-2016", "Y2016", "XXXX",
     "2016-1X", "2016-X1", "2016-XX-23", "2016-02-2X", "?2016", "٢٠١٦-٠٢-٢٣", "2016-2-3"],
)  # fmt: skip
def test_what_is_no_edtf_of_level_0_or_1_is_refused(text: str) -> None:
    with pytest.raises(InvalidDate):
        occurred_from_edtf(text)


def test_a_refused_date_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidDate):
        occurred_from_edtf("2017-1X")

    assert capsys.readouterr().out == ""


def test_a_long_text_is_refused_without_being_repeated() -> None:
    with pytest.raises(InvalidDate) as refused:
        occurred_from_edtf("2" * 10_000)

    assert len(str(refused.value)) < 100


def test_an_anchor_is_kept() -> None:
    assert occurred_from_edtf("2016-02-23", Anchor.DATELINE).anchor is Anchor.DATELINE


def test_on_a_day_covers_that_day() -> None:
    assert on_day("2016-02-23").edtf == "2016-02-23"


def test_not_later_than_a_day_has_no_start() -> None:
    assert not_later_than("2016-02-23") == Occurred(
        edtf="../2016-02-23",
        latest="2016-02-23",
        precision=Precision.NOT_LATER_THAN,
        anchor=Anchor.DATELINE,
    )


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2016-02-23", "2016-02-22T22:00:00.000000Z", "2016-02-23T22:00:00.000000Z"),
        # Clocks go forward at midnight: the day has 23 hours and no 00:00.
        ("2016-03-25", "2016-03-24T22:00:00.000000Z", "2016-03-25T21:00:00.000000Z"),
        ("2016-07-01", "2016-06-30T21:00:00.000000Z", "2016-07-01T21:00:00.000000Z"),
        # Clocks go back at midnight: the day before has 25 hours.
        ("2016-10-27", "2016-10-26T21:00:00.000000Z", "2016-10-27T22:00:00.000000Z"),
    ],
)
def test_a_day_lasts_from_midnight_to_midnight_in_damascus(day: str, start: str, end: str) -> None:
    assert [instant_text(start_of(day, DAMASCUS)), instant_text(end_of(day, DAMASCUS))] == [
        start,
        end,
    ]


def test_an_instant_covers_itself_alone() -> None:
    assert instant_text(end_of("2016-02-23T14:00:00+02:00", DAMASCUS)) == (
        "2016-02-23T12:00:00.000001Z"
    )


def test_the_day_of_an_instant_ends_at_local_midnight() -> None:
    late = datetime(2016, 2, 23, 21, 30, tzinfo=UTC)

    assert instant_text(end_of_day(late, DAMASCUS)) == "2016-02-23T22:00:00.000000Z"


def test_a_day_in_a_question_means_the_whole_day() -> None:
    assert instant_text(moment_end("2016-02-23", DAMASCUS)) == "2016-02-23T22:00:00.000000Z"


def test_an_instant_in_a_question_means_up_to_and_with_it() -> None:
    assert instant_text(moment_end("2016-02-23T14:00+02:00", DAMASCUS)) == (
        "2016-02-23T12:00:00.000001Z"
    )


@pytest.mark.parametrize(
    "text", ["2016-02-23T14:00", "2016-02", "../2016-02-23", "2016-02-30", "today", "٢٠١٦-٠٢-٢٣"]
)
def test_a_question_needs_a_day_or_an_instant_with_offset(text: str) -> None:
    with pytest.raises(InvalidDate):
        moment_end(text, DAMASCUS)


RECORDED = "2026-11-22T20:30:00.000000Z"


def test_a_report_of_a_day_is_known_at_its_end() -> None:
    assert known_end(on_day("2016-02-25"), RECORDED, DAMASCUS) == moment_end("2016-02-25", DAMASCUS)


def test_an_instant_excludes_reports_dated_only_to_that_day() -> None:
    asked = moment_end("2016-02-25T23:59:00+02:00", DAMASCUS)

    assert known_end(on_day("2016-02-25"), RECORDED, DAMASCUS) > asked


def test_a_report_of_an_hour_is_known_at_that_hour() -> None:
    reported = occurred_from_edtf("2016-02-25T14:00+02:00")

    assert known_end(reported, RECORDED, DAMASCUS) == moment_end("2016-02-25T14:00+02:00", DAMASCUS)


def test_a_report_of_a_month_is_known_at_the_end_of_the_month() -> None:
    reported = occurred_from_edtf("2016-02")

    assert known_end(reported, RECORDED, DAMASCUS) == moment_end("2016-02-29", DAMASCUS)


def test_an_undated_report_is_known_when_it_was_recorded() -> None:
    assert instant_text(known_end(UNDATED, RECORDED, DAMASCUS)) == "2026-11-22T20:30:00.000001Z"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2016, 2, 23, 12, tzinfo=UTC), "2016-02-23T12:00:00.000000Z"),
        (datetime(2016, 2, 23, 12, 0, 0, 5, tzinfo=UTC), "2016-02-23T12:00:00.000005Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_an_instant_is_written_in_fixed_width(moment: datetime, text: str) -> None:
    assert instant_text(moment) == text


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(InvalidDate):
        instant_text(datetime(2016, 2, 23, 12))  # noqa: DTZ001


def test_an_instant_survives_being_written() -> None:
    moment = datetime(2016, 2, 23, 12, 0, 0, 5, tzinfo=UTC)

    assert instant_from_text(instant_text(moment)) == moment


def test_a_timeline_is_in_order_of_the_first_instant_with_undated_claims_last() -> None:
    dates = ["../2016-02-23", "2016-02-23", "2016-02-24", "2016-02", "2016-02-23T14:00+02:00"]
    keys = {text: sort_key(occurred_from_edtf(text), DAMASCUS) for text in dates}
    keys["undated"] = sort_key(UNDATED, DAMASCUS)

    assert sorted(keys, key=lambda text: keys[text]) == [
        "2016-02",
        "2016-02-23",
        "2016-02-23T14:00+02:00",
        "../2016-02-23",
        "2016-02-24",
        "undated",
    ]


def test_a_time_zone_is_an_iana_name() -> None:
    assert check_time_zone("Asia/Damascus") == "Asia/Damascus"


@pytest.mark.parametrize("name", ["", "Syria", "+02:00", "../etc/passwd"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidDate):
        check_time_zone(name)
