"""Prose read by other processes ahead of filing gives what it gives here, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from timeline.domain.actors import ActorTable
from timeline.domain.claims import Extraction, ReportFrame
from timeline.domain.places import Gazetteer
from timeline.errors import InvalidReport
from timeline.extraction.choosing import new_extractor
from timeline.filing.ahead import ReadingAhead
from timeline.filing.theatres import theatre_actors, theatre_places

REPORTS = sorted((Path(__file__).parent / "own").glob("*.md"))[:4]
FRAME = ReportFrame(published="2016-02-25", language="en")
FRENCH = "L'armée a repris la ville au groupe jeudi, ont dit des responsables."


@pytest.fixture(scope="module")
def ahead() -> Iterator[ReadingAhead]:
    places, actors = theatre_places("syria"), theatre_actors("syria")
    opened = ReadingAhead(new_extractor, Gazetteer(places), ActorTable(actors), 2)
    yield opened
    opened.close()


def written(read: list[Extraction]) -> list[bytes]:
    """As the log would have it: equal claims may be written otherwise."""
    return [msgspec.json.encode(e) for e in read]


def test_claims_are_the_same_one_by_one_and_by_several_processes(ahead: ReadingAhead) -> None:
    texts = [p.read_text("utf-8") for p in REPORTS]
    gazetteer, actors = ahead.gazetteer, ahead.actors
    here = [new_extractor().extract(t, FRAME, gazetteer, actors) for t in texts]
    for text in reversed(texts):
        ahead.announce(text, FRAME)

    there = [ahead.extract(t, FRAME, gazetteer, actors) for t in texts]
    unannounced = ahead.extract(texts[0], FRAME, gazetteer, actors)

    assert written(there) == written(here)
    assert written([unannounced]) == written(here[:1])
    assert sum(len(e.claims) for e in here) > 10


def test_what_a_process_refuses_is_refused_here(ahead: ReadingAhead) -> None:
    ahead.announce(FRENCH, FRAME)

    with pytest.raises(InvalidReport, match="is in the language 'fr'"):
        ahead.extract(FRENCH, FRAME, ahead.gazetteer, ahead.actors)


def test_places_that_were_registered_meanwhile_are_read_with(ahead: ReadingAhead) -> None:
    text = "Rebels captured the village of Kafr Example on Monday."
    ahead.announce(text, FRAME)

    read = ahead.extract(text, FRAME, Gazetteer(()), ahead.actors)

    assert [c.place.place_id for c in read.claims if c.place] == [None]
