"""Gives tests a copy of migrations/ with one more revision at its end."""

from __future__ import annotations

import shutil
from pathlib import Path

from timeline.resources import resource
from timeline.store import migrate

EXTRA = "f00d_extra.py"


def with_revision(folder: Path, source: str) -> Path:
    """A copy of migrations/ with a revision whose source names the head it follows as {head}."""
    copy = folder / "a folder with % in its name"
    shutil.copytree(resource("migrations"), copy, ignore=shutil.ignore_patterns("__pycache__"))
    head = migrate.revisions()[-1]
    (copy / "versions" / EXTRA).write_text(source.replace("{head}", head), encoding="utf-8")
    return copy
