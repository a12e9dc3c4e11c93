"""What expressions of time mean against Wednesday 24 February 2016."""

from __future__ import annotations

from datetime import date

import pytest

from timeline.extraction.date_forms import find_dates
from timeline.extraction.dates import Days, calendar_day, days_of, running_days

WEDNESDAY = date(2016, 2, 24)
STORY = Days(date(2016, 2, 10), date(2016, 2, 10))

EXPRESSIONS = [
    ("Tuesday afternoon", "2016-02-23", "2016-02-23"),
    ("on Wednesday", "2016-02-24", "2016-02-24"),
    ("on Thursday", "2016-02-18", "2016-02-18"),
    ("late on Sunday", "2016-02-21", "2016-02-21"),
    ("last Tuesday", "2016-02-23", "2016-02-23"),
    ("today", "2016-02-24", "2016-02-24"),
    ("yesterday", "2016-02-23", "2016-02-23"),
    ("tomorrow", "2016-02-25", "2016-02-25"),
    ("last night", "2016-02-23", "2016-02-23"),
    ("this morning", "2016-02-24", "2016-02-24"),
    ("last week", "2016-02-15", "2016-02-21"),
    ("this week", "2016-02-22", "2016-02-24"),
    ("last month", "2016-01-01", "2016-01-31"),
    ("last year", "2015-01-01", "2015-12-31"),
    ("two days ago", "2016-02-22", "2016-02-22"),
    ("a week ago", "2016-02-16", "2016-02-18"),
    ("three months ago", "2015-11-01", "2015-11-30"),
    ("6 December", "2015-12-06", "2015-12-06"),
    ("on 20 February", "2016-02-20", "2016-02-20"),
    ("February 20", "2016-02-20", "2016-02-20"),
    ("March 3, 2014", "2014-03-03", "2014-03-03"),
    ("3 March 2014", "2014-03-03", "2014-03-03"),
    ("2016-01-31", "2016-01-31", "2016-01-31"),
    ("in May", "2015-05-01", "2015-05-31"),
    ("in February", "2016-02-01", "2016-02-29"),
    ("since April 2013", "2013-04-01", "2013-04-30"),
    ("in late January", "2016-01-21", "2016-01-31"),
    ("in the summer of 2014", "2014-06-01", "2014-08-31"),
    ("in 2015", "2015-01-01", "2015-12-31"),
    ("the day before", "2016-02-09", "2016-02-09"),
    ("a day earlier", "2016-02-09", "2016-02-09"),
    ("two days later", "2016-02-12", "2016-02-12"),
    ("the next day", "2016-02-11", "2016-02-11"),
    ("the same day", "2016-02-10", "2016-02-10"),
    ("a month earlier", "2016-01-01", "2016-01-31"),
]


@pytest.mark.parametrize(("words", "first", "last"), EXPRESSIONS)
def test_an_expression_means_these_days(words: str, first: str, last: str) -> None:
    (expression,) = find_dates(words)

    days = days_of(expression, WEDNESDAY, STORY)

    assert days is not None
    assert (days.first.isoformat(), days.last.isoformat()) == (first, last)


@pytest.mark.parametrize("words", ["after several days", "a few weeks later", "recent months"])
def test_a_vague_expression_has_no_date(words: str) -> None:
    assert [days_of(e, WEDNESDAY, STORY) for e in find_dates(words)] == [None]


@pytest.mark.parametrize("words", ["He may leave", "the March to the sea of people", "2,500 men"])
def test_what_is_no_date_is_not_found(words: str) -> None:
    assert find_dates(words) == []


def test_a_weekday_still_to_come_is_the_next_one() -> None:
    (expression,) = find_dates("on Friday")

    days = days_of(expression, WEDNESDAY, None, forward=True)

    assert days == Days(date(2016, 2, 26), date(2016, 2, 26))


def test_without_a_dateline_a_weekday_is_unresolved() -> None:
    (expression,) = find_dates("on Friday")

    assert days_of(expression, None, None) is None


def test_the_fourth_day_running_counts_four() -> None:
    (expression,) = find_dates("for the fourth day running")

    assert running_days(expression) == 4


def test_a_day_that_is_none_is_unresolved() -> None:
    (expression,) = find_dates("31 February 2016")

    assert days_of(expression, WEDNESDAY, None) is None


def test_a_written_date_is_read() -> None:
    assert calendar_day("24 February, 2016") == "2016-02-24"
