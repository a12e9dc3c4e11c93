"""Our stores keep the contract, on SQLite and on Postgres, each append alone or in groups."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.conftest import SteppableClock
from tests.contract.contract import EventStoreContract
from tests.contract.support import Store
from timeline.store.event_store import EventStore
from timeline.store.group_commit import GroupedEventStore
from timeline.store.verify import verify_log


class OnSql(EventStoreContract):
    def check(self, store: Store) -> None:
        assert isinstance(store, EventStore)
        assert verify_log(store.engine, "main").holds


class TestEventStore(OnSql):
    @pytest.fixture
    def store(self, engine: Engine, clock: SteppableClock) -> Store:
        opened = EventStore(engine, "main", clock)
        opened.open_casebook("Asia/Damascus", "syria")
        return opened


class TestGroupedEventStore(OnSql):
    @pytest.fixture
    def store(self, engine: Engine, clock: SteppableClock) -> Iterator[Store]:
        with GroupedEventStore(engine, "main", clock) as opened:
            opened.open_casebook("Asia/Damascus", "syria")
            yield opened
