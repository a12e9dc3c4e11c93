"""Counts what the server does, for Prometheus at /metrics; off unless the settings say so.

No label holds anything that a client sent: answers are counted by kind of operation and by the code
of their first error, both from lists of our own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from timeline.errors import InvalidSetting

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

    from timeline.api.streaming.sources import Hub
    from timeline.projections.reading import Reader
    from timeline.store.event_store import EventStore

Run = Callable[[str, dict[str, object], str | None], dict[str, object]]

OK = "OK"
UNKNOWN = "none"


def code_of(result: object) -> str:
    """The code of the first error of a result; `OK` when there is none."""
    errors = result.get("errors") if isinstance(result, dict) else None
    if not isinstance(errors, list) or not errors:
        return OK
    return str(errors[0]["extensions"]["code"])


class Metrics:
    """The counters of one server.

    Raises:
        InvalidSetting: prometheus-client is not installed.
    """

    def __init__(self, reader: Reader, store: EventStore, hub: Hub) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Histogram
        except ImportError:
            raise InvalidSetting(
                "TIMELINE_METRICS", "install conflict-timeline[metrics], or switch it off"
            ) from None
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "timeline_graphql_answers",
            "Operations that were run, by kind and code of the first error.",
            ("operation", "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "timeline_graphql_seconds",
            "Seconds from the begin of an operation to its result.",
            ("operation",),
            registry=self._registry,
        )
        self._registry.register(_State(reader, store, hub))

    def counted(self, run: Run) -> Run:
        """What runs an operation, counting it."""
        from timeline.api.schema import operation_type

        def counting(
            query: str, variables: dict[str, object], operation_name: str | None
        ) -> dict[str, object]:
            begin = time.perf_counter()
            result = run(query, variables, operation_name)
            seconds = time.perf_counter() - begin
            kind = operation_type(query, operation_name)
            operation = UNKNOWN if kind is None else kind.value
            self._answers.labels(operation, code_of(result)).inc()
            self._seconds.labels(operation).observe(seconds)
            return result

        return counting

    def count_query(self, seconds: float) -> None:
        """Count a query that had no errors, answered by its plan."""
        self._answers.labels("query", OK).inc()
        self._seconds.labels("query").observe(seconds)

    def text(self) -> bytes:
        """What /metrics shows; it asks the database how far it is."""
        from prometheus_client import generate_latest

        registry: CollectorRegistry = self._registry
        return generate_latest(registry)


class _State:
    """What is read anew each time: subscribers, the head of the log and the projections."""

    def __init__(self, reader: Reader, store: EventStore, hub: Hub) -> None:
        self._reader, self._store, self._hub = reader, store, hub

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked of the database when the collector is registered."""
        return []

    def collect(self) -> list[GaugeMetricFamily]:
        """The gauges; without those of the database when it does not answer."""
        from prometheus_client.core import GaugeMetricFamily

        subscribers = GaugeMetricFamily("timeline_subscribers", "Open subscriptions.")
        subscribers.add_metric([], self._hub.subscribers)
        head = GaugeMetricFamily("timeline_head_position", "The last position of the log.")
        behind = GaugeMetricFamily(
            "timeline_projection_behind_events",
            "Events that a projection has not read yet.",
            labels=["projection"],
        )
        try:
            position = self._store.head().position
            found = self._reader.projections()
        except Exception:  # noqa: BLE001 - /readyz and the log say what is the matter
            return [subscribers]
        head.add_metric([], position)
        for projection in found:
            behind.add_metric([projection.name], max(0, position - projection.position))
        return [subscribers, head, behind]
