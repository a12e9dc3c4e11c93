"""What was known on a day does not depend on the order in which reports were filed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.conftest import ARTICLE, SEEDS, Cli

RETAKEN = SEEDS / "2016-02-25-khanasser-retaken.yaml"
ON_THE_24TH = ("show", "Khanasser", "--at", "2016-02-24", "--known-on", "2016-02-24", "--json")
ON_THE_26TH = ("show", "Khanasser", "--at", "2016-02-26", "--known-on", "2016-02-26", "--json")


def held(cli: Cli, question: tuple[str, ...]) -> list[str]:
    control = cli.done(*question).json["control"]
    return [control["state"], *(h["name"] for h in control["holders"])]


@pytest.fixture(scope="module")
def article() -> Path:
    if not ARTICLE.is_file():
        pytest.skip(f"{ARTICLE} is not there")
    return ARTICLE


def test_a_later_report_changes_nothing_of_what_was_known_in_either_order(
    on_sqlite: Cli, on_postgres: Cli, article: Path
) -> None:
    on_sqlite.done("file", article)
    before = on_sqlite.done(*ON_THE_24TH).out
    assert held(on_sqlite, ON_THE_24TH) == ["controlled", "Islamic State"]
    assert held(on_sqlite, ON_THE_26TH) == ["controlled", "Islamic State"]

    on_sqlite.done("file", RETAKEN)
    assert on_sqlite.done(*ON_THE_24TH).out == before
    assert held(on_sqlite, ON_THE_26TH) == ["controlled", "Government of Syria"]

    on_postgres.done("file", RETAKEN, article)
    for question in (ON_THE_24TH, ON_THE_26TH, ("show", "خناصر", "--json"), ("control", "--json")):
        assert on_sqlite.done(*question).out == on_postgres.done(*question).out


def test_the_seeds_in_reverse_order_give_the_same_bytes(
    on_sqlite: Cli, seeds_on_sqlite: Cli
) -> None:
    on_sqlite.done("file", *sorted(SEEDS.glob("*.*"), reverse=True))

    for question in (
        ("show", "Khanasser", "--json"),
        ("show", "Khanasser–Aleppo road", "--at", "2016-03-02", "--json"),
        ("show", "Ithriya", "--known-on", "2016-02-26", "--json"),
        ("show", "Tal Rifaat", "--json"),
        ("control", "--json"),
        ("control", "--known-on", "2016-02-25", "--json"),
    ):
        assert on_sqlite.done(*question).out == seeds_on_sqlite.done(*question).out
