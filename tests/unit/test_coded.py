"""A coded report is read to the letter of its contract; what is wrong is named with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    Certainty,
    ClaimType,
    Evidence,
    Fatalities,
    Harm,
    Modality,
    Polarity,
    ProposedClaim,
    Qualifier,
    Quantity,
    StatementKind,
)
from timeline.domain.events import Basis
from timeline.domain.places import PlaceMention, Relation
from timeline.domain.time import UNDATED, occurred_from_edtf
from timeline.domain.weapons import Weapon, WeaponKind
from timeline.errors import InvalidReport
from timeline.filing.coded import coded_changes, read_coded
from timeline.filing.drafts import Draft, DraftAmendment

FULL = """
id: sana-2016-02-25-khanasser
url: https://example.org/khanasser
title: Army back in Khanasser
source: {name: Example Agency, affiliated_with: government-of-syria}
published: 2016-02-25
updated: 2016-02-26
language: en
text: |
  The army took back the town.
  It may take more.
claims:
  - ref: c1
    type: ControlChanged
    modality: asserted
    polarity: positive
    certainty: likely
    actors:
      - {as_named: Syrian army, role: holder}
      - {as_named: IS, role: previous_holder}
    place: {as_named: Khanasser, relation: in}
    occurred: 2016-02-25
    sub_event_type: Government regains territory
    plover_event: SEIZE
    plover_mode: territory
    quantity: {value: 20, unit: villages, qualifier: more_than}
    fatalities: {low: 10, best: 12, high: 14}
    casualties:
      - {harm: killed, group: combatants, role: previous_holder, low: 9, as_named: nine fighters}
      - {harm: wounded, group: civilians, as_named: some residents}
    weapons: [{as_named: car bombs, kind: explosives}, {as_named: drones}]
    attributed_to: the military
    quote: took back the town
    also_evidence: [{span_start: 29, span_end: 46}]
    coded_by: r.h.
    confidence: 0.9
  - ref: c2
    type: Statement
    statement_kind: intent
    modality: forecast
    place: {as_named: Ithriya, relation: between}
    place2: {as_named: Khanasser}
    evidence: {span_start: 29, span_end: 46}
corrections:
  - {report: other-id, ref: c2, set: {occurred: 2016-02-24}, basis: source, reason: it says so}
retractions:
  - {report: other-id, ref: c3, reason: withdrawn by the outlet, basis: source}
  - {report: third-id, basis: coding}
"""


def coded(text: str, name: str = "report.yaml") -> Draft:
    return read_coded(text.encode(), Path(name))


def refusal(text: str, name: str = "report.yaml") -> str:
    with pytest.raises(InvalidReport) as caught:
        coded(text, name)
    return str(caught.value)


def claim(text: str) -> ProposedClaim:
    claims = coded(text).claims
    assert claims is not None
    return claims[0]


def test_every_key_of_the_contract_is_read() -> None:
    draft = coded(FULL)

    assert (
        draft.report_id,
        draft.url,
        draft.title,
        draft.source_name,
        draft.affiliated_with,
        draft.published,
        draft.updated,
        draft.language,
        draft.text,
        draft.media_type,
        draft.content,
    ) == (
        "sana-2016-02-25-khanasser",
        "https://example.org/khanasser",
        "Army back in Khanasser",
        "Example Agency",
        "government-of-syria",
        "2016-02-25",
        "2016-02-26",
        "en",
        "The army took back the town.\nIt may take more.\n",
        "application/yaml",
        FULL.encode(),
    )


def test_every_key_of_a_claim_is_read() -> None:
    claims = coded(FULL).claims

    assert claims is not None
    assert claims[0] == ProposedClaim(
        ref="c1",
        type=ClaimType.CONTROL_CHANGED,
        modality=Modality.ASSERTED,
        polarity=Polarity.POSITIVE,
        certainty=Certainty.LIKELY,
        actors=(
            ActorMention(as_named="Syrian army", role=ActorRole.HOLDER),
            ActorMention(as_named="IS", role=ActorRole.PREVIOUS_HOLDER),
        ),
        place=PlaceMention(as_named="Khanasser", relation=Relation.IN),
        occurred=occurred_from_edtf("2016-02-25"),
        sub_event_type="Government regains territory",
        plover_event="SEIZE",
        plover_mode="territory",
        quantity=Quantity(value=20, unit="villages", qualifier=Qualifier.MORE_THAN),
        fatalities=Fatalities(low=10, best=12, high=14),
        casualties=(
            CasualtyCount(
                harm=Harm.KILLED,
                group=CasualtyGroup.COMBATANTS,
                role=ActorRole.PREVIOUS_HOLDER,
                low=9,
                as_named="nine fighters",
            ),
            CasualtyCount(
                harm=Harm.WOUNDED, group=CasualtyGroup.CIVILIANS, as_named="some residents"
            ),
        ),
        weapons=(
            Weapon(as_named="car bombs", kind=WeaponKind.EXPLOSIVES),
            Weapon(as_named="drones"),
        ),
        attributed_to="the military",
        evidence=Evidence(span_start=9, span_end=27),
        also_evidence=(Evidence(span_start=29, span_end=46),),
        coded_by="r.h.",
        confidence=0.9,
    )
    assert claims[1].statement_kind is StatementKind.INTENT
    assert claims[1].evidence == Evidence(span_start=29, span_end=46)
    assert claims[1].place2 == PlaceMention(as_named="Khanasser")


def test_corrections_and_retractions_are_read() -> None:
    changes = {
        "occurred": {
            "edtf": "2016-02-24",
            "earliest": "2016-02-24",
            "latest": "2016-02-24",
            "precision": "day",
        }
    }

    assert coded(FULL).amendments == (
        DraftAmendment(
            report_id="other-id",
            target="c2",
            basis=Basis.SOURCE,
            changes=changes,
            reason="it says so",
        ),
        DraftAmendment(
            report_id="other-id",
            target="c3",
            basis=Basis.SOURCE,
            reason="withdrawn by the outlet",
        ),
        DraftAmendment(report_id="third-id", target=None, basis=Basis.CODING),
    )


def test_json_says_the_same_as_yaml() -> None:
    draft = coded('{"id": "x", "published": "2016-02-25", "claims": [{"type": "Clash"}]}', "r.json")

    assert (draft.report_id, draft.published, draft.media_type) == (
        "x",
        "2016-02-25",
        "application/json",
    )
    assert draft.claims == (ProposedClaim(type=ClaimType.CLASH),)


def test_json_may_escape_characters_beyond_the_basic_plane() -> None:
    # As Python's json.dumps writes them; YAML's reader refuses surrogate pairs.
    escaped = json.dumps({"title": "𐤀 🕊", "claims": [{"type": "Clash"}]})

    assert "\\ud83d" in escaped
    assert coded(escaped, "r.json").title == "𐤀 🕊"


@pytest.mark.parametrize("name", ["r.json", "r.yaml"])
def test_a_byte_order_mark_is_no_obstacle(name: str) -> None:
    text = '\ufeff{"id": "x", "claims": [{"type": "Clash"}]}'

    assert coded(text, name).report_id == "x"


def test_dates_stay_the_text_that_was_written() -> None:
    draft = coded(
        "published: 2016-02\nupdated: 2016\nclaims: [{type: Clash, occurred: 2016-02-XX}]"
    )

    assert (draft.published, draft.updated) == ("2016-02", "2016")
    assert draft.claims is not None
    assert draft.claims[0].occurred.edtf == "2016-02-XX"


def test_a_claim_without_a_date_is_undated_and_never_given_the_publication_date() -> None:
    assert claim("published: 2016-02-25\nclaims: [{type: Clash}]").occurred == UNDATED


def test_not_later_than_is_open_at_its_start() -> None:
    occurred = claim("claims: [{type: Withdrawal, occurred: ../2016-02-24}]").occurred

    assert (occurred.earliest, occurred.latest) == (None, "2016-02-24")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("claims: [{type: Clash}]\nauthor: me", "does not know the key `author`"),
        ("source: {affiliated_with: A}\nclaims: []", "source: lacks the key `name`"),
        ("source: {name: A, x: 1}\nclaims: []", "source: does not know the key `x`"),
        ("claims: [{type: Clash, when: now}]", "claims[0]: does not know the key `when`"),
        (
            "claims: [{type: Clash}, {type: Clash, place: {as_named: A, lat: 1}}]",
            "claims[1].place: does not know the key `lat`",
        ),
        (
            "claims: [{type: Clash, actors: [{as_named: A, role: holder, side: x}]}]",
            "claims[0].actors[0]: does not know the key `side`",
        ),
        ("claims: [{ref: c1}]", "claims[0]: lacks the key `type`"),
        ("claims: [{type: Clash, actors: [{as_named: A}]}]", "actors[0]: lacks the key `role`"),
        ("claims: [{type: Clash, modality: maybe}]", "claims[0].modality: Invalid enum value"),
        (
            "claims: [{type: Clash, evidence: {span_start: 1}}]",
            "claims[0].evidence: lacks the key `span_end`",
        ),
        (
            "corrections: [{report: a, ref: c1, set: {occurred: 2016}}]",
            "corrections[0]: lacks the key `basis`",
        ),
        (
            "retractions: [{report: a, basis: whim}]",
            "retractions[0].basis: Invalid enum value 'whim'",
        ),
        ("1: 2\nclaims: []", "Expected `str`"),
        ("id: a/b\nclaims: [{type: Clash}]", "id: Expected `str` matching regex"),
    ],
)
def test_a_key_that_does_not_fit_is_refused_with_its_place(text: str, told: str) -> None:
    assert told in refusal(text)


def test_an_unknown_type_is_answered_with_the_known_ones() -> None:
    told = refusal("claims: [{type: Battle}]")

    assert "claims[0].type: Invalid enum value 'Battle'" in told
    assert "it is one of ControlChanged, ControlStated, Withdrawal" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "claims: [{type: Clash, occurred: 2016-02-30}]",
            "report.yaml: claims[0].occurred: date '2016-02-30': is no day of the calendar",
        ),
        (
            "corrections: [{report: a, ref: c, basis: coding, set: {occurred: 2016-02-30}}]",
            "report.yaml: corrections[0].set: date '2016-02-30': is no day of the calendar",
        ),
    ],
)
def test_the_thirtieth_of_february_is_refused(text: str, told: str) -> None:
    assert refusal(text) == told


@pytest.mark.parametrize(
    ("claim_text", "told"),
    [
        ("quote: the lake", "claims[0].quote is not in the text; quote words that stand there"),
        ("quote: town", "claims[0].quote is in the text 2 times; quote words that stand there"),
        ("quote: anana", "claims[0].quote is in the text 2 times; quote words that stand there"),
        ("quote: ''", "claims[0].quote is not in the text; quote words that stand there"),
        (
            "quote: the town, evidence: {span_start: 0, span_end: 3}",
            "claims[0] has a quote and an evidence; give one of them",
        ),
        (
            "evidence: {span_start: 0, span_end: 40}",
            "claims[0].evidence ends after the text's 31 code points",
        ),
        (
            "also_evidence: [{span_start: 0, span_end: 33}]",
            "claims[0].also_evidence ends after the text's 31 code points",
        ),
        ("evidence: {span_start: 5, span_end: 5}", "claims[0].evidence: must have span_start"),
        ("evidence: {span_start: -1, span_end: 5}", "evidence.span_start: Expected `int` >= 0"),
    ],
)
def test_evidence_that_is_not_in_the_text_is_refused(claim_text: str, told: str) -> None:
    text = "text: town after town, bananana خناصر"

    assert told in refusal(f"{text}\nclaims: [{{type: Clash, {claim_text}}}]")


def test_spans_count_code_points_not_bytes() -> None:
    found = claim("text: خناصر fell\nclaims: [{type: Clash, quote: fell}]")

    assert found.evidence == Evidence(span_start=6, span_end=10)


@pytest.mark.parametrize("key", ["quote: fell", "evidence: {span_start: 0, span_end: 1}"])
def test_without_a_text_there_is_nothing_to_quote(key: str) -> None:
    assert "the report has no text" in refusal(f"claims: [{{type: Clash, {key}}}]")


def test_a_report_without_claims_and_amendments_is_refused() -> None:
    assert refusal("title: x") == (
        "report.yaml: holds no claims, corrections or retractions; add one, or file it as prose"
    )


def test_a_ref_names_one_claim() -> None:
    told = refusal("claims: [{type: Clash, ref: a}, {type: Clash, ref: a}]")

    assert told == "report.yaml: the ref 'a' stands at more than one claim"


def test_a_statement_says_of_which_kind_it_is() -> None:
    told = "claims[0]: statement_kind belongs to a Statement, and a Statement needs one"

    assert told in refusal("claims: [{type: Statement}]")
    assert told in refusal("claims: [{type: Clash, statement_kind: opinion}]")


@pytest.mark.parametrize(
    ("claim_text", "told"),
    [
        (f"sub_event_type: {'x' * 101}", "sub_event_type: Expected `str` of length <= 100"),
        ("attributed_to: ''", "attributed_to: Expected `str` of length >= 1"),
        (f"attributed_to: {'x' * 301}", "attributed_to: Expected `str` of length <= 300"),
        ("confidence: 1.5", "confidence: Expected `float` <= 1.0"),
        (f"coded_by: {'x' * 201}", "coded_by: Expected `str` of length <= 200"),
        (
            f"actors: [{', '.join(['{as_named: a, role: holder}'] * 51)}]",
            "actors: Expected `array` of length <= 50",
        ),
        ("fatalities: {low: 3, high: 2}", "fatalities: must have low <= best <= high"),
        (
            "casualties: [{harm: wounded, group: civilians, low: 3, high: 2}]",
            "casualties[0]: must have low <= best <= high",
        ),
        (
            "casualties: [{harm: wounded, best: 3}]",
            "casualties[0]: lacks the key `group`",
        ),
        (
            f"casualties: [{', '.join(['{harm: wounded, group: unknown, best: 1}'] * 51)}]",
            "casualties: Expected `array` of length <= 50",
        ),
        (
            f"weapons: [{', '.join(f'{{as_named: gun {n}}}' for n in range(21))}]",
            "weapons: Expected `array` of length <= 20",
        ),
        (f"weapons: [{{as_named: {'x' * 101}}}]", "weapons[0].as_named: Expected `str` of length"),
        ("weapons: [{as_named: a gun, kind: guns}]", "weapons[0].kind: Invalid enum value 'guns'"),
    ],
)
def test_bounds_hold_before_anything_is_filed(claim_text: str, told: str) -> None:
    # A constructor does not look at them, but the log's reader does: filed, it stopped everything.
    assert f"claims[0].{told}" in refusal(f"claims: [{{type: Clash, {claim_text}}}]")


@pytest.mark.parametrize(
    ("claim_text", "told"),
    [
        (
            "casualties: [{harm: killed, group: civilians, best: 3}]",
            (
                "casualties tell of people killed, so fatalities must say how many in all,"
                " at least low"
            ),
        ),
        (
            "fatalities: {best: 2}, casualties: [{harm: killed, group: civilians, best: 3}]",
            "casualties count at least 3 killed, more than the 2 of fatalities",
        ),
        (
            "casualties: [{harm: wounded, group: combatants, role: target, best: 3}]",
            "casualties name the role target, which no actor of the claim has",
        ),
        ("weapons: [{as_named: Mortars}, {as_named: mortars}]", "weapons name 'mortars' twice"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(claim_text: str, told: str) -> None:
    assert refusal(f"claims: [{{type: Clash, {claim_text}}}]") == f"report.yaml: claims[0]: {told}"


def test_a_correction_of_casualties_is_kept_as_claims_are_stored() -> None:
    told = {"harm": "killed", "group": "civilians", "best": 3, "as_named": "three"}

    assert coded_changes({"fatalities": {"low": 3}, "casualties": [told]}) == {
        "fatalities": {"low": 3},
        "casualties": (told,),
    }
    assert coded_changes({"casualties": []}) == {"casualties": ()}


def test_a_correction_of_weapons_is_kept_as_claims_are_stored() -> None:
    told = {"as_named": "mortars", "kind": "explosives"}

    assert coded_changes({"weapons": [told]}) == {"weapons": (told,)}
    assert coded_changes({"weapons": None}) == {"weapons": None}
    with pytest.raises(ValueError, match="does not hold: weapons name 'mortars' twice"):
        coded_changes({"weapons": [told, {"as_named": "Mortars"}]})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            "{casualties: [{harm: killed, group: civilians, best: 3}]}",
            "set does not hold: casualties tell of people killed, so fatalities must say how many",
        ),
        ("{}", "set is empty; name at least one field"),
        ("{ref: x}", "set cannot set ref; it can set actors, attributed_to, casualties, certainty"),
        ("{type: Clash}", "set cannot set type;"),
        ("{evidence: {span_start: 0, span_end: 1}}", "set cannot set evidence;"),
        ("{modality: maybe}", "set modality: Invalid enum value 'maybe'"),
        ("{place: {name: x}}", "set place: lacks the key `as_named`"),
        (f"{{sub_event_type: {'x' * 101}}}", "set sub_event_type: Expected `str` of length"),
    ],
)
def test_a_correction_sets_what_a_claim_can_say(changes: str, told: str) -> None:
    text = f"corrections: [{{report: a, ref: c1, basis: coding, set: {changes}}}]"

    assert f"corrections[0].{told}" in refusal(text)


def test_a_correction_can_take_a_field_back() -> None:
    assert coded_changes({"place": None, "attributed_to": "them"}) == {
        "place": None,
        "attributed_to": "them",
    }
