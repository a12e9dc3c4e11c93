"""Generates the functions that turn rows into the answer's dicts.

Each is one Python expression, compiled once a plan: a dict display costs a fraction of resolving
its fields one by one. Names of columns and fields are our own; what a client chooses, the keys,
goes in as string literals of GraphQL names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from timeline.api.plans.errors import Unplanned
from timeline.api.plans.leaves import MANY, NULLABLE, Leaf, Nested
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
        if leaf.how == MANY:
            self._depth += 1
            each = f"x{self._depth}"
            return f"[{self.display(field.fields, leaf.fields, each)} for {each} in {inner}]"
        shown = self.display(field.fields, leaf.fields, inner)
        return f"(None if {inner} is None else {shown})" if leaf.how == NULLABLE else shown

    def _text(self, leaf: str, of: str) -> str:
        def put(found: re.Match[str]) -> str:
            if found[1] == "$":
                return self.column(found[2])
            if found[1] == "@":
                self.claim_fields.add(found[2])
                return f"c.{found[2]}"
            return of

        return _TOKEN.sub(put, leaf)


def function(arguments: str, expression: str, **names: object) -> Callable[..., Any]:
    """The function of some arguments that an expression of ours states."""
    source = f"lambda {arguments}: {expression}"
    made: Callable[..., Any] = eval(source, {"bool": bool, **names})  # noqa: S307 - see above
    return made


def connection_source(
    field: Selected, each: str, node: Callable[[Selected], str], total: str = ""
) -> str:
    """The expression of a connection, of `rows`, `cursors`, `has_next` and `has_previous`.

    `<bind>` stands where further names can be bound for each row. There are as many cursors as
    rows, unless `shows_cursors` says that no row shows its own: the first and the last suffice.

    Args:
        field: The connection as it is selected.
        each: The name of one row.
        node: Writes the expression of its node.
        total: The expression of how many rows there are in all; empty if that is not known.

    Raises:
        Unplanned: a field is not known.
    """
    page: dict[str, Leaf] = {
        "hasNextPage": "has_next",
        "hasPreviousPage": "has_previous",
        "startCursor": "(cursors[0] if rows else None)",
        "endCursor": "(cursors[-1] if rows else None)",
    }
    plain = Expression()
    written = []
    for part in field.fields:
        part.check_arguments()
        if part.name == "edges":
            edge = ", ".join(
                f"{f.key!r}: "
                + (node(f) if f.name == "node" else plain.field(f, {"cursor": "cursor"}, each))
                for f in part.fields
            )
            source = f"{each} in rows"
            if _shows_cursor(part):
                source = f"{each}, cursor in zip(rows, cursors)"
            shown = f"[{{{edge}}} for {source}<bind>]"
        elif part.name == "nodes":
            shown = f"[{node(part)} for {each} in rows<bind>]"
        elif part.name == "totalCount" and total:
            shown = total
        else:
            shown = plain.field(part, {"pageInfo": Nested(page, "rows")}, "rows")
        written.append(f"{part.key!r}: {shown}")
    return "{" + ", ".join(written) + "}"


def shows_cursors(field: Selected) -> bool:
    """Whether a connection is asked for the cursor of each row."""
    return any(part.name == "edges" and _shows_cursor(part) for part in field.fields)


def _shows_cursor(edges: Selected) -> bool:
    return any(f.name == "cursor" for f in edges.fields)
