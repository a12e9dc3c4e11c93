"""Tells a load balancer whether this process lives, and whether it can answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.responses import JSONResponse, Response

from timeline.errors import SchemaMismatch
from timeline.projections.reading import Reader
from timeline.store.event_store import EventStore

logger = logging.getLogger(__name__)

BEHIND_MAX = 1_000
_HEADERS = {"cache-control": "no-store"}


def alive() -> Response:
    """The process answers; nothing is asked of the database."""
    return JSONResponse({"status": "ok"}, headers=_HEADERS)


def readiness(
    reader: Reader, store: EventStore, check_schema: Callable[[], object] | None
) -> Response:
    """Whether requests should be sent here: 503 with the reason when they should not.

    A projection that an event stops does not make the process unready: the others answer, and no
    other process would do better.
    """
    try:
        if check_schema is not None:
            check_schema()
        head, found = store.head().position, reader.projections()
    except SchemaMismatch:
        return _unready("the schema of the database is not that of this release")
    except Exception:
        logger.exception("the database does not answer")
        return _unready("the database does not answer")
    projections = [
        {"name": p.name, "state": p.state, "behind": max(0, head - p.position)} for p in found
    ]
    told = {"casebook": store.casebook, "headPosition": head, "projections": projections}
    late = [p.name for p in found if p.state == "behind" and head - p.position > BEHIND_MAX]
    if late:
        return _unready(f"{', '.join(late)}: behind by more than {BEHIND_MAX} events", **told)
    return JSONResponse({"status": "ready", **told}, headers=_HEADERS)


def _unready(reason: str, **told: object) -> Response:
    return JSONResponse(
        {"status": "unavailable", "reason": reason, **told}, status_code=503, headers=_HEADERS
    )
