"""Fixes what an archive of a log looks like: its files, their columns and the manifest.

See docs/archive.md. pyarrow is an extra, and imported where it is used.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import msgspec
from msgspec import Struct

from timeline.errors import ExtraNotInstalled, TimelineError
from timeline.store.hashing import GENESIS_HASH

FORMAT: Literal["timeline-archive/1"] = "timeline-archive/1"
MANIFEST = "manifest.json"
PART = ".part"

# Bounds on a file and on what is held in memory while one is written or read.
EVENTS_PER_FILE_MAX = 100_000
BYTES_PER_FILE_MAX = 256 * 2**20
ROWS_PER_GROUP_MAX = 5_000
BYTES_PER_GROUP_MAX = 16 * 2**20
MANIFEST_BYTES_MAX = 1 * 2**30
_READ_BYTES = 2**20

EVENT_COLUMNS = {
    "casebook": "string",
    "position": "int64",
    "event_id": "string",
    "stream": "string",
    "version": "int64",
    "type": "string",
    "schema_version": "int32",
    "data": "string",
    "salt": "binary",
    "digest": "binary",
    "metadata": "string",
    "recorded_at": "string",
    "previous_hash": "binary",
    "hash": "binary",
}
DOCUMENT_COLUMNS = {
    "digest": "string",
    "media_type": "string",
    "content": "binary",
}
_NULLABLE = frozenset({"data", "salt", "content"})


class ArchiveRefused(TimelineError):
    """The folder cannot hold this archive, or holds none; give another folder."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder}: {reason}")
        self.folder, self.reason = folder, reason


class DocumentsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The documents that the events of one file name; `withheld` are digests without content."""

    name: str
    documents: int
    bytes: int
    sha256: str
    withheld: tuple[str, ...] = ()


class EventsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some consecutive events; `withheld` are the positions of those without content.

    A file that is not full ends where the log ended, and is written anew when the log has grown.
    """

    name: str
    first_position: int
    last_position: int
    last_hash: str
    is_full: bool
    bytes: int
    sha256: str
    withheld: tuple[int, ...] = ()
    documents: DocumentsFile | None = None


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an archive holds: a casebook's log from position 1 to `last_position`."""

    format: Literal["timeline-archive/1"]
    casebook: str
    time_zone: str
    theatre: str
    last_position: int
    last_hash: str
    columns: dict[str, dict[str, str]]
    files: tuple[EventsFile, ...] = ()

    @property
    def names(self) -> set[str]:
        """The names of all files."""
        return {f.name for f in self.files} | {
            f.documents.name for f in self.files if f.documents is not None
        }


def new_manifest(casebook: str, time_zone: str, theatre: str) -> Manifest:
    """The manifest of an archive of no events."""
    return Manifest(
        format=FORMAT,
        casebook=casebook,
        time_zone=time_zone,
        theatre=theatre,
        last_position=0,
        last_hash=GENESIS_HASH.hex(),
        columns={"events": EVENT_COLUMNS, "documents": DOCUMENT_COLUMNS},
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        ArchiveRefused: there is none, or none of this format.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MANIFEST_BYTES_MAX:
            raise ArchiveRefused(folder, f"its {MANIFEST} is too long")
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ArchiveRefused(folder, f"holds no archive: there is no {MANIFEST}") from None
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as fault:
        raise ArchiveRefused(folder, f"its {MANIFEST} cannot be read: {fault}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest whole: a process killed meanwhile leaves the old one or the new one."""
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    part = folder / (MANIFEST + PART)
    with part.open("wb") as file:
        file.write(encoded)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hex."""
    digest = sha256()
    with path.open("rb") as file:
        while read := file.read(_READ_BYTES):
            digest.update(read)
    return digest.hexdigest()


def arrow() -> ModuleType:
    """Pyarrow.

    Raises:
        ExtraNotInstalled: it is not there.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise ExtraNotInstalled("an archive", "archive") from None
    module: ModuleType = pa
    return module


def arrow_schema(columns: dict[str, str]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """The Arrow schema of a file's columns."""
    pa = arrow()
    return pa.schema(
        [pa.field(name, getattr(pa, kind)(), name in _NULLABLE) for name, kind in columns.items()]
    )
