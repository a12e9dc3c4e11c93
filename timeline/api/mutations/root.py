"""The root of what may be changed."""

from __future__ import annotations

from timeline.api.described import described
from timeline.api.mutations.amendments import AmendmentMutations
from timeline.api.mutations.linking import LinkingMutations
from timeline.api.mutations.mending import MendingMutations
from timeline.api.mutations.reference import ReferenceMutations
from timeline.api.mutations.reports import ReportMutations
from timeline.api.mutations.reviews import ReviewMutations


@described
class Mutation(
    ReportMutations,
    AmendmentMutations,
    ReviewMutations,
    LinkingMutations,
    ReferenceMutations,
    MendingMutations,
):
    """Changes of one casebook: each appends to the log, and nothing is ever erased.

    What a user can mend is told under `errors` of the payload, anything else under the answer's
    `errors`. When a payload arrives, every query shows the change. Each change is recorded with the
    name of the token with which it was made.
    """
