"""`timeline replay --steps` and `timeline diff` tell through the real command line what changed."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Cli


def test_diff_says_what_changed_and_which_reports_changed_it(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done(
        "diff", "--known-on", "2016-02-24", "--and", "2016-02-26", "--place", "خناصر"
    ).out

    assert "controlled · Islamic State → controlled · Government of Syria" in told
    assert "report seed-2016-02-25-khanasser-retaken of 2016-02-25" in told
    assert "Tal Rifaat" not in told


def test_diff_prints_json_without_positions(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done(
        "diff", "--known-on", "2016-02-25", "--and", "2016-02-26", "--json"
    ).json

    assert list(told) == ["known_on", "and", "places"]
    road = next(p for p in told["places"] if p["name"] == "Khanasser–Aleppo road")
    corrected = next(e for e in road["entries"] if e["change"] == "changed")
    assert corrected["fields"] == ["occurred"]
    assert [c["kind"] for c in corrected["because"]] == ["correction"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--known-on", "2016-02-26", "--and", "2016-02-24"), "give the earlier date first"),
        (("--known-on", "2016-02-26", "--and", "2016-02-28", "--place", "Nowhere"), "Nowhere"),
        (("--known-on", "Tuesday", "--and", "2016-02-24"), "Tuesday"),
    ],
)
def test_a_diff_that_cannot_be_told_is_refused_in_one_line(
    seeds_on_sqlite: Cli, options: tuple[str, ...], words: str
) -> None:
    assert words in seeds_on_sqlite.refused("diff", *options)


def test_replay_steps_through_a_correction(seeds_on_sqlite: Cli) -> None:
    events = seeds_on_sqlite.done("replay", "--steps", "--json").json["steps"]
    corrected = next(s for s in events if s["type"] == "ClaimCorrected" and s["entries"])

    told = seeds_on_sqlite.done(
        "replay", "--steps", "--from", str(corrected["position"]), "--until",
        str(corrected["position"]),
    ).out  # fmt: skip

    assert [s["position"] for s in events] == list(range(1, len(events) + 1))
    assert told.startswith(f"position {corrected['position']}: ClaimCorrected ")
    assert "    ~ " in told
    assert f"replayed {corrected['position']} events" in told
