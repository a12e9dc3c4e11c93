"""Folds control at the places of one partition: rectangles, links and the claims that they rest on.

A place is folded from all of its claims at once, so its claims have to fit into a worker's memory;
the places of a partition come one after the other.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

import msgspec

from timeline.projections import tables
from timeline.projections.bulk_rows import grouped
from timeline.projections.control import folded_rows
from timeline.projections.control_forms import PlaceChange
from timeline.scaling.folding import CONTROL
from timeline.scaling.outcome import Outcome


def place(outcome: Outcome, number: int) -> None:
    """Fold the places of one partition."""
    plan = outcome.plan
    told = outcome.handed(CONTROL, str(number))
    for place_id, rows in groupby(told, itemgetter(0)):
        forms = [msgspec.msgpack.decode(data) for _, _, data in rows]
        outcome.add(tables.control_claims, forms)
        change = PlaceChange(place_id, (), forms)
        outcome.add(tables.control_places, [change.row(plan.key)])
        folded = folded_rows(plan.key, change, plan.time_zone)
        for table, some in grouped(folded):
            outcome.add(table, some)
