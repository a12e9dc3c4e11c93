"""Runs one task of a rebuild, wherever: the one function that every engine calls.

A task reads the archive or the runs of tasks before it, and writes files under names of its own.
What it reports it writes down last: a task that is run again, since its worker was lost or the
rebuild is gone on with, finds that and is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from timeline.errors import ProjectionFailed, TimelineError
from timeline.scaling import plan as planning
from timeline.scaling.folding import fold
from timeline.scaling.linking import link
from timeline.scaling.outcome import Outcome
from timeline.scaling.placing import place
from timeline.scaling.plan import Done, Plan
from timeline.scaling.splitting import split

# In the order in which they are run; all tasks of one before the first of the next.
STAGES: Mapping[str, Callable[[Outcome, int], None]] = {
    "split": split,
    "fold": fold,
    "place": place,
    "link": link,
}


def run_task(folder: str, stage: str, number: int) -> bytes:
    """Do a task, or find that it is done; the same bytes however often it is run.

    Args:
        folder: The work folder of the rebuild, which all workers share.
        stage: One of STAGES.
        number: Which task of the stage, from 0.

    Returns:
        A `Done` as JSON. What is refused, and an event that cannot be projected, are told in it.
    """
    work, name = Path(folder), f"{stage}-{number:06}"
    report = work / f"done-{name}.json"
    with suppress(OSError):
        return report.read_bytes()
    try:
        with Outcome(work, name, planning.read(work, planning.PLAN, Plan)) as outcome:
            STAGES[stage](outcome, number)
    except ProjectionFailed as fault:
        failed = (fault.name, fault.position, fault.reason)
        return msgspec.json.encode(Done(stage=stage, number=number, failed=failed))
    except TimelineError as fault:
        return msgspec.json.encode(Done(stage=stage, number=number, refused=str(fault)))
    done = Done(
        stage=stage,
        number=number,
        rows=tuple(outcome.rows.written),
        runs={kind: tuple(runs.names) for kind, runs in outcome.runs.items()},
        counts=outcome.runs["linkable"].counts if "linkable" in outcome.runs else {},
    )
    planning.write(work, f"done-{name}", done)
    return msgspec.json.encode(done)
