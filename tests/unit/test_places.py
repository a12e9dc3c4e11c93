"""Places: found by any spelling, positions relative to them, and what contains them."""

from __future__ import annotations

import pytest

from timeline.domain.names import Match, Name, Tier
from timeline.domain.places import (
    Gazetteer,
    Place,
    PlaceKind,
    PlaceMention,
    Relation,
    distance_km,
    point_at,
)
from timeline.errors import AmbiguousPlace, PlaceNotFound


def place(place_id: str, name: str, *names: str, within: str | None = None) -> Place:
    return Place(
        place_id=place_id,
        name=name,
        kind=PlaceKind.TOWN,
        latitude=35.78,
        longitude=37.5,
        within=within,
        theatre="syria",
        names=tuple(Name(name=n) for n in names),
    )


KHANASSER = place("khanasser", "Khanasser", "خناصر", within="aleppo-governorate")
REGION = Place(
    place_id="aleppo-governorate",
    name="Aleppo Governorate",
    kind=PlaceKind.GOVERNORATE,
    geo_precision=3,
)
GAZETTEER = Gazetteer(
    [
        KHANASSER,
        REGION,
        place("bab-1", "al-Bab"),
        place("bab-2", "Al Bab"),
        place("talat-al-bayda", "Talat al-Bayda"),
        place("tell-abyad", "Tell Abyad"),
    ]
)


@pytest.mark.parametrize(
    "name", ["Khanasser", "the town of Khanasser", "Khanasser town", "خناصر", "Khanaser"]
)
def test_a_town_is_looked_up_by_any_of_its_spellings(name: str) -> None:
    assert GAZETTEER.look_up(name)[0] == KHANASSER


def test_a_near_spelling_is_suggested_and_not_taken() -> None:
    with pytest.raises(PlaceNotFound) as refused:
        GAZETTEER.look_up("Khanasserd")

    assert refused.value.suggestions == ("Khanasser",)


def test_a_name_that_is_near_nothing_has_no_suggestions() -> None:
    with pytest.raises(PlaceNotFound) as refused:
        GAZETTEER.look_up("Palmyra")

    assert refused.value.suggestions == ()


def test_a_name_of_two_places_is_ambiguous_and_names_both() -> None:
    with pytest.raises(AmbiguousPlace) as refused:
        GAZETTEER.look_up("Al-Bab")

    assert refused.value.candidates == ("bab-1 (al-Bab)", "bab-2 (Al Bab)")


def test_consonants_that_two_places_share_are_ambiguous_too() -> None:
    twins = Gazetteer([place("sarmin", "Sarmin"), place("sarmeen-2", "Surman")])

    with pytest.raises(AmbiguousPlace):
        twins.look_up("Sarman")


def test_places_of_another_theatre_are_not_known() -> None:
    elsewhere = Place(place_id="hama-jp", name="Hama", kind=PlaceKind.TOWN, theatre="japan")

    with pytest.raises(PlaceNotFound):
        Gazetteer([KHANASSER, elsewhere], theatre="syria").look_up("Hama")


def test_places_of_no_theatre_are_known_in_each() -> None:
    assert Gazetteer([REGION], theatre="syria").get("aleppo-governorate") == REGION


def test_a_mention_is_filled_in_with_what_the_gazetteer_knows() -> None:
    assert GAZETTEER.mention(PlaceMention(as_named="خناصر")) == PlaceMention(
        as_named="خناصر",
        place_id="khanasser",
        name="Khanasser",
        latitude=35.78,
        longitude=37.5,
        geo_precision=1,
        match=Match(tier=Tier.ALIAS, score=1.0),
    )


@pytest.mark.parametrize("name", ["Al-Bab", "Khanasserd", "Palmyra"])
def test_a_mention_that_is_not_sure_stays_unresolved(name: str) -> None:
    assert GAZETTEER.mention(PlaceMention(as_named=name)).place_id is None


def test_a_mention_by_an_id_needs_no_spelling() -> None:
    assert GAZETTEER.mention(PlaceMention(as_named="the town", place_id="bab-1")).name == "al-Bab"


def test_an_id_that_is_unknown_is_not_taken_for_a_name() -> None:
    mention = PlaceMention(as_named="the town", place_id="Khanaser")

    assert GAZETTEER.mention(mention).place_id is None


def test_three_kilometres_west_of_a_town_has_its_own_coordinates() -> None:
    west = GAZETTEER.mention(
        PlaceMention(as_named="Khanasser", relation=Relation.NEAR, distance_km=3, bearing=270)
    )

    assert (west.latitude, west.longitude) == (35.779995, 37.466819)


@pytest.mark.parametrize("relation", list(Relation))
def test_only_at_and_in_a_place_are_the_place(relation: Relation) -> None:
    mention = GAZETTEER.mention(PlaceMention(as_named="Khanasser", relation=relation))

    assert mention.geo_precision == (1 if relation in (Relation.AT, Relation.IN) else 2)


def test_a_distance_from_a_place_is_not_the_place_whatever_the_relation() -> None:
    mention = GAZETTEER.mention(PlaceMention(as_named="Khanasser", distance_km=3))

    assert mention.geo_precision == 2


def test_a_region_stays_as_imprecise_as_it_is() -> None:
    mention = PlaceMention(as_named="Aleppo Governorate", relation=Relation.IN)

    assert GAZETTEER.mention(mention).geo_precision == 3


def test_a_resolved_mention_resolves_to_itself() -> None:
    west = PlaceMention(as_named="Khanasser", relation=Relation.NEAR, distance_km=3, bearing=270)
    once = GAZETTEER.mention(west)

    assert GAZETTEER.mention(once).longitude == once.longitude


def test_what_contains_a_place_is_known() -> None:
    assert GAZETTEER.containers("khanasser") == (REGION,)


def test_a_road_joins_what_was_merged_under_the_id_that_it_means_now() -> None:
    road = Place(place_id="road", name="Road", kind=PlaceKind.ROAD, connects=("a", "old"))

    found = Gazetteer([place("a", "A"), place("b", "B"), road], merged={"old": "b"}).get("road")

    assert found is not None
    assert found.connects == ("a", "b")


def test_a_circle_of_containment_ends() -> None:
    circle = Gazetteer([place("a", "A", within="b"), place("b", "B", within="a")])

    assert [p.place_id for p in circle.containers("a")] == ["b"]


def test_a_place_that_is_not_known_is_contained_in_nothing() -> None:
    assert GAZETTEER.containers("nowhere") == ()


def test_a_distance_follows_the_ellipsoid() -> None:
    assert round(distance_km(36.2, 37.15, 35.78, 37.5), 1) == 56.3


def test_a_point_and_its_distance_agree() -> None:
    latitude, longitude = point_at(35.78, 37.5, 45, 10)

    assert round(distance_km(35.78, 37.5, latitude, longitude), 3) == 10
