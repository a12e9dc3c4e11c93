"""Carries rows of projections' tables from the tasks to who loads them: one file a task and table.

An Arrow stream of record batches with the table's columns, but for `casebook`, which is the build's
key. The file's SHA-256 is in what the task reports, and is checked while the file is loaded.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from msgspec import Struct
from sqlalchemy import BigInteger, Boolean, Float, Integer, Table

from timeline.errors import TimelineError
from timeline.store.archive_format import arrow, file_sha256

ROWS_PER_BATCH_MAX = 2_000


class RowFile(Struct, frozen=True):
    """Rows of one table, by the name of their file."""

    table: str
    name: str
    rows: int
    sha256: str


class RowFileDamaged(TimelineError):
    """A file of rows is not what its task wrote; run the rebuild again with another --work."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not what its task wrote; run it again with another --work")
        self.name = name


def columns_of(table: Table) -> list[str]:
    """The columns that a file holds, in their order."""
    return [c.name for c in table.columns if c.name != "casebook"]


class RowFiles:
    """Writes the rows that a task comes to.

    Args:
        folder: Of the rebuild.
        name: Begins the files' names; of this task alone.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._files: dict[str, _File] = {}
        self.written: list[RowFile] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        for file in self._files.values():
            self.written += file.close(keeps=failed is None)

    def add(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows, each with all columns."""
        file = self._files.get(table.name)
        if file is None:
            path = self._folder / f"{self._name}-{table.name}.arrow"
            file = self._files[table.name] = _File(path, table)
        file.add(rows)


class _File:
    def __init__(self, path: Path, table: Table) -> None:
        self._path, self._table, self._columns = path, table, columns_of(table)
        self._part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        self._pa = arrow()
        self._schema = _schema(table)
        options = self._pa.ipc.IpcWriteOptions(compression="zstd")
        self._writer = self._pa.ipc.new_stream(str(self._part), self._schema, options=options)
        self._rows: list[tuple[Any, ...]] = []
        self._count = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            self._rows.append(tuple(row[name] for name in self._columns))
            if len(self._rows) >= ROWS_PER_BATCH_MAX:
                self._flush()

    def close(self, *, keeps: bool) -> list[RowFile]:
        self._flush()
        self._writer.close()
        if not keeps or not self._count:
            self._part.unlink()
            return []
        digest = file_sha256(self._part)
        self._part.replace(self._path)
        return [RowFile(str(self._table.name), self._path.name, self._count, digest)]

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                self._pa.array(list(values), field.type)
                for values, field in zip(columns, self._schema, strict=True)
            ]
            self._writer.write_batch(self._pa.record_batch(arrays, schema=self._schema))
        self._count += len(self._rows)
        self._rows = []


def _schema(table: Table) -> Any:  # noqa: ANN401 - pyarrow has no types
    pa = arrow()
    return pa.schema([(name, _type(pa, table, name)) for name in columns_of(table)])


def _type(pa: Any, table: Table, name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    kind = table.c[name].type
    if isinstance(kind, Boolean):
        return pa.bool_()
    if isinstance(kind, Integer | BigInteger):
        return pa.int64()
    return pa.float64() if isinstance(kind, Float) else pa.string()


def read_rows(folder: Path, file: RowFile) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a file in portions, each in the order of `columns_of`.

    Raises:
        RowFileDamaged: the bytes are not those that were written; some rows were given already.
    """
    pa, count, hashed = arrow(), 0, _Hashed(folder / file.name)
    try:
        with hashed, pa.ipc.open_stream(pa.PythonFile(hashed, mode="r")) as stream:
            for batch in stream:
                count += batch.num_rows
                yield list(zip(*(c.to_pylist() for c in batch.columns), strict=True))
            hashed.read()
    except (OSError, pa.ArrowException) as fault:
        raise RowFileDamaged(file.name) from fault
    if count != file.rows or hashed.digest.hexdigest() != file.sha256:
        raise RowFileDamaged(file.name)


class _Hashed:
    """A file that is hashed while it is read, from its beginning to its end."""

    closed = False

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        found = self._file.read(size)
        self.digest.update(found)
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
