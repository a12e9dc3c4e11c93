"""A person signs a report's claims, in a real terminal and by options."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from tests.acceptance.conftest import Cli

# Words of a report that would paint, hide and reverse, were they printed as they are.
REPORT = """
id: fall
title: "The town [bold red]fell[/] \u202eon Tuesday"
published: 2016-02-24
text: "IS took [red]Khanasser[/] \u2066on Tuesday. A clash at Ithriya. Jets struck."
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: IS, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    quote: IS took [red]Khanasser[/]
  - {ref: c2, type: Clash, place: {as_named: Ithriya}, quote: A clash at Ithriya}
  - {ref: c3, type: Movement, place: {as_named: Ithriya}, quote: at Ithriya}
"""


@pytest.fixture
def fall(on_sqlite: Cli) -> Cli:
    on_sqlite.done("file", on_sqlite.write("fall.yaml", REPORT))
    return on_sqlite


@contextmanager
def walk(cli: Cli) -> Iterator[pexpect.spawn]:
    """`timeline review fall` in a pseudo-terminal."""
    arguments = ["-m", "timeline", "--database", cli.database, "review", "fall", "--by", "Anna"]
    env = {**os.environ, "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    terminal = pexpect.spawn(
        sys.executable, arguments, dimensions=(50, 100), env=env, encoding="utf-8", timeout=60
    )
    try:
        yield terminal
    finally:
        terminal.close(force=True)


def shown(terminal: pexpect.spawn) -> str:
    """What was printed up to the keys, without the colours that are ours."""
    terminal.expect("quit")
    return re.sub(r"\x1b\[[0-9;]*m", "", terminal.before)


def typed(terminal: pexpect.spawn, *lines: tuple[str, str]) -> None:
    """Answer each prompt with a line."""
    for prompt, line in lines:
        terminal.expect_exact(prompt)
        terminal.send(line + "\n")


def reviews(cli: Cli) -> list[tuple[str | None, str, str | None]]:
    claims = cli.done("review", "fall", "--json").json["claims"]
    return [(c["ref"], c["review"], c["occurred"]["edtf"]) for c in claims]


def test_a_walk_accepts_corrects_rejects_and_adds_and_goes_on_where_it_was_left(fall: Cli) -> None:
    head = fall.head
    with walk(fall) as terminal:
        first = shown(terminal)
        assert "IS took [red]Khanasser[/]" in first
        assert not re.search("[\u202e\u2066\x9b]", first)
        terminal.send("c")
        typed(terminal, ("which field?", "1"), ("occurred: ", "2016-02-30"))
        assert "date '2016-02-30': is no day of the calendar" in shown(terminal)
        terminal.send("c")
        typed(terminal, ("which field?", "when"), ("occurred: ", "2016-02-22"))
        assert "corrected, not signed yet" in shown(terminal)
        assert fall.head == head
        terminal.send("a")
        assert "Claim 2 of 3" in shown(terminal)
        terminal.sendintr()
        terminal.expect("interrupted")
        terminal.expect(pexpect.EOF)
    assert terminal.wait() == 1
    assert fall.head == head + 2

    with walk(fall) as terminal:
        assert "Claim 1 of 2" in shown(terminal)
        terminal.send("r")
        typed(terminal, ("why is it rejected?", "no clash is told"))
        shown(terminal)
        terminal.send("n")
        typed(
            terminal,
            ("what happened?", "airs"),
            ("which words say so?", "Jets struck"),
            ("when?", ""),
            ("where?", "near Ithriya"),
            ("who?", "init: Russia"),
        )
        assert "added as c-" in shown(terminal)
        terminal.send("q")
        terminal.expect("1 unreviewed")
        terminal.expect(pexpect.EOF)
    assert terminal.wait() == 0

    assert reviews(fall) == [
        ("c1", "corrected", "2016-02-22"),
        ("c2", "rejected", None),
        ("c3", "unreviewed", None),
        (None, "accepted", None),
    ]


def test_claims_are_signed_by_options_all_or_none(fall: Cli) -> None:
    by = ("--by", "Anna")
    refused = fall.refused("review", "fall", *by, "--accept", "c1", "--reject", "c2")
    assert refused == "say why the claim is rejected; the reason stays in the log"
    assert [r[1] for r in reviews(fall)] == ["unreviewed"] * 3

    fall.done("review", "fall", *by, "--reject", "c2", "--reason", "no clash is told")
    told = fall.done("review", "fall", *by, "--accept", "all").out.splitlines()

    assert [line.split(": ")[1].split(",")[0] for line in told] == ["accepted", "accepted"]
    rejected = fall.done("show", "Ithriya", "--review", "rejected", "--json").json["entries"]
    assert [(e["ref"], e["review"]) for e in rejected] == [("c2", "rejected")]
    assert "c2" not in [e["ref"] for e in fall.done("show", "Ithriya", "--json").json["entries"]]
    assert "projections: equal to a replay" in fall.done("verify").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("lost", "--by", "Anna"), "no report has the id 'lost'"),
        (("fall",), "say who reviews with --by NAME"),
        (("fall", "--by", "Anna"), "a walk needs a terminal"),
        (("fall", "--by", "Anna", "--accept", "c9"), "has no claim 'c9' that can be reviewed"),
    ],
)
def test_what_cannot_be_reviewed_is_refused_in_one_line(
    fall: Cli, arguments: tuple[str, ...], says: str
) -> None:
    assert says in fall.refused("review", *arguments)
