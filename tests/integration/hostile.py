"""Documents written to cost much, or to break something, and the code that refuses each.

`test_graphql_hostile.py` holds the server to the table; `benchmarks/hostile.py` measures it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

TOO_LARGE = "QUERY_TOO_LARGE"
NOT_PARSED = "GRAPHQL_PARSE_FAILED"
NOT_VALID = "GRAPHQL_VALIDATION_FAILED"
BAD_INPUT = "BAD_USER_INPUT"


@dataclass(frozen=True)
class Hostile:
    """One document with its variables, and the code of the errors that it must get."""

    name: str
    code: str
    query: str
    variables: dict[str, object] = field(default_factory=dict)

    def body(self) -> bytes:
        """The body of the request."""
        return json.dumps({"query": self.query, "variables": self.variables}).encode()


def _nested(opening: str, depth: int, inner: str = "id") -> str:
    return opening * depth + inner + " }" * (opening.count("{") * depth)


def _subtrees(*times: int) -> str:
    """The same paths over and over, at every level so often."""
    levels = ['place(id: "a")', "timeline", "nodes", "report"]
    inner = "id"
    for name, count in reversed(list(zip(levels, times, strict=True))):
        inner = f"{name}{{{inner}}} " * count
    return f"{{{inner}}}"


def _doubling(levels: int) -> str:
    spreads = " ".join(
        f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)
    )
    return f"{{ ...f0 }} {spreads} fragment f{levels} on Query {{ a: status {{ casebook }} }}"


def _fragments(times: int, inner: str) -> str:
    spreads = " ".join(f"...f{n}" for n in range(times))
    told = " ".join(f"fragment f{n} on Query {{ {inner} }}" for n in range(times))
    return f"{{ {spreads} }} {told}"


def _numbered(times: int, text: str) -> str:
    return " ".join(text.replace("%", str(n)) for n in range(times))


BY_NAME = "query ($v: String) { place(name: $v) { id } }"
BY_NUMBER = "query ($v: Int) { places(first: $v) { totalCount } }"
BY_TYPES = "query ($v: [ClaimType!]) { timeline(types: $v) { totalCount } }"
BY_ID = "query ($v: ID!) { claim(id: $v) { quote } }"
KNOWN = 'query ($v: String) { place(id: "khanasser") { control(knownOn: $v) { state } } }'
BOX = "query ($v: BoundingBox) { places(bbox: $v) { totalCount } }"
LEAF = "{__typename}"

_nest: dict[str, object] = {}
for _ in range(200):
    _nest = {"a": _nest}

PAGES = {
    # The two that were measured first: 4 kB of repeated subtrees, 57 bytes of nested lists.
    "repeated subtrees, 4 kB": _subtrees(1, 9, 5, 5),
    "repeated subtrees within the tokens": _subtrees(1, 5, 4, 3),
    "nested lists, 57 bytes": "{places{nodes{timeline{nodes{competing{claimId}}}}}}",
    "pages of pages": "{actors(first:500){nodes{timeline(first:500){nodes{quote}}}}}",
    "a page of the largest variable": (
        "query ($v: Int = 500) {places(first: $v) {nodes {timeline {nodes {quote}}}}}"
    ),
    "claims of reports of claims": "{reports{nodes{claims{report{claims{report{id}}}}}}}",
    "pages beside each other": "{" + _numbered(21, "a%: events(first: 500) {nodes {data}}") + "}",
    "aliases in a list": (
        "{places(first: 500) {nodes {" + _numbered(49, "a%: names {name language}") + "}}}"
    ),
    "introspection over and over": (
        "{" + _numbered(40, "a%: __schema{types{fields{type{name}}}}") + "}"
    ),
}
DEEP = {
    "deep": '{place(id: "a") {' + _nested("within {", 20) + "}}",
    "deeper than the stack": _nested("{a", 900, ""),
    "inline fragments in each other": "{" + _nested("... {", 300, "__typename") + "}",
    "lists in each other": "{place(id: " + "[" * 900 + "]" * 900 + "){id}}",
    "objects in each other": "{places(bbox: " + "{a:" * 400 + "1" + "}" * 400 + "){nodes{id}}}",
    "list types in each other": "query ($v: " + "[" * 800 + "Int" + "]" * 800 + ") " + LEAF,
    "introspection in circles": "{__schema{types{" + _nested("fields{type{", 5, "name") + "}}}",
}
WIDE = {
    "wide": "{" + "__typename " * 3_000 + "}",
    "wide within the tokens": "{" + "status{casebook} " * 120 + "}",
    "aliases": "{" + _numbered(160, "a%: __typename") + "}",
    "aliases of fields": "{" + _numbered(51, "a%: status{casebook}") + "}",
    "aliases that collide": "{" + "a: status{casebook} " * 80 + "}",
    "variables beyond the bound": f"query ({_numbered(90, '$a%: Int')}) {LEAF}",
    "keys of an object beyond the bound": (
        "{places(bbox: {" + _numbered(150, "a%: 1") + "}) {totalCount}}"
    ),
    "fragments beyond the bound": LEAF + _numbered(49, "fragment f% on Query {__typename}"),
    "values in a list": "{timeline(types: [" + "Clash " * 1_500 + "]) {totalCount}}",
}
FRAGMENTS = {
    "fragments that double": _doubling(37),
    "fragments of one subtree": _fragments(33, "status{casebook}"),
    "one fragment over and over": "{" + "...f " * 200 + "} fragment f on Query {__typename}",
    "inline fragments of one subtree": "{" + "...{status{casebook}} " * 60 + "}",
    "subtrees behind fragments at each level": (
        "{" + "...{places{...{nodes{id}} ...{nodes{id}}}} " * 21 + "}"
    ),
    "fragments in fragments at each level": "{...f0} "
    + " ".join(
        f"fragment f{n} on Place {{a: within{{...f{n + 1}}} b: within{{...f{n + 1}}}}}"
        for n in range(24)
    ).replace("on Place", "on Query", 1),
}
LONG = {
    "a long string": '{place(name: "' + "a" * 900_000 + '") {id}}',
    "a long block of text": '{place(name: """' + "\n" * 450_000 + '""") {id}}',
    "a long comment": "#" + "a" * 900_000 + "\n" + LEAF,
    "many commas": "{__typename" + "," * 900_000 + "}",
    "a number of many digits": "{places(first: " + "9" * 9_000 + ") {totalCount}}",
}
VALUES: dict[str, tuple[str, object]] = {
    "a list of values": (BY_TYPES, ["Clash"] * 80_000),
    "a list of wrong values": (BY_TYPES, ["Nothing"] * 80_000),
    "a list of lists": (BY_TYPES, [[[]]] * 80_000),
    "values in each other": (BOX, _nest),
    "keys of a variable": (BOX, {f"a{n}": 1 for n in range(40_000)}),
    "a long name": (BY_NAME, "ا" * 150_000),
    "a long day": (KNOWN, "2" * 900_000),
    "a long number": (BY_NUMBER, "1" * 900_000),
    "a long id": (BY_ID, "a" * 900_000),
}
INVALID = {
    "introspection of kinds in circles": (
        "{__schema{types{" + _nested("possibleTypes{interfaces{", 4, "name") + "}}}"
    ),
    "unknown fields": "{" + _numbered(480, "plcaes%") + "}",
    "an unknown field of a long name": "{" + "x" * 15_000 + "}",
    "unknown arguments": "{places(" + _numbered(150, "a%: 1") + ") {totalCount}}",
    "directives": "{__typename " + "@skip(if: false) " * 70 + "}",
    "unknown directives": "{__typename " + _numbered(240, "@a%") + "}",
    "variables that nobody uses": f"query ({_numbered(40, '$a%: Int')}) {LEAF}",
    "keys of an object": "{places(bbox: {" + _numbered(40, "a%: 1") + "}) {totalCount}}",
    "a fragment of itself": "{...a} fragment a on Query {...a __typename}",
    "fragments in a circle": "{...a} fragment a on Query {...b} fragment b on Query {...a}",
    "fragments that nobody spreads": LEAF + _numbered(39, "fragment f% on Query {__typename}"),
    "a position of many digits": "{event(position: " + "9" * 39 + ") {type}}",
}
NO_GRAPHQL = {
    "half of a pair in the text": '{place(name: "\\ud800") {id}}',
    "a character beyond Unicode": '{place(name: "\\u{110000}") {id}}',
    "a letter of another script in a name": "{pla\u0441e(id: 1) {id}}",
    "a character that turns the text around": "{\u202eplace(id: 1) {id}}",
    "a text that does not end": '{place(name: "' + "a" * 15_000,
}

DOCUMENTS = (
    *(
        Hostile(name, TOO_LARGE, query)
        for group in (PAGES, DEEP, WIDE, FRAGMENTS, LONG)
        for name, query in group.items()
    ),
    *(Hostile(name, TOO_LARGE, query, {"v": value}) for name, (query, value) in VALUES.items()),
    Hostile("variables not declared", TOO_LARGE, LEAF, {f"a{n}": 1 for n in range(40_000)}),
    *(Hostile(name, NOT_VALID, query) for name, query in INVALID.items()),
    *(Hostile(name, NOT_PARSED, query) for name, query in NO_GRAPHQL.items()),
    Hostile("operations of one name", BAD_INPUT, "query A {__typename} " * 95),
    Hostile("many operations", BAD_INPUT, _numbered(95, "query A% {__typename}")),
    Hostile("a control character in the text", BAD_INPUT, '{place(name: "\x07\x00") {id}}'),
    Hostile("half of a pair", BAD_INPUT, BY_NAME, {"v": "\ud800"}),
    Hostile("the character NUL", BAD_INPUT, BY_ID, {"v": "a\x00b"}),
    Hostile("the character NUL in the text", BAD_INPUT, '{claim(id: "a\\u0000b") {quote}}'),
    Hostile("combining marks", "NOT_FOUND", BY_NAME, {"v": "a" + "\u0301" * 299}),
)
