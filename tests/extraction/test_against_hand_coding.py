"""The extraction against hand-coded reports: no bad span, no leak, and floors on what is found."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import Figures
from timeline.domain.claims import ProposedClaim
from timeline.filing.theatres import theatre_names, theatre_told

from .scorer import Claim, totals
from .scoring import SCORER, SHARED, as_json, claims_of, score

HERE = Path(__file__).parent
needs_shared = pytest.mark.skipif(not SCORER.exists(), reason="../shared is not there")


def reports(half: str) -> list[Path]:
    return sorted((HERE / half).glob("*.md"))


def read_claims(path: Path) -> tuple[str, list[Claim]]:
    text, claims = claims_of(path)
    return text, [as_json(c, text) for c in claims]


@needs_shared
def test_the_seed_article_has_no_leak_and_no_bad_span() -> None:
    found = score(SHARED / "reports" / "seed")

    assert (found["leaks"], found["bad_spans"], found["failed"]) == (0, 0, 0)
    assert (found["type_f1"] >= 0.93, found["joint_f1"] >= 0.66) == (True, True)


@needs_shared
def test_the_development_reports_stay_above_their_floors() -> None:
    found = score(SHARED / "reports" / "dev")

    assert (found["leaks"], found["bad_spans"], found["failed"]) == (0, 0, 0)
    assert (found["type_f1"] >= 0.94, found["joint_f1"] >= 0.94) == (True, True)
    assert found["target_f1"] >= 0.64


@pytest.mark.parametrize("half", ["own", "blind", "batches", "later", "fresh"])
def test_our_own_reports_stay_above_their_floors(half: str, figures: Figures) -> None:
    floors = yaml.safe_load((HERE / "floors.yaml").read_text(encoding="utf-8"))[half]

    found = totals(HERE / half, read_claims)
    figures[half] = (found, floors)

    below = {
        key: (found[key], floor)
        for key, floor in floors.items()
        if (found[key] > floor if key in ("leaks", "bad_spans") else found[key] < floor)
    }
    assert below == {}, "found, floor"


def test_the_halves_hold_at_least_sixty_reports_of_seven_theatres() -> None:
    texts = [p.read_text(encoding="utf-8") for half in ("own", "blind") for p in reports(half)]

    assert len(texts) >= 60
    assert {theatre_told(text) for text in texts} >= set(theatre_names())


@needs_shared
def test_our_scorer_counts_as_that_of_shared_does() -> None:
    theirs = score(HERE / "own")
    ours = totals(HERE / "own", read_claims)

    assert {key: theirs[key] for key in ours} == ours


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
