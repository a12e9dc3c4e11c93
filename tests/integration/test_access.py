"""Every root field of the schema with every role and every kind of token, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    is_composite_type,
    is_list_type,
)

from tests.conftest import SteppableClock
from tests.integration.asgi import Client
from tests.integration.conftest import Desk
from timeline.api.access import Gate, Refused
from timeline.api.app import create_app
from timeline.api.limits import RateLimits
from timeline.api.schema import sdl
from timeline.errors import InvalidDate, InvalidToken, NotFound
from timeline.store.event_store import EventStore
from timeline.store.tokens import Role, Tokens

# The least role that each root field needs; what is not here fails the test.
NEEDED = {
    "query": {
        "reader": "actor actors claim controlGeojson controlMap event events incident incidents"
        " knowledgeDiff node place placeControls places report reports search source sources"
        " statistics status timeline __schema __typename",
    },
    "mutation": {
        "reader": "__typename",
        "reporter": "extract fileReport",
        "editor": "addClaim correctActor correctClaim correctPlace linkIncidents mergeActors"
        " mergePlaces registerActor registerPlace reinstateClaim retractClaim retractReport"
        " reviewClaim stateAffiliation unlinkIncidents unmergeActors unmergePlaces",
    },
}
ORDER = ("reader", "reporter", "editor", "admin")
STATUS = "{ status { headPosition } }"


def needed() -> dict[tuple[str, str], str]:
    return {
        (kind, name): role
        for kind, by_role in NEEDED.items()
        for role, names in by_role.items()
        for name in names.split()
    }


def literal(of: Any) -> str:  # noqa: ANN401
    """Some value of an input type."""
    if isinstance(of, GraphQLNonNull):
        return literal(of.of_type)
    if is_list_type(of):
        return "[]"
    if isinstance(of, GraphQLEnumType):
        return str(next(iter(of.values)))
    if isinstance(of, GraphQLInputObjectType):
        inside = (f"{n}: {literal(f.type)}" for n, f in of.fields.items() if _is_required(f))
        return "{" + ", ".join(inside) + "}"
    return {"Int": "1", "Float": "1", "Boolean": "false", "Position": "1"}.get(of.name, '"x"')


def _is_required(argument: Any) -> bool:  # noqa: ANN401
    has_default = "default_value" in vars(argument) or hasattr(argument, "default_value")
    default = getattr(argument, "default_value", None) if has_default else None
    return isinstance(argument.type, GraphQLNonNull) and default in (None, ...)


def documents() -> dict[tuple[str, str], str]:
    """A document for every root field, with some value for each argument it must have."""
    schema = build_schema(sdl())
    found = {}
    for kind, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        assert isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items():
            given = (f"{n}: {literal(a.type)}" for n, a in field.args.items() if _is_required(a))
            arguments = ", ".join(given)
            inner = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
            inner = inner.of_type if is_list_type(inner) else inner
            inner = inner.of_type if isinstance(inner, GraphQLNonNull) else inner
            below = " { __typename }" if is_composite_type(inner) else ""
            found[kind, name] = f"{kind} {{ {name}{f'({arguments})' if arguments else ''}{below} }}"
        found[kind, "__typename"] = f"{kind} {{ __typename }}"
    found["query", "__schema"] = "{ __schema { queryType { name } } }"
    return found


Serve = Callable[..., Client]


@pytest.fixture
def serve(desk: Desk) -> Iterator[Serve]:
    """Makes clients of a server with some options of its gate."""
    made: list[Client] = []

    def new(**options: Any) -> Client:  # noqa: ANN401
        app = desk.app
        gate = Gate(app.tokens, app.commands, **options)
        made.append(Client(create_app(app.reader, app.store, app.runner.catch_up, gate=gate)))
        return made[-1]

    yield new
    for one in made:
        one.close()


def token(desk: Desk, role: str, expires: str | None = None) -> str:
    return desk.app.tokens.create(f"the {role}", Role(role), expires, "UTC")[1]


def may(client: Client, query: str, shown: str | None) -> str:
    """`yes`, or the status and code of the refusal."""
    response = client.ask(query, shown)
    answer = response.json()
    codes = {e["extensions"]["code"] for e in answer.get("errors", ())}
    refused = codes & {"FORBIDDEN", "UNAUTHENTICATED", "GRAPHQL_VALIDATION_FAILED"}
    if not refused:
        assert response.status_code == 200, answer
        return "yes"
    assert answer.get("data") is None
    return f"{response.status_code} {refused.pop()}"


@pytest.fixture
def callers(desk: Desk, clock: SteppableClock) -> dict[str, tuple[bool, str | None]]:
    """Whether reading is open to all, and the token shown; of every kind."""
    store = EventStore(desk.app.engine, "other", clock)
    store.open_casebook("UTC", "syria")
    _, foreign = Tokens(desk.app.engine, "other", clock).create("x", Role.ADMIN, None, "UTC")
    revoked, shown = desk.app.tokens.create("gone", Role.ADMIN, None, "UTC")
    desk.app.tokens.revoke(revoked.token_id)
    expiring = token(desk, "admin", (clock.now + timedelta(seconds=1)).isoformat())
    clock.step(2)
    good = token(desk, "admin")
    return {
        "nobody, reading is open": (True, None),
        "nobody, reading is closed": (False, None),
        **{role: (False, token(desk, role)) for role in ORDER},
        "revoked": (True, shown),
        "expired": (True, expiring),
        "of another casebook": (True, foreign),
        "a guessed secret": (True, good[:-1] + ("A" if good[-1] != "A" else "B")),
        "nonsense": (True, "tl_"),
    }


def test_the_table_names_every_root_field() -> None:
    assert sorted(documents()) == sorted(needed())


def test_every_field_with_every_role_and_every_kind_of_token(
    serve: Serve, callers: dict[str, tuple[bool, str | None]]
) -> None:
    clients = {is_open: serve(anonymous_read=is_open) for is_open in (True, False)}
    wrong = []
    for who, (is_open, shown) in callers.items():
        role = "reader" if who == "nobody, reading is open" else who
        for key, query in documents().items():
            if role not in ORDER:
                expected = "401 UNAUTHENTICATED"
            elif ORDER.index(role) >= ORDER.index(needed()[key]) and not (
                shown is None and key[0] == "mutation"
            ):
                expected = "yes"
            else:
                expected = "200 FORBIDDEN"
            found = may(clients[is_open], query, shown)
            if found != expected:
                wrong.append((who, key, expected, found))

    assert wrong == []


def test_what_is_forbidden_is_told_at_its_field_and_not_run(desk: Desk, serve: Serve) -> None:
    head = desk.head
    query = """query Q { status { casebook } }
    mutation M { __typename ...F } fragment F on Mutation { ... on Mutation {
      new: registerPlace(input: {placeId: "x", name: "X", kind: town}) { version } } }"""
    response = serve().post(
        "/graphql",
        json={"query": query, "operationName": "M"},
        headers={"authorization": f"Bearer {token(desk, 'reporter')}"},
    )

    assert response.json() == {
        "data": None,
        "errors": [
            {
                "message": "registerPlace needs the role editor",
                "locations": [{"line": 3, "column": 7}],
                "path": ["new"],
                "extensions": {"code": "FORBIDDEN"},
            }
        ],
    }
    assert desk.head == head


def test_a_refusal_by_token_says_401_and_nothing_of_why(desk: Desk, serve: Serve) -> None:
    response = serve().ask(STATUS, "tl_000000000000_" + 43 * "x")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert response.json()["errors"][0]["message"] == "the token is not valid here"


def test_the_front_page_is_closed_with_reading_and_health_is_not(desk: Desk, serve: Serve) -> None:
    closed = serve(anonymous_read=False)

    assert closed.get("/").status_code == 401
    assert closed.get("/healthz").status_code == 200
    assert closed.get("/graphql", headers={"accept": "text/html"}).status_code == 200
    assert closed.get("/graphql", params={"query": STATUS}).status_code == 401


def test_a_mutation_is_not_run_by_get(desk: Desk, serve: Serve) -> None:
    head = desk.head
    query = 'mutation { registerPlace(input: {placeId: "x", name: "X", kind: town}) { version } }'
    response = serve().get(
        "/graphql",
        params={"query": query},
        headers={"authorization": f"Bearer {token(desk, 'admin')}"},
    )

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert desk.head == head


def test_a_revoked_token_is_refused_within_a_second(desk: Desk, serve: Serve) -> None:
    now = [100.0]
    made, shown = desk.app.tokens.create("desk", Role.READER, None, "UTC")
    asked = serve(monotonic=lambda: now[0])
    assert asked.ask(STATUS, shown).status_code == 200
    assert desk.app.tokens.revoke(made.token_id) is True
    assert desk.app.tokens.revoke(made.token_id) is False

    now[0] += 1.1

    assert asked.ask(STATUS, shown).status_code == 401


def test_requests_and_rows_of_a_token_are_bounded_in_time(desk: Desk, serve: Serve) -> None:
    now = [100.0]
    rates = RateLimits(requests_per_second=1, requests_burst=3, rows_per_second=0.1, rows_burst=5)
    asked = serve(rates=rates, monotonic=lambda: now[0])
    one, other = token(desk, "reader"), token(desk, "reader")
    actors = "{ actors { edges { node { id } } } }"

    assert [asked.ask(STATUS, one).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = asked.ask(STATUS, one)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    now[0] += 10
    assert [asked.ask(actors, other).status_code for _ in range(3)] == [200, 200, 429]
    assert asked.ask(actors, one).status_code == 200
    now[0] += 20
    assert asked.ask(STATUS, other).status_code == 200


def test_who_shows_no_token_is_limited_by_address() -> None:
    rates = RateLimits(requests_per_second=1, requests_burst=2, rows_per_second=1, rows_burst=5)
    gate = Gate(cast(Tokens, None), cast(Any, None), rates=rates, monotonic=lambda: 100.0)

    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert [gate.at_once(None, address) is not None for _ in range(2)] == [True, True]
    for address in ("192.0.2.1", "2001:db8::ffff"):
        with pytest.raises(Refused) as refused:
            gate.at_once(None, address)
        assert (refused.value.status, refused.value.code) == (429, "RATE_LIMITED")
    reader = gate.at_once(None, "2001:db8:0:1::1")
    assert reader is not None
    reader.charge(6)
    with pytest.raises(Refused):
        gate.at_once(None, "2001:db8:0:1::1")


def test_no_secret_is_stored_and_a_token_lists_without_it(desk: Desk) -> None:
    made, shown = desk.app.tokens.create(" desk ", Role.EDITOR, "2099-12-31", "Asia/Damascus")

    assert desk.app.tokens.all() == (made,)
    assert (made.name, made.expires_at) == ("desk", "2099-12-31T21:00:00.000000Z")
    assert desk.app.tokens.recognise(shown) == made
    with desk.app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM tokens").all()
    assert shown.split("_", 2)[2] not in repr(rows)


@pytest.mark.parametrize(
    ("name", "expires", "fault"),
    [("", None, InvalidToken), ("a\nb", None, InvalidToken), ("a", "2016-01-01", InvalidDate)],
)
def test_a_token_that_cannot_be_is_refused(
    desk: Desk, name: str, expires: str | None, fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        desk.app.tokens.create(name, Role.READER, expires, "UTC")
    assert desk.app.tokens.all() == ()


def test_a_token_that_is_not_there_cannot_be_revoked(desk: Desk) -> None:
    with pytest.raises(NotFound, match="no token has the id 'x'"):
        desk.app.tokens.revoke("x")
