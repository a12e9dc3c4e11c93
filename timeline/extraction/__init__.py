"""Turns report prose into claims with spans: rules on a dependency parse, words kept as data."""

from __future__ import annotations
