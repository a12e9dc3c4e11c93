"""A prose report is its text as it stands; front matter tells of it and is never read as prose."""

from __future__ import annotations

from pathlib import Path

import pytest

from timeline.errors import InvalidReport
from timeline.filing.drafts import Draft
from timeline.filing.prose import read_prose

WITH = """---
id: desert-2016-02-25
url: https://example.org/a
title: Army back in Khanasser
source: {name: Desert Monitor, affiliated_with: syrian-opposition}
published: 2016-02-25
updated: 2016-02-26
language: en
---
The army took خناصر back.
"""


def prose(text: str, name: str = "report.md") -> Draft:
    return read_prose(text.encode(), Path(name))


def refusal(text: str) -> str:
    with pytest.raises(InvalidReport) as caught:
        prose(text)
    return str(caught.value)


def test_front_matter_tells_what_the_report_is() -> None:
    draft = prose(WITH)

    assert (
        draft.report_id,
        draft.url,
        draft.title,
        draft.source_name,
        draft.affiliated_with,
        draft.published,
        draft.updated,
        draft.language,
        draft.media_type,
        draft.claims,
        draft.notes,
    ) == (
        "desert-2016-02-25",
        "https://example.org/a",
        "Army back in Khanasser",
        "Desert Monitor",
        "syrian-opposition",
        "2016-02-25",
        "2016-02-26",
        "en",
        "text/markdown",
        None,
        (),
    )


def test_spans_count_in_the_unmodified_file() -> None:
    draft = prose(WITH)

    assert draft.text == WITH
    assert draft.readable_text is not None
    assert len(draft.readable_text) == len(WITH)
    assert draft.readable_text.index("خناصر") == WITH.index("خناصر")
    assert draft.readable_text.strip() == "The army took خناصر back."


def test_line_ends_of_windows_are_kept_as_they_are() -> None:
    text = WITH.replace("\n", "\r\n")
    draft = prose(text)

    assert draft.report_id == "desert-2016-02-25"
    assert draft.text == text
    assert draft.readable_text is not None
    assert draft.readable_text.index("خناصر") == text.index("خناصر")
    assert draft.readable_text.count("\r\n") == text.count("\r\n")


def test_a_byte_order_mark_counts_as_a_code_point_and_hides_no_front_matter() -> None:
    draft = prose("\ufeff" + WITH)

    assert draft.report_id == "desert-2016-02-25"
    assert draft.readable_text is not None
    assert draft.readable_text.index("خناصر") == WITH.index("خناصر") + 1


def test_without_front_matter_all_is_text() -> None:
    draft = prose("The army took Khanasser back.\n---\nMore follows.\n", "report.txt")

    assert draft.readable_text == "The army took Khanasser back.\n---\nMore follows.\n"
    assert (draft.report_id, draft.title, draft.published) == (None, None, None)
    assert draft.media_type == "text/plain"


def test_a_rule_across_the_page_opens_no_front_matter() -> None:
    text = "---\nThe army took Khanasser back.\n"

    assert prose(text).readable_text == text


def test_front_matter_may_be_empty() -> None:
    assert prose("---\n---\nThe army came.\n").readable_text == "   \n   \nThe army came.\n"


def test_keys_that_are_not_used_are_noted() -> None:
    draft = prose("---\nauthor: me\ndate: 2016-02-25\npublisher: A\ntags:\n---\nThe army came.\n")

    assert draft.notes == ("front matter key 'author' is not used",)
    assert (draft.published, draft.source_name) == ("2016-02-25", "A")


@pytest.mark.parametrize(
    ("front", "told"),
    [
        ("- a\n- b", "front matter must be a mapping of keys to values"),
        ("title: [a", "is not valid YAML"),
        ("title: a\ntitle: b", "the key 'title' stands twice"),
        ("title: &a b\nurl: *a", "YAML aliases (*a) are refused"),
        ("title: [a, b]", "front matter: title must be text"),
        ("title: true", "front matter: title must be text"),
        ("id: a/b", "id 'a/b' may hold only letters, digits and . _ : -"),
        ("source: {affiliated_with: x}", "source has a name and, perhaps, affiliated_with"),
        ("source: {name: x, 1: y, z: w}", "source has a name and, perhaps, affiliated_with"),
        (f"language: {'x' * 36}", "language is longer than 35 characters"),
        (f"source: {'x' * 301}", "source is longer than 300 characters"),
        (f"title: {'x' * 2001}", "title is longer than 2000 characters"),
        ('title: "a\\0b"', r"holds the control character '\x00'"),
    ],
)
def test_broken_front_matter_is_refused(front: str, told: str) -> None:
    assert told in refusal(f"---\n{front}\n---\nThe army came.\n")


def test_front_matter_that_is_never_closed_is_refused() -> None:
    assert refusal("---\npublished: 2016-02-25\nThe army came.\n") == (
        "report.md: opens front matter and never closes it; add a line of ---"
    )


def test_front_matter_alone_is_no_report() -> None:
    assert refusal("---\ntitle: a\n---\n\n") == "report.md: has front matter but no text"
