"""The commands that run the database: project, rebuild, status, copy, serve."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Annotated

import typer

from timeline import presentation
from timeline.bootstrap import api_app, copy_database
from timeline.cli_common import (
    AsJson,
    Casebook,
    Database,
    opened,
    out,
    print_json,
    progress_bar,
    warn,
)
from timeline.errors import AddressUnavailable
from timeline.projections import search_index
from timeline.projections.following import Follower
from timeline.projections.runner import ProjectionStatus, Rebuilt
from timeline.scaling import rebuilding
from timeline.scaling.engines import SPARK_MASTER, EngineName, EngineOptions
from timeline.settings import settings_from
from timeline.store import migrate


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (project, rebuild, status, unresolved, copy, serve):
        app.command()(command)


def project(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until interrupted.")] = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Bring the projections up to the end of the log; build those whose version was raised."""
    with opened(database, casebook, caught_up=False) as app:
        out.print(f"projected {app.runner.catch_up()} events")
        with progress_bar("rebuilding") as on_progress:
            _print_rebuilt(app.runner.build_outdated(on_progress))
        for status in app.runner.halted():
            warn(str(status))
        if follow:
            Follower(app.store, app.runner.catch_up).run()


def rebuild(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[PROJECTION...]", help="All when not given.")
    ] = None,
    engine: Annotated[
        EngineName | None,
        typer.Option("--engine", help="Compute by many processes or machines, from an archive."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=1024, help="Processes of this machine.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="URL", help="Of Dask: tcp://HOST:PORT.")
    ] = None,
    master: Annotated[
        str | None, typer.Option("--master", metavar="URL", help=f"Of Spark; {SPARK_MASTER}.")
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option("--archive", metavar="DIR", help="Start from this archive of the log."),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option("--work", metavar="DIR", help="A folder that all workers share."),
    ] = None,
    partitions: Annotated[
        int | None, typer.Option("--partitions", min=1, max=100_000, help="Parts to deal into.")
    ] = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Build projections anew beside their old rows, and swap; readers see the old ones meanwhile.

    Those that read a named one's tables are built with it. An interrupted rebuild goes on where it
    stopped when it is run again. With --engine the rows are computed by many workers, and loaded.
    """
    options = _scaling(engine, workers, scheduler, master, archive, work, partitions)
    with opened(database, casebook, caught_up=False) as app:
        if not names or "search" in names:
            search_index.renew(app.engine)
        with progress_bar("rebuilding") as on_progress:
            rebuilt = app.rebuild(
                names or (), on_progress, options, lambda _, done, total: on_progress(done, total)
            )
        _print_rebuilt(rebuilt)


def _scaling(
    engine: EngineName | None,
    workers: int | None,
    scheduler: str | None,
    master: str | None,
    archive: Path | None,
    work: Path | None,
    partitions: int | None,
) -> rebuilding.Options | None:
    """How to compute a rebuild; `None` is as events come.

    Raises:
        BadParameter: an option is given that has no meaning with this engine.
    """
    is_cluster = engine is EngineName.SPARK or scheduler is not None
    meaningless = {
        "--scheduler": scheduler is not None and engine is not EngineName.DASK,
        "--master": master is not None and engine is not EngineName.SPARK,
        "--workers": workers is not None and (engine is None or is_cluster),
        "--archive": archive is not None and engine is None,
        "--work": work is not None and engine is None,
        "--partitions": partitions is not None and engine is None,
    }
    for option, is_meaningless in meaningless.items():
        if is_meaningless:
            raise typer.BadParameter(f"{option} {_NEEDS[option]}")
    if engine is None:
        return None
    where = EngineOptions(engine, workers, scheduler, master or SPARK_MASTER)
    return rebuilding.Options(where, archive, work, partitions)


_NEEDS = {
    "--scheduler": "is for --engine dask",
    "--master": "is for --engine spark",
    "--workers": "is for processes of this machine: --engine local, or dask without --scheduler",
    "--archive": "needs --engine",
    "--work": "needs --engine",
    "--partitions": "needs --engine",
}


def _print_rebuilt(rebuilt: Rebuilt | None) -> None:
    if rebuilt is None:
        return
    wrote = rebuilt.difference
    out.print(
        f"rebuilt {', '.join(rebuilt.projections)} from {rebuilt.events} events:"
        f" {wrote.deleted} rows deleted, {wrote.updated} changed, {wrote.inserted} added,"
        f" swapped in {rebuilt.locked_seconds:.2f} s",
        soft_wrap=True,
    )


def status(as_json: AsJson = False, database: Database = None, casebook: Casebook = None) -> None:
    """Show the head of the log, the schema, and how far each projection has come."""
    with opened(database, casebook, warns=False) as app:
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
                "projections": [_status_json(p) for p in projections],
            }
        )
        return
    out.print(
        f"casebook {app.settings.casebook}, schema {schema}\n"
        f"head position {head.position}, recorded {head.recorded_at or 'never'}\n"
        f"head hash {head.hash.hex()}\n"
    )
    rows = [(p.name, p.version, p.position, _state(p)) for p in projections]
    out.print(presentation.rows_table(("Projection", "Version", "Position", "State"), rows))
    for p in projections:
        if p.reason is not None:
            told = presentation.printable(f"{p.name}: {p.reason}")
            out.print(told, style="yellow", markup=False, soft_wrap=True)
    for type_, report_id, target in waiting:
        aim = presentation.printable(target) or "the whole"
        out.print(f"{type_} waits for {aim} of report {report_id}", markup=False, soft_wrap=True)


def _state(status: ProjectionStatus) -> str:
    if status.build_position is None:
        return status.state
    return f"{status.state}, at {status.build_position}"


def _status_json(status: ProjectionStatus) -> dict[str, object]:
    """The contract's four keys, and others only where there is something to tell."""
    told = {
        "failed_position": status.failed_position,
        "reason": status.reason,
        "build_position": status.build_position,
    }
    return {
        "name": status.name,
        "version": status.version,
        "position": status.position,
        "state": status.state,
        **{key: value for key, value in told.items() if value is not None},
    }


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
    anonymous_read: Annotated[
        bool | None,
        typer.Option(
            "--anonymous-read/--no-anonymous-read",
            help="Whether one may read without a token; by default on loopback addresses alone.",
        ),
    ] = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Serve GraphQL at /graphql; TIMELINE_... in the environment say what is offered."""
    import uvicorn

    from timeline.api.serving import server_settings_from, settle_memory
    from timeline.api.streaming.bounds import MESSAGE_BYTES_MAX

    settings = server_settings_from()
    with opened(database, casebook) as app:
        is_open = _is_loopback(host) if anonymous_read is None else anonymous_read
        config = uvicorn.Config(
            api_app(app, settings, anonymous_read=is_open),
            host=host,
            port=port,
            log_level="warning",
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            ws_max_size=MESSAGE_BYTES_MAX,
            # Messages go to many: to compress each anew for everyone costs more than the rest.
            ws_per_message_deflate=False,
        )
        settle_memory()
        with _listening(host, port) as listener:
            uvicorn.Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as fault:
        raise AddressUnavailable(host, port, fault.strerror or str(fault)) from None
