"""Spans are exact, and no text breaks or delays the extraction."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from timeline.domain.claims import ProposedClaim
from timeline.errors import InvalidReport
from timeline.extraction.model import HASHES, ModelUnusable, check_hashes

Extract = Callable[..., tuple[ProposedClaim, ...]]

_WORDS = st.sampled_from(
    [
        *("Rebels", "captured", "Azaz", "on", "Tuesday", ",", ".", ";", "\n", "and", "withdrew"),
        *("from", "the", "town", "of", "Mare`", "“IS”", "(SDF)", "\xa0", "Russian", "jets"),
        *("bombed", "four", "rockets", "landed", "if", "not", "will", "said", "sources", "3"),
        *("km", "west", "𝔸", "🚀", "al-Bab"),
    ]
)


@given(st.lists(_WORDS, max_size=40).map(" ".join))
@example("bombed four Rebels said")  # the verb of saying once asked for a subject without end
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_quote_is_words_of_the_text(extract: Extract, text: str) -> None:
    for claim in extract(text):
        for span in (claim.evidence, *claim.also_evidence):
            assert span is not None
            assert 0 <= span.span_start < span.span_end <= len(text)
            assert text[span.span_start : span.span_end].strip()


def test_spans_count_code_points_of_the_text_as_it_stands(extract: Extract) -> None:
    text = "🚀 “News” — Rebels\u00a0captured Azaz on Tuesday."
    (claim,) = extract(text)
    assert claim.evidence is not None

    assert text[claim.evidence.span_start : claim.evidence.span_end] == (
        "Rebels\u00a0captured Azaz on Tuesday"
    )


def test_front_matter_holds_no_claims_but_counts(extract: Extract) -> None:
    text = "---\ntitle: Rebels captured Azaz\n---\nTurkish guns shelled Afrin on Tuesday.\n"
    (claim,) = extract(text)
    assert claim.evidence is not None

    assert (claim.type.value, text[claim.evidence.span_start]) == ("Shelling", "T")


@pytest.mark.parametrize(
    "text",
    ["a" * 200_000, "captured " * 20_000, "\n" * 100_000, "near " * 30_000, "A-" * 50_000],
)
def test_a_hostile_text_takes_a_bounded_time(extract: Extract, text: str) -> None:
    start = time.monotonic()
    with suppress(InvalidReport):  # more than is read at once
        extract(text)

    assert time.monotonic() - start < 20


def test_a_model_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.cfg").write_text("changed")

    with pytest.raises(ModelUnusable):
        check_hashes(tmp_path, HASHES)
