"""The conventions of HTTP and of GraphQL over it: the npm audit, caching, CORS, documents, health.

The audit runs node on the package `graphql-http` under the folder TIMELINE_NODE_MODULES; `.ci/run`
installs it there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.acceptance.test_http import ANSWER, GRAPHQL_JSON, PLACE, on_sqlite_alone, serving
from tests.integration.test_graphql_world import World, file_all, file_report, new_world
from timeline.api.app import create_app
from timeline.api.serving import ServerSettings
from timeline.errors import SchemaMismatch
from timeline.store.engine import connect, read_transaction
from timeline.store.event_store import EventStore

ORIGIN = "https://map.example.org"
STRANGER = "https://elsewhere.example.org"
PERSISTED = "{ status { casebook } }"
PERSISTED_HASH = sha256(PERSISTED.encode()).hexdigest()
AUDIT = """
import { auditServer } from "graphql-http";
const results = await auditServer({ url: process.argv[2] });
console.log(JSON.stringify(results.map(r => [r.status, r.name, r.reason ?? null])));
"""


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    return built


def connected(world: World, settings: ServerSettings) -> Iterator[httpx.Client]:
    app = create_app(world.reader, world.store, world.runner.catch_up, settings=settings)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    yield from connected(world, ServerSettings(cors_origins=(ORIGIN,)))


@pytest.fixture
def closed(world: World) -> Iterator[httpx.Client]:
    """A server for known documents alone."""
    documents = {PERSISTED_HASH: PERSISTED, "place": PLACE}
    settings = ServerSettings(
        introspection=False, graphiql=False, documents=documents, trusted_only=True
    )
    yield from connected(world, settings)


def code(response: httpx.Response) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


def by_hash(digest: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


def node_package() -> Path:
    folder = Path(os.environ.get("TIMELINE_NODE_MODULES", "node_modules"))
    if shutil.which("node") and (folder / "graphql-http").is_dir():
        return folder
    reason = "node, or graphql-http under TIMELINE_NODE_MODULES, is not there"
    if os.environ.get("TIMELINE_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@on_sqlite_alone
def test_the_audit_of_graphql_over_http_finds_nothing(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(node_package().resolve())
    (tmp_path / "audit.mjs").write_text(AUDIT, encoding="utf-8")

    done = subprocess.run(
        ["node", "audit.mjs", str(client.base_url.join("/graphql"))],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    results = json.loads(done.stdout)
    assert [r for r in results if r[0] != "ok"] == []
    assert len(results) == 61


def test_an_answer_is_not_made_again_until_the_log_moves(
    world: World, client: httpx.Client
) -> None:
    first = client.get("/graphql", params={"query": PLACE})
    tag = {"if-none-match": first.headers["etag"]}
    same = client.get("/graphql", params={"query": PLACE}, headers=tag)
    other = client.get("/graphql", params={"query": PERSISTED}, headers=tag)
    newer = client.get("/graphql", params={"query": PLACE}, headers={**tag, "accept": GRAPHQL_JSON})
    file_report(world, "more", "2016-03-01", [])
    moved = client.get("/graphql", params={"query": PLACE}, headers=tag)

    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["etag"] == first.headers["etag"]
    assert [r.status_code for r in (other, newer, moved)] == [200, 200, 200]
    assert moved.headers["etag"] != first.headers["etag"]


@on_sqlite_alone
def test_what_a_token_may_see_is_kept_from_shared_caches(client: httpx.Client) -> None:
    public = client.get("/graphql", params={"query": PLACE})
    private = client.get("/graphql", params={"query": PLACE}, headers={"authorization": "Bearer x"})
    wrong = client.get("/graphql", params={"query": '{ place(name: "Nowhere") { id } }'})
    posted = client.post("/graphql", json={"query": PLACE})

    assert public.headers["cache-control"] == "public, no-cache"
    assert private.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in public.headers["vary"]
    for response in (wrong, posted):
        assert response.headers["cache-control"] == "no-store"
        assert "etag" not in response.headers


@on_sqlite_alone
def test_long_answers_are_compressed_for_who_takes_it(client: httpx.Client) -> None:
    query = "{ __schema { types { name description } } }"
    packed = client.post("/graphql", json={"query": query})
    plain = client.post("/graphql", json={"query": query}, headers={"accept-encoding": "identity"})
    short = client.post("/graphql", json={"query": PLACE})

    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert packed.json() == plain.json()
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in short.headers


@on_sqlite_alone
def test_pages_of_the_named_origins_alone_may_read(client: httpx.Client) -> None:
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }

    ours = client.options("/graphql", headers={**asked, "origin": ORIGIN})
    theirs = client.options("/graphql", headers={**asked, "origin": STRANGER})
    read = client.post("/graphql", json={"query": PLACE}, headers={"origin": STRANGER})

    assert ours.status_code == 200
    assert ours.headers["access-control-allow-origin"] == ORIGIN
    assert theirs.status_code == 400
    assert "access-control-allow-origin" not in theirs.headers
    assert "access-control-allow-origin" not in read.headers


@on_sqlite_alone
def test_a_mutation_by_get_is_refused_before_anything_runs(client: httpx.Client) -> None:
    query = "query Q { status { casebook } } mutation M { file }"

    response = client.get("/graphql", params={"query": query, "operationName": "M"})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@on_sqlite_alone
def test_a_subscription_is_told_where_to_go(client: httpx.Client) -> None:
    response = client.post("/graphql", json={"query": "subscription { events { checkpoint } }"})

    assert "text/event-stream" in response.json()["errors"][0]["message"]


@on_sqlite_alone
def test_a_hash_is_remembered_with_the_document_that_it_is_of(client: httpx.Client) -> None:
    digest = sha256(PLACE.encode()).hexdigest()

    unknown = client.post("/graphql", json=by_hash(digest))
    lied = client.post("/graphql", json={"query": PERSISTED, **by_hash(digest)})
    told = client.post("/graphql", json={"query": PLACE, **by_hash(digest)})
    extensions = json.dumps(by_hash(digest)["extensions"])
    known = client.get("/graphql", params={"extensions": extensions})

    assert (unknown.status_code, code(unknown)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert (lied.status_code, code(lied)) == (400, "BAD_USER_INPUT")
    assert told.json() == known.json() == ANSWER


@on_sqlite_alone
def test_a_server_for_persisted_documents_runs_nothing_else(closed: httpx.Client) -> None:
    right = {"data": {"status": {"casebook": "main"}}}
    strange = "{ status { headPosition } }"
    digest = sha256(strange.encode()).hexdigest()

    assert closed.post("/graphql", json=by_hash(PERSISTED_HASH)).json() == right
    assert closed.post("/graphql", json={"query": PERSISTED}).json() == right
    assert closed.get("/graphql", params={"documentId": "place"}).json() == ANSWER
    for body in ({"query": strange}, {"query": strange, **by_hash(digest)}):
        assert code(closed.post("/graphql", json=body)) == "DOCUMENT_NOT_TRUSTED"
    assert code(closed.post("/graphql", json=by_hash(digest))) == "PERSISTED_QUERY_NOT_FOUND"


@on_sqlite_alone
def test_introspection_and_graphiql_can_be_switched_off(world: World) -> None:
    hidden = """query { status { casebook } ...F }
      fragment F on Query { __type(name: "Place") { name } }"""
    for client in connected(world, ServerSettings(introspection=False, graphiql=False)):
        refused = client.post("/graphql", json={"query": hidden})
        harmless = client.post("/graphql", json={"query": "{ __typename }"})
        page = client.get("/graphql", headers={"accept": "text/html"})

        assert "switched off" in refused.json()["errors"][0]["message"]
        assert harmless.json() == {"data": {"__typename": "Query"}}
        assert page.status_code == 406


def test_readiness_tells_how_far_the_projections_are(world: World, client: httpx.Client) -> None:
    response = client.get("/readyz")

    told = response.json()
    assert (response.status_code, told["status"]) == (200, "ready")
    assert told["headPosition"] == world.store.head().position
    assert {(p["state"], p["behind"]) for p in told["projections"]} == {("live", 0)}


@on_sqlite_alone
def test_metrics_are_shown_when_switched_on_alone(world: World) -> None:
    for client in connected(world, ServerSettings()):
        assert client.get("/metrics").status_code == 404
    for client in connected(world, ServerSettings(metrics=True)):
        client.post("/graphql", json={"query": PLACE})
        client.post("/graphql", json={"query": "{ secretField }"})
        told = client.get("/metrics").text

        assert 'answers_total{code="OK",operation="query"} 1.0' in told
        assert 'code="GRAPHQL_VALIDATION_FAILED",operation="query"} 1.0' in told
        assert f"timeline_head_position {float(world.store.head().position)}" in told
        assert 'behind_events{projection="timeline"} 0.0' in told
        assert "secret" not in told


@on_sqlite_alone
def test_a_database_of_another_schema_is_not_ready(world: World) -> None:
    def refuse() -> None:
        raise SchemaMismatch("run `timeline migrate up`")

    app = create_app(world.reader, world.store, world.runner.catch_up, check_schema=refuse)
    with serving(app) as url:
        response = httpx.get(f"{url}/readyz")

    assert response.status_code == 503
    assert "schema" in response.json()["reason"]


def test_a_statement_that_takes_too_long_is_stopped_and_the_server_goes_on(
    database_url: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(database_url, statement_seconds=0.2)
    endless = """WITH RECURSIVE n (i) AS (
      SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000
    ) SELECT count(*) FROM n"""

    def read_for_ever(*_: object) -> None:
        with read_transaction(engine) as connection:
            connection.execute(text(endless)).all()

    def read_one(*_: object) -> dict[str, object]:
        with read_transaction(engine) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        return {}

    asked = {"query": '{ report(id: "fall") { id } }'}
    try:
        for client in connected(world, ServerSettings()):
            for _ in range(3):
                monkeypatch.setattr(world.reader, "versions", read_for_ever)
                stopped = client.post("/graphql", json=asked)
                monkeypatch.setattr(world.reader, "versions", read_one)
                after = client.post("/graphql", json=asked)

                assert code(stopped) == "STATEMENT_TIMEOUT"
                assert after.json() == {"data": {"report": None}}
    finally:
        engine.dispose()
