"""Measures how fast prose becomes claims, against plain `nlp.pipe` over the same text.

    python -m benchmarks.extraction [--articles 200] [--rounds 3] [--war-in 4]

The folder is mixed news: each article has six paragraphs; one of so many articles tells of war
(paragraphs of `tests/extraction/own`), the others of other things (`other_news.txt`, own words).
Both sides read the same texts in turn, in each round the other one first; figures are medians of
CPU seconds, of one process, since wall time on a shared machine is other people's.
`nlp.pipe` is the model as it is loaded from its package, over whole articles. What it finds are
parses, and not yet claims. Peak memory is that of a process of its own, its model included.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from timeline.domain.actors import ActorTable
from timeline.domain.claims import ReportFrame
from timeline.domain.places import Gazetteer
from timeline.extraction.extractor import RuleExtractor
from timeline.extraction.model import load_model
from timeline.filing.theatres import theatre_actors, theatre_places

HERE = Path(__file__).parent
PARAGRAPHS_PER_ARTICLE = 6
THEATRE = "syria"
FRAME = ReportFrame(published="2016-02-25", language="en")


def articles(count: int, war_in: int = 4) -> list[str]:
    """The mixed folder: the same for the same numbers."""
    other = (HERE / "other_news.txt").read_text("utf-8").strip().split("\n\n")
    folder = HERE.parent / "tests" / "extraction" / "own"
    war = [p.read_text("utf-8").rpartition("---\n")[2].strip() for p in sorted(folder.glob("*.md"))]
    made = []
    for number in range(count):
        pool = war if number % war_in == 0 else other
        first = number * PARAGRAPHS_PER_ARTICLE // 2
        picked = [pool[(first + n) % len(pool)] for n in range(PARAGRAPHS_PER_ARTICLE)]
        made.append("\n\n".join(picked) + f"\n\nArticle {number}.\n")
    return made


def timed(read: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    read()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print articles and words a second, and the ratio."""
    parser = argparse.ArgumentParser(description="Time extraction.")
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--war-in", type=int, default=4, help="one article of so many tells of war")
    parser.add_argument("--peak", choices=("pipe", "claims"), help="read once, print peak memory")
    given = parser.parse_args()
    texts = articles(given.articles, given.war_in)
    gazetteer = Gazetteer(theatre_places(THEATRE))
    actors, extractor, nlp = ActorTable(theatre_actors(THEATRE)), RuleExtractor(), load_model()

    def claims() -> int:
        return sum(len(extractor.extract(t, FRAME, gazetteer, actors).claims) for t in texts)

    def pipe() -> int:
        return sum(len(doc) for doc in nlp.pipe(texts))

    sides: dict[str, Callable[[], int]] = {"pipe": pipe, "claims": claims}
    if given.peak:
        sides[given.peak]()
        # Not getrusage: after a fork that tells the peak of the parent.
        told = Path("/proc/self/status").read_text("ascii")
        print(told.partition("VmHWM:")[2].split()[0])
        return
    words = sum(len(t.split()) for t in texts)
    print(
        f"load {os.getloadavg()[0]:.1f}; {len(texts)} articles, {words} words, 1 in {given.war_in}"
    )
    for read in sides.values():
        read()  # what is loaded on first use
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for number in range(given.rounds):
        for name in sorted(sides, reverse=number % 2 == 0):
            taken[name].append(timed(sides[name]))
    medians = {n: statistics.median(cpu for _, cpu in t) for n, t in taken.items()}
    for name, cpu in medians.items():
        peak = subprocess.run(
            [sys.executable, "-m", "benchmarks.extraction", "--peak", name,
             "--articles", str(given.articles), "--war-in", str(given.war_in)],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        print(
            f"{name:8} {len(texts) / cpu:7.1f} articles/s  {words / cpu:9,.0f} words/s"
            f"  (CPU; rounds {', '.join(f'{c:.1f}' for _, c in taken[name])} s)"
            f"  peak {int(peak.stdout) / 1024:.0f} MB"
        )
    print(f"claims {claims()}; ratio {medians['pipe'] / medians['claims']:.2f}")


if __name__ == "__main__":
    main()
