"""Every command refuses a schema that is not its release's, in one line that names what to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli
from timeline.store import migrate
from timeline.store.engine import connect, write_transaction

NEWER = "9999"
OLDER = migrate.revisions()[-2]
HEAD = migrate.revisions()[-1]
REPORT = "id: a\npublished: 2016-02-24\nclaims: [{type: Clash, place: {as_named: Khanasser}}]\n"

# Of each family at least one command; those that open no database are not among them.
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("file", "reports"),
    ("show", "Khanasser"),
    ("show", "Khanasser", "--recorded-at", "2016-02-24"),
    ("control",),
    ("query", "{ status { headPosition } }"),
    ("replay",),
    ("verify",),
    ("verify", "--log-only"),
    ("seal", "--key", "key", "--new-key"),
    ("proof", "1"),
    ("withhold", "--reason", "x", "--position", "1"),
    ("status",),
    ("unresolved",),
    ("project",),
    ("project", "--follow"),
    ("rebuild",),
    ("correct", "a", "c1", "--set", "occurred=2016-02-24", "--basis", "coding"),
    ("retract", "a", "c1", "--basis", "coding"),
    ("reinstate", "a", "c1", "--basis", "coding"),
    ("place", "add", "places.yaml"),
    ("actor", "add", "actors.yaml"),
    ("copy", "{database}", "copy.db"),
    ("serve", "--port", "0"),
    ("migrate", "check"),
)
# Those that bring an older schema to this release's, and so refuse a newer one only.
MIGRATING: tuple[tuple[str, ...], ...] = (
    ("init",),
    ("demo", "--database", "{database}"),
    ("migrate", "up"),
    ("migrate", "up", "--dry-run"),
    ("migrate", "down"),
    ("migrate", "status"),
    ("copy", "source.db", "{database}"),
)


@pytest.fixture(params=["sqlite", "postgres"])
def cli(request: pytest.FixtureRequest) -> Iterator[Cli]:
    found: Cli = request.getfixturevalue(f"on_{request.param}")
    found.write("a.yaml", REPORT)
    for name in ("places.yaml", "actors.yaml"):
        (found.folder / name).write_text("[]")
    yield found
    assert set_revision(found, HEAD) != HEAD, "a refused command has migrated the database"
    assert not (found.folder / "copy.db").exists()


def set_revision(cli: Cli, revision: str) -> str:
    """Make the database one of another release; returns what it was before."""
    engine = connect(cli.database)
    with write_transaction(engine) as connection:
        was = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    engine.dispose()
    return str(was)


def lines(cli: Cli, commands: tuple[tuple[str, ...], ...]) -> set[str]:
    """The one line with which each command is refused."""
    return {cli.refused(*(a.replace("{database}", cli.database) for a in c)) for c in commands}


def test_an_older_schema_is_refused_with_the_command_that_migrates_it(cli: Cli) -> None:
    set_revision(cli, OLDER)

    assert lines(cli, COMMANDS) == {
        f"the database's schema is {OLDER}, this release's is {HEAD}; run `timeline migrate up`"
    }


def test_a_newer_schema_is_refused_with_the_command_that_installs_its_release(
    cli: Cli, seeded_file: Path
) -> None:
    (cli.folder / "source.db").write_bytes(seeded_file.read_bytes())
    set_revision(cli, NEWER)

    told = (
        f"the database's schema {NEWER} is not known to this release, whose own is {HEAD};"
        " install the newer release that migrated it (`pip install --upgrade conflict-timeline`)"
    )
    assert lines(cli, COMMANDS + MIGRATING) == {told}


def test_a_database_without_a_schema_is_refused_with_the_command_that_makes_it(
    on_sqlite: Cli,
) -> None:
    empty = on_sqlite.folder / "empty.db"
    empty.touch()
    on_sqlite.write("a.yaml", REPORT)
    (on_sqlite.folder / "places.yaml").write_text("[]")
    (on_sqlite.folder / "actors.yaml").write_text("[]")
    empty_cli = Cli(on_sqlite.forker, on_sqlite.folder, f"sqlite:///{empty}", 100)

    assert lines(empty_cli, COMMANDS) == {"the database is empty; run `timeline init`"}
