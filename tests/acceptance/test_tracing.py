"""Spans of a server's operations, as the OpenTelemetry SDK collects them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.acceptance.test_http import ANSWER, PLACE, on_sqlite_alone
from tests.acceptance.test_http_subscriptions import serving
from tests.integration.test_graphql_world import World, file_all, new_world
from timeline.api.app import create_app
from timeline.api.serving import ServerSettings
from timeline.errors import InvalidSetting
from timeline.store.event_store import EventStore

pytestmark = on_sqlite_alone

CODE, KIND = "timeline.outcome.code", "graphql.operation.type"


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    return built


@pytest.fixture(scope="module")
def provider() -> TracerProvider:
    """The tracer provider of this process, which can be set but once."""
    made = TracerProvider()
    trace.set_tracer_provider(made)
    return made


@pytest.fixture
def exporter(provider: TracerProvider) -> Iterator[InMemorySpanExporter]:
    collected = InMemorySpanExporter()
    processor = SimpleSpanProcessor(collected)
    provider.add_span_processor(processor)
    yield collected
    processor.shutdown()


def answers(world: World, settings: ServerSettings, *bodies: dict[str, object]) -> list[object]:
    app = create_app(world.reader, world.store, world.runner.catch_up, settings=settings)
    with serving(app) as host:
        return [httpx.post(f"http://{host}/graphql", json=b, timeout=30).json() for b in bodies]


def test_an_operation_makes_three_spans_that_hold_nothing_of_what_was_sent_or_read(
    world: World, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("secretFault")

    named = "query secretName($id: ID!) { report(id: $id) { id } }"
    monkeypatch.setattr(world.reader, "versions", fails)
    answers(
        world,
        ServerSettings(tracing=True),
        {"query": "{ status { casebook } }"},
        {"query": "{ secretField }"},
        {"query": named, "variables": {"id": "secretValue"}},
    )

    spans = exporter.get_finished_spans()
    told = [(s.name, dict(s.attributes or {}), s.status.is_ok) for s in spans]
    ok, wrong = {CODE: "OK"}, {CODE: "GRAPHQL_VALIDATION_FAILED"}
    failed = {CODE: "INTERNAL_SERVER_ERROR"}
    assert told == [
        ("graphql.prepare", ok, True),
        ("graphql.run", ok, True),
        ("graphql.request", {KIND: "query", **ok}, True),
        ("graphql.prepare", wrong, True),
        ("graphql.request", {KIND: "query", **wrong}, True),
        ("graphql.prepare", ok, True),
        ("graphql.run", failed, False),
        ("graphql.request", {KIND: "query", **failed}, False),
    ]
    prepare, run, request = spans[:3]
    assert prepare.parent == run.parent == request.context
    assert not any("secret" in s.to_json() or "Khanasser" in s.to_json() for s in spans)


def test_a_query_that_a_plan_answers_makes_the_span_of_the_request_alone(
    world: World, exporter: InMemorySpanExporter
) -> None:
    planned = '{ place(id: "khanasser") { name } }'

    (answer,) = answers(world, ServerSettings(tracing=True), {"query": planned})

    (span,) = exporter.get_finished_spans()
    assert answer == {"data": {"place": {"name": "Khanasser"}}}
    assert (span.name, dict(span.attributes or {})) == (
        "graphql.request",
        {KIND: "query", CODE: "OK"},
    )
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time < span.end_time


def test_without_the_setting_there_is_no_span(world: World, exporter: InMemorySpanExporter) -> None:
    assert answers(world, ServerSettings(), {"query": PLACE}) == [ANSWER]
    assert exporter.get_finished_spans() == ()


def test_without_the_package_the_server_answers_and_tracing_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    assert answers(world, ServerSettings(), {"query": PLACE}) == [ANSWER]
    with pytest.raises(InvalidSetting, match=r"TIMELINE_TRACING: install .*\[otel\]"):
        answers(world, ServerSettings(tracing=True))
