"""Decides and writes appends: each whole or not at all, at the end of a casebook's log.

The head row is locked first, so appends to a casebook happen one after another: positions have no
gaps, follow the order of commit and roll back with their transaction. The price is one commit at a
time; what it buys is that a reader with a checkpoint misses nothing. Several requests can share a
transaction (group commit): each is judged by itself against the log as those before it leave it,
so that a conflict refuses one of them only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from timeline.errors import (
    EventIdReused,
    PartlyAppended,
    TimelineError,
    WrongExpectedVersion,
)
from timeline.store import hashing, inserting
from timeline.store.events import (
    ANY,
    Appended,
    Head,
)
from timeline.store.inserting import Row, Rows
from timeline.store.preparing import Prepared, PreparedAppend, Request
from timeline.store.queries import Found, State, locked_state

Clock = Callable[[], datetime]
"""Gives the present as an aware datetime."""


Outcome = Appended | TimelineError
"""What one request of several came to."""


@dataclass
class Situation:
    """The log's state as the requests that were granted so far leave it.

    Attributes:
        position: The last position, granted events included.
        found: The events of the requests that the log holds, by id.
        versions: The version of each stream that the requests name.
        granted: Stream, version and event of what is to be written, in order.
    """

    position: int
    found: dict[str, Found]
    versions: dict[str, int]
    granted: list[tuple[str, int, Prepared]] = field(default_factory=list)


def append(connection: Connection, casebook: str, clock: Clock, request: Request) -> Appended:
    """Append in the caller's write transaction; see `EventStore.append` for what is refused.

    Args:
        connection: In a write transaction.
        casebook: Whose log it is.
        clock: Asked once.
        request: What to append.
    """
    [outcome], _ = append_all(connection, casebook, clock, [request])
    if isinstance(outcome, TimelineError):
        raise outcome
    return outcome


def append_all(
    connection: Connection,
    casebook: str,
    clock: Clock,
    requests: Sequence[Request],
    *,
    commits: bool = False,
    assumes_new: bool = False,
) -> tuple[list[Outcome], Head]:
    """Judge requests one after another, and write those that are granted, in that order.

    Args:
        connection: In a write transaction.
        casebook: Whose log it is.
        clock: Asked once.
        requests: What to append.
        commits: Whether the caller ends its transaction right after, and lets this do it.
        assumes_new: Whether to take events, and streams that are expected to have none, for new.
            Where that is wrong the database raises one of `engine.UNIQUE_VIOLATIONS`.

    Returns:
        For each request what it came to, or why it is refused; a refused one leaves no trace.
        And the head that the log has then.

    Raises:
        CasebookNotFound: there is no such casebook.
    """
    state = _locked_state(connection, casebook, requests, assumes_new=assumes_new)
    situation = Situation(state.head.position, state.found, state.versions)
    outcomes = judged(requests, situation)
    refused = [isinstance(one, TimelineError) for one in outcomes]
    if assumes_new and any(refused):
        # It may be a retry of what is stored: ask for everything, under the same lock.
        return append_all(connection, casebook, clock, requests, commits=commits)
    documents = [
        document
        for request, is_refused in zip(requests, refused, strict=True)
        for document in request.documents
        if not is_refused
    ]
    if documents:
        inserting.insert_documents(connection, casebook, documents, state.documents)
    if not situation.granted:
        return outcomes, state.head
    rows = chained_rows(casebook, state.head, clock, situation)
    inserting.insert_events(connection, rows, state.head, commits=commits)
    return outcomes, rows.head


def judged(requests: Sequence[Request], situation: Situation) -> list[Outcome]:
    """What each request comes to, or why it is refused; the situation grows by those granted."""
    outcomes: list[Outcome] = []
    for request in requests:
        try:
            outcomes.append(_judge(request, situation))
        except TimelineError as refusal:
            outcomes.append(refusal)
    return outcomes


def chained_rows(casebook: str, head: Head, clock: Clock, situation: Situation) -> Rows:
    """The rows of all that was granted, continuing the chain from a head; asks the clock once."""
    now = hashing.instant_text(clock())
    recorded_at = now if head.recorded_at is None else max(now, head.recorded_at)
    return Rows(
        _chained(casebook, head, recorded_at, situation.granted),
        len(situation.granted),
        sum(len(one.data) + len(one.metadata) for _, _, one in situation.granted),
    )


def _locked_state(
    connection: Connection, casebook: str, requests: Sequence[Request], *, assumes_new: bool
) -> State:
    appends = [one for request in requests for one in request.appends]
    if assumes_new:
        ids: set[str] = set()
        # A stream that wrongly counts as new would get a version that it has already; but not if
        # it gets none.
        streams = {one.stream for one in appends if one.expected_version != 0 or not one.events}
    else:
        ids = {id_ for request in requests for id_ in request.event_ids}
        streams = {one.stream for one in appends}
    digests = {document.digest for request in requests for document in request.documents}
    return locked_state(connection, casebook, ids, streams, digests)


def _judge(request: Request, situation: Situation) -> Appended:
    """Grant a request, or raise why it is refused and leave the situation as it is."""
    ids = request.event_ids
    found = {id_: situation.found[id_] for id_ in ids if id_ in situation.found}
    _refuse_reused_ids(request.appends, found)
    if ids and len(found) == len(ids):
        positions = tuple(found[id_].position for id_ in ids)
        return Appended(positions, situation.position, 0, len(ids))
    decided = decide(request.appends, found, situation.versions)
    for position, (stream, version, one) in enumerate(decided, start=situation.position + 1):
        stored = Found(position, stream, one.type, one.schema_version, one.data)
        situation.found[one.event_id] = stored
        situation.versions[stream] = version
    situation.position += len(decided)
    situation.granted += decided
    positions = tuple(situation.found[id_].position for id_ in ids)
    return Appended(positions, situation.position, len(decided), len(found))


def decide(
    appends: Sequence[PreparedAppend], found: Mapping[str, Found], versions: Mapping[str, int]
) -> list[tuple[str, int, Prepared]]:
    """Judge each stream's expectation and number the events that are missing.

    Args:
        appends: What is asked for.
        found: The events among them that the log holds already, by id, with the same content.
        versions: The present version of each stream; 0 when a stream has no events.

    Returns:
        Stream, version and event of all that is to be written, in order.

    Raises:
        PartlyAppended: a stream that expects a version has some of its events in the log.
        WrongExpectedVersion: a stream has another version than expected.
    """
    current = dict(versions)
    decided: list[tuple[str, int, Prepared]] = []
    for one in appends:
        missing = [prepared for prepared in one.events if prepared.event_id not in found]
        version = current.get(one.stream, 0)
        if one.expected_version is not ANY:
            if len(missing) < len(one.events):
                present = len(one.events) - len(missing)
                raise PartlyAppended(one.stream, present, len(missing))
            if version != one.expected_version:
                raise WrongExpectedVersion(one.stream, one.expected_version, version)
        decided.extend(
            (one.stream, version + ordinal, prepared)
            for ordinal, prepared in enumerate(missing, start=1)
        )
        current[one.stream] = version + len(missing)
    return decided


def _refuse_reused_ids(appends: Sequence[PreparedAppend], found: Mapping[str, Found]) -> None:
    if not found:
        return
    for one in appends:
        for prepared in one.events:
            stored = found.get(prepared.event_id)
            if stored is None:
                continue
            kind = (one.stream, prepared.type, prepared.schema_version)
            is_same_kind = (stored.stream, stored.type, stored.schema_version) == kind
            # Nothing can tell whether withheld content was the same; it must not come back.
            is_same_data = stored.data is None or stored.data == prepared.data
            if not (is_same_kind and is_same_data):
                raise EventIdReused(prepared.event_id, stored.position)


def _chained(
    casebook: str, head: Head, recorded_at: str, granted: Iterable[tuple[str, int, Prepared]]
) -> Iterator[Row]:
    previous = head.hash
    for position, (stream, version, one) in enumerate(granted, start=head.position + 1):
        header = hashing.header(
            casebook=casebook,
            position=position,
            event_id=one.event_id,
            stream=stream,
            version=version,
            type_=one.type,
            schema_version=one.schema_version,
            metadata=one.metadata,
            recorded_at=recorded_at,
        )
        hash_ = hashing.chained_hash(previous, header, one.digest)
        yield (
            casebook, position, one.event_id, stream, version, one.type, one.schema_version,
            one.data, one.salt, one.digest, one.metadata, recorded_at, previous, hash_,
        )  # fmt: skip
        previous = hash_
