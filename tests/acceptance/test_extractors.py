"""Extractors are chosen by name of those installed; one that cannot be reached ends a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, Cli
from tests.extraction.llm_server import KEY, Reply, Served, claims, passage_of, serving
from timeline.extraction.choosing import GROUP, OWN

PROSE = "---\npublished: 2016-02-25\n---\nIslamic State captured Khanasser on Tuesday.\n"
TAKEN = {
    "quote": "Islamic State captured Khanasser", "type": "ControlChanged", "modality": "asserted",
    "polarity": "positive", "initiator": None, "target": None, "holder": "Islamic State",
    "previous_holder": None, "place": "Khanasser", "when": "on Tuesday", "according_to": None,
}  # fmt: skip
INVENTED = {**TAKEN, "quote": "Islamic State captured Aleppo"}
PLUGIN = """
from timeline.domain.claims import Extraction, ReportFrame

class Silent:
    def frame(self, text):
        return ReportFrame()

    def extract(self, text, frame, gazetteer, actors):
        return Extraction(frame=frame, claims=(), coded_by="silent-1", notes=("nothing is read",))

def broken():
    raise RuntimeError("no weights")
"""


@pytest.fixture
def model() -> Iterator[Served]:
    def answer(question: dict[str, object]) -> Reply:
        if "endpoint goes away" in passage_of(question):
            return 403, {}, {"error": {"message": "out of credit"}}
        return claims(TAKEN, INVENTED)

    with serving(answer) as served:
        yield served


@pytest.fixture
def with_model(cli: Cli, model: Served) -> Cli:
    cli.environment |= {
        "TIMELINE_LLM_URL": model.url,
        "TIMELINE_LLM_MODEL": "test",
        "TIMELINE_LLM_KEY": KEY,
        "TIMELINE_LLM_PRICE": "1/2",
    }
    return cli


def test_an_unknown_extractor_is_refused_with_those_that_are_installed(cli: Cli) -> None:
    path = cli.write("a.md", PROSE)
    told = (
        "no extractor is called 'gpt'; installed are llm, rules"
        " (--extractor, or TIMELINE_EXTRACTOR)"
    )

    assert cli.refused("file", path, "--extractor", "gpt") == told
    assert cli.refused("extract", path, "--extractor", "gpt") == told


def test_the_environment_names_the_extractor_and_the_option_overrides_it(cli: Cli) -> None:
    path = cli.write("a.md", PROSE)
    cli.environment["TIMELINE_EXTRACTOR"] = "gpt"

    assert cli.refused("extract", path).startswith("no extractor is called 'gpt'")
    assert cli.done("extract", path, "--json", "--extractor", "rules").json["claims"]


def test_without_its_settings_the_llm_says_which_it_needs(cli: Cli) -> None:
    told = cli.refused("file", cli.write("a.md", PROSE), "--extractor", "llm")

    assert told.startswith("TIMELINE_LLM_URL: the extractor llm needs it")


def test_the_llm_files_what_the_words_bear_and_tells_what_it_refused_and_cost(
    with_model: Cli,
) -> None:
    path = with_model.write("a.md", PROSE)

    result = with_model("file", path, "--extractor", "llm", "--jobs", "2")

    assert result.code == 0
    first, note = result.out.splitlines()
    assert first.endswith(", 2 events, 1 claims")
    assert note == (
        "  refused, ControlChanged “Islamic State captured Aleppo”: the quote does not stand in the"
        " report"
    )
    assert result.err.startswith("test: 1 requests, 100 tokens in and 20 out, ")
    assert result.err.endswith("; cost 0.0001 at 1 and 2 a million\n")
    (claim,) = with_model.done("show", "Khanasser", "--json").json["entries"]
    assert claim["evidence"]["quote"] == "Islamic State captured Khanasser"
    assert KEY not in result.out + result.err


def test_extract_by_the_llm_keeps_to_its_contract(with_model: Cli) -> None:
    result = with_model("extract", with_model.write("a.md", PROSE), "--json", "--extractor", "llm")

    assert result.code == 0
    assert sorted(result.json) == ["claims", "report"]
    assert [c["evidence"]["quote"] for c in result.json["claims"]] == [TAKEN["quote"]]
    assert "warning: refused, ControlChanged “Islamic State captured Aleppo”" in result.err


def test_a_second_opinion_is_shown_beside_the_first_and_filed_when_accepted(
    with_model: Cli,
) -> None:
    path = with_model.write("a.md", PROSE.replace("published", "id: fall\npublished"))
    with_model.done("file", path)
    before = with_model.done("show", "Khanasser", "--json").out

    recoded = with_model("recode", "fall", "--extractor", "llm")

    assert recoded.code == 0
    first, note, *shown = recoded.out.splitlines()
    head = with_model.head
    assert first == f"fall: stored, at position {head}; nothing of it counts yet"
    assert note.startswith("  refused, ControlChanged “Islamic State captured Aleppo”")
    assert "second opinion by llm-1.1+test · 1 claims" in shown
    assert recoded.err.startswith("test: 1 requests, ")
    assert with_model.done("show", "Khanasser", "--json").out == before
    told = with_model.done("review", "fall", "--json").json
    (claim,) = told["claims"]
    (opinion,) = told["second_opinions"]
    assert (opinion["coded_by"], opinion["position"]) == ("llm-1.1+test", head)
    assert f"agrees with {claim['claim_id']}" in " ".join(" ".join(shown).split())
    other = opinion["claims"][0]["claim_id"]
    with_model.done("review", "fall", "--by", "Anna", "--accept", other)
    reviewed = with_model.done("review", "fall", "--json").json["claims"]
    assert [(c["claim_id"], c["review"]) for c in reviewed] == [
        (claim["claim_id"], "unreviewed"),
        (other, "accepted"),
    ]
    assert with_model.done("verify").code == 0


def test_an_endpoint_that_goes_away_ends_the_run_between_two_reports(with_model: Cli) -> None:
    folder = with_model.write("1.md", PROSE).parent
    with_model.write("2.md", "---\npublished: 2016-02-25\n---\nThe endpoint goes away here.\n")
    with_model.write("3.md", PROSE.replace("Tuesday", "Monday"))

    result = with_model("file", folder, "--extractor", "llm")

    assert result.code == 1
    assert "1.md: filed as" in result.out
    assert "2.md" not in result.out + result.err
    assert result.err.splitlines()[-1].endswith("it answered 403: out of credit")
    filed = with_model.done("query", "{reports(first: 9) {edges {node {codedBy}}}}").json
    assert [e["node"]["codedBy"] for e in filed["data"]["reports"]["edges"]] == ["llm-1.1+test"]


def test_other_packages_offer_extractors_by_entry_point(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    info = packages / "silent-1.dist-info"
    info.mkdir(parents=True)
    (packages / "silent.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: silent\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[timeline.extractors]\nsilent = silent:Silent\nbroken = silent:broken\n"
        "rules = silent:broken\n"
    )
    report = tmp_path / "a.md"
    report.write_text(PROSE)

    def extracted(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "timeline", "extract", report, "--json", "--extractor", name],
            check=False,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            timeout=120,
        )

    silent, broken, rules = extracted("silent"), extracted("broken"), extracted("rules")

    assert json.loads(silent.stdout)["claims"] == []
    assert silent.stderr == "warning: nothing is read\n"
    assert broken.stderr == "extractor 'broken': it cannot be loaded: no weights\n"
    assert json.loads(rules.stdout)["claims"]


def test_the_entry_points_of_this_package_are_those_that_it_finds_by_itself() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["entry-points"][GROUP] == OWN
