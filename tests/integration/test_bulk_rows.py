"""Many rows are written, changed and deleted through the drivers, in every projection's table."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Engine, Float, Integer, Table, select

from timeline.bootstrap import all_projections
from timeline.projections import bulk_rows
from timeline.store.engine import read_transaction, write_transaction

TABLES = [table for p in all_projections() for table in p.tables]


def row_of(table: Table, number: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.type, Boolean):
            values[column.name] = number % 2 == 0
        elif isinstance(column.type, Integer | BigInteger):
            values[column.name] = number
        elif isinstance(column.type, Float):
            values[column.name] = number + 0.5
        elif column.nullable and number % 3 == 0:
            values[column.name] = None
        else:
            values[column.name] = f"{column.name} {number:03} \\ \t\n\"' {{}} خناصر"
    return {**values, "casebook": "main"}


def rows_in(engine: Engine, table: Table) -> list[dict[str, Any]]:
    order = list(table.primary_key.columns)
    with read_transaction(engine) as connection:
        found = connection.execute(select(table).order_by(*order)).mappings()
        return [dict(row) for row in found]


@pytest.mark.parametrize("count", [0, 3, 100])
def test_rows_of_every_table_are_read_as_they_were_loaded(engine: Engine, count: int) -> None:
    for table in TABLES:
        rows = [row_of(table, n) for n in range(count)]
        with write_transaction(engine) as connection:
            assert bulk_rows.load(connection, table, iter(rows)) == count
        assert rows_in(engine, table) == rows, table.name


def test_rows_are_changed_and_deleted_by_key_and_by_column(engine: Engine) -> None:
    for table in TABLES:
        rows = [row_of(table, n) for n in range(40)]
        others = {**rows[7], "casebook": "other"}
        names = [c.name for c in table.columns if not c.primary_key]
        changed = [
            {**row, **{n: row_of(table, 40 + row_number)[n] for n in names}}
            for row_number, row in enumerate(rows[:10])
        ]
        column = next(
            c.name
            for c in table.columns
            if c.name != "casebook" and str(c.type) == "TEXT" and not c.nullable
        )
        with write_transaction(engine) as connection:
            bulk_rows.load(connection, table, [*rows, others])
            if names:
                bulk_rows.update(connection, table, "main", names, changed)
            bulk_rows.delete_keys(connection, table, "main", rows[:5])
            bulk_rows.delete(connection, table, "main", column, [r[column] for r in rows[20:]])
        kept = [*(changed if names else rows)[5:10], *rows[10:20], others]
        assert rows_in(engine, table) == kept, table.name
