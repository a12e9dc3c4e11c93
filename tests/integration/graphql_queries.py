"""Makes queries at random over the real schema: right ones, odd ones and wrong ones, by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

DEPTH_MAX = 7
FIELDS_MAX = 5

# Words for arguments; the last of each do not fit.
_TEXTS = {
    "id": ("khanasser", "ithriya", "khanasser", "atlantis"),
    "name": ("Khanasser", "khanaser", "خناصر", "Ithriya", "Atlantis", ""),
    "at": ("2016-02-23", "2016-02-24", "2016-02-24T12:00:00+02:00", "2030-01-01", "soon"),
    "knownOn": ("2016-02-24", "2016-02-25", "2016-02-29", "2016-02-24T12:00:00Z", "2016-13-01"),
    "from": ("2016-02-23", "2016-02-24", "yesterday"),
    "to": ("2016-02-25", "2016-02-24", "2016-02-24 10:00"),
    "actor": ("Islamic State", "islamic-state", "Sea People", "Syrian army"),
    "query": ("Khanasser", "army"),
    "andOn": ("2016-02-28",),
    "within": ("aleppo-governorate", "khanasser", "atlantis"),
    "placeId": ("khanasser", "ithriya", "atlantis"),
}
_SIZES = (0, 1, 2, 3, 5, 20, 500, 501, -1)
_ROOTS = (
    *("place", "place", "place", "places", "places", "controlMap", "__typename"),
    *("placeControls", "placeControls", "controlGeojson", "timeline", "actor"),
)
_OTHER_ROOTS = ("actors", "reports", "incidents", "status", "knowledgeDiff", "search")
# Fields that lead out of what plans know; one of them leaves the whole query to graphql-core.
_AWAY = frozenset(
    {"claims", "incident", "controlHistory", "versions", "published", "secondOpinions"}
    | {"competing", "controlKnowledge", "affiliatedWith", "activity", "affiliates", "other"}
)
_AWAY_OF = frozenset({("Actor", "mergedIds")})
# Of places that these lead to nothing is planned but what they are.
_INNER = frozenset({("PlaceMention", "place"), ("Place", "within")})
_BOX = {"west": 36, "south": 34, "east": 39, "north": 37}
AWAY_SHARE = 0.01


class Queries:
    """Writes one query after another; `cursors` are some that answers held."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self._schema, self._random = schema, random.Random(seed)
        self.cursors: list[str] = []

    def next(self) -> tuple[str, dict[str, object]]:
        """A query and its variables."""
        return _Query(self._schema, self._random, self.cursors).text()


class _Query:
    def __init__(self, schema: GraphQLSchema, rng: random.Random, cursors: list[str]) -> None:
        self._schema, self._random, self._cursors = schema, rng, cursors
        self._declared: list[str] = []
        self._values: dict[str, object] = {}
        self._fragments: list[str] = []
        self._count = self._inside = 0

    def text(self) -> tuple[str, dict[str, object]]:
        roots = _OTHER_ROOTS if self._chance(0.03) else _ROOTS
        names = [self._random.choice(roots) for _ in range(self._random.choice((1, 1, 1, 2, 3)))]
        query = self._schema.query_type
        assert query is not None
        selected = " ".join(self._field(query, name, 0) for name in names)
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        text = f"query Q{declared} {{ {selected} }} {' '.join(self._fragments)}"
        return text, self._values

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _selection(self, parent: GraphQLObjectType, depth: int) -> str:
        known = [n for n, f in parent.fields.items() if self._may(parent, n, f, depth)]
        names = self._random.choices(known or ["__typename"], k=self._random.randint(1, FIELDS_MAX))
        if self._chance(0.15):
            names.append("__typename")
        if self._chance(0.1) and known:
            names.append(names[0])
        return "{ " + " ".join(self._wrapped(parent, name, depth) for name in names) + " }"

    def _may(self, parent: GraphQLObjectType, name: str, field: GraphQLField, depth: int) -> bool:
        is_away = name in _AWAY or (parent.name, name) in _AWAY_OF
        if is_away or (self._inside and parent.name == "Place" and name in ("control", "timeline")):
            return self._chance(AWAY_SHARE) and depth < DEPTH_MAX
        if name == "quote" and parent.name == "Evidence":
            return self._chance(0.5)
        return is_leaf_type(get_named_type(field.type)) or depth < DEPTH_MAX

    def _wrapped(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        shown = self._field(parent, name, depth)
        if self._chance(0.08):
            return f"... on {parent.name} {{ {shown} }}"
        if self._chance(0.05):
            return f"...{self._directive()} {{ {shown} }}"
        if self._chance(0.08):
            fragment = self._new("F")
            self._fragments.append(f"fragment {fragment} on {parent.name} {{ {shown} }}")
            return f"...{fragment}"
        return shown

    def _directive(self) -> str:
        if not self._chance(0.3):
            return ""
        truth = self._random.choice(("true", "false"))
        if self._chance(0.6):
            truth = self._variable("Boolean!", truth == "true")
        return f" @{self._random.choice(('skip', 'include'))}(if: {truth})"

    def _field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        if name == "__typename":
            return f"{self._new('t')}: __typename" if self._chance(0.3) else "__typename"
        field = parent.fields[name]
        arguments = self._arguments(name, field)
        # Fields of one name with other arguments conflict: they get a name of their own.
        is_renamed = bool(field.args) or self._chance(0.15)
        alias = f"{self._new('a')}: " if is_renamed else ""
        type_ = get_named_type(field.type)
        self._inside += (parent.name, name) in _INNER
        inner = self._selection(type_, depth + 1) if isinstance(type_, GraphQLObjectType) else ""
        self._inside -= (parent.name, name) in _INNER
        return f"{alias}{name}{arguments}{self._directive()} {inner}"

    def _arguments(self, field_name: str, field: GraphQLField) -> str:
        names = [n for n, a in field.args.items() if str(a.type).endswith("!")]
        names += self._optional(field_name, field)
        given = [f"{n}: {self._argument(n, field)}" for n in dict.fromkeys(names)]
        return f"({', '.join(given)})" if given else ""

    def _optional(self, field_name: str, field: GraphQLField) -> Sequence[str]:
        if field_name == "place" and "name" in field.args:
            return (self._random.choice(("id", "name")),) if self._chance(0.97) else ("id", "name")
        # A cursor may be of another list, which is refused: few are given.
        shares = {"first": 0.0, "last": 0.0, "after": 0.1, "before": 0.1}
        found = [n for n in field.args if self._chance(shares.get(n, 0.25))]
        found = [n for n in found if n not in _AWAY or self._chance(AWAY_SHARE)]
        if "first" in field.args and self._chance(0.8):
            found.append(self._random.choice(("first", "last")))
        return found

    def _argument(self, name: str, field: GraphQLField) -> str:
        type_ = field.args[name].type
        kind = get_named_type(type_)
        literal, value = self._value(name, kind)
        if not self._chance(0.4):
            return literal
        default = f" = {literal}" if self._chance(0.2) and "!" not in str(type_) else ""
        is_given = not default or self._chance(0.5)
        return self._variable(f"{type_}{default}", value, given=is_given)

    def _value(self, name: str, kind: object) -> tuple[str, object]:
        if isinstance(kind, GraphQLEnumType):
            words = list(kind.values)
            chosen = self._random.sample(words, self._random.randint(0, 3))
            if name not in ("types", "modalities", "reviewed", "kinds"):
                return words[0], words[0]
            return f"[{', '.join(chosen)}]", chosen
        if isinstance(kind, GraphQLInputObjectType):
            if name != "bbox":
                return self._order(kind)
            return "{" + ", ".join(f"{k}: {v}" for k, v in _BOX.items()) + "}", _BOX
        if name in ("first", "last"):
            size = self._random.choice(_SIZES if self._chance(0.1) else _SIZES[:5])
            return str(size), size
        if name in ("after", "before"):
            cursor = "nonsense"
            if self._cursors and not self._chance(0.05):
                cursor = self._random.choice(self._cursors)
            return f'"{cursor}"', cursor
        words = list(_TEXTS.get(name, ("x",)))
        word = self._random.choice(words if self._chance(0.15) else words[:-1] or words)
        return f'"{word}"', word

    def _order(self, kind: GraphQLInputObjectType) -> tuple[str, object]:
        direction = self._random.choice(("asc", "desc"))
        words = list(getattr(get_named_type(kind.fields["field"].type), "values"))  # noqa: B009
        given = {"direction": direction, "field": self._random.choice(words)}
        given = {k: v for k, v in given.items() if self._chance(0.7)}
        return "{" + ", ".join(f"{k}: {v}" for k, v in given.items()) + "}", given

    def _variable(self, type_: str, value: object, *, given: bool = True) -> str:
        name = self._new("v")
        self._declared.append(f"${name}: {type_}")
        if given:
            self._values[name] = None if self._chance(0.05) and "!" not in type_ else value
        return f"${name}"
