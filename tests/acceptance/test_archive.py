"""`timeline archive` and `timeline verify --archive` through the real command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.conftest import SEEDS, Cli

pytest.importorskip("pyarrow")


def test_an_archive_is_written_and_checked_without_the_database(on_sqlite: Cli) -> None:
    on_sqlite.done("file", SEEDS / "2016-02-23-supply-road-cut.yaml")
    head = on_sqlite.done("status", "--json").json

    first = on_sqlite.done("archive", "--output", "out").out
    again = on_sqlite.done("archive", "--output", "out").out
    on_sqlite.done("seal", "--key", "seal.key", "--new-key", "--output", "a.seal.json")
    (on_sqlite.folder / "desk.db").unlink()
    sealed = on_sqlite.done(
        "verify", "--archive", "out", "--seal", "a.seal.json", "--trusted", "seal.key.pub"
    ).out
    told = on_sqlite.done("verify", "--archive", "out").out

    assert f"positions 1 to {head['head_position']} in 2 files, 2 written, 0 kept" in first
    assert "2 files, 0 written, 2 kept" in again
    assert f"casebook main: {head['head_position']} events and 2 documents checked" in told
    assert f"the archive begins with the {head['head_position']} events that were sealed" in sealed
    assert f"last hash {head['head_hash']}" in told


def test_a_damaged_archive_is_refused_with_the_position(on_sqlite: Cli, tmp_path: Path) -> None:
    on_sqlite.done("archive", "--output", "out")
    (events,) = (tmp_path / "out").glob("events-*.parquet")
    found = bytearray(events.read_bytes())
    found[len(found) // 2] ^= 1
    events.write_bytes(found)

    told = on_sqlite.refused("verify", "--archive", "out")

    assert told.startswith("the archive does not hold at position ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify", "--archive", "nowhere"), "holds no archive"),
        (("archive", "--output", "desk.db"), "is a file; give a folder"),
        (("archive", "--output", "."), "holds other files; give a folder of its own"),
    ],
)
def test_what_cannot_hold_an_archive_is_refused_in_one_line(
    on_sqlite: Cli, arguments: tuple[str, ...], words: str
) -> None:
    assert words in on_sqlite.refused(*arguments)
