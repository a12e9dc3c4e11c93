"""Writes many rows of a projection's table at once, in the fastest way each driver has.

On Postgres that is COPY in its binary form, and arrays for keys and changes; on SQLite
`executemany` and one JSON array. SQLAlchemy's own inserts cost several times what the drivers do.
All of it happens in the transaction of the connection that is given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, Float, Integer, Table

from timeline.store.engine import postgres_driver, sqlite_driver

# Up to so many rows one statement each, sent together, is faster than COPY.
FEW_ROWS_MAX = 8
# No statement carries more values than these.
KEYS_PER_STATEMENT_MAX = 10_000
# How many rows of several tables are in memory before they are written.
ROWS_AT_ONCE_MAX = 10_000

Row = Mapping[str, Any]

_TYPES = ((Boolean, "bool"), (BigInteger, "int8"), (Integer, "int4"), (Float, "float8"))


def load(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert rows that are not there yet; returns how many.

    Args:
        connection: In a write transaction.
        table: Whose columns each row names, all of them.
        rows: They are made as they are written, however many there are.
    """
    values = map(_values_of(table), rows)
    if connection.dialect.name == "sqlite":
        found = sqlite_driver(connection).executemany(_insert(table, "?"), values)
        return max(found.rowcount, 0)
    first = list(islice(values, FEW_ROWS_MAX + 1))
    if not first:
        return 0
    with postgres_driver(connection).cursor() as cursor:
        if len(first) <= FEW_ROWS_MAX:
            cursor.executemany(_insert(table, "%s"), first)
            return len(first)
        count = 0
        with cursor.copy(_copy(table)) as copy:
            copy.set_types([_type_of(table, c.name) for c in table.columns])
            for count, row in enumerate(chain(first, values), start=1):  # noqa: B007
                copy.write_row(row)
        return count


def grouped(rows: Iterable[tuple[Table, Row]]) -> Iterator[tuple[Table, list[Row]]]:
    """Rows of several tables by their table, a bounded number at a time, as they are made."""
    left = iter(rows)
    while part := list(islice(left, ROWS_AT_ONCE_MAX)):
        found: dict[Table, list[Row]] = {}
        for table, row in part:
            found.setdefault(table, []).append(row)
        yield from found.items()


def delete(
    connection: Connection, table: Table, casebook: str, column: str, values: Collection[str]
) -> None:
    """Delete a casebook's rows that have one of some texts in a column."""
    for some in _parts(sorted(values)):
        name = connection.dialect.name
        statement = _DELETE[name].format(table=table.name, column=column)
        _execute(connection, statement, (casebook, _listed(name, some)))


def delete_keys(connection: Connection, table: Table, casebook: str, rows: Sequence[Row]) -> None:
    """Delete a casebook's rows that have the keys of some rows."""
    _by_key(connection, table, casebook, (), rows)


def update(
    connection: Connection, table: Table, casebook: str, names: Sequence[str], rows: Sequence[Row]
) -> None:
    """Set some columns of the casebook's rows that have the keys of some rows."""
    _by_key(connection, table, casebook, tuple(names), rows)


def read(
    connection: Connection,
    table: Table,
    casebook: str,
    equal: tuple[str, ...],
    at_least: str,
    given: Sequence[tuple[str, ...]],
) -> Iterator[dict[str, Any]]:
    """A casebook's rows that equal given texts in some columns, and are not below one in another.

    Args:
        connection: In any transaction.
        table: Without columns of truth values, which SQLite gives as numbers.
        casebook: Whose rows.
        equal: The columns that are equal; an index begins with them.
        at_least: The other column.
        given: A text for each of `equal`, and one for `at_least`.
    """
    names = [c.name for c in table.columns]
    statement = _reading(table, connection.dialect.name, equal, at_least)
    for some in _parts(given):
        if connection.dialect.name == "sqlite":
            told = msgspec.json.encode(some).decode()
            rows = sqlite_driver(connection).execute(statement, (told, casebook)).fetchall()
        else:
            columns = [list(column) for column in zip(*some, strict=True)]
            rows = postgres_driver(connection).execute(statement, (*columns, casebook)).fetchall()
        yield from (dict(zip(names, row, strict=True)) for row in rows)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), KEYS_PER_STATEMENT_MAX):
        yield values[start : start + KEYS_PER_STATEMENT_MAX]


def _execute(connection: Connection, statement: str, values: Sequence[object]) -> None:
    if connection.dialect.name == "sqlite":
        sqlite_driver(connection).execute(statement, values)
    else:
        postgres_driver(connection).execute(statement, values)


def _by_key(
    connection: Connection,
    table: Table,
    casebook: str,
    names: tuple[str, ...],
    rows: Sequence[Row],
) -> None:
    keys = tuple(c.name for c in table.primary_key.columns if c.name != "casebook")
    statement = _statement_by_key(table, connection.dialect.name, keys, names)
    for some in _parts(rows):
        if connection.dialect.name == "sqlite":
            told = [(*(row[n] for n in (*names, *keys)), casebook) for row in some]
            sqlite_driver(connection).executemany(statement, told)
        else:
            columns = [[row[n] for row in some] for n in (*names, *keys)]
            postgres_driver(connection).execute(statement, (*columns, casebook))


# ruff: noqa: S608 - every name in these statements is a table's or column's of our own
_DELETE = {
    "sqlite": """
DELETE FROM {table} WHERE casebook = ? AND {column} IN (SELECT value FROM json_each(?))
""",
    "postgresql": "DELETE FROM {table} WHERE casebook = %s AND {column} = ANY(%s::text[])",
}


def _listed(dialect: str, values: Sequence[str]) -> object:
    return msgspec.json.encode(values).decode() if dialect == "sqlite" else list(values)


@cache
def _statement_by_key(
    table: Table, dialect: str, keys: tuple[str, ...], names: tuple[str, ...]
) -> str:
    """Updates columns of the rows with some keys; without names of columns, deletes the rows."""
    if dialect == "sqlite":
        change = f"UPDATE {table.name} SET {', '.join(f'{n} = ?' for n in names)}"
        found = " AND ".join(f"{k} = ?" for k in keys)
        return f"{change if names else f'DELETE FROM {table.name}'} WHERE {found} AND casebook = ?"
    both = (*names, *keys)
    arrays = ", ".join(f"%s::{_type_of(table, n)}[]" for n in both)
    given = f"unnest({arrays}) AS given ({', '.join(both)})"
    found = " AND ".join(f"t.{k} = given.{k}" for k in keys)
    if not names:
        return f"DELETE FROM {table.name} AS t USING {given} WHERE {found} AND t.casebook = %s"
    values = ", ".join(f"{n} = given.{n}" for n in names)
    return f"UPDATE {table.name} AS t SET {values} FROM {given} WHERE {found} AND t.casebook = %s"


@cache
def _reading(table: Table, dialect: str, equal: tuple[str, ...], at_least: str) -> str:
    """Looks up each of what is given by itself, whatever the planner knows of the table."""
    names = ", ".join(f"t.{c.name}" for c in table.columns)
    if dialect == "sqlite":
        same = " AND ".join(
            f"t.{name} = json_extract(given.value, '$[{n}]')" for n, name in enumerate(equal)
        )
        return (
            f"SELECT {names} FROM json_each(?) AS given CROSS JOIN {table.name} AS t"
            f" WHERE t.casebook = ? AND {same}"
            f" AND t.{at_least} >= json_extract(given.value, '$[{len(equal)}]')"
        )
    both = (*equal, at_least)
    arrays = ", ".join("%s::text[]" for _ in both)
    same = " AND ".join(f"o.{name} = given.{name}" for name in equal)
    return (
        f"SELECT {names} FROM unnest({arrays}) AS given ({', '.join(both)}) CROSS JOIN LATERAL"
        f" (SELECT * FROM {table.name} AS o WHERE o.casebook = %s AND {same}"
        f" AND o.{at_least} >= given.{at_least} OFFSET 0) AS t"
    )


@cache
def _values_of(table: Table) -> itemgetter[Any]:
    return itemgetter(*(c.name for c in table.columns))


@cache
def _insert(table: Table, mark: str) -> str:
    names = [c.name for c in table.columns]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    )


@cache
def _copy(table: Table) -> str:
    names = ", ".join(c.name for c in table.columns)
    return f"COPY {table.name} ({names}) FROM STDIN (FORMAT binary)"


@cache
def _type_of(table: Table, name: str) -> str:
    kind = table.c[name].type
    return next((t for python, t in _TYPES if isinstance(kind, python)), "text")
