"""Reads one event of every type in every schema version that was ever written.

The files of events/ are what a release wrote, byte for byte; they are added to and never changed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from timeline.domain import upcast
from timeline.domain.events import EVENT_TYPES, decode, encode, schema_version
from timeline.errors import InvalidEvent
from timeline.filing.identity import event_id
from timeline.projections.register import PlacesProjection
from timeline.projections.runner import Runner
from timeline.resources import resource
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, NewEvent, StreamAppend

GOLDEN = sorted((Path(__file__).parent / "events").glob("*.json"))

# SHA-256 over the golden events of the schemas that a release froze, in order of name.
FROZEN = {"0.1.0": "960a1dce39893f6978ac522eb67555d6770a2e3d21692a1da2393c171c71fa12"}
# What a golden event becomes in the newest version, where that has other words for it.
BROUGHT_FORWARD = {
    "ActorRegistered.v1": (
        '{"acled":["A"],"actor_id":"sana","adjectives":["Syrian"],"affiliations":[{"according_to":'
        '"Turkey","actor":"government-of-syria","disputed":true,"from":"2015","relation":"part_of"'
        ',"to":"2016"}],"kind":"media","name":"SANA","names":[{"case_sensitive":true,"language":'
        '"ar","name":"خناصر"}],"side":"government-of-syria","ucdp":["B"]}'
    ),
    "AffiliationStated.v1": (
        '{"according_to":"Turkey","actor":"government-of-syria","actor_id":"ypg","disputed":true,'
        '"from":"2015","relation":"part_of","to":"2016"}'
    ),
}


def parts(path: Path) -> tuple[str, int]:
    type_, _, version = path.stem.rpartition(".v")
    return type_, int(version)


def ids(path: Path) -> str:
    return path.stem


def test_every_type_has_a_golden_event_of_each_of_its_versions() -> None:
    wanted = {(t, v) for t in EVENT_TYPES for v in range(1, schema_version(t) + 1)}

    assert {parts(path) for path in GOLDEN} == wanted


def test_every_version_has_its_json_schema_kept() -> None:
    kept = {parts(path) for path in (resource("schema") / "events").glob("*.json")}

    assert kept == {parts(path) for path in GOLDEN}


@pytest.mark.parametrize("path", GOLDEN, ids=ids)
def test_a_golden_event_is_read(path: Path) -> None:
    type_, version = parts(path)

    assert type(decode(type_, version, path.read_text(encoding="utf-8"))).__name__ == type_


@pytest.mark.parametrize("path", GOLDEN, ids=ids)
def test_a_golden_event_becomes_its_newest_form_byte_for_byte(path: Path) -> None:
    type_, version = parts(path)
    written = path.read_text(encoding="utf-8").rstrip("\n")
    newest = BROUGHT_FORWARD.get(path.stem, written)

    assert encode(decode(type_, version, written)).decode() == newest
    assert encode(decode(type_, schema_version(type_), newest)).decode() == newest


@pytest.mark.parametrize("release", FROZEN)
def test_golden_events_of_a_release_never_change(release: str) -> None:
    manifest = json.loads((resource("schema") / "RELEASED.json").read_text(encoding="utf-8"))
    total = hashlib.sha256()
    for path in GOLDEN:
        if manifest.get(f"events/{path.name}", {}).get("release") == release:
            total.update(path.name.encode() + b"\n" + path.read_bytes())

    assert total.hexdigest() == FROZEN[release]


@pytest.mark.parametrize("path", GOLDEN, ids=ids)
def test_a_golden_event_fits_the_schema_of_its_version(path: Path) -> None:
    schema = json.loads((resource("schema") / "events" / path.name).read_text(encoding="utf-8"))

    Draft202012Validator(schema).validate(json.loads(path.read_text(encoding="utf-8")))


def test_an_event_of_a_newer_release_stops_the_projection_and_is_not_skipped(
    store: EventStore,
) -> None:
    future = NewEvent(
        event_id(store.casebook, "future"), "PlaceRegistered", 99, '{"colour":"red"}', {}
    )
    store.append([StreamAppend("place-x", ANY, [future])])
    runner = Runner(store, [PlacesProjection()])

    runner.catch_up()

    (status,) = runner.status()
    assert (status.position, status.state, status.failed_position) == (0, "stopped", 1)
    assert "install the newer release" in (status.reason or "")


def test_a_gap_among_upcasters_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(upcast.UPCASTERS, ("Clash", 4), upcast.unchanged)

    with pytest.raises(InvalidEvent, match=r"the upcasters of Clash read the versions \[1, 2, 4\]"):
        upcast.check_chains(EVENT_TYPES)


def test_an_upcaster_of_an_unknown_type_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(upcast.UPCASTERS, ("Skirmish", 1), upcast.unchanged)

    with pytest.raises(InvalidEvent, match="Skirmish, which does not exist"):
        upcast.check_chains(EVENT_TYPES)


def test_the_upcasters_of_this_release_leave_no_gap() -> None:
    upcast.check_chains(EVENT_TYPES)
