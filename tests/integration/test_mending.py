"""Places and actors are corrected, merged and parted; claims follow, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.conftest import SteppableClock
from tests.integration.conftest import Desk
from timeline.bootstrap import all_projections
from timeline.domain.actors import Actor, ActorKind
from timeline.domain.names import Name, Tier
from timeline.domain.places import Place, PlaceKind
from timeline.errors import InvalidDate, InvalidEvent, NotFound, PlaceNotFound, WrongExpectedVersion
from timeline.filing.mended import Mended, Word
from timeline.filing.mending import Mender
from timeline.projections.incident_queries import IncidentFilters, IncidentReader
from timeline.projections.reading import Filters
from timeline.projections.replaying import verified
from timeline.projections.runner import Runner
from timeline.store.events import Author

NAYRAB = Place(
    place_id="nayrab",
    name="Al-Nayrab",
    kind=PlaceKind.TOWN,
    latitude=36.175,
    longitude=37.226,
    names=(Name(name="النيرب", language="ar"),),
)
NEIRAB = Place(
    place_id="neirab-camp", name="Neirab Camp", kind=PlaceKind.CAMP, latitude=36.3, longitude=37.5
)
TALL = Place(place_id="tall", name="Tall Neirab", kind=PlaceKind.HILL, within="neirab-camp")
ISIL = Actor(actor_id="isil", name="ISIL", kind=ActorKind.NON_STATE_ARMED_GROUP)
WORD = Word(requested_by="Anna", reason="one town under two names")

TAKEN = """
id: taken
source: {name: Desert Monitor}
published: 2016-02-20
claims:
  - {ref: c1, type: ControlChanged, actors: [{as_named: Islamic State, role: holder}],
     place: {as_named: Neirab Camp}, occurred: 2016-02-20}
  - {ref: c2, type: Clash, actors: [{as_named: Islamic State, role: initiator}],
     place: {as_named: Neirab Camp}, occurred: 2016-02-20, fatalities: {best: 3}}
  - {ref: c3, type: Movement, actors: [{as_named: ISIL, role: initiator}],
     place: {as_named: Neirab Camp}, occurred: 2016-02-19}
"""
BACK = """
id: back
source: {name: State Wire}
published: 2016-02-25
claims:
  - {ref: c1, type: ControlChanged, actors: [{as_named: Government of Syria, role: holder}],
     place: {as_named: Al-Nayrab}, occurred: 2016-02-25}
  - {ref: c2, type: Clash, actors: [{as_named: Islamic State, role: initiator}],
     place: {as_named: Al-Nayrab}, occurred: 2016-02-20, fatalities: {best: 5}}
"""
BACK_REFS = [("back", "c1"), ("back", "c2")]
TAKEN_REFS = [("taken", "c1"), ("taken", "c2"), ("taken", "c3")]
# What tells of events by their position, or of ids by who mended them.
REGISTERS = {"event_types", "places", "actors", "place_identities", "actor_identities"}


@pytest.fixture
def two(desk: Desk) -> Desk:
    """One town under two ids, of each of which a report tells."""
    desk.app.registering.register([NAYRAB, NEIRAB, TALL], [ISIL])
    desk.file("taken.yaml", TAKEN)
    desk.file("back.yaml", BACK)
    return desk


def mending(desk: Desk) -> Mender:
    return desk.app.commands(Author("anna", "cli")).mending


def merge(desk: Desk) -> Mended:
    return mending(desk).merge_places("neirab-camp", "nayrab", WORD)


def different(desk: Desk) -> tuple[str, ...]:
    """The tables whose rows are others than those of a replay."""
    app = desk.app
    return verified(app.store, all_projections(), Runner(app.store, all_projections())).different


def rows(desk: Desk) -> dict[str, str]:
    return {table: sum_ for table, sum_ in desk.checksums().items() if table not in REGISTERS}


def held(desk: Desk, at: str, place: str = "nayrab") -> list[str]:
    control = desk.app.reader.control(desk.app.reader.find_place(place)[0].place_id, at)
    return [control.state.value, *(h.name for h in control.holders)]


def refs(desk: Desk, place_id: str) -> list[tuple[str, str | None]]:
    entries = desk.app.reader.timeline(Filters(place_id=place_id)).entries
    return sorted((e.claim.report_id, e.claim.ref) for e in entries)


def incidents(desk: Desk) -> list[tuple[str, str | None, int]]:
    reader = IncidentReader(desk.app.engine, "main", desk.app.reader.time_zone)
    found, _ = reader.page(IncidentFilters(types=("Clash",)))
    return sorted((i.type, i.place_id, i.sources) for _, i in found)


def test_a_merge_stands_in_both_streams_with_who_made_it(two: Desk) -> None:
    done = merge(two)

    events = [e for e in two.app.store.read() if e.type == "PlacesMerged"]
    assert [e.stream for e in events] == ["place-neirab-camp", "place-nayrab"]
    assert done == Mended("nayrab", events[-1].position, 2, duplicate="neirab-camp")
    assert [json.loads(e.data or "") for e in events] == [
        {
            "place_id": "neirab-camp",
            "into": "nayrab",
            "reason": "one town under two names",
            "requested_by": "Anna",
        }
    ] * 2
    assert [json.loads(e.metadata)["by"] for e in events] == ["anna", "anna"]


def test_what_was_said_of_both_is_told_of_one_place(two: Desk) -> None:
    assert held(two, "2016-02-22") == ["unknown"]
    assert incidents(two) == [("Clash", "nayrab", 1), ("Clash", "neirab-camp", 1)]

    merge(two)

    assert held(two, "2016-02-22") == ["controlled", "Islamic State"]
    assert held(two, "2016-02-26") == ["controlled", "Government of Syria"]
    assert refs(two, "nayrab") == [*BACK_REFS, *TAKEN_REFS]
    assert refs(two, "neirab-camp") == []
    assert incidents(two) == [("Clash", "nayrab", 2)]
    assert different(two) == ()


def test_the_old_id_and_names_find_the_place_and_say_that_they_are_aliases(two: Desk) -> None:
    merge(two)

    for name in ("neirab-camp", "Neirab Camp"):
        place, match = two.app.reader.find_place(name)
        assert (place.place_id, match.tier) == ("nayrab", Tier.ALIAS)
    gazetteer = two.app.reader.gazetteer()
    assert gazetteer.get("neirab-camp") == gazetteer.get("nayrab")
    assert "neirab-camp" not in gazetteer.places
    assert gazetteer.merged_into("nayrab") == ("neirab-camp",)
    assert [p.place_id for p in gazetteer.containers("tall")] == ["nayrab"]


def test_what_is_filed_later_under_the_old_name_is_told_of_the_place(two: Desk) -> None:
    merge(two)
    later = TAKEN.replace("id: taken", "id: later").replace("2016-02-20", "2016-03-01")
    two.file("later.yaml", later)

    assert held(two, "2016-03-02") == ["controlled", "Islamic State"]
    assert different(two) == ()


def test_parting_restores_both_and_says_so_in_both_streams(two: Desk) -> None:
    before = rows(two)
    merge(two)
    merged = two.head
    done = mending(two).unmerge_places("Neirab Camp", WORD)

    assert done == Mended("neirab-camp", merged + 2, 3)
    assert two.types()[-2:] == [
        ("place-nayrab", "PlacesUnmerged"),
        ("place-neirab-camp", "PlacesUnmerged"),
    ]
    assert rows(two) == before
    assert different(two) == ()


def test_a_merge_holds_at_every_known_time_and_shows_on_the_record_axis_alone(
    two: Desk, clock: SteppableClock
) -> None:
    recorded = clock().isoformat()
    clock.step(86_400)
    merge(two)

    assert two.app.reader.control("nayrab", "2016-02-22", "2016-02-21").holders[0].name == (
        "Islamic State"
    )
    with two.app.replay(str(two.head - 2)) as before:
        assert before.reader.control("nayrab", "2016-02-22").holders == ()
        assert before.reader.find_place("neirab-camp")[1].tier is Tier.ID
    with two.app.replay_recorded_at(recorded, "neirab-camp") as then:
        assert then.reader.control("neirab-camp", "2016-02-22").holders[0].name == "Islamic State"
    with two.app.replay_recorded_at("2100-01-01", "neirab-camp") as then:
        assert then.reader.control("nayrab", "2016-02-22").holders[0].name == "Islamic State"
        assert then.reader.control("nayrab", "2016-02-26").holders[0].name == "Government of Syria"


def test_a_chain_of_merges_means_its_end_and_is_parted_link_by_link(two: Desk) -> None:
    merge(two)
    mending(two).merge_places("nayrab", "khanasser", WORD)

    assert two.app.reader.find_place("neirab-camp")[0].place_id == "khanasser"
    assert refs(two, "khanasser") == [*BACK_REFS, *TAKEN_REFS]
    mending(two).unmerge_places("neirab-camp", WORD)
    assert refs(two, "neirab-camp") == TAKEN_REFS
    assert refs(two, "khanasser") == BACK_REFS
    assert different(two) == ()


@pytest.mark.parametrize(
    ("duplicate", "into", "told"),
    [
        ("nayrab", "nayrab", "place nayrab cannot be merged into itself"),
        ("Al-Nayrab", "nayrab", "place nayrab cannot be merged into itself"),
        ("khanasser", "neirab-camp", "place neirab-camp is merged into nayrab; name that one"),
        ("nayrab", "neirab-camp", "place neirab-camp is merged into nayrab; name that one"),
        ("neirab-camp", "khanasser", "place neirab-camp is merged into nayrab; name that one"),
        ("Neirab Camp", "nayrab", "place nayrab cannot be merged into itself"),
    ],
)
def test_a_merge_that_cannot_be_is_refused(two: Desk, duplicate: str, into: str, told: str) -> None:
    merge(two)
    head = two.head

    with pytest.raises(InvalidEvent, match=told):
        mending(two).merge_places(duplicate, into, WORD)
    assert two.head == head


def test_unknown_ids_and_what_is_not_merged_are_refused(two: Desk) -> None:
    with pytest.raises(PlaceNotFound):
        mending(two).merge_places("atlantis", "nayrab", WORD)
    with pytest.raises(PlaceNotFound):
        mending(two).merge_places("nayrab", "atlantis", WORD)
    with pytest.raises(InvalidEvent, match="place 'nayrab' is merged into no other"):
        mending(two).unmerge_places("nayrab", WORD)
    with pytest.raises(InvalidEvent, match="say who says so"):
        mending(two).merge_places("nayrab", "khanasser", Word(requested_by=" "))


def test_the_same_merge_again_appends_nothing(two: Desk) -> None:
    merge(two)
    head = two.head

    assert merge(two) == Mended("nayrab", None, 2, duplicate="neirab-camp")
    assert two.head == head


def test_an_expected_version_is_that_of_its_stream(two: Desk) -> None:
    with pytest.raises(WrongExpectedVersion):
        mending(two).merge_places("neirab-camp", "nayrab", replace_version(WORD, 7))
    with pytest.raises(WrongExpectedVersion):
        mending(two).merge_places("neirab-camp", "nayrab", WORD, 7)
    assert mending(two).merge_places("neirab-camp", "nayrab", replace_version(WORD, 1), 1).version


def replace_version(word: Word, version: int) -> Word:
    return Word(word.requested_by, word.reason, version)


def test_registering_a_merged_id_again_changes_nothing(two: Desk) -> None:
    merge(two)

    assert two.app.registering.register([replace(NEIRAB, name="Neirab")]) == 0


def test_a_correction_renames_moves_and_keeps_the_old_name(two: Desk) -> None:
    changes: dict[str, Any] = {"name": "Nayrab", "latitude": 36.2, "within": "Ithriya"}
    done = mending(two).correct_place(
        "nayrab", changes, WORD, add=[Name(name="Nerab")], remove=["النيرب"]
    )

    assert done.position == two.head
    place, match = two.app.reader.find_place("Al-Nayrab")
    assert (place.name, place.latitude, place.within) == ("Nayrab", 36.2, "ithriya")
    assert [n.name for n in place.names] == ["Al-Nayrab", "Nerab"]
    assert match.tier is Tier.ALIAS
    entries = two.app.reader.timeline(Filters(place_id="nayrab", types=("Clash",))).entries
    entry = entries[0]
    assert entry.claim.place is not None
    assert (entry.claim.place.name, entry.claim.place.latitude) == ("Nayrab", 36.2)
    assert entry.claim.place.as_named == "Al-Nayrab"
    assert different(two) == ()


def test_what_is_so_already_is_not_corrected(two: Desk) -> None:
    head = two.head

    assert mending(two).correct_place("nayrab", {"name": "Al-Nayrab"}, WORD).position is None
    assert two.head == head


@pytest.mark.parametrize(
    ("changes", "remove", "told"),
    [
        ({"latitude": 91}, (), "nayrab cannot be corrected so: Expected `float` <= 90"),
        ({"place_id": "other"}, (), "a correction cannot set place_id"),
        ({"name": None}, (), "nayrab cannot be corrected so: Object missing required field"),
        ({"within": "nayrab"}, (), "place nayrab cannot lie within itself"),
        ({}, ("Atlantis",), "nayrab has no other name 'Atlantis'"),
        ({"name": " "}, (), "' ' is no name: it must be text on one line"),
        ({"name": "Al\x1b[2J"}, (), "is no name"),
        ({"name": "Al\u202eNayrab"}, (), r"'Al\\u202eNayrab' is no name"),
        ({"latitude": float("nan")}, (), "nayrab cannot be corrected so"),
        ({"latitude": None}, (), "place nayrab has a latitude and a longitude, or neither"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    two: Desk, changes: dict[str, Any], remove: tuple[str, ...], told: str
) -> None:
    head = two.head

    with pytest.raises(InvalidEvent, match=told):
        mending(two).correct_place("nayrab", changes, WORD, remove=remove)
    assert two.head == head


def test_a_merged_place_is_corrected_under_its_own_id_alone(two: Desk) -> None:
    merge(two)

    with pytest.raises(InvalidEvent, match="place neirab-camp is merged into nayrab"):
        mending(two).correct_place("neirab-camp", {"name": "Camp"}, WORD)


def test_actors_are_merged_corrected_and_parted_in_the_same_way(two: Desk) -> None:
    before = rows(two)
    mending(two).merge_actors("ISIL", "islamic-state", WORD)

    actors = two.app.reader.actor_table()
    found = actors.get("isil")
    assert found is not None
    assert found.actor_id == "islamic-state"
    entries = two.app.reader.timeline(Filters(actor_id="islamic-state")).entries
    assert sorted((e.claim.report_id, e.claim.ref) for e in entries) == [
        ("back", "c2"),
        *TAKEN_REFS,
    ]
    assert different(two) == ()
    mending(two).correct_actor("islamic-state", {"name": "Daesh"}, WORD)
    assert held(two, "2016-02-21", "neirab-camp") == ["controlled", "Daesh"]
    assert different(two) == ()
    mending(two).correct_actor("islamic-state", {"name": "Islamic State"}, WORD, remove=["Daesh"])
    mending(two).unmerge_actors("isil", WORD)
    assert different(two) == ()
    assert rows(two) == before


def test_an_affiliation_is_somebodys_word(two: Desk) -> None:
    told = {"relation": "part_of", "according_to": "Desert Monitor", "from_": "2013"}
    done = mending(two).affiliate("ISIL", "islamic-state", disputed=True, **told)  # type: ignore[arg-type]

    assert two.types()[-1] == ("actor-isil", "AffiliationStated")
    [stated] = two.app.reader.actor_table().actors["isil"].affiliations
    assert (stated.actor, stated.relation, stated.from_, stated.disputed, stated.according_to) == (
        "islamic-state",
        "part_of",
        "2013",
        True,
        "Desert Monitor",
    )
    again = mending(two).affiliate("isil", "islamic-state", disputed=True, **told)  # type: ignore[arg-type]
    assert again == Mended("isil", None, done.version)
    assert different(two) == ()


def test_an_affiliation_that_cannot_be_is_refused(two: Desk) -> None:
    def state(actor: str, other: str, by: str = "Anna", **dates: str) -> None:
        mending(two).affiliate(actor, other, relation="part_of", according_to=by, **dates)  # type: ignore[arg-type]

    with pytest.raises(NotFound, match="there is no actor 'atlantis'"):
        state("isil", "atlantis")
    with pytest.raises(InvalidEvent, match="cannot be affiliated with itself"):
        state("isil", "ISIL")
    with pytest.raises(InvalidEvent, match="say who says so"):
        state("isil", "russia", " ")
    with pytest.raises(InvalidDate, match="ends before it starts"):
        state("isil", "russia", from_="2016", to="2014")
    with pytest.raises(InvalidDate):
        state("isil", "russia", from_="yesterday")


def test_an_actor_is_no_part_of_itself_unless_that_is_disputed(two: Desk) -> None:
    told = {"relation": "part_of", "according_to": "Anna"}
    mending(two).affiliate("isil", "islamic-state", **told)  # type: ignore[arg-type]
    mending(two).affiliate("islamic-state", "russia", **told)  # type: ignore[arg-type]
    refused = "actor russia cannot be part of itself: isil is part of islamic-state, that of russia"

    with pytest.raises(InvalidEvent, match=refused):
        mending(two).affiliate("russia", "isil", **told)  # type: ignore[arg-type]
    mending(two).affiliate("russia", "isil", disputed=True, **told)  # type: ignore[arg-type]
    mending(two).affiliate("russia", "isil", relation="allied_with", according_to="Anna")


def test_a_name_of_what_was_merged_is_taken_away_from_it(two: Desk) -> None:
    mending(two).merge_places("nayrab", "neirab-camp", WORD)
    before = two.app.store.stream_version("place-neirab-camp")

    with pytest.raises(InvalidEvent, match="'Al-Nayrab' is the name of nayrab, which was merged"):
        mending(two).correct_place("neirab-camp", {}, WORD, remove=["Al-Nayrab"])
    done = mending(two).correct_place("neirab-camp", {}, WORD, remove=["النيرب"])

    assert two.types()[-1] == ("place-nayrab", "PlaceCorrected")
    assert done == Mended("neirab-camp", two.head, before)
    assert [n.name for n in two.app.reader.gazetteer().places["neirab-camp"].names] == ["Al-Nayrab"]
    assert different(two) == ()
    added = [Name(name="Nayrab Camp")]
    done = mending(two).correct_place("neirab-camp", {}, WORD, add=added)
    assert done == Mended("neirab-camp", two.head, before + 1)


def test_steps_tell_what_a_merge_changed(two: Desk) -> None:
    merge(two)

    with two.app.stepping(two.head - 1, None) as (_, steps):
        first, second = list(steps)
    assert [(c.kind.value, c.fields) for c in first.entries] == [("changed", ("place",))] * 3
    assert [(p.place_id, c.after.state.value) for p, c in first.control] == [
        ("nayrab", "contested"),
        ("nayrab", "controlled"),
        ("nayrab", "controlled"),
    ]
    assert (second.entries, second.control) == ((), ())
