"""Deals the events of one archive file out by report, with the texts that their spans count in.

What is about places, actors, sources and incidents' links is small: it goes to the driver, which
resolves it first, for all.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from timeline.projections import tables
from timeline.projections.batches import REPORT_STREAM_PREFIX
from timeline.scaling.outcome import Outcome
from timeline.scaling.plan import partition_of
from timeline.store.archive_format import EventsFile
from timeline.store.archive_reading import documents_of, events_of, require_whole
from timeline.store.events import StoredEvent
from timeline.store.verify import REPORT_VERSIONS, Mentions

EVENTS, TEXTS, BROADCAST = "events", "texts", "broadcast"
ALL = "all"
DIGEST_LENGTH = 64

ToldEvent = tuple[str, int, str, str]
"""Type, schema version, data and record time of an event of a report."""


def split(outcome: Outcome, number: int) -> None:
    """Deal one archive file out."""
    plan, folder = outcome.plan, Path(outcome.plan.archive)
    file = plan.files[number]
    require_whole(folder, file)
    wanted: dict[str, list[str]] = {}
    builds_types = outcome.builds("types")
    for event in events_of(folder, file):
        if builds_types:
            outcome.add(tables.event_types, [{"type": event.type, "position": event.position}])
        if event.data is None:
            continue  # withheld: nothing can be told of it
        if not event.stream.startswith(REPORT_STREAM_PREFIX):
            data = msgspec.msgpack.encode(event)
            outcome.hand_on(BROADCAST, ALL, "", event.position, data)
            continue
        told: ToldEvent = (event.type, event.schema_version, event.data, event.recorded_at)
        partition = partition_of(event.stream, plan.partitions)
        data = msgspec.msgpack.encode(told)
        outcome.hand_on(EVENTS, partition, event.stream, event.position, data)
        if event.type in REPORT_VERSIONS:
            mention = msgspec.json.decode(event.data, type=Mentions).text_document
            if mention is not None:
                wanted.setdefault(mention.digest, []).append(event.stream)
    _deal_texts(outcome, folder, file, wanted)


def _deal_texts(
    outcome: Outcome, folder: Path, file: EventsFile, wanted: dict[str, list[str]]
) -> None:
    """Send each text to the reports whose spans count in it."""
    if not wanted:
        return
    for digest, content in documents_of(folder, file):
        for stream in sorted(set(wanted.get(digest, ()))):
            partition = partition_of(stream, outcome.plan.partitions)
            outcome.hand_on(TEXTS, partition, stream, 0, digest.encode() + content)


def broadcast_event(data: bytes) -> StoredEvent:
    """An event that was sent to all."""
    return msgspec.msgpack.decode(data, type=StoredEvent)
