"""`timeline migrate` as an operator runs it: the plan first, then the deed."""

from __future__ import annotations

from tests.acceptance.conftest import Cli
from timeline.store import migrate
from timeline.store.engine import connect, write_transaction

REVISIONS = migrate.revisions()
FIRST, HEAD = REVISIONS[0], REVISIONS[-1]


def test_a_dry_run_says_what_would_happen_and_changes_nothing(cli: Cli) -> None:
    cli.done("migrate", "down", FIRST)

    told = cli.done("migrate", "up", "--dry-run").out.splitlines()

    assert told[0] == f"database {FIRST}, release {HEAD}"
    assert [line.split(":")[0] for line in told if line.startswith("revision")] == [
        f"revision {revision}" for revision in REVISIONS[1:]
    ]
    assert "  locks: nothing: the tables are new" in told
    assert any(line.startswith("  took when measured: ") for line in told)
    assert "will be built again from the log: timeline, whose tables are new or changed" in told
    assert cli.done("migrate", "status").out.splitlines() == told


def test_up_says_the_same_before_it_acts_and_then_what_the_schema_is(cli: Cli) -> None:
    before = cli.done("show", "Khanasser", "--json").out
    cli.done("migrate", "down", FIRST)
    planned = cli.done("migrate", "status").out

    assert cli.done("migrate", "up").out == f"{planned}schema {HEAD}\n"
    assert cli.done("migrate", "status").out == (
        f"database {HEAD}, release {HEAD}\nno revision has to run\n"
    )
    assert cli.done("migrate", "check").out == (
        "the schema is this release's, and its guards stand\n"
    )
    assert cli.done("show", "Khanasser", "--json").out == before


def test_a_projection_of_an_older_version_is_told(cli: Cli) -> None:
    head = cli.head
    engine = connect(cli.database)
    with write_transaction(engine) as connection:
        older = "UPDATE checkpoints SET version = version - 1 WHERE projection = 'timeline'"
        connection.exec_driver_sql(older)
        version = connection.exec_driver_sql(
            "SELECT version FROM checkpoints WHERE projection = 'timeline'"
        ).scalar_one()
    engine.dispose()

    raised = f"version {version} to {version + 1}"
    with_it = f"which reads what is built again, {head} events"
    assert cli.done("migrate", "status").out.splitlines()[1:] == [
        f"will be built again from the log: control of main, {with_it}",
        f"will be built again from the log: incidents of main, {with_it}",
        f"will be built again from the log: search of main, {with_it}",
        f"will be built again from the log: timeline of main, {raised}, {head} events",
        "no revision has to run",
    ]


def test_a_new_database_has_nothing_to_build_again(on_sqlite: Cli) -> None:
    told = on_sqlite.done("migrate", "up", "--database", "new.db").out

    assert told.startswith(f"database empty, release {HEAD}\nrevision {FIRST}: ")
    assert "will be built again" not in told


def test_a_downgrade_of_a_filled_log_is_refused_with_the_reason(cli: Cli) -> None:
    line = cli.refused("migrate", "down", "base")

    assert line == f"this downgrade would destroy the log of {cli.head} events; it was refused"


def test_a_mistyped_file_is_not_made(on_sqlite: Cli) -> None:
    for command in (("status",), ("check",), ("down",), ("up", "--dry-run")):
        line = on_sqlite.refused("migrate", *command, "--database", "timelime.db")

        assert line == "there is no database timelime.db; run `timeline init` to make it"
    assert not (on_sqlite.folder / "timelime.db").exists()


def test_the_scripts_for_dbas_are_printed(on_sqlite: Cli) -> None:
    whole = on_sqlite.done("migrate", "sql").out

    assert whole == migrate.postgres_script()
    assert on_sqlite.done("migrate", "sql", "--from", FIRST).out == migrate.postgres_script(FIRST)
    assert on_sqlite.done("migrate", "sql", "--roles").out.startswith("-- Least-privilege roles")
