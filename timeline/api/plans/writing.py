"""Generates the functions that turn rows into the answer's dicts.

Each is one Python expression, compiled once a plan: a dict display costs a fraction of resolving
its fields one by one. Names of columns and fields are our own; what a client chooses, the keys,
goes in as string literals of GraphQL names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from timeline.api.nodes import node_id
from timeline.api.plans.errors import Unplanned
from timeline.api.plans.leaves import MANY, ONE, Leaf, Nested
from timeline.api.plans.selection import TYPE_NAME, Selected

_TOKEN = re.compile(r"([$@])([a-z_0-9]+)|(?<![\w.])_(?!\w)")


class Expression:
    """Writes expressions, and notes which columns and fields of the claim they use.

    Args:
        offset: How many columns of a row stand before those that are asked for here.
    """

    def __init__(self, offset: int = 0) -> None:
        self._offset = offset
        self.columns: list[str] = []
        self.claim_fields: set[str] = set()
        self._depth = 0

    def column(self, name: str) -> str:
        """The expression of a column of the row `r`."""
        if name not in self.columns:
            self.columns.append(name)
        return f"r[{self._offset + self.columns.index(name)}]"

    def display(self, fields: Sequence[Selected], known: Mapping[str, Leaf], of: str) -> str:
        """A dict of what is selected of an object.

        Args:
            fields: What is selected.
            known: The object's fields.
            of: The expression of the object.

        Raises:
            Unplanned: a field is not known.
        """
        return "{" + ", ".join(f"{f.key!r}: {self.field(f, known, of)}" for f in fields) + "}"

    def field(self, field: Selected, known: Mapping[str, Leaf], of: str) -> str:
        """The expression of one selected field."""
        if field.name == TYPE_NAME:
            return repr(field.type_name)
        if field.name not in known:
            raise Unplanned(f"{field.name} is not planned")
        field.check_arguments()
        leaf = known[field.name]
        if isinstance(leaf, str):
            return self._text(leaf, of)
        return self._nested(leaf, field, of)

    def _nested(self, leaf: Nested, field: Selected, of: str) -> str:
        inner = self._text(leaf.of, of)
        if leaf.how == ONE:
            return self.display(field.fields, leaf.fields, inner)
        self._depth += 1
        each = f"x{self._depth}"
        shown = self.display(field.fields, leaf.fields, each)
        if leaf.how == MANY:
            return f"[{shown} for {each} in {inner}]"
        return f"(None if ({each} := {inner}) is None else {shown})"

    def _text(self, leaf: str, of: str) -> str:
        def put(found: re.Match[str]) -> str:
            if found[1] == "$":
                return self.column(found[2])
            if found[1] == "@":
                self.claim_fields.add(found[2])
                return f"c.{found[2]}"
            return of

        return _TOKEN.sub(put, leaf)


_NAMES: Mapping[str, object] = {"bool": bool, "zip": zip, "node_id": node_id}


def function(arguments: str, expression: str, **names: object) -> Callable[..., Any]:
    """The function of some arguments that an expression of ours states."""
    source = f"lambda {arguments}: {expression}"
    made: Callable[..., Any] = eval(source, {**_NAMES, **names})  # noqa: S307 - see above
    return made


Page = tuple[Sequence[Sequence[object]], str | None, str | None, bool, bool, int | None]
"""A page as a connection shows it: its part of each list that `Connection.lists` made of the rows;
the cursors of its first and last row, `None` without one or where nobody asks; whether there are
more rows after it, and before it; and how many there are in all, where that is asked for."""

_PAGE_INFO: Mapping[str, Leaf] = {
    "hasNextPage": "has_next",
    "hasPreviousPage": "has_previous",
    "startCursor": "start",
    "endCursor": "end",
}
_CONNECTION: Mapping[str, Leaf] = {"pageInfo": Nested(_PAGE_INFO, "start"), "totalCount": "total"}


class Connection:
    """Writes the pages of one connection: what its rows show, all at once, and then each page.

    Args:
        field: The connection as it is selected.
        row: The name of one row in the expressions.
        node: Writes the expression of a row's node.
        arguments: What these expressions name beside the row and its claim `c`, as arguments.

    Raises:
        Unplanned: a field is not known.
    """

    def __init__(
        self, field: Selected, row: str, node: Callable[[Selected], str], arguments: str
    ) -> None:
        rows: list[str] = []
        whole: list[str] = []
        plain = Expression()
        self.shows_cursors = self.shows_ends = self.shows_total = False
        for part in field.fields:
            part.check_arguments()
            if part.name in ("edges", "nodes"):
                whole.append(f"{part.key!r}: lists[{len(rows)}]")
                rows.append(self._edge(part, node) if part.name == "edges" else node(part))
                continue
            self.shows_total = self.shows_total or part.name == "totalCount"
            self.shows_ends = self.shows_ends or part.name == "pageInfo"
            whole.append(f"{part.key!r}: {plain.field(part, _CONNECTION, '')}")
        each = f"for {row}, c, cursor in zip(rows, claims, cursors)"
        lists = "".join(f"[{shown} {each}], " for shown in rows)
        self.lists: Callable[..., Sequence[list[object]]] = function(
            f"rows, claims, cursors, {arguments}", f"({lists})"
        )
        page = "lists, start, end, has_next, has_previous, total"
        self.pages: Callable[[Iterable[Page]], list[object]] = function(
            "pages", f"[{{{', '.join(whole)}}} for {page} in pages]"
        )

    def written(
        self,
        rows: Sequence[object],
        cursors: Sequence[str],
        has_next: bool,
        has_previous: bool,
        total: int | None,
        *arguments: object,
    ) -> object:
        """One page alone.

        Args:
            rows: What it shows.
            cursors: Those of all rows if they are shown, or else of the first and the last.
            has_next: Whether there are more rows after it.
            has_previous: Whether there are more before it.
            total: How many rows there are in all.
            arguments: Those of the expressions.
        """
        each = cursors if self.shows_cursors else repeat(None)
        lists = self.lists(rows, repeat(None), each, *arguments)
        start, end = (cursors[0], cursors[-1]) if rows else (None, None)
        return self.pages([(lists, start, end, has_next, has_previous, total)])[0]

    def _edge(self, edges: Selected, node: Callable[[Selected], str]) -> str:
        written = []
        for field in edges.fields:
            if field.name == "node":
                written.append(f"{field.key!r}: {node(field)}")
                continue
            self.shows_cursors = self.shows_cursors or field.name == "cursor"
            written.append(f"{field.key!r}: {Expression().field(field, {'cursor': 'cursor'}, '')}")
        return "{" + ", ".join(written) + "}"
