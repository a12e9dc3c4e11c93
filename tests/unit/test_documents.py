"""What is no report file is refused with one clear sentence, before anything reads it."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from timeline.errors import InvalidReport
from timeline.filing.coded import read_coded
from timeline.filing.filing import read_draft, report_paths


def written(folder: Path, content: bytes, name: str = "report.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InvalidReport) as caught:
        read_draft(path)
    return str(caught.value).removeprefix(f"{path.parent}/")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "report.txt: is empty"),
        (b" \n\t\n", "report.txt: is empty"),
        (b"\x7fELF\x02\x00\x00", "report.txt: is binary, not text"),
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3", "report.txt: is not UTF-8 (byte 11); save it as UTF-8"),
        ("Khanasser".encode("utf-16"), "report.txt: is UTF-16; save it as UTF-8"),
        (b"\xfe\xff\x00K", "report.txt: is UTF-16; save it as UTF-8"),
        (b"K\x00h\x00a\x00", "report.txt: is binary, not text"),
        ("Tal Rifaat é".encode("latin-1"), "report.txt: is not UTF-8 (byte 12); save it as UTF-8"),
        ("خناصر".encode("cp1256"), "report.txt: is not UTF-8 (byte 1); save it as UTF-8"),
        (b"a\x1b[31mb", r"report.txt: is binary: it holds the control character '\x1b'"),
        (b"a " * 5_000_000, "report.txt: is larger than 2,000,000 bytes; split it into single"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    assert refusal(written(tmp_path, content)).startswith(told)


@pytest.mark.parametrize("name", ["report.docx", "report.pdf", "report", "report.html"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(written(tmp_path, b"The army came.", name)) == (
        f"{name}: is no report file; its name must end in one of .txt, .md, .yaml, .yml, .json"
    )


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.txt").mkdir()

    assert refusal(tmp_path / "report.txt") == "report.txt: cannot be read: Is a directory"


def test_two_million_bytes_are_still_a_report(tmp_path: Path) -> None:
    assert read_draft(written(tmp_path, b"a " * 1_000_000)).text == "a " * 1_000_000


@pytest.mark.parametrize("name", ["report.TXT", "report.MD", "report.YAML", "report.Json"])
def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path, name: str) -> None:
    content = b'{"claims": [{"type": "Clash"}]}'

    assert read_draft(written(tmp_path, content, name)).content == content


def test_folders_are_walked_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("c.yaml", "b/z.md", "a.txt", "b/notes.html", "b/a.json"):
        written(tmp_path, b"x", name)

    found = report_paths([tmp_path / "c.yaml", tmp_path])
    assert [str(p.relative_to(tmp_path)) for p in found] == [
        "c.yaml",
        "a.txt",
        "b/a.json",
        "b/z.md",
        "c.yaml",
    ]


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidReport, match=r"nothing\.txt: does not exist"):
        list(report_paths([tmp_path / "nothing.txt"]))


def test_a_folder_without_reports_is_refused(tmp_path: Path) -> None:
    written(tmp_path, b"x", "page.html")

    with pytest.raises(InvalidReport, match="holds no report"):
        list(report_paths([tmp_path]))


def refused_content(content: str, name: str = "report.yaml") -> str:
    with pytest.raises(InvalidReport) as caught:
        read_coded(content.encode(), Path(name))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1, 2]", "must be a mapping with keys such as title and claims"),
        ("just words", "must be a mapping"),
        ("# nothing", "must be a mapping"),
        ("claims: [1, 2", "is not valid YAML: did not find expected ',' or ']' at line 2"),
        ("claims: &a [{type: Clash}]\ntitle: *a", "YAML aliases (*a) are refused"),
        ("title: a\ntitle: b\nclaims: []", "the key 'title' stands twice"),
        ("claims: [{type: Clash, type: Clash}]", "the key 'type' stands twice"),
        ("a: " + "[" * 21 + "]" * 21, "is nested deeper than 20 levels"),
        ("[" * 100_000, "is nested deeper than 20 levels"),
        ("claims: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("claims: []\n---\nclaims: []", "found another document"),
        ("? [a]\n: b", "found unhashable key"),
        ("quantity: " + "9" * 5000, "is not valid YAML: Exceeds the limit"),
    ],
)
def test_what_is_no_plain_yaml_mapping_is_refused(text: str, told: str) -> None:
    assert told in refused_content(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1, 2]", "must be a mapping"),
        ('{"claims": [', "is not valid JSON: Expecting value at line 1, column 13"),
        ("claims: []", "is not valid JSON"),
        ('{"title": "a", "title": "b"}', "the key 'title' stands twice"),
        ("[" * 100_000, "is nested deeper than 20 levels"),
        ("[" * 22 + "]" * 22, "is nested deeper than 20 levels"),
        (r'{"title": "\ud800"}', "half of a character; leave it out"),
        ('{"confidence": NaN}', "holds nan, which is no finite number"),
    ],
)
def test_what_is_no_plain_json_object_is_refused(text: str, told: str) -> None:
    assert told in refused_content(text, "r.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('title: "a\\0b"', r"holds the control character '\x00'; leave it out"),
        ('text: "a\\eb"', r"holds the control character '\x1b'; leave it out"),
        ('"a\\ab": 1', r"holds the control character '\x07'; leave it out"),
        ("claims: [{type: Clash, confidence: .nan}]", "holds nan, which is no finite number"),
        (
            "claims: [{type: Clash, quantity: {value: .inf, unit: men}}]",
            "holds inf, which is no finite number",
        ),
    ],
)
def test_values_that_no_database_takes_are_refused(text: str, told: str) -> None:
    assert told in refused_content(text)


def test_twenty_thousand_keys_are_refused_without_delay() -> None:
    text = "".join(f"k{i}: 1\n" for i in range(20_000))
    begun = perf_counter()

    assert "does not know the key" in refused_content(text)
    assert perf_counter() - begun < 10  # it took 38 s when each key was looked for in all
