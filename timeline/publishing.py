"""Decides whether the published schemas may be what the code says, and freezes a release's.

`schema/RELEASED.json` names every file that a release froze: the JSON Schema of each version of an
event type, and the GraphQL schema as it was. A frozen file never changes; what the code writes in a
frozen version must fit it to the letter, but for descriptions, which are words for people.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from graphql import BreakingChangeType, build_schema
from graphql.utilities import find_schema_changes

from timeline.domain import upcast
from timeline.domain.events import EVENT_TYPES, schema_version
from timeline.domain.schemas import json_schemas
from timeline.errors import InvalidEvent, SchemaMismatch

GRAPHQL = "schema.graphql"
MANIFEST = "RELEASED.json"
EVENTS = "events"
DIFFERENCES_TOLD_MAX = 4
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_FOR_PEOPLE = frozenset({"title", "description", "$defs", "$schema"})

Manifest = dict[str, dict[str, str]]
Files = Mapping[str, str]


def schema_files() -> dict[str, str]:
    """The published schemas as the code has them: file name under schema/ -> content."""
    from timeline.api.schema import sdl

    found = {GRAPHQL: sdl().rstrip() + "\n"}
    for name, schema in json_schemas().items():
        found[f"{EVENTS}/{name}"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return found


def export(folder: Path) -> tuple[str, ...]:
    """Write the code's schemas into a folder; returns the names of the files, frozen ones left out.

    Raises:
        SchemaMismatch: the code contradicts what a release froze there; nothing was written.
    """
    manifest, files = _manifest(folder), schema_files()
    fault = next(_contradictions(folder, manifest, files), None)
    if fault:
        raise SchemaMismatch(fault)
    written = {name: text for name, text in files.items() if name not in manifest}
    for name, content in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tuple(written)


def check(folder: Path) -> int:
    """Check that the schemas of a folder are the code's, and keep what releases wrote.

    In a checkout the golden events of tests/migration/events are asked for too. Returns how many
    files were checked.

    Raises:
        SchemaMismatch: says what differs, and what to do about it.
    """
    manifest, files = _manifest(folder), schema_files()
    fault = next(_faults(folder, manifest, files), None)
    if fault:
        raise SchemaMismatch(fault)
    return len({*files, *manifest})


def release(folder: Path, version: str) -> tuple[str, ...]:
    """Freeze the schemas of a folder as those of a release; returns the names of the new files.

    Raises:
        SchemaMismatch: the version is none, or is released, or the schemas do not hold.
    """
    manifest = _manifest(folder)
    if not _VERSION.fullmatch(version):
        raise SchemaMismatch(f"{version!r} is no version such as 1.2.3")
    if any(entry["release"] == version for entry in manifest.values()):
        raise SchemaMismatch(f"release {version} is frozen already; give the next version")
    check(folder)
    kept = f"released/schema.v{version}.graphql"
    (folder / "released").mkdir(exist_ok=True)
    (folder / kept).write_bytes((folder / GRAPHQL).read_bytes())
    new = sorted([kept, *(n for n in schema_files() if n != GRAPHQL and n not in manifest)])
    for name in new:
        manifest[name] = {"release": version, "sha256": _digest(folder / name)}
    written = json.dumps(dict(sorted(manifest.items())), indent=2) + "\n"
    (folder / MANIFEST).write_text(written, encoding="utf-8")
    return tuple(new)


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    manifest: Manifest = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _faults(folder: Path, manifest: Manifest, files: Files) -> Iterator[str]:
    """What does not hold, the worst first, each in a sentence that says what to do."""
    yield from _contradictions(folder, manifest, files)
    stale = [
        name
        for name, content in files.items()
        if name not in manifest
        and not ((folder / name).is_file() and (folder / name).read_bytes() == content.encode())
    ]
    if stale:
        told = ", ".join(stale)
        yield f"schema/ is not what the code says ({told}); run `timeline schema export`"
    versions = {
        f"{type_}.v{version}.json"
        for type_ in EVENT_TYPES
        for version in range(1, schema_version(type_) + 1)
    }
    yield from _listed(folder / EVENTS, versions, "JSON Schema")
    golden = folder.parent / "tests" / "migration" / "events"
    if golden.is_dir():
        yield from _listed(golden, versions, "golden event")


def _listed(folder: Path, versions: set[str], what: str) -> Iterator[str]:
    """Every version of every type has its file, and there is none of a version nobody knows."""
    there = {path.name for path in folder.glob("*.json")}
    if missing := sorted(versions - there):
        yield (
            f"the {what} of {', '.join(missing)} is missing; the log may hold such events, so one"
            " of every version ever written is kept for ever"
        )
    if unknown := sorted(there - versions):
        yield f"the {what} {', '.join(unknown)} is of no type and version that the code knows"


def _contradictions(folder: Path, manifest: Manifest, files: Files) -> Iterator[str]:
    """What a release promised and the code or the folder does not keep."""
    for name, entry in manifest.items():
        if not (folder / name).is_file() or _digest(folder / name) != entry["sha256"]:
            yield (
                f"schema/{name} is frozen since release {entry['release']}, but was changed or"
                " removed; take it back from version control"
            )
    try:
        upcast.check_chains(EVENT_TYPES)
    except InvalidEvent as fault:
        yield str(fault)
    for name, entry in manifest.items():
        type_, _, version = Path(name).stem.rpartition(".v")
        lost = type_ not in EVENT_TYPES or int(version) > schema_version(type_)
        if name.startswith(EVENTS) and lost:
            yield (
                f"{type_} was written in version {version} by release {entry['release']}, and the"
                " code cannot read it any more; keep the type and its upcasters"
            )
    yield from _changed_events(folder, manifest, files)
    yield from _breaking_changes(folder, manifest, files)


def _changed_events(folder: Path, manifest: Manifest, files: Files) -> Iterator[str]:
    """Types whose frozen newest version is no longer what the code writes in it."""
    types: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, content in files.items():
        if name not in manifest or not (folder / name).is_file():
            continue
        frozen = json.loads((folder / name).read_text(encoding="utf-8"))
        found = differences(frozen, json.loads(content))
        if found:
            told = ", ".join(found[:DIFFERENCES_TOLD_MAX])
            more = len(found) - DIFFERENCES_TOLD_MAX
            told += f" and {more} more" if more > 0 else ""
            types[told, manifest[name]["release"]].append(name.split("/")[1].split(".v")[0])
    for (told, since), changed in types.items():
        yield (
            f"{', '.join(changed)} changed without a new version ({told}), but release {since} has"
            " written this one: add an upcaster for each to timeline/domain/upcast.py, which"
            " raises its version, run `timeline schema export`, and keep a golden event of the new"
            " version in tests/migration/events"
        )


def _breaking_changes(folder: Path, manifest: Manifest, files: Files) -> Iterator[str]:
    """What clients of the latest release could ask and can no longer."""
    kept = [n for n in manifest if n.endswith(".graphql") and (folder / n).is_file()]
    if not kept:
        return
    latest = max(kept, key=lambda n: [int(part) for part in manifest[n]["release"].split(".")])
    old = build_schema((folder / latest).read_text(encoding="utf-8"))
    new = build_schema(files[GRAPHQL])
    broken = [
        change.description.rstrip(".")
        for change in find_schema_changes(old, new)
        if isinstance(change.type, BreakingChangeType)
    ]
    if broken:
        told = "; ".join(broken[:DIFFERENCES_TOLD_MAX])
        more = len(broken) - DIFFERENCES_TOLD_MAX
        told += f"; and {more} more" if more > 0 else ""
        yield (
            f"the GraphQL schema breaks clients of release {manifest[latest]['release']} ({told});"
            " keep what is there, and add the new beside it"
        )


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of an event's JSON Schema was added, removed or changed, by the path of the field."""
    return list(_differing(_plain(old, old), _plain(new, new), ""))


def _plain(node: Any, root: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """A schema with its references put in, and without the words and the order of no meaning."""
    if isinstance(node, list):
        return sorted((_plain(item, root) for item in node), key=json.dumps)
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        node = {**root["$defs"][name], **{k: v for k, v in node.items() if k != "$ref"}}
        return _plain(node, root)
    fields = {
        key: {name: _plain(field, root) for name, field in value.items()}
        if key == "properties"
        else _plain(value, root)
        for key, value in node.items()
        if key not in _FOR_PEOPLE
    }
    return dict(sorted(fields.items()))


def _differing(old: Any, new: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            is_structure = key in ("properties", "items", "anyOf")
            inner = path if is_structure else f"{path}.{key}".lstrip(".")
            if is_structure and not (key in old and key in new):
                yield f"{path or 'its form'} changed"
            elif key not in new:
                yield f"{inner} removed"
            elif key not in old:
                yield f"{inner} added"
            else:
                yield from _differing(old[key], new[key], inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _differing(one, other, path)
    elif old != new:
        yield f"{path or 'its form'} changed"
