"""What is refused, with which code; and that nothing of how we are built leaks out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import ProgrammingError

from tests.integration.test_graphql_world import World, file_all, new_world
from timeline.errors import DatabaseUnavailable
from timeline.store.engine import connect
from timeline.store.event_store import EventStore


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world on SQLite for all: what is refused is refused before any database is asked."""
    path = tmp_path_factory.mktemp("errors") / "timeline.db"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    store = EventStore(engine, "main", lambda: datetime(2026, 11, 22, tzinfo=UTC))
    store.open_casebook("Asia/Damascus", "syria")
    built = new_world(store)
    file_all(built)
    yield built
    engine.dispose()


def refused(world: World, query: str, **variables: object) -> tuple[str, str]:
    error = world.error(query, **variables)
    return error["extensions"]["code"], error["message"]


def test_an_unknown_name_is_null_with_an_error_that_suggests_others(world: World) -> None:
    result = world.run('{ place(name: "Ithrija") { id } }')

    assert result == {
        "data": {"place": None},
        "errors": [
            {
                "message": "no place is known by the name 'Ithrija'; did you mean Ithriya?",
                "locations": [{"line": 1, "column": 3}],
                "path": ["place"],
                "extensions": {"code": "NOT_FOUND", "suggestions": ["Ithriya"]},
            }
        ],
    }


def test_a_name_of_several_places_is_an_error_with_the_candidates(world: World) -> None:
    error = world.error('{ place(name: "Tell") { id } }')

    assert error["extensions"] == {
        "code": "AMBIGUOUS_PLACE",
        "candidates": ["tell-north (Tell)", "tell-south (Tell)"],
    }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ place { id } }", "give either the id or the name of a place"),
        ('{ place(id: "a", name: "b") { id } }', "give either the id or the name of a place"),
        ('{ place(name: " ") { id } }', "a name has 1 to 300 characters"),
        ("{ places(first: 1, last: 1) { edges { cursor } } }", "give either first or last"),
        ("{ places(first: -1) { edges { cursor } } }", "first must be 0 to 500, not -1"),
        ("{ places(last: 501) { edges { cursor } } }", "last must be 0 to 500, not 501"),
        (
            '{ place(id: "khanasser") { control(at: "2016-02-30") { state } } }',
            "is no day of the calendar",
        ),
        (
            '{ place(id: "khanasser") { timeline(knownOn: "yesterday") { totalCount } } }',
            "is neither a day",
        ),
        ('{ controlMap(at: "2016-02-24T12:00") { place { id } } }', "add one, such as +02:00"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused_in_a_sentence(
    world: World, query: str, message: str
) -> None:
    code, told = refused(world, query)

    assert code == "BAD_USER_INPUT"
    assert message in told


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "AAAA", "bnVsbA", "WzEsImFiYyJd", "W10", "e30", "!" * 1999]
)
def test_a_garbage_cursor_is_refused(world: World, cursor: str) -> None:
    query = "query ($after: String) { places(after: $after) { edges { cursor } } }"

    code, message = refused(world, query, after=cursor)

    assert code == "BAD_USER_INPUT"
    assert message.startswith("this is no cursor of a list of places;")


def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    found = world.ask("{ places(first: 1) { edges { cursor } } }")["places"]["edges"][0]["cursor"]
    query = "query ($after: String) { actors(after: $after) { edges { cursor } } }"

    code, message = refused(world, query, after=found)

    assert code == "BAD_USER_INPUT"
    assert message.startswith("this is no cursor of a list of actors;")


@pytest.mark.parametrize(
    "position", [-1, 2**63, "x", "", "1.5", 1.5, True, "٣", "99999999999999999999"]
)
def test_a_position_out_of_bounds_is_refused(world: World, position: object) -> None:
    code, _ = refused(
        world, "query ($at: Position!) { event(position: $at) { type } }", at=position
    )

    assert code == "BAD_USER_INPUT"


def test_a_variable_that_does_not_fit_is_the_users_error(world: World) -> None:
    result = world.run("query ($n: Int) { places(first: $n) { totalCount } }", {"n": "many"})

    assert "data" not in result
    assert result["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("query", ["{", "", "query Q", "{ a(b: \n", "\x00"])
def test_what_is_no_graphql_is_refused_without_data(world: World, query: str) -> None:
    result = world.run(query)

    assert "data" not in result
    assert result["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize(
    "query",
    ["{ nothing }", "{ place(id: 1.5) { id } }", "{ ...missing }", "mutation { file }",
     '{ place(id: "a") { control { state { x } } } }'],
)  # fmt: skip
def test_what_does_not_fit_the_schema_is_refused_without_data(world: World, query: str) -> None:
    result = world.run(query)

    assert "data" not in result
    assert {e["extensions"]["code"] for e in result["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


def test_one_of_several_operations_must_be_named(world: World) -> None:
    code, _ = refused(world, "query A { status { casebook } } query B { status { casebook } }")

    assert code == "BAD_USER_INPUT"


DEEP = '{ place(id: "a") { ' + "within { " * 20 + "id" + " }" * 22
LAUGHS = "{ ...f0 } " + " ".join(
    f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(37)
) + " fragment f37 on Query { a: status { casebook } }"  # fmt: skip


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (DEEP, "nested 22 deep; 15 is the most"),
        ("{ " + "a " * 3000 + "}", "more than 500 tokens"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(51)) + " }", "uses 51 aliases"),
        (LAUGHS, "over and over"),
        ('{ place(id: "a") { ' + "within { id } " * 40 + "} }", "asks for within over and over"),
        ("{a" * 900 + "}" * 900, "nested too deep"),
        (
            "{ places(first: 100) { edges { node { timeline(first: 100) { totalCount } } } } }",
            "may return 10100 rows",
        ),
        (
            "{ places(last: 500) { edges { node { timeline { edges { cursor } } } } } }",
            "may return 25500 rows",
        ),
        (
            "query ($n: Int = 500) { reports(first: $n) { edges { node { claims { type } } } } }",
            "may return 10500 rows",
        ),
        (
            "{ reports { edges { node { claims { report { claims { quote } } } } } } }",
            "may return 21050 rows",
        ),
    ],
)  # fmt: skip
def test_a_query_that_asks_for_too_much_is_refused_before_it_is_run(
    world: World, query: str, message: str
) -> None:
    code, told = refused(world, query)

    assert code == "QUERY_TOO_LARGE"
    assert message in told


def test_rows_that_were_not_foreseen_are_counted_while_running(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("timeline.api.context.ROWS_MAX", 2)

    code, message = refused(world, '{ report(id: "fall") { claims { quote } } }')

    assert code == "QUERY_TOO_LARGE"
    assert "more than 2 rows" in message


def test_introspection_is_answered(world: World) -> None:
    from graphql import build_client_schema, get_introspection_query

    data = world.ask(get_introspection_query())

    assert build_client_schema(data).query_type is not None  # type: ignore[arg-type]


def test_an_error_of_ours_is_masked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ProgrammingError("SELECT secret FROM /var/lib/x", {}, Exception("syntax"))

    monkeypatch.setattr(world.reader, "versions", fail)

    result = world.run('{ report(id: "a") { id } }')

    assert result["errors"][0]["extensions"] == {"code": "INTERNAL_SERVER_ERROR"}
    assert "SELECT" not in json.dumps(result)
    assert "/var" not in json.dumps(result)


def test_a_database_that_does_not_answer_is_told_without_its_address(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise DatabaseUnavailable("the database at postgresql://desk@db/x did not answer")

    monkeypatch.setattr(world.store, "head", fail)

    error = world.error("{ status { casebook } }")

    assert error["extensions"] == {"code": "SERVICE_UNAVAILABLE"}
    assert "postgresql" not in error["message"]
