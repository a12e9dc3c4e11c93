"""Names the state of the data that an answer is made from, so that it need not be made twice.

Every answer follows from the log, from how far the projections have read it, from the program and
from the question. Nothing of it follows from the clock: an answer as known on a day changes too,
when a report is filed late, so that it bears a tag like any other.
"""

from __future__ import annotations

import logging
from functools import cache
from hashlib import sha256
from importlib.metadata import version

import msgspec

from timeline.api.endpoint import Asked
from timeline.api.schema import sdl
from timeline.projections.reading import Reader
from timeline.store.event_store import EventStore

logger = logging.getLogger(__name__)


@cache
def _program() -> str:
    return f"{version('conflict-timeline')} {sha256(sdl().encode()).hexdigest()}"


def tag_of(reader: Reader, store: EventStore, asked: Asked) -> str | None:
    """The tag of the answer to a question, from the data as they are now.

    `None` when the database does not answer; the question then says what is the matter.
    """
    try:
        head, projections = store.head(), reader.projections()
    except Exception:
        logger.warning("the state of the data could not be read", exc_info=True)
        return None
    state = [
        _program(),
        store.casebook,
        head.position,
        head.hash.hex(),
        [msgspec.to_builtins(p) for p in projections],
        asked.query,
        asked.variables,
        asked.operation_name,
    ]
    return sha256(msgspec.json.encode(state, order="deterministic")).hexdigest()[:32]
