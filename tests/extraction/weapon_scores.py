"""Holds the weapons of claims against those coded by hand in `weapons.yaml`.

`python -m tests.extraction.weapon_scores own later` prints the counts and what differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from .scorer import sentence_bounds
from .scoring import claims_of

HERE = Path(__file__).parent
Missed = list[tuple[str, str, str]]


def coded(half: str) -> dict[str, list[list[str]]]:
    """By report: claim type, words of the event, and the weapons, of each event that names any."""
    read: dict[str, Any] = yaml.safe_load((HERE / "weapons.yaml").read_text(encoding="utf-8"))
    found: dict[str, list[list[str]]] = read[half]
    return found


def score(half: str, stems: Iterable[str]) -> tuple[int, int, int, Missed]:
    """How many weapons are coded, told and both; and each that differs, as report, sign, words.

    A weapon is right in a claim of that type whose words stand in the sentence of the event.
    """
    right, told, wanted, differing = 0, 0, 0, []
    for stem in stems:
        text, claims = claims_of(HERE / half / f"{stem}.md")
        items = []
        for type_, quote, *names in coded(half).get(stem, []):
            at = text.index(quote)
            low, high = sentence_bounds(text, at, at + len(quote))
            items += [(type_, low, high, name.casefold()) for name in names]
        found = [
            (claim.type.value, span.span_start, weapon.as_named.casefold())
            for claim in claims
            for span in [claim.evidence]
            for weapon in claim.weapons
            if span is not None
        ]
        hits = [f for f in found if any(_is(f, item) for item in items)]
        met = [item for item in items if any(_is(f, item) for f in found)]
        right, told, wanted = right + len(met), told + len(found), wanted + len(items)
        told -= len(hits) - len(met)  # one weapon of an event that is told as two claims
        differing += [(stem, "+", f"{f[0]}: {f[2]}") for f in found if f not in hits]
        differing += [(stem, "-", f"{i[0]}: {i[3]}") for i in items if i not in met]
    return wanted, told, right, differing


def _is(found: tuple[str, int, str], item: tuple[str, int, int, str]) -> bool:
    type_, low, high, name = item
    return found[0] == type_ and low <= found[1] < high and found[2] == name


def reports(half: str) -> list[str]:
    """The names of the reports of a half, in order."""
    return sorted(p.stem for p in (HERE / half).glob("*.md"))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        *counts, differences = score(name, reports(name))
        told_ = "{} coded, {} told, {} right".format(*counts)
        lines = [f"{name}: {told_}", *(" ".join(d) for d in differences)]
        sys.stdout.write("\n  ".join(lines) + "\n")
