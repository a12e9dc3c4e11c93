"""Proves that an archive is the log it says it is, from its files alone, without a database.

Every digest, hash, record time and version is recomputed from the rows by the same code that
verifies a database, and the files are held against their checksums. What it cannot see is an
archive that was rewritten whole together with its manifest: a seal shows that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from timeline.store import archive_format as fmt
from timeline.store import merkle
from timeline.store.archive_format import EventsFile, Manifest
from timeline.store.hashing import GENESIS_HASH
from timeline.store.seals import Seal, SealResult, check_history, check_signature
from timeline.store.verify import REPORT_VERSIONS, WITHHELD, Chain, Mentions, Withholding

_CHAINED = (
    "position", "event_id", "stream", "version", "type", "schema_version", "data", "salt",
    "digest", "metadata", "recorded_at", "previous_hash", "hash",
)  # fmt: skip
_ROWS_PER_BATCH = 1_000
_DOCUMENTS_PER_BATCH = 20


@dataclass(frozen=True)
class ArchiveResult:
    """What checking an archive came to.

    Attributes:
        holds: Whether everything holds.
        casebook: Whose log the manifest says it is.
        events: How many events were found to hold.
        documents: How many documents were.
        withheld: How many of the events are withheld, as a `ContentWithheld` event says.
        last_hash: The hash of the last event that holds, in hexadecimal: what a seal names.
        position: The first position that does not hold; None when all hold.
        reason: Why it does not.
        sealed: What checking it against a seal came to; None without one.
    """

    holds: bool
    casebook: str
    events: int
    documents: int
    withheld: int
    last_hash: str
    position: int | None
    reason: str | None
    sealed: SealResult | None = None


class _DoesNotHold(Exception):
    """Carries the first position that does not hold, and why."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position, self.reason = position, reason


def verify_archive(
    folder: Path,
    seal: Seal | None = None,
    trusted_keys: Collection[Ed25519PublicKey] = (),
) -> ArchiveResult:
    """Check an archive from its first event to its last.

    Args:
        folder: The archive's.
        seal: Check too that the archive begins with what was sealed.
        trusted_keys: Keys of which one has to have made the seal, when there are any.

    Raises:
        ArchiveRefused: the folder holds no archive.
        ExtraNotInstalled: pyarrow is not there.
    """
    fmt.arrow()
    manifest = fmt.read_manifest(folder)
    checking = _Checking(folder, manifest, seal.statement.position if seal else 0)
    position, reason = None, None
    try:
        checking.run()
    except _DoesNotHold as fault:
        position, reason = fault.position, fault.reason
    chain = checking.chain
    return ArchiveResult(
        holds=reason is None,
        casebook=manifest.casebook,
        events=chain.position,
        documents=checking.documents,
        withheld=chain.withheld,
        last_hash=chain.hash.hex(),
        position=position,
        reason=reason,
        sealed=None if seal is None else checking.sealed(seal, trusted_keys),
    )


class _Checking:
    def __init__(self, folder: Path, manifest: Manifest, sealed_position: int) -> None:
        self._folder, self._manifest = folder, manifest
        self._sealed_position, self._tree = sealed_position, merkle.Tree()
        self._sealed_hash = GENESIS_HASH
        self._named_documents: set[str] = set()
        self.chain = Chain(manifest.casebook, {})
        self.documents = 0

    def run(self) -> None:
        self._read_markers()
        for file in self._manifest.files:
            if file.first_position != self.chain.position + 1:
                self._fail(f"the archive has no file that begins with {self.chain.position + 1}")
            mentioned = self._follow(file)
            end = (self.chain.position, self.chain.hash.hex())
            if end != (file.last_position, file.last_hash):
                raise _DoesNotHold(
                    min(end[0], file.last_position) + (end[0] != file.last_position),
                    f"{file.name} does not end where the manifest says",
                )
            self._hold(file.name, file.bytes, file.sha256, file.first_position)
            self._check_documents(file, mentioned)
        end = (self.chain.position, self.chain.hash.hex())
        if end != (self._manifest.last_position, self._manifest.last_hash):
            self._fail("the archive does not end where its manifest says")

    def sealed(self, seal: Seal, trusted_keys: Collection[Ed25519PublicKey]) -> SealResult:
        """Whether what was read begins with what was sealed."""
        signed = check_signature(seal, trusted_keys)
        if not signed.holds:
            return signed
        manifest = self._manifest
        settings = manifest.time_zone, manifest.theatre
        return check_history(
            seal, signed, manifest.casebook, settings, self._tree, self._sealed_hash
        )

    def _fail(self, reason: str) -> None:
        raise _DoesNotHold(self.chain.position + 1, reason)

    def _read_markers(self) -> None:
        """Find what may be withheld: whatever a later `ContentWithheld` event names."""
        for file in self._manifest.files:
            for row in self._rows(file.name, ("position", "type", "data"), of_type=WITHHELD):
                try:
                    said = msgspec.json.decode(row["data"] or b"", type=Withholding)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue  # a marker that cannot be read excuses nothing
                self.chain.named.update(dict.fromkeys(said.positions, row["position"]))
                self._named_documents.update(said.documents)

    def _follow(self, file: EventsFile) -> dict[str, int]:
        """Continue the chain through a file; returns the documents it names, with positions."""
        mentioned: dict[str, int] = {}
        for row in self._rows(file.name, ("casebook", *_CHAINED)):
            if row["casebook"] != self._manifest.casebook:
                self._fail("it belongs to another casebook")
            data = row["data"]
            encoded = None if data is None else data.encode()
            reason = self.chain.follow(
                [tuple(encoded if name == "data" else row[name] for name in _CHAINED)]
            )
            if reason is not None:
                self._fail(reason)
            if self.chain.position <= self._sealed_position:
                self._tree.add(self.chain.hash)
                self._sealed_hash = self.chain.hash
            if row["type"] in REPORT_VERSIONS and data is not None:
                try:
                    said = msgspec.json.decode(data, type=Mentions)
                except msgspec.MsgspecError:
                    continue  # what its schema does not allow is for the projections to refuse
                for mention in (said.document, said.text_document):
                    if mention is not None:
                        mentioned.setdefault(mention.digest, row["position"])
        return mentioned

    def _rows(
        self, name: str, columns: tuple[str, ...], of_type: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The rows of an events file, of one type alone when one is given."""
        pa = fmt.arrow()
        try:
            with pa.parquet.ParquetFile(self._folder / name) as parquet:
                if not parquet.schema_arrow.equals(fmt.arrow_schema(fmt.EVENT_COLUMNS)):
                    self._fail(f"{name} has other columns")
                for group in range(parquet.num_row_groups):
                    if of_type is not None and not _has(parquet, group, of_type):
                        continue
                    for batch in parquet.iter_batches(_ROWS_PER_BATCH, [group], list(columns)):
                        for row in batch.to_pylist():
                            if of_type is None or row["type"] == of_type:
                                yield row
        except FileNotFoundError:
            self._fail(f"{name} is missing")
        except (pa.ArrowException, OSError, ValueError) as fault:
            self._fail(f"{name} cannot be read: {' '.join(str(fault).split())[:200]}")

    def _hold(self, name: str, size: int, digest: str, position: int) -> None:
        path = self._folder / name
        if not path.is_file():
            raise _DoesNotHold(position, f"{name} is missing")
        if path.stat().st_size != size or fmt.file_sha256(path) != digest:
            raise _DoesNotHold(position, f"{name} does not have its checksum")

    def _check_documents(self, file: EventsFile, mentioned: dict[str, int]) -> None:
        missing = dict(mentioned)
        if file.documents is not None:
            for row in self._documents_of(file):
                digest, content = row["digest"], row["content"]
                position = mentioned.get(digest, file.first_position)
                if content is None and digest not in self._named_documents:
                    raise _DoesNotHold(position, f"document {digest} has no content")
                if content is not None and sha256(content).hexdigest() != digest:
                    raise _DoesNotHold(position, f"document {digest} holds other bytes")
                missing.pop(digest, None)
                self.documents += 1
            self._hold(
                file.documents.name,
                file.documents.bytes,
                file.documents.sha256,
                file.first_position,
            )
        for digest, position in missing.items():
            raise _DoesNotHold(position, f"document {digest}, which it names, is missing")

    def _documents_of(self, file: EventsFile) -> Iterator[dict[str, Any]]:
        assert file.documents is not None  # noqa: S101 - asked only where there are some
        pa, name = fmt.arrow(), file.documents.name
        try:
            with pa.parquet.ParquetFile(self._folder / name) as parquet:
                if not parquet.schema_arrow.equals(fmt.arrow_schema(fmt.DOCUMENT_COLUMNS)):
                    raise _DoesNotHold(file.first_position, f"{name} has other columns")
                for batch in parquet.iter_batches(_DOCUMENTS_PER_BATCH):
                    yield from batch.to_pylist()
        except FileNotFoundError:
            raise _DoesNotHold(file.first_position, f"{name} is missing") from None
        except (pa.ArrowException, OSError, ValueError) as fault:
            told = " ".join(str(fault).split())[:200]
            raise _DoesNotHold(file.first_position, f"{name} cannot be read: {told}") from None


def _has(parquet: Any, group: int, type_: str) -> bool:  # noqa: ANN401 - pyarrow has no types
    column = parquet.read_row_group(group, columns=["type"]).column("type")
    return type_ in column.unique().to_pylist()
