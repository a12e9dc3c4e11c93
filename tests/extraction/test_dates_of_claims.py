"""Which date a claim gets from a whole report."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timeline.domain.claims import ProposedClaim

Extract = Callable[..., tuple[ProposedClaim, ...]]


@pytest.mark.parametrize(
    ("sentence", "edtf", "anchor"),
    [
        ("Rebels captured Azaz on Tuesday afternoon.", "2016-02-23", "dateline"),
        ("Rebels took control, Tuesday afternoon, of Azaz.", "2016-02-23", "dateline"),
        ("Rebels captured Azaz on Wednesday.", "2016-02-24", "dateline"),
        ("Rebels captured Azaz.", "../2016-02-24", "dateline"),
        ("Rebels captured Azaz in May 2015.", "2015-05", "unanchored"),
        ("Rebels captured Azaz in the summer of 2014.", "2014-22", "unanchored"),
        ("Rebels captured Azaz after several days.", "../2016-02-24", "dateline"),
        ("Rebels captured Azaz last week.", "2016-02-15/2016-02-21", "dateline"),
        ("Rebels will capture Azaz on Friday.", "2016-02-26", "dateline"),
        ("Rebels still hold Azaz.", "2016-02-24", "dateline"),
    ],
)
def test_the_date_of_one_sentence(extract: Extract, sentence: str, edtf: str, anchor: str) -> None:
    (claim,) = extract(sentence)

    assert (claim.occurred.edtf, claim.occurred.anchor.value) == (edtf, anchor)


def test_without_a_dateline_it_is_undated(extract: Extract) -> None:
    (claim,) = extract("Rebels captured Azaz on Tuesday.", published=None)

    assert (claim.occurred.earliest, claim.occurred.latest) == (None, None)


def test_a_clause_dates_the_other(extract: Extract) -> None:
    claims = extract("The army retook Morek on Tuesday, two days after rebels had seized the town.")

    assert [c.occurred.edtf for c in claims] == ["2016-02-23", "2016-02-21"]


def test_the_day_running_tells_of_the_days_before(extract: Extract) -> None:
    claims = extract("Turkish guns shelled Afrin on Tuesday for the third day running.")

    assert [c.occurred.edtf for c in claims] == ["2016-02-23", "2016-02-21/2016-02-22"]


def test_the_date_of_saying_is_not_that_of_the_event(extract: Extract) -> None:
    (claim,) = extract("Damascus said on Monday that rebels had captured Morek.")

    assert claim.occurred.edtf == "../2016-02-22"
