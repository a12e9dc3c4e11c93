"""The documentation says what the program does: commands, links, events; and modules stay small."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from timeline.cli import app
from timeline.domain.events import EVENT_TYPES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += [ROOT / "seeds" / "SOURCES.md", *sorted(DOCS.glob("*.md"))]
MODULES = sorted((ROOT / "timeline").rglob("*.py"))
REAL_REPORTS = ROOT.parent / "shared" / "reports"

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
SHINGLE_WORDS = 8
# Said once for all commands, at the top of docs/commands.md.
COMMON_OPTIONS = {"--database", "--casebook", "--help", "--version"}

FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
COMMAND_HEADING = re.compile(r"^### +`timeline ([a-z][a-z -]*[a-z])", re.MULTILINE)
OPTION = re.compile(r"`(--[a-z][a-z-]*)")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def program_commands() -> Iterator[tuple[str, set[str]]]:
    """Every command's words, and its options, as the Typer app has them."""

    def walk(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, set[str]]]:
        subcommands = getattr(command, "commands", None)
        if subcommands is not None:
            for word, subcommand in subcommands.items():
                yield from walk(subcommand, (*words, word))
        else:
            told = {o for p in getattr(command, "params", ()) for o in (*p.opts, *p.secondary_opts)}
            yield " ".join(words), {o for o in told if o.startswith("--")}

    yield from walk(typer.main.get_command(app), ())


def documented_commands() -> dict[str, set[str]]:
    """Every command's words, and the options named in its section of docs/commands.md."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    starts = list(COMMAND_HEADING.finditer(text))
    ends = [*(m.start() for m in starts[1:]), len(text)]
    return {
        m.group(1): set(OPTION.findall(text[m.end() : end]))
        for m, end in zip(starts, ends, strict=True)
    }


def test_every_command_is_documented_and_none_that_is_not_there() -> None:
    assert sorted(documented_commands()) == sorted(words for words, _ in program_commands())


@pytest.mark.parametrize(
    ("command", "options"), [pytest.param(*c, id=c[0]) for c in program_commands()]
)
def test_every_option_of_a_command_is_documented_and_none_that_it_lacks(
    command: str, options: set[str]
) -> None:
    documented = documented_commands().get(command, set())

    assert documented - COMMON_OPTIONS == options - COMMON_OPTIONS


def test_the_options_of_all_commands_are_documented() -> None:
    head = (DOCS / "commands.md").read_text(encoding="utf-8").split("\n### ")[0]

    assert COMMON_OPTIONS - set(OPTION.findall(head)) == set()


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.replace(" ", "-")


def broken_links(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists():
            broken.append(target)
        elif fragment and found.suffix == ".md":
            headings = HEADING.findall(FENCE.sub("", found.read_text(encoding="utf-8")))
            if fragment not in map(anchor, headings):
                broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_the_index_leads_to_every_page() -> None:
    linked = set(LINK.findall((DOCS / "index.md").read_text(encoding="utf-8")))

    assert {p.name for p in DOCS.glob("*.md")} - {"index.md"} <= linked


def test_every_event_type_is_in_the_catalogue() -> None:
    catalogue = (DOCS / "events.md").read_text(encoding="utf-8")

    assert [t for t in EVENT_TYPES if f"`{t}`" not in catalogue] == []


def test_the_architecture_names_no_module_that_is_not_there() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(timeline/[a-z_/]+(?:\.py|/))`", text))

    assert named
    assert sorted(n for n in named if not (ROOT / n).exists()) == []


def setup_commands(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^ *(python3 -m venv .+)$", text, flags=re.MULTILINE)


def test_the_readme_has_one_command_for_the_demo_and_one_for_the_tests() -> None:
    demo, tests = setup_commands(ROOT / "README.md")

    assert demo.endswith("timeline demo")
    assert tests.endswith("pytest")


def test_contributing_repeats_the_test_command_of_the_readme() -> None:
    assert setup_commands(ROOT / "README.md")[1] in setup_commands(ROOT / "CONTRIBUTING.md")


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_says_in_one_line_what_it_does(module: Path) -> None:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""

    assert docstring.split("\n")[0].endswith(".")


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_has_no_more_than_400_lines(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES_MAX


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_function_has_no_more_than_70_lines_beside_its_docstring(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    long = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _lines(node) - (_lines(node.body[0]) if ast.get_docstring(node) else 0)
            if lines > FUNCTION_LINES_MAX:
                long[node.name] = lines

    assert long == {}


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", text.lower())
    return {tuple(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)}


def test_no_sentence_of_a_real_report_stands_in_seeds_or_documentation() -> None:
    if not REAL_REPORTS.is_dir():
        pytest.skip("the real reports are not beside this checkout")
    real: set[tuple[str, ...]] = set()
    for path in sorted(REAL_REPORTS.rglob("*.txt")) + sorted(REAL_REPORTS.rglob("[0-9]*.md")):
        real |= shingles(path.read_text(encoding="utf-8"))
    ours = [*PAGES, *(p for p in sorted((ROOT / "seeds").rglob("*")) if p.is_file())]

    found = {name(p): shingles(p.read_text(encoding="utf-8")) & real for p in ours}

    assert real
    assert {page: same for page, same in found.items() if same} == {}
