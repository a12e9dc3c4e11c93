"""Makes the database itself refuse to rewrite the log, and checks that it still does.

Triggers guard, they do not compute. Two updates pass, and no others: withholding an event (`data`
and `salt` become NULL) and withholding a document (`content` becomes NULL). The head of a casebook
may only move forward. SQLite's INSERT OR REPLACE deletes without asking the DELETE trigger, so
there a trigger also refuses to insert over any unique key, the hidden rowid included.

The statements are part of migration 0001 and as frozen as the tables they stand on. SQLite's batch
migrations drop triggers silently: apply them again after every batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from timeline.store.engine import read_transaction

_REFUSED = {
    "events": "the log is never rewritten; correct, retract or withhold instead",
    "documents": "documents are never rewritten; withhold the content instead",
    "casebooks": "a casebook is never removed, and its head only moves forward",
}
_KEPT = {
    "events": (
        "casebook", "position", "event_id", "stream", "version", "type", "schema_version",
        "digest", "metadata", "recorded_at", "previous_hash", "hash",
    ),
    "documents": ("casebook", "digest", "media_type", "byte_length"),
    "casebooks": ("casebook", "time_zone", "theatre"),
}  # fmt: skip
_ALLOWED_UPDATE = {
    "events": "NEW.data IS NULL AND NEW.salt IS NULL",
    "documents": "NEW.content IS NULL",
    "casebooks": "NEW.position >= OLD.position",
}
_UNIQUE_KEYS = {
    "events": (("casebook", "position"), ("casebook", "stream", "version"),
               ("casebook", "event_id"), ("rowid",)),
    "documents": (("casebook", "digest"), ("rowid",)),
    "casebooks": (("casebook",), ("rowid",)),
}  # fmt: skip
TABLES = ("events", "documents", "casebooks")


@dataclass(frozen=True)
class Grant:
    """A privilege in the log that no role but the owner may have; `revoke` takes it away."""

    role: str
    privilege: str
    table: str
    revoke: str


def statements(dialect: str) -> tuple[str, ...]:
    """The DDL that sets the guards up; each statement may be run again.

    Args:
        dialect: "sqlite" or "postgresql".
    """
    if dialect == "sqlite":
        return tuple(
            statement
            for name, definition in _sqlite_triggers().items()
            for statement in (f"DROP TRIGGER IF EXISTS {name}", definition)
        )
    return tuple(statement for table in TABLES for statement in _postgres_guard(table))


def apply(connection: Connection) -> None:
    """Set the guards up in the caller's transaction, whether or not they stand."""
    for statement in statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def missing_guards(engine: Engine) -> tuple[str, ...]:
    """The names of the guards that do not stand as they should; empty when all do."""
    with read_transaction(engine) as connection:
        return missing_guards_in(connection)


def missing_guards_in(connection: Connection) -> tuple[str, ...]:
    """`missing_guards` in the caller's transaction."""
    if connection.dialect.name == "sqlite":
        return _missing_on_sqlite(connection)
    return _missing_on_postgres(connection)


def excess_grants_in(connection: Connection) -> tuple[Grant, ...]:
    """What the catalogue of Postgres allows others than the owner to rewrite; SQLite has no roles.

    Triggers stop most of it, but not who may make triggers of his own, and they are one statement
    away from not being there; so nobody but the owner has the privilege either.
    """
    if connection.dialect.name == "sqlite":
        return ()
    return tuple(Grant(*row) for row in connection.exec_driver_sql(_EXCESS_GRANTS))


def _same(columns: Sequence[str]) -> str:
    return " AND ".join(f"NEW.{column} IS OLD.{column}" for column in columns)


def _is_taken(table: str, key: Sequence[str]) -> str:
    same = " AND ".join(f"t.{column} = NEW.{column}" for column in key)
    return f"EXISTS (SELECT 1 FROM {table} AS t WHERE {same})"  # noqa: S608 (our own names)


def _sqlite_triggers() -> dict[str, str]:
    triggers: dict[str, str] = {}
    for table in TABLES:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSED[table]}'); END"
        allowed = f"{_ALLOWED_UPDATE[table]} AND {_same(_KEPT[table])}"
        taken = " OR ".join(_is_taken(table, key) for key in _UNIQUE_KEYS[table])
        triggers[f"{table}_refuse_update"] = (
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE ON {table}"
            f" WHEN NOT ({allowed}) {refuse}"
        )
        triggers[f"{table}_refuse_delete"] = (
            f"CREATE TRIGGER {table}_refuse_delete BEFORE DELETE ON {table} {refuse}"
        )
        triggers[f"{table}_refuse_replace"] = (
            f"CREATE TRIGGER {table}_refuse_replace BEFORE INSERT ON {table} WHEN {taken} {refuse}"
        )
    return triggers


def _postgres_body(table: str) -> str:
    kept = " AND ".join(
        f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in _KEPT[table]
    )
    return f"""
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF {_ALLOWED_UPDATE[table]} AND {kept} THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '{_REFUSED[table]}' USING ERRCODE = 'restrict_violation';
END
"""


def _postgres_guard(table: str) -> tuple[str, ...]:
    function, row, truncate = f"{table}_guard", f"{table}_refuse_rows", f"{table}_refuse_truncate"
    body = _postgres_body(table)
    run = f"EXECUTE FUNCTION {function}()"
    return (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
        f"DROP TRIGGER IF EXISTS {row} ON {table}",
        f"CREATE TRIGGER {row} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {run}",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {row}",
        f"DROP TRIGGER IF EXISTS {truncate} ON {table}",
        f"CREATE TRIGGER {truncate} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {run}",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {truncate}",
    )


def _missing_on_sqlite(connection: Connection) -> tuple[str, ...]:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = {row[0]: row[1] for row in rows}
    return tuple(
        name for name, definition in _sqlite_triggers().items() if found.get(name) != definition
    )


# tgtype bits: 1 row, 2 before, 8 delete, 16 update, 32 truncate. tgenabled 'A' is ENABLE ALWAYS.
_BEFORE_ROW_UPDATE_DELETE = 1 + 2 + 8 + 16
_BEFORE_TRUNCATE = 2 + 32
_POSTGRES_TRIGGERS = """
SELECT t.tgname, t.tgrelid::regclass::text, t.tgtype::int, t.tgenabled = 'A', p.prosrc
FROM pg_trigger AS t
JOIN pg_proc AS p ON p.oid = t.tgfoid
WHERE t.tgrelid IN (to_regclass('events'), to_regclass('documents'), to_regclass('casebooks'))
"""

# Grantee 0 is PUBLIC. Columns that a role may update are those of migrations/roles.sql.
_EXCESS_GRANTS = """
WITH log AS (
  SELECT c.oid, c.relname::text AS name, c.relowner, c.relacl
  FROM pg_class AS c
  WHERE c.oid IN (to_regclass('events'), to_regclass('documents'), to_regclass('casebooks'))
), granted AS (
  SELECT log.name, log.relowner, acl.grantee, acl.privilege_type AS privilege, '' AS columns
  FROM log CROSS JOIN LATERAL aclexplode(log.relacl) AS acl
  WHERE acl.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
  UNION ALL
  SELECT log.name, log.relowner, acl.grantee, 'UPDATE', ' (' || quote_ident(a.attname) || ')'
  FROM log
  JOIN pg_attribute AS a ON a.attrelid = log.oid
  CROSS JOIN LATERAL aclexplode(a.attacl) AS acl
  WHERE acl.privilege_type = 'UPDATE'
    AND (log.name, a.attname) NOT IN (
      ('events', 'data'), ('events', 'salt'), ('documents', 'content'),
      ('casebooks', 'position'), ('casebooks', 'hash'), ('casebooks', 'recorded_at'))
)
SELECT coalesce(r.rolname::text, 'PUBLIC'), g.privilege || g.columns, g.name,
       'REVOKE ' || g.privilege || g.columns || ' ON ' || g.name
         || ' FROM ' || coalesce(quote_ident(r.rolname), 'PUBLIC')
FROM granted AS g
LEFT JOIN pg_roles AS r ON r.oid = g.grantee
WHERE g.grantee <> g.relowner AND coalesce(r.rolsuper, false) = false
ORDER BY 1, 3, 2
"""


def _missing_on_postgres(connection: Connection) -> tuple[str, ...]:
    found = {row[0]: tuple(row) for row in connection.exec_driver_sql(_POSTGRES_TRIGGERS)}
    missing: list[str] = []
    for table in TABLES:
        for suffix, kind in (
            ("refuse_rows", _BEFORE_ROW_UPDATE_DELETE),
            ("refuse_truncate", _BEFORE_TRUNCATE),
        ):
            name = f"{table}_{suffix}"
            if found.get(name) != (name, table, kind, True, _postgres_body(table)):
                missing.append(name)
    return tuple(missing)
