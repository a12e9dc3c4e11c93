"""What GraphQL tells of the log itself: its events, its head, and the projections."""

from __future__ import annotations

import pytest

from tests.integration.test_graphql_world import World, new_world
from timeline.projections.register import ActorsProjection
from timeline.store.event_store import EventStore


@pytest.fixture
def world(store: EventStore) -> World:
    return new_world(store)


def test_an_event_is_told_as_it_is_stored(world: World) -> None:
    query = """query ($at: Position!) { event(position: $at) { position eventId stream version type
      schemaVersion recordedAt hash previousHash digest data isWithheld } }"""

    event = world.ask(query, at="1")["event"]
    stored = world.store.event_at(1)

    assert stored is not None
    assert event.pop("data")["place_id"] == "khanasser"
    assert event == {
        "position": 1,
        "eventId": stored.event_id,
        "stream": "place-khanasser",
        "version": 1,
        "type": "PlaceRegistered",
        "schemaVersion": 1,
        "recordedAt": "2026-11-22T20:30:00.000000Z",
        "hash": stored.hash.hex(),
        "previousHash": "0" * 64,
        "digest": stored.digest.hex(),
        "isWithheld": False,
    }


@pytest.mark.parametrize("position", ["0", "5000000000", '"9223372036854775807"'])
def test_an_event_outside_the_log_is_null(world: World, position: str) -> None:
    assert world.ask(f"{{ event(position: {position}) {{ position }} }}") == {"event": None}


def test_status_tells_the_head_and_how_far_the_projections_have_come(world: World) -> None:
    query = """{ status { casebook headPosition headHash
      projections { name version position state } } }"""

    status = world.ask(query)["status"]
    head = world.store.head()

    assert (status["casebook"], status["headHash"]) == ("main", head.hash.hex())
    assert status["headPosition"] == head.position
    assert status["projections"][0] == {
        "name": "actors",
        "version": ActorsProjection.version,
        "position": head.position,
        "state": "live",
    }
    assert len(status["projections"]) == 7
