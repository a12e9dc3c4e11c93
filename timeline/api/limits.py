"""Bounds what one request may ask for, before anything is run; every number stands here.

A document is measured in one walk that visits each fragment once, so that fragments which spread
each other cannot make the measuring itself expensive. The cost of a list is the product of the page
sizes on the way to it: three nested pages of 100 are refused, whatever they would have returned.
What the sizes do not tell (lists without pages) is assumed here and counted again while running.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
)

from timeline.api.errors import QueryTooLarge
from timeline.settings import PAGE_SIZE_MAX

BODY_BYTES_MAX = 1_000_000
TOKENS_MAX = 1_000
DEPTH_MAX = 15
INTROSPECTION_DEPTH_MAX = 30
ALIASES_MAX = 50
REPEATS_MAX = 10
ROWS_MAX = 10_000
FIELDS_MAX = 250_000
PAGE_SIZE_DEFAULT = 50
REQUESTS_AT_ONCE_MAX = 12
DOCUMENTS_KEPT = 256
# Uploads: all files of one request together, and how many.
UPLOAD_BYTES_MAX = 10_000_000
UPLOADS_MAX = 10


@dataclass(frozen=True)
class RateLimits:
    """How much the bearer of one token may ask of one server process."""

    requests_per_second: float = 50
    requests_burst: float = 500
    rows_per_second: float = 20_000
    rows_burst: float = 500_000


# Connections: as many rows as `first` or `last` says.
_PAGED = frozenset({"places", "actors", "reports", "search", "timeline", "incidents", "statistics"})
# Lists without pages: as many rows as are assumed before they are counted.
_ASSUMED_ROWS = {
    "byMonth": 50,
    "controlMap": 100,
    "controlHistory": 10,
    "claims": 20,
    "corroborating": 5,
    "contradicting": 2,
    "words": 1,
    "knowledgeDiff": 100,
    "versions": 2,
}


@dataclass(frozen=True)
class _Size:
    """What a piece of a document comes to when it is asked for once."""

    rows: int = 0
    fields: int = 0
    aliases: int = 0
    depth: int = 0

    def beside(self, other: _Size) -> _Size:
        return _Size(
            self.rows + other.rows,
            self.fields + other.fields,
            self.aliases + other.aliases,
            max(self.depth, other.depth),
        )


class _Measure:
    """Measures the operations of one document, each fragment once."""

    def __init__(self, document: DocumentNode, variables: Mapping[str, object]) -> None:
        self._variables = variables
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def selections(self, nodes: Sequence[SelectionNode]) -> _Size:
        _refuse_repeats(nodes)
        size = _Size()
        for node in nodes:
            size = size.beside(self._selection(node))
        return size

    def _selection(self, node: SelectionNode) -> _Size:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        if isinstance(node, FieldNode):
            return self._field(node)
        inner = getattr(node, "selection_set", None)
        return self.selections(inner.selections) if inner else _Size()

    def _fragment(self, name: str) -> _Size:
        if name not in self._known:
            self._known[name] = _Size()  # a fragment that spreads itself is refused elsewhere
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[name] = self.selections(fragment.selection_set.selections)
        return self._known[name]

    def _field(self, node: FieldNode) -> _Size:
        inner = self.selections(node.selection_set.selections) if node.selection_set else _Size()
        times, rows = self._times(node)
        return _Size(
            rows=rows + times * inner.rows,
            fields=1 + times * inner.fields,
            aliases=inner.aliases + (1 if node.alias else 0),
            depth=inner.depth + 1,
        )

    def _times(self, node: FieldNode) -> tuple[int, int]:
        """How often what stands inside is asked for, and how many rows that takes."""
        name = node.name.value
        if node.selection_set is None:
            return 1, 0  # a number may bear the name of a list that stands elsewhere
        if name in _ASSUMED_ROWS:
            return _ASSUMED_ROWS[name], _ASSUMED_ROWS[name]
        if name not in _PAGED:
            return 1, 0
        arguments = node.arguments or ()
        sizes = [self._page_size(a.value) for a in arguments if a.name.value in ("first", "last")]
        size = max(sizes, default=PAGE_SIZE_DEFAULT)
        return max(size, 1), size

    def _page_size(self, value: object) -> int:
        given: object = None
        if isinstance(value, IntValueNode):
            given = int(value.value)
        elif isinstance(value, VariableNode):
            # A default, or null, leaves it to the resolver: the page is then the largest at worst.
            given = self._variables.get(value.name.value, PAGE_SIZE_MAX)
        if not isinstance(given, int | float):
            return PAGE_SIZE_DEFAULT
        return int(max(0, min(given, PAGE_SIZE_MAX)))


def _refuse_repeats(nodes: Sequence[SelectionNode]) -> None:
    """Validation compares all fields of one name with each other: a few hundred take seconds."""
    keys = Counter(
        (n.alias or n.name).value for n in nodes if isinstance(n, FieldNode) and n.selection_set
    )
    for name, times in keys.most_common(1):
        text = f"asks for {name} {{}} times in one place; {{}} is the most"
        _refuse_above(times, REPEATS_MAX, text)


def check_size(document: DocumentNode, variables: Mapping[str, object]) -> None:
    """Refuse a document that asks for more than the bounds above.

    Raises:
        QueryTooLarge: its depth, aliases or repeats, or the rows or fields it may come to.
    """
    measure = _Measure(document, variables)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        for node in definition.selection_set.selections:
            is_introspection = isinstance(node, FieldNode) and node.name.value[:2] == "__"
            bound = INTROSPECTION_DEPTH_MAX if is_introspection else DEPTH_MAX
            depth = measure.selections([node]).depth
            if depth > bound:
                raise QueryTooLarge(f"the query is nested {depth} deep; {bound} is the most")
        size = measure.selections(definition.selection_set.selections)
        _refuse_above(size.aliases, ALIASES_MAX, "uses {} aliases; {} is the most")
        _refuse_above(
            size.rows,
            ROWS_MAX,
            "may return {} rows (the product of nested page sizes); {} is the most:"
            " ask for smaller pages",
        )
        _refuse_above(
            size.fields,
            FIELDS_MAX,
            "may return {} values; {} is the most: ask for smaller pages or fewer fields",
        )


def _refuse_above(found: int, bound: int, text: str) -> None:
    if found > bound:
        raise QueryTooLarge("the query " + text.format(found, bound))
