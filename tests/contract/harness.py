"""Runs writers, tailers and rebuilders of one log as processes, and kills some.

Every process writes its own record, a line at a time, so that a record outlives a SIGKILL;
`history` reads the records and judges. To run it on another store, give `Plan.opens` the dotted
path of a function that opens yours from a URL; the store must have the methods of `support.Store`.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol, TextIO, TypeVar

from tests.contract.support import NAMESPACE, Store
from timeline.errors import DatabaseUnavailable, WrongExpectedVersion
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Appended, NewEvent, StreamAppend
from timeline.store.hashing import canonical
from timeline.store.subscription import Subscription

EVENTS_PER_APPEND_MAX = 5
FINISH_SECONDS_MAX = 60

_T = TypeVar("_T")


class Opens(Protocol):
    """Opens the store under test in the process that calls it."""

    def __call__(self, url: str) -> Store: ...


def open_event_store(url: str) -> EventStore:
    """Our own store, on casebook `main`."""
    return EventStore(connect(url), "main", lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Plan:
    """What to run, for how long, and what to break.

    Attributes:
        url: The database, with an open casebook.
        folder: Where the records go.
        seconds: How long the writers write.
        writer_kills: How many writers get a SIGKILL, evenly over the time; each is replaced.
        crashes: Called at these fractions of the time; takes the database down and up again.
        opens: The dotted path of the function that opens the store, a colon before its name.
    """

    url: str
    folder: Path
    seconds: float
    writers: int = 8
    tailers: int = 2
    rebuilders: int = 1
    writer_kills: int = 0
    crashes: tuple[tuple[float, Callable[[], None]], ...] = ()
    opens: str = "tests.contract.harness:open_event_store"


@dataclass
class Ran:
    """What the run did, beside the records in its folder."""

    writers: int
    killed: int = 0
    crashes: int = 0
    failures: list[str] = field(default_factory=list)


def run(plan: Plan) -> Ran:
    """Run a plan to its end: writers stop, and readers read up to the last event."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    started: list[ForkServerProcess] = []

    def start(role: Callable[[Plan, int], None], number: int) -> ForkServerProcess:
        process = context.Process(target=role, args=(_portable(plan), number), daemon=True)
        process.start()
        started.append(process)
        return process

    readers = [start(tail, number) for number in range(plan.tailers)]
    readers += [start(rebuild, number) for number in range(plan.rebuilders)]
    writers = {number: start(write, number) for number in range(plan.writers)}
    ran = Ran(plan.writers)
    try:
        _break_things(plan, writers, start, ran)
        _touch(plan, "stop")
        _join(writers.values(), ran)
        _touch(plan, "written")
        _join(readers, ran)
    finally:
        for process in started:
            if process.is_alive():
                process.kill()
            process.join()
            process.close()
    return ran


def _portable(plan: Plan) -> Plan:
    # What crashes the database stays in this process.
    return Plan(plan.url, plan.folder, plan.seconds, plan.writers, opens=plan.opens)


def _break_things(
    plan: Plan,
    writers: dict[int, ForkServerProcess],
    start: Callable[[Callable[[Plan, int], None], int], ForkServerProcess],
    ran: Ran,
) -> None:
    _wait_for_first_append(plan)
    begun = time.monotonic()
    steps: list[tuple[float, Callable[[], None] | None]] = [
        ((number + 1) / (plan.writer_kills + 1), None) for number in range(plan.writer_kills)
    ]
    steps += plan.crashes
    pick = random.Random(0)
    for fraction, crash in sorted(steps, key=lambda step: step[0]):
        time.sleep(max(0.0, begun + fraction * plan.seconds - time.monotonic()))
        if crash is not None:
            crash()
            ran.crashes += 1
            continue
        number = pick.choice(sorted(writers))
        victim = writers.pop(number)
        if victim.pid is not None and victim.is_alive():
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            ran.killed += 1
        writers[ran.writers] = start(write, ran.writers)
        ran.writers += 1
    time.sleep(max(0.0, begun + plan.seconds - time.monotonic()))


def _wait_for_first_append(plan: Plan) -> None:
    end = time.monotonic() + FINISH_SECONDS_MAX
    while time.monotonic() < end:
        if any(path.stat().st_size for path in plan.folder.glob("writer-*")):
            return
        time.sleep(0.01)


def _join(processes: Iterable[ForkServerProcess], ran: Ran) -> None:
    end = time.monotonic() + FINISH_SECONDS_MAX
    for process in processes:
        process.join(max(0.0, end - time.monotonic()))
        if process.exitcode != 0:
            ran.failures.append(f"process {process.name} ended with {process.exitcode}")


def _touch(plan: Plan, name: str) -> None:
    (plan.folder / name).touch()


def _is_set(plan: Plan, name: str) -> bool:
    return (plan.folder / name).exists()


def _opened(plan: Plan) -> Store:
    module, name = plan.opens.split(":")
    opens: Opens = getattr(import_module(module), name)
    return opens(plan.url)


def _record(plan: Plan, role: str, number: int) -> TextIO:
    return (plan.folder / f"{role}-{number}").open("a", buffering=1)


def write(plan: Plan, number: int) -> None:
    """Append until told to stop: `start` is noted before each append, what it came to after it."""
    store, pick = _opened(plan), random.Random(number)
    count = 0
    with _record(plan, "writer", number) as record:
        while not _is_set(plan, "stop"):
            count += 1
            append = _next_append(store, pick, number, count)
            ids = ",".join(event.event_id for event in append.events)
            record.write(f"start {count} {time.monotonic_ns()} {ids}\n")
            outcome = _append(store, append)
            said = "refused" if outcome is None else ",".join(map(str, outcome.positions))
            record.write(f"done {count} {time.monotonic_ns()} {said}\n")


def _next_append(store: Store, pick: random.Random, number: int, count: int) -> StreamAppend:
    """A few events: to a stream of its own, to a shared one, or to one that many fight for."""
    kind = pick.choice(("own", "shared", "contested"))
    size = pick.randint(1, EVENTS_PER_APPEND_MAX)
    events = [
        NewEvent(
            str(uuid.uuid5(NAMESPACE, f"{number}-{count}-{ordinal}")),
            "Movement",
            1,
            canonical({"count": count, "text": "x" * 400, "writer": number}),
        )
        for ordinal in range(size)
    ]
    if kind == "contested":
        return StreamAppend(kind, _until_done(lambda: store.stream_version(kind)), events)
    return StreamAppend(f"own-{number}" if kind == "own" else kind, ANY, events)


def _append(store: Store, append: StreamAppend) -> Appended | None:
    """The same append until the store says what became of it; None when it was refused."""
    try:
        return _until_done(lambda: store.append([append]))
    except WrongExpectedVersion:
        return None


def _until_done(ask: Callable[[], _T]) -> _T:
    end = time.monotonic() + FINISH_SECONDS_MAX
    while True:
        try:
            return ask()
        except DatabaseUnavailable:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def tail(plan: Plan, number: int) -> None:
    """Follow the log from a checkpoint, and note each event as it comes."""
    store = _opened(plan)
    assert isinstance(store, EventStore)
    _until_done(store.head)
    checkpoint = store.checkpoint(0)
    with _record(plan, "tailer", number) as record:
        is_last = False
        while True:
            # A new subscription now and then, as a reader has that is restarted.
            after = store.parse_checkpoint(checkpoint)
            with Subscription(store, after, listens=number == 0) as following:
                for _ in range(20):
                    is_last = is_last or _is_set(plan, "written")
                    events = following.batch(0.2)
                    record.writelines(f"{one.position} {one.event_id}\n" for one in events)
                    if is_last and not events:
                        return
                checkpoint = following.checkpoint


def rebuild(plan: Plan, number: int) -> None:
    """Read the whole log again and again, and note each time what it held."""
    store = _opened(plan)
    _until_done(store.head)
    with _record(plan, "rebuilder", number) as record:
        is_last = False
        while not is_last:
            is_last = _is_set(plan, "written")
            seen = [f"{one.position} {one.event_id}" for one in store.read()]
            record.write(f"{len(seen)} {uuid.uuid5(NAMESPACE, chr(10).join(seen))}\n")
