"""Pages of every list: forwards and backwards they make up the whole, whatever their size."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_graphql_world import (
    KHANASSER,
    World,
    file_all,
    file_report,
    new_world,
)
from timeline.domain.claims import ClaimType, ProposedClaim
from timeline.domain.time import UNDATED, occurred_from_edtf
from timeline.store.event_store import EventStore

# Field path, and what tells a row from the others.
LISTS = {
    "timeline": ('place(id: "khanasser") { rows: timeline', "claimId"),
    "actor": ('actor(id: "islamic-state") { rows: timeline', "claimId"),
    "places": ("rows: places", "id"),
    "actors": ("rows: actors", "id"),
    "reports": ("rows: reports", "id"),
}


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    clashes = [
        ProposedClaim(
            type=ClaimType.CLASH,
            place=KHANASSER,
            ref=f"r{n}",
            # Three on each day, so that the order within a day counts too; then undated ones.
            occurred=occurred_from_edtf(f"2016-03-{n // 3 + 1:02}") if n < 15 else UNDATED,
        )
        for n in range(18)
    ]
    file_report(built, "clashes", "2016-03-20", clashes)
    return built


def page(world: World, name: str, **arguments: object) -> dict[str, Any]:
    field, key = LISTS[name]
    given = ", ".join(
        f"{k}: {v}" if isinstance(v, int) else f'{k}: "{v}"'
        for k, v in arguments.items()
        if v is not None
    )
    query = f"""{{ {field}{f"({given})" if given else ""} {{ totalCount edges {{ cursor
      node {{ {key} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
    data = world.ask(query + ("}" if field.count("{") else ""))
    rows: dict[str, Any] = data.get("rows") or next(iter(data.values()))["rows"]
    return rows


def ids(rows: dict[str, Any]) -> list[str]:
    return [next(iter(e["node"].values())) for e in rows["edges"]]


@pytest.mark.parametrize("name", LISTS)
def test_pages_of_any_size_make_up_the_whole_forwards(world: World, name: str) -> None:
    whole = ids(page(world, name))
    for size in (1, 2, 3, 7, len(whole), 50):
        found: list[str] = []
        after = None
        for _ in range(len(whole) + 1):
            rows = page(world, name, first=size, after=after)
            found += ids(rows)
            assert rows["pageInfo"]["hasPreviousPage"] == (after is not None)
            after = rows["pageInfo"]["endCursor"]
            if not rows["pageInfo"]["hasNextPage"]:
                break

        assert found == whole
        assert rows["totalCount"] == len(whole)


@pytest.mark.parametrize("name", LISTS)
def test_pages_of_any_size_make_up_the_whole_backwards(world: World, name: str) -> None:
    whole = ids(page(world, name))
    for size in (1, 2, 3, 7, len(whole), 50):
        found: list[str] = []
        before = None
        for _ in range(len(whole) + 1):
            rows = page(world, name, last=size, before=before)
            found = ids(rows) + found
            assert rows["pageInfo"]["hasNextPage"] == (before is not None)
            before = rows["pageInfo"]["startCursor"]
            if not rows["pageInfo"]["hasPreviousPage"]:
                break

        assert found == whole


@pytest.mark.parametrize("name", LISTS)
def test_a_page_between_two_cursors_holds_what_lies_between(world: World, name: str) -> None:
    rows = page(world, name)
    whole, cursors = ids(rows), [e["cursor"] for e in rows["edges"]]

    between = page(world, name, after=cursors[0], before=cursors[-1])

    assert ids(between) == whole[1:-1]


def test_undated_entries_come_last(world: World) -> None:
    query = '{ place(id: "khanasser") { timeline { edges { node { occurred { edtf } } } } } }'
    edges = world.ask(query)["place"]["timeline"]["edges"]

    dates = [e["node"]["occurred"]["edtf"] for e in edges]

    dated = [d for d in dates if d is not None]
    assert dates == sorted(dated) + [None] * (len(dates) - len(dated))


def test_a_cursor_stays_good_when_entries_are_added_on_both_sides_of_it(world: World) -> None:
    before = page(world, "timeline", first=5)
    rest = ids(page(world, "timeline", after=before["pageInfo"]["endCursor"]))

    for report_id, day in (("early", "2016-01-01"), ("late", "2016-03-30")):
        claim = ProposedClaim(
            type=ClaimType.CLASH, place=KHANASSER, occurred=occurred_from_edtf(day)
        )
        file_report(world, report_id, "2016-04-01", [claim])

    now = ids(page(world, "timeline", after=before["pageInfo"]["endCursor"]))
    assert [c for c in now if c in rest] == rest
    assert len(now) == len(rest) + 1


def test_a_page_of_none_tells_whether_there_are_any(world: World) -> None:
    rows = page(world, "timeline", first=0)

    assert rows["edges"] == []
    assert rows["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


def test_a_page_is_of_fifty_when_no_size_is_given(store: EventStore) -> None:
    world = new_world(store)
    claims = [ProposedClaim(type=ClaimType.CLASH, place=KHANASSER, ref=f"r{n}") for n in range(60)]
    file_report(world, "many", "2016-03-20", claims)

    rows = page(world, "timeline")

    assert (len(rows["edges"]), rows["totalCount"]) == (50, 60)


def test_the_whole_is_counted_only_when_it_is_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise AssertionError("counted")

    monkeypatch.setattr(world.reader, "count", refuse)

    world.ask('{ place(id: "khanasser") { timeline { edges { cursor } } } }')
