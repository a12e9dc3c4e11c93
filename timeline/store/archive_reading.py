"""Reads an archive file by file, for folding, and says whether it is one of a given log.

A file is held against its checksum before a row of it is used; the chain is not computed again:
that is `timeline verify --archive`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from timeline.store import archive_format as fmt
from timeline.store.archive import holds_withheld, withheld_in
from timeline.store.archive_format import ArchiveRefused, EventsFile, Manifest
from timeline.store.event_store import EventStore
from timeline.store.events import StoredEvent

_ROWS_PER_BATCH = 1_000
_DOCUMENTS_PER_BATCH = 20


def archive_of(store: EventStore, folder: Path) -> Manifest:
    """The manifest of an archive from which this log's projections may be built.

    Raises:
        ArchiveRefused: it is of another casebook or log, goes beyond the log's end, or holds what
            has been withheld since it was written.
        ExtraNotInstalled: pyarrow is not there.
    """
    fmt.arrow()
    manifest, row = fmt.read_manifest(folder), store.casebook_row()
    if (manifest.casebook, manifest.time_zone) != (row.casebook, row.time_zone):
        raise ArchiveRefused(
            folder,
            f"is an archive of the casebook {manifest.casebook} in {manifest.time_zone}, and this"
            f" is {row.casebook} in {row.time_zone}",
        )
    if manifest.last_position > row.head.position:
        raise ArchiveRefused(
            folder,
            f"ends at position {manifest.last_position}, beyond the log's end, which is"
            f" {row.head.position}",
        )
    for file in manifest.files:
        stored = store.event_at(file.last_position)
        if stored is None or stored.hash.hex() != file.last_hash:
            raise ArchiveRefused(
                folder,
                f"is an archive of another log: position {file.last_position} has another hash",
            )
    withheld = withheld_in(store)
    if any(holds_withheld(folder, file, withheld) for file in manifest.files):
        raise ArchiveRefused(
            folder, "holds what was withheld since it was written; run `timeline archive` again"
        )
    return manifest


def require_whole(folder: Path, file: EventsFile) -> None:
    """Hold a file and its documents against their checksums.

    Raises:
        ArchiveRefused: one is missing or holds other bytes.
    """
    wanted = [(file.name, file.sha256)]
    if file.documents is not None:
        wanted.append((file.documents.name, file.documents.sha256))
    for name, digest in wanted:
        try:
            found = fmt.file_sha256(folder / name)
        except OSError as fault:
            told = fault.strerror or str(fault)
            raise ArchiveRefused(folder, f"{name} cannot be read: {told}") from None
        if found != digest:
            raise ArchiveRefused(folder, f"{name} does not have its checksum")


def events_of(folder: Path, file: EventsFile) -> Iterator[StoredEvent]:
    """The events of a file, in order."""
    for row in _rows(folder / file.name, _ROWS_PER_BATCH):
        yield StoredEvent(**row)


def documents_of(folder: Path, file: EventsFile) -> Iterator[tuple[str, bytes]]:
    """The documents that a file's events name, by digest; withheld ones are left out."""
    if file.documents is not None:
        for row in _rows(folder / file.documents.name, _DOCUMENTS_PER_BATCH):
            if row["content"] is not None:
                yield row["digest"], row["content"]


def _rows(path: Path, size: int) -> Iterator[dict[str, Any]]:
    with fmt.arrow().parquet.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(size):
            yield from batch.to_pylist()
