"""Everything that may be changed in one casebook, on behalf of one author.

The composition root makes it, with a store that tells the author of each event that it appends.
"""

from __future__ import annotations

from dataclasses import dataclass

from timeline.filing.amending import Amending
from timeline.filing.filing import Filing
from timeline.filing.linking import Linking
from timeline.filing.mending import Mender
from timeline.filing.registering import Registering
from timeline.filing.reviewing import Reviewing
from timeline.store.event_store import EventStore
from timeline.store.events import Author
from timeline.store.idempotency import Requests


@dataclass(frozen=True)
class Commands:
    """What an author may be allowed to do; whether they are is decided before."""

    author: Author
    store: EventStore
    filing: Filing
    amending: Amending
    registering: Registering
    mending: Mender
    linking: Linking
    reviewing: Reviewing
    requests: Requests
