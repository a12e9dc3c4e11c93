"""Reads an operation into a tree of selected fields, with graphql-core's own rules.

Fragments, aliases, merged fields and `@skip`/`@include` are gone from the tree: what those come to
depends on the values of some variables, and a tree is good for these values alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_argument_values,
    get_named_type,
    get_operation_ast,
    get_variable_values,
    type_from_ast,
    visit,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from timeline.api.plans.errors import Unplanned

TYPE_NAME = "__typename"
# What JSON has for these is what a resolver gets, if it is of just this type.
_TAKEN_AS_GIVEN: Mapping[object, type] = {
    GraphQLID: str,
    GraphQLString: str,
    GraphQLInt: int,
    GraphQLBoolean: bool,
}
_INTS = range(-(2**31), 2**31)
_PAGE_SIZES = frozenset({"first", "last"})


class _Variables(Visitor):
    """Collects the names of all variables below a node."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.names.add(node.name.value)


class _Shaping(Visitor):
    """Collects the variables that decide what is selected, or how large a page may be."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: object, *_: object) -> None:
        self.names |= _variables(node)

    def enter_argument(self, node: object, *_: object) -> None:
        if node.name.value in _PAGE_SIZES:  # type: ignore[attr-defined]
            self.names |= _variables(node)


class _Nested(Visitor):
    """Looks for variables that stand inside a literal: `[$one, two]`."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        if not isinstance(node.value, VariableNode) and _variables(node.value):
            self.found = True


def _variables(node: object) -> set[str]:
    found = _Variables()
    visit(node, found)  # type: ignore[arg-type]
    return found.names


@dataclass(frozen=True)
class Selected:
    """One field of an answer.

    Attributes:
        key: Its name in the answer.
        name: Its name in the schema.
        type_name: The name of its type, without lists and non-nulls.
        fields: What is selected of it, in the answer's order.
        definition: Its definition; `None` for `__typename`.
        node: The first field of the document that asks for it; its arguments are those of all.
        has_variables: Whether an argument holds a variable.
        constant: The arguments that hold no variable.
        direct: Which other arguments are which variables; `None` where one holds more than that.
    """

    key: str
    name: str
    type_name: str
    fields: tuple[Selected, ...]
    definition: GraphQLField | None
    node: FieldNode
    has_variables: bool
    constant: Mapping[str, object]
    direct: Sequence[tuple[str, str]] | None = ()

    def arguments(self, values: VariableValues) -> Mapping[str, object]:
        """The values of its arguments under those of the variables.

        Raises:
            GraphQLError: they do not fit.
        """
        if not self.has_variables or self.definition is None:
            return self.constant
        if self.direct is not None:
            given = values.coerced
            found = [(name, given.get(variable)) for name, variable in self.direct]
            if all(value is not None for _, value in found):
                return {**self.constant, **dict(found)}
        return get_argument_values(self.definition, self.node, values)

    def check_arguments(self, *known: str) -> None:
        """Hold the field to the arguments that a plan knows.

        Raises:
            Unplanned: it is given another one, or another one has a default.
        """
        given = {a.name.value for a in self.node.arguments or ()}
        if self.definition is not None:
            given |= {n for n, a in self.definition.args.items() if a.default_value}
        if not given <= set(known):
            raise Unplanned(f"{self.name} is given {sorted(given - set(known))}")


@dataclass(frozen=True)
class Operation:
    """One operation of a valid document.

    Attributes:
        shaping: The variables on whose values its tree depends.
        taken: The type of each variable's value that is taken as it is given; `None` where some
            variable is more than that.
    """

    schema: GraphQLSchema
    document: DocumentNode
    definition: OperationDefinitionNode
    shaping: tuple[str, ...]
    taken: Mapping[str, type] | None

    @classmethod
    def of(cls, schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Operation:
        """The operation of a name, or the only one.

        Raises:
            Unplanned: there is none, or it is no query.
        """
        definition = get_operation_ast(document, name)
        if definition is None or definition.operation is not OperationType.QUERY:
            raise Unplanned("no query of that name")
        if definition.directives:
            raise Unplanned("a directive on the operation")
        shaping = _Shaping()
        visit(document, shaping)
        names = tuple(sorted(shaping.names))
        return cls(schema, document, definition, names, _taken(schema, document, definition))

    def values(self, given: Mapping[str, object]) -> VariableValues:
        """The values of its variables.

        Raises:
            Unplanned: those given do not fit.
        """
        if self.taken is not None:
            taken = {name: given.get(name) for name in self.taken}
            if all(map(_is_taken, taken.values(), self.taken.values())):
                return VariableValues({}, taken)
        found = get_variable_values(
            self.schema, self.definition.variable_definitions or (), dict(given)
        )
        if isinstance(found, list):
            raise Unplanned("the variables do not fit")
        return found

    def selected(self, values: VariableValues) -> tuple[Selected, ...]:
        """The tree of what is selected under the values of the variables.

        Raises:
            Unplanned: a field is of an interface or union, or of introspection.
        """
        fragments = {
            d.name.value: FragmentDetails(d, None)
            for d in self.document.definitions
            if isinstance(d, FragmentDefinitionNode)
        }
        return _Tree(self, fragments, values).root()


@dataclass(frozen=True)
class _Tree:
    operation: Operation
    fragments: dict[str, FragmentDetails]
    values: VariableValues

    def root(self) -> tuple[Selected, ...]:
        schema = self.operation.schema
        query = cast("GraphQLObjectType", schema.query_type)
        found = collect_fields(
            schema, self.fragments, self.values, query, self.operation.definition
        )
        return self._fields(query, found.grouped_field_set)

    def _fields(self, parent: GraphQLObjectType, grouped: GroupedFieldSet) -> tuple[Selected, ...]:
        return tuple(self._field(parent, key, details) for key, details in grouped.items())

    def _field(self, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> Selected:
        node = details[0].node
        name = node.name.value
        if name == TYPE_NAME:
            return Selected(key, name, parent.name, (), None, node, False, {})
        if name not in parent.fields:
            raise Unplanned(f"introspection of {name}")
        definition = parent.fields[name]
        type_ = get_named_type(definition.type)
        fields: tuple[Selected, ...] = ()
        if node.selection_set is not None:
            if not isinstance(type_, GraphQLObjectType):
                raise Unplanned(f"{type_.name} is no object type")
            found = collect_subfields(
                self.operation.schema,
                self.fragments,
                self.values,
                self.operation.definition,
                type_,
                details,
            )
            fields = self._fields(type_, found.grouped_field_set)
        arguments = node.arguments or ()
        with_variables = [a for a in arguments if _variables(a.value)]
        constant, direct = _parts(definition, node, with_variables)
        return Selected(
            key, name, type_.name, fields, definition, node, bool(with_variables), constant, direct
        )


def _parts(
    definition: GraphQLField, node: FieldNode, with_variables: Sequence[ArgumentNode]
) -> tuple[Mapping[str, object], Sequence[tuple[str, str]] | None]:
    """The arguments without variables, and which of the others is which variable."""
    others = tuple(a for a in node.arguments or () if a not in with_variables)
    bare = FieldNode(name=node.name, arguments=others)
    direct = []
    for argument in with_variables:
        if not isinstance(argument.value, VariableNode):
            return {}, None
        name = argument.name.value
        direct.append((definition.args[name].out_name or name, argument.value.name.value))
    try:
        return get_argument_values(definition, bare), direct
    except GraphQLError:
        if not with_variables:
            raise
        return {}, None  # an argument is required that is a variable


def _taken(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Mapping[str, type] | None:
    nested = _Nested()
    visit(document, nested)
    if nested.found:
        return None
    found = {}
    for variable in operation.variable_definitions or ():
        kind: object = type_from_ast(schema, variable.type)
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if kind not in _TAKEN_AS_GIVEN:
            return None
        found[variable.variable.name.value] = _TAKEN_AS_GIVEN[kind]
    return found


def _is_taken(value: object, kind: type) -> bool:
    return type(value) is kind and (kind is not int or value in _INTS)
