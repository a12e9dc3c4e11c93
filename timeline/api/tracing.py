"""Tells OpenTelemetry of each operation: the request, its preparation and its run.

Off unless the settings say so; nothing is imported then. Spans bear the kind of operation and the
code of the outcome, both from lists of our own, and nothing that a client sent or that was read:
no document, name or variable, and no exception, for its words may quote them. Where spans go is
for the tracer provider to say that whoever runs the server sets up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from timeline.api.metrics import OK, UNKNOWN, Run, code_of
from timeline.errors import InvalidSetting

if TYPE_CHECKING:
    from opentelemetry.trace import Span

R = TypeVar("R")

KIND = "graphql.operation.type"
CODE = "timeline.outcome.code"
# The codes of what is the server's fault and not the client's.
FAULTS = frozenset(
    {"INTERNAL_SERVER_ERROR", "PROJECTION_HALTED", "SERVICE_UNAVAILABLE", "STATEMENT_TIMEOUT"}
)
FAILED = "INTERNAL_SERVER_ERROR"


class Step(Protocol):
    """Takes one step of an operation, and may tell of it."""

    def __call__(self, name: str, act: Callable[[], R], /) -> R:
        """What `act` returns."""
        ...


class Untraced:
    """Tells nobody of anything."""

    def step(self, _name: str, act: Callable[[], R], /) -> R:
        """Take a step."""
        return act()

    def traced(self, run: Run) -> Run:
        """What runs an operation, as it is."""
        return run

    def tell_planned(self, _seconds: float, /) -> None:
        """Tell nobody of a query that a plan answered."""


untraced: Step = Untraced().step


class Traced:
    """Tells the process's tracer provider.

    Raises:
        InvalidSetting: opentelemetry-api is not installed.
    """

    def __init__(self) -> None:
        try:
            from opentelemetry import trace
        except ImportError:
            raise InvalidSetting(
                "TIMELINE_TRACING", "install conflict-timeline[otel], or switch it off"
            ) from None
        self._tracer = trace.get_tracer("timeline")
        self._error = trace.StatusCode.ERROR

    def traced(self, run: Run) -> Run:
        """What runs an operation, with a span around it."""
        from timeline.api.schema import operation_type

        def tracing(
            query: str, variables: dict[str, object], operation_name: str | None
        ) -> dict[str, object]:
            with self._span("graphql.request") as span:
                result = run(query, variables, operation_name)
                kind = operation_type(query, operation_name)
                span.set_attribute(KIND, UNKNOWN if kind is None else kind.value)
                self._tell(span, code_of(result))
                return result

        return tracing

    def step(self, name: str, act: Callable[[], R]) -> R:
        """Take a step with a span around it."""
        with self._span(f"graphql.{name}") as span:
            found = act()
            self._tell(span, code_of(found))
            return found

    def tell_planned(self, seconds: float, /) -> None:
        """Tell of a query without errors that a plan has just answered, in so many seconds.

        Afterwards, for what plans leave to plain execution is told of there.
        """
        begin_ns = time.time_ns() - int(seconds * 1e9)
        attributes = {KIND: "query", CODE: OK}
        self._tracer.start_span("graphql.request", attributes=attributes, start_time=begin_ns).end()

    @contextmanager
    def _span(self, name: str) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException:
                self._tell(span, FAILED)
                raise

    def _tell(self, span: Span, code: str) -> None:
        span.set_attribute(CODE, code)
        if code in FAULTS:
            span.set_status(self._error)


def tracing_of(is_on: bool) -> Traced | Untraced:
    """What tells of operations.

    Raises:
        InvalidSetting: it is on, and opentelemetry-api is not installed.
    """
    return Traced() if is_on else Untraced()
