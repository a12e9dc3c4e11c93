"""Reads days and instants, and keeps what they come to: reading costs more than a short query."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from timeline.domain.time import moment_end
from timeline.projections.entry_queries import begin_text

MOMENTS_KEPT = 4_096


@lru_cache(maxsize=MOMENTS_KEPT)
def begin(text: str, time_zone: str) -> str:
    """`begin_text`, of what was asked for before."""
    return begin_text(text, time_zone)


@lru_cache(maxsize=MOMENTS_KEPT)
def moment(text: str, time_zone: str) -> datetime:
    """`moment_end`, which costs more than a short query, of what was asked for before."""
    return moment_end(text, time_zone)
