"""Places and actors are mended by GraphQL: typed errors, expected versions, keys, and old ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.asgi import Client
from tests.integration.conftest import Desk
from tests.integration.test_mending import BACK, ISIL, NAYRAB, NEIRAB, TAKEN
from tests.integration.test_mutations import Editor
from timeline.api.access import Gate
from timeline.api.app import create_app
from timeline.filing.mended import Word
from timeline.store.events import Author

ERRORS = "errors { __typename message ... on Conflict { expected actual } }"
PLACE = (
    "{ place { id name mergedIds within { id } names { name } }"
    f" position version {ERRORS} }}"
)
ACTOR = (
    "{ actor { id name mergedIds affiliations { actor relation from disputed accordingTo } }"
    f" position version {ERRORS} }}"
)
MERGE = f"mutation($input: MergeInput!) {{ mergePlaces(input: $input) {PLACE} }}"
UNMERGE = f"mutation($input: UnmergeInput!) {{ unmergePlaces(input: $input) {PLACE} }}"
CORRECT = f"mutation($input: CorrectPlaceInput!) {{ correctPlace(input: $input) {PLACE} }}"
MERGE_ACTORS = f"mutation($input: MergeInput!) {{ mergeActors(input: $input) {ACTOR} }}"
UNMERGE_ACTORS = f"mutation($input: UnmergeInput!) {{ unmergeActors(input: $input) {ACTOR} }}"
CORRECT_ACTOR = f"mutation($input: CorrectActorInput!) {{ correctActor(input: $input) {ACTOR} }}"
AFFILIATE = (
    f"mutation($input: StateAffiliationInput!) {{ stateAffiliation(input: $input) {ACTOR} }}"
)
TWO = {"duplicate": "neirab-camp", "into": "nayrab", "reason": "one town under two names"}


@pytest.fixture
def editor(desk: Desk) -> Iterator[Editor]:
    desk.app.registering.register([NAYRAB, NEIRAB], [ISIL])
    desk.file("taken.yaml", TAKEN)
    desk.file("back.yaml", BACK)
    app = desk.app
    gate = Gate(app.tokens, app.commands)
    client = Client(create_app(app.reader, app.store, app.runner.catch_up, gate=gate))
    yield Editor(desk, client)
    client.close()


def ask(editor: Editor, query: str, **given: Any) -> Any:  # noqa: ANN401
    answer = editor.client.ask(query, editor.token, **given).json()
    assert "errors" not in answer, answer
    return answer["data"]


def test_places_are_merged_found_by_the_old_id_and_parted(editor: Editor) -> None:
    node = ask(editor, '{ place(id: "neirab-camp") { nodeId } }')["place"]["nodeId"]
    done = editor.do(MERGE, **TWO)

    assert done["place"] == {
        "id": "nayrab",
        "name": "Al-Nayrab",
        "mergedIds": ["neirab-camp"],
        "within": None,
        "names": [{"name": "النيرب"}, {"name": "Neirab Camp"}],
    }
    assert (done["position"], done["version"], done["errors"]) == (editor.desk.head, 2, [])
    found = ask(
        editor,
        """query($node: ID!) {
          old: place(id: "neirab-camp") { id timeline(first: 9) { edges { node { type } } }
            control(at: "2016-02-22") { holders { name } } }
          named: place(name: "Neirab Camp") { id matchedBy { tier } }
          node(id: $node) { ... on Place { id } }
          timeline(placeId: "neirab-camp") { totalCount }
          incidents(placeId: "neirab-camp", types: [Clash]) { nodes { sources place { id } } }
          statistics(by: place, placeId: "neirab-camp") { nodes { key claims } }
        }""",
        node=node,
    )
    assert found["old"]["id"] == "nayrab"
    assert len(found["old"]["timeline"]["edges"]) == 5
    assert found["old"]["control"] == {"holders": [{"name": "Islamic State"}]}
    assert found["named"] == {"id": "nayrab", "matchedBy": {"tier": "alias"}}
    assert found["node"] == {"id": "nayrab"}
    assert found["timeline"] == {"totalCount": 5}
    assert found["incidents"] == {"nodes": [{"sources": 2, "place": {"id": "nayrab"}}]}
    assert found["statistics"] == {"nodes": [{"key": "nayrab", "claims": 5}]}
    apart = editor.do(UNMERGE, duplicate="neirab-camp")
    assert (apart["place"]["id"], apart["version"], apart["errors"]) == ("neirab-camp", 3, [])
    assert ask(editor, '{ place(id: "nayrab") { mergedIds } }') == {"place": {"mergedIds": []}}


def test_a_change_is_recorded_with_who_made_it_and_done_once_a_key(editor: Editor) -> None:
    first = editor.do(MERGE, **TWO, idempotencyKey="k")
    again = editor.do(MERGE, **TWO, idempotencyKey="k")

    assert again == first
    assert ask(editor, "{ events(last: 2) { nodes { type stream data author via } } }") == {
        "events": {
            "nodes": [
                {
                    "type": "PlacesMerged",
                    "stream": stream,
                    "data": {
                        "into": "nayrab",
                        "place_id": "neirab-camp",
                        "reason": "one town under two names",
                        "requested_by": "Ed",
                    },
                    "author": "Ed",
                    "via": "graphql",
                }
                for stream in ("place-neirab-camp", "place-nayrab")
            ]
        }
    }


@pytest.mark.parametrize(
    ("mutation", "given", "error"),
    [
        (MERGE, {"into": "neirab-camp"}, ("InvalidInput", "cannot be merged into itself")),
        (MERGE, {"into": "atlantis"}, ("UnknownPlace", "no place is known by the name 'atlantis'")),
        (MERGE, {"into": "Neirab Camp"}, ("UnknownPlace", "known by the name 'Neirab Camp'")),
        (MERGE, {"duplicate": "nayrabb"}, ("UnknownPlace", "known by the name 'nayrabb'")),
        (MERGE, {"expectedVersion": 4}, ("Conflict", "expected version 4, found 1")),
        (MERGE, {"intoExpectedVersion": 4}, ("Conflict", "expected version 4, found 1")),
        (UNMERGE, {"into": None, "reason": None}, ("InvalidInput", "is merged into no other")),
        (MERGE_ACTORS, {"duplicate": "nobody"}, ("UnknownTarget", "there is no actor 'nobody'")),
    ],
)
def test_what_cannot_be_is_told_as_data(
    editor: Editor, mutation: str, given: dict[str, Any], error: tuple[str, str]
) -> None:
    head = editor.desk.head
    told = {**TWO, **given}
    payload = editor.do(mutation, **{k: v for k, v in told.items() if v is not None or k != "into"})

    [found] = payload["errors"]
    assert found["__typename"] == error[0]
    assert error[1] in found["message"]
    assert payload["position"] is None
    assert editor.desk.head == head


def test_a_place_is_corrected(editor: Editor) -> None:
    done = editor.do(
        CORRECT,
        placeId="nayrab",
        name="Nayrab",
        within="ithriya",
        addNames=[{"name": "Nerab"}],
        removeNames=["النيرب"],
        expectedVersion=1,
    )

    assert done["errors"] == []
    assert done["place"] == {
        "id": "nayrab",
        "name": "Nayrab",
        "mergedIds": [],
        "within": {"id": "ithriya"},
        "names": [{"name": "Al-Nayrab"}, {"name": "Nerab"}],
    }
    unset = editor.do(CORRECT, placeId="nayrab", unset=["within"], expectedVersion=2)
    assert unset["place"]["within"] is None
    given = {"latitude": 36, "longitude": 37, "geo_precision": 2}
    editor.desk.app.commands(Author("anna", "cli")).mending.correct_place(
        "nayrab", given, Word(requested_by="Anna")
    )
    editor.do(CORRECT, placeId="nayrab", unset=["latitude", "longitude", "geoPrecision"])
    place = editor.desk.app.reader.gazetteer().places["nayrab"]
    assert (place.latitude, place.longitude, place.geo_precision) == (None, None, 1)
    [stale] = editor.do(CORRECT, placeId="nayrab", name="X", expectedVersion=2)["errors"]
    assert (stale["__typename"], stale["actual"]) == ("Conflict", 5)


def test_a_place_is_corrected_by_its_id_alone(editor: Editor) -> None:
    head = editor.desk.head

    for given in (
        {"placeId": "al nayrab", "name": "X"},
        {"placeId": "nayrab", "within": "Neirab Camp"},
    ):
        [unknown] = editor.do(CORRECT, **given)["errors"]
        assert unknown["__typename"] == "UnknownPlace"
    assert editor.desk.head == head


def test_a_source_speaks_for_what_its_actor_was_merged_into(editor: Editor) -> None:
    told = TAKEN.replace("{name: Desert Monitor}", "{name: Amaq Wire, affiliated_with: ISIL}")
    editor.desk.file("wire.yaml", told.replace("id: taken", "id: wire"))
    editor.do(MERGE_ACTORS, duplicate="isil", into="islamic-state")

    assert ask(editor, '{ source(id: "amaq-wire") { affiliatedWith } }') == {
        "source": {"affiliatedWith": "islamic-state"}
    }


def test_actors_are_merged_corrected_affiliated_and_parted(editor: Editor) -> None:
    merged = editor.do(MERGE_ACTORS, duplicate="isil", into="islamic-state")
    assert (merged["actor"]["id"], merged["actor"]["mergedIds"]) == ("islamic-state", ["isil"])
    assert ask(editor, '{ actor(id: "isil") { id } }') == {"actor": {"id": "islamic-state"}}
    named = editor.do(CORRECT_ACTOR, actorId="islamic-state", name="Daesh")
    assert named["actor"]["name"] == "Daesh"
    assert ask(editor, '{ place(id: "neirab-camp") { control { holders { name } } } }') == {
        "place": {"control": {"holders": [{"name": "Daesh"}]}}
    }
    apart = editor.do(UNMERGE_ACTORS, duplicate="isil")
    assert apart["actor"]["id"] == "isil"
    stated = {"with": "islamic-state", "relation": "part_of", "accordingTo": "Anna"}
    said = editor.do(AFFILIATE, actorId="isil", **stated, **{"from": "2013", "disputed": True})
    assert said["actor"]["affiliations"] == [
        {
            "actor": "islamic-state",
            "relation": "part_of",
            "from": "2013",
            "disputed": True,
            "accordingTo": "Anna",
        }
    ]
    [bad] = editor.do(AFFILIATE, actorId="isil", **stated, **{"from": "soon"})["errors"]
    assert bad["__typename"] == "InvalidDate"
