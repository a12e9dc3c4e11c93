"""Words of reports are printed as words: they drive no terminal, no direction and no markup."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console, RenderableType

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    ClaimType,
    Evidence,
    Fatalities,
    Harm,
    Modality,
    Polarity,
    ProposedClaim,
    Qualifier,
    Quantity,
)
from timeline.domain.control import Condition, Control, ControlState, Holder
from timeline.domain.events import ControlChanged
from timeline.domain.names import Match, Name, Tier
from timeline.domain.places import Place, PlaceKind, PlaceMention, Relation
from timeline.domain.time import UNDATED, occurred_from_edtf
from timeline.domain.weapons import Weapon, WeaponKind
from timeline.errors import InvalidEvent
from timeline.presentation import (
    claim_json,
    claims_table,
    control_geojson,
    control_json,
    control_table,
    printable,
    rows_table,
    show_json,
    show_text,
    since_text,
    when_text,
)
from timeline.presentation_review import field_named, typed_value
from timeline.projections.entry_queries import Entry, Page, ReportView

HOSTILE = "\x1b]0;owned\x07[bold]x[/bold][/]\u202eevil\u2066\u061c\x9b31m\r\nnext\ud800"
HARMLESS = "]0;owned [bold]x[/bold][/]evil 31m next"


def rendered(renderable: RenderableType) -> str:
    target = StringIO()
    Console(file=target, width=200, force_terminal=False).print(renderable)
    return target.getvalue()


def entry(**fields: object) -> Entry:
    told = {
        "claim_id": "c-00000000000000000001",
        "report_id": "r1",
        "report_version": "0" * 64,
        "place": PlaceMention(as_named="Khanasser", place_id="khanasser", name="Khanasser"),
        "occurred": occurred_from_edtf("2016-02-25"),
        **fields,
    }
    return Entry(
        type="ControlChanged",
        claim=ControlChanged(**told),  # type: ignore[arg-type]
        quote=HOSTILE,
        also_quotes=(),
        is_amended=False,
        report=ReportView(
            report_id="r1",
            report_version="0" * 64,
            title=HOSTILE,
            url=None,
            source_id="desert-monitor",
            source_name=HOSTILE,
            reported_edtf="2016-02-25",
            undated=False,
            language="en",
            text_digest=None,
            coded_by=None,
            claim_count=1,
            known_from="2016-02-25T22:00:00.000000Z",
            is_current=True,
        ),
        key=("2016", "c-1", 0),
        position=7,
    )


KHANASSER = Place(
    place_id="khanasser",
    name="Khanasser",
    kind=PlaceKind.TOWN,
    latitude=35.78,
    longitude=37.5,
    names=(Name(name="خناصر", language="ar"),),
)
EXACT = Match(tier=Tier.EXACT, score=1.0)
HELD = Control(
    state=ControlState.CONTROLLED,
    holders=(Holder(actor_id="islamic-state", name="Islamic State"),),
    conditions=(Condition.CUT_OFF,),
    since_earliest="2016-02-23",
    since_latest="2016-02-24",
    certain=False,
    last_confirmed="2016-02-24",
    sources=2,
    claim_ids=("c-00000000000000000001",),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HOSTILE, HARMLESS),
        (None, ""),
        ("", ""),
        ("a\n\n  b\tc", "a b c"),
        ("Khanasser خناصر", "Khanasser خناصر"),
        ("می‌خواهم", "می‌خواهم"),  # a zero-width non-joiner is part of the spelling
    ],
)
def test_control_and_direction_characters_are_taken_out(text: str | None, expected: str) -> None:
    assert printable(text) == expected


def test_long_words_are_cut_to_a_length() -> None:
    assert printable("abcdef", 4) == "abc…"
    assert printable("abcd", 4) == "abcd"


def test_a_hostile_report_is_harmless_in_a_timeline() -> None:
    hostile = entry(
        attributed_to=HOSTILE,
        actors=(ActorMention(as_named=HOSTILE, role=ActorRole.HOLDER),),
        quantity=Quantity(value=3, unit=HOSTILE),
        place=PlaceMention(as_named=HOSTILE, relation=Relation.NEAR, distance_km=3),
    )
    page = Page(entries=(hostile,), has_next=False, has_previous=False)
    shown = rendered(show_text(KHANASSER, EXACT, HELD, page))

    assert "[bold]x[/bold][/]evil" in shown
    assert not set("\x1b\x07\x9b\u202e\u2066\u061c\ud800") & set(shown)


def test_a_hostile_name_is_harmless_in_a_table() -> None:
    claim = ProposedClaim(
        type=ClaimType.CLASH,
        place=PlaceMention(as_named=HOSTILE),
        actors=(ActorMention(as_named=HOSTILE, role=ActorRole.TARGET),),
        evidence=Evidence(span_start=0, span_end=len(HOSTILE)),
    )
    held = [(Place(place_id="x", name=HOSTILE, kind=PlaceKind.TOWN), HELD)]

    for table in (
        rows_table(("As named",), [(HOSTILE,)]),
        claims_table([claim], HOSTILE),
        control_table(held),
    ):
        shown = rendered(table)
        assert "[bold]x[/bold][/]evil" in shown
        assert not set("\x1b\x07\x9b\u202e\u2066\u061c\ud800") & set(shown)


def test_a_hostile_spelling_of_a_place_is_harmless_in_its_heading() -> None:
    place = Place(
        place_id="x",
        name="X",
        kind=PlaceKind.TOWN,
        names=(Name(name=HOSTILE, language="ar"),),
    )
    page = Page(entries=(), has_next=True, has_previous=False)
    shown = rendered(show_text(place, EXACT, Control(), page))

    assert not set("\x1b\x07\x9b\u202e\u2066\u061c\ud800") & set(shown)
    assert "… and more: use --json or GraphQL" in shown


def test_what_did_not_happen_says_so() -> None:
    denied = entry(modality=Modality.DENIED)
    negated = entry(polarity=Polarity.NEGATED, fatalities=Fatalities(low=3, best=5))
    page = Page(entries=(denied, negated), has_next=False, has_previous=False)
    shown = rendered(show_text(KHANASSER, EXACT, HELD, page))

    assert "ControlChanged denied" in shown
    assert "ControlChanged did not happen" in shown
    assert "fatalities: low 3, best 5" in shown


def test_a_quantity_is_told_with_how_it_bounds() -> None:
    claim = entry(
        quantity=Quantity(value=20, unit="villages", qualifier=Qualifier.MORE_THAN),
        fatalities=Fatalities(low=4, best=4, high=4),
    )
    shown = rendered(show_text(KHANASSER, EXACT, HELD, Page((claim,), False, False)))

    assert "more than 20 villages" in shown
    assert "fatalities: 4" in shown


def test_casualties_are_told_apart_by_harm_and_group() -> None:
    counts = (
        CasualtyCount(
            harm=Harm.KILLED,
            group=CasualtyGroup.COMBATANTS,
            role=ActorRole.PREVIOUS_HOLDER,
            low=3,
            best=4,
        ),
        CasualtyCount(
            harm=Harm.WOUNDED, group=CasualtyGroup.CIVILIANS, low=7, best=7, high=7,
            as_named="seven\x1b[2J residents",
        ),
        CasualtyCount(harm=Harm.MISSING, group=CasualtyGroup.UNKNOWN, as_named="many"),
    )  # fmt: skip
    page = Page((entry(fatalities=Fatalities(low=3), casualties=counts),), False, False)
    lines = [line.strip() for line in rendered(show_text(KHANASSER, EXACT, HELD, page)).split("\n")]

    assert "killed combatants (previous holder): low 3, best 4" in lines
    assert "wounded civilians: 7 · seven [2J residents" in lines
    assert "missing: many" in lines


def test_casualties_in_json_have_every_key() -> None:
    count = CasualtyCount(harm=Harm.WOUNDED, group=CasualtyGroup.CIVILIANS, low=3)
    told = claim_json(entry(casualties=(count,)).claim, "ControlChanged")

    assert told["casualties"] == [
        {
            "harm": "wounded",
            "group": "civilians",
            "role": None,
            "low": 3,
            "best": None,
            "high": None,
            "as_named": None,
        }
    ]
    assert claim_json(entry().claim, "ControlChanged")["casualties"] == []


def test_weapons_are_told_in_their_words_with_what_they_are() -> None:
    weapons = (
        Weapon(as_named="barrel\x1b[2J bombs", kind=WeaponKind.EXPLOSIVES),
        Weapon(as_named="drones"),
    )
    page = Page((entry(weapons=weapons),), False, False)
    shown = rendered(show_text(KHANASSER, EXACT, HELD, page))

    assert "weapons: barrel [2J bombs (explosives), drones  " in shown
    assert claim_json(entry(weapons=weapons[1:]).claim, "Clash")["weapons"] == [
        {"as_named": "drones", "kind": None}
    ]
    assert claim_json(entry().claim, "Clash")["weapons"] == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("mortars", [{"as_named": "mortars"}]),
        (
            "Grad rockets (expl); a drone ;",
            [{"as_named": "Grad rockets", "kind": "explosives"}, {"as_named": "a drone"}],
        ),
        ("-", None),
    ],
)
def test_weapons_are_typed_with_their_kind_behind_them(
    typed: str, told: list[dict[str, str]] | None
) -> None:
    assert typed_value(field_named("weapons"), typed) == told


def test_a_kind_of_weapon_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="'guns' is none of biological, chemical"):
        typed_value("weapons", "mortars (guns)")


@pytest.mark.parametrize(
    ("edtf", "expected"),
    [
        ("2016-02-25", "2016-02-25"),
        ("2016-02~", "2016-02~"),
        ("../2016-02-24", "by 2016-02-24"),
        ("2016-02-24/..", "from 2016-02-24"),
        (None, "undated"),
    ],
)
def test_a_date_reads_as_it_is_known(edtf: str | None, expected: str) -> None:
    assert when_text(UNDATED if edtf is None else occurred_from_edtf(edtf)) == expected


def test_since_when_reads_as_it_is_known() -> None:
    assert since_text("2016-02-23", "2016-02-24") == "since between 2016-02-23 and 2016-02-24"
    assert since_text(None, None) == ""
    assert since_text(None, "2016-02-24") == "since 2016-02-24 or before"
    assert since_text("2016-02-24", "2016-02-24") == "since 2016-02-24"


def test_control_has_the_keys_of_the_contract() -> None:
    told = control_json(HELD)

    assert {key: told[key] for key in told if key != "certain"} == {
        "state": "controlled",
        "holders": [{"actor_id": "islamic-state", "name": "Islamic State"}],
        "conditions": ["cut_off"],
        "since": {"earliest": "2016-02-23", "latest": "2016-02-24"},
        "last_confirmed": "2016-02-24",
        "sources": 2,
        "claim_ids": ["c-00000000000000000001"],
    }


def test_show_json_holds_no_position_record_time_or_hash() -> None:
    told = show_json(KHANASSER, EXACT, "2016-02-24", None, HELD, [entry()])

    assert list(told) == ["place", "at", "known_on", "control", "entries"]
    assert told["place"] == {
        "place_id": "khanasser",
        "name": "Khanasser",
        "matched_by": {"tier": "exact", "score": 1.0},
    }
    assert not {"position", "recorded_at", "hash", "digest", "report_version"} & keys_of(told)


def keys_of(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {k for v in value.values() for k in keys_of(v)}
    if isinstance(value, list):
        return {k for v in value for k in keys_of(v)}
    return set()


def test_a_place_without_a_point_is_not_on_the_map() -> None:
    nowhere = Place(place_id="x", name="X", kind=PlaceKind.TOWN)
    told = control_geojson([(KHANASSER, HELD), (nowhere, HELD)])

    assert told["type"] == "FeatureCollection"
    (feature,) = told["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [37.5, 35.78]}
    assert feature["properties"]["name"] == "Khanasser"
    assert feature["properties"]["state"] == "controlled"
