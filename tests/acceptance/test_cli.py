"""The commands of the contract, each as a process: what they print, store and exit with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.acceptance.conftest import ARTICLE, ROOT, SEEDS, Cli, Forker

FALL = """
id: fall
source: {name: Desert Monitor}
published: 2016-02-24
text: IS took Khanasser on Tuesday. Sea People fled to Atlantis.
claims:
  - ref: c1
    type: ControlChanged
    actors: [{as_named: Islamic State, role: holder}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    quote: IS took Khanasser on Tuesday
  - ref: c2
    type: Movement
    actors: [{as_named: Sea People, role: initiator}]
    place: {as_named: Atlantis}
    occurred: ../2016-02-24
    quote: Sea People fled to Atlantis
"""
COMMANDS = [
    "demo",
    "init",
    "file",
    "extract",
    "show",
    "control",
    "query",
    "search",
    "replay",
    "project",
    "rebuild",
    "verify",
    "status",
    "unresolved",
    "correct",
    "retract",
    "recode",
    "incident",
    "place",
    "actor",
    "migrate",
    "schema",
    "serve",
]


def from_nothing(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "TIMELINE_DATABASE_URL"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_newcomer_files_a_report_and_asks_who_holds_the_town(tmp_path: Path) -> None:
    (tmp_path / "fall.yaml").write_text(FALL, encoding="utf-8")
    program = str(Path(sys.executable).with_name("timeline"))
    module = (sys.executable, "-m", "timeline")

    made = from_nothing(tmp_path, program, "init")
    assert (made.returncode, made.stderr) == (0, "")
    filed = from_nothing(tmp_path, *module, "file", "fall.yaml")
    assert (filed.returncode, filed.stderr) == (0, "")
    shown = from_nothing(tmp_path, *module, "show", "خناصر", "--at", "2016-02-24", "--json")
    assert json.loads(shown.stdout)["control"]["holders"] == [
        {"actor_id": "islamic-state", "name": "Islamic State"}
    ]
    assert (tmp_path / "timeline.db").is_file()


def test_the_version_is_printed(seeds_on_sqlite: Cli) -> None:
    assert seeds_on_sqlite.done("--version").out == "timeline 0.1.0\n"


def test_without_a_command_help_is_given(seeds_on_sqlite: Cli) -> None:
    shown = seeds_on_sqlite.done("--help").out

    for command in COMMANDS:
        assert f"\n  {command} " in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(seeds_on_sqlite: Cli, command: str) -> None:
    shown = seeds_on_sqlite.done(command, "--help").out

    assert f"Usage: timeline {command}" in shown
    assert "--help" in shown


def test_init_again_adds_nothing(cli: Cli) -> None:
    before = cli.head

    assert cli.done("init").out == "casebook main is ready; 0 places and actors were new\n"
    assert cli.head == before


def test_casebooks_are_apart(on_sqlite: Cli) -> None:
    on_sqlite.done("file", on_sqlite.write("fall.yaml", FALL))
    on_sqlite.done("init", "--casebook", "other")

    told = on_sqlite.done("show", "Khanasser", "--casebook", "other", "--json").json
    assert (told["control"]["state"], told["entries"]) == ("unknown", [])
    assert on_sqlite.done("--casebook", "other", "status", "--json").json["casebook"] == "other"


def test_filing_says_what_it_did(cli: Cli) -> None:
    path = cli.write("fall.yaml", FALL)
    notes = "  place 'Atlantis' is not known\n  actor 'Sea People' is not known\n"

    assert cli.done("file", path).out == f"{path}: filed as fall, 4 events, 2 claims\n{notes}"
    assert cli.done("file", path).out == f"{path}: already filed as fall; nothing was appended\n"
    revised = cli.write("new.yaml", FALL.replace("Tuesday", "Monday"))
    assert "is filed already with other content of the same date" in cli.refused("file", revised)
    assert cli.done("file", "--reported", "2016-02-26", revised).out == (
        f"{revised}: filed as a revision as fall, 3 events, 2 claims\n{notes}"
    )


def test_status_has_the_keys_of_the_contract(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("status", "--json").json

    assert list(told) == ["casebook", "head_position", "head_hash", "schema", "projections"]
    assert told["casebook"] == "main"
    assert len(bytes.fromhex(told["head_hash"])) == 32
    assert [list(p) for p in told["projections"]] == [["name", "version", "position", "state"]] * 8
    assert {(p["position"], p["state"]) for p in told["projections"]} == {
        (told["head_position"], "live")
    }


def test_status_tells_of_corrections_that_wait(on_sqlite: Cli) -> None:
    correction = (
        "id: correction\npublished: 2016-02-26\ncorrections:\n"
        "  - {report: fall, ref: c1, set: {occurred: 2016-02-24}, basis: source}\n"
        "retractions: [{report: lost, basis: source}]\n"
    )
    filed = on_sqlite.done("file", on_sqlite.write("correction.yaml", correction)).out
    assert "ClaimCorrected waits until claim 'c1' of report 'fall' is filed" in filed
    shown = on_sqlite.done("status").out
    assert "ClaimCorrected waits for c1 of report fall\n" in shown
    assert "ReportRetracted waits for the whole of report lost\n" in shown

    on_sqlite.done("file", on_sqlite.write("fall.yaml", FALL))
    assert "waits for c1" not in on_sqlite.done("status").out
    told = on_sqlite.done("show", "Khanasser", "--json").json["entries"]
    assert [(e["occurred"]["edtf"], e["is_amended"]) for e in told] == [("2016-02-24", True)]


def test_names_that_matched_nothing_are_listed(on_sqlite: Cli) -> None:
    on_sqlite.done("file", on_sqlite.write("fall.yaml", FALL))

    assert on_sqlite.done("unresolved", "--json").json == [
        {"kind": "actor", "as_named": "sea people", "claims": 1},
        {"kind": "place", "as_named": "Atlantis", "claims": 1},
    ]
    assert "Atlantis" in on_sqlite.done("unresolved").out


def holder(cli: Cli, at: str, *options: str) -> list[str]:
    control = cli.done("show", "Khanasser", "--at", at, *options, "--json").json["control"]
    return [control["state"], *(h["name"] for h in control["holders"])]


def test_a_claim_is_corrected_and_a_report_retracted(cli: Cli) -> None:
    cli.done("file", cli.write("fall.yaml", FALL))
    head = cli.head
    corrected = cli.done(
        "correct", "fall", "c1", "--set", "occurred=2016-02-24", "--basis", "coding",
        "--reason", "misread",
    )  # fmt: skip

    assert corrected.out == f"corrected, at position {head + 1}\n"
    assert holder(cli, "2016-02-23") == ["unknown"]
    assert holder(cli, "2016-02-24") == ["controlled", "Islamic State"]

    cli.done("retract", "fall", "--basis", "source", "--reported", "2016-02-27")
    assert holder(cli, "2016-02-24") == ["unknown"]
    assert holder(cli, "2016-02-24", "--known-on", "2016-02-26") == ["controlled", "Islamic State"]


def test_a_replay_ends_at_a_position(cli: Cli) -> None:
    before = cli.head
    cli.done("file", cli.write("fall.yaml", FALL))
    until = ("replay", "--until", str(before), "--json")

    assert cli.done(*until).json == {"position": before, "events": before, "places": []}
    told = cli.done("replay", "--place", "Khanasser", "--json").json
    assert told["position"] == before + 4
    assert [p["control"]["state"] for p in told["places"]] == ["controlled"]
    assert "controlled · Islamic State" in cli.done("replay").out
    assert f"of {cli.head}" not in cli.done("replay", "--until", "1999-01-01").out


def test_as_recorded_before_it_was_filed_nothing_was_known(on_sqlite: Cli) -> None:
    on_sqlite.done("file", on_sqlite.write("fall.yaml", FALL))
    now = on_sqlite.done("show", "Khanasser", "--json").out

    assert on_sqlite.done("show", "Khanasser", "--recorded-at", "2099-12-31", "--json").out == now
    line = on_sqlite.refused("show", "Khanasser", "--recorded-at", "1999-12-31")
    assert line == "no place is known by the name 'Khanasser'"


@pytest.mark.parametrize(
    ("tamper", "table"),
    [
        ("UPDATE entries SET quote = 'all was quiet' WHERE quote IS NOT NULL", "entries"),
        ("UPDATE control_rectangles SET data = '{}'", "control_rectangles"),
        ("DELETE FROM report_versions", "report_versions"),
    ],
)
def test_verify_finds_a_tampered_projection_and_rebuild_mends_it(
    cli: Cli, tamper: str, table: str
) -> None:
    cli.done("file", cli.write("fall.yaml", FALL))
    before = cli.done("show", "Khanasser", "--json").out
    assert cli.done("verify").out.splitlines()[2].startswith("projections: equal to a replay of")
    engine = create_engine(cli.database)
    with engine.begin() as connection:
        connection.execute(text(tamper))
    engine.dispose()

    result = cli("verify")
    assert result.code == 1
    assert result.err == (f"the tables {table} are not what the log says; run `timeline rebuild`\n")
    assert cli("verify", "--log-only").code == 0
    cli.done("rebuild")
    assert cli.done("show", "Khanasser", "--json").out == before
    cli.done("verify")


def test_a_rebuild_of_one_projection_changes_no_byte(on_sqlite: Cli) -> None:
    on_sqlite.done("file", on_sqlite.write("fall.yaml", FALL))
    before = on_sqlite.done("show", "Khanasser", "--json").out

    told = on_sqlite.done("rebuild", "timeline", "control").out
    assert told.startswith(
        f"rebuilt timeline, control, incidents, search from {on_sqlite.head} events:"
        " 0 rows deleted, 0 changed, 0 added, swapped in "
    )
    assert on_sqlite.done("show", "Khanasser", "--json").out == before
    assert on_sqlite.done("project").out == "projected 0 events\n"


def test_extract_needs_no_database(forker: Forker, tmp_path: Path) -> None:
    cli = Cli(forker, tmp_path, "postgresql://127.0.0.1:1/none")
    told = cli.done("extract", cli.write("fall.yaml", FALL), "--json").json

    assert list(told) == ["report", "claims"]
    assert told["report"]["id"] == "fall"
    assert [(c["type"], c["evidence"]["quote"]) for c in told["claims"]] == [
        ("ControlChanged", "IS took Khanasser on Tuesday"),
        ("Movement", "Sea People fled to Atlantis"),
    ]
    assert {
        "type",
        "modality",
        "polarity",
        "statement_kind",
        "certainty",
        "actors",
        "place",
        "occurred",
        "attributed_to",
        "quantity",
        "fatalities",
        "casualties",
        "weapons",
        "evidence",
        "also_evidence",
        "confidence",
    } <= set(told["claims"][0])
    assert told["claims"][0]["place"]["place_id"] == "khanasser"
    assert "IS took Khanasser" in cli.done("extract", "reports/fall.yaml").out


def test_extract_takes_the_day_of_publication(cli: Cli) -> None:
    path = cli.write("dibis.txt", "Iraqi forces shelled Dibis on Monday.\n")
    told = cli.done("extract", path, "--published", "2017-10-17", "--json").json

    assert told["claims"][0]["occurred"]["edtf"] == "2017-10-16"


@pytest.mark.skipif(not ARTICLE.is_file(), reason="the real article is not there")
def test_every_quote_of_an_extraction_is_its_span_of_the_file(
    forker: Forker, tmp_path: Path
) -> None:
    cli = Cli(forker, tmp_path, "sqlite:///none.db")
    claims = cli.done("extract", ARTICLE, "--json").json["claims"]
    document = ARTICLE.read_bytes().decode("utf-8")

    assert len(claims) > 3
    for claim in claims:
        for span in (claim["evidence"], *claim["also_evidence"]):
            assert document[span["span_start"] : span["span_end"]] == span["quote"]
    assert not (tmp_path / "none.db").exists()


def test_actors_are_added_and_then_known(on_sqlite: Cli) -> None:
    path = on_sqlite.write(
        "actors.yaml",
        "- id: sea-people\n  name: Sea People\n  kind: non_state_armed_group\n"
        "  affiliations: [{actor: islamic-state, relation: ally, from: 2016-02-01}]\n",
    )

    assert on_sqlite.done("actor", "add", path).out == "1 actors were new\n"
    assert on_sqlite.done("actor", "add", path).out == "0 actors were new\n"
    filed = on_sqlite.done("file", on_sqlite.write("fall.yaml", FALL)).out
    assert "Sea People" not in filed


def test_the_schema_is_told_checked_and_printed(on_sqlite: Cli) -> None:
    assert "database" in on_sqlite.done("migrate", "status").out
    assert on_sqlite.done("migrate", "up").out.splitlines()[-1].startswith("schema ")
    assert "guards stand" in on_sqlite.done("migrate", "check").out
    assert "CREATE TABLE events" in on_sqlite.done("migrate", "sql").out


def test_the_published_schemas_are_those_of_the_code(forker: Forker, tmp_path: Path) -> None:
    pytest.importorskip("timeline.api.schema")
    cli = Cli(forker, tmp_path, "sqlite:///none.db")

    assert "schemas are those of the code" in cli.done("schema", "check").out
    cli.done("schema", "export", "out")
    assert (tmp_path / "out" / "schema.graphql").read_text("utf-8") == (
        ROOT / "schema" / "schema.graphql"
    ).read_text("utf-8")


def test_the_schemas_of_a_release_are_frozen_once(forker: Forker, tmp_path: Path) -> None:
    cli = Cli(forker, tmp_path, "sqlite:///none.db")
    shutil.copytree(ROOT / "schema", tmp_path / "schema")

    assert "frozen as those of release 9.0.0" in cli.done("schema", "release", "9.0.0").out
    assert cli.refused("schema", "release", "9.0.0") == (
        "release 9.0.0 is frozen already; give the next version"
    )
    assert cli.done("schema", "export").out == "1 schemas written to schema\n"


def test_prose_is_filed_with_the_front_matter_s_date(seeds_on_sqlite: Cli) -> None:
    told = seeds_on_sqlite.done("show", "Kweires", "--json").json

    prose = [
        e for e in told["entries"] if e["report"]["id"] == "seed-2015-11-11-kweires-siege-over"
    ]
    assert prose
    document = (SEEDS / "2015-11-11-kweires-siege-over.md").read_text("utf-8")
    for entry in prose:
        span = entry["evidence"]
        assert document[span["span_start"] : span["span_end"]] == span["quote"]
