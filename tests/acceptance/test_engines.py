"""A rebuild by many workers, from outside: what it prints, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli


def test_a_rebuild_by_processes_of_this_machine_changes_nothing(
    on_sqlite: Cli, tmp_path: Path
) -> None:
    head = on_sqlite.done("status", "--json").json["head_position"]
    on_sqlite.done("archive", "--output", "out")

    told = on_sqlite.done(
        "rebuild", "--engine", "local", "--workers", "1", "--archive", "out", "--work", "work"
    ).out

    assert "rebuilt types, places, actors, reports, timeline, control, incidents, search" in told
    assert f"from {head} events: 0 rows deleted, 0 changed, 0 added" in told
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--engine", "abacus"), "'abacus' is not one of 'local', 'dask', 'spark'"),
        (("--engine", "local", "--scheduler", "tcp://x:1"), "--scheduler is for --engine dask"),
        (("--engine", "dask", "--master", "local"), "--master is for --engine spark"),
        (("--engine", "spark", "--workers", "2"), "--workers is for processes of this machine"),
        (("--archive", "out"), "--archive needs --engine"),
        (("--engine", "local", "--partitions", "0"), "Input should be greater than or equal to 1"),
    ],
)
def test_options_that_mean_nothing_are_wrong_usage(
    on_sqlite: Cli, arguments: tuple[str, ...], words: str
) -> None:
    result = on_sqlite("rebuild", *arguments)

    assert (result.code, result.out) == (2, "")
    assert words in result.err


def test_a_folder_without_an_archive_is_refused_in_one_line(on_sqlite: Cli) -> None:
    told = on_sqlite.refused("rebuild", "--engine", "local", "--archive", "nowhere")

    assert told == "nowhere: holds no archive: there is no manifest.json"
