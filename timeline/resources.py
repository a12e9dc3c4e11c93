"""Finds migrations/, schema/ and seeds/: inside an installed wheel first, then in the checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(name: str) -> Path:
    """The folder `name` ("migrations", "schema" or "seeds").

    Raises:
        FileNotFoundError: the installation carries no such folder, which is a packaging fault.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"this installation has no {name}/ folder; install it again")
