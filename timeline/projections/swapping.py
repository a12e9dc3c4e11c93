"""Replaces a casebook's rows of a table by those that were built beside them, in one transaction.

Only what differs is written: rows that are not in the build are deleted, those that differ are
updated, those that are missing inserted. So a rebuild that comes to the same rows writes nothing,
readers' snapshots stay whole on both engines, and locks are held for as long as it takes to compare
and to write the difference. The primary key, which begins with `casebook`, serves all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

ROWS_PER_DELETE = 5_000


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


def replace_rows(connection: Connection, table: Table, live: str, built: str) -> Difference:
    """Make the rows under the key `live` equal to those under `built`, which stay."""
    keys = [c.name for c in table.primary_key.columns if c.name != "casebook"]
    values = [c.name for c in table.columns if c.name not in (*keys, "casebook")]
    build, old = table.alias("build"), table.alias("old")
    same = and_(build.c.casebook == built, *(table.c[k] == build.c[k] for k in keys))
    deleted = connection.execute(
        delete(table).where(
            table.c.casebook == live, ~exists(select(literal(1)).select_from(build).where(same))
        )
    ).rowcount
    updated = _update(connection, table, live, values, build, same)
    is_there = and_(old.c.casebook == live, *(old.c[k] == build.c[k] for k in keys))
    missing = select(literal(live), *(build.c[name] for name in (*keys, *values))).where(
        build.c.casebook == built, ~exists(select(literal(1)).select_from(old).where(is_there))
    )
    inserted = connection.execute(
        insert(table).from_select(["casebook", *keys, *values], missing),
        execution_options={"preserve_rowcount": True},
    ).rowcount
    return Difference(deleted, updated, inserted)


def _update(
    connection: Connection,
    table: Table,
    live: str,
    values: Sequence[str],
    build: FromClause,
    same: ColumnElement[bool],
) -> int:
    """Update the columns that differ in any row: an index on others need not be written."""
    if not values:
        return 0
    both = and_(table.c.casebook == live, same)
    differ = [case((table.c[v].is_distinct_from(build.c[v]), 1), else_=0) for v in values]
    row = connection.execute(select(*(func.max(flag) for flag in differ)).where(both)).one()
    changed = [v for v, differs in zip(values, row, strict=True) if differs]
    if not changed:
        return 0
    different = or_(*(table.c[v].is_distinct_from(build.c[v]) for v in changed))
    return connection.execute(
        update(table).where(both, different).values({table.c[v]: build.c[v] for v in changed})
    ).rowcount


def delete_some(connection: Connection, table: Table, key: str) -> int:
    """Delete some rows under a key; returns how many, 0 when there are none left."""
    columns = list(table.primary_key.columns)
    some = select(*columns).where(table.c.casebook == key).limit(ROWS_PER_DELETE)
    found = connection.execute(delete(table).where(tuple_(*columns).in_(some)))
    return found.rowcount


def delete_reports(
    connection: Connection, table: Table, casebook: str, report_ids: Collection[str]
) -> None:
    """Delete a casebook's rows of some reports."""
    connection.execute(
        delete(table).where(table.c.casebook == casebook, table.c.report_id.in_(report_ids))
    )
