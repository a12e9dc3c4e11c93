"""Brings a database's schema to this release's, and refuses to work on any other.

Alembic runs from here with the revisions that the installation carries, so nobody needs an
alembic.ini. Each revision is one transaction. Processes that upgrade at once take turns: on SQLite
by BEGIN IMMEDIATE, on Postgres by a session advisory lock on a connection of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from timeline.errors import SchemaMismatch
from timeline.resources import resource
from timeline.store import guards
from timeline.store.engine import read_transaction, write_transaction

MIGRATION_WAIT_MS_MAX = 300_000
REVISIONS_MAX = 1_000
_ADVISORY_LOCK = 5_217_900_301  # any number that nobody else uses


def upgrade(engine: Engine) -> None:
    """Bring the schema to this release's; does nothing to a current one but check its guards.

    Raises:
        SchemaMismatch: a newer release has migrated the database.
        DatabaseUnavailable: the database did not answer.
    """
    config = _config()
    with _one_at_a_time(engine):
        for _ in range(REVISIONS_MAX):
            with write_transaction(engine) as connection:
                current = _current_revision(connection)
                _require_known(current)
                if current == _head_revision():
                    if guards.missing_guards_in(connection):
                        guards.apply(connection)
                    return
                config.attributes["connection"] = connection
                command.upgrade(config, "+1")


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to a revision, in one transaction; "-1" is one step, "base" is all.

    Raises:
        WouldDestroyLog: events would be lost.
        SchemaMismatch: there is no such revision, here or in the database.
        DatabaseUnavailable: the database did not answer.
    """
    config = _config()
    with _one_at_a_time(engine), write_transaction(engine) as connection:
        _require_known(_current_revision(connection))
        config.attributes["connection"] = connection
        try:
            command.downgrade(config, revision)
        except CommandError as error:
            raise SchemaMismatch(f"the schema cannot go back to {revision!r}: {error}") from error


def status(engine: Engine) -> tuple[str | None, str]:
    """The database's revision, None when it has none, and this release's."""
    with read_transaction(engine) as connection:
        return _current_revision(connection), _head_revision()


def require_current(engine: Engine) -> None:
    """Return if the schema is this release's and its guards stand.

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


def postgres_script(revisions: str = "head") -> str:
    """The SQL that an upgrade would run on Postgres; `revisions` may be a range `from:to`.

    Raises:
        SchemaMismatch: there is no such revision.
    """
    written = io.StringIO()
    config = _config()
    config.output_buffer = written
    config.attributes["dialect"] = "postgresql"
    try:
        command.upgrade(config, revisions, sql=True)
    except CommandError as error:
        raise SchemaMismatch(f"no script for {revisions!r}: {error}") from error
    return written.getvalue()


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


def _require_known(current: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if current is not None and current not in known:
        raise SchemaMismatch(
            f"the database's schema {current} is not known to this release;"
            " install the newer release that migrated it"
        )


@contextmanager
def _one_at_a_time(engine: Engine) -> Iterator[None]:
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"SET lock_timeout = {MIGRATION_WAIT_MS_MAX}")
        connection.exec_driver_sql(f"SET statement_timeout = {MIGRATION_WAIT_MS_MAX}")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        try:
            yield
        finally:
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_ADVISORY_LOCK})")
            # The session's other time-outs belong to the pool: do not hand this one back.
            connection.invalidate()
