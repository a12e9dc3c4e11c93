"""The commands about the published schemas: export, check, and freezing those of a release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from timeline import publishing
from timeline.cli_common import out
from timeline.resources import resource

schema_app = typer.Typer(help="The published schemas.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="[FOLDER]")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(schema_app, name="schema")


@schema_app.command("export")
def schema_export(folder: Folder = Path("schema")) -> None:
    """Write schema.graphql and events/*.json; what a release froze stays as it is."""
    written = publishing.export(folder)
    out.print(f"{len(written)} schemas written to {folder}", markup=False)


@schema_app.command("check")
def schema_check() -> None:
    """Check that the published schemas are the code's, and keep what releases wrote."""
    count = publishing.check(resource("schema"))
    out.print(f"{count} schemas are those of the code, or of a release")


@schema_app.command("release")
def schema_release(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Such as 1.2.3.")],
    folder: Folder = Path("schema"),
) -> None:
    """Freeze the schemas as those of a release: from then on they change by new versions alone."""
    frozen = publishing.release(folder, version)
    out.print(f"{len(frozen)} schemas are frozen as those of release {version}", markup=False)
