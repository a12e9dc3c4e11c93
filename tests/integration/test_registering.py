"""Places, actors and sources are registered once, by events, so that a replay is complete."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.integration.conftest import ACTORS, PLACES, Desk
from timeline.domain.actors import Affiliation, Source
from timeline.errors import InvalidEvent, InvalidReport
from timeline.filing.reference import load_actors, load_places
from timeline.projections.register import read_sources
from timeline.store.engine import read_transaction

CLASH = "claims: [{type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-20}]\n"


def report(id_: str, source: str, day: int = 24) -> str:
    return f"id: {id_}\nsource: {source}\npublished: 2016-02-{day}\n{CLASH}"


def sources(desk: Desk) -> list[Source]:
    with read_transaction(desk.app.engine) as connection:
        return sorted(read_sources(connection, "main"), key=lambda s: s.source_id)


def source_events(desk: Desk) -> list[tuple[str, str]]:
    return [(s, t) for s, t in desk.types() if s.startswith("source-")]


def test_what_is_registered_already_is_not_registered_again(desk: Desk) -> None:
    assert desk.types() == [
        ("place-khanasser", "PlaceRegistered"),
        ("place-ithriya", "PlaceRegistered"),
        ("actor-islamic-state", "ActorRegistered"),
        ("actor-government-of-syria", "ActorRegistered"),
        ("actor-russia", "ActorRegistered"),
    ]
    assert desk.app.registering.register(PLACES, ACTORS) == 0
    assert desk.head == 5


def test_only_what_is_new_is_added(desk: Desk) -> None:
    palmyra = replace(PLACES[0], place_id="palmyra", name="Palmyra", names=())

    assert desk.app.registering.register([*PLACES, palmyra]) == 1
    assert desk.app.reader.find_place("palmyra")[0] == palmyra


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"within": "atlantis"}, "place palmyra: within 'atlantis' is no known place"),
        ({"longitude": None}, "place palmyra has a latitude and a longitude, or neither"),
        ({"name": "Pal\0myra"}, r"'Pal\\x00myra' is no name: it must be text on one line"),
        ({"name": "x" * 301}, "PlaceRegistered does not fit its schema|event of type"),
    ],
)
def test_a_place_that_cannot_be_is_refused_and_nothing_is_stored(
    desk: Desk, changes: dict[str, str | None], told: str
) -> None:
    place = replace(PLACES[0], place_id="palmyra", **changes)

    with pytest.raises(InvalidEvent, match=told):
        desk.app.registering.register([replace(PLACES[0], place_id="tadmur"), place])
    assert desk.head == 5


def test_places_and_actors_that_are_parts_of_themselves_are_refused(desk: Desk) -> None:
    inner = replace(PLACES[0], place_id="inner", name="Inner", within="outer")
    outer = replace(inner, place_id="outer", name="Outer", within="inner")
    army = replace(ACTORS[1], affiliations=(Affiliation(actor="corps", relation="part_of"),))
    division = replace(army, actor_id="division", name="Division")
    corps = replace(division, actor_id="corps", name="Corps")
    corps = replace(corps, affiliations=(Affiliation(actor="division", relation="part_of"),))

    told = "place inner cannot lie within itself: it lies within outer, that within inner"
    with pytest.raises(InvalidEvent, match=told):
        desk.app.registering.register([inner, outer])
    told = "place inner cannot lie within itself: it lies within inner"
    with pytest.raises(InvalidEvent, match=told):
        desk.app.registering.register([replace(inner, within="inner")])
    assert desk.app.registering.register(actors=[division]) == 1
    told = "actor corps cannot be part of itself: it is part of division, that of corps"
    with pytest.raises(InvalidEvent, match=told):
        desk.app.registering.register(actors=[corps])


def test_an_id_given_twice_is_refused(desk: Desk) -> None:
    place = replace(PLACES[0], place_id="palmyra")

    with pytest.raises(InvalidEvent, match="an id is given twice"):
        desk.app.registering.register([place, place])


def test_a_source_is_registered_when_it_is_first_named(desk: Desk) -> None:
    desk.file("a.yaml", report("a", "{name: Desert Monitor}"))
    desk.file("b.yaml", report("b", "{name: Desert Monitor}"))

    assert source_events(desk) == [("source-desert-monitor", "SourceRegistered")]
    assert sources(desk) == [Source(source_id="desert-monitor", name="Desert Monitor")]


def test_a_source_in_another_spelling_is_the_same(desk: Desk) -> None:
    desk.file("a.yaml", report("a", "{name: Desert Monitor}"))
    desk.file("b.yaml", report("b", "{name: THE DESERT-MONITOR}"))

    assert source_events(desk) == [("source-desert-monitor", "SourceRegistered")]


def test_a_source_is_affiliated_once_when_that_is_first_said(desk: Desk) -> None:
    desk.file("a.yaml", report("a", "{name: State Wire}"))
    for name in ("b", "c"):
        desk.file(f"{name}.yaml", report(name, "{name: State Wire, affiliated_with: Syrian army}"))
    desk.file("d.yaml", report("d", "{name: State Wire}"))

    assert source_events(desk) == [
        ("source-state-wire", "SourceRegistered"),
        ("source-state-wire", "SourceAffiliated"),
    ]
    assert sources(desk) == [
        Source(source_id="state-wire", name="State Wire", affiliated_with="government-of-syria")
    ]


def test_a_source_of_an_actor_roots_in_that_actor(desk: Desk) -> None:
    held = (
        "claims: [{type: ControlStated, place: {as_named: Khanasser}, occurred: 2016-02-20,"
        " actors: [{as_named: Syrian army, role: holder}]}]\n"
    )
    for id_, name in (("a", "State Wire"), ("b", "State Radio")):
        text = report(id_, f"{{name: {name}}}").replace(CLASH, held)
        desk.file(f"{id_}.yaml", text)
    assert desk.app.reader.control("khanasser").sources == 2

    for id_, name in (("c", "State Wire"), ("d", "State Radio")):
        source = f"{{name: {name}, affiliated_with: government-of-syria}}"
        desk.file(f"{id_}.yaml", report(id_, source))
    assert desk.app.reader.control("khanasser").sources == 1


def test_a_source_without_latin_letters_has_an_id_too(desk: Desk) -> None:
    desk.file("a.yaml", report("a", "{name: مراقب الصحراء}"))

    (source,) = sources(desk)
    assert source.name == "مراقب الصحراء"
    assert source.source_id == "mrqb-lshr"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("places: []", "must hold a list"),
        ("- a", "entry 1 is no mapping"),
        ("- {id: a, name: A}", "entry a: Object missing required field `kind`"),
        ("- {id: a, name: A, kind: town, latitude: 91}", "entry a: Expected `float` <= 90"),
        ("- {id: A B, name: A, kind: town}", "entry A B: Expected `str` matching regex"),
        ("[", "is not valid YAML"),
        ("- {id: a, name: A, kind: town, affiliations: [x]}", "entry a"),
        ("- {id: a, name: A, kind: town, affiliations: 3}", "entry a"),
    ],
)
def test_a_file_that_is_no_list_of_places_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "places.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidReport) as caught:
        load_places(path)
    assert told in str(caught.value)


def test_the_seeds_are_what_they_promise() -> None:
    assert len(load_places()) >= 80
    assert len(load_actors()) >= 30
