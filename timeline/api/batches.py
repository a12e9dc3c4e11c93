"""Reads for all rows of a list at once what each would else ask the database for by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from timeline.api.connections import Paging
from timeline.api.context import Info
from timeline.api.limits import ROWS_MAX
from timeline.api.plans import statements
from timeline.api.plans.statements import Whose
from timeline.projections import tables
from timeline.projections.entry_queries import (
    Entry,
    Filters,
    entries_query,
    entry_from,
    with_also,
)
from timeline.store.engine import read_transaction

_COLUMNS = (
    *(c.name for c in tables.entries.c if c.name != "casebook"),
    *(f"r_{c.name}" for c in tables.report_versions.c if c.name != "casebook"),
)


def claims_of_reports(
    info: Info, report_ids: Sequence[str], known_on: str | None
) -> dict[str, list[Entry]]:
    """The standing claims of some reports in the order in which they were filed.

    Raises:
        InvalidDate: `known_on` is neither a day nor an instant with offset.
        QueryTooLarge: there are more than one request may return.
    """
    reader, c = info.context.reader, tables.entries.c
    query = entries_query(reader.casebook, reader.time_zone, Filters(), reader.cutoff(known_on))
    wanted = query.where(c.report_id.in_(report_ids))
    ordered = wanted.order_by(c.position, c.sort_key, c.claim_id, c.form)
    with read_transaction(reader.engine) as connection:
        rows = connection.execute(ordered.limit(ROWS_MAX + 1)).mappings().all()
    if len(rows) > ROWS_MAX:
        info.context.spend(len(rows))
    found: dict[str, list[Entry]] = {}
    for entry in _quoted(info, [entry_from(dict(r)) for r in rows]):
        found.setdefault(entry.report.report_id, []).append(entry)
    return found


def timelines(
    info: Info,
    ids: Sequence[str],
    whose: Whose,
    page: Paging,
    arguments: Mapping[str, Any],
    actor_key: str | None,
) -> dict[str, list[Entry]]:
    """The entries of a page of each timeline, one more than the page fetches at the most.

    As many are read in one statement as may be returned in one request.

    Raises:
        InvalidDate: a date is neither a day nor an instant with offset.
        QueryTooLarge: there are more entries than one request may return.
    """
    at_once = max(1, ROWS_MAX // (page.fetched + 1))
    reader, read = info.context.reader, 0
    bound = statements.bound(reader.casebook, reader.time_zone, page, arguments, actor_key, whose)
    found: dict[str, list[Entry]] = {}
    for start in range(0, len(ids), at_once):
        some = ids[start : start + at_once]
        shape, values = statements.of_ids(*bound, some)
        with read_transaction(reader.engine) as connection:
            dialect = connection.dialect.name
            rows = _asked(connection, statements.timeline(dialect, shape, _COLUMNS), values)
        told = [(some[r["n"]], entry_from(r)) for r in rows if r["n"] is not None]
        read += len(told)
        if read > ROWS_MAX:
            info.context.spend(read)
        for (id_, _), entry in zip(told, _quoted(info, [e for _, e in told]), strict=True):
            found.setdefault(id_, []).append(entry)
    return found


def counts(
    info: Info,
    ids: Sequence[str],
    whose: Whose,
    page: Paging,
    arguments: Mapping[str, Any],
    actor_key: str | None,
) -> dict[str, int]:
    """How many entries each timeline has in all."""
    reader = info.context.reader
    bound = statements.bound(reader.casebook, reader.time_zone, page, arguments, actor_key, whose)
    shape, values = statements.of_ids(*bound, ids)
    with read_transaction(reader.engine) as connection:
        sql = statements.timeline_count(connection.dialect.name, shape)
        rows = _asked(connection, sql, values)
    return {id_: int(r["total"]) for id_, r in zip(ids, rows, strict=True)}


def _asked(connection: Connection, sql: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
    if connection.dialect.name == statements.POSTGRES:
        sql = statements.formatted(sql)
    return [dict(r) for r in connection.exec_driver_sql(sql, dict(values)).mappings()]


def _quoted(info: Info, entries: list[Entry]) -> list[Entry]:
    texts = info.context.reader.quoted_texts(entries)
    return [with_also(e, texts) for e in entries]
