"""A list of any length takes the same statements: none is asked row by row, at any level."""

from __future__ import annotations

import hashlib

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)
from msgspec.structs import replace
from sqlalchemy import event

from tests.integration.test_graphql_world import (
    ARMY_HOLDS,
    World,
    append,
    at,
    file_all,
    file_report,
    new_world,
    put,
    span,
)
from timeline.api.schema import core_schema
from timeline.bootstrap import all_projections
from timeline.domain.actors import ActorKind, ActorMention, ActorRole, Affiliation
from timeline.domain.claims import ClaimType, Polarity, ProposedClaim
from timeline.domain.opinions import ReportRecoded
from timeline.domain.places import PlaceKind
from timeline.domain.reference_events import ActorRegistered, PlaceRegistered
from timeline.domain.time import occurred_from_edtf
from timeline.projections.runner import Runner
from timeline.store.event_store import EventStore

ROWS = 6
TEXT = "They took it on Tuesday; it was theirs by night."

# What gives rows of each type, and how few and many are asked for.
LISTS = {
    "places(kinds: [town], first: {n}) { nodes": "Place",
    "actors(kinds: [media], first: {n}) { nodes": "Actor",
    "reports(first: {n}) { nodes": "Report",
    "timeline(types: [ControlChanged], first: {n}) { nodes": "Entry",
    "incidents(first: {n}) { nodes": "Incident",
    "sources(first: {n}) { nodes": "Source",
    "events(first: {n}) { nodes": "Event",
    "placeControls(first: {n}) { nodes": "PlaceControl",
    "statistics(by: place, first: {n}) { nodes": "Statistic",
    'search(query: "town*", first: {n}) { nodes': "Hit",
    'search(query: "they took", first: {n}) { nodes': "Hit",
}


@pytest.fixture
def crowded(store: EventStore) -> World:
    """As many towns as rows, each in a region of its own, with a rival claim and a denial."""
    world = new_world(store)
    world.runner = Runner(store, all_projections())
    for n in range(ROWS):
        _register(world, n)
        told = _claims(n)
        file_report(world, f"took-{n}", "2016-02-24", told, TEXT + str(n))
        version = hashlib.sha256((TEXT + str(n)).encode()).hexdigest()
        recoded = ReportRecoded(
            report_id=f"took-{n}",
            report_version=version,
            coded_by="second-1",
            claims=(replace(told[0], coded_by="second-1"),),
        )
        append(world, f"report-took-{n}", [recoded])
    return world


def _register(world: World, n: int) -> None:
    region, town, other = f"region-{n}", f"town-{n}", f"outlet-{(n + 1) % ROWS}"
    put(
        world,
        "place-",
        "place_id",
        PlaceRegistered(place_id=region, name=f"Region {n}", kind=PlaceKind.REGION),
        PlaceRegistered(place_id=town, name=f"Town {n}", kind=PlaceKind.TOWN, within=region),
    )
    allied = Affiliation(actor=other, relation="allied_with", according_to="all")
    outlet = ActorRegistered(
        actor_id=f"outlet-{n}", name=f"Outlet {n}", kind=ActorKind.MEDIA, affiliations=(allied,)
    )
    put(world, "actor-", "actor_id", outlet)


def _claims(n: int) -> list[ProposedClaim]:
    holder = ActorMention(
        as_named="they", role=ActorRole.HOLDER, actor_id=f"outlet-{n}", name=f"Outlet {n}"
    )
    took = ProposedClaim(
        type=ClaimType.CONTROL_CHANGED,
        place=at(f"town-{n}", f"Town {n}"),
        actors=(holder,),
        occurred=occurred_from_edtf("2016-02-23"),
        evidence=span(TEXT, "They took it"),
        also_evidence=(span(TEXT, "it was theirs"),),
    )
    denied = replace(took, polarity=Polarity.NEGATED, attributed_to="the governor")
    held = replace(
        took, type=ClaimType.CONTROL_STATED, actors=(ARMY_HOLDS,), attributed_to="the governor"
    )
    return [took, denied, held]


def test_a_list_of_any_length_takes_the_same_statements(crowded: World) -> None:
    row_by_row = []
    for rows, name in LISTS.items():
        kind = core_schema().type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        few, many = rows.replace("{n}", "2"), rows.replace("{n}", str(ROWS))
        for field in kind.fields:
            # A hit holds fields of four types: one level fewer keeps the query within its bounds.
            shown = _selected(kind, field, 1 if name == "Hit" else 2)
            of_few = _statements(crowded, f"{{ {few} {{ {shown} }} }} }}")
            of_many = _statements(crowded, f"{{ {many} {{ {shown} }} }} }}")
            if len(of_many) > len(of_few):
                row_by_row.append((name, field, len(of_few), len(of_many)))

    assert row_by_row == []


def _selected(parent: GraphQLObjectType, name: str, depth: int) -> str:
    """A field with all that stands in it, so many levels deep."""
    definition = parent.fields[name]
    arguments = "(first: 2)" if "first" in definition.args else ""
    kind = get_named_type(definition.type)
    if is_leaf_type(kind):
        return name
    if isinstance(kind, GraphQLUnionType):
        parts = [f"... on {t.name} {{ {_inside(t, depth, leaves=False)} }}" for t in kind.types]
        return f"{name} {{ {' '.join(parts)} }}"
    assert isinstance(kind, GraphQLObjectType)
    return f"{name}{arguments} {{ {_inside(kind, depth)} }}"


def _inside(kind: GraphQLObjectType, depth: int, *, leaves: bool = True) -> str:
    # A page and its rows are one level.
    inner = depth if kind.name.endswith(("Connection", "Edge")) else depth - 1
    fields = kind.fields if depth else {}
    wanted = [
        name
        for name, field in fields.items()
        if name not in ("edges", "pageInfo")
        and (leaves or not is_leaf_type(get_named_type(field.type)))
    ]
    return " ".join(_selected(kind, f, inner) for f in wanted) or "__typename"


def _statements(world: World, query: str) -> list[str]:
    """The statements that a query takes."""
    told: list[str] = []

    def count(_c: object, _u: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "SET", "PRAGMA")):
            told.append(statement)

    event.listen(world.store.engine, "before_cursor_execute", count)
    try:
        world.ask(query)
    finally:
        event.remove(world.store.engine, "before_cursor_execute", count)
    return told


@pytest.fixture
def world(store: EventStore) -> World:
    built = new_world(store)
    file_all(built)
    return built


@pytest.mark.parametrize(
    "arguments",
    [
        "last: 2",
        "first: 3, orderBy: {direction: desc}",
        'knownOn: "2016-02-25", first: 2',
        'actor: "Islamic State", from: "2016-02-23", to: "2016-02-25"',
        "types: [ControlChanged, Clash], modalities: [asserted], reviewed: [unreviewed, rejected]",
        'reviewed: [rejected], knownOn: "2016-02-29"',
    ],
)
def test_timelines_read_together_are_those_of_each(world: World, arguments: str) -> None:
    shown = f"timeline({arguments}) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }}"
    shown += " edges { cursor node { claimId quote isAmended report { version } } } }"

    # The timeline of an actor takes no actor beside.
    for rows, root in {"places": "place", "actors": "actor"}.items():
        if rows == "actors" and "actor:" in arguments:
            continue
        together = world.ask(f"{{ {rows} {{ nodes {{ id {shown} }} }} }}")[rows]["nodes"]

        assert len(together) > 2
        for row in together:
            assert world.ask(f'{{ {root}(id: "{row["id"]}") {{ id {shown} }} }}')[root] == row


@pytest.mark.parametrize("known_on", ["", '(knownOn: "2016-02-25")'])
def test_claims_read_together_are_those_of_each_report(world: World, known_on: str) -> None:
    shown = f"id claims{known_on} {{ claimId quote }}"

    together = world.ask(f"{{ reports {{ nodes {{ {shown} }} }} }}")["reports"]["nodes"]

    assert any(report["claims"] for report in together)
    for report in together:
        assert world.ask(f'{{ report(id: "{report["id"]}") {{ {shown} }} }}')["report"] == report
