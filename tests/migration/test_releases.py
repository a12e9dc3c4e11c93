"""Every released database is upgraded to head, and says what it said: log, proof and answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.migration.releases import ALL, FOLDER, RELEASES, Release, loaded
from timeline.api.schema import execute
from timeline.bootstrap import Application, all_projections, outdated_projections
from timeline.errors import SchemaMismatch, TimelineError
from timeline.projections.replaying import checksum, differing_tables
from timeline.settings import Settings
from timeline.store import guards, migrate
from timeline.store.engine import connect, read_transaction
from timeline.store.verify import verify_documents, verify_log

CASEBOOKS = ("main", "second")
QUESTIONS_MIN = 25
WITHHELD = "a withheld report"  # is null, which is its answer
FIXTURE_BYTES_MAX = 300_000
WITHHELD_EVENTS, WITHHELD_DOCUMENTS = 2, 2  # of casebook main, by make_release.py

# Answers that a later release gives otherwise on purpose: (release, question) -> why. An entry
# whose answer is the same after all fails, so none outlives its reason.
CHANGED_ON_PURPOSE: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Upgraded:
    """A released database, upgraded to head, its projections caught up."""

    release: Release
    url: str
    engine: Engine

    def application(self, casebook: str) -> Application:
        return Application(Settings(self.url, casebook), self.engine)


def brought_to_head(url: str, engine: Engine) -> None:
    """What an operator does: migrate, and rebuild what a new release computes otherwise."""
    migrate.upgrade(engine)
    due = outdated_projections(engine)
    for casebook in CASEBOOKS:
        app = Application(Settings(url, casebook), engine)
        names = [o.projection for o in due if o.casebook == casebook]
        if names:
            app.runner.rebuild(names)
        app.runner.catch_up()


@pytest.fixture(scope="module", params=ALL, ids=str)
def upgraded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgraded]:
    """Only to be read."""
    release: Release = request.param
    path = tmp_path_factory.mktemp("release") / "release.db"
    on_postgres = release.engine == "postgres"
    server = request.getfixturevalue("postgres_server") if on_postgres else None
    with ExitStack() as stack:
        url = stack.enter_context(loaded(release, path, server))
        engine = connect(url)
        stack.callback(engine.dispose)
        brought_to_head(url, engine)
        yield Upgraded(release, url, engine)


def test_every_release_is_kept_for_both_engines_and_small() -> None:
    assert "v0.1.0" in RELEASES
    kept = {f"{e}.gz" for e in ("sqlite.db", "sqlite.json", "postgres.sql", "postgres.json")}
    for name in RELEASES:
        files = {path.name: path.stat().st_size for path in (FOLDER / name).iterdir()}
        assert set(files) == kept
        assert max(files.values()) <= FIXTURE_BYTES_MAX


def test_the_schema_is_this_releases_and_its_guards_stand(upgraded: Upgraded) -> None:
    migrate.require_current(upgraded.engine)

    assert migrate.check(upgraded.engine) is None
    assert guards.missing_guards(upgraded.engine) == ()


@pytest.mark.parametrize("casebook", CASEBOOKS)
def test_the_chain_verifies_and_ends_in_the_hash_that_the_release_ended_in(
    upgraded: Upgraded, casebook: str
) -> None:
    told = upgraded.release.told["heads"][casebook]

    log = verify_log(upgraded.engine, casebook)
    documents = verify_documents(upgraded.engine, casebook)

    assert (log.reason, log.checked) == (None, told["head_position"])
    assert log.head.hash.hex() == told["head_hash"]
    assert documents.holds
    withheld = (WITHHELD_EVENTS, WITHHELD_DOCUMENTS) if casebook == "main" else (0, 0)
    assert (log.withheld, documents.withheld) == withheld


@pytest.mark.parametrize("casebook", CASEBOOKS)
def test_the_projections_equal_a_replay(upgraded: Upgraded, casebook: str) -> None:
    app = upgraded.application(casebook)

    with app.replay(None) as replay:
        assert replay.events == app.store.head().position > 0
        assert differing_tables(app.store, all_projections(), replay) == ()


def is_kept(was: Any, is_: Any) -> bool:  # noqa: ANN401
    """Whether an answer says at least what it said: fields may be added, rows may not."""
    if isinstance(was, dict) and isinstance(is_, dict):
        return all(key in is_ and is_kept(value, is_[key]) for key, value in was.items())
    if isinstance(was, list) and isinstance(is_, list):
        return len(was) == len(is_) and all(map(is_kept, was, is_))
    return bool(was == is_)


def test_answers_are_those_that_the_release_gave(upgraded: Upgraded) -> None:
    release, differing = upgraded.release, set()
    for asked in release.told["answers"]:
        app = upgraded.application(asked["casebook"])
        answer = execute(app.reader, app.store, asked["query"], None)
        if not is_kept(asked["answer"], answer):
            differing.add((release.name, asked["name"]))

    assert len(release.told["answers"]) >= QUESTIONS_MIN
    assert differing == {key for key in CHANGED_ON_PURPOSE if key[0] == release.name}


def test_the_answers_of_a_release_tell_something() -> None:
    empty = {
        asked["name"]
        for release in ALL
        for asked in release.told["answers"]
        if "errors" in asked["answer"] or not any((asked["answer"]["data"] or {}).values())
    }

    assert empty == {WITHHELD}


def checksums(engine: Engine) -> dict[tuple[str, str], str]:
    """The checksum of each projected table of each casebook."""
    with read_transaction(engine) as connection:
        return {
            (casebook, table.name): checksum(connection, table, casebook)
            for casebook in CASEBOOKS
            for projection in all_projections()
            for table in projection.tables
        }


@pytest.mark.parametrize("release", ALL, ids=str)
def test_each_revision_taken_back_and_forth_loses_nothing_or_is_refused(
    release: Release, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    on_postgres = release.engine == "postgres"
    server = request.getfixturevalue("postgres_server") if on_postgres else None
    path = tmp_path_factory.mktemp("release") / "release.db"
    with ExitStack() as stack:
        url = stack.enter_context(loaded(release, path, server))
        engine = connect(url)
        stack.callback(engine.dispose)
        brought_to_head(url, engine)
        before = checksums(engine)
        refused = {}
        for target in ("base", *migrate.revisions()[:-1]):
            try:
                migrate.downgrade(engine, target)
            except TimelineError as fault:
                refused[target] = str(fault)
                migrate.require_current(engine)
            else:
                with pytest.raises(SchemaMismatch, match="run `timeline migrate up`"):
                    migrate.require_current(engine)
                brought_to_head(url, engine)
            assert checksums(engine) == before
            for casebook in CASEBOOKS:
                found = verify_log(engine, casebook)
                assert found.holds
                assert found.head.hash.hex() == release.told["heads"][casebook]["head_hash"]

    assert refused["base"].startswith("this downgrade would destroy the log of ")
    assert all(len(reason) > 20 for reason in refused.values())
