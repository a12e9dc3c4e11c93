"""Says why a query is not answered by a plan; plain execution answers it then."""

from __future__ import annotations

from timeline.errors import TimelineError


class Unplanned(TimelineError):
    """The query needs something that plans do not know, or its answer holds an error."""


class Stale(TimelineError):
    """The log moved, or projections were swapped, since what is kept in memory was read."""
