"""Pages of a list in the manner of Relay: arguments are checked here, and cursors given out.

Written by hand, keyset by keyset: Strawberry's own connections count offsets, which slip when a
report is filed between two pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import strawberry

from timeline.api.cursors import Key, Ordering
from timeline.api.described import answered, described
from timeline.api.errors import BadUserInput
from timeline.api.limits import PAGE_SIZE_DEFAULT
from timeline.api.ordering import Order, OrderDirection
from timeline.settings import PAGE_SIZE_MAX

T = TypeVar("T")
V = TypeVar("V")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"The first so many, 0 to {PAGE_SIZE_MAX}; {PAGE_SIZE_DEFAULT} when neither"
        " this nor `last` is given. Not together with `last`."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(
        description=f"The last so many, 0 to {PAGE_SIZE_MAX}, still in ascending order. Not"
        " together with `first`."
    ),
]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor.")
]


@described
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool = strawberry.field(description="Whether more rows come after this page.")
    has_previous_page: bool = strawberry.field(
        description="Whether there are rows before this page."
    )
    start_cursor: str | None = strawberry.field(
        description="Cursor of the first row; null when the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last row, to give as `after`; null when the page is empty."
    )


@described
class Edge(Generic[T]):
    """A row of a page, with its cursor."""

    cursor: str = strawberry.field(
        description="Opaque; stays good when rows are added before or after it."
    )
    node: T = strawberry.field(description="The row.")


@described
class Connection(Generic[T]):
    """A page of a list."""

    edges: list[Edge[T]] = strawberry.field(description="The rows, in the list's order.")
    nodes: list[T] = strawberry.field(description="The rows without their cursors, as in `edges`.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    counted: strawberry.Private[Callable[[], int]]

    @answered
    def total_count(self) -> int:
        """How many rows the list has in all, under the same filters; counted only when selected."""
        return self.counted()


@dataclass(frozen=True)
class Paging:
    """The checked arguments of a page.

    Attributes:
        size: How many rows, 0 to PAGE_SIZE_MAX.
        after: Key of the row to begin after.
        before: Key of the row to end before.
        backwards: Take the last rows instead of the first.
        is_descending: The list is asked for in descending order. Its first rows are then the last
            in ascending order: the other arguments are of that, as rows are fetched.
    """

    ordering: Ordering
    size: int
    after: Key | None
    before: Key | None
    backwards: bool
    is_descending: bool = False

    @property
    def fetched(self) -> int:
        """How many rows to fetch: an empty page needs one, to know whether there are any."""
        return max(1, self.size)


def paging(
    ordering: Ordering,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    order: Order | None = None,
) -> Paging:
    """Check a page's arguments.

    Raises:
        BadUserInput: both ends at once, a size out of bounds, or no cursor of this list.
    """
    if first is not None and last is not None:
        raise BadUserInput("give either first or last, not both")
    for name, given in (("first", first), ("last", last)):
        if given is not None and not 0 <= given <= PAGE_SIZE_MAX:
            raise BadUserInput(f"{name} must be 0 to {PAGE_SIZE_MAX}, not {given}")
    size = first if first is not None else last
    is_descending = order is not None and order.direction is OrderDirection.DESC
    if is_descending:
        after, before = before, after
    return Paging(
        ordering=ordering,
        size=PAGE_SIZE_DEFAULT if size is None else size,
        after=None if after is None else ordering.key(after),
        before=None if before is None else ordering.key(before),
        backwards=(last is not None) is not is_descending,
        is_descending=is_descending,
    )


def connection(
    page: Paging,
    rows: Sequence[tuple[Key, V]],
    more: bool,
    node: Callable[[V], T],
    count: Callable[[], int],
) -> Connection[T]:
    """The connection of a page that was fetched.

    Args:
        page: The page's arguments.
        rows: The rows in ascending order with their keys, `page.fetched` at the most.
        more: Whether there are more rows in the direction of the page.
        node: Makes a row's GraphQL type.
        count: Counts the whole list.
    """
    kept = rows[: page.size] if not page.backwards else rows[max(0, len(rows) - page.size) :]
    beyond = more or len(kept) < len(rows)
    edges = [Edge(cursor=page.ordering.cursor(key), node=node(value)) for key, value in kept]
    has_next = page.before is not None if page.backwards else beyond
    has_previous = beyond if page.backwards else page.after is not None
    if page.is_descending:
        edges.reverse()
        has_next, has_previous = has_previous, has_next
    return Connection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=has_next,
            has_previous_page=has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        counted=count,
    )


def in_memory(page: Paging, ordered: Sequence[tuple[Key, V]]) -> tuple[list[tuple[Key, V]], bool]:
    """The rows of a page of a whole list, in ascending order of its keys, and if there are more."""
    within = [
        row
        for row in ordered
        if (page.after is None or row[0] > page.after)
        and (page.before is None or row[0] < page.before)
    ]
    taken = within[-page.fetched :] if page.backwards else within[: page.fetched]
    return taken, len(within) > len(taken)
