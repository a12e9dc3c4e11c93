r"""What an LLM makes of our hand-coded reports: the scorer's figures, what was refused, the time.

    TIMELINE_LLM_URL=http://127.0.0.1:8080/v1 TIMELINE_LLM_MODEL=m \
        python -m benchmarks.llm --every 3

reads every third report of `tests/extraction/own` (or of another folder), one after the other.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.extraction.scorer import Claim, totals
from tests.extraction.scoring import as_json, reference
from timeline.errors import InvalidReport
from timeline.extraction.llm import LlmExtractor
from timeline.filing.theatres import theatre_told

OWN = Path(__file__).parents[1] / "tests" / "extraction" / "own"


class Reading:
    """Reads reports with the model, and notes what was refused."""

    def __init__(self) -> None:
        self.extractor = LlmExtractor()
        self.kept, self.seconds, self.unread = 0, 0.0, 0
        self.refused: Counter[str] = Counter()

    def claims_of(self, path: Path) -> tuple[str, list[Claim]]:
        """The text of a report and the claims of the model that its words bear."""
        text = path.read_bytes().decode("utf-8")
        gazetteer, actors = reference(theatre_told(text))
        began = time.monotonic()
        try:
            read = self.extractor.extract(text, self.extractor.frame(text), gazetteer, actors)
        except InvalidReport as fault:
            print(f"{path.stem}: {fault}", flush=True)
            self.unread += 1
            return text, []
        finally:
            self.seconds += time.monotonic() - began
        for note in read.notes:
            print(f"{path.stem}: {note}", flush=True)
            self.refused[_kind(note)] += 1
        self.kept += len(read.claims)
        return text, [as_json(c, text) for c in read.claims]


def _kind(note: str) -> str:
    """Why something was left out, without the words that it is about."""
    reason = note.rpartition("”: ")[2] if "”: " in note else note.partition(": ")[2]
    if "'" in reason:
        first, _, rest = reason.partition("'")
        return first.split()[1] + rest.rpartition("'")[2]
    return reason.partition(":")[0]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=OWN)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    reading = Reading()
    chosen = sorted(options.folder.glob("*.md"))[:: options.every]
    with tempfile.TemporaryDirectory() as folder:
        for path in chosen:
            for kept in (path, path.with_suffix("").with_suffix(".gold.yaml")):
                shutil.copy(kept, folder)
        scored = totals(Path(folder), reading.claims_of)
    print(scored)
    print(f"{len(chosen)} reports, {reading.unread} unread, {reading.kept} claims kept")
    print(f"refused: {dict(reading.refused.most_common())}")
    print(f"{reading.seconds / len(chosen):.1f} s a report; {reading.extractor.account()}")


if __name__ == "__main__":
    main()
