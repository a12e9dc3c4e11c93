"""Makes a casebook's rows of a table equal to those that were built beside them.

Which rows differ is found first: that takes long, but reads a snapshot and holds nobody up. They
are noted in temporary tables of the connection, by rowid on SQLite, where writing in the order of
the file is several times as fast, and by key on Postgres. The swap's transaction then writes those
rows only: such as are not in the build are deleted, those that differ updated, in the columns that
differ in any row (an index on others need not be written), those that are missing inserted. So a
rebuild that comes to the same rows writes nothing, and readers' snapshots stay whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, Table, text


@dataclass(frozen=True)
class Difference:
    """How many rows a replacement deleted, updated and inserted."""

    deleted: int = 0
    updated: int = 0
    inserted: int = 0

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            self.deleted + other.deleted,
            self.updated + other.updated,
            self.inserted + other.inserted,
        )


@dataclass(frozen=True)
class Comparison:
    """What has to be written for a table's rows to become those of the build.

    Attributes:
        table: Which table.
        columns: Those that differ in any row that is in both.
        difference: How many rows differ. Which they are stands in the connection's temporary
            tables until `forget`.
    """

    table: Table
    columns: tuple[str, ...]
    difference: Difference


def compare(connection: Connection, table: Table, live: str, built: str) -> Comparison:
    """Note in which rows those under the key `live` differ from those under `built`."""
    statements = _statements(connection, table)
    forget(connection, [table])
    for statement in statements.noting:
        _run(connection, statement, live, built)
    counted = _run(connection, statements.counts, live, built).one()
    columns: tuple[str, ...] = ()
    if counted.updated and statements.values:
        flags = _run(connection, statements.differing, live, built).one()
        columns = tuple(v for v, is_so in zip(statements.values, flags, strict=True) if is_so)
    return Comparison(table, columns, Difference(*counted))


def replace_rows(connection: Connection, found: Comparison, live: str, built: str) -> Difference:
    """Write what a comparison noted; nothing else may have changed these rows since."""
    statements = _statements(connection, found.table)
    if found.difference.deleted:
        _run(connection, statements.delete, live, built)
    if found.columns:
        _run(connection, statements.update(found.columns), live, built)
    if found.difference.inserted:
        _run(connection, statements.insert, live, built)
    return found.difference


def forget(connection: Connection, compared: Iterable[Table]) -> None:
    """Throw away what comparisons noted."""
    schema = "temp" if connection.dialect.name == "sqlite" else "pg_temp"
    for table in compared:
        for noted in ("changed", "missing"):
            connection.execute(text(f"DROP TABLE IF EXISTS {schema}.{noted}_{table.name}"))


def layout(connection: Connection) -> int:
    """Another number when rowids may be others than before: SQLite's VACUUM gives new ones."""
    if connection.dialect.name != "sqlite":
        return 0
    return int(connection.execute(text("PRAGMA schema_version")).scalar_one())


# ruff: noqa: S608 - every name in these statements is a table's or column's of our own
@dataclass(frozen=True)
class _Statements:
    """In them `t` is the table, `l` its live rows and `b` those of the build."""

    noting: tuple[str, ...]
    counts: str
    values: tuple[str, ...]
    differing: str
    delete: str
    insert: str
    update: Callable[[Sequence[str]], str]


def _run(connection: Connection, statement: str, live: str, built: str) -> CursorResult[Any]:
    given = {"live": live, "built": built}
    used = {name: value for name, value in given.items() if f":{name}" in statement}
    return connection.execute(text(statement), used)


def _statements(connection: Connection, table: Table) -> _Statements:
    keys = [c.name for c in table.primary_key.columns if c.name != "casebook"]
    values = [c.name for c in table.columns if c.name not in (*keys, "casebook")]
    make = _on_sqlite if connection.dialect.name == "sqlite" else _on_postgres
    return make(table.name, keys, values)


def _on_sqlite(table: str, keys: list[str], values: list[str]) -> _Statements:
    """Rows are noted by rowid, which stays as long as the row is there."""
    changed, missing = f"temp.changed_{table}", f"temp.missing_{table}"
    same = _all(f"b.{k} = l.{k}" for k in keys)
    differs = "".join(f" OR l.{v} IS NOT b.{v}" for v in values)
    names = ", ".join((*keys, *values))
    both = f"{changed} AS c CROSS JOIN {table} AS l CROSS JOIN {table} AS b"
    return _Statements(
        noting=(
            f"CREATE TABLE {changed} (live INTEGER PRIMARY KEY, built INTEGER)",
            f"CREATE TABLE {missing} (built INTEGER PRIMARY KEY)",
            (
                f"INSERT INTO {changed} SELECT l.rowid, b.rowid FROM {table} AS l NOT INDEXED"
                f" LEFT JOIN {table} AS b ON b.casebook = :built AND {same}"
                f" WHERE l.casebook = :live AND (b.rowid IS NULL{differs})"
            ),
            (
                f"INSERT INTO {missing} SELECT b.rowid FROM {table} AS b NOT INDEXED"
                f" WHERE b.casebook = :built AND NOT EXISTS"
                f" (SELECT 1 FROM {table} AS l WHERE l.casebook = :live AND {same})"
            ),
        ),
        counts=f"SELECT count(*) - count(built) AS deleted, count(built) AS updated,"
        f" (SELECT count(*) FROM {missing}) AS inserted FROM {changed}",
        values=tuple(values),
        differing=f"SELECT {', '.join(f'max(l.{v} IS NOT b.{v})' for v in values)}"
        f" FROM {both} WHERE l.rowid = c.live AND b.rowid = c.built",
        delete=f"DELETE FROM {table} WHERE rowid IN"
        f" (SELECT live FROM {changed} WHERE built IS NULL)",
        insert=f"INSERT INTO {table} (casebook, {names}) SELECT :live, {names}"
        f" FROM {missing} AS m CROSS JOIN {table} AS b WHERE b.rowid = m.built ORDER BY m.built",
        # As one value of a row, so that SQLite need not write all new values elsewhere first.
        update=lambda some: (
            f"UPDATE {table} AS t SET ({', '.join(some)}) ="
            f" (SELECT {', '.join(f'b.{v}' for v in some)} FROM {changed} AS c"
            f" CROSS JOIN {table} AS b WHERE c.live = t.rowid AND b.rowid = c.built)"
            f" WHERE rowid IN (SELECT live FROM {changed} WHERE built IS NOT NULL)"
        ),
    )


def _on_postgres(table: str, keys: list[str], values: list[str]) -> _Statements:
    """Rows are noted by key."""
    changed, missing = f"pg_temp.changed_{table}", f"pg_temp.missing_{table}"
    key, names = ", ".join(keys), ", ".join((*keys, *values))
    live = f"(SELECT * FROM {table} WHERE casebook = :live) AS l"
    build = f"(SELECT * FROM {table} WHERE casebook = :built) AS b"
    rows = [f"({', '.join(f'{of}.{v}' for v in values)})" for of in ("l", "b")]
    differs = f" OR {rows[0]} IS DISTINCT FROM {rows[1]}" if values else ""
    noted = _all(f"t.{k} = c.{k}" for k in keys)
    return _Statements(
        noting=(
            (
                f"CREATE TEMPORARY TABLE changed_{table} AS SELECT {key}, true AS is_built"
                f" FROM {table} WITH NO DATA"
            ),
            f"CREATE TEMPORARY TABLE missing_{table} AS SELECT {key} FROM {table} WITH NO DATA",
            (
                f"INSERT INTO {changed} SELECT {key}, b.casebook IS NOT NULL FROM {live}"
                f" LEFT JOIN {build} USING ({key}) WHERE b.casebook IS NULL{differs}"
            ),
            (
                f"INSERT INTO {missing} SELECT {key} FROM {build} LEFT JOIN {live} USING ({key})"
                " WHERE l.casebook IS NULL"
            ),
            f"ANALYZE changed_{table}",
            f"ANALYZE missing_{table}",
        ),
        counts="SELECT count(*) FILTER (WHERE NOT is_built) AS deleted,"
        f" count(*) FILTER (WHERE is_built) AS updated,"
        f" (SELECT count(*) FROM {missing}) AS inserted FROM {changed}",
        values=tuple(values),
        differing=f"SELECT {', '.join(f'bool_or(l.{v} IS DISTINCT FROM b.{v})' for v in values)}"
        f" FROM {changed} AS c JOIN {live} USING ({key}) JOIN {build} USING ({key})",
        delete=f"DELETE FROM {table} AS t USING {changed} AS c"
        f" WHERE t.casebook = :live AND {noted} AND NOT c.is_built",
        insert=f"INSERT INTO {table} (casebook, {names}) SELECT :live, {names}"
        f" FROM {missing} AS m JOIN {build} USING ({key})",
        update=lambda some: (
            f"UPDATE {table} AS t SET {', '.join(f'{v} = b.{v}' for v in some)}"
            f" FROM {changed} AS c JOIN {build} USING ({key})"
            f" WHERE t.casebook = :live AND {noted} AND c.is_built"
        ),
    )


def _all(conditions: Iterable[str]) -> str:
    return " AND ".join(conditions)
