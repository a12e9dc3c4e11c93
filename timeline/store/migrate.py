"""Brings a database's schema to this release's, and refuses to work on any other.

Alembic runs from here with the revisions that the installation carries, so nobody needs an
alembic.ini. Each revision is one transaction, which first takes its turn and then reads which
revision the database has: so processes that upgrade at once migrate once, and one that is killed
leaves the schema as it was and no lock behind. On SQLite BEGIN IMMEDIATE is the turn, on Postgres
an advisory lock of the transaction itself.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, func, inspect, select, table
from sqlalchemy.exc import DBAPIError

from timeline.errors import SchemaMismatch, TimelineError
from timeline.resources import resource
from timeline.store import guards
from timeline.store.engine import read_transaction, write_transaction
from timeline.store.plans import Plan

MIGRATION_WAIT_MS_MAX = 300_000
REVISIONS_MAX = 1_000
# How soon Postgres notices that the process whose statement it runs was killed.
CLIENT_CHECK_MS = 1_000
ADVISORY_LOCK = 5_217_900_301  # any number that nobody else uses

_NEWER = "install the newer release that migrated it (`pip install --upgrade conflict-timeline`)"
# A server without that setting, or on a system that cannot do it, goes on without.
_NOTICE_A_KILLED_CLIENT = f"""
DO $$
BEGIN
  PERFORM set_config('client_connection_check_interval', '{CLIENT_CHECK_MS}', true);
EXCEPTION
  WHEN undefined_object OR invalid_parameter_value THEN NULL;
END
$$
"""
# squawk wants TEXT, but Alembic makes this table, and looks for it as it made it.
_VERSION_COLUMN = "    version_num VARCHAR(32)"
_NOT_OURS = "    -- squawk-ignore prefer-text-field\n"
# Lock time-outs, lost connections, shut-downs and deadlocks: the engine names them by itself.
_NOT_THE_REVISIONS_FAULT = ("08", "40", "55P03", "57")


class MigrationFailed(TimelineError):
    """A revision failed and was rolled back; tell the maintainers what it said."""

    def __init__(self, what: str, current: str | None, reason: str) -> None:
        super().__init__(
            f"{what} failed and was rolled back, the schema is still {current or 'empty'}: {reason}"
        )
        self.what, self.current, self.reason = what, current, reason


@dataclass(frozen=True)
class Step:
    """A revision that will run: what it says of itself, and how many rows it meets now."""

    revision: str
    title: str
    plan: Plan
    rows: dict[str, int]


@dataclass(frozen=True)
class Pending:
    """What an upgrade will do; `current` is None for an empty database."""

    current: str | None
    head: str
    steps: tuple[Step, ...]


def upgrade(engine: Engine, until: str = "head") -> None:
    """Bring the schema to this release's; does nothing to a current one but check its guards.

    Args:
        engine: The database.
        until: An older revision at which to stop, for tests and measurements.

    Raises:
        SchemaMismatch: a newer release has migrated the database, it holds somebody else's
            tables of our names, or the log may be rewritten by a role that should not.
        MigrationFailed: a revision failed; nothing of it is left.
        DatabaseUnavailable: the database did not answer.
    """
    for _ in range(REVISIONS_MAX):
        with write_transaction(engine) as connection:
            _take_turn(connection)
            current = _current_revision(connection)
            following = _following(current, until)
            if following:
                _require_room(connection, current)
                _run_one(connection, current, following[0].revision)
            _restore_guards(connection)
        if len(following) <= 1:
            break
    with read_transaction(engine) as connection:
        _require_grants(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to a revision, in one transaction; "-1" is one step, "base" is all.

    Raises:
        WouldDestroyLog: events would be lost.
        SchemaMismatch: there is no such revision, here or in the database.
        MigrationFailed: a revision failed; nothing was undone.
        DatabaseUnavailable: the database did not answer.
    """
    config = _config()
    with write_transaction(engine) as connection:
        _take_turn(connection)
        current = _current_revision(connection)
        _require_known(current)
        config.attributes["connection"] = connection
        try:
            with _failing_as(f"the way back from {current}", current):
                command.downgrade(config, revision)
        except CommandError as error:
            raise SchemaMismatch(f"the schema cannot go back to {revision!r}: {error}") from error
        _restore_guards(connection)


def status(engine: Engine) -> tuple[str | None, str]:
    """The database's revision, None when it has none, and this release's."""
    with read_transaction(engine) as connection:
        return _current_revision(connection), _head_revision()


def pending(engine: Engine) -> Pending:
    """What an upgrade would do now; changes nothing.

    Raises:
        SchemaMismatch: a newer release has migrated the database, or it is somebody else's.
        DatabaseUnavailable: the database did not answer.
    """
    with read_transaction(engine) as connection:
        current = _current_revision(connection)
        following = _following(current, "head")
        if following:
            _require_room(connection, current)
        present = set(inspect(connection).get_table_names())
        steps = []
        for script in following:
            plan: Plan = script.module.PLAN
            rows = {
                name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
                for name in plan.touches
                if name in present
            }
            steps.append(Step(script.revision, script.doc, plan, rows))
        return Pending(current, _head_revision(), tuple(steps))


def require_current(engine: Engine) -> None:
    """Return if the schema is this release's and the log cannot be rewritten.

    Raises:
        SchemaMismatch: it is not; the message names the command to run.
        DatabaseUnavailable: the database did not answer.
    """
    with read_transaction(engine) as connection:
        current, head = _current_revision(connection), _head_revision()
        if current is None:
            raise SchemaMismatch("the database is empty; run `timeline init`")
        _require_known(current)
        if current != head:
            raise SchemaMismatch(
                f"the database's schema is {current}, this release's is {head};"
                " run `timeline migrate up`"
            )
        missing = guards.missing_guards_in(connection)
        if missing:
            raise SchemaMismatch(
                f"the database no longer refuses to rewrite the log ({', '.join(missing)} missing);"
                " run `timeline migrate up`, then `timeline verify`"
            )
        _require_grants(connection)


def require_file(engine: Engine) -> None:
    """Return unless a SQLite file is not there, which the driver would make.

    Raises:
        SchemaMismatch: it is not there; the message names the command that makes it.
    """
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    if path and path != ":memory:" and not Path(path).exists():
        raise SchemaMismatch(f"there is no database {path}; run `timeline init` to make it")


def postgres_script(after: str | None = None) -> str:
    """The SQL with which a DBA upgrades Postgres by hand, to this release's schema.

    It is one transaction, with time-outs, that takes its turn as `upgrade` does and refuses to run
    on any other schema than `after`: all of it is done or nothing, and it may be tried again.

    Args:
        after: The revision that the database has; None when it is empty.

    Raises:
        SchemaMismatch: there is no such revision, or nothing has to be done.
    """
    if after is not None and after not in revisions():
        raise SchemaMismatch(f"no script from {after!r}: this release knows no such revision")
    if not _following(after, "head"):
        raise SchemaMismatch(f"no script from {after}: that is this release's schema")
    written = io.StringIO()
    config = _config()
    config.output_buffer = written
    config.attributes["expected"] = after
    command.upgrade(config, f"{after or 'base'}:head", sql=True)
    return written.getvalue().replace(_VERSION_COLUMN, _NOT_OURS + _VERSION_COLUMN)


def check(engine: Engine) -> str | None:
    """How the database's tables differ from the models; None when they do not."""
    config = _config()
    with write_transaction(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.check(config)
        except CommandError as error:
            return str(error)
    return None


def revisions() -> tuple[str, ...]:
    """Every revision that this installation carries, the first first."""
    return tuple(script.revision for script in _following(None, "head"))


def _config() -> Config:
    config = Config(stdout=io.StringIO())
    location = str(resource("migrations")).replace("%", "%%")
    config.set_main_option("script_location", location)
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _head_revision() -> str:
    head = _scripts().get_current_head()
    if head is None:
        raise FileNotFoundError("this installation carries no migrations; install it again")
    return head


def _current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _following(current: str | None, until: str) -> list[Script]:
    """The revisions after `current` up to `until`, in the order in which they run."""
    _require_known(current)
    found = _scripts().iterate_revisions(until, current or "base")
    return list(reversed([script for script in found if script.revision != current]))


def _require_known(current: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if current is not None and current not in known:
        raise SchemaMismatch(
            f"the database's schema {current} is not known to this release,"
            f" whose own is {_head_revision()}; {_NEWER}"
        )


def _require_room(connection: Connection, current: str | None) -> None:
    if current is not None:
        return
    taken = sorted(set(inspect(connection).get_table_names()) & set(guards.TABLES))
    if taken:
        raise SchemaMismatch(
            f"the database holds tables of another program ({', '.join(taken)});"
            " give --database one that is empty"
        )


def _require_grants(connection: Connection) -> None:
    excess = guards.excess_grants_in(connection)
    if excess:
        raise SchemaMismatch(
            f"{excess[0].role} may {excess[0].privilege} {excess[0].table}, which holds the log;"
            f" run `{excess[0].revoke};` as its owner, then `timeline verify`"
        )


def _take_turn(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return  # BEGIN IMMEDIATE was the turn
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MIGRATION_WAIT_MS_MAX}")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {MIGRATION_WAIT_MS_MAX}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
    connection.exec_driver_sql(_NOTICE_A_KILLED_CLIENT)


def _run_one(connection: Connection, current: str | None, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    with _failing_as(f"revision {revision}", current):
        command.upgrade(config, revision)


@contextmanager
def _failing_as(what: str, current: str | None) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if _is_the_revisions_fault(error):
            reason = (str(error.orig).strip().splitlines() or ["no reason given"])[0]
            raise MigrationFailed(what, current, reason) from error
        raise


def _is_the_revisions_fault(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return "locked" not in str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    return state is not None and not state.startswith(_NOT_THE_REVISIONS_FAULT)


def _restore_guards(connection: Connection) -> None:
    # A batch on SQLite drops the table's triggers: they are back before anybody can commit.
    if inspect(connection).has_table("events") and guards.missing_guards_in(connection):
        guards.apply(connection)
