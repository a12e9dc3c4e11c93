"""The extraction against hand-coded reports: no bad span, no leak, and floors on what is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from timeline.domain.claims import ProposedClaim

from .scoring import SCORER, SHARED, claims_of, score

OWN = Path(__file__).parent / "own"
needs_shared = pytest.mark.skipif(not SCORER.exists(), reason="../shared is not there")


@needs_shared
def test_the_seed_article_has_no_leak_and_no_bad_span() -> None:
    found = score(SHARED / "reports" / "seed")

    assert (found["leaks"], found["bad_spans"], found["failed"]) == (0, 0, 0)
    assert (found["type_f1"] >= 0.93, found["joint_f1"] >= 0.66) == (True, True)


@needs_shared
def test_the_development_reports_stay_above_their_floors() -> None:
    found = score(SHARED / "reports" / "dev")

    assert (found["leaks"], found["bad_spans"], found["failed"]) == (0, 0, 0)
    assert (found["type_f1"] >= 0.92, found["joint_f1"] >= 0.92) == (True, True)
    assert found["target_f1"] >= 0.66


@needs_shared
def test_our_own_reports_stay_above_their_floors() -> None:
    found = score(OWN)

    assert (found["leaks"], found["bad_spans"], found["failed"]) == (0, 0, 0)
    # Joint was .806 and target .791 while an undated sentence took the day of the one before; one
    # gold item does. It now gets "from that day to the dateline": a wrong date is worse than none.
    assert (found["type_f1"] >= 0.94, found["joint_f1"] >= 0.79) == (True, True)
    assert found["target_f1"] >= 0.77


def _seed() -> tuple[str, tuple[ProposedClaim, ...]]:
    (path,) = (SHARED / "reports" / "seed").glob("*.txt")
    return claims_of(path)


def _summary(claim: ProposedClaim) -> tuple[str, str | None, str | None, set[str | None]]:
    place = claim.place.place_id if claim.place else None
    doers = {a.actor_id for a in claim.actors if a.role.value in ("initiator", "holder")}
    return claim.type.value, place, claim.occurred.edtf, doers


@needs_shared
def test_the_four_key_claims_of_the_seed_article() -> None:
    _, claims = _seed()
    told = [_summary(c) for c in claims if c.modality.value == "asserted"]

    assert ("ControlChanged", "khanasser", "2016-02-23", {"islamic-state"}) in told
    assert (
        "Withdrawal",
        "eastern-aleppo-countryside",
        "../2016-02-24",
        {"islamic-state"},
    ) in told
    assert (
        "Withdrawal",
        "aleppo-thermal-power-station",
        "../2016-02-24",
        {"islamic-state"},
    ) in told
    assert ("Shelling", "khanasser", "../2016-02-24", {"russia"}) in told
    strikes = [c for c in claims if c.type.value == "Airstrike" and c.modality.value == "asserted"]
    assert [(_summary(c)[3], c.occurred.edtf) for c in strikes] == [({"russia"}, "../2016-02-24")]


@needs_shared
def test_the_left_villages_are_counted_and_have_no_new_holder() -> None:
    _, claims = _seed()
    left = next(c for c in claims if c.quantity and c.quantity.unit == "villages")

    assert left.quantity is not None
    assert (left.quantity.value, left.quantity.qualifier.value) == (20.0, "more_than")
    assert {a.role.value for a in left.actors} == {"initiator"}
