"""Reads who stands behind which source, and which reports that has changed for.

`control` and `incidents` both keep, beside each claim, the root that they reckoned it to.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, select

from timeline.domain.actors import Roots
from timeline.domain.reference_events import (
    ActorRegistered,
    AffiliationStated,
    SourceAffiliated,
    SourceRegistered,
)
from timeline.projections.batches import Batch
from timeline.projections.identities import ACTOR_MENDING
from timeline.projections.register import read_actors, read_sources

# Events after which another root may stand behind a source's claims, or another party in any.
SOURCE_TYPES = (SourceRegistered, SourceAffiliated)
ACTOR_TYPES = (ActorRegistered, AffiliationStated, *ACTOR_MENDING)
ROOT_TYPES = (*SOURCE_TYPES, *ACTOR_TYPES)


def read_roots(connection: Connection, casebook: str) -> Roots:
    """Who stands behind which source, by what is registered."""
    return Roots(read_sources(connection, casebook), read_actors(connection, casebook))


def reports_of_other_roots(batch: Batch, roots: Roots, table: Table) -> set[str]:
    """Reports whose claims may have another root, or other parties, than a table has of them.

    Args:
        batch: The events that may have changed it.
        roots: Those of after the batch.
        table: Has a claim's `report_id`, `source_id`, `attributed_to` and `root`.
    """
    c = table.c
    reports = select(c.report_id).where(c.casebook == batch.name).distinct()
    if batch.has(*ACTOR_TYPES):
        return set(batch.connection.execute(reports).scalars())
    if not batch.has(*SOURCE_TYPES):
        return set()
    voices = select(c.source_id, c.attributed_to, c.root).where(c.casebook == batch.name)
    found: set[str] = set()
    for source_id, attributed_to, root in batch.connection.execute(voices.distinct()).all():
        if roots.root(source_id, attributed_to) != root:
            of_voice = reports.where(
                c.root == root,
                c.source_id.is_not_distinct_from(source_id),
                c.attributed_to.is_not_distinct_from(attributed_to),
            )
            found.update(batch.connection.execute(of_voice).scalars())
    return found
