"""What of a text is worth a parse: other news is not, a report of war is read whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from timeline.domain.actors import ActorTable
from timeline.domain.claims import ReportFrame
from timeline.domain.places import Gazetteer
from timeline.extraction import extractor
from timeline.extraction.extractor import RuleExtractor
from timeline.filing.theatres import theatre_actors, theatre_places

OTHER_NEWS = Path(__file__).parents[2] / "benchmarks" / "other_news.txt"
FRAME = ReportFrame(published="2016-02-25", language="en")
GAZETTEER, ACTORS = Gazetteer(theatre_places("syria")), ActorTable(theatre_actors("syria"))


def parsed(text: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences that are given to the parser."""
    seen: list[str] = []

    def parse(_nlp: object, even: str, sentences: list[tuple[int, int]], _guide: object) -> list:  # type: ignore[type-arg]
        seen.extend(even[s[0] : s[1]] for s in sentences)
        return []

    monkeypatch.setattr(extractor, "parse_sentences", parse)
    RuleExtractor().extract(text, FRAME, GAZETTEER, ACTORS)
    return seen


def test_news_that_tells_of_no_war_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    paragraphs = OTHER_NEWS.read_text("utf-8").strip().split("\n\n")

    read = [p for p in paragraphs if parsed(p, monkeypatch)]

    assert len(read) <= 1  # eleven shots that a goalkeeper saved


@pytest.mark.parametrize(
    "text",
    [
        "The group took Khanasser. It holds the hill too.",
        "The YPG took a village. It holds the hill too.",
        "Rebels took the village. They hold the hill too.",
    ],
)
def test_a_text_of_war_is_read_whole(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(parsed(text, monkeypatch)) == 2


def test_of_other_news_those_paragraphs_are_read_that_have_a_word_of_war(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "The mayor opened a bridge.\n\nGunmen took the mill. They left at noon.\n\nMilk fell."

    assert parsed(text, monkeypatch) == ["Gunmen took the mill.", "They left at noon."]
