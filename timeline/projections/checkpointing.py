"""Reads and writes how far each projection has come, and says what that means to a person.

A build that stands beside the live rows has checkpoints of its own, under `build_key`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select, update

from timeline.errors import ProjectionHalted, SchemaMismatch
from timeline.projections import tables
from timeline.projections.batches import Projection
from timeline.store.event_store import BUILD_MARK

NEVER_BUILT = 0
# Positions of a build: one whose rows are to be thrown away, and one whose rows are being loaded,
# which nobody but who loads them can go on with.
SPENT, LOADING = -1, -2
REASON_LENGTH_MAX = 300


@dataclass(frozen=True)
class Checkpoint:
    """How far a projection has read, by which rules, and why it does not go on."""

    projection: str
    version: int
    position: int
    reason: str | None = None
    builds: int = 0

    @property
    def is_stopped(self) -> bool:
        """Whether the event after `position` stops it."""
        return self.reason is not None


@dataclass(frozen=True)
class ProjectionStatus:
    """How far a projection has come, and whether it goes on.

    Attributes:
        name: Its name.
        version: That of the rules by which its rows were made; 0 when it was never built.
        position: The last position that its rows hold.
        state: `live` at the head, `behind`; `stopped` by an event, its own or that of one whose
            tables it reads; `rebuilding` while other rows are built beside it; `outdated` when it
            waits for that; `newer` when a newer release has built it.
        failed_position: The event that stops it; `None` when none does.
        reason: Why it does not go on; `None` when it does.
        build_position: How far the build beside it has come; `None` when there is none.
    """

    name: str
    version: int
    position: int
    state: str
    failed_position: int | None = field(default=None)
    reason: str | None = field(default=None)
    build_position: int | None = field(default=None)

    @property
    def is_halted(self) -> bool:
        """Whether its rows stay as they are although the log goes on."""
        return self.reason is not None

    def __str__(self) -> str:
        """One line for a person."""
        told = f"the projection {self.name} is {self.state} at position {self.position}"
        return told if self.reason is None else f"{told}: {self.reason}"


def build_key(casebook: str) -> str:
    """The name under which the rows of a build stand, in the same tables as the live ones."""
    return casebook + BUILD_MARK


def read(
    connection: Connection,
    key: str,
    *,
    locks: bool = False,
    names: Collection[str] | None = None,
) -> dict[str, Checkpoint]:
    """The checkpoints under a key (of some projections), locked in order of name if asked."""
    c = tables.checkpoints.c
    query = (
        select(c.projection, c.version, c.position, c.reason, c.builds)
        .where(c.casebook == key)
        .order_by(c.projection)
    )
    if names is not None:
        query = query.where(c.projection.in_(sorted(names)))
    rows = connection.execute(query.with_for_update() if locks else query)
    return {row.projection: Checkpoint(*row) for row in rows}


def completed(
    found: Mapping[str, Checkpoint], projections: Sequence[Projection]
) -> dict[str, Checkpoint]:
    """The checkpoint of each projection, made up for those that have none yet.

    In a casebook that nobody has projected yet, all begin at its beginning; beside others that are
    there, a new one has to be built first.
    """
    return {
        p.name: found.get(p.name) or Checkpoint(p.name, NEVER_BUILT if found else p.version, 0)
        for p in projections
    }


def add(connection: Connection, key: str, checkpoints: Sequence[Checkpoint]) -> None:
    """Write checkpoints that are missing; those that another process wrote are left."""
    values = [
        {"casebook": key, "projection": c.projection, "version": c.version, "position": c.position}
        for c in checkpoints
    ]
    if not values:
        return
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        connection.execute(postgres_insert(tables.checkpoints).on_conflict_do_nothing(), values)
    else:
        connection.execute(insert(tables.checkpoints), values)


def write(connection: Connection, key: str, checkpoint: Checkpoint) -> None:
    """Write over a projection's checkpoint."""
    c = tables.checkpoints.c
    connection.execute(
        update(tables.checkpoints)
        .where(c.casebook == key, c.projection == checkpoint.projection)
        .values(
            version=checkpoint.version,
            position=checkpoint.position,
            reason=checkpoint.reason,
            builds=checkpoint.builds,
        )
    )


def remove(connection: Connection, key: str) -> None:
    """Take away all checkpoints under a key."""
    connection.execute(delete(tables.checkpoints).where(tables.checkpoints.c.casebook == key))


def refuse_newer(checkpoints: Mapping[str, Checkpoint], projections: Sequence[Projection]) -> None:
    """Refuse to write where a newer release's rules have made the rows.

    Raises:
        SchemaMismatch: names the projection.
    """
    for p in projections:
        built = checkpoints[p.name].version
        if built > p.version:
            raise SchemaMismatch(
                f"the projection {p.name} was built by a newer release (version {built}, this"
                f" release has {p.version}); install that release, or go back with"
                f" `timeline rebuild {p.name}`"
            )


def limits(
    checkpoints: Mapping[str, Checkpoint], projections: Sequence[Projection], head: int
) -> dict[str, int]:
    """How far each projection may be fed.

    Not at all when an event stops it or its rows are of other rules; and not past one whose tables
    it reads.
    """
    limit: dict[str, int] = {}
    for p in projections:
        own = checkpoints[p.name]
        is_fed = not own.is_stopped and own.version == p.version
        reached = min((head, *(limit[d] for d in p.depends_on))) if is_fed else 0
        limit[p.name] = max(own.position, reached)
    return limit


def statuses(
    live: Mapping[str, Checkpoint],
    build: Mapping[str, Checkpoint],
    projections: Sequence[Projection],
    head: int,
) -> tuple[ProjectionStatus, ...]:
    """What the checkpoints of a casebook, and of a build beside it, mean."""
    found: dict[str, ProjectionStatus] = {}
    stuck = next((c for c in build.values() if c.is_stopped), None)
    for p in projections:
        waits_for = next((found[d] for d in p.depends_on if found[d].is_halted), None)
        beside = build.get(p.name)
        found[p.name] = _status(live[p.name], beside, p.version, head, waits_for, stuck)
    return tuple(found.values())


def recorded(connection: Connection, casebook: str, head: int) -> tuple[ProjectionStatus, ...]:
    """What the checkpoints alone tell, in order of name, to who does not keep the projections."""
    live = read(connection, casebook)
    build = read(connection, build_key(casebook))
    stuck = next((c for c in build.values() if c.is_stopped), None)
    found = []
    for name, own in live.items():
        beside = build.get(name)
        version = own.version if beside is None else max(own.version, beside.version)
        found.append(_status(own, beside, version, head, None, stuck))
    return tuple(found)


def _status(
    own: Checkpoint,
    build: Checkpoint | None,
    version: int,
    head: int,
    waits_for: ProjectionStatus | None,
    stuck: Checkpoint | None,
) -> ProjectionStatus:
    """What one checkpoint means; `stuck` is what stops the build beside it, if anything does."""
    state, reason, failed = "live" if own.position >= head else "behind", None, None
    built = max(build.position, 0) if build is not None and build.position != SPENT else None
    served = f"version {own.version} is served" if own.version else "nothing is served yet"
    if own.version > version:
        state, reason = "newer", f"{served}, this release has {version}; install the newer release"
    elif own.version < version and build is not None and stuck is not None:
        state, failed = "stopped", stuck.position + 1
        reason = f"{served}; event {failed} stops the build of {stuck.projection}: {stuck.reason}"
    elif own.version < version:
        state = "outdated" if built is None else "rebuilding"
        until = (
            "; run `timeline rebuild`" if built is None else f" until version {version} is built"
        )
        reason = served + until
    elif own.is_stopped:
        state, failed = "stopped", own.position + 1
        reason = f"event {failed} stops it: {own.reason}"
    elif waits_for is not None and own.position < head:
        state, failed = "stopped", waits_for.failed_position
        reason = f"it reads what {waits_for.name} writes, which is {waits_for.state}"
    elif built is not None:
        state = "rebuilding"
    return ProjectionStatus(own.projection, own.version, own.position, state, failed, reason, built)


def require_going(found: Sequence[ProjectionStatus], names: Sequence[str], head: int) -> None:
    """Refuse to decide anything by projections that stand still while the log goes on.

    Raises:
        ProjectionHalted: names the first of them.
    """
    for status in found:
        if status.name in names and status.is_halted and status.position < head:
            raise ProjectionHalted(status.name, status.position, str(status))
