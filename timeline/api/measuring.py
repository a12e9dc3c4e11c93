"""Measures what a request asks for before any of it is run, and refuses what passes the bounds.

First the bare text, whose tokens and brackets are counted without parsing it; then the values of
variables; then the document, in one walk that visits each fragment once, so that fragments which
spread each other cannot make the measuring itself expensive. The cost of a list is the product of
the page sizes on the way to it: three nested pages of 100 are refused, whatever they would have
returned. Connections are known by their arguments.
"""

from __future__ import annotations

import re
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
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from timeline.api.errors import BadUserInput, QueryTooLarge
from timeline.api.limits import (
    ALIASES_MAX,
    ASSUMED_PARTS,
    ASSUMED_ROWS,
    BRACKETS_MAX,
    COMPARISONS_MAX,
    DEFINITIONS_MAX,
    DEPTH_MAX,
    DOCUMENT_LENGTH_MAX,
    FIELDS_MAX,
    INTROSPECTION_DEPTH_MAX,
    KEYS_MAX,
    NUMBER_LENGTH_MAX,
    PAGE_SIZE_DEFAULT,
    ROWS_MAX,
    TOKENS_MAX,
    VALUE_DEPTH_MAX,
    VALUE_LENGTH_MAX,
    VALUES_MAX,
    VARIABLES_MAX,
    VISITS_MAX,
)
from timeline.settings import PAGE_SIZE_MAX

# As the specification's lexical grammar, near enough to count: what is wrong the parser tells.
_TOKEN = re.compile(
    r"""
    (?P<ignored> [\s,\ufeff]+ | \#[^\n\r]* )
    | (?P<text> \"{3} (?: \\\"{3} | [^"] | "(?!"") )* \"{3} | " (?: \\. | [^"\\\n] )* " )
    | (?P<number> -?[0-9][0-9.eE+-]* )
    | (?P<opening> [{(\[] )
    | (?P<closing> [})\]] )
    | \.\.\. | [_A-Za-z][_0-9A-Za-z]* | .
    """,
    re.VERBOSE | re.DOTALL,
)
_NUL_TOLD = "a text holds the character U+0000, which no text of a report can"
_NUL = re.compile(r"\\u(?:0000|\{0+\})")


def check_text(query: str) -> None:
    """Refuse a query by its text alone: its length, tokens and brackets.

    Raises:
        QueryTooLarge: there are more of them than the bounds allow.
        BadUserInput: a text in it holds the character U+0000.
    """
    if len(query) > DOCUMENT_LENGTH_MAX:
        raise QueryTooLarge(
            f"the query is longer than {DOCUMENT_LENGTH_MAX} characters; give long texts as"
            " variables"
        )
    tokens = depth = 0
    for found in _TOKEN.finditer(query):
        kind = found.lastgroup
        if kind == "ignored":
            continue
        tokens += 1
        depth += (kind == "opening") - (kind == "closing")
        if tokens > TOKENS_MAX or depth > BRACKETS_MAX:
            raise QueryTooLarge(
                f"the query has more than {TOKENS_MAX} tokens, or is nested too deep"
            )
        if kind == "text" and "\x00" in found[0]:
            raise BadUserInput(_NUL_TOLD)
        if kind == "number" and found.end() - found.start() > NUMBER_LENGTH_MAX:
            raise QueryTooLarge(f"a number has more than {NUMBER_LENGTH_MAX} digits")
    if "\\u" in query and _NUL.search(query):
        raise BadUserInput(_NUL_TOLD)


def check_values(document: DocumentNode, variables: Mapping[str, object]) -> None:
    """Refuse values of variables that no argument could take, before they are looked at one by one.

    Raises:
        QueryTooLarge: they are too many, too long or nested too deep.
        BadUserInput: a text holds the character U+0000.
    """
    is_query = all(
        d.operation is not OperationType.MUTATION
        for d in document.definitions
        if isinstance(d, OperationDefinitionNode)
    )
    if len(variables) > VALUES_MAX:
        raise QueryTooLarge(f"there are more than {VALUES_MAX} variables")
    values, waiting = 0, [(0, value) for value in variables.values()]
    while waiting:
        depth, value = waiting.pop()
        values += 1
        if isinstance(value, str):
            if is_query and len(value) > VALUE_LENGTH_MAX:
                raise QueryTooLarge(f"a variable is longer than {VALUE_LENGTH_MAX} characters")
            if "\x00" in value:
                raise BadUserInput(_NUL_TOLD)
        elif isinstance(value, list | dict):
            inner = value.values() if isinstance(value, dict) else value
            too_many = is_query and len(inner) + len(waiting) + values > VALUES_MAX
            if too_many or depth > VALUE_DEPTH_MAX:
                raise QueryTooLarge(
                    f"the variables hold more than {VALUES_MAX} values, or are nested too deep"
                )
            waiting += [(depth + 1, one) for one in inner]


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
    """Each field of a schema by its type and name; those of introspection are in it."""
    root = schema.query_type.name if schema.query_type else ""
    found = {(root, "__schema"): _List("__Schema"), (root, "__type"): _List("__Type")}
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
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


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    found = (d for d in document.definitions if isinstance(d, FragmentDefinitionNode))
    return {d.name.value: d for d in found}


class _Repeats:
    """Counts how often validation would compare fields of one name with each other.

    Fields of one name in one place are merged, wherever they were written: beside each other, in
    fragments, or in fields that are merged themselves. Each is compared with each.
    """

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments(document)
        self._compared = self._visited = 0

    def selections(self, merged: Sequence[SelectionSetNode]) -> None:
        """Count what these selections, merged into one, come to."""
        fields: dict[str, list[FieldNode]] = {}
        self._collect(merged, fields, Counter())
        for nodes in fields.values():
            inner = [node.selection_set for node in nodes if node.selection_set]
            if inner:
                self.selections(inner)

    def _collect(
        self,
        merged: Sequence[SelectionSetNode],
        fields: dict[str, list[FieldNode]],
        spread: Counter[str],
    ) -> None:
        waiting = list(merged)
        while waiting:
            for node in waiting.pop().selections:
                self._visited += 1
                _refuse_above(self._visited, VISITS_MAX, "asks for {} fields; {} is the most")
                if isinstance(node, FieldNode):
                    same = fields.setdefault((node.alias or node.name).value, [])
                    self._compare(len(same), (node.alias or node.name).value)
                    same.append(node)
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode):
                    waiting += self._spread(node.name.value, spread)

    def _spread(self, name: str, spread: Counter[str]) -> list[SelectionSetNode]:
        self._compare(spread.total(), f"fragment {name}")
        spread[name] += 1
        fragment = self._fragments.get(name)
        return [] if fragment is None or spread[name] > 1 else [fragment.selection_set]

    def _compare(self, times: int, name: str) -> None:
        self._compared += times
        if self._compared > COMPARISONS_MAX:
            raise QueryTooLarge(
                f"the query asks for {name} over and over in one place; ask for it once there"
            )


class _Measure:
    """Measures the operations of one document, each fragment once."""

    def __init__(
        self, document: DocumentNode, variables: Mapping[str, object], schema: GraphQLSchema
    ) -> None:
        self._variables, self._lists = variables, _fields(schema)
        self._fragments = _fragments(document)
        self._known: dict[str, _Size] = {}

    def selections(self, nodes: Sequence[SelectionNode], of: str | None) -> _Size:
        """What the selections on a type come to; `None` is a type that does not exist."""
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
        for argument in node.arguments or ():
            if isinstance(argument.value, ObjectValueNode):
                keys = len(argument.value.fields)
                _refuse_above(keys, KEYS_MAX, "has an object of {} keys; {} is the most")
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


def check_size(
    document: DocumentNode, variables: Mapping[str, object], schema: GraphQLSchema
) -> None:
    """Refuse a document that asks for more than the bounds above.

    Raises:
        QueryTooLarge: its depth, aliases or repeats, or the rows or fields it may come to.
    """
    _refuse_above(len(document.definitions), DEFINITIONS_MAX, "has {} definitions; {} is the most")
    measure, repeats = _Measure(document, variables, schema), _Repeats(document)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        declared = len(definition.variable_definitions or ())
        _refuse_above(declared, VARIABLES_MAX, "declares {} variables; {} is the most")
        root = schema.get_root_type(definition.operation)
        size = _Size()
        for node in definition.selection_set.selections:
            is_introspection = isinstance(node, FieldNode) and node.name.value[:2] == "__"
            bound = INTROSPECTION_DEPTH_MAX if is_introspection else DEPTH_MAX
            part = measure.selections([node], root.name if root else None)
            _refuse_above(part.depth, bound, "is nested {} deep; {} is the most")
            size = size.beside(part)
        repeats.selections([definition.selection_set])
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
