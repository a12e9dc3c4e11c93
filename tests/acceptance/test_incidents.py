"""Analysts link and unlink claims on the command line, and GraphQL tells what came of it."""

from __future__ import annotations

from tests.acceptance.conftest import Cli

REPORT = """
id: {id}
source: {{name: {source}}}
published: 2016-02-2{day}
claims:
  - ref: c1
    type: Airstrike
    place: {{as_named: Khanasser}}
    occurred: 2016-02-2{day}
    fatalities: {{best: {day}}}
"""
QUESTION = """{ incidents(placeId: "khanasser") { edges { node {
    sources corroborating { report { id } } words { reason requestedBy } } } } }"""
WHY = ("--reason", "one raid, told late", "--by", "Anna")


def filed(cli: Cli) -> None:
    for id_, source, day in (("first", "Monitor", 1), ("second", "Agency", 4)):
        cli.write(f"{id_}.yaml", REPORT.format(id=id_, source=source, day=day))
    cli.done("file", cli.folder / "reports")


def told(cli: Cli) -> list[list[str]]:
    edges = cli.done("query", QUESTION).json["data"]["incidents"]["edges"]
    return [[c["report"]["id"] for c in e["node"]["corroborating"]] for e in edges]


def test_claims_are_linked_and_unlinked_and_the_projections_verify(cli: Cli) -> None:
    filed(cli)
    before = cli.done("show", "Khanasser", "--json").out
    assert told(cli) == [["first"], ["second"]]

    linked = cli.done("incident", "link", "first/c1", "second/c1", *WHY).out
    assert linked.startswith(f"linked, at position {cli.head}: c-")
    assert told(cli) == [["first", "second"]]
    again = cli.done("incident", "link", "second/c1", "first/c1", *WHY).out
    assert again.startswith("already linked; nothing was appended: c-")
    assert cli.done("show", "Khanasser", "--json").out == before

    claims = linked.split(": ", 1)[1].strip().split(", ")
    assert cli.done("incident", "unlink", *claims, *WHY).out.startswith("unlinked, at position")
    assert told(cli) == [["first"], ["second"]]
    assert "projections: equal to a replay" in cli.done("verify").out


def test_what_cannot_be_linked_is_refused_in_one_line(on_sqlite: Cli) -> None:
    filed(on_sqlite)
    head = on_sqlite.head
    link = ("incident", "link")

    assert on_sqlite.refused(*link, "first/c1", *WHY) == "name at least two claims"
    assert on_sqlite.refused(*link, "first/c1", "second/c2", *WHY) == (
        "report 'second' has no claim 'c2'"
    )
    assert on_sqlite.refused(*link, "first/c1", "c-lost", *WHY) == (
        "no claim c-lost stands at any known time; see `show --json`"
    )
    assert on_sqlite.refused(*link, "first/c1", "second/c1", "--reason", "", "--by", "Anna") == (
        "say why, and who says so; both stay in the log"
    )
    assert on_sqlite(*link, "first/c1", "second/c1", "--reason", "why").code == 2
    assert on_sqlite.head == head
