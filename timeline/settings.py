"""Where the database is and which casebook is meant: options over environment over default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_DATABASE_URL = "sqlite:///timeline.db"
DEFAULT_CASEBOOK = "main"
DEFAULT_TIME_ZONE = "Asia/Damascus"
DEFAULT_THEATRE = "syria"
DEFAULT_EXTRACTOR = "rules"

# Bounds on what comes in from outside, all in one place.
REPORT_BYTES_MAX = 2_000_000
CLAIMS_PER_REPORT_MAX = 2_000
FILES_PER_COMMAND_MAX = 100_000
PAGE_SIZE_MAX = 500
PLACES_NAMED_MAX = 1_000
CLAIMS_LINKED_AT_READ_MAX = 20_000
NAME_LENGTH_MAX = 300


@dataclass(frozen=True)
class Settings:
    """One command's or one server's surroundings."""

    database_url: str = DEFAULT_DATABASE_URL
    casebook: str = DEFAULT_CASEBOOK
    extractor: str = DEFAULT_EXTRACTOR


def settings_from(
    database: str | None,
    casebook: str | None,
    environment: Mapping[str, str] | None = None,
    extractor: str | None = None,
) -> Settings:
    """Settings from a command's options, `None` meaning not given.

    A bare path is a SQLite file; `postgres://` and `postgresql://` use the psycopg driver.
    """
    env = os.environ if environment is None else environment
    url = database or env.get("TIMELINE_DATABASE_URL") or DEFAULT_DATABASE_URL
    return Settings(
        database_url=normal_url(url),
        casebook=casebook or DEFAULT_CASEBOOK,
        extractor=extractor or env.get("TIMELINE_EXTRACTOR") or DEFAULT_EXTRACTOR,
    )


def normal_url(url: str) -> str:
    """An SQLAlchemy URL for what people write: a path, `postgres://`, `postgresql://`."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url if "://" in url else f"sqlite:///{url}"
