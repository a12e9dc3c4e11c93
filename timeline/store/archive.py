"""Writes a casebook's log to Parquet files in position order, each complete or not there at all.

Full files are kept: writing again adds what is new, and writes anew the last file, when the log has
grown, and files whose content has been withheld since. No file that the manifest names is ever
written over: a new one has another name, then the manifest is replaced, then the old one goes. So a
process killed at any moment leaves an archive that holds, and the next one goes on. The chain is
checked on the way: a log that does not hold is not archived.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from timeline.errors import VerificationFailed
from timeline.store import archive_format as fmt
from timeline.store.archive_format import ArchiveRefused, DocumentsFile, EventsFile, Manifest
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import StoredEvent
from timeline.store.hashing import GENESIS_HASH
from timeline.store.verify import REPORT_VERSIONS, Chain, Mentions, withheld_positions, withholdings

DOCUMENTS_PER_READ = 50
_OURS = re.compile(
    r"(events|documents)-\d{12}-\d{12}(-r\d+)?\.parquet(\.part)?|manifest\.json\.part"
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Archived:
    """What archiving came to: the files written now, those kept, and where the archive ends."""

    written: int
    kept: int
    last_position: int
    last_hash: str


@dataclass(frozen=True)
class Withheld:
    """What a log says was withheld: positions with their last marker, and documents."""

    positions: Mapping[int, int]
    documents: frozenset[str]


def archive(
    store: EventStore,
    folder: Path,
    on_progress: Progress = lambda _done, _head: None,
    events_per_file: int = fmt.EVENTS_PER_FILE_MAX,
) -> Archived:
    """Write the log, or what is new of it, into a folder.

    Args:
        store: Whose log.
        folder: Empty, not there, or an archive of the same log.
        on_progress: Called with (position written, head position).
        events_per_file: The most events of a file.

    Raises:
        ExtraNotInstalled: pyarrow is not there.
        ArchiveRefused: the folder holds something else.
        VerificationFailed: the log does not hold.
        DatabaseUnavailable: the database did not answer.
    """
    fmt.arrow()
    manifest = _opened(store, folder)
    _require_same_log(store, folder, manifest)
    _sweep(folder, manifest)
    withheld, head = withheld_in(store), store.head().position
    writing = _Writing(store, folder, manifest, withheld, events_per_file)
    while (after := writing.reached(head)) < head:
        writing.add(after, head)
        on_progress(writing.manifest.last_position, head)
    writing.renew()
    done = writing.manifest
    written = writing.written & done.names
    return Archived(len(written), len(done.names - written), done.last_position, done.last_hash)


@dataclass
class _Writing:
    """An archive that is being written; `manifest` is what stands on disk."""

    store: EventStore
    folder: Path
    manifest: Manifest
    withheld: Withheld
    events_per_file: int
    written: set[str] = field(default_factory=set)

    def reached(self, head: int) -> int:
        """The last position that needs no more writing."""
        files = self.manifest.files
        if files and not files[-1].is_full and files[-1].last_position < head:
            return files[-1].first_position - 1
        return self.manifest.last_position

    def add(self, after: int, head: int) -> None:
        """Write the next file, which may take the place of a last one that was not full."""
        before = tuple(f for f in self.manifest.files if f.last_position <= after)
        previous = bytes.fromhex(before[-1].last_hash) if before else GENESIS_HASH
        file = self._file(after, head, previous, "", self.events_per_file)
        self._stand((*before, file))

    def renew(self) -> None:
        """Write anew the files that are damaged, or hold what was withheld since."""
        for index, file in enumerate(self.manifest.files):
            if _is_whole(self.folder, file) and not holds_withheld(
                self.folder, file, self.withheld
            ):
                continue
            before = self.manifest.files[index - 1].last_hash if index else GENESIS_HASH.hex()
            number = file.last_position - file.first_position + 1
            renewed = self._file(
                file.first_position - 1,
                file.last_position,
                bytes.fromhex(before),
                _next_suffix(file.name),
                number,
            )
            files = list(self.manifest.files)
            files[index] = replace(renewed, is_full=file.is_full)
            self._stand(tuple(files))

    def _stand(self, files: tuple[EventsFile, ...]) -> None:
        old = self.manifest
        self.manifest = replace(
            old,
            files=files,
            last_position=files[-1].last_position,
            last_hash=files[-1].last_hash,
        )
        fmt.write_manifest(self.folder, self.manifest)
        self.written |= self.manifest.names - old.names
        for name in old.names - self.manifest.names:
            (self.folder / name).unlink(missing_ok=True)

    def _file(
        self, after: int, until: int, previous: bytes, suffix: str, events_max: int
    ) -> EventsFile:
        chain = Chain(
            self.store.casebook, dict(self.withheld.positions), after, previous, versions=None
        )
        withheld: list[int] = []
        digests: set[str] = set()
        first = after + 1
        part = self.folder / f"events-{first:012}-{until:012}{suffix}.parquet{fmt.PART}"
        size = count = 0
        with _Parquet(part, fmt.EVENT_COLUMNS) as parquet:
            for stored in self.store.read(after, events_max, until=until):
                _follow(chain, stored)
                if stored.data is None:
                    withheld.append(stored.position)
                digests.update(_mentioned(stored))
                count, size = count + 1, size + parquet.add(msgspec.structs.asdict(stored))
                if size >= fmt.BYTES_PER_FILE_MAX:
                    break
        is_full = count >= events_max or size >= fmt.BYTES_PER_FILE_MAX
        name = f"events-{first:012}-{chain.position:012}{suffix}.parquet"
        bytes_, digest = _finish(part, self.folder / name)
        return EventsFile(
            name=name,
            first_position=first,
            last_position=chain.position,
            last_hash=chain.hash.hex(),
            is_full=is_full,
            bytes=bytes_,
            sha256=digest,
            withheld=tuple(withheld),
            documents=self._documents(name.replace("events-", "documents-"), sorted(digests)),
        )

    def _documents(self, name: str, digests: list[str]) -> DocumentsFile | None:
        if not digests:
            return None
        withheld: list[str] = []
        part = self.folder / (name + fmt.PART)
        count = 0
        with _Parquet(part, fmt.DOCUMENT_COLUMNS) as parquet:
            for start in range(0, len(digests), DOCUMENTS_PER_READ):
                found = self.store.documents(digests[start : start + DOCUMENTS_PER_READ])
                for digest, document in sorted(found.items()):
                    content = document.content
                    if content is None:
                        withheld.append(digest)
                    row = {
                        "digest": digest,
                        "media_type": document.media_type,
                        "content": content,
                    }
                    parquet.add(row)
                    count += 1
        bytes_, digest_ = _finish(part, self.folder / name)
        return DocumentsFile(
            name=name, documents=count, bytes=bytes_, sha256=digest_, withheld=tuple(withheld)
        )


def withheld_in(store: EventStore) -> Withheld:
    """What a log says now that was withheld."""
    with read_transaction(store.engine) as connection:
        return Withheld(
            withheld_positions(connection, store.casebook),
            frozenset(d for _, w in withholdings(connection, store.casebook) for d in w.documents),
        )


def holds_withheld(folder: Path, file: EventsFile, withheld: Withheld) -> bool:
    """Whether a file still holds what is withheld."""
    inside = {p for p in withheld.positions if file.first_position <= p <= file.last_position}
    if not inside <= set(file.withheld):
        return True
    if file.documents is None or not withheld.documents:
        return False
    path = folder / file.documents.name
    column = fmt.arrow().parquet.read_table(path, columns=["digest"]).column("digest")
    named = withheld.documents.intersection(column.to_pylist())
    return not named <= set(file.documents.withheld)


class _Parquet:
    """A Parquet file that is written group by group, so that little is held in memory."""

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        self._pa, self._schema = fmt.arrow(), fmt.arrow_schema(columns)
        self._path = path
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        self._writer = self._pa.parquet.ParquetWriter(
            str(self._path), self._schema, compression="zstd"
        )
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            self._flush()
        self._writer.close()

    def add(self, row: dict[str, Any]) -> int:
        """Add a row; returns about how many bytes it has."""
        size = sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) >= fmt.ROWS_PER_GROUP_MAX or self._bytes >= fmt.BYTES_PER_GROUP_MAX:
            self._flush()
        return size

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0


def _opened(store: EventStore, folder: Path) -> Manifest:
    """The manifest of the folder; a new one, written down, where there is nothing yet."""
    row = store.casebook_row()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / fmt.MANIFEST).exists():
            others = [p.name for p in folder.iterdir() if not _OURS.fullmatch(p.name)]
            if others:
                raise ArchiveRefused(folder, "holds other files; give a folder of its own")
            fmt.write_manifest(folder, fmt.new_manifest(row.casebook, row.time_zone, row.theatre))
    except FileExistsError:
        raise ArchiveRefused(folder, "is a file; give a folder") from None
    manifest = fmt.read_manifest(folder)
    own = (row.casebook, row.time_zone, row.theatre)
    if (manifest.casebook, manifest.time_zone, manifest.theatre) != own:
        raise ArchiveRefused(folder, f"is an archive of another casebook, {manifest.casebook}")
    return manifest


def _require_same_log(store: EventStore, folder: Path, manifest: Manifest) -> None:
    for file in manifest.files[-1:]:
        stored = store.event_at(file.last_position)
        if stored is None or stored.hash.hex() != file.last_hash:
            raise ArchiveRefused(
                folder,
                f"is an archive of another log: position {file.last_position} has another hash",
            )


def _sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what a killed process left unfinished."""
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in manifest.names:
            path.unlink(missing_ok=True)


def _follow(chain: Chain, stored: StoredEvent) -> None:
    data = None if stored.data is None else stored.data.encode()
    row = (
        stored.position, stored.event_id, stored.stream, stored.version, stored.type,
        stored.schema_version, data, stored.salt, stored.digest, stored.metadata,
        stored.recorded_at, stored.previous_hash, stored.hash,
    )  # fmt: skip
    reason = chain.follow([row])
    if reason is not None:
        raise VerificationFailed(
            f"the log does not hold at position {chain.position + 1}: {reason};"
            " run `timeline verify`"
        )


def _mentioned(stored: StoredEvent) -> Iterator[str]:
    """The digests of the documents that an event names."""
    if stored.type in REPORT_VERSIONS and stored.data is not None:
        named = msgspec.json.decode(stored.data, type=Mentions)
        for mention in (named.document, named.text_document):
            if mention is not None:
                yield mention.digest


def _is_whole(folder: Path, file: EventsFile) -> bool:
    """Whether a file and its documents are there with their sizes; `verify` looks at the bytes."""
    parts = [(file.name, file.bytes)]
    if file.documents is not None:
        parts.append((file.documents.name, file.documents.bytes))
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == size for name, size in parts
    )


def _next_suffix(name: str) -> str:
    found = re.search(r"-r(\d+)\.parquet$", name)
    return f"-r{int(found.group(1)) + 1 if found else 1}"


def _finish(part: Path, path: Path) -> tuple[int, str]:
    """Make a file durable under its name; returns its size and SHA-256."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    found = part.stat().st_size, fmt.file_sha256(part)
    part.replace(path)
    fmt.sync_folder(path.parent)
    return found
