"""Actors by any of their names, and the root that stands behind a claim."""

from __future__ import annotations

import pytest

from timeline.domain.actors import (
    Actor,
    ActorKind,
    ActorMention,
    ActorRole,
    ActorTable,
    Affiliation,
    Roots,
    Source,
    slug,
)
from timeline.domain.names import Name

PART_OF_SYRIA = Affiliation(actor="government-of-syria", relation="part_of")
ACTORS = ActorTable(
    [
        Actor(
            actor_id="government-of-syria",
            name="Government of Syria",
            kind=ActorKind.STATE,
            names=(Name(name="Syrian army"), Name(name="Damascus")),
            adjectives=("Syrian",),
            acled=("Military Forces of Syria (2000-2024)",),
        ),
        Actor(
            actor_id="islamic-state",
            name="Islamic State",
            kind=ActorKind.NON_STATE_ARMED_GROUP,
            names=(Name(name="IS", case_sensitive=True), Name(name="ISIS")),
            ucdp=("IS (UCDP)",),
        ),
        Actor(actor_id="sana", name="SANA", kind=ActorKind.MEDIA, affiliations=(PART_OF_SYRIA,)),
        Actor(
            actor_id="ypg",
            name="YPG",
            kind=ActorKind.NON_STATE_ARMED_GROUP,
            affiliations=(Affiliation(actor="islamic-state", relation="part_of"),),
        ),
        Actor(
            actor_id="brigade",
            name="Some Brigade",
            kind=ActorKind.STATE_FORCES,
            affiliations=(
                Affiliation(actor="government-of-syria", relation="part_of", disputed=True),
            ),
        ),
    ]
)
ROOTS = Roots(
    [
        Source(source_id="example", name="Example Agency"),
        Source(source_id="sana-english", name="SANA English", affiliated_with="sana-arabic"),
        Source(source_id="sana-arabic", name="SANA Arabic", affiliated_with="government-of-syria"),
        Source(source_id="sana", name="SANA"),
        Source(source_id="east", name="East", affiliated_with="west"),
        Source(source_id="west", name="West", affiliated_with="east"),
        Source(source_id="lost", name="Lost", affiliated_with="nobody-known"),
    ],
    ACTORS,
)


@pytest.mark.parametrize(
    ("name", "actor_id"),
    [
        ("Islamic State", "islamic-state"),
        ("the Islamic State", "islamic-state"),
        ("IS", "islamic-state"),
        ("isis", "islamic-state"),
        ("IS (UCDP)", "islamic-state"),
        ("Syrian Army", "government-of-syria"),
        ("Military Forces of Syria (2000-2024)", "government-of-syria"),
        ("government-of-syria", "government-of-syria"),
    ],
)
def test_an_actor_is_known_by_any_of_its_names(name: str, actor_id: str) -> None:
    assert ACTORS.resolve(name)[0] == ACTORS.get(actor_id)


@pytest.mark.parametrize("word", ["is", "Is", "the army", "Islamic Stat", "Slamic Stayt"])
def test_a_word_that_is_no_name_means_no_actor(word: str) -> None:
    assert ACTORS.resolve(word) == (None, None)


def test_a_mention_keeps_the_words_of_the_report() -> None:
    mention = ActorMention(as_named="Damascus", role=ActorRole.HOLDER)

    assert ACTORS.mention(mention) == ActorMention(
        as_named="Damascus",
        role=ActorRole.HOLDER,
        actor_id="government-of-syria",
        name="Government of Syria",
    )


def test_an_unknown_actor_is_kept_as_named() -> None:
    mention = ActorMention(as_named="Lions", role=ActorRole.HOLDER)

    assert ACTORS.mention(mention) == mention


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Example Agency", "example-agency"), ("خناصر", "khnsr"), ("«»", "unnamed")],
)
def test_an_id_is_made_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.parametrize(
    ("source_id", "attributed_to"),
    [
        ("sana", None),
        ("sana-arabic", None),
        ("sana-english", None),
        ("example", "SANA"),
        ("example", "Damascus"),
        ("example", "the Syrian foreign minister"),
        ("example", "Syrian Foreign Minister Walid Muallem"),
        ("sana", "a military source"),
    ],
)
def test_a_state_its_agency_and_its_minister_are_one_root(
    source_id: str, attributed_to: str | None
) -> None:
    assert ROOTS.root(source_id, attributed_to) == "actor:government-of-syria"


@pytest.mark.parametrize(
    "words",
    ["a military source", "an officer who asked not to be named", "activists", "eyewitnesses",
     "Russian officials", "local residents", "outlet"],
)  # fmt: skip
def test_unnamed_people_root_in_the_outlet_that_quotes_them(words: str) -> None:
    assert ROOTS.root("example", words) == "source:example"


def test_a_named_person_is_a_root() -> None:
    assert ROOTS.root("example", "Col. Ahmad Example") == "named:col ahmad example"


def test_a_named_person_is_the_same_root_in_another_outlet() -> None:
    assert ROOTS.root("sana", "Col. Ahmad Example") == ROOTS.root("example", "Col. Ahmad Example")


def test_an_outlet_that_speaks_for_itself_is_a_root() -> None:
    assert ROOTS.root("example", None) == "source:example"


def test_an_outlet_that_quotes_another_roots_in_it() -> None:
    assert ROOTS.root("sana", "Example Agency") == "source:example"


def test_outlets_that_name_each_other_are_one_root() -> None:
    assert ROOTS.root("west", None) == ROOTS.root("east", None)


def test_an_affiliation_with_nobody_known_leaves_the_outlet_a_root() -> None:
    assert ROOTS.root("lost", None) == "source:lost"


def test_a_faction_of_an_alliance_speaks_for_itself() -> None:
    assert ROOTS.root("example", "YPG") == "actor:ypg"


def test_a_disputed_affiliation_makes_no_two_actors_one_root() -> None:
    assert ROOTS.root("example", "Some Brigade") == "actor:brigade"


def test_a_report_without_a_source_has_a_root_all_the_same() -> None:
    assert ROOTS.root(None, None) == "source:unknown"


def test_an_actor_is_one_with_what_it_is_undisputedly_part_of() -> None:
    army = Actor(actor_id="government-of-syria", name="Government", kind=ActorKind.STATE)
    tigers = Actor(
        actor_id="tiger-forces",
        name="Tiger Forces",
        kind=ActorKind.STATE_FORCES,
        affiliations=(Affiliation(actor="government-of-syria", relation="part_of"),),
    )

    assert ActorTable([army, tigers]).whole_of("tiger-forces") == "government-of-syria"


def test_a_disputed_affiliation_merges_nobody() -> None:
    group = Actor(actor_id="islamic-state", name="IS", kind=ActorKind.NON_STATE_ARMED_GROUP)
    battalion = Actor(
        actor_id="liwa-al-tawba",
        name="Liwa al-Tawba",
        kind=ActorKind.NON_STATE_ARMED_GROUP,
        affiliations=(Affiliation(actor="islamic-state", relation="part_of", disputed=True),),
    )

    assert ActorTable([group, battalion]).whole_of("liwa-al-tawba") == "liwa-al-tawba"
