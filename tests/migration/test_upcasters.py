"""Whatever an older release may have written, by its own frozen schema, is read and kept."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timeline.domain import upcast
from timeline.domain.events import decode, encode, schema_version
from timeline.resources import resource
from timeline.store.hashing import canonical

# One for each upcaster and form; the other claims have the form of a Clash.
OLDER = [
    ("Clash", 1),
    ("Clash", 2),
    ("Statement", 1),
    ("ClaimCorrected", 1),
    ("ActorRegistered", 1),
    ("AffiliationStated", 1),
]

Json = Any
letters = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
counts = st.lists(st.integers(0, 10_000_000), min_size=3, max_size=3).map(sorted)
bounds = counts.flatmap(
    lambda n: st.sampled_from(
        [dict(zip(("low", "best", "high"), n, strict=True)), {"best": n[0]}, {"high": n[2]}]
    )
)
# What a schema cannot say: rules between fields.
RULED = {
    "Fatalities": bounds,
    "CasualtyCount": bounds.map(lambda n: {"harm": "wounded", "group": "civilians", **n}),
    "Evidence": st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)).map(
        lambda s: {"span_start": s[0], "span_end": s[0] + s[1]}
    ),
}


def written(schema: dict[str, Json], root: dict[str, Json]) -> st.SearchStrategy[Json]:
    """JSON that fits a schema of the kind that the catalogue publishes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return RULED[name] if name in RULED else written(root["$defs"][name], root)
    if "anyOf" in schema:
        return st.one_of([written(part, root) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return plain(schema, root)


def plain(schema: dict[str, Json], root: dict[str, Json]) -> st.SearchStrategy[Json]:
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        fields = {k: written(v, root) for k, v in schema["properties"].items()}
        needed = {k: v for k, v in fields.items() if k in schema["required"]}
        return st.fixed_dictionaries(
            needed, optional={k: v for k, v in fields.items() if k not in needed}
        )
    if kind == "array":
        return st.lists(written(schema["items"], root), max_size=2)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].replace(r"(?!\n)", ""), fullmatch=True).filter(
            lambda text: len(text) <= schema.get("maxLength", 10**6) and not text.endswith("\n")
        )
    simple: dict[str | None, st.SearchStrategy[Json]] = {
        "string": letters,
        "integer": st.integers(schema.get("minimum", -(10**6)), schema.get("maximum", 10**6)),
        "number": st.integers(schema.get("minimum", -180), min(schema.get("maximum", 1), 1)),
        "boolean": st.booleans(),
        "null": st.none(),
        "object": st.dictionaries(letters, letters, max_size=2),
    }
    return simple[kind]


def schema_of(type_: str, version: int) -> dict[str, Json]:
    path = resource("schema") / "events" / f"{type_}.v{version}.json"
    read: dict[str, Json] = json.loads(path.read_text(encoding="utf-8"))
    return read


@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize(("type_", "version"), OLDER)
@given(data=st.data())
def test_an_upcaster_loses_and_invents_nothing_and_the_newest_form_stays_as_it_is(
    type_: str, version: int, data: st.DataObject
) -> None:
    schema = schema_of(type_, version)
    older = data.draw(written(schema, schema))

    before = copy.deepcopy(older)
    read = decode(type_, version, msgspec.json.encode(older))
    newest = encode(read)
    newer = upcast.UPCASTERS[type_, version](older)

    assert canonical(msgspec.json.decode(newest)) == newest
    assert decode(type_, schema_version(type_), newest) == read
    assert upcast.to_newest(type_, schema_version(type_), older) is older
    assert older == before
    assert leaves(newer) == leaves(older)


def leaves(value: Json) -> list[Json]:
    """What is said, without the names of the fields it is said in."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [value]


def test_every_upcaster_is_tried_here() -> None:
    tried = {upcast.UPCASTERS[key] for key in OLDER}

    assert tried == set(upcast.UPCASTERS.values())


@pytest.mark.parametrize(
    ("older", "newest"),
    [
        ({"actor_id": "a"}, {"actor_id": "a"}),
        ({"affiliations": []}, {"affiliations": []}),
        (
            {"affiliations": [{"actor": "b", "from_": "2013"}, {"actor": "c", "to": "2014"}]},
            {"affiliations": [{"actor": "b", "from": "2013"}, {"actor": "c", "to": "2014"}]},
        ),
    ],
)
def test_the_start_of_every_affiliation_of_an_actor_is_renamed(older: Json, newest: Json) -> None:
    assert upcast.to_newest("ActorRegistered", 1, older) == newest


def test_only_a_chain_of_unchanged_steps_is_read_as_the_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(upcast.UPCASTERS, ("Clash", 3), upcast.affiliation_from)
    monkeypatch.setitem(upcast.UPCASTERS, ("Shelling", 3), upcast.unchanged)

    assert [upcast.reads_as_newest(t, 1) for t in ("Airstrike", "Clash", "Shelling")] == [
        True,
        False,
        True,
    ]
    assert not upcast.reads_as_newest("ActorRegistered", 1)
    assert upcast.reads_as_newest("ActorRegistered", 2)
