"""Subscriptions over real websockets and event streams, with connections that break."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.acceptance import test_http
from tests.acceptance.test_http import on_sqlite_alone
from tests.integration.test_graphql_world import (
    ARMY_HOLDS,
    KHANASSER,
    World,
    append,
    at,
    file_all,
    file_report,
    new_world,
)
from timeline.api.access import LOCAL_READER, Gate, asked_by
from timeline.api.app import create_app
from timeline.api.endpoint import Asked
from timeline.api.limits import RateLimits
from timeline.api.serving import ServerSettings
from timeline.api.streaming import access, sources, websocket
from timeline.api.streaming.plans import Plan
from timeline.api.streaming.sources import Hub
from timeline.domain.claims import ClaimType, ProposedClaim
from timeline.domain.events import Basis, ReportRetracted
from timeline.domain.time import UNDATED, occurred_from_edtf
from timeline.filing.commands import Commands
from timeline.store.event_store import EventStore
from timeline.store.events import Author
from timeline.store.tokens import Role, Tokens

SUBSCRIBE = json.dumps(
    {
        "type": "subscribe",
        "id": "1",
        "payload": {"query": "subscription { events { checkpoint } }"},
    }
)
EVENTS = "subscription ($after: String) { events(after: $after) { checkpoint event { position } } }"
ENTRIES = """subscription ($after: String) { timelineEntries(placeId: "khanasser", after: $after) {
  checkpoint reportId isAmendment entries { type place { name } report { id } } } }"""
CONTROL = """subscription ($after: String) { controlChanges(
  after: $after, bbox: {west: 37.4, east: 37.6, south: 35.7, north: 35.8}) {
  checkpoint reportId places { place { id } control { state holders { name } } } } }"""


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The host and port of a server that serves the application from a thread, and follows."""
    options = {"lifespan": "on", "ws": "auto", "timeout_graceful_shutdown": 2}
    with test_http.serving(app, **options) as url:
        yield url.removeprefix("http://")


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    return built


@pytest.fixture
def address(world: World) -> Iterator[str]:
    settings = ServerSettings(cors_origins=("https://map.example.org",))
    app = create_app(world.reader, world.store, world.runner.catch_up, settings=settings)
    with serving(app) as host:
        yield host


@contextmanager
def opened(
    address: str,
    *,
    init: bool = True,
    origin: str | None = None,
    protocol: str = "graphql-transport-ws",
) -> Iterator[ClientConnection]:
    with connect(
        f"ws://{address}/graphql",
        subprotocols=[Subprotocol(protocol)],
        origin=None if origin is None else Origin(origin),
        max_queue=None,  # with a bound, a client that reads no more could not close at once
    ) as connection:
        if init:
            connection.send('{"type": "connection_init"}')
            assert received(connection) == {"type": "connection_ack"}
        yield connection


def received(connection: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(connection.recv(timeout=20))
    return message


def code_of_closing(connection: ClientConnection) -> int:
    """The code with which the server closes, whatever it sends before."""
    try:
        while True:
            connection.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


def subscribe(connection: ClientConnection, query: str, after: str | None, id_: str = "1") -> None:
    payload = {"query": query, "variables": {"after": after}}
    connection.send(json.dumps({"id": id_, "type": "subscribe", "payload": payload}))


def next_of(connection: ClientConnection) -> dict[str, Any]:
    """What the one field of the next message holds."""
    message = received(connection)
    assert message["type"] == "next", message
    assert list(message["payload"]) == ["data"], message
    (told,) = message["payload"]["data"].values()
    found: dict[str, Any] = told
    return found


def file_one(world: World, name: str) -> None:
    """File a report that says who holds Khanasser."""
    held = ProposedClaim(
        type=ClaimType.CONTROL_STATED,
        actors=(ARMY_HOLDS,),
        place=KHANASSER,
        occurred=occurred_from_edtf("2016-03-01"),
    )
    file_report(world, name, "2016-03-02", [held])


def file_many(world: World, count: int) -> None:
    for number in range(count):
        file_one(world, f"r{number}")


def test_nothing_is_missed_and_nothing_comes_twice_over_connections_that_break(
    world: World, address: str
) -> None:
    first = world.store.head().position
    last = first + 2 * 30
    writer = threading.Thread(target=file_many, args=(world, 30))
    got: list[int] = []
    after = world.store.checkpoint(first)
    writer.start()
    try:
        for breaks_after in (1, 3, 7, 2, 11, 5, 100):
            with opened(address) as connection:
                subscribe(connection, EVENTS, after)
                for _ in range(breaks_after):
                    told = next_of(connection)
                    after = told["checkpoint"]
                    got.append(told["event"]["position"])
                    if got[-1] == last:
                        break
                connection.socket.shutdown(socket.SHUT_RDWR)
    finally:
        writer.join()

    assert got == list(range(first + 1, last + 1))


def test_new_entries_of_a_place_come_and_so_do_amendments(world: World, address: str) -> None:
    with opened(address) as connection:
        subscribe(connection, ENTRIES, None)
        time.sleep(0.3)
        file_report(world, "elsewhere", "2016-03-02", [])
        file_one(world, "new")
        added = next_of(connection)
        retraction = ReportRetracted(report_id="new", basis=Basis.CODING, reported=UNDATED)
        append(world, "report-new", [retraction])
        withdrawn = next_of(connection)

    entry = {"type": "ControlStated", "place": {"name": "Khanasser"}, "report": {"id": "new"}}
    assert (added["reportId"], added["isAmendment"], added["entries"]) == ("new", False, [entry])
    assert (withdrawn["reportId"], withdrawn["isAmendment"]) == ("new", True)
    assert withdrawn["entries"] == []


def test_control_of_a_region_comes_and_what_is_elsewhere_does_not(
    world: World, address: str
) -> None:
    with opened(address) as connection:
        subscribe(connection, CONTROL, None)
        time.sleep(0.3)
        elsewhere = ProposedClaim(
            type=ClaimType.CONTROL_STATED,
            actors=(ARMY_HOLDS,),
            place=at("ithriya", "Ithriya"),
            occurred=occurred_from_edtf("2016-03-01"),
        )
        file_report(world, "elsewhere", "2016-03-02", [elsewhere])
        file_one(world, "new")
        told = next_of(connection)

    assert told["reportId"] == "new"
    control = {"state": "controlled", "holders": [{"name": "Government of Syria"}]}
    assert told["places"] == [{"place": {"id": "khanasser"}, "control": control}]


@on_sqlite_alone
def test_several_operations_share_a_connection(address: str) -> None:
    with opened(address) as connection:
        subscribe(connection, EVENTS, "", "many")
        connection.send(
            json.dumps(
                {"id": "one", "type": "subscribe", "payload": {"query": "{ status { casebook } }"}}
            )
        )
        connection.send('{"type": "ping", "payload": {"n": 1}}')
        seen: dict[tuple[str, str | None], Any] = {}
        wanted = {("next", "many"), ("complete", "one"), ("pong", None)}
        while not wanted <= seen.keys():
            message = received(connection)
            seen.setdefault((message["type"], message.get("id")), message.get("payload"))
        connection.send('{"id": "many", "type": "complete"}')
        connection.send('{"type": "ping"}')
        while received(connection) != {"type": "pong"}:
            pass

    assert seen["pong", None] == {"n": 1}
    assert seen["next", "one"] == {"data": {"status": {"casebook": "main"}}}
    assert seen["next", "many"]["data"]["events"]["event"] == {"position": 1}


INIT = '{"type": "connection_init"}'
BROKEN: tuple[tuple[list[str | bytes], int], ...] = (
    (["{"], 4400),
    (["[]"], 4400),
    (['{"type": "other"}'], 4400),
    ([b"x"], 4400),
    ([INIT, '{"type": "subscribe", "id": "", "payload": {}}'], 4400),
    ([SUBSCRIBE], 4401),
    ([], 4408),
    ([INIT, SUBSCRIBE, SUBSCRIBE], 4409),
    ([INIT, INIT], 4429),
)


@on_sqlite_alone
def test_a_client_that_breaks_the_protocol_is_told_by_the_code(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = []
    for sent, _ in BROKEN:
        monkeypatch.setattr(websocket, "INIT_SECONDS_MAX", 5.0 if sent else 0.2)
        with opened(address, init=False) as connection:
            for message in sent:
                connection.send(message)
            codes.append(code_of_closing(connection))

    assert codes == [code for _, code in BROKEN]


@on_sqlite_alone
def test_the_older_subprotocol_and_pages_of_other_origins_are_refused(address: str) -> None:
    with opened(address, init=False, protocol="graphql-ws") as old:
        assert code_of_closing(old) == 4406
    with pytest.raises(Exception, match="403"), opened(address, origin="https://evil.example"):
        pass
    with opened(address, origin="https://map.example.org"):
        pass


@on_sqlite_alone
def test_who_may_not_read_is_turned_away(world: World) -> None:
    def nothing_is_written(_author: Author) -> Commands:
        raise AssertionError

    store = world.store
    tokens = Tokens(store.engine, store.casebook, lambda: datetime.now(UTC))
    _, secret = tokens.create("map", Role.READER, None, "UTC")
    gate = Gate(tokens, nothing_is_written, anonymous_read=False)
    app = create_app(world.reader, store, world.runner.catch_up, gate=gate)
    stream = {"accept": "text/event-stream"}
    with serving(app) as address:
        with opened(address, init=False) as connection:
            connection.send('{"type": "connection_init", "payload": {"Authorization": "x"}}')
            assert code_of_closing(connection) == 4403
        with opened(address, init=False) as connection:
            connection.send('{"type": "connection_init"}')
            assert code_of_closing(connection) == 4403
        with opened(address, init=False) as connection:
            init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {secret}"}}
            connection.send(json.dumps(init))
            assert received(connection) == {"type": "connection_ack"}
            change = {"query": 'mutation { extract(input: {name: "a.md"}) { title } }'}
            connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": change}))
            assert "reporter" in json.dumps(received(connection))
            assert received(connection)["type"] == "complete"
            subscribe(connection, EVENTS, "", id_="2")
            assert next_of(connection)["event"]["position"] == 1
        refused = httpx.post(f"http://{address}/graphql", json={"query": EVENTS}, headers=stream)

    assert refused.status_code == 401


@on_sqlite_alone
def test_an_open_stream_ends_when_its_token_is_revoked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_is_written(_author: Author) -> Commands:
        raise AssertionError

    monkeypatch.setattr(access, "RECOGNISED_AGAIN_SECONDS", 0.2)
    store = world.store
    tokens = Tokens(store.engine, store.casebook, lambda: datetime.now(UTC))
    revoked, secret = tokens.create("map", Role.READER, None, "UTC")
    _, kept_secret = tokens.create("wire", Role.READER, None, "UTC")
    rates = RateLimits(requests_per_second=0.01, requests_burst=3)  # looking again takes none
    gate = Gate(tokens, nothing_is_written, anonymous_read=False, rates=rates)
    app = create_app(world.reader, store, world.runner.catch_up, gate=gate)
    headers = {"authorization": f"Bearer {secret}", "accept": "text/event-stream"}
    asked = {"query": EVENTS, "variables": '{"after": ""}'}
    with (
        serving(app) as address,
        opened(address, init=False) as gone,
        opened(address, init=False) as stays,
        httpx.stream(
            "GET", f"http://{address}/graphql", params=asked, headers=headers, timeout=20
        ) as events,
    ):
        for connection, shown in ((gone, secret), (stays, kept_secret)):
            init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {shown}"}}
            connection.send(json.dumps(init))
            assert received(connection) == {"type": "connection_ack"}
            subscribe(connection, EVENTS, None)
        time.sleep(1)
        assert tokens.revoke(revoked.token_id)
        assert code_of_closing(gone) == 4403
        lines = list(events.iter_lines())
        time.sleep(1)
        file_report(world, "later", "2016-03-02", [])
        assert next_of(stays)["event"]["position"] == store.head().position

    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert told[0]["data"]["events"]["event"] == {"position": 1}
    assert told[-1]["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert lines[-3:-1] == ["event: complete", "data:"]


@on_sqlite_alone
def test_what_cannot_be_subscribed_to_is_told_and_the_connection_stays(address: str) -> None:
    wrong: tuple[tuple[str, str | None, str], ...] = (
        ("subscription { nothing }", None, "nothing"),
        (EVENTS, "rubbish", "checkpoint"),
        (EVENTS.replace("after: $after", 'types: ["Nothing"], after: $after'), None, "Nothing"),
        (ENTRIES.replace("khanasser", "nowhere"), None, "nowhere"),
    )
    with opened(address) as connection:
        for query, after, told in wrong:
            subscribe(connection, query, after)
            refused = received(connection)
            assert (refused["type"], refused["id"]) == ("error", "1")
            assert told in refused["payload"][0]["message"]
        subscribe(connection, EVENTS, "", "2")
        assert next_of(connection)["event"] == {"position": 1}


def events_of(response: httpx.Response, count: int) -> list[dict[str, str]]:
    """The first events of a stream, field by field."""
    found: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.strip()
        elif not line and "event" in fields:
            found.append(fields)
            fields = {}
            if len(found) == count:
                break
    return found


def test_an_event_stream_goes_on_after_its_last_event(address: str) -> None:
    url, headers = f"http://{address}/graphql", {"accept": "text/event-stream"}
    parameters = {"query": EVENTS, "variables": '{"after": ""}'}

    with httpx.stream("GET", url, params=parameters, headers=headers, timeout=20) as response:
        first = events_of(response, 3)
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers
    headers["last-event-id"] = first[-1]["id"]
    with httpx.stream("GET", url, params=parameters, headers=headers, timeout=20) as response:
        second = events_of(response, 2)

    positions = [
        json.loads(e["data"])["data"]["events"]["event"]["position"] for e in first + second
    ]
    assert positions == [1, 2, 3, 4, 5]


@on_sqlite_alone
def test_a_query_by_event_stream_is_answered_once(address: str) -> None:
    url, headers = f"http://{address}/graphql", {"accept": "text/event-stream"}

    answered = httpx.post(url, json={"query": "{ status { casebook } }"}, headers=headers)
    refused = httpx.post(url, json={"query": "subscription { a }"}, headers=headers)

    assert answered.text == (
        'event: next\ndata: {"data":{"status":{"casebook":"main"}}}\n\nevent: complete\ndata:\n\n'
    )
    assert refused.status_code == 400
    assert refused.json()["errors"]


async def planned(hub: Hub, after: str | None) -> Plan:
    with asked_by(LOCAL_READER):
        plan = await hub.plan(Asked(EVENTS, {"after": after}, None))
    assert isinstance(plan, Plan)
    return plan


def test_who_asks_the_same_shares_a_source_and_a_slow_one_costs_no_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MESSAGES_KEPT_MAX", 10)
    first = world.store.head().position

    async def act() -> tuple[list[int], int, int]:
        hub = Hub(world.reader, world.store)
        slow_plan, quick_plan = await planned(hub, ""), await planned(hub, None)
        async with hub.subscribed(slow_plan) as slow, hub.subscribed(quick_plan) as quick:
            batches = slow.batches(slow_plan.after)
            got = [m.position for m in (await anext(batches))[0]]
            for number in range(40):
                await asyncio.to_thread(file_one, world, f"r{number}")
                hub.ring()
            async for messages, _ in quick.batches(quick_plan.after):
                if messages[-1].position == first + 80:
                    break
            kept = len(slow._kept)
            while got[-1] < first + 80:
                got += [m.position for m in (await anext(batches))[0]]
            return got, kept, int(slow is quick)

    got, kept, is_shared = asyncio.run(act())

    assert got == list(range(1, first + 81))
    assert 0 < kept <= 10
    assert is_shared == 1


@on_sqlite_alone
def test_there_is_a_bound_on_subscriptions(
    world: World, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "SUBSCRIPTIONS_PER_CONNECTION_MAX", 2)
    with opened(address) as connection:
        for number in range(3):
            subscribe(connection, EVENTS, None, str(number))
        refused = received(connection)

    assert (refused["type"], refused["id"]) == ("error", "2")
    assert refused["payload"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
