"""What a claim takes in memory while its place is folded (docs/scale.md says how much)."""

from __future__ import annotations

import gc
import tracemalloc

import msgspec

from tests.unit.control_helpers import ZONE, held, took
from timeline.domain.evidence import evidence_of
from timeline.domain.slabs import PlaceFold
from timeline.projections.control_forms import forms_of

# With one claim a day each has a step and a slab of its own: claims that share days take less.
BYTES_A_CLAIM_MAX = 2_600
CLAIMS = 600


def test_a_claim_on_a_hot_place_takes_no_more_memory_than_docs_scale_says() -> None:
    rows = []
    for number in range(CLAIMS):
        day = f"20{10 + number // 336}-{1 + number // 28 % 12:02}-{1 + number % 28:02}"
        tell, holder = (took, "is") if number % 50 == 0 else (held, "is")
        told = tell("sdf" if number % 400 > 200 else holder, day, root=f"source:{number % 30}")
        data = msgspec.json.encode(evidence_of(told, ZONE)).decode()
        rows.append((f"{day}T22:00:00.000000Z", "infinity", data))
    forms_of(rows[:100])
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    forms = forms_of(rows)
    fold = PlaceFold(ZONE)
    fold.change([f.evidence for f in forms], ())
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(fold.slabs()) > CLAIMS // 2
    assert (after - before) / CLAIMS < BYTES_A_CLAIM_MAX
