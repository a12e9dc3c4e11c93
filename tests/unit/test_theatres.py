"""The places and actors of the theatres: well formed, told apart, and chosen by a text's words."""

from __future__ import annotations

from collections import Counter

import pytest

from timeline.domain.actors import ActorTable
from timeline.domain.names import folded_form
from timeline.domain.places import Gazetteer, Place
from timeline.filing.theatres import (
    ELSEWHERE,
    theatre_actors,
    theatre_names,
    theatre_places,
    theatre_told,
)

# West, south, east, north of each theatre and of the neighbours that its curated places reach into.
BOXES = {
    "syria": (35.0, 32.0, 43.0, 37.6),
    "iraq": (38.0, 29.0, 49.0, 38.0),
    "yemen": (41.0, 11.0, 55.0, 25.0),
    "ukraine": (22.0, 44.0, 43.0, 54.0),
    "sudan": (21.0, 8.0, 39.0, 23.0),
    "sahel": (-13.0, 9.0, 17.0, 26.0),
    "myanmar": (92.0, 9.0, 102.0, 29.0),
}


def places_by_theatre() -> dict[str, list[Place]]:
    return {name: theatre_places(name) for name in theatre_names()}


def test_there_are_seven_theatres_with_places_and_actors_of_their_own() -> None:
    assert set(theatre_names()) == set(BOXES)
    assert {n: len(p) >= 100 for n, p in places_by_theatre().items()} == dict.fromkeys(BOXES, True)
    assert {n: len(theatre_actors(n)) >= 15 for n in BOXES} == dict.fromkeys(BOXES, True)


@pytest.mark.parametrize("theatre", sorted(BOXES))
def test_the_places_of_a_theatre_are_well_formed(theatre: str) -> None:
    places = theatre_places(theatre)
    west, south, east, north = BOXES[theatre]

    ids = Counter(p.place_id for p in places)
    astray = [
        p.place_id
        for p in places
        if p.latitude is not None
        and p.longitude is not None
        and not (west <= p.longitude <= east and south <= p.latitude <= north)
    ]
    assert [i for i, n in ids.items() if n > 1] == []
    assert astray == []
    assert [p.place_id for p in places if p.within and p.within not in ids] == []
    assert [p.place_id for p in places if p.source is None] == []


@pytest.mark.parametrize("theatre", sorted(set(BOXES) - {"syria"}))
def test_a_curated_spelling_means_one_place(theatre: str) -> None:
    curated = [p for p in theatre_places(theatre) if p.source == "curated"]

    spellings = Counter(
        form
        for p in curated
        for form in {folded_form(n) for n in (p.name, *(x.name for x in p.names))}
    )
    assert [form for form, count in spellings.items() if count > 1] == []


@pytest.mark.parametrize("theatre", sorted(BOXES))
def test_an_actors_side_and_affiliations_are_actors(theatre: str) -> None:
    actors = theatre_actors(theatre)
    ids = {a.actor_id for a in actors} | {"national-unity-government"}

    assert [a.actor_id for a in actors if a.side and a.side not in ids] == []
    assert [x.actor for a in actors for x in a.affiliations if x.actor not in ids] == []


@pytest.mark.parametrize(
    ("theatre", "name", "actor_id"),
    [
        ("iraq", "Iraqi army", "government-of-iraq"),
        ("iraq", "Hashd al-Shaabi", "popular-mobilization-forces"),
        ("yemen", "Al-Qaeda", "aqap"),
        ("yemen", "Ansar Allah", "houthis"),
        ("ukraine", "Kremlin", "russia"),
        ("sudan", "RSF", "rapid-support-forces"),
        ("sahel", "FAMa", "government-of-mali"),
        ("myanmar", "Tatmadaw", "myanmar-military"),
        ("elsewhere", "Ethiopian army", "ethiopia"),
    ],
)
def test_names_mean_the_actors_of_their_theatre(theatre: str, name: str, actor_id: str) -> None:
    actor, _ = ActorTable(theatre_actors(theatre)).resolve(name)

    assert actor is not None
    assert actor.actor_id == actor_id


@pytest.mark.parametrize(
    ("theatre", "name", "place_id"),
    [
        ("iraq", "Tel Afar", "tal-afar"),
        ("yemen", "Hudaydah airport", "hodeidah-airport"),
        ("ukraine", "Bakhmut", "bakhmut"),
        ("sudan", "Al Fashir", "fasher"),
        ("sahel", "Tombouctou", "timbuktu"),
        ("myanmar", "Lashio", "lashio"),
    ],
)
def test_spellings_mean_the_places_of_their_theatre(theatre: str, name: str, place_id: str) -> None:
    place, _ = Gazetteer(theatre_places(theatre)).look_up(name)

    assert place.place_id == place_id


def test_places_of_another_theatre_are_not_known() -> None:
    known = Gazetteer(theatre_places("yemen"))

    assert known.get("bakhmut") is None
    assert known.get("khanasser") is None


@pytest.mark.parametrize(
    ("text", "theatre"),
    [
        ("Houthi fighters left Taiz.", "yemen"),
        ("Kyiv said that Russian troops had left Izium.", "ukraine"),
        ("The junta bombed Lashio.", "myanmar"),
        ("Rebels entered Azaz, Aleppo province.", "syria"),
        ("Eritrean troops pulled back from Shire.", ELSEWHERE),
    ],
)
def test_a_text_is_of_the_theatre_whose_words_it_has_most(text: str, theatre: str) -> None:
    assert theatre_told(text) == theatre
