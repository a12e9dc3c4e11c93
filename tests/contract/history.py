"""Judges the records of a `harness` run against the log: nobody missed, repeated or reordered.

What must hold: every acknowledged event is in the log once, where its writer was told; a refused
append left nothing; an append of which a killed writer never heard is there whole or not at all;
an append that began after another was acknowledged lies behind it; the log has no gap; every tailer
saw exactly the log, and every rebuilder a beginning of it, never a shorter one than before.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.contract.support import NAMESPACE, Store


@dataclass
class Verdict:
    """What a run came to; everything that must be zero or empty is in `faults`.

    Attributes:
        stored: The events in the log.
        acknowledged: Those that a writer was told are stored.
        unheard: Those of writers that were killed before they heard.
        refused: The appends that met a conflict.
        tailed: The events that each tailer read.
        rebuilt: How often the rebuilders read the whole log.
        lost: The acknowledged events that are not in the log where they should be.
    """

    stored: int = 0
    acknowledged: int = 0
    unheard: int = 0
    refused: int = 0
    tailed: list[int] = field(default_factory=list)
    rebuilt: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class _Append:
    began_ns: int
    ids: list[str]
    ended_ns: int | None = None
    positions: list[int] | None = None  # None while unheard, and when refused
    is_refused: bool = False


def judge(folder: Path, store: Store) -> Verdict:
    """Read every record of a run's folder, and the log as it is now."""
    verdict = Verdict()
    log = [(stored.position, stored.event_id) for stored in store.read()]
    verdict.stored = len(log)
    if [position for position, _ in log] != list(range(1, len(log) + 1)):
        verdict.faults.append("the log has a gap, or is out of order")
    appends = [one for path in sorted(folder.glob("writer-*")) for one in _appends(path)]
    _judge_writers(appends, log, verdict)
    _judge_real_time(appends, verdict)
    for path in sorted(folder.glob("tailer-*")):
        _judge_tailer(path, log, verdict)
    for path in sorted(folder.glob("rebuilder-*")):
        _judge_rebuilder(path, log, verdict)
    return verdict


def _whole_lines(path: Path) -> list[list[str]]:
    # A writer that was killed may have left half a line.
    return [line.split() for line in path.read_text().splitlines(keepends=True) if line[-1] == "\n"]


def _appends(path: Path) -> Iterable[_Append]:
    begun: dict[str, _Append] = {}
    for what, count, at_ns, said in _whole_lines(path):
        if what == "start":
            begun[count] = _Append(int(at_ns), said.split(","))
        else:
            one = begun[count]
            one.ended_ns = int(at_ns)
            one.is_refused = said == "refused"
            one.positions = None if one.is_refused else [int(part) for part in said.split(",")]
    return begun.values()


def _judge_writers(
    appends: Sequence[_Append], log: Sequence[tuple[int, str]], verdict: Verdict
) -> None:
    where = {id_: position for position, id_ in log}
    repeated = [id_ for id_, times in Counter(id_ for _, id_ in log).items() if times > 1]
    verdict.faults += [f"event {id_} is in the log more than once" for id_ in repeated]
    for one in appends:
        found = [where[id_] for id_ in one.ids if id_ in where]
        if one.positions is not None:
            verdict.acknowledged += len(one.ids)
            lost = sum(where.get(id_) != at for id_, at in zip(one.ids, one.positions, strict=True))
            verdict.lost += lost
            if lost:
                verdict.faults.append(f"{lost} acknowledged events are not where they should be")
        elif one.is_refused:
            verdict.refused += 1
            if found:
                verdict.faults.append("a refused append left events in the log")
        else:
            verdict.unheard += len(found)
            if found and len(found) != len(one.ids):
                verdict.faults.append("half of an append is in the log")
        if found and found != list(range(found[0], found[0] + len(found))):
            verdict.faults.append("the events of one append do not lie side by side")
    known = {id_ for one in appends for id_ in one.ids}
    unknown = len(where.keys() - known)
    if unknown:
        verdict.faults.append(f"{unknown} events in the log were written by nobody")


def _judge_real_time(appends: Sequence[_Append], verdict: Verdict) -> None:
    """What began after another append was acknowledged must lie behind it."""
    heard = [one for one in appends if one.positions]
    ends = sorted((one.ended_ns or 0, max(one.positions or [0])) for one in heard)
    latest, at = 0, 0
    for one in sorted(heard, key=lambda append: append.began_ns):
        while at < len(ends) and ends[at][0] < one.began_ns:
            latest = max(latest, ends[at][1])
            at += 1
        if min(one.positions or [0]) <= latest:
            verdict.faults.append("an append lies before one that was acknowledged before it began")


def _judge_tailer(path: Path, log: Sequence[tuple[int, str]], verdict: Verdict) -> None:
    seen = [(int(position), id_) for position, id_ in _whole_lines(path)]
    verdict.tailed.append(len(seen))
    if seen != list(log):
        missed, more = len(set(log) - set(seen)), len(seen) - len(set(seen))
        verdict.faults.append(
            f"{path.name} saw {len(seen)} of {len(log)} events: {missed} missed, {more} repeated"
        )


def _judge_rebuilder(path: Path, log: Sequence[tuple[int, str]], verdict: Verdict) -> None:
    lines = [f"{position} {id_}" for position, id_ in log]
    before = 0
    for length_text, digest in _whole_lines(path):
        length = int(length_text)
        verdict.rebuilt += 1
        if length < before:
            verdict.faults.append(f"{path.name} saw {length} events after it had seen {before}")
        if digest != str(uuid.uuid5(NAMESPACE, "\n".join(lines[:length]))):
            verdict.faults.append(f"{path.name} saw other events than the first {length}")
        before = length
    if before != len(log):
        verdict.faults.append(f"{path.name} saw {before} of {len(log)} events at last")
