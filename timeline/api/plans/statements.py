"""Writes the one statement that fetches a list for all the places of an answer.

Each begins with the marks: the head of the log and how often projections were swapped, in the same
snapshot as the rows. So what is kept in memory is known to be right without a statement of its own.

A place's entries stand in two indexes, `entries_by_place` and `entries_by_place2`, both in the
order of a timeline: the page is merged from as many of each, and never sorted as a whole. The
latest few of each of many places are read place by place: by LATERAL on Postgres, and on SQLite,
which has none, by a subquery of rows' ids.
"""

from __future__ import annotations

# ruff: noqa: S608 - every name in these statements is our own; values are bound
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson
from sqlalchemy.dialects import postgresql, sqlite

from timeline.api.connections import Paging
from timeline.api.plans.moments import begin, moment
from timeline.domain.claims import ReviewStatus
from timeline.domain.time import instant_text
from timeline.projections.control_reading import answers_query, claims_query

POSTGRES, SQLITE = "postgresql", "sqlite"
MARKS = 2
"""How many columns stand before a statement's own."""

_KEYS = ("sort_key", "claim_id", "form")
_NAME = re.compile(r"(?<!:):([a-z_][a-z_0-9]*)")
_EXPANDED = "(__[POSTCOMPILE_place_ids])"
_SOME = {
    POSTGRES: "(SELECT jsonb_array_elements_text(:{}::jsonb))",
    SQLITE: "(SELECT value FROM json_each(:{}))",
}
_MARKED = """
SELECT m.head, m.builds, q.*
  FROM (SELECT (SELECT position FROM casebooks WHERE casebook = :casebook) AS head,
               (SELECT coalesce(sum(builds), 0) FROM checkpoints
                 WHERE casebook = :casebook) AS builds) m
  LEFT JOIN ({}) q ON {}
"""


Whose = Literal["places", "actors", "all"]
"""Of what timelines are: of places, by what lies there; of actors, by what names them; or all."""


class Shape(NamedTuple):
    """What of a timeline's arguments its statement depends on; the values are bound."""

    whose: Whose

    of_many: bool
    is_dated: bool
    backwards: bool
    after: bool
    before: bool
    types: bool
    modalities: bool
    actor: bool
    begin: bool
    end: bool
    reviewed: bool
    rejected: bool


def bound(
    casebook: str,
    time_zone: str,
    page: Paging,
    arguments: Mapping[str, Any],
    actor_key: str | None,
    whose: Whose,
) -> tuple[Shape, dict[str, object]]:
    """The form of the statement of a timeline, and the values for it but whose it is.

    Args:
        casebook: Of what.
        time_zone: The casebook's.
        page: Which page.
        arguments: The other arguments of a timeline, by their names in the schema.
        actor_key: What entries name the actor by that is wanted beside; `None` is any.
        whose: Of what the timelines are.

    Raises:
        InvalidDate: a date is neither a day nor an instant with offset.
    """
    values: dict[str, object] = {"casebook": casebook, "size": page.fetched + 1}
    known_on, since, until = (arguments.get(n) for n in ("knownOn", "from", "to"))
    if known_on is not None:
        values["known"] = instant_text(moment(known_on, time_zone))
    for name, key in (("after", page.after), ("before", page.before)):
        if key is not None:
            values.update({f"{name}_{n}": part for n, part in enumerate(key)})
    wanted: dict[str, list[str]] = {}
    for name in ("types", "modalities", "reviewed"):
        if arguments.get(name):
            wanted[name] = [getattr(v, "value", v) for v in arguments[name]]
            values[name] = orjson.dumps(wanted[name]).decode()
    if actor_key is not None:
        values["actor"] = actor_key
    if since is not None:
        values["begin"] = begin(since, time_zone)
    if until is not None:
        values["end"] = instant_text(moment(until, time_zone))
    shape = Shape(
        whose=whose,
        of_many=False,
        is_dated="known" in values,
        backwards=page.backwards,
        after=page.after is not None,
        before=page.before is not None,
        types="types" in values,
        modalities="modalities" in values,
        actor="actor" in values,
        begin="begin" in values,
        end="end" in values,
        reviewed="reviewed" in values,
        rejected=ReviewStatus.REJECTED.value in wanted.get("reviewed", ()),
    )
    return shape, values


def of_ids(
    shape: Shape, values: Mapping[str, object], ids: Sequence[str]
) -> tuple[Shape, dict[str, object]]:
    """The same of the timelines of some places or actors; of all it is one, of any id."""
    if len(ids) == 1:
        return shape, {**values, "place": ids[0]}
    return shape._replace(of_many=True), {**values, "place": orjson.dumps(ids).decode()}


def formatted(statement: str) -> str:
    """The statement with its names as psycopg has them."""
    return _NAME.sub(r"%(\1)s", statement)


@lru_cache(maxsize=1_000)
def numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """The statement with `$1` for its first name, and so on, and the names in that order."""
    names = tuple(dict.fromkeys(_NAME.findall(statement)))
    places = {name: f"${n}" for n, name in enumerate(names, 1)}
    return _NAME.sub(lambda found: places[found[1]], statement), names


def marks() -> str:
    """The statement that reads the marks alone."""
    return _MARKED.format("SELECT NULL AS none WHERE 1 = 0", "1 = 1")


def told_places() -> str:
    """The statement that reads the ids of places of whose control anything was ever told."""
    return _MARKED.format("SELECT place_id FROM control_places WHERE casebook = :casebook", "1 = 1")


@lru_cache(maxsize=1_000)
def control(
    dialect: str, *, is_ahead: bool, of_some: bool, with_claims: bool
) -> tuple[str, dict[str, object]]:
    """Place, answer and claim, as `control_reading` reads them, and values that never change."""
    made = claims_query if with_claims else answers_query
    kind = postgresql if dialect == POSTGRES else sqlite
    compiled = made(is_ahead=is_ahead, of_some=of_some).compile(
        dialect=kind.dialect(paramstyle="named")
    )
    fixed = {name: value for name, value in compiled.params.items() if value is not None}
    # A list of any length is one JSON text, so that the statement is prepared once.
    written = str(compiled).replace(_EXPANDED, _SOME[dialect].format("place_ids"))
    return _MARKED.format(written, "1 = 1"), fixed


@lru_cache(maxsize=1_000)
def timeline(dialect: str, shape: Shape, columns: tuple[str, ...]) -> str:
    """The number of the place, then the columns, of the page of each place.

    Columns of the report begin with `r_`.
    """
    pages = _lateral if dialect == POSTGRES else _by_ids
    ordered = "1 = 1 ORDER BY " + ", ".join(("q.n", *(f"q.{k}" for k in _KEYS)))
    shown = ", ".join(("q.n", *(f"q.{c}" for c in columns)))
    return _MARKED.replace("q.*", shown).format(pages(dialect, shape, columns), ordered)


@lru_cache(maxsize=1_000)
def timeline_count(dialect: str, shape: Shape) -> str:
    """The number of each place and how many entries it has in all, in the order of the places."""
    whole = shape._replace(after=False, before=False)
    place = {POSTGRES: "w.place", SQLITE: "w.value"}[dialect]
    counts = [
        f"(SELECT count(*) FROM {table} WHERE {condition} AND {_conditions(dialect, whole)})"
        for table, condition in _parts(dialect, shape, place)
    ]
    count = " + ".join(counts)
    if not shape.of_many:
        return _MARKED.format(f"SELECT 0 AS n, {count.replace(place, ':place')} AS total", "1 = 1")
    places = {
        POSTGRES: "jsonb_array_elements_text(:place::jsonb) WITH ORDINALITY w(place, n)",
        SQLITE: "(SELECT value, key + 1 AS n FROM json_each(:place)) w",
    }[dialect]
    counted = f"SELECT w.n, {count} AS total FROM {places}"
    return _MARKED.format(counted, "1 = 1 ORDER BY q.n")


def _lateral(dialect: str, shape: Shape, columns: Sequence[str]) -> str:
    own, report, join = _columns(columns)
    inner = [c for c in ("report_id", "report_version") if c not in own] if join else []
    wanted = [*_KEYS, *own, *inner]
    page = f"""
      SELECT {", ".join(f"e.{c}" for c in (*_KEYS, *own))} {report}
        FROM ({_merged(dialect, shape, wanted, "w.place")}) e {join}
       ORDER BY {_order(shape, "e")} LIMIT :size"""
    if not shape.of_many:
        return f"SELECT w.n, y.* FROM (SELECT 0 AS n, :place::text AS place) w, LATERAL ({page}) y"
    return f"""
      SELECT w.n - 1 AS n, y.*
        FROM jsonb_array_elements_text(:place::jsonb) WITH ORDINALITY w(place, n),
             LATERAL ({page}) y"""


def _by_ids(dialect: str, shape: Shape, columns: Sequence[str]) -> str:
    own, report, join = _columns(columns)
    if not shape.of_many:
        inner = [c for c in ("report_id", "report_version") if c not in own] if join else []
        return f"""
          SELECT 0 AS n, {", ".join(f"e.{c}" for c in (*_KEYS, *own))} {report}
            FROM ({_merged(dialect, shape, [*_KEYS, *own, *inner], ":place")}
                   ORDER BY {_order(shape, "")} LIMIT :size) e {join}"""
    return f"""
      SELECT w.key AS n, {", ".join(f"e.{c}" for c in (*_KEYS, *own))} {report}
        FROM json_each(:place) w CROSS JOIN entries e ON e.rowid IN (
             SELECT id FROM ({_merged(dialect, shape, ["rowid AS id", *_KEYS], "w.value")})
              ORDER BY {_order(shape, "")} LIMIT :size) {join}"""


def _columns(columns: Sequence[str]) -> tuple[list[str], str, str]:
    """An entry's own columns beside its keys, those of the report, and the join that these need."""
    own = [c for c in columns if c[:2] != "r_" and c not in _KEYS]
    report = [c for c in columns if c[:2] == "r_"]
    if not report:
        return own, "", ""
    join = """
        JOIN report_versions r ON r.casebook = :casebook AND r.report_id = e.report_id
         AND r.report_version = e.report_version"""
    return own, ", " + ", ".join(f"r.{c[2:]} AS {c}" for c in report), join


def _merged(dialect: str, shape: Shape, columns: Sequence[str], place: str) -> str:
    conditions = _conditions(dialect, shape)
    parts = [
        f"""SELECT * FROM (
              SELECT {", ".join(f"e.{c}" for c in dict.fromkeys(columns))} FROM {table}
               WHERE {condition} AND {conditions}
               ORDER BY {_order(shape, "e")} LIMIT :size) part{n}"""
        for n, (table, condition) in enumerate(_parts(dialect, shape, place))
    ]
    return " UNION ALL ".join(parts)


def _parts(dialect: str, shape: Shape, id_: str) -> list[tuple[str, str]]:
    """From where the entries of a timeline come, and which: parts that have none in common.

    What is at a place and what names it second are found by an index each. An actor's entries are
    looked for in order of time, where a page is soon full; those of many actors by their names, so
    that all together cost no more than there are.
    """
    own = "e.casebook = :casebook"
    if shape.whose == "all":
        return [("entries e", own)]
    if shape.whose == "places":
        other = "IS DISTINCT FROM" if dialect == POSTGRES else "IS NOT"
        beside = f"e.place2_id = {id_} AND e.place_id {other} {id_}"
        return [("entries e", f"{own} AND {part}") for part in (f"e.place_id = {id_}", beside)]
    if not shape.of_many:
        return [("entries e", f"{own} AND {_names(id_)}")]
    # SQLite keeps to the order of a cross join.
    join = "JOIN" if dialect == POSTGRES else "CROSS JOIN"
    named = f"""(SELECT DISTINCT a.claim_id, a.form FROM entry_actors a
                  WHERE a.casebook = :casebook AND a.actor = {id_}) named"""
    return [
        (f"{named} {join} entries e ON e.claim_id = named.claim_id AND e.form = named.form", own)
    ]


def _order(shape: Shape, table: str) -> str:
    dot, way = (f"{table}." if table else ""), (" DESC" if shape.backwards else "")
    return ", ".join(f"{dot}{key}{way}" for key in _KEYS)


def _names(actor: str) -> str:
    """The condition that an entry names an actor."""
    return f"""EXISTS (SELECT 1 FROM entry_actors a WHERE a.casebook = :casebook
                  AND a.claim_id = e.claim_id AND a.form = e.form AND a.actor = {actor})"""


def _conditions(dialect: str, shape: Shape) -> str:
    """As `entry_queries` states them."""
    some = _SOME[dialect]
    found = ["e.known_until IS NULL"]
    if shape.is_dated:
        found = ["(e.known_from <= :known AND (e.known_until IS NULL OR e.known_until > :known))"]
    if shape.rejected:
        known = " AND e.known_from <= :known" if shape.is_dated else ""
        found = [f"({found[0]} OR (e.review = 'rejected'{known}))"]
    if shape.reviewed:
        found.append(f"e.review IN {some.format('reviewed')}")
    if shape.after:
        found.append("(e.sort_key, e.claim_id, e.form) > (:after_0, :after_1, :after_2)")
    if shape.before:
        found.append("(e.sort_key, e.claim_id, e.form) < (:before_0, :before_1, :before_2)")
    if shape.types:
        found.append(f"e.type IN {some.format('types')}")
    if shape.modalities:
        found.append(f"e.modality IN {some.format('modalities')}")
    if shape.actor:
        found.append(_names(":actor"))
    if shape.begin:
        found.append("e.ends IS NOT NULL AND e.ends > :begin")
    if shape.end:
        found.append(
            "((e.starts IS NOT NULL AND e.starts < :end)"
            " OR (e.starts IS NULL AND e.ends IS NOT NULL))"
        )
    return " AND ".join(found)
