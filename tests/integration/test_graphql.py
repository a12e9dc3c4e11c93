"""What each question of the GraphQL schema answers, field by field."""

from __future__ import annotations

import pytest

from tests.integration.test_graphql_world import World, file_all, new_world
from timeline.store.event_store import EventStore

FALL_QUOTE = "Islamic State took Khanasser"


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    return built


def test_the_query_of_the_contract_answers_place_control_and_timeline(world: World) -> None:
    query = """query Contract($name: String, $at: String, $knownOn: String, $first: Int) {
      place(name: $name) { id name
        control(at: $at, knownOn: $knownOn) { state holders { name } since { earliest latest } }
        timeline(first: $first, knownOn: $knownOn) {
          edges { cursor node { type modality quote occurred { edtf } report { id title } } }
          pageInfo { hasNextPage endCursor } } } }"""

    place = world.ask(query, name="Khanasser", at="2016-02-24", first=1)["place"]

    edge = place["timeline"]["edges"][0]
    assert place["control"] == {
        "state": "controlled",
        "holders": [{"name": "Islamic State"}],
        "since": {"earliest": "2016-02-23", "latest": "2016-02-23"},
    }
    assert edge["node"] == {
        "type": "ControlChanged",
        "modality": "asserted",
        "quote": FALL_QUOTE,
        "occurred": {"edtf": "2016-02-23"},
        "report": {"id": "fall", "title": "Title of fall"},
    }
    assert place["timeline"]["pageInfo"] == {"hasNextPage": True, "endCursor": edge["cursor"]}


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("khanasser", "id"),
        ("KHANASSER", "exact"),
        ("خناصر", "alias"),
        ("Khanāsir", "folded"),
        ("Khanaser", "skeleton"),
    ],
)
def test_a_place_is_found_by_its_name_in_any_spelling_or_script(
    world: World, name: str, tier: str
) -> None:
    query = "query ($name: String!) { place(name: $name) { id matchedBy { tier score } } }"

    place = world.ask(query, name=name)["place"]

    assert (place["id"], place["matchedBy"]["tier"]) == ("khanasser", tier)
    assert 0 < place["matchedBy"]["score"] <= 1


def test_a_place_tells_of_itself(world: World) -> None:
    query = """{ place(id: "khanasser") { id name kind latitude longitude matchedBy { tier }
      names { name language } within { id name within { id } } } }"""

    assert world.ask(query)["place"] == {
        "id": "khanasser",
        "name": "Khanasser",
        "kind": "town",
        "latitude": 35.78,
        "longitude": 37.5,
        "matchedBy": None,
        "names": [{"name": "خناصر", "language": "ar"}, {"name": "Khanasir", "language": None}],
        "within": {"id": "aleppo-governorate", "name": "Aleppo Governorate", "within": None},
    }


def test_control_is_told_at_a_time_and_as_known_on_a_date(world: World) -> None:
    query = """{ place(id: "khanasser") {
      before: control(at: "2016-02-22") { state holders { name } since { earliest latest } }
      then: control(at: "2016-02-25", knownOn: "2016-02-25") { state holders { actorId } }
      now: control(at: "2016-02-25") { state holders { actorId } }
      unknownYet: control(at: "2016-02-25", knownOn: "2016-02-22") { state } } }"""

    assert world.ask(query)["place"] == {
        "before": {"state": "unknown", "holders": [], "since": {"earliest": None, "latest": None}},
        "then": {"state": "controlled", "holders": [{"actorId": "islamic-state"}]},
        "now": {"state": "controlled", "holders": [{"actorId": "government-of-syria"}]},
        "unknownYet": {"state": "unknown"},
    }


def test_control_reaches_the_claims_that_it_rests_on(world: World) -> None:
    query = """{ place(id: "khanasser") { control(at: "2016-02-24") {
      conditions certain lastConfirmed sources claimIds
      claims { claimId quote report { id } } } } }"""

    control = world.ask(query)["place"]["control"]

    (claim_id,) = control.pop("claimIds")
    assert control == {
        "conditions": [],
        "certain": True,
        "lastConfirmed": "2016-02-23",
        "sources": 1,
        "claims": [{"claimId": claim_id, "quote": FALL_QUOTE, "report": {"id": "fall"}}],
    }


def test_control_history_is_a_chain_of_half_open_spans(world: World) -> None:
    query = """query ($knownOn: String) { place(id: "khanasser") { controlHistory(knownOn: $knownOn)
      { validFrom validTo certainFrom state holders { name actorId } conditions sources
        since { earliest latest } claimIds claims { claimId } } } }"""

    spans = world.ask(query)["place"]["controlHistory"]
    known_then = world.ask(query, knownOn="2016-02-24")["place"]["controlHistory"]

    assert [(s["state"], s["holders"][0]["name"]) for s in spans] == [
        ("controlled", "Islamic State"),
        ("controlled", "Government of Syria"),
    ]
    assert spans[0]["validTo"] == spans[1]["validFrom"]
    assert spans[1]["validTo"] is None
    assert [s["holders"][0]["actorId"] for s in known_then] == ["islamic-state"]
    for s in spans:
        assert [c["claimId"] for c in s["claims"]] == s["claimIds"]


ENTRY = """claimId type modality polarity certainty statementKind
  actors { actorId name asNamed role }
  place { placeId name asNamed relation distanceKm bearing latitude longitude geoPrecision
    match { tier score } place { id control(at: "2016-02-24") { state } } }
  place2 { placeId place { id } }
  occurred { edtf earliest latest precision anchor }
  subEventType ploverEvent ploverMode quantity { value unit qualifier }
  fatalities { low best high }
  casualties { harm group role low best high asNamed }
  weapons { asNamed kind }
  attributedTo evidence { spanStart spanEnd quote }
  alsoEvidence { spanStart spanEnd quote } quote confidence codedBy isAmended review
  report { id }"""


def test_an_entry_tells_everything_that_its_claim_says(world: World) -> None:
    query = f'{{ report(id: "fall") {{ claims {{ {ENTRY} }} }} }}'

    fall, strike, shelling, said = world.ask(query)["report"]["claims"]

    assert fall.pop("claimId").startswith("c-")
    start = fall["evidence"].pop("spanStart")
    assert fall["evidence"].pop("spanEnd") == start + len(FALL_QUOTE)
    assert [e["quote"] for e in fall.pop("alsoEvidence")] == ["The group seized the town"]
    assert fall == {
        "type": "ControlChanged",
        "modality": "asserted",
        "polarity": "positive",
        "certainty": "likely",
        "statementKind": None,
        "actors": [
            {
                "actorId": "islamic-state",
                "name": "Islamic State",
                "asNamed": "Islamic State",
                "role": "holder",
            }
        ],
        "place": {
            "placeId": "khanasser",
            "name": "Khanasser",
            "asNamed": "Khanasser",
            "relation": "at",
            "distanceKm": None,
            "bearing": None,
            "latitude": 35.78,
            "longitude": 37.5,
            "geoPrecision": 1,
            "match": {"tier": "exact", "score": 1.0},
            "place": {"id": "khanasser", "control": {"state": "controlled"}},
        },
        "place2": None,
        "occurred": {
            "edtf": "2016-02-23",
            "earliest": "2016-02-23",
            "latest": "2016-02-23",
            "precision": "day",
            "anchor": "unanchored",
        },
        "subEventType": "Non-state actor overtakes territory",
        "ploverEvent": "ASSAULT",
        "ploverMode": "seize",
        "quantity": None,
        "fatalities": {"low": 10, "best": 12, "high": 14},
        "casualties": [
            {
                "harm": "killed",
                "group": "combatants",
                "role": "holder",
                "low": 10,
                "best": None,
                "high": 14,
                "asNamed": "10 to 14 soldiers",
            }
        ],
        "weapons": [
            {"asNamed": "car bombs", "kind": "explosives"},
            {"asNamed": "drones", "kind": None},
        ],
        "attributedTo": None,
        "evidence": {"quote": FALL_QUOTE},
        "quote": FALL_QUOTE,
        "confidence": None,
        "codedBy": None,
        "isAmended": False,
        "review": "unreviewed",
        "report": {"id": "fall"},
    }
    assert (strike["modality"], strike["occurred"]["edtf"]) == ("forecast", None)
    assert strike["place2"] == {"placeId": "ithriya", "place": {"id": "ithriya"}}
    assert (shelling["polarity"], shelling["isAmended"]) == ("negated", True)
    assert shelling["attributedTo"] == "a general"
    assert shelling["quantity"] == {"value": 20.0, "unit": "villages", "qualifier": "more_than"}
    assert (shelling["place"]["placeId"], shelling["place"]["place"]) == (None, None)
    assert shelling["actors"][0]["actorId"] is None
    assert (said["statementKind"], said["attributedTo"]) == ("opinion", "an officer")


@pytest.mark.parametrize(
    ("arguments", "types"),
    [
        ("", ["ControlChanged", "ControlChanged", "Airstrike", "Statement"]),
        ("types: [Airstrike, Statement]", ["Airstrike", "Statement"]),
        ("types: []", ["ControlChanged", "ControlChanged", "Airstrike", "Statement"]),
        ("modalities: [forecast]", ["Airstrike"]),
        ('actor: "government-of-syria"', ["ControlChanged"]),
        ('actor: "داعش"', ["ControlChanged", "ControlChanged"]),
        ('actor: "nobody at all"', []),
        ('from: "2016-02-24"', ["ControlChanged"]),
        ('to: "2016-02-24"', ["ControlChanged"]),
        ('from: "2016-02-23", to: "2016-02-25"', ["ControlChanged", "ControlChanged"]),
        ('knownOn: "2016-02-25"', ["ControlChanged", "Airstrike", "Statement"]),
        ('knownOn: "2016-02-22"', []),
    ],
)
def test_a_timeline_is_narrowed_by_its_arguments(
    world: World, arguments: str, types: list[str]
) -> None:
    given = f"({arguments})" if arguments else ""
    query = f"""{{ place(id: "khanasser") {{ timeline{given} {{
      totalCount edges {{ node {{ type }} }} }} }} }}"""

    timeline = world.ask(query)["place"]["timeline"]

    found = [e["node"]["type"] for e in timeline["edges"]]
    assert sorted(found) == sorted(types)
    assert timeline["totalCount"] == len(types)


def test_a_name_that_is_no_known_actor_finds_the_claims_that_use_it(world: World) -> None:
    filters = 'actor: "The 5th Column"'
    query = f'{{ actor(id: "islamic-state") {{ timeline {{ totalCount }} }} \
      place(id: "khanasser") {{ timeline({filters}) {{ totalCount }} }} }}'

    assert world.ask(query) == {
        "actor": {"timeline": {"totalCount": 2}},
        "place": {"timeline": {"totalCount": 0}},
    }


def test_a_report_tells_of_its_version_and_the_others(world: World) -> None:
    query = """{ report(id: "road") { id title url source { id name } published reported undated
      language codedBy claimCount isCurrent version
      versions { version reported isCurrent published }
      claims { type occurred { latest } confidence codedBy
        place { distanceKm bearing geoPrecision relation } }
      then: claims(knownOn: "2016-02-28") { occurred { earliest latest precision } } } }"""

    report = world.ask(query)["report"]

    first, second = report.pop("versions")
    assert first.pop("version") != report["version"]
    assert second.pop("version") == report.pop("version")
    assert first == {"reported": "2016-02-27", "isCurrent": False, "published": "2016-02-27"}
    assert second == {"reported": "2016-03-01", "isCurrent": True, "published": "2016-02-27"}
    assert report == {
        "id": "road",
        "title": "Title of road",
        "url": "https://example.org/road",
        "source": {"id": "agency", "name": "Agency"},
        "published": "2016-02-27",
        "reported": "2016-03-01",
        "undated": False,
        "language": "en",
        "codedBy": "desk",
        "claimCount": 1,
        "isCurrent": True,
        "claims": [
            {
                "type": "Clash",
                "occurred": {"latest": "2016-03-01"},
                "confidence": 0.5,
                "codedBy": "rules 1",
                "place": {
                    "distanceKm": 3.0,
                    "bearing": 45.0,
                    "geoPrecision": 2,
                    "relation": "near",
                },
            }
        ],
        "then": [
            {
                "occurred": {
                    "earliest": None,
                    "latest": "2016-02-27",
                    "precision": "not_later_than",
                }
            }
        ],
    }


def test_an_actor_tells_of_its_names_and_affiliations(world: World) -> None:
    query = """{ actor(id: "tiger-forces") { id name kind side names { name } acled ucdp
      affiliations { actor relation from to disputed accordingTo } timeline { totalCount } }
      is: actor(id: "islamic-state") { acled ucdp names { name language } } }"""

    data = world.ask(query)

    assert data["actor"] == {
        "id": "tiger-forces",
        "name": "Tiger Forces",
        "kind": "state_forces",
        "side": "government-of-syria",
        "names": [],
        "acled": [],
        "ucdp": [],
        "affiliations": [
            {
                "actor": "government-of-syria",
                "relation": "member_of",
                "from": "2013",
                "to": "2019",
                "disputed": True,
                "accordingTo": "analysts",
            }
        ],
        "timeline": {"totalCount": 0},
    }
    assert data["is"]["acled"] == ["Islamic State (Syria)"]
    assert data["is"]["names"][1] == {"name": "داعش", "language": "ar"}


def test_the_control_map_lists_the_places_of_which_something_is_known(world: World) -> None:
    query = """query ($at: String, $knownOn: String) { controlMap(at: $at, knownOn: $knownOn) {
      place { id control(at: "2016-02-24") { holders { name } } }
      control { holders { name } claims { report { id } } } } }"""

    assert world.ask(query)["controlMap"] == [
        {
            "place": {"id": "khanasser", "control": {"holders": [{"name": "Islamic State"}]}},
            "control": {
                "holders": [{"name": "Government of Syria"}],
                "claims": [{"report": {"id": "retaken"}}],
            },
        }
    ]
    assert world.ask(query, at="2016-02-22")["controlMap"] == []


def test_what_is_not_there_is_null_without_an_error(world: World) -> None:
    query = '{ place(id: "x") { id } actor(id: "x") { id } report(id: "x") { id } }'

    assert world.ask(query) == {"place": None, "actor": None, "report": None}


def test_what_became_known_between_two_dates_and_through_which_report(world: World) -> None:
    query = """query ($one: String!, $two: String!, $place: ID) {
      knowledgeDiff(knownOn: $one, and: $two, placeId: $place) { place { id }
        control { validTo before { state holders { name } } after { state holders { name } } }
        entries { kind fields before { type } after { type } because { kind reportId } } } }"""

    [found] = world.ask(query, one="2016-02-24", two="2016-02-29", place="khanasser")[
        "knowledgeDiff"
    ]

    assert found["place"] == {"id": "khanasser"}
    assert found["control"][-1]["before"]["holders"] == [{"name": "Islamic State"}]
    assert found["control"][-1]["after"]["holders"] == [{"name": "Government of Syria"}]
    added = [e for e in found["entries"] if e["kind"] == "added"]
    assert added
    assert {c["kind"] for e in added for c in e["because"]} == {"report"}
    error = world.error(query, one="2016-02-25", two="2016-02-24")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
