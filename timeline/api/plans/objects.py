"""Writes places and actors: their own fields, and the lists that are read for all of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from timeline.api.plans.branches import Asking, ControlBranch, Run, TimelineBranch
from timeline.api.plans.leaves import ACTOR, PLACE, Leaf
from timeline.api.plans.selection import Selected
from timeline.api.plans.writing import Expression

Branch = ControlBranch | TimelineBranch


class _Object:
    """What is selected of one kind of object; its expressions name what the branches found `b`."""

    leaves: Mapping[str, Leaf]
    id_name: str

    def __init__(self) -> None:
        self._branches: list[Branch] = []

    def branch(self, field: Selected) -> Branch | None:
        """What reads a field for all objects of an answer; `None` for a field of their own."""
        raise NotImplementedError

    def source(self, selected: Selected, of: str) -> str:
        """The expression of one object.

        Args:
            selected: What is selected of it.
            of: The expression of the domain's object.

        Raises:
            Unplanned: a field is not known.
        """
        written = []
        for field in selected.fields:
            branch = self.branch(field)
            if branch is None:
                shown = Expression().field(field, self.leaves, of)
            else:
                shown = f"b[{len(self._branches)}][{of}.{self.id_name}]"
                self._branches.append(branch)
            written.append(f"{field.key!r}: {shown}")
        return "{" + ", ".join(written) + "}"

    def ask(self, run: Run, ids: Sequence[str]) -> Asking:
        """What each branch finds of some objects, in the order of the branches."""
        found: list[object] = []
        for branch in self._branches if ids else ():
            answered = yield from branch.ask(run, ids)
            found.append(answered)
        return found


class Places(_Object):
    """Places, in memory; their expressions name the match `match` and the gazetteer `places`."""

    leaves, id_name = PLACE, "place_id"

    def branch(self, field: Selected) -> Branch | None:
        """Timelines and control."""
        if field.name == "timeline":
            return TimelineBranch(field, "places")
        return ControlBranch(field) if field.name == "control" else None


class Actors(_Object):
    """Actors, in memory."""

    leaves, id_name = ACTOR, "actor_id"

    def branch(self, field: Selected) -> Branch | None:
        """Timelines."""
        return TimelineBranch(field, "actors") if field.name == "timeline" else None
