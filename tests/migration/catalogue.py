"""Reads everything that a migration could leave behind: tables, keys, indexes, triggers, grants."""

from __future__ import annotations

import re

from sqlalchemy import Connection, Engine

from timeline.store.engine import read_transaction

_POSTGRES = {
    "relation": """
SELECT c.oid::regclass::text, c.relkind::text, coalesce(c.relacl::text, ''),
       coalesce(c.reloptions::text, '')
FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1""",
    "column": """
SELECT a.attrelid::regclass::text,
       row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attname,
       format_type(a.atttypid, a.atttypmod), a.attnotnull, coalesce(l.collname, ''),
       coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relnamespace = 'public'::regnamespace
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' ORDER BY 1, 2""",
    "constraint": """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "index": """
SELECT tablename, indexdef, '' FROM pg_indexes WHERE schemaname = 'public' ORDER BY 2""",
    "trigger": """
SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled::text
FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2""",
    "function": """
SELECT proname, pg_get_functiondef(oid), ''
FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "type": """
SELECT typname, typtype::text, '' FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd') ORDER BY 1""",
}

Catalogue = frozenset[tuple[object, ...]]


def catalogue(engine: Engine, *, versions: bool = False) -> Catalogue:
    """One entry for each thing in the catalogue, as the engine itself describes it.

    Args:
        engine: The database.
        versions: Whether Alembic's own table counts, which the first upgrade makes for good.
    """
    with read_transaction(engine) as connection:
        found = _sqlite(connection) if engine.dialect.name == "sqlite" else _postgres(connection)
    return frozenset(e for e in found if versions or not str(e[1]).startswith("alembic_version"))


def _postgres(connection: Connection) -> list[tuple[object, ...]]:
    return [
        (kind, *row)
        for kind, query in _POSTGRES.items()
        for row in connection.exec_driver_sql(query)
    ]


def _sqlite(connection: Connection) -> list[tuple[object, ...]]:
    rows = connection.exec_driver_sql("SELECT type, tbl_name, name, sql FROM sqlite_master")
    # A batch writes the same table with other quotes and spaces.
    return [(k, t, n, re.sub(r'[\s"]', "", sql or "")) for k, t, n, sql in rows]
