"""One extractor, gazetteer and actor table for all tests of the extraction."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import FIGURES, Figures
from timeline.domain.actors import ActorTable
from timeline.domain.claims import ProposedClaim, ReportFrame
from timeline.domain.places import Gazetteer
from timeline.extraction.extractor import RuleExtractor
from timeline.filing.reference import load_actors, load_places

Extract = Callable[..., tuple[ProposedClaim, ...]]


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    """Where the tests leave the scorer's figures for the summary."""
    return pytestconfig.stash.setdefault(FIGURES, {})


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return Gazetteer(load_places())


@pytest.fixture(scope="session")
def actors() -> ActorTable:
    return ActorTable(load_actors())


@pytest.fixture(scope="session")
def extract(gazetteer: Gazetteer, actors: ActorTable) -> Extract:
    """Claims of a text published on 24 February 2016 (a Wednesday), or on another day."""
    extractor = RuleExtractor()

    def run(text: str, published: str | None = "2016-02-24") -> tuple[ProposedClaim, ...]:
        frame = ReportFrame(published=published)
        return extractor.extract(text, frame, gazetteer, actors).claims

    return run
