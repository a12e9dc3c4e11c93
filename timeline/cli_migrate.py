"""The `migrate` commands: what will happen to the schema, doing it, undoing it, checking it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy import Engine

from timeline.bootstrap import outdated_projections
from timeline.cli_common import Database, out, settings_of
from timeline.errors import SchemaMismatch
from timeline.projections.outdated import Outdated
from timeline.resources import resource
from timeline.store import migrate
from timeline.store.engine import connect

migrate_app = typer.Typer(help="The database's schema.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(migrate_app, name="migrate")


@migrate_app.command("up")
def migrate_up(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    database: Database = None,
) -> None:
    """Say what brings the schema to this release's, and do it."""
    with _engine_of(database, must_exist=dry_run) as engine:
        _print_plan(engine)
        if not dry_run:
            migrate.upgrade(engine)
            out.print(f"schema {migrate.status(engine)[0]}")


@migrate_app.command("down")
def migrate_down(
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="Left out: one step.")] = "-1",
    database: Database = None,
) -> None:
    """Take the schema back; refused where the log would be lost."""
    with _engine_of(database) as engine:
        migrate.downgrade(engine, revision)
        out.print(f"schema {migrate.status(engine)[0] or 'empty'}")


@migrate_app.command("status")
def migrate_status(database: Database = None) -> None:
    """Show the database's schema, this release's, and what `up` would do."""
    with _engine_of(database) as engine:
        _print_plan(engine)


@migrate_app.command("sql")
def migrate_sql(
    after: Annotated[
        str | None,
        typer.Option("--from", metavar="REVISION", help="What the database has; empty if not."),
    ] = None,
    roles: Annotated[
        bool, typer.Option("--roles", help="Print the script that makes the roles instead.")
    ] = False,
) -> None:
    """Print the Postgres script that makes this release's schema, for a DBA to run."""
    if roles:
        script = (resource("migrations") / "roles.sql").read_text(encoding="utf-8")
    else:
        script = migrate.postgres_script(after)
    out.print(script, markup=False, soft_wrap=True, end="")


@migrate_app.command("check")
def migrate_check(database: Database = None) -> None:
    """Check that the tables, guards and grants are those of this release."""
    with _engine_of(database) as engine:
        migrate.require_current(engine)
        difference = migrate.check(engine)
    if difference:
        raise SchemaMismatch(f"the tables differ from this release's: {difference}")
    out.print("the schema is this release's, and its guards stand")


@contextmanager
def _engine_of(database: str | None, *, must_exist: bool = True) -> Iterator[Engine]:
    engine = connect(settings_of(database, None).database_url)
    try:
        if must_exist:
            migrate.require_file(engine)
        yield engine
    finally:
        engine.dispose()


def _print_plan(engine: Engine) -> None:
    pending = migrate.pending(engine)
    lines = [f"database {pending.current or 'empty'}, release {pending.head}"]
    for step in pending.steps:
        lines += _step_lines(step)
    rebuilt = [
        f"{o.projection} of {o.casebook}, {_why(o)}, {o.events} events"
        for o in outdated_projections(engine)
    ]
    named: list[str] = []
    if pending.current is not None:  # an empty database has no log to build anything from
        named = sorted({name for step in pending.steps for name in step.plan.rebuilds})
    rebuilt += [f"{name}, whose tables are new or changed" for name in named]
    lines += [f"will be built again from the log: {line}" for line in rebuilt]
    if not pending.steps:
        lines.append("no revision has to run")
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def _why(one: Outdated) -> str:
    if one.version == one.wanted:
        return "which reads what is built again"
    return f"version {one.version} to {one.wanted}"


def _step_lines(step: migrate.Step) -> Iterator[str]:
    yield f"revision {step.revision}: {step.title.rstrip('.')}"
    yield f"  does: {step.plan.does}"
    yield f"  locks: {step.plan.locks}"
    if step.rows:
        held = ", ".join(f"{table} {count}" for table, count in step.rows.items())
        yield f"  rows it meets: {held}"
    took = "; ".join(
        f"{m.seconds:.2f} s with {m.events:,} events ({m.engine})" for m in step.plan.measured
    )
    yield f"  took when measured: {took}"
