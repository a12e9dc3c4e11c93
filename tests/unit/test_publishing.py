"""What a release has written stays readable: the schemas change by new versions alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

from timeline import publishing
from timeline.domain import events, schemas, upcast
from timeline.domain.reference_events import SourceRegistered
from timeline.errors import SchemaMismatch
from timeline.publishing import check, differences, export, release
from timeline.resources import resource

FROZEN = "events/SourceRegistered.v1.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The published schemas of a checkout, with its golden events."""
    golden = Path(__file__).parents[1] / "migration" / "events"
    shutil.copytree(golden, tmp_path / "tests" / "migration" / "events")
    shutil.copytree(resource("schema"), tmp_path / "schema")
    return tmp_path / "schema"


def refusal(folder: Path) -> str:
    with pytest.raises(SchemaMismatch) as caught:
        check(folder)
    return str(caught.value)


class WithColour(SourceRegistered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source was named for the first time."""

    colour: str | None = None


class Reworded(SourceRegistered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nobody had named the source before."""


class Bounded(SourceRegistered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source was named for the first time."""

    name: Annotated[str, Meta(min_length=1, max_length=40)]


class Needed(SourceRegistered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source was named for the first time."""

    affiliated_with: str


class ClashWithColour(events.Clash, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Armed parties fought on the ground (ACLED: armed clash)."""

    colour: str | None = None


def test_the_schemas_of_this_checkout_hold() -> None:
    assert check(resource("schema")) > 50


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (WithColour, "colour added"),
        (Bounded, "name.maxLength changed"),
        (Needed, "affiliated_with changed, affiliated_with.default removed,"),
    ],
)
def test_a_released_type_that_changed_without_a_new_version_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changed: type, told: str
) -> None:
    before = (folder / FROZEN).read_bytes()
    monkeypatch.setitem(events.EVENT_TYPES, "SourceRegistered", changed)

    message = refusal(folder)

    assert message.startswith(f"SourceRegistered changed without a new version ({told}")
    assert "but release 0.1.0 has written this one: add an upcaster" in message
    assert "timeline/domain/upcast.py" in message
    with pytest.raises(SchemaMismatch, match="changed without a new version"):
        export(folder)
    assert (folder / FROZEN).read_bytes() == before


def test_other_words_of_description_are_no_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / FROZEN).read_bytes()
    monkeypatch.setitem(events.EVENT_TYPES, "SourceRegistered", Reworded)

    export(folder)

    assert (folder / FROZEN).read_bytes() == before
    assert check(folder) > 50


def test_a_change_with_a_version_an_upcaster_and_a_golden_event_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = folder.parent / "tests" / "migration" / "events" / "SourceRegistered.v2.json"
    monkeypatch.setitem(events.EVENT_TYPES, "SourceRegistered", WithColour)
    monkeypatch.setitem(upcast.UPCASTERS, ("SourceRegistered", 1), upcast.unchanged)

    assert "events/SourceRegistered.v2.json); run `timeline schema export`" in refusal(folder)
    assert "events/SourceRegistered.v2.json" in export(folder)
    assert refusal(folder).startswith("the golden event of SourceRegistered.v2.json is missing")
    golden.write_text('{"colour":"red","name":"SANA","source_id":"sana"}', encoding="utf-8")
    assert check(folder) > 50


def test_without_a_checkout_no_golden_events_are_asked_for(folder: Path) -> None:
    shutil.rmtree(folder.parent / "tests")

    assert check(folder) > 50


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{}")])
def test_a_frozen_file_that_was_touched_is_refused(folder: Path, damage: Any) -> None:  # noqa: ANN401
    damage(folder / FROZEN)

    assert refusal(folder) == (
        "schema/events/SourceRegistered.v1.json is frozen since release 0.1.0, but was changed or"
        " removed; take it back from version control"
    )


def test_a_released_type_that_the_code_lost_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(events.EVENT_TYPES, "SourceRegistered")

    assert refusal(folder).startswith("SourceRegistered was written in version 1 by release 0.1.0")


def test_a_released_version_whose_upcaster_was_lost_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(upcast.UPCASTERS, ("AffiliationStated", 1))

    assert refusal(folder).startswith(
        "AffiliationStated changed without a new version (from added, from_ removed)"
    )


def test_an_upcaster_of_no_known_type_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(upcast.UPCASTERS, ("Skirmish", 1), upcast.unchanged)

    assert "Skirmish, which does not exist" in refusal(folder)


def test_a_version_that_no_release_has_written_may_still_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = json.loads((folder / "RELEASED.json").read_text(encoding="utf-8"))
    kept = {name: entry for name, entry in manifest.items() if entry["release"] == "0.1.0"}
    (folder / "RELEASED.json").write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setitem(events.EVENT_TYPES, "Clash", ClashWithColour)

    assert refusal(folder) == (
        "schema/ is not what the code says (events/Clash.v3.json); run `timeline schema export`"
    )
    export(folder)
    assert check(folder) > 50


def test_a_file_of_no_known_version_is_refused(folder: Path) -> None:
    (folder / "events" / "Clash.v9.json").write_text("{}", encoding="utf-8")

    assert refusal(folder) == (
        "the JSON Schema Clash.v9.json is of no type and version that the code knows"
    )


def test_a_graphql_schema_that_breaks_clients_of_the_latest_release_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(folder, "9.0.0")
    broken = publishing.schema_files()[publishing.GRAPHQL].replace("  headHash: ", "  headSum: ")
    files = {**publishing.schema_files(), publishing.GRAPHQL: broken}
    monkeypatch.setattr(publishing, "schema_files", lambda: files)

    assert refusal(folder) == (
        "the GraphQL schema breaks clients of release 9.0.0 (Field Status.headHash was removed);"
        " keep what is there, and add the new beside it"
    )


def test_a_release_freezes_what_it_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = release(folder, "9.0.0")
    again = json.loads((folder / "RELEASED.json").read_text(encoding="utf-8"))

    assert "released/schema.v9.0.0.graphql" in new
    assert (folder / "released" / "schema.v9.0.0.graphql").is_file()
    assert again[FROZEN]["release"] == "0.1.0"
    assert {f"events/{name}" for name in schemas.json_schemas()} <= set(again)
    monkeypatch.setitem(events.EVENT_TYPES, "Clash", ClashWithColour)
    assert refusal(folder).startswith("Clash changed without a new version (colour added)")


@pytest.mark.parametrize(
    ("version", "told"),
    [("0.1.0", "release 0.1.0 is frozen already"), ("next", "'next' is no version such as 1.2.3")],
)
def test_a_release_is_frozen_once_and_has_a_number(folder: Path, version: str, told: str) -> None:
    before = (folder / "RELEASED.json").read_bytes()

    with pytest.raises(SchemaMismatch, match=told):
        release(folder, version)

    assert (folder / "RELEASED.json").read_bytes() == before


def test_schemas_that_do_not_hold_are_not_released(folder: Path) -> None:
    (folder / "schema.graphql").write_text("type Query { a: Int }", encoding="utf-8")

    with pytest.raises(SchemaMismatch, match=r"is not what the code says \(schema\.graphql\)"):
        release(folder, "9.0.0")

    assert not (folder / "released" / "schema.v9.0.0.graphql").exists()


def named(name: str, **fields: object) -> dict[str, Any]:
    """A schema of one type, in the form of the catalogue."""
    form = {"title": name, "type": "object", "properties": fields, "required": ["a"]}
    return {"$ref": f"#/$defs/{name}", "$defs": {name: form}}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (named("T", a={"type": "string"}), named("U", a={"type": "string"}), []),
        (
            named("T", a={"type": "string"}),
            named("T", b={"type": "string"}),
            ["a removed", "b added"],
        ),
        (named("T", a={"enum": ["x", "y"]}), named("T", a={"enum": ["y", "x"]}), []),
        (named("T", a={"enum": ["x"]}), named("T", a={"enum": ["x", "y"]}), ["a.enum changed"]),
        (named("T", title={"type": "string"}), named("T"), ["title removed"]),
        (
            named("T", a={"type": "array", "items": {"type": "string"}}),
            named("T", a={"type": "array", "items": {"type": "integer"}}),
            ["a.type changed"],
        ),
    ],
)
def test_differences_are_of_what_is_stored(
    old: dict[str, Any], new: dict[str, Any], told: list[str]
) -> None:
    assert differences(old, new) == told
