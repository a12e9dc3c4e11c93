"""Runs the scorer of ../shared over a folder of hand-coded reports, in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import sys
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from timeline.domain.actors import ActorTable
from timeline.domain.claims import Evidence, ProposedClaim
from timeline.domain.places import Gazetteer
from timeline.extraction.extractor import RuleExtractor
from timeline.filing.deciding import publication
from timeline.filing.filing import frame_of, framed, read_draft
from timeline.filing.theatres import theatre_actors, theatre_places, theatre_told

SHARED = Path(__file__).parents[3] / "shared"
SCORER = SHARED / "tools" / "score_extraction.py"


def _span(span: Evidence | None, text: str) -> dict[str, Any] | None:
    if span is None:
        return None
    quote = text[span.span_start : span.span_end]
    return {"span_start": span.span_start, "span_end": span.span_end, "quote": quote}


def as_json(claim: ProposedClaim, text: str) -> dict[str, Any]:
    """A claim as `timeline extract --json` prints it, as far as the scorer looks."""
    return {
        "type": claim.type.value,
        "modality": claim.modality.value,
        "polarity": claim.polarity.value,
        "actors": [
            {"role": a.role.value, "actor_id": a.actor_id, "name": a.name, "as_named": a.as_named}
            for a in claim.actors
        ],
        "place": msgspec.to_builtins(claim.place) if claim.place else None,
        "occurred": {"earliest": claim.occurred.earliest, "latest": claim.occurred.latest},
        "evidence": _span(claim.evidence, text),
        "also_evidence": [_span(s, text) for s in claim.also_evidence],
    }


@lru_cache(maxsize=8)
def reference(theatre: str) -> tuple[Gazetteer, ActorTable]:
    """The places and actors of a theatre, loaded once."""
    return Gazetteer(theatre_places(theatre)), ActorTable(theatre_actors(theatre))


def claims_of(path: Path) -> tuple[str, tuple[ProposedClaim, ...]]:
    """The text of a report and its claims, as `timeline extract` makes them."""
    extractor = RuleExtractor()
    draft = framed(read_draft(path), extractor)
    text = draft.text or ""
    gazetteer, actors = reference(theatre_told(text))
    when = publication(draft, None, None, undated=True, now=None)
    frame = frame_of(draft, when.reported.edtf)
    read = extractor.extract(draft.readable_text or "", frame, gazetteer, actors)
    return text, read.claims


def score(folder: Path) -> dict[str, Any]:
    """The scorer's JSON for a folder."""
    spec = importlib.util.spec_from_file_location("score_extraction", SCORER)
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)

    def run(command: list[str], **_: object) -> SimpleNamespace:
        text, claims = claims_of(Path(command[-1]))
        found = json.dumps({"claims": [as_json(c, text) for c in claims]})
        return SimpleNamespace(stdout=found, stderr="", returncode=0)

    scorer.subprocess = SimpleNamespace(run=run)  # type: ignore[attr-defined]
    printed, argv = io.StringIO(), sys.argv
    sys.argv = ["score", str(folder), "--command", "extract {path}"]
    try:
        with contextlib.redirect_stdout(printed):
            scorer.main()
    finally:
        sys.argv = argv
    result: dict[str, Any] = json.loads(printed.getvalue().splitlines()[-1])
    return result
