"""Says what a rebuild by many workers is: what all tasks read, and what one task reports.

Everything but a task's name goes through the work folder, which all workers share: so a task is the
same under every engine, and may be run again whenever its worker was lost.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from timeline.domain.actors import Actor, Source
from timeline.domain.identities import Identities, Identity, Resolution
from timeline.domain.incidents import Pair
from timeline.domain.places import Place
from timeline.errors import TimelineError
from timeline.scaling.rowfiles import RowFile
from timeline.store.archive_format import EventsFile

PLAN, REFERENCE, RUNS, WINDOWS, WORDS = "plan", "reference", "runs", "windows", "words"

# The projections whose rows come from tasks, at the versions whose rules the tasks follow. Another,
# or one of a raised version, is built by the ordinary runner once these are loaded.
PARTITIONED = {
    "types": 1,
    "places": 2,
    "actors": 3,
    "reports": 1,
    "timeline": 2,
    "control": 2,
    "incidents": 1,
    "search": 2,
}

_S = TypeVar("_S")


class WorkFolderUnseen(TimelineError):
    """A worker does not see the work folder; give --work a folder that all workers share."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"a worker does not see what is in {folder}; give --work a folder that all share"
        )
        self.folder = folder


class Plan(Struct, frozen=True, kw_only=True):
    """What every task reads first.

    Attributes:
        key: Under which the rows will stand.
        time_zone: The casebook's.
        archive: The folder of the archive.
        last_position: Where the archive ends.
        last_hash: The hash of its last event, in hexadecimal.
        files: The archive's.
        partitions: How many parts the keys are dealt into.
        projections: Those to build, with their versions.
    """

    key: str
    time_zone: str
    archive: str
    last_position: int
    last_hash: str
    files: tuple[EventsFile, ...]
    partitions: int
    projections: dict[str, int]

    @property
    def name(self) -> str:
        """The same for the same work: what was left of it can then be gone on with."""
        return "run-" + hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


class Reference(Struct, frozen=True, kw_only=True):
    """What is small and resolved first, for all tasks: whom a source belongs to, who is who.

    `places_mended` and `actors_mended` tell what ids mean that were merged or put right. `named`
    are the claims of which analysts say that they are, or are not, of one incident.
    """

    sources: tuple[Source, ...] = ()
    actors: tuple[Actor, ...] = ()
    places_mended: tuple[Identity[Place], ...] = ()
    actors_mended: tuple[Identity[Actor], ...] = ()
    named: frozenset[str] = frozenset()

    def resolution(self) -> Resolution:
        """What ids in claims mean."""
        return Resolution(Identities(self.places_mended), Identities(self.actors_mended))


class Words(Struct, frozen=True, kw_only=True):
    """The analysts' words on incidents, resolved to pairs of claims that stand."""

    links: tuple[Pair, ...] = ()
    apart: frozenset[Pair] = frozenset()


class Window(Struct, frozen=True):
    """Some consecutive bins of days of one type of claim; type `""` is of what is never linked."""

    type: str
    first: int
    last: int


class Done(Struct, frozen=True, kw_only=True):
    """What a task came to.

    Attributes:
        stage: Of which stage.
        number: Which task of it.
        rows: The files of rows to load.
        runs: The names of the runs handed on, by what they hold.
        counts: How many rows each partition of incidents' claims got.
        refused: Why it could not be done; nobody has to try again.
        failed: The event that cannot be projected: projection, position, reason.
    """

    stage: str
    number: int
    rows: tuple[RowFile, ...] = ()
    runs: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}
    refused: str | None = None
    failed: tuple[str, int, str] | None = None


def partition_of(key: str, partitions: int) -> str:
    """Which part a key is dealt to; the same on every machine and in every process."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return str(int.from_bytes(digest) % partitions)


def write(folder: Path, name: str, value: object) -> None:
    """Put something into the work folder for all tasks, whole or not at all."""
    part = folder / f"{name}.{uuid.uuid4().hex}.part"
    part.write_bytes(msgspec.json.encode(value))
    part.replace(folder / f"{name}.json")


def read(folder: Path, name: str, type_: type[_S]) -> _S:
    """What was put there.

    Raises:
        WorkFolderUnseen: it is not there.
    """
    try:
        return msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=type_)
    except OSError:
        raise WorkFolderUnseen(folder) from None
