"""The commands by which the keeper of a casebook gives and takes API tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from timeline import presentation
from timeline.cli_common import AsJson, Casebook, Database, opened, out, print_json
from timeline.store.tokens import Role

token_app = typer.Typer(help="API tokens: who may do what by GraphQL.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(token_app, name="token")


@token_app.command()
def create(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of its bearer; its changes bear this name.")
    ],
    role: Annotated[
        Role, typer.Option("--role", help="Each may do what the one before it may.")
    ] = Role.READER,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="D", help="Good until this day's end.")
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Make a token, and print it: this once, for it is kept nowhere."""
    with opened(database, casebook, caught_up=False) as app:
        zone = app.store.casebook_row().time_zone
        token, shown = app.tokens.create(name, role, expires, zone)
    if as_json:
        print_json({"token_id": token.token_id, "role": token.role.value, "token": shown})
        return
    out.print(
        f"token {token.token_id} of {token.role} {token.name}, shown this once:", markup=False
    )
    out.print(shown, markup=False, soft_wrap=True)


@token_app.command("list")
def list_tokens(
    as_json: AsJson = False, database: Database = None, casebook: Casebook = None
) -> None:
    """List the tokens of the casebook, oldest first; their secrets are kept nowhere."""
    with opened(database, casebook, caught_up=False) as app:
        tokens = app.tokens.all()
    now = datetime.now(UTC)
    rows = [
        (t.token_id, t.name, t.role.value, t.state(now), t.created_at, t.expires_at) for t in tokens
    ]
    if as_json:
        keys = ("token_id", "name", "role", "state", "created_at", "expires_at")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    told = [(*row[:5], row[5] or "never") for row in rows]
    out.print(
        presentation.rows_table(("Token", "Name", "Role", "State", "Created", "Expires"), told)
    )


@token_app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, not its secret.")],
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Take a token's powers, for good."""
    with opened(database, casebook, caught_up=False) as app:
        was_valid = app.tokens.revoke(token_id)
    out.print(f"token {token_id} {'is revoked' if was_valid else 'was revoked before'}")
