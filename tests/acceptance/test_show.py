"""`timeline show` finds a place by any of its names and answers as of a day, as known on a day."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Cli


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("khanasser", "id"),
        ("Khanasser", "exact"),
        ("KHANASSER", "exact"),
        ("خناصر", "alias"),
        ("Khanaser", None),
        ("Khanāṣir", None),
        ("Khanasir", None),
    ],
)
def test_any_spelling_finds_the_place(seeds_on_sqlite: Cli, name: str, tier: str | None) -> None:
    told = seeds_on_sqlite.done("show", name, "--json").json

    assert told["place"]["place_id"] == "khanasser"
    assert told["place"]["name"] == "Khanasser"
    assert tier is None or told["place"]["matched_by"]["tier"] == tier
    assert len(told["entries"]) > 10


def test_the_json_has_the_keys_of_the_contract(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done(
        "show", "Khanasser", "--at", "2016-02-26", "--known-on", "2016-02-27", "--json"
    ).json

    assert list(told) == ["place", "at", "known_on", "control", "entries"]
    assert list(told["place"]) == ["place_id", "name", "matched_by"]
    assert (told["at"], told["known_on"]) == ("2016-02-26", "2016-02-27")
    control = told["control"]
    assert {
        "state",
        "holders",
        "conditions",
        "since",
        "last_confirmed",
        "sources",
        "claim_ids",
    } <= set(control)
    assert control["state"] == "controlled"
    assert control["holders"] == [
        {"actor_id": "government-of-syria", "name": "Government of Syria"}
    ]
    assert control["since"] == {"earliest": "2016-02-25", "latest": "2016-02-25"}


def test_at_does_not_filter_entries_but_known_on_does(seeds_on_sqlite: Cli) -> None:
    def entries(*options: str) -> int:
        return len(seeds_on_sqlite.done("show", "Khanasser", *options, "--json").json["entries"])

    assert entries("--at", "2015-01-01") == entries()
    assert 0 < entries("--known-on", "2016-02-24") < entries()
    assert entries("--known-on", "2015-01-01") == 0


def test_a_forecast_is_told_and_is_no_occurrence(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("show", "Khanasser", "--known-on", "2016-02-23", "--json").json

    forecasts = [e for e in told["entries"] if e["modality"] == "forecast"]
    assert [e["type"] for e in forecasts] == ["ControlChanged"]
    assert told["control"]["holders"] == [
        {"actor_id": "government-of-syria", "name": "Government of Syria"}
    ]


def test_every_quote_stands_in_its_report(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("show", "Khanasser", "--json").json

    for entry in told["entries"]:
        span = entry["evidence"]
        assert span["span_end"] - span["span_start"] == len(span["quote"]) > 0


def test_a_person_sees_control_and_quotes(seeds_on_sqlite: Cli) -> None:
    shown = seeds_on_sqlite.done("show", "Khanasser", "--at", "2016-02-24").out

    assert shown.startswith("Khanasser خناصر  town · matched by exact\n")
    assert "controlled · Islamic State · since between 2016-02-23 and 2016-02-24" in shown
    assert "“seized Khanasser on Tuesday”" in shown
    assert "ControlChanged denied" in shown


def test_the_map_as_geojson_is_a_feature_collection(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("control", "--at", "2016-02-24", "--geojson").json

    assert told["type"] == "FeatureCollection"
    (khanasser,) = [f for f in told["features"] if f["id"] == "khanasser"]
    assert khanasser["geometry"]["type"] == "Point"
    longitude, latitude = khanasser["geometry"]["coordinates"]
    assert (round(longitude, 1), round(latitude, 1)) == (37.5, 35.8)
    assert khanasser["properties"]["state"] == "controlled"


def test_the_map_is_a_table_and_json_too(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("control", "--at", "2016-02-24", "--json").json

    assert list(told) == ["at", "known_on", "places"]
    names = [p["name"] for p in told["places"]]
    assert names == sorted(names)
    assert "Khanasser" in names
    shown = seeds_on_sqlite.done("control", "--at", "2016-02-24").out
    assert "controlled · Islamic State" in shown


def test_a_vacated_place_names_no_successor(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("show", "thermal station", "--at", "2016-02-29", "--json").json

    assert (told["control"]["state"], told["control"]["holders"]) == ("vacated", [])


def test_a_contested_place_says_so(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("show", "Tal Rifaat", "--at", "2016-02-15", "--json").json

    assert told["control"]["state"] == "contested"


def test_a_query_is_answered_as_json(seeds_on_sqlite: Cli) -> None:
    pytest.importorskip("timeline.api.schema")
    query = (
        '{ place(name: "Khanasser") { id name'
        ' control(at: "2016-02-24", knownOn: "2016-02-24") { state holders { name } }'
        " timeline(first: 1) { edges { cursor node { type quote report { id } } }"
        " pageInfo { hasNextPage } } } }"
    )
    told = seeds_on_sqlite.done("query", query).json["data"]["place"]

    assert (told["id"], told["name"]) == ("khanasser", "Khanasser")
    assert told["control"]["holders"] == [{"name": "Islamic State"}]
    assert told["timeline"]["edges"][0]["node"]["report"]["id"] == "seed-2015-11-12-kweires-coded"
    assert told["timeline"]["pageInfo"] == {"hasNextPage": True}


def test_a_query_may_stand_in_a_file_and_have_variables(seeds_on_sqlite: Cli) -> None:
    pytest.importorskip("timeline.api.schema")
    path = seeds_on_sqlite.write("q.graphql", "query($n: String) { place(name: $n) { id } }")
    told = seeds_on_sqlite.done("query", f"@{path}", "--variables", '{"n": "خناصر"}').json

    assert told == {"data": {"place": {"id": "khanasser"}}}


def test_a_query_with_a_fault_exits_with_one(seeds_on_sqlite: Cli) -> None:
    pytest.importorskip("timeline.api.schema")
    result = seeds_on_sqlite("query", "{ nothing }")

    assert result.code == 1
    assert result.json["errors"]
