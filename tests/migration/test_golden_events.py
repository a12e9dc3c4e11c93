"""Reads one event of every type in every schema version that was ever written.

The files of events/ are what a release wrote, byte for byte; they are added to and never changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
def test_a_golden_event_of_the_newest_version_is_written_byte_for_byte(path: Path) -> None:
    type_, version = parts(path)
    written = path.read_bytes().rstrip(b"\n")
    if version != schema_version(type_):
        assert encode(decode(type_, version, written)) != b""
    else:
        assert encode(decode(type_, version, written)) == written


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


def unchanged(data: dict[str, Any]) -> dict[str, Any]:
    return data


def test_a_gap_among_upcasters_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(upcast.UPCASTERS, ("Clash", 2), unchanged)

    with pytest.raises(InvalidEvent, match=r"the upcasters of Clash read the versions \[2\]"):
        upcast.check_chains(EVENT_TYPES)


def test_an_upcaster_of_an_unknown_type_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(upcast.UPCASTERS, ("Skirmish", 1), unchanged)

    with pytest.raises(InvalidEvent, match="Skirmish, which does not exist"):
        upcast.check_chains(EVENT_TYPES)


def test_the_upcasters_of_this_release_leave_no_gap() -> None:
    upcast.check_chains(EVENT_TYPES)
