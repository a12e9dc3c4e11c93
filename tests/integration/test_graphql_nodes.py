"""Global ids, orders, events, the map in pieces, and what competes with a claim."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_graphql_world import (
    ARMY_HOLDS,
    IS_HOLDS,
    KHANASSER,
    World,
    append,
    at,
    file_all,
    file_report,
    new_world,
)
from timeline.api.nodes import node_id
from timeline.domain.claims import ClaimType, Polarity, ProposedClaim
from timeline.domain.reference_events import SourceRegistered
from timeline.domain.time import occurred_from_edtf
from timeline.store.event_store import EventStore


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    return built


def names(found: dict[str, Any]) -> list[str]:
    return [node["name"] for node in found["nodes"]]


def test_whatever_has_a_node_id_is_found_again_by_it(world: World) -> None:
    found = world.ask("""{
      place(id: "khanasser") { nodeId }
      actor(id: "islamic-state") { nodeId }
      source(id: "agency") { nodeId }
      report(id: "road") { nodeId versions { nodeId } }
      timeline(first: 1) { nodes { nodeId claimId } }
      incidents(first: 1) { nodes { nodeId id } }
      event(position: 3) { nodeId } }""")
    old = found["report"].pop("versions")[0]
    nodes = [
        *(found[name] for name in ("place", "actor", "source", "report", "event")),
        *found["timeline"]["nodes"],
        *found["incidents"]["nodes"],
        old,
    ]
    ids = [node["nodeId"] for node in nodes]
    query = "query ($id: ID!) { node(id: $id) { __typename nodeId } }"

    answers = [world.ask(query, id=id_)["node"] for id_ in ids]

    assert [a["nodeId"] for a in answers] == ids
    assert len(set(ids)) == len(ids)
    kinds = ["Place", "Actor", "Source", "Report", "Event", "Entry", "Incident", "Report"]
    assert [a["__typename"] for a in answers] == kinds


def test_a_node_as_known_on_a_day_is_found_as_known_on_that_day(world: World) -> None:
    (then,) = world.ask("""{ incidents(knownOn: "2016-02-24", types: [ControlChanged]) {
      nodes { nodeId corroborating { nodeId report { id } } } } }""")["incidents"]["nodes"]
    query = """query ($id: ID!) { node(id: $id) {
      ... on Incident { nodeId corroborating { nodeId report { id } } }
      ... on Entry { nodeId report { id } } } }"""

    assert world.ask(query, id=then["nodeId"])["node"] == then
    (entry,) = then["corroborating"]
    assert world.ask(query, id=entry["nodeId"])["node"] == entry


@pytest.mark.parametrize(
    "parts",
    [("Place", "nowhere"), ("Report", "road", "0"), ("Entry", "x"), ("Event", "0"), ("Event", "x"),
     ("Incident", "x", "2016-02-24"), ("Actor", ""), ("Source", "\x00")],
)  # fmt: skip
def test_a_node_that_is_no_more_is_null(world: World, parts: tuple[str, ...]) -> None:
    query = "query ($id: ID!) { node(id: $id) { nodeId } }"

    assert world.ask(query, id=node_id(parts)) == {"node": None}


@pytest.mark.parametrize(
    "id_",
    ["", "khanasser", "é", "W10", "bnVsbA", node_id(("Nothing", "x")), node_id(("Place",)),
     node_id(("Entry", "x", "yesterday"))],
)  # fmt: skip
def test_what_is_no_node_id_is_refused(world: World, id_: str) -> None:
    error = world.error("query ($id: ID!) { node(id: $id) { nodeId } }", id=id_)

    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


def test_a_node_id_longer_than_any_is_refused(world: World) -> None:
    long = node_id(("Place", "x" * 3000))
    error = world.error("query ($id: ID!) { node(id: $id) { nodeId } }", id=long)

    assert error["extensions"] == {"code": "QUERY_TOO_LARGE"}


def test_nodes_are_the_rows_of_the_edges(world: World) -> None:
    found = world.ask("{ places(first: 3) { nodes { id } edges { node { id } } } }")["places"]

    assert found["nodes"] == [edge["node"] for edge in found["edges"]]


def test_descending_is_the_exact_reverse_page_by_page(world: World) -> None:
    query = """query ($after: String) {
      timeline(first: 2, after: $after, orderBy: {direction: desc}) {
        nodes { claimId } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    ascending = world.ask("{ timeline { nodes { claimId } } }")["timeline"]["nodes"]
    found, after, previous = [], None, []
    while True:
        page = world.ask(query, after=after)["timeline"]
        found += page["nodes"]
        previous.append(page["pageInfo"]["hasPreviousPage"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert found == ascending[::-1]
    assert previous == [False, *[True] * (len(previous) - 1)]
    last = world.ask("{ timeline(last: 2, orderBy: {direction: desc}) { nodes { claimId } } }")
    assert last["timeline"]["nodes"] == ascending[1::-1]


def test_lists_are_ordered_and_filtered_in_one_way(world: World) -> None:
    found = world.ask("""{
      byKind: places(orderBy: {field: kind, direction: desc}, first: 3) { nodes { name } }
      towns: places(kinds: [town]) { nodes { name } totalCount }
      inside: places(within: "aleppo-governorate") { nodes { name } }
      boxed: places(bbox: {west: 37.6, south: 35, east: 38, north: 36}) { nodes { name } }
      round: places(bbox: {west: 179, south: -90, east: -179, north: 90}) { totalCount }
      states: actors(kinds: [state]) { nodes { name } }
      side: actors(side: "government-of-syria") { nodes { name } totalCount }
      reports(sourceId: "agency", knownOn: "2016-02-27", orderBy: {direction: desc}) {
        nodes { id isCurrent } totalCount }
      counted: statistics(by: type, orderBy: {field: claims, direction: desc}) {
        nodes { key claims } } }""")

    assert names(found["byKind"]) == ["Tell", "Tell", "Ithriya"]
    assert (names(found["towns"]), found["towns"]["totalCount"]) == (["Khanasser"], 1)
    assert names(found["inside"]) == ["Khanasser"]
    assert names(found["boxed"]) == ["Ithriya"]
    assert found["round"] == {"totalCount": 0}
    assert names(found["states"]) == ["Government of Syria"]
    assert (names(found["side"]), found["side"]["totalCount"]) == (["Tiger Forces"], 1)
    assert [node["id"] for node in found["reports"]["nodes"]] == ["road", "retaken", "fall"]
    assert found["reports"]["nodes"][0]["isCurrent"] is False
    assert found["reports"]["totalCount"] == 3
    assert found["counted"]["nodes"][0] == {"key": "ControlChanged", "claims": 2}


@pytest.mark.parametrize(
    "box",
    ["{west: 0, south: 1, east: 1, north: 0}", "{west: -181, south: 0, east: 1, north: 1}",
     "{west: 0, south: 0, east: 1, north: 91}"],
)  # fmt: skip
def test_a_box_that_is_none_is_refused(world: World, box: str) -> None:
    error = world.error(f"{{ places(bbox: {box}) {{ totalCount }} }}")

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_cursor_of_another_order_is_refused(world: World) -> None:
    cursor = world.ask("{ places(first: 1) { edges { cursor } } }")["places"]["edges"][0]["cursor"]
    query = """query ($after: String) {
      places(after: $after, orderBy: {field: kind}) { totalCount } }"""

    assert world.error(query, after=cursor)["extensions"]["code"] == "BAD_USER_INPUT"


def test_events_are_paged_by_type_stream_and_position(world: World) -> None:
    query = """{
      claims: events(types: ["ControlChanged", "Clash"]) { nodes { type position } totalCount }
      stream: events(stream: "report-fall", types: ["ReportFiled", "ClaimCorrected"]) {
        nodes { type stream } totalCount }
      last: events(last: 2, toPosition: 4) { nodes { position } pageInfo { hasPreviousPage } }
      newest: events(first: 1, orderBy: {direction: desc}) { nodes { type } totalCount }
      none: events(types: ["NoSuchType"]) { nodes { type } totalCount } }"""

    found = world.ask(query)

    assert [e["type"] for e in found["claims"]["nodes"]] == [
        "ControlChanged",
        "ControlChanged",
        "Clash",
        "Clash",
    ]
    assert found["claims"]["totalCount"] == 4
    assert [e["type"] for e in found["stream"]["nodes"]] == ["ReportFiled", "ClaimCorrected"]
    assert found["last"] == {
        "nodes": [{"position": 3}, {"position": 4}],
        "pageInfo": {"hasPreviousPage": True},
    }
    assert found["newest"] == {
        "nodes": [{"type": "ClaimCorrected"}],
        "totalCount": world.store.head().position,
    }
    assert found["none"] == {"nodes": [], "totalCount": 0}


def test_pages_of_events_hold_each_event_once(world: World) -> None:
    seen: list[int] = []
    after = None
    while True:
        query = """query ($after: String) { events(first: 4, after: $after) {
          nodes { position } pageInfo { hasNextPage endCursor } } }"""
        page = world.ask(query, after=after)["events"]
        seen += [e["position"] for e in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert seen == list(range(1, world.store.head().position + 1))


def test_the_map_is_asked_by_region_by_box_and_in_pages(world: World) -> None:
    ithriya = ProposedClaim(
        type=ClaimType.CONTROL_STATED,
        place=at("ithriya", "Ithriya"),
        actors=(ARMY_HOLDS,),
        occurred=occurred_from_edtf("2016-02-20"),
    )
    file_report(world, "ithriya", "2016-02-21", [ithriya])
    found = world.ask("""{
      controlMap(within: "aleppo-governorate") { place { name } control { state } }
      south: controlMap(bbox: {west: 37, south: 35, east: 38, north: 35.5}) { place { name } }
      nowhere: controlMap(within: "khanasser") { place { name } }
      first: placeControls(first: 1) { nodes { place { name } control { holders { name } } }
        totalCount pageInfo { hasNextPage endCursor } }
      last: placeControls(first: 1, orderBy: {direction: desc}) { nodes { place { name } } }
      then: placeControls(knownOn: "2016-02-22") { nodes { place { name } } totalCount }
      inside: placeControls(within: "aleppo-governorate") { totalCount } }""")

    assert found["controlMap"] == [
        {"place": {"name": "Khanasser"}, "control": {"state": "controlled"}}
    ]
    assert found["south"] == [{"place": {"name": "Ithriya"}}]
    assert found["nowhere"] == []
    assert found["first"]["nodes"] == [
        {
            "place": {"name": "Ithriya"},
            "control": {"holders": [{"name": "Government of Syria"}]},
        }
    ]
    assert (found["first"]["totalCount"], found["inside"]["totalCount"]) == (2, 1)
    assert found["last"]["nodes"] == [{"place": {"name": "Khanasser"}}]
    assert found["then"] == {"nodes": [{"place": {"name": "Ithriya"}}], "totalCount": 1}
    query = """query ($after: String) { placeControls(after: $after) {
      nodes { place { name } } pageInfo { hasNextPage hasPreviousPage } } }"""
    after = found["first"]["pageInfo"]["endCursor"]
    assert world.ask(query, after=after)["placeControls"] == {
        "nodes": [{"place": {"name": "Khanasser"}}],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True},
    }


def test_the_map_is_geojson(world: World) -> None:
    query = """{ controlGeojson(at: "2016-02-24", within: "aleppo-governorate")
      nowhere: controlGeojson(bbox: {west: 0, south: 0, east: 1, north: 1}) }"""

    assert world.ask(query) == {
        "controlGeojson": {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": "khanasser",
                    "geometry": {"type": "Point", "coordinates": [37.5, 35.78]},
                    "properties": {
                        "name": "Khanasser",
                        "kind": "town",
                        "state": "controlled",
                        "holders": [{"actorId": "islamic-state", "name": "Islamic State"}],
                        "conditions": [],
                        "since": {"earliest": "2016-02-23", "latest": "2016-02-23"},
                        "certain": True,
                        "lastConfirmed": "2016-02-23",
                        "sources": 1,
                    },
                }
            ],
        },
        "nowhere": {"type": "FeatureCollection", "features": []},
    }


def test_a_place_tells_all_that_was_ever_known_of_its_control(world: World) -> None:
    query = """{ place(id: "khanasser") { controlKnowledge {
      validFrom validTo knownFrom knownTo state holders { name } certain since { latest } } } }"""

    known = world.ask(query)["place"]["controlKnowledge"]

    shown = [
        (k["knownFrom"][:10], k["knownTo"] and k["knownTo"][:10], k["validFrom"][:10],
         k["validTo"] and k["validTo"][:10], [h["name"] for h in k["holders"]])
        for k in known
        if k["certain"]
    ]  # fmt: skip
    assert shown == [
        ("2016-02-23", "2016-02-26", "2016-02-23", None, ["Islamic State"]),
        ("2016-02-26", None, "2016-02-23", "2016-02-24", ["Islamic State"]),
        ("2016-02-26", None, "2016-02-25", None, ["Government of Syria"]),
    ]


def _rivals(world: World) -> tuple[str, ...]:
    append(world, "source-monitor", [SourceRegistered(source_id="monitor", name="Monitor")])
    held = ProposedClaim(
        type=ClaimType.CONTROL_STATED,
        place=KHANASSER,
        actors=(ARMY_HOLDS,),
        occurred=occurred_from_edtf("2016-02-23"),
        attributed_to="the governor",
    )
    denied = ProposedClaim(
        type=ClaimType.CONTROL_CHANGED,
        polarity=Polarity.NEGATED,
        place=KHANASSER,
        actors=(IS_HOLDS,),
        occurred=occurred_from_edtf("2016-02-23"),
        attributed_to="the governor",
    )
    return file_report(world, "rival", "2016-02-24", [held, denied])


COMPETING = """query ($knownOn: String) { place(id: "khanasser") {
  timeline(knownOn: $knownOn, types: [ControlChanged, ControlStated], to: "2016-02-23") {
    nodes { claimId polarity competing { claimId polarity report { id } } } } } }"""


def test_claims_that_tell_otherwise_of_the_same_stand_beside_a_claim(world: World) -> None:
    held, denied = _rivals(world)

    nodes = world.ask(COMPETING)["place"]["timeline"]["nodes"]

    rivals = {n["claimId"]: {c["claimId"] for c in n["competing"]} for n in nodes}
    (fall,) = rivals.keys() - {held, denied}
    assert rivals[fall] == {held, denied}
    assert rivals[held] == {fall}
    assert rivals[denied] == {fall}
    before = world.ask(COMPETING, knownOn="2016-02-23")["place"]["timeline"]["nodes"]
    assert [n["competing"] for n in before] == [[]]


def test_a_claim_is_asked_for_by_its_id(world: World) -> None:
    held, _ = _rivals(world)
    query = """query ($id: ID!, $knownOn: String) {
      claim(id: $id, knownOn: $knownOn) { type attributedTo } }"""

    assert world.ask(query, id=held)["claim"] == {
        "type": "ControlStated",
        "attributedTo": "the governor",
    }
    assert world.ask(query, id=held, knownOn="2016-02-23") == {"claim": None}
    assert world.ask(query, id="nothing") == {"claim": None}


def test_affiliations_are_told_from_both_ends(world: World) -> None:
    found = world.ask("""{
      actor(id: "tiger-forces") { affiliations { other { name } accordingTo } }
      whole: actor(id: "government-of-syria") {
        affiliates { actor { name } relation from to disputed accordingTo } } }""")

    assert found == {
        "actor": {
            "affiliations": [{"other": {"name": "Government of Syria"}, "accordingTo": "analysts"}]
        },
        "whole": {
            "affiliates": [
                {
                    "actor": {"name": "Tiger Forces"},
                    "relation": "member_of",
                    "from": "2013",
                    "to": "2019",
                    "disputed": True,
                    "accordingTo": "analysts",
                }
            ]
        },
    }


def test_sources_are_listed_with_whom_they_speak_for(world: World) -> None:
    wire = SourceRegistered(source_id="wire", name="A Wire", affiliated_with="agency")
    append(world, "source-wire", [wire])

    found = world.ask("{ sources { nodes { id name affiliatedWith } totalCount } }")["sources"]

    assert found == {
        "nodes": [
            {"id": "wire", "name": "A Wire", "affiliatedWith": "agency"},
            {"id": "agency", "name": "Agency", "affiliatedWith": None},
        ],
        "totalCount": 2,
    }
