"""Hands keyed rows from tasks to later tasks: sorted runs, merged by whoever reads a partition.

A task sorts what fits into its buffer by partition and key, and writes it as one Arrow file whose
record batches each belong to one partition; a small index beside it tells which. A later task
merges the batches of its own partition from every run. So neither holds more than a bounded part of
a partition, however hot it is, and no file is written for each pair of tasks.
"""

from __future__ import annotations

import heapq
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from timeline.store.archive_format import arrow

# Bounds on what is held in memory: a run before it is written, a batch of one that is read, and
# how many runs are merged at once.
RUN_BYTES_MAX = 32 * 2**20
RUN_ROWS_MAX = 200_000
BATCH_BYTES_MAX = 2**20
BATCH_ROWS_MAX = 2_000
FAN_IN_MAX = 100
INDEXES_KEPT_MAX = 1_000
INDEX = ".index"

Keyed = tuple[str, int, bytes]
"""A row's key, its number among those of the key, and what it says; rows come in this order."""


class Extent(Struct, frozen=True, array_like=True):
    """The record batches of one partition in a run, and how many rows they have."""

    first: int
    batches: int
    rows: int


_Index = dict[str, Extent]


class Runs:
    """Writes the rows that a task hands on, as runs in a folder.

    Args:
        folder: Of the rebuild.
        name: Begins the runs' names; of this task alone.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._rows: list[tuple[str, str, int, bytes]] = []
        self._bytes = 0
        self.names: list[str] = []
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            self._flush()

    def add(self, partition: str, key: str, number: int, data: bytes) -> None:
        """Hand a row on."""
        self._rows.append((partition, key, number, data))
        self._bytes += len(data) + len(key)
        self.counts[partition] = self.counts.get(partition, 0) + 1
        if self._bytes >= RUN_BYTES_MAX or len(self._rows) >= RUN_ROWS_MAX:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        self._rows.sort()
        name = f"{self._name}-{len(self.names):04}.arrow"
        of_partitions = (
            (partition, (row[1:] for row in rows))
            for partition, rows in groupby(self._rows, itemgetter(0))
        )
        write_run(self._folder / name, of_partitions)
        self.names.append(name)
        self._rows, self._bytes = [], 0


def write_run(path: Path, partitions: Iterable[tuple[str, Iterable[Keyed]]]) -> None:
    """Write one run: partitions with their rows, both in order."""
    pa = arrow()
    schema = pa.schema([("key", pa.string()), ("number", pa.int64()), ("data", pa.binary())])
    index: _Index = {}
    written = 0
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(part), schema, options=options) as file:
        for partition, rows in partitions:
            first, count = written, 0
            for batch in _batches(rows):
                columns = [list(column) for column in zip(*batch, strict=True)]
                arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
                file.write_batch(pa.record_batch(arrays, schema=schema))
                written, count = written + 1, count + len(batch)
            index[partition] = Extent(first, written - first, count)
    index_part = part.with_name(part.name + INDEX)
    index_part.write_bytes(msgspec.msgpack.encode(index))
    # The index first: a run that is there can be read.
    index_part.replace(path.with_name(path.name + INDEX))
    part.replace(path)


def _batches(rows: Iterable[Keyed]) -> Iterator[list[Keyed]]:
    batch: list[Keyed] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row[2])
        if len(batch) >= BATCH_ROWS_MAX or size >= BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def merged(folder: Path, names: Sequence[str], partition: str) -> Iterator[Keyed]:
    """The rows of a partition from all runs, in order; some batches of each run at a time."""
    holding = [path for path in (folder / name for name in names) if partition in _index_of(path)]
    with tempfile.TemporaryDirectory(prefix="timeline-runs-") as scratch:
        while len(holding) > FAN_IN_MAX:
            holding = [
                _merged_into(Path(scratch), holding[start : start + FAN_IN_MAX], partition)
                for start in range(0, len(holding), FAN_IN_MAX)
            ]
        yield from heapq.merge(*(_rows(path, partition) for path in holding))


def _merged_into(scratch: Path, paths: Sequence[Path], partition: str) -> Path:
    path = scratch / f"{uuid.uuid4().hex}.arrow"
    write_run(path, [(partition, heapq.merge(*(_rows(p, partition) for p in paths)))])
    for merged_path in paths:
        if merged_path.parent == scratch:
            merged_path.unlink()
    return path


@lru_cache(maxsize=INDEXES_KEPT_MAX)
def _index_of(path: Path) -> _Index:
    return msgspec.msgpack.decode(path.with_name(path.name + INDEX).read_bytes(), type=_Index)


def _rows(path: Path, partition: str) -> Iterator[Keyed]:
    pa = arrow()
    extent = _index_of(path)[partition]
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
        for number in range(extent.first, extent.first + extent.batches):
            batch: Any = file.get_batch(number)
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
