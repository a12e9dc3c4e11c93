"""What our stores on SQL do beyond the contract of reading: snapshots, plans, lost databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.conftest import SteppableClock
from tests.contract.support import put
from timeline.errors import DatabaseUnavailable
from timeline.store import queries
from timeline.store.engine import connect, read_transaction
from timeline.store.event_store import EventStore


def test_a_reader_sees_one_snapshot_while_others_append(store: EventStore) -> None:
    put(store, "report-a", "a1")
    with read_transaction(store.engine) as connection:
        before = store.head_in(connection).position
        put(store, "report-a", "a2")
        seen = [one.position for one in store.read_in(connection)]

    assert (before, seen) == (1, [1])
    assert store.head().position == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////no/such/folder/timeline.db", "did not answer"),
        ("postgresql://nobody@127.0.0.1:1/nothing", "did not answer"),
        ("mysql://localhost/x", "not supported"),
        ("://", "cannot be read"),
    ],
)
def test_a_database_that_is_not_there_is_told_in_one_sentence(
    url: str, said: str, clock: SteppableClock
) -> None:
    with pytest.raises(DatabaseUnavailable, match=said) as refused:
        EventStore(connect(url), "main", clock).head()

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "statements",
    [queries._BY_IDS, queries._VERSIONS, queries._POSITIONS, queries._DOCS, queries._DIGESTS],
)
def test_a_list_is_looked_up_and_the_log_not_walked_on_sqlite(
    engine: Engine, statements: dict[str, str]
) -> None:
    if engine.dialect.name != "sqlite":
        pytest.skip("Postgres plans by statistics")
    given = {"casebook": "main", "list": "[]", "after": 0}
    with read_transaction(engine) as connection:
        plan = queries.fetched(
            connection, {"sqlite": f"EXPLAIN QUERY PLAN {statements['sqlite']}"}, given
        )
        steps = [str(row[3]) for row in plan]

    assert steps[0].startswith("SCAN given")
    assert [step for step in steps if "SEARCH" in step and step.count("=?") == 2]
