"""Bounds what one request may ask for, before anything is run; every number stands here.

A document is measured in one walk that visits each fragment once, so that fragments which spread
each other cannot make the measuring itself expensive. The cost of a list is the product of the page
sizes on the way to it: three nested pages of 100 are refused, whatever they would have returned.
Connections are known by their arguments; what sizes do not tell (lists without pages) is assumed
here, field by field, and counted again while running.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
    get_named_type,
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

# Lists without pages: as many rows as are assumed before they are counted. A leaf counts its rows.
ASSUMED_ROWS = {
    "Activity.byMonth": 50,
    "Actor.affiliates": 20,
    "Control.claims": 20,
    "ControlMessage.places": 20,
    "ControlSpan.claims": 20,
    "Entry.competing": 5,
    "Incident.contradicting": 2,
    "Incident.corroborating": 5,
    "Incident.words": 1,
    "KnowledgeDifference.control": 5,
    "KnowledgeDifference.entries": 20,
    "Place.controlHistory": 10,
    "Place.controlKnowledge": 20,
    "Query.controlGeojson": 100,
    "Query.controlMap": 100,
    "Query.knowledgeDiff": 100,
    "Report.claims": 20,
    "Report.versions": 2,
    "TimelineMessage.entries": 20,
}
# Lists that are part of a row and come with it: how often what stands inside is reckoned.
ASSUMED_PARTS = {
    "Actor.affiliations": 2,
    "Actor.names": 5,
    "Control.holders": 1,
    "ControlSpan.holders": 1,
    "ControlTold.holders": 1,
    "Entry.actors": 3,
    "Entry.alsoEvidence": 1,
    "Entry.casualties": 1,
    "EntryChange.because": 1,
    "Highlight.spans": 2,
    "Hit.highlights": 2,
    "KnownControl.holders": 1,
    "Place.names": 5,
    "Status.projections": 10,
}


@dataclass(frozen=True)
class _List:
    """What a field comes to beside what stands inside it."""

    of: str | None
    is_paged: bool = False
    times: int = 1
    rows: int = 0


_UNKNOWN = _List(None)


@lru_cache(maxsize=4)
def _fields(schema: GraphQLSchema) -> dict[tuple[str, str], _List]:
    """Each field of a schema by its type and name: introspection's are no part of it."""
    found = {}
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and name[:2] != "__":
            for field_name, field in kind.fields.items():
                found[name, field_name] = _list(f"{name}.{field_name}", field)
    return found


def _list(path: str, field: GraphQLField) -> _List:
    of = get_named_type(field.type).name
    if path in ASSUMED_ROWS:
        return _List(of, times=ASSUMED_ROWS[path], rows=ASSUMED_ROWS[path])
    if path in ASSUMED_PARTS:
        return _List(of, times=ASSUMED_PARTS[path])
    return _List(of, is_paged="first" in field.args)


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

    def __init__(
        self, document: DocumentNode, variables: Mapping[str, object], schema: GraphQLSchema
    ) -> None:
        self._variables, self._lists = variables, _fields(schema)
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def selections(self, nodes: Sequence[SelectionNode], of: str | None) -> _Size:
        """What the selections on a type come to; `None` is a type that does not exist."""
        _refuse_repeats(nodes)
        size = _Size()
        for node in nodes:
            size = size.beside(self._selection(node, of))
        return size

    def _selection(self, node: SelectionNode, of: str | None) -> _Size:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        if isinstance(node, FieldNode):
            return self._field(node, of)
        assert isinstance(node, InlineFragmentNode)  # noqa: S101 - there is no fourth kind
        on = node.type_condition.name.value if node.type_condition else of
        return self.selections(node.selection_set.selections, on)

    def _fragment(self, name: str) -> _Size:
        if name not in self._known:
            self._known[name] = _Size()  # a fragment that spreads itself is refused elsewhere
            fragment = self._fragments.get(name)
            if fragment is not None:
                on = fragment.type_condition.name.value
                self._known[name] = self.selections(fragment.selection_set.selections, on)
        return self._known[name]

    def _field(self, node: FieldNode, of: str | None) -> _Size:
        field = self._lists.get((of or "", node.name.value), _UNKNOWN)
        selected = node.selection_set
        inner = self.selections(selected.selections, field.of) if selected else _Size()
        times, rows = self._page(node) if field.is_paged else (field.times, field.rows)
        return _Size(
            rows=rows + times * inner.rows,
            fields=max(1, rows) if selected is None else 1 + times * inner.fields,
            aliases=inner.aliases + (1 if node.alias else 0),
            depth=inner.depth + 1,
        )

    def _page(self, node: FieldNode) -> tuple[int, int]:
        """How often what stands inside is asked for, and how many rows that takes."""
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


def check_size(
    document: DocumentNode, variables: Mapping[str, object], schema: GraphQLSchema
) -> None:
    """Refuse a document that asks for more than the bounds above.

    Raises:
        QueryTooLarge: its depth, aliases or repeats, or the rows or fields it may come to.
    """
    measure = _Measure(document, variables, schema)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        root = schema.get_root_type(definition.operation)
        size = _Size()
        for node in definition.selection_set.selections:
            is_introspection = isinstance(node, FieldNode) and node.name.value[:2] == "__"
            bound = INTROSPECTION_DEPTH_MAX if is_introspection else DEPTH_MAX
            part = measure.selections([node], root.name if root else None)
            _refuse_above(part.depth, bound, "is nested {} deep; {} is the most")
            size = size.beside(part)
        _refuse_repeats(definition.selection_set.selections)
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
