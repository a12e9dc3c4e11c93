"""`timeline search` finds by words through the real command line."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Cli


def test_a_place_is_found_in_any_script_and_shown_first(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("search", "خناصر").out.splitlines()

    assert told[1].split()[:3] == ["place", "khanasser", "Khanasser"]


def test_hits_are_printed_as_json_with_the_spans_of_the_words(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done(
        "search", '"supply road"', "--known-on", "2016-02-25", "--first", "2", "--json"
    ).json

    assert list(told) == ["query", "known_on", "total", "hits"]
    assert [hit["kind"] for hit in told["hits"]] == ["place", "report"]
    report = told["hits"][1]
    assert report["report"]["id"] == "seed-2016-02-23-supply-road-cut"
    (highlight,) = report["highlights"]
    (span,) = highlight["spans"]
    assert highlight["text"][span["start"] : span["end"]].lower() == "supply road"
    before = seeds_on_sqlite.done("search", "supply", "--known-on", "2016-01-01", "--json").json
    assert {hit["kind"] for hit in before["hits"]} == {"place"}


def test_a_place_narrows_a_search_to_claims_about_it(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("search", "islamic", "--place", "Khanasser", "--json").json

    assert told["total"] > 0
    assert {hit["entry"]["place"]["place_id"] for hit in told["hits"]} == {"khanasser"}


def test_nothing_found_is_no_fault(seeds_on_sqlite: Cli) -> None:
    assert seeds_on_sqlite.done("search", "zeppelin").out == "nothing was found\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("*",), "a search needs at least one word"),
        (("x" * 301,), "a search has at most 300 characters"),
        (("town", "--place", "Nowhere"), "Nowhere"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_in_one_line(
    seeds_on_sqlite: Cli, arguments: tuple[str, ...], words: str
) -> None:
    assert words in seeds_on_sqlite.refused("search", *arguments)


def test_verify_checks_the_index_and_rebuild_mends_it(on_sqlite: Cli) -> None:
    import sqlite3

    with sqlite3.connect(on_sqlite.database.removeprefix("sqlite:///")) as connection:
        connection.execute("INSERT INTO search_index (search_index) VALUES ('delete-all')")
    connection.close()
    on_sqlite.done("status")

    assert "run `timeline rebuild search`" in on_sqlite("verify").err
    on_sqlite.done("rebuild", "search")
    on_sqlite.done("verify")
    assert "khanasser" in on_sqlite.done("search", "khanasser").out
