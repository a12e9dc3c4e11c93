"""Mending leaves no name that cannot be shown, no half point, no source with another actor."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.integration.conftest import Desk
from tests.integration.test_mending import ISIL, NAYRAB, TAKEN, WORD, mending, two
from timeline.domain.names import Name
from timeline.errors import InvalidEvent

__all__ = ["two"]  # a fixture


def test_a_place_of_no_point_is_given_a_whole_one(two: Desk) -> None:
    with pytest.raises(InvalidEvent, match="a latitude and a longitude, or neither"):
        mending(two).correct_place("tall", {"latitude": 36.1}, WORD)

    assert mending(two).correct_place("tall", {"latitude": 36.1, "longitude": 37}, WORD).position


def test_what_cannot_be_shown_or_asked_for_is_no_name(two: Desk) -> None:
    head = two.head
    blank = Name(name="")

    with pytest.raises(InvalidEvent, match="'' is no name"):
        mending(two).correct_place("nayrab", {}, WORD, add=[blank])
    with pytest.raises(InvalidEvent, match="is no name"):
        mending(two).correct_actor("isil", {"adjectives": ["\n"]}, WORD)
    with pytest.raises(InvalidEvent, match="'' is no name"):
        two.app.registering.register([replace(NAYRAB, place_id="other", names=(blank,))])
    with pytest.raises(InvalidEvent, match="is no name"):
        two.app.registering.register([], [replace(ISIL, actor_id="other", name="\t")])
    assert two.head == head


def test_a_source_speaks_for_whom_it_spoke_once_a_merge_is_taken_back(two: Desk) -> None:
    told = TAKEN.replace("{name: Desert Monitor}", "{name: Amaq Wire, affiliated_with: ISIL}")
    two.file("first.yaml", told.replace("id: taken", "id: first"))
    mending(two).merge_actors("isil", "islamic-state", WORD)
    two.file("second.yaml", told.replace("id: taken", "id: second"))
    mending(two).unmerge_actors("isil", WORD)

    assert "SourceAffiliated" not in [type_ for _, type_ in two.types()]


def test_a_place_is_no_duplicate_of_what_it_lies_within(two: Desk) -> None:
    head = two.head

    for one, other in (("tall", "neirab-camp"), ("neirab-camp", "tall")):
        with pytest.raises(InvalidEvent, match="place tall lies within neirab-camp, so they"):
            mending(two).merge_places(one, other, WORD)
    assert two.head == head

    mending(two).correct_place("tall", {"within": None}, WORD)
    assert mending(two).merge_places("tall", "neirab-camp", WORD).position
