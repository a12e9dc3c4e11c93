"""`timeline demo` files the seeds into a fresh file, shows a timeline and says what to try next."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Cli, Forker


@pytest.fixture(scope="module")
def demo(forker: Forker, tmp_path_factory: pytest.TempPathFactory) -> tuple[Cli, str]:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "timeline-demo.db").write_bytes(b"left over from a release before")
    cli = Cli(forker, folder, "sqlite:///elsewhere.db")
    return cli, cli.done("demo").out


def test_the_demo_shows_what_was_known_on_two_dates(demo: tuple[Cli, str]) -> None:
    shown = demo[1]

    assert "in timeline-demo.db" in shown.splitlines()[0]
    assert "as known on 2016-02-24?" in shown
    assert "by all that is known?" in shown
    assert "Islamic State" in shown
    assert "Khanasser خناصر" in shown
    assert "“seized Khanasser on Tuesday”" in shown


def test_the_demo_needs_no_database_and_touches_none(demo: tuple[Cli, str]) -> None:
    assert not (demo[0].folder / "elsewhere.db").exists()
    assert (demo[0].folder / "timeline-demo.db").is_file()


def test_what_the_demo_proposes_works(demo: tuple[Cli, str]) -> None:
    cli, shown = demo
    proposed = [line.strip() for line in shown.splitlines() if line.startswith("  timeline ")]

    assert len(proposed) == 6
    assert all(p.startswith("timeline --database timeline-demo.db ") for p in proposed)
    assert (
        "contested"
        in cli.done(
            "--database", "timeline-demo.db", "show", "Tal Rifaat", "--at", "2016-02-15"
        ).out
    )
    assert (
        "vacated"
        in cli.done(
            "--database", "timeline-demo.db", "show", "thermal station", "--at", "2016-02-29"
        ).out
    )
    assert (
        "controlled · Islamic State"
        in cli.done(
            "--database",
            "timeline-demo.db",
            "control",
            "--at",
            "2016-02-24",
            "--known-on",
            "2016-02-24",
        ).out
    )
    assert "Khanasser" in cli.done("--database", "timeline-demo.db", "show", "خناصر").out
    assert (
        "Islamic State → controlled · Government of Syria"
        in cli.done(
            "--database",
            "timeline-demo.db",
            "diff",
            "--known-on",
            "2016-02-24",
            "--and",
            "2016-02-26",
        ).out
    )


def test_the_demo_s_log_verifies(demo: tuple[Cli, str]) -> None:
    told = demo[0].done("verify", "--database", "timeline-demo.db").out

    assert "projections: equal to a replay of" in told
