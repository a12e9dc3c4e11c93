"""pytest-alembic's four default tests, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.config import Config
from pytest_alembic.config import Config as RunnerConfig
from pytest_alembic.runner import MigrationContext, runner
from pytest_alembic.tests import default
from sqlalchemy import Engine

from timeline.resources import resource


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
