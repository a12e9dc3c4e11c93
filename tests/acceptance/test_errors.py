"""A broken report of each kind: one clear sentence, exit code 1, and nothing stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli, Forker

HEAD = "id: broken\npublished: 2016-02-24\n"
CLAIM = "claims: [{type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-20}]\n"
BROKEN: list[tuple[str, str | bytes, str]] = [
    ("bad.yaml", "claims: [", "is not valid YAML: "),
    ("bad.json", '{"claims": [', "is not valid JSON: Expecting value at line 1, column 13"),
    ("type.yaml", f"{HEAD}claims: [{{type: Battle}}]", "claims[0].type: Invalid enum value"),
    ("key.yaml", f"{HEAD}{CLAIM}autor: x", "does not know the key `autor`"),
    (
        "date.yaml",
        f"{HEAD}{CLAIM}".replace("2016-02-20", "2016-02-30"),
        "claims[0].occurred: date '2016-02-30': is no day of the calendar",
    ),
    (
        "published.yaml",
        f"{HEAD}{CLAIM}".replace("2016-02-24", "2016-02-30"),
        "publication date '2016-02-30': is no day of the calendar",
    ),
    ("later.yaml", f"{HEAD}{CLAIM}".replace("02-20", "03-20"), "is after the report's publication"),
    ("future.yaml", f"{HEAD}{CLAIM}".replace("2016-02-24", "2090"), "lies in the future"),
    ("undated.yaml", CLAIM, "does not say when it was published; give --published DATE"),
    ("binary.txt", bytes(range(256)), "is binary, not text"),
    ("picture.txt", b"\x89PNG\r\n\x1a\n\x00\x00", "is binary, not text"),
    ("empty.txt", b"", "is empty"),
    ("empty.yaml", b"\n\n", "is empty"),
    ("large.txt", b"The army came. " * 700_000, "is larger than 2,000,000 bytes"),
    ("utf16.txt", "The army came.".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    ("latin1.md", "Café fell.".encode("latin-1"), "is not UTF-8 (byte 4); save it as UTF-8"),
    ("open.md", "---\npublished: 2016-02-24\nThe army came.", "never closes it"),
    ("word.docx", b"PK", "is no report file; its name must end in one of"),
    ("nul.yaml", f'{HEAD}{CLAIM}title: "a\\0b"', "holds the control character"),
    ("long.yaml", f"{HEAD}{CLAIM}title: {'x' * 2001}", "title: Expected `str` of length <= 2000"),
    (
        "overlong.yaml",
        f"{HEAD}claims: [{{type: Clash, sub_event_type: {'x' * 101}}}]",
        "claims[0].sub_event_type: Expected `str` of length <= 100",
    ),
]


@pytest.mark.parametrize(("name", "content", "told"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_report_is_refused_in_one_sentence(
    seeds_on_sqlite: Cli, name: str, content: str | bytes, told: str
) -> None:
    path = seeds_on_sqlite.write(f"broken/{name}", content)
    line = seeds_on_sqlite.refused("file", path)

    assert line.startswith(f"{path}: ")
    assert told in line
    assert len(line) < len(str(path)) + 500


def test_nothing_of_broken_reports_is_stored(cli: Cli) -> None:
    before = cli.done("status", "--json").out
    for name, content, _ in BROKEN[:-1]:
        if not name.endswith(".docx"):
            cli.write(f"broken/{name}", content)
    result = cli("file", "reports/broken")

    assert result.code == 1
    assert result.out == ""
    assert len(result.err.splitlines()) == len(BROKEN) - 2
    assert cli.done("status", "--json").out == before


def test_a_broken_report_does_not_keep_the_others_of_its_folder_out(on_sqlite: Cli) -> None:
    on_sqlite.write("a.yaml", f"{HEAD}claims: [{{type: Battle}}]")
    on_sqlite.write("b.yaml", HEAD + CLAIM)
    result = on_sqlite("file", "reports")

    assert result.code == 1
    assert result.out == "reports/b.yaml: filed as broken, 2 events, 1 claims\n"
    assert result.err.startswith("reports/a.yaml: claims[0].type: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("file", "nothing.yaml"), "nothing.yaml: does not exist"),
        (("show", "Atlantis"), "no place is known by the name 'Atlantis'"),
        (("show", "Khansr Town Hall"), "no place is known by the name"),
        (("show", "Khanasser", "--at", "2016-02-30"), "date '2016-02-30': is no day of"),
        (("show", "Khanasser", "--at", "2016-02-24T10:00"), "has an hour but no offset"),
        (("show", "Khanasser", "--known-on", "Tuesday"), "is neither a day (YYYY-MM-DD) nor"),
        (("show", "Khanasser", "--recorded-at", "2016"), "is neither a day (YYYY-MM-DD) nor"),
        (("replay", "--until", "2016-02-30"), "date '2016-02-30': is no day of the calendar"),
        (("rebuild", "views"), "no projection is called views; there are types, places, actors"),
        (("retract", "nothing", "--basis", "coding"), "no report has the id 'nothing'"),
        (
            ("correct", "nothing", "c1", "--set", "occurred", "--basis", "coding"),
            "--set 'occurred' must be FIELD=VALUE",
        ),
        (("place", "add", "nothing.yaml"), "nothing.yaml: cannot be read: No such file"),
        (("query", "@nothing.graphql"), "nothing.graphql: cannot be read"),
        (("--casebook", "other", "status"), "make it with `timeline init --casebook other`"),
        (("--database", "oracle://db/x", "status"), "oracle"),
        (("--database", "://", "status"), "the database URL cannot be read"),
        (("--database", "postgresql://127.0.0.1:1/x", "status"), "did not answer"),
        (("--database", "no/such/folder/x.db", "init"), "did not answer"),
        (("init", "--time-zone", "Mars/Olympus"), "is no IANA time zone"),
        (("extract", "nothing.txt"), "nothing.txt: cannot be read: No such file"),
        (("show", "\udcff"), "no place is known by the name"),
        (("retract", "\udcff", "--basis", "coding"), "UTF-8"),
    ],
)
def test_a_command_that_cannot_be_is_refused_in_one_line(
    seeds_on_sqlite: Cli, arguments: tuple[str, ...], told: str
) -> None:
    assert told in seeds_on_sqlite.refused(*arguments)


def test_an_ambiguous_place_is_refused_with_its_candidates(on_sqlite: Cli) -> None:
    path = on_sqlite.write(
        "places.yaml",
        "- {id: hajib-a, name: Tall Hajib, kind: village, theatre: syria}\n"
        "- {id: hajib-b, name: Tall Hajib, kind: village, theatre: syria}\n",
    )
    assert on_sqlite.done("place", "add", path).out == "2 places were new\n"

    assert on_sqlite.refused("show", "Tall Hajib") == (
        "'Tall Hajib' may be any of hajib-a (Tall Hajib), hajib-b (Tall Hajib);"
        " ask for one by its id"
    )
    assert on_sqlite.done("show", "hajib-a", "--json").json["place"]["place_id"] == "hajib-a"


def test_a_database_without_tables_is_refused_with_the_command_to_run(
    forker: Forker, tmp_path: Path
) -> None:
    cli = Cli(forker, tmp_path, "sqlite:///new.db")

    assert "run `timeline init`" in cli.refused("show", "Khanasser")
    assert not (tmp_path / "new.db").exists()


def test_a_file_that_is_no_database_is_refused(forker: Forker, tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(
        b"no database at all, but long enough to be read as one" * 99
    )
    cli = Cli(forker, tmp_path, "sqlite:///junk.db")

    assert "file is not a database" in cli.refused("status")


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("show",),
        ("show", "Khanasser", "--when", "now"),
        ("file",),
        ("serve", "--port", "many"),
        ("correct", "a", "c1", "--set", "x=1", "--basis", "whim"),
        ("retract", "a"),
        ("--database",),
    ],
)
def test_wrong_usage_exits_with_two_and_says_what_is_right(
    seeds_on_sqlite: Cli, arguments: tuple[str, ...]
) -> None:
    result = seeds_on_sqlite(*arguments)

    assert (result.code, result.out) == (2, "")
    assert "Error: " in result.err
    assert "Traceback" not in result.err


def test_a_path_that_is_no_text_is_told_all_the_same(on_sqlite: Cli) -> None:
    on_sqlite.write("a.yaml", HEAD + CLAIM).rename(on_sqlite.folder / "\udcff.yaml")

    assert (
        on_sqlite.done("file", "\udcff.yaml").out == ".yaml: filed as broken, 2 events, 1 claims\n"
    )
