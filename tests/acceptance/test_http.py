"""GraphQL over HTTP, by a real server on a real socket: media types, statuses, bounds, pages."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from tests.integration.test_graphql_world import (
    World,
    append,
    at,
    file_all,
    file_report,
    new_world,
)
from timeline.api.app import create_app
from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import ClaimType, ProposedClaim
from timeline.domain.places import PlaceKind
from timeline.domain.reference_events import PlaceRegistered
from timeline.domain.time import occurred_from_edtf
from timeline.store.event_store import EventStore

PLACE = '{ place(id: "khanasser") { name control(at: "2016-02-24") { holders { name } } } }'
ANSWER = {
    "data": {"place": {"name": "Khanasser", "control": {"holders": [{"name": "Islamic State"}]}}}
}
GRAPHQL_JSON = "application/graphql-response+json"

# For what the engine has no part in: headers, protocols, bounds.
on_sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@contextmanager
def serving(app: Starlette, **options: Any) -> Iterator[str]:  # noqa: ANN401 - uvicorn's
    """The address of a server that serves the application from a thread, following nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = {"log_level": "warning", "lifespan": "off", "ws": "none", **options}
    server = uvicorn.Server(uvicorn.Config(app, **config))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    return built


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    app = create_app(world.reader, world.store, world.runner.catch_up)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as connected:
        yield connected


def test_a_query_is_answered_by_post_and_by_get(client: httpx.Client) -> None:
    posted = client.post("/graphql", json={"query": PLACE})
    got = client.get("/graphql", params={"query": PLACE})

    assert (posted.status_code, posted.json()) == (200, ANSWER)
    assert (got.status_code, got.json()) == (200, ANSWER)
    assert posted.headers["content-type"] == "application/json; charset=utf-8"


@on_sqlite_alone
def test_variables_and_operation_name_are_taken_from_both(client: httpx.Client) -> None:
    query = "query A { status { casebook } } query B($id: ID!) { place(id: $id) { name } }"
    variables = {"id": "ithriya"}
    asked = {"query": query, "operationName": "B"}

    posted = client.post("/graphql", json={**asked, "variables": variables, "extensions": {}})
    got = client.get("/graphql", params={**asked, "variables": json.dumps(variables)})

    assert posted.json() == got.json() == {"data": {"place": {"name": "Ithriya"}}}


@on_sqlite_alone
def test_what_cannot_be_run_is_200_as_json_and_400_as_the_newer_type(client: httpx.Client) -> None:
    for query in ("{", "{ nothing }"):
        old = client.post("/graphql", json={"query": query})
        new = client.post("/graphql", json={"query": query}, headers={"accept": GRAPHQL_JSON})

        assert (old.status_code, new.status_code) == (200, 400)
        assert new.headers["content-type"] == f"{GRAPHQL_JSON}; charset=utf-8"
        assert "data" not in new.json()


@on_sqlite_alone
def test_an_error_beside_data_is_200_in_either_type(client: httpx.Client) -> None:
    query = '{ place(name: "Tell") { id } }'
    for accept in (GRAPHQL_JSON, "application/json", "*/*"):
        response = client.post("/graphql", json={"query": query}, headers={"accept": accept})

        assert response.status_code == 200
        assert response.json()["data"] == {"place": None}


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"query": 1}', "application/json", 400),
        (b'{"query": "{a}", "variables": []}', "application/json", 400),
        (b'{"query": "{a}", "operationName": 1}', "application/json", 400),
        (b'{"query": "{a}", "extensions": "x"}', "application/json", 400),
        (b"[" * 100_000, "application/json", 413),
        (b"[" * 20_000, "application/json", 400),
        (b"query={a}", "application/x-www-form-urlencoded", 415),
        (b'{"query": "{a}"}', "text/plain", 415),
        (b'{"query": "{a}"}', "application/json; charset=utf-16", 415),
        (b"{}", "", 415),
        (b'{"query": "' + b"a" * 1_000_001 + b'"}', "application/json", 413),
    ],
)
@on_sqlite_alone
def test_a_body_that_is_no_request_is_refused(
    client: httpx.Client, content: bytes, content_type: str, status: int
) -> None:
    headers = {"content-type": content_type} if content_type else {}

    response = client.post("/graphql", content=content, headers=headers)

    assert response.status_code == status
    assert response.json()["errors"][0]["extensions"]["code"] in (
        "BAD_USER_INPUT",
        "QUERY_TOO_LARGE",
    )


@on_sqlite_alone
def test_a_body_without_a_declared_length_is_bounded_too(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 50_000

    headers = {"content-type": "application/json"}

    assert client.post("/graphql", content=endless(), headers=headers).status_code == 413


@on_sqlite_alone
def test_what_the_client_does_not_accept_is_refused(client: httpx.Client) -> None:
    response = client.post("/graphql", json={"query": PLACE}, headers={"accept": "image/png"})

    assert response.status_code == 406


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@on_sqlite_alone
def test_other_methods_are_refused(client: httpx.Client, method: str) -> None:
    assert client.request(method, "/graphql").status_code == 405


@on_sqlite_alone
def test_a_browser_gets_graphiql_from_this_server_alone(client: httpx.Client) -> None:
    page = client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text.replace("http-equiv", "")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in ("graphiql/graphiql.min.js", "graphiql/graphiql.min.css", "graphiql-page.js"):
        assert client.get(f"/static/{name}").status_code == 200


def test_the_front_page_tells_what_it_is_and_who_holds_what(client: httpx.Client) -> None:
    page = client.get("/")

    assert page.status_code == 200
    assert '<a href="graphql">' in page.text
    assert "Khanasser" in page.text
    assert "Government of Syria" in page.text
    assert "://" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["x-content-type-options"] == "nosniff"


def test_the_front_page_escapes_names(world: World, client: httpx.Client) -> None:
    place = PlaceRegistered(place_id="odd", name="<script>alert('x')</script>", kind=PlaceKind.TOWN)
    append(world, "place-odd", [place])
    held = ProposedClaim(
        type=ClaimType.CONTROL_CHANGED,
        place=at("odd", "odd"),
        actors=(ActorMention(as_named="<img src=x onerror=1>\u202e", role=ActorRole.HOLDER),),
        occurred=occurred_from_edtf("2016-02-23"),
    )
    file_report(world, "odd", "2016-02-23", [held])

    page = client.get("/").text

    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<img" not in page
    assert "<bdi>&lt;img src=x onerror=1&gt;\u202e</bdi>" in page


@on_sqlite_alone
def test_there_is_no_websocket(client: httpx.Client) -> None:
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "x3JJHMbDL1EzLkh9GBhXDw==",
        "sec-websocket-protocol": "graphql-ws",
    }

    assert client.get("/graphql", headers=headers).status_code != 101


def test_what_another_process_appended_is_answered_at_once(store: EventStore) -> None:
    world = new_world(store)
    app = create_app(world.reader, world.store, world.runner.catch_up)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        before = client.post("/graphql", json={"query": PLACE}).json()
        without_projecting(world, file_all)
        after = client.post("/graphql", json={"query": PLACE}).json()

    assert before["data"]["place"]["control"] == {"holders": []}
    assert after == ANSWER


def without_projecting(world: World, act: Callable[[World], None]) -> None:
    """Append as a process does that is killed before it projects."""

    class NoRunner:
        def catch_up(self) -> int:
            return 0

    act(World(world.store, NoRunner(), world.reader))  # type: ignore[arg-type]


def test_a_catch_up_that_fails_does_not_break_reads(world: World) -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        raise RuntimeError("disk full")

    with (
        serving(create_app(world.reader, world.store, fail)) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        answers = [client.post("/graphql", json={"query": PLACE}).json() for _ in range(5)]

    assert answers == [ANSWER] * 5
    assert len(calls) == 1


def test_one_request_catches_up_while_the_others_wait(world: World) -> None:
    running, most = [0], [0]

    def slow() -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.3)
        running[0] -= 1

    app = create_app(world.reader, world.store, slow)
    with serving(app) as url, ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(httpx.post, f"{url}/graphql", json={"query": PLACE}, timeout=30)
            for _ in range(16)
        ]
        answers = [a.result().json() for a in asked]

    assert answers == [ANSWER] * 16
    assert most == [1]


def test_a_slow_read_does_not_hold_up_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    def wait_for_the_other(*_: object) -> dict[str, object]:
        assert answered.wait(20)
        return {}

    monkeypatch.setattr(world.reader, "versions", wait_for_the_other)
    app = create_app(world.reader, world.store, world.runner.catch_up)
    slow = {"query": '{ report(id: "fall") { id } }'}
    with serving(app) as url, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(httpx.post, f"{url}/graphql", json=slow, timeout=30)
        quick = httpx.post(f"{url}/graphql", json={"query": PLACE}, timeout=30)
        answered.set()

    assert quick.json() == ANSWER
    assert waiting.result().json() == {"data": {"report": None}}


def test_a_database_that_is_gone_is_told_by_health_and_front_page(
    world: World, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("/var/lib/timeline.db")

    monkeypatch.setattr(world.store, "head", fail)
    monkeypatch.setattr(world.reader, "control_map", fail)

    alive, ready, front = client.get("/healthz"), client.get("/readyz"), client.get("/")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "unavailable",
        "reason": "the database does not answer",
    }
    assert "does not answer" in front.text
    assert "/var" not in front.text
