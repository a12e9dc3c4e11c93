"""pytest-alembic's four default tests, and our own that a downgrade leaves no trace.

Its experimental test of that name breaks on SQLAlchemy 2.1, and sees no triggers, functions or
grants; this one compares the engines' own catalogues.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.config import Config
from pytest_alembic.config import Config as RunnerConfig
from pytest_alembic.runner import MigrationContext, runner
from pytest_alembic.tests import default
from sqlalchemy import Engine

from tests.migration.catalogue import catalogue
from timeline.resources import resource
from timeline.store import migrate


@pytest.fixture
def history(empty_engine: Engine) -> Iterator[MigrationContext]:
    config = Config()
    config.set_main_option("script_location", str(resource("migrations")))
    config.set_main_option("path_separator", "os")
    with runner(config=RunnerConfig(alembic_config=config), engine=empty_engine) as context:
        yield context


def test_the_history_has_one_head(history: MigrationContext) -> None:
    default.test_single_head_revision(history)


def test_the_history_upgrades_from_nothing_to_its_head(history: MigrationContext) -> None:
    default.test_upgrade(history)


def test_the_models_are_what_the_history_builds(history: MigrationContext) -> None:
    default.test_model_definitions_match_ddl(history)


def test_each_revision_goes_down_and_up_again(history: MigrationContext) -> None:
    default.test_up_down_consistency(history)


@pytest.mark.parametrize("revision", migrate.revisions())
def test_a_downgrade_leaves_no_trace_of_its_revision(empty_engine: Engine, revision: str) -> None:
    known = migrate.revisions()
    before = known[known.index(revision) - 1] if revision != known[0] else "base"
    if before != "base":
        migrate.upgrade(empty_engine, before)
    untouched = catalogue(empty_engine)
    migrate.upgrade(empty_engine, revision)
    migrated = catalogue(empty_engine)

    migrate.downgrade(empty_engine, before)

    assert migrated != untouched
    assert catalogue(empty_engine) == untouched
    migrate.upgrade(empty_engine, revision)
    assert catalogue(empty_engine) == migrated
