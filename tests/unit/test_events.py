"""Stored events: canonical bytes, what they decode to, and schemas that accept what is written."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from timeline.domain import events, patterns, reference_events, schemas, upcast
from timeline.domain.actors import ActorKind, Affiliation
from timeline.domain.claims import ClaimType, ProposedClaim, StatementKind
from timeline.domain.events import EVENT_TYPES, decode, encode
from timeline.domain.places import PlaceMention
from timeline.domain.time import on_day
from timeline.errors import InvalidEvent, UnknownEventSchema

ROOT = Path(__file__).parents[2]
VERSION = "0" * 64
CLAIM_ID = "c-" + "0" * 20
DAY = {"edtf": "2016-02-23", "earliest": "2016-02-23", "latest": "2016-02-23", "precision": "day"}
CLAIM = {
    "claim_id": CLAIM_ID,
    "report_id": "sana-1",
    "report_version": VERSION,
    "ref": "c1",
    "modality": "denied",
    "polarity": "negated",
    "certainty": "likely",
    "actors": [{"as_named": "داعش", "role": "holder", "actor_id": "is", "name": "Islamic State"}],
    "place": {
        "as_named": "خناصر",
        "place_id": "khanasser",
        "name": "Khanasser",
        "relation": "near",
        "distance_km": 3,
        "bearing": 270,
        "latitude": 35.78,
        "longitude": 37.5,
        "geo_precision": 2,
        "match": {"tier": "alias", "score": 1},
    },
    "place2": {"as_named": "Ithriya"},
    "occurred": {**DAY, "anchor": "dateline"},
    "sub_event_type": "Armed clash",
    "plover_event": "ASSAULT",
    "plover_mode": "air-strike",
    "quantity": {"value": 20, "unit": "villages", "qualifier": "more_than"},
    "fatalities": {"low": 1, "best": 2, "high": 3},
    "casualties": [
        {
            "harm": "killed",
            "group": "combatants",
            "role": "holder",
            "low": 1,
            "best": 2,
            "high": 3,
            "as_named": "two or three fighters",
        },
        {"harm": "wounded", "group": "civilians", "low": 4},
        {"harm": "displaced", "group": "unknown", "as_named": "many families"},
    ],
    "weapons": [{"as_named": "barrel bombs", "kind": "explosives"}, {"as_named": "drones"}],
    "attributed_to": "the military",
    "evidence": {"span_start": 0, "span_end": 4},
    "also_evidence": [{"span_start": 9, "span_end": 12}],
    "coded_by": "anna",
    "confidence": 0.5,
}
_FILED = ("claim_id", "report_id", "report_version")
PROPOSED = {"type": "Clash", **{k: v for k, v in CLAIM.items() if k not in _FILED}}
DOCUMENT = {"digest": "f" * 64, "media_type": "text/plain", "byte_length": 12}
REPORT = {
    "report_id": "sana-1",
    "report_version": VERSION,
    "title": "Army back",
    "url": "https://example.org/1",
    "source": {"source_id": "sana", "name": "SANA"},
    "published": "2016-02-25",
    "updated": "2016-02-26",
    "reported": DAY,
    "undated": True,
    "language": "en",
    "document": DOCUMENT,
    "text_document": DOCUMENT,
    "coded_by": "anna",
    "claim_count": 1,
}
MENDED = {"requested_by": "anna", "reason": "one town under two names"}
AMENDMENT = {
    "report_id": "sana-1",
    "basis": "source",
    "reported": DAY,
    "reason": "withdrawn",
    "by_report_id": "sana-2",
    "by_source_id": "sana",
    "requested_by": "anna",
}
AFFILIATION = {
    "actor": "government-of-syria",
    "relation": "part_of",
    "from": "2015",
    "to": "2016",
    "disputed": True,
    "according_to": "Turkey",
}
NAME = {"name": "خناصر", "language": "ar", "case_sensitive": True}
SAMPLES: dict[str, dict[str, Any]] = {
    **dict.fromkeys(events.CLAIM_TYPES, CLAIM),
    "Statement": {**CLAIM, "statement_kind": "opinion"},
    "ReportFiled": REPORT,
    "ReportRevised": REPORT,
    "ReportRecoded": {
        "report_id": "sana-1",
        "report_version": VERSION,
        "coded_by": "llm-1.1+m",
        "claims": [PROPOSED, {**PROPOSED, "type": "Statement", "statement_kind": "opinion"}],
    },
    "ReportRetracted": AMENDMENT,
    "ClaimCorrected": {
        **AMENDMENT,
        "target": "c1",
        "changes": {
            "occurred": DAY,
            "quantity": None,
            "fatalities": {"best": 2},
            "casualties": [{"harm": "killed", "group": "civilians", "best": 1}],
            "weapons": [{"as_named": "mortars", "kind": "explosives"}],
        },
    },
    "ClaimRetracted": {**AMENDMENT, "target": "c1"},
    "ClaimReviewed": {
        **AMENDMENT,
        "target": CLAIM_ID,
        "verdict": "rejected",
        "carried_from": CLAIM_ID,
    },
    "ClaimReinstated": {**AMENDMENT, "target": CLAIM_ID},
    "ContentWithheld": {
        "positions": [1, 2],
        "documents": ["f" * 64],
        "reason": "names a witness",
        "requested_by": "anna",
    },
    "IncidentsLinked": {
        "claims": ["c-" + "0" * 20, "c-" + "1" * 20],
        "reason": "the same strike",
        "requested_by": "anna",
    },
    "IncidentsUnlinked": {
        "claims": ["c-" + "0" * 20, "c-" + "1" * 20],
        "reason": "two strikes",
        "requested_by": "anna",
    },
    "PlaceRegistered": {
        "place_id": "khanasser",
        "name": "Khanasser",
        "kind": "town",
        "latitude": 35.78,
        "longitude": 37.5,
        "geo_precision": 2,
        "within": "aleppo",
        "theatre": "syria",
        "names": [NAME],
        "connects": ["ithriya"],
        "geonameid": 168351,
        "source": "curated",
    },
    "ActorRegistered": {
        "actor_id": "sana",
        "name": "SANA",
        "kind": "media",
        "side": "government-of-syria",
        "names": [NAME],
        "adjectives": ["Syrian"],
        "acled": ["A"],
        "ucdp": ["B"],
        "affiliations": [AFFILIATION],
    },
    "PlaceCorrected": {**MENDED, "place_id": "khanasser", "changes": {"name": "Khanasir"}},
    "PlacesMerged": {**MENDED, "place_id": "khanaser-2", "into": "khanasser"},
    "PlacesUnmerged": {**MENDED, "place_id": "khanaser-2", "into": "khanasser"},
    "ActorCorrected": {**MENDED, "actor_id": "isis", "changes": {"name": "Islamic State"}},
    "ActorsMerged": {**MENDED, "actor_id": "isis", "into": "islamic-state"},
    "ActorsUnmerged": {**MENDED, "actor_id": "isis", "into": "islamic-state"},
    "AffiliationStated": {**AFFILIATION, "actor_id": "ypg"},
    "SourceRegistered": {"source_id": "sana", "name": "SANA", "affiliated_with": "x"},
    "SourceAffiliated": {"source_id": "sana", "affiliated_with": "government-of-syria"},
}


def stored_names(type_: str) -> set[str]:
    """The names of a type's fields in its JSON."""
    return {f.encode_name for f in msgspec.structs.fields(EVENT_TYPES[type_])}


def newest_schema(type_: str) -> dict[str, Any]:
    return schemas.json_schemas()[f"{type_}.v{events.schema_version(type_)}.json"]


def sample(type_: str) -> Struct:
    """An event of the type with every field filled in."""
    return msgspec.convert(SAMPLES[type_], EVENT_TYPES[type_])


def bare(type_: str) -> Struct:
    """An event of the type with only what it needs."""
    needed = {f.encode_name for f in msgspec.structs.fields(EVENT_TYPES[type_]) if f.required}
    return msgspec.convert(
        {k: v for k, v in SAMPLES[type_].items() if k in needed}, EVENT_TYPES[type_]
    )


def test_every_type_has_a_sample() -> None:
    assert set(SAMPLES) == set(EVENT_TYPES)


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
def test_a_sample_fills_in_every_field(type_: str) -> None:
    assert set(SAMPLES[type_]) == stored_names(type_)


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
@pytest.mark.parametrize("make", [sample, bare])
def test_an_event_survives_being_written(type_: str, make: Any) -> None:  # noqa: ANN401
    assert decode(type_, events.schema_version(type_), encode(make(type_))) == make(type_)


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
def test_an_event_is_written_with_sorted_keys_and_no_white_space(type_: str) -> None:
    written = encode(sample(type_)).decode()

    assert written == json.dumps(
        json.loads(written), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
@pytest.mark.parametrize("make", [sample, bare])
def test_the_schema_accepts_what_is_written(type_: str, make: Any) -> None:  # noqa: ANN401
    schema = newest_schema(type_)

    jsonschema.Draft202012Validator(schema).validate(json.loads(encode(make(type_))))


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
def test_the_schema_is_a_schema_of_2020_12(type_: str) -> None:
    schema = newest_schema(type_)

    assert jsonschema.Draft202012Validator.check_schema(schema) is None


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
def test_the_schema_refuses_an_unknown_field(type_: str) -> None:
    schema = newest_schema(type_)
    written = {**json.loads(encode(sample(type_))), "colour": "red"}

    assert not jsonschema.Draft202012Validator(schema).is_valid(written)


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
def test_the_catalogue_documents_every_type_and_field(type_: str) -> None:
    catalogue = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    words = {type_, *stored_names(type_)}

    assert [word for word in sorted(words) if f"`{word}`" not in catalogue] == []


def test_defaults_are_not_written() -> None:
    payload = reference_events.SourceRegistered(source_id="sana", name="SANA")

    assert encode(payload) == b'{"name":"SANA","source_id":"sana"}'


def test_text_is_written_as_utf_8_and_not_escaped() -> None:
    payload = reference_events.SourceRegistered(source_id="sana", name="سانا")

    assert encode(payload) == '{"name":"سانا","source_id":"sana"}'.encode()


texts = st.text(min_size=1, max_size=20)
ids = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=10)
finite = st.floats(min_value=0, max_value=1)


@given(
    name=texts,
    km=st.floats(min_value=0, max_value=20_000),
    span=st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)),
    confidence=st.none() | finite,
    kind=st.sampled_from(StatementKind),
)
def test_any_statement_survives_being_written(
    name: str, km: float, span: tuple[int, int], confidence: float | None, kind: StatementKind
) -> None:
    fields = {
        **SAMPLES["Statement"],
        "place": {"as_named": name, "distance_km": km},
        "evidence": {"span_start": span[0], "span_end": span[0] + span[1]},
        "confidence": confidence,
        "statement_kind": kind.value,
    }
    payload = msgspec.convert(fields, events.Statement)

    assert decode("Statement", 2, encode(payload)) == payload


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ids, inner, max_size=3),
    max_leaves=5,
)


@given(changes=st.dictionaries(ids, json_values, max_size=4))
def test_any_correction_survives_being_written(changes: dict[str, Any]) -> None:
    payload = events.ClaimCorrected(
        report_id="r1", basis=events.Basis.CODING, target="c1", changes=changes
    )

    assert decode("ClaimCorrected", 2, encode(payload)) == payload


@pytest.mark.parametrize(("type_", "version"), [("Earthquake", 1), ("Clash", 4), ("Clash", 0)])
def test_an_event_of_a_newer_release_is_refused(type_: str, version: int) -> None:
    with pytest.raises(UnknownEventSchema):
        decode(type_, version, b"{}")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff", b'{"source_id":"a","affiliated_with":"b","x":1}']
)  # fmt: skip
def test_what_does_not_fit_its_schema_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode("SourceAffiliated", 1, data)


CLASH = msgspec.convert(CLAIM, events.Clash)


@pytest.mark.parametrize(
    ("payload", "field"),
    [(reference_events.SourceAffiliated(source_id="Not A Slug", affiliated_with="b"), "source_id"),
     (reference_events.SourceAffiliated(source_id="a", affiliated_with="b\n"), "affiliated_with"),
     (msgspec.structs.replace(CLASH, claim_id="c-1"), "claim_id"),
     (msgspec.structs.replace(CLASH, report_id="a b"), "report_id"),
     (msgspec.structs.replace(CLASH, report_version="f" * 63), "report_version"),
     (events.ClaimRetracted(report_id="r", basis=events.Basis.CODING, target="c",
                            by_report_id="/"), "by_report_id"),
     (events.ContentWithheld(documents=("f" * 64, "F" * 64), reason="r"), "documents[1]"),
     (reference_events.ActorRegistered(actor_id="a", name="A", kind=ActorKind.STATE, affiliations=(
         Affiliation(actor="A b", relation="allied"),)), "affiliations[0].actor")],
)  # fmt: skip
def test_an_id_of_another_form_is_refused_before_it_is_stored(payload: Struct, field: str) -> None:
    with pytest.raises(InvalidEvent, match=re.escape(f"`$.{field}`")):
        events.check_ids(payload)


@pytest.mark.parametrize("type_", sorted(SAMPLES))
def test_ids_of_the_right_form_pass(type_: str) -> None:
    events.check_ids(decode(type_, 1, msgspec.json.encode(SAMPLES[type_])))


@pytest.mark.parametrize("type_", sorted(EVENT_TYPES))
def test_every_pattern_of_a_schema_is_checked(type_: str) -> None:
    schema = msgspec.json.encode(msgspec.json.schema(EVENT_TYPES[type_]))

    assert (b'"pattern"' in schema) == patterns.has_patterns(EVENT_TYPES[type_])


def test_an_event_of_an_older_version_is_brought_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(data: dict[str, Any]) -> dict[str, Any]:
        return {"source_id": data["id"], "affiliated_with": data["affiliated_with"]}

    monkeypatch.setitem(upcast.UPCASTERS, ("SourceAffiliated", 1), rename)

    assert decode("SourceAffiliated", 1, b'{"affiliated_with":"b","id":"a"}') == (
        reference_events.SourceAffiliated(source_id="a", affiliated_with="b")
    )


def test_a_correction_sets_what_a_claim_says() -> None:
    day = msgspec.to_builtins(on_day("2016-02-24"))

    assert events.corrected(CLASH, {"occurred": day}).occurred == on_day("2016-02-24")


def test_a_correction_to_nothing_takes_the_field_away() -> None:
    assert events.corrected(CLASH, {"fatalities": None}).fatalities is None


def test_a_correction_leaves_the_rest_alone() -> None:
    assert events.corrected(CLASH, {"fatalities": None}).quantity == CLASH.quantity


@pytest.mark.parametrize(
    "field",
    ["claim_id", "report_id", "report_version", "ref", "evidence", "also_evidence", "coded_by",
     "confidence", "type", "statement_kind", "colour"],
)  # fmt: skip
def test_a_correction_cannot_set_what_a_claim_is(field: str) -> None:
    with pytest.raises(InvalidEvent, match=field):
        events.corrected(CLASH, {field: "x"})


@pytest.mark.parametrize(
    "changes",
    [{"modality": "rumoured"}, {"fatalities": {"low": 3, "best": 1}}, {"occurred": "2016-02-24"}],
)
def test_a_correction_that_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidEvent):
        events.corrected(CLASH, changes)


@pytest.mark.parametrize("type_", list(ClaimType))
def test_a_proposed_claim_becomes_the_event_of_its_type(type_: ClaimType) -> None:
    kind = StatementKind.OPINION if type_ is ClaimType.STATEMENT else None
    proposed = ProposedClaim(
        type=type_, statement_kind=kind, place=PlaceMention(as_named="Khanasser")
    )

    assert type(events.claim_from(proposed, CLAIM_ID, "r1", VERSION)).__name__ == type_.value
