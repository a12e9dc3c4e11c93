"""Every query that the manual shows is run as it stands there."""

from __future__ import annotations

import re

import pytest

from tests.integration.hostile import DOCUMENTS
from tests.integration.test_graphql_world import file_all, new_world
from timeline.api import limits
from timeline.api.access import LOCAL_READER, asked_by
from timeline.api.endpoint import Asked
from timeline.api.streaming.plans import Plan, read_messages, understand
from timeline.resources import resource
from timeline.settings import PAGE_SIZE_MAX
from timeline.store.event_store import EventStore

MANUAL = resource("schema").parent / "docs" / "graphql.md"


@pytest.fixture
def manual() -> str:
    return MANUAL.read_text(encoding="utf-8")


def test_every_query_of_the_manual_answers_without_errors(store: EventStore, manual: str) -> None:
    world = new_world(store)
    file_all(world)
    queries = re.findall(r"```graphql\n(.*?)```", manual, re.DOTALL)

    assert len(queries) >= 5
    for query in queries:
        if not query.startswith("subscription"):
            world.ask(query)


def test_every_subscription_of_the_manual_makes_messages(store: EventStore, manual: str) -> None:
    world = new_world(store)
    file_all(world)
    queries = re.findall(r"```graphql\n(subscription.*?)```", manual, re.DOTALL)

    assert queries
    for query in queries:
        with asked_by(LOCAL_READER):
            plan = understand(world.reader, store, Asked(query, {}, None))
        assert isinstance(plan, Plan), plan
        messages, _ = read_messages(world.reader, store, plan, 0)
        assert messages
        assert not any("errors" in m.payload for m in messages)


def test_the_bounds_that_the_manual_tells_are_those_in_force(manual: str) -> None:
    for told in (
        f"{limits.TOKENS_MAX:,} tokens",
        f"{limits.DEPTH_MAX} levels",
        f"{limits.ALIASES_MAX} aliases",
        f"a document of {limits.DOCUMENT_LENGTH_MAX:,} characters",
        f"{limits.DEFINITIONS_MAX} definitions",
        f"{limits.VALUES_MAX:,} values of {limits.VALUE_LENGTH_MAX:,} characters",
        f"{len(DOCUMENTS)} documents that were written to cost much",
        f"{limits.ROWS_MAX:,} rows and {limits.FIELDS_MAX:,} values",
        f"{limits.PAGE_SIZE_DEFAULT} rows when you name no size, {PAGE_SIZE_MAX} at the most",
    ):
        assert told in " ".join(manual.split())
