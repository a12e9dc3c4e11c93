"""One extractor, gazetteer and actor table for all tests of the extraction."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from timeline.domain.actors import ActorTable
from timeline.domain.claims import ProposedClaim, ReportFrame
from timeline.domain.places import Gazetteer
from timeline.extraction.extractor import RuleExtractor
from timeline.filing.reference import load_actors, load_places

Extract = Callable[..., tuple[ProposedClaim, ...]]
# By half of our own reports: what the scorer found, and the floors.
Figures = dict[str, tuple[dict[str, float], dict[str, float]]]
_FIGURES = pytest.StashKey[Figures]()
ROUNDING = 0.01


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    """Where the tests leave the scorer's figures for the summary."""
    return pytestconfig.stash.setdefault(_FIGURES, {})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the scorer's figures, and which floor a better extraction has left behind."""
    for half, (found, floors) in config.stash.get(_FIGURES, {}).items():
        told = " ".join(f"{key} {found[key]:g}" for key in floors)
        terminalreporter.write_line(
            f"extraction, {half}: {found['reports']:g} reports, {found['gold']:g} events, {told}"
        )
        for key, floor in floors.items():
            is_ceiling = key in ("leaks", "bad_spans")
            if found[key] < floor if is_ceiling else found[key] >= floor + ROUNDING:
                terminalreporter.write_line(
                    f"extraction, {half}: {key} is {found[key]:g}, its floor {floor:g}:"
                    " raise it in tests/extraction/floors.yaml"
                )


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
