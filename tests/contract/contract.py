"""The contract of an event store, as tests that any store can run.

To plug in another store, give pytest a class with a fixture `store` that yields your store with an
open, empty casebook `main`, whose record times come from the fixture `clock`:

    import pytest
    from collections.abc import Iterator
    from tests.conftest import SteppableClock
    from tests.contract.contract import EventStoreContract
    from tests.contract.support import Store

    class TestMyStore(EventStoreContract):
        @pytest.fixture
        def store(self, clock: SteppableClock) -> Iterator[Store]:
            yield MyStore(casebook="main", clock=clock)

        def check(self, store: Store) -> None:      # optional: your own proof of integrity
            assert my_verification(store)

`support.Store` names the methods that are used; what they promise is told by
`timeline.store.event_store.EventStore`, and what they take and give by `timeline.store.events`. The
store must answer from several threads. `harness` runs the same promises over processes that are
killed: it needs a function that opens your store in another process.
"""

from __future__ import annotations

import pytest

from tests.conftest import SteppableClock
from tests.contract.contract_of_appending import AppendingContract
from tests.contract.contract_of_concurrency import ConcurrencyContract
from tests.contract.contract_of_reading import ReadingContract
from tests.contract.support import Store


class EventStoreContract(AppendingContract, ReadingContract, ConcurrencyContract):
    """All that an event store promises."""

    @pytest.fixture
    def store(self, clock: SteppableClock) -> Store:
        """The store under test; a class that plugs one in has its own."""
        raise NotImplementedError
