"""An archive is the log, file by file; it can be gone on with, and tells where it does not hold."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyarrow import parquet

from tests.integration.conftest import Desk
from timeline.errors import ExtraNotInstalled, VerificationFailed
from timeline.resources import resource
from timeline.store.archive import archive
from timeline.store.archive_check import ArchiveResult, verify_archive
from timeline.store.archive_format import MANIFEST, ArchiveRefused, read_manifest
from timeline.store.event_store import EventStore
from timeline.store.seals import seal

PER_FILE = 5
# What is not about reading the log is the same on both engines.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
QUOTED = """
id: {id}
published: 2016-02-24
text: Umm Salim saw it in {id}.
claims: [{{ref: c1, type: Clash, occurred: 2016-02-23, quote: Umm Salim saw it}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def archived(desk: Desk, folder: Path) -> Desk:
    """A desk whose log of several files is archived."""
    desk.file_world()
    desk.file("a.yaml", QUOTED.format(id="a"))
    archive(desk.app.store, folder, events_per_file=PER_FILE)
    return desk


def rows(folder: Path, kind: str = "events") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob(f"{kind}-*.parquet")):
        found += parquet.read_table(path).to_pylist()
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != MANIFEST}


def told(result: ArchiveResult) -> tuple[int | None, str | None]:
    return result.position, result.reason


def test_an_archive_holds_every_event_as_it_is_stored(archived: Desk, folder: Path) -> None:
    stored = [
        {name: getattr(event, name) for name in event.__struct_fields__}
        for event in archived.app.store.read()
    ]

    assert rows(folder) == stored
    result = verify_archive(folder)
    assert result == ArchiveResult(
        holds=True,
        casebook="main",
        events=archived.head,
        documents=len({r["digest"] for r in rows(folder, "documents")}),
        withheld=0,
        last_hash=archived.app.store.head().hash.hex(),
        position=None,
        reason=None,
    )


def test_files_are_bounded_and_named_by_their_positions(archived: Desk, folder: Path) -> None:
    listed = read_manifest(folder).files

    assert [f.first_position for f in listed] == list(range(1, archived.head + 1, PER_FILE))
    assert listed[0].name == "events-000000000001-000000000005.parquet"
    assert {f.is_full for f in listed[:-1]} == {True}
    assert set(files(folder)) == read_manifest(folder).names


def test_archiving_again_writes_nothing_and_later_only_what_is_new(
    archived: Desk, folder: Path
) -> None:
    store, before = archived.app.store, files(folder)

    again = archive(store, folder, events_per_file=PER_FILE)
    assert (again.written, again.kept) == (0, len(before))
    assert files(folder) == before

    archived.file("b.yaml", QUOTED.format(id="b"))
    archive(store, folder, events_per_file=PER_FILE)
    full = [f.name for f in read_manifest(folder).files if f.is_full]
    assert {n: b for n, b in files(folder).items() if n in full[:-1]} == {
        n: b for n, b in before.items() if n in full[:-1]
    }
    assert [r["position"] for r in rows(folder)] == list(range(1, archived.head + 1))
    assert verify_archive(folder).holds


def test_an_empty_log_is_an_archive_too(store: EventStore, folder: Path) -> None:
    assert archive(store, folder).last_position == 0
    assert verify_archive(folder).holds


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from timeline.store import archive, archive_format
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.seals import seal

calls = 0

def dying(step):
    def die(*given):
        global calls
        calls += 1
        if calls == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*given)
    return die

# Dies in the middle of a file, between a file and the manifest, or before the old file goes.
archive._finish = dying(archive._finish)
archive_format.write_manifest = dying(archive_format.write_manifest)
store = EventStore(connect(sys.argv[1]), "main", lambda: datetime.now(UTC))
archive.archive(store, Path(sys.argv[2]), events_per_file=5)
"""


@ON_SQLITE
@pytest.mark.parametrize("moment", [2, 3, 7])
def test_a_killed_archive_holds_as_far_as_it_came_and_is_gone_on_with(
    desk: Desk, folder: Path, moment: int
) -> None:
    desk.file_world()
    command = [sys.executable, "-c", KILLED, desk.app.settings.database_url, str(folder)]
    killed = subprocess.run(
        [*command, str(moment)], cwd=resource("schema").parent, capture_output=True, check=False
    )

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if (folder / MANIFEST).exists():
        assert verify_archive(folder).holds
    done = archive(desk.app.store, folder, events_per_file=PER_FILE)
    assert done.last_position == desk.head
    assert verify_archive(folder).holds
    assert set(files(folder)) == read_manifest(folder).names


def test_what_is_withheld_later_leaves_the_files_that_hold_it(archived: Desk, folder: Path) -> None:
    before = files(folder)
    archived.app.withholding.withhold_report("a", "a person asked for it")

    done = archive(archived.app.store, folder, events_per_file=PER_FILE)

    assert done.kept >= 2
    assert before.keys() - files(folder).keys() != set()
    assert "Umm Salim" not in str(rows(folder)) + str(rows(folder, "documents"))
    result = verify_archive(folder)
    assert (result.holds, result.withheld) == (True, 2)
    assert archive(archived.app.store, folder, events_per_file=PER_FILE).written == 0


@ON_SQLITE
def test_a_file_that_was_lost_is_written_anew(archived: Desk, folder: Path) -> None:
    first = read_manifest(folder).files[0].name
    (folder / first).unlink()
    assert told(verify_archive(folder)) == (1, f"{first} is missing")

    archive(archived.app.store, folder, events_per_file=PER_FILE)

    assert verify_archive(folder).holds


def rewrite(folder: Path, index: int, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Tamper with a file's rows, and give it the right checksum in the manifest."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    entry = manifest["files"][index]
    path = folder / entry["name"]
    table = parquet.read_table(path)
    changed = table.to_pylist()
    change(changed)
    parquet.write_table(pa.Table.from_pylist(changed, schema=table.schema), path)
    entry["sha256"] = sha256(path.read_bytes()).hexdigest()
    entry["bytes"] = path.stat().st_size
    (folder / MANIFEST).write_text(json.dumps(manifest))


@ON_SQLITE
@pytest.mark.parametrize(
    "column",
    [
        "casebook", "position", "event_id", "stream", "version", "type", "schema_version", "data",
        "salt", "digest", "metadata", "recorded_at", "previous_hash", "hash",
    ],
)  # fmt: skip
def test_a_change_to_any_column_is_found_at_its_position(
    archived: Desk, folder: Path, column: str
) -> None:
    def change(changed: list[dict[str, Any]]) -> None:
        value = changed[2][column]
        changed[2][column] = (
            value + 1
            if isinstance(value, int)
            else value[:-1] + (b"\x00" if value[-1:] != b"\x00" else b"\x01")
            if isinstance(value, bytes)
            else value[:-1] + ("0" if value[-1] != "0" else "1")
        )

    rewrite(folder, 1, change)

    result = verify_archive(folder)
    assert (result.holds, result.position) == (False, PER_FILE + 3)


@ON_SQLITE
@pytest.mark.parametrize(
    ("change", "position"),
    [
        pytest.param(lambda r: r.pop(1), PER_FILE + 2, id="an event removed"),
        pytest.param(lambda r: r.pop(), PER_FILE * 2, id="the last one removed"),
        pytest.param(lambda r: r.insert(2, r[1]), PER_FILE + 3, id="an event twice"),
        pytest.param(lambda r: r.reverse(), PER_FILE + 1, id="the order turned round"),
        pytest.param(lambda r: r[3].update(data=None, salt=None), PER_FILE + 4, id="emptied"),
        pytest.param(lambda r: r.clear(), PER_FILE + 1, id="all removed"),
    ],
)
def test_rows_that_are_gone_added_or_moved_are_found(
    archived: Desk, folder: Path, change: Callable[[list[dict[str, Any]]], None], position: int
) -> None:
    rewrite(folder, 1, change)

    result = verify_archive(folder)
    assert (result.holds, result.position) == (False, position)


@ON_SQLITE
def test_the_same_rows_in_other_bytes_do_not_have_the_checksum(
    archived: Desk, folder: Path
) -> None:
    name = read_manifest(folder).files[1].name
    parquet.write_table(parquet.read_table(folder / name), folder / name, compression="snappy")

    assert told(verify_archive(folder)) == (PER_FILE + 1, f"{name} does not have its checksum")


@ON_SQLITE
def test_a_file_that_is_no_parquet_is_told(archived: Desk, folder: Path) -> None:
    name = read_manifest(folder).files[1].name
    (folder / name).write_bytes(b"PAR1 and then nothing")

    position, reason = told(verify_archive(folder))
    assert position == 1  # what may be withheld has to be known before anything
    assert reason is not None
    assert reason.startswith(f"{name} cannot be read")


@ON_SQLITE
def test_a_documents_bytes_are_checked(archived: Desk, folder: Path) -> None:
    manifest = read_manifest(folder)
    file = next(f for f in manifest.files if f.documents is not None)
    assert file.documents is not None
    path = folder / file.documents.name
    table = parquet.read_table(path)
    changed = table.to_pylist()
    changed[0]["content"] += b"!"
    parquet.write_table(pa.Table.from_pylist(changed, schema=table.schema), path)

    result = verify_archive(folder)
    assert not result.holds
    assert result.position in range(file.first_position, file.last_position + 1)
    assert "holds other bytes" in str(result.reason)


@ON_SQLITE
def test_a_manifest_that_tells_of_less_is_found(archived: Desk, folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    cut = manifest["files"].pop()
    (folder / MANIFEST).write_text(json.dumps(manifest))

    assert told(verify_archive(folder)) == (
        cut["first_position"],
        "the archive does not end where its manifest says",
    )


def test_a_log_that_does_not_hold_is_not_archived(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.contract.support import unguarded

    desk.file_world()
    with unguarded(desk.app.engine) as connection:
        connection.exec_driver_sql("UPDATE events SET type = 'Clash' WHERE position = 7")

    with pytest.raises(VerificationFailed, match="position 7"):
        archive(desk.app.store, folder, events_per_file=PER_FILE)
    assert [f.last_position for f in read_manifest(folder).files] == [PER_FILE]


@ON_SQLITE
def test_a_folder_that_holds_something_else_is_refused(
    archived: Desk, folder: Path, tmp_path: Path
) -> None:
    store = archived.app.store
    other = EventStore(store.engine, "other", lambda: datetime.now(UTC))
    other.open_casebook("Asia/Damascus", "syria")
    with pytest.raises(ArchiveRefused, match="of another casebook, main"):
        archive(other, folder)
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveRefused, match="is a file"):
        archive(store, tmp_path / "file")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.doc").touch()
    with pytest.raises(ArchiveRefused, match="holds other files"):
        archive(store, tmp_path / "home")
    with pytest.raises(ArchiveRefused, match="there is no manifest"):
        verify_archive(tmp_path / "home")
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["thesis.doc"]


@ON_SQLITE
def test_an_archive_of_another_log_is_refused(archived: Desk, folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][-1]["last_hash"] = "00" * 32
    (folder / MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(ArchiveRefused, match="is an archive of another log"):
        archive(archived.app.store, folder)


@ON_SQLITE
def test_without_the_extra_the_refusal_names_it(
    archived: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    for refused in (lambda: archive(archived.app.store, folder), lambda: verify_archive(folder)):
        with pytest.raises(ExtraNotInstalled, match=r"conflict-timeline\[archive\]"):
            refused()


@ON_SQLITE
def test_a_seal_shows_an_archive_that_was_rewritten_or_cut(archived: Desk, folder: Path) -> None:
    store, now = archived.app.store, datetime(2026, 11, 22, 21, tzinfo=UTC)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    sealed = seal(store.engine, "main", key, now)
    archived.file("b.yaml", QUOTED.format(id="b"))
    archive(store, folder, events_per_file=PER_FILE)

    result = verify_archive(folder, sealed, [key.public_key()])
    assert (result.holds, result.sealed and result.sealed.holds) == (True, True)

    def cut(manifest: dict[str, Any]) -> None:
        del manifest["files"][1:]
        last = manifest["files"][0]
        manifest.update(last_position=last["last_position"], last_hash=last["last_hash"])

    for change, position in (
        (lambda m: m.update(theatre="ukraine"), None),
        (cut, PER_FILE + 1),
    ):
        manifest = json.loads((folder / MANIFEST).read_bytes())
        change(manifest)
        (folder / MANIFEST).write_text(json.dumps(manifest))
        result = verify_archive(folder, sealed)
        assert result.holds
        assert result.sealed is not None
        assert (result.sealed.holds, result.sealed.position) == (False, position)
