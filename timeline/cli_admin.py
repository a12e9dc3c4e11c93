"""The commands that run the database: migrate, project, rebuild, status, serve."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from timeline import presentation
from timeline.bootstrap import api_app, copy_database, schema_files
from timeline.cli_common import (
    AsJson,
    Casebook,
    Database,
    opened,
    out,
    print_json,
    progress_bar,
    settings_of,
)
from timeline.errors import AddressUnavailable, SchemaMismatch
from timeline.projections import search_index
from timeline.projections.following import Follower
from timeline.resources import resource
from timeline.settings import settings_from
from timeline.store import migrate
from timeline.store.engine import connect

migrate_app = typer.Typer(help="The database's schema.", no_args_is_help=True)
schema_app = typer.Typer(help="The published schemas.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(migrate_app, name="migrate")
    app.add_typer(schema_app, name="schema")
    for command in (project, rebuild, status, unresolved, copy, serve):
        app.command()(command)


def project(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until interrupted.")] = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Bring the projections up to the end of the log."""
    with opened(database, casebook, caught_up=False) as app:
        out.print(f"projected {app.runner.catch_up()} events")
        if follow:
            Follower(app.store, app.runner.catch_up).run()


def rebuild(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[PROJECTION...]", help="All when not given.")
    ] = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Empty projections and build them again from the log; readers see the old ones meanwhile."""
    with opened(database, casebook) as app, progress_bar("rebuilding") as on_progress:
        if not names or "search" in names:
            search_index.renew(app.engine)
        count = app.runner.rebuild(names or (), on_progress)
    out.print(f"rebuilt {', '.join(names or ['all projections'])} from {count} events")


def status(as_json: AsJson = False, database: Database = None, casebook: Casebook = None) -> None:
    """Show the head of the log, the schema, and how far each projection has come."""
    with opened(database, casebook) as app:
        head = app.store.head()
        schema, _ = migrate.status(app.engine)
        projections = app.runner.status()
        waiting = app.reader.waiting()
    if as_json:
        print_json(
            {
                "casebook": app.settings.casebook,
                "head_position": head.position,
                "head_hash": head.hash.hex(),
                "schema": schema,
                "projections": [
                    {
                        "name": p.name,
                        "version": p.version,
                        "position": p.position,
                        "state": p.state,
                    }
                    for p in projections
                ],
            }
        )
        return
    out.print(
        f"casebook {app.settings.casebook}, schema {schema}\n"
        f"head position {head.position}, recorded {head.recorded_at or 'never'}\n"
        f"head hash {head.hash.hex()}\n"
    )
    rows = [(p.name, p.version, p.position, p.state) for p in projections]
    out.print(presentation.rows_table(("Projection", "Version", "Position", "State"), rows))
    for type_, report_id, target in waiting:
        aim = presentation.printable(target) or "the whole"
        out.print(f"{type_} waits for {aim} of report {report_id}", markup=False, soft_wrap=True)


def unresolved(
    as_json: AsJson = False, database: Database = None, casebook: Casebook = None
) -> None:
    """List the names in reports that matched no place or actor."""
    with opened(database, casebook) as app:
        rows = app.reader.unresolved()
    if as_json:
        print_json([{"kind": k, "as_named": n, "claims": c} for k, n, c in rows])
    else:
        out.print(presentation.rows_table(("Kind", "As named", "Claims"), rows))


def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="SQLite file or Postgres URL.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="SQLite file or Postgres URL.")],
    casebook: Annotated[
        str | None, typer.Option("--casebook", metavar="NAME", help="All when not given.")
    ] = None,
) -> None:
    """Copy casebooks (all when none is named) to another database, and verify them there.

    Positions, hashes, times and answers stay the same. An interrupted copy goes on where it
    stopped.
    """
    for result in copy_database(settings_from(source, casebook), target, casebook, progress_bar):
        out.print(
            f"casebook {result.casebook}: {result.copied.events} events and"
            f" {result.copied.documents} documents copied, {result.verified} verified,"
            f" head hash {result.copied.head.hash.hex()}",
            soft_wrap=True,
        )


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on.", min=0, max=65535)
    ] = 8000,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Serve GraphQL at /graphql."""
    import uvicorn

    with opened(database, casebook) as app:
        config = uvicorn.Config(api_app(app), host=host, port=port, log_level="warning")
        with _listening(host, port) as listener:
            uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as fault:
        raise AddressUnavailable(host, port, fault.strerror or str(fault)) from None


@migrate_app.command("up")
def migrate_up(database: Database = None) -> None:
    """Bring the schema to this release's."""
    engine = connect(settings_of(database, None).database_url)
    migrate.upgrade(engine)
    out.print(f"schema {migrate.status(engine)[0]}")
    engine.dispose()


@migrate_app.command("down")
def migrate_down(
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="-1 is one step.")] = "-1",
    database: Database = None,
) -> None:
    """Take the schema back; refused where the log would be lost."""
    engine = connect(settings_of(database, None).database_url)
    migrate.downgrade(engine, revision)
    out.print(f"schema {migrate.status(engine)[0]}")
    engine.dispose()


@migrate_app.command("status")
def migrate_status(database: Database = None) -> None:
    """Show the database's schema and this release's."""
    engine = connect(settings_of(database, None).database_url)
    current, head = migrate.status(engine)
    out.print(f"database {current or 'empty'}, release {head}")
    engine.dispose()


@migrate_app.command("sql")
def migrate_sql() -> None:
    """Print the Postgres script that makes the schema."""
    out.print(migrate.postgres_script(), markup=False, soft_wrap=True, end="")


@migrate_app.command("check")
def migrate_check(database: Database = None) -> None:
    """Check that the tables and guards are those of this release."""
    engine = connect(settings_of(database, None).database_url)
    migrate.require_current(engine)
    difference = migrate.check(engine)
    engine.dispose()
    if difference:
        raise SchemaMismatch(f"the tables differ from this release's: {difference}")
    out.print("the schema is this release's, and its guards stand")


@schema_app.command("export")
def schema_export(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]")] = Path("schema"),
) -> None:
    """Write schema.graphql and events/*.json; files of older event versions stay."""
    for name, content in schema_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    out.print(f"{len(schema_files())} schemas written to {folder}", markup=False)


@schema_app.command("check")
def schema_check() -> None:
    """Check that the published schemas are those of the code."""
    folder = resource("schema")
    stale = [
        name
        for name, content in schema_files().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != content
    ]
    if stale:
        raise SchemaMismatch(
            f"schema/ is not what the code says ({', '.join(stale)});"
            " run `timeline schema export`, and give a changed event type a new version"
        )
    out.print(f"{len(schema_files())} schemas are those of the code")
