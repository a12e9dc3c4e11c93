"""Answers by plans are those of graphql-core, byte for byte, and as fresh as the log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine

import orjson
import pytest

from tests.integration.graphql_queries import Queries
from tests.integration.test_graphql_world import (
    KHANASSER,
    World,
    file_all,
    file_report,
    new_world,
)
from timeline.api.freshness import Freshness
from timeline.api.plans.fast import FastPath
from timeline.api.schema import SCHEMA, execute, fast_path
from timeline.domain.claims import ClaimType, ProposedClaim
from timeline.domain.time import UNDATED, occurred_from_edtf
from timeline.store.event_store import EventStore

QUERIES = 250
PLANNED_SHARE_MIN = 0.5
CURSOR = re.compile(rb'"(?:cursor|a\d+|endCursor)":"(W[\w-]{30,})"')

REFUSED: tuple[tuple[str, dict[str, object]], ...] = (
    ('{ place(name: "Nowhere at all") { id } }', {}),
    ('{ place(id: "khanasser") { timeline(first: 501) { edges { cursor } } } }', {}),
    ('{ place(id: "khanasser") { timeline(after: "x") { edges { cursor } } } }', {}),
    ('{ place(id: "khanasser") { timeline(knownOn: "x") { edges { cursor } } } }', {}),
    ("query ($n: Int!) { places(first: $n) { edges { cursor } } }", {"n": "many"}),
    ("query ($n: Int!) { places(first: $n) { edges { cursor } } }", {"n": 2**40}),
    ("query ($n: Int!) { places(first: $n) { edges { cursor } } }", {}),
    ("query ($s: String!) { place(name: $s) { id } }", {"s": "a\ud800"}),
    (
        'query ($s: ID!) { place(id: $s) { timeline(actor: "\\u0000") { edges { cursor } } } }',
        {"s": "khanasser"},
    ),
    (
        "{ places(first: 500) { edges { node { timeline(first: 500) { edges { cursor } } } } } }",
        {},
    ),
    ("{ places { edges { node { id id2 } } } }", {}),
    ("{ __schema { queryType { name } } }", {}),
    ("mutation { x }", {}),
    ("{", {}),
)


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    clashes = [
        ProposedClaim(
            type=ClaimType.CLASH,
            place=KHANASSER,
            ref=f"r{n}",
            occurred=occurred_from_edtf(f"2016-03-{n // 3 + 1:02}") if n < 9 else UNDATED,
        )
        for n in range(12)
    ]
    file_report(built, "clashes", "2016-03-20", clashes)
    return built


def with_plans(world: World, question: Callable[[FastPath], Coroutine[None, None, None]]) -> None:
    """Ask in an event loop of its own."""
    freshness = Freshness(world.store, world.runner.catch_up)

    async def ask() -> None:
        fast = fast_path(world.reader, freshness.reach)
        fast.open()
        try:
            await question(fast)
        finally:
            fast.close()

    asyncio.run(ask())


def test_plans_answer_as_graphql_core_does(world: World, caplog: pytest.LogCaptureFixture) -> None:
    queries = Queries(SCHEMA._schema, seed=6)
    asked = []

    async def compare(fast: FastPath) -> None:
        for _ in range(QUERIES):
            query, variables = queries.next()
            expected = orjson.dumps(execute(world.reader, world.store, query, variables))
            queries.cursors += [c.decode() for c in CURSOR.findall(expected)[:2]]
            answered = await fast.answer(query, variables, None)
            asked.append(answered is not None)
            if answered is not None:
                assert orjson.dumps(answered) == expected, (query, variables)
                # The second time nothing is parsed or planned.
                again = await fast.answer(query, variables, None)
                assert orjson.dumps(again) == expected, (query, variables)

    with_plans(world, compare)

    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []
    assert sum(asked) / len(asked) >= PLANNED_SHARE_MIN, f"{sum(asked)} of {len(asked)} planned"


def test_a_plan_sees_what_was_filed_since(world: World) -> None:
    query = '{ place(id: "ithriya") { timeline(last: 1) { edges { node { claimId } } } } }'

    async def ask(fast: FastPath) -> None:
        before = await fast.answer(query, {}, None)
        claim = ProposedClaim(type=ClaimType.CLASH, place=KHANASSER, occurred=UNDATED, ref="new")
        file_report(world, "later", "2016-03-21", [claim])
        other = query.replace("ithriya", "khanasser")

        assert before == execute(world.reader, world.store, query)
        assert await fast.answer(other, {}, None) == execute(world.reader, world.store, other)
        assert fast.counts.planned == 2

    with_plans(world, ask)


def test_one_statement_fetches_the_timelines_of_all_places(world: World) -> None:
    query = """query ($n: Int!) { places(first: 50) { edges { node { id
        timeline(last: $n) { edges { cursor node { type report { id } } } } } } } }"""

    async def ask(fast: FastPath) -> None:
        driver = fast._driver
        assert driver is not None
        statements: list[str] = []
        plain_ask = driver.ask

        async def counted(question: tuple[str, dict[str, object]]) -> object:
            statements.append(question[0])
            return await plain_ask(question)

        driver.ask = counted  # type: ignore[method-assign, assignment]
        found = await fast.answer(query, {"n": 2}, None)

        assert found == execute(world.reader, world.store, query, {"n": 2})
        assert len(statements) == 1

    with_plans(world, ask)


def test_what_is_refused_is_left_to_plain_execution(world: World) -> None:
    async def ask(fast: FastPath) -> None:
        for query, variables in [*REFUSED, *REFUSED]:
            found = await fast.answer(query, variables, None)
            assert found is None or found == execute(world.reader, world.store, query, variables)

    with_plans(world, ask)


def test_the_bound_of_a_query_holds_for_each_page_size(world: World) -> None:
    query = """query ($n: Int!) { places(first: $n) { edges { node {
        timeline(first: $n) { edges { cursor } } } } } }"""

    async def ask(fast: FastPath) -> None:
        assert await fast.answer(query, {"n": 5}, None) is not None
        assert await fast.answer(query, {"n": 400}, None) is None
        assert await fast.answer(query, {"n": True}, None) is None
        assert await fast.answer(query, {"n": 1}, None) is not None

    with_plans(world, ask)
