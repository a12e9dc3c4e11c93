"""A search finds what holds its words and stands then, whatever came before, on both engines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from tests.conftest import SteppableClock
from tests.integration.conftest import ACTORS, PLACES, Desk, opened_desk
from timeline.api.schema import execute
from timeline.bootstrap import Application
from timeline.domain.events import Basis
from timeline.domain.words import search_query, spans_found
from timeline.errors import InvalidSearch
from timeline.filing.filing import Options
from timeline.projections import search_index
from timeline.projections.reading import Filters
from timeline.projections.search import HitKind
from timeline.projections.searching import HitKey, texts_of_found
from timeline.settings import Settings
from timeline.store import migrate
from timeline.store.engine import connect, read_transaction, write_transaction

QUOTED = """
id: quoted
title: Road to Khanâsser cut again
source: {name: Desert Monitor}
published: 2016-02-24
text: |
  The army’s convoy was hit near Ithriya. IS took the town of Khanasser; civilians fled.
  Later the army took Ithriya back.
claims:
  - {ref: c1, type: ControlChanged, actors: [{as_named: IS, role: holder}],
     place: {as_named: خناصر}, occurred: 2016-02-23, quote: took the town of Khanasser}
  - {ref: c2, type: Clash, place: {as_named: Ithriya}, occurred: 2016-02-24,
     attributed_to: Abu Ali, quote: convoy was hit near Ithriya}
"""


def found(desk: Desk, sought: str, known_on: str | None = None, **filters: Any) -> list[str]:  # noqa: ANN401
    """What a search finds, best first: kind and id, or type for entries."""
    wanted = Filters(**filters) if filters else None
    told = []
    hits = desk.app.search.find(sought, wanted, known_on).hits
    assert desk.app.search.count(sought, wanted, known_on) == len(hits)
    for hit in hits:
        id_ = getattr(hit.found, f"{hit.kind}_id", None) or getattr(hit.found, "type", "")
        told.append(f"{hit.kind}:{id_}")
    return told


def test_words_are_found_in_quotes_titles_and_names(desk: Desk) -> None:
    desk.file("quoted.yaml", QUOTED)

    assert found(desk, "khanasser") == ["place:khanasser", "report:quoted", "entry:ControlChanged"]
    assert found(desk, "خُناصر") == ["place:khanasser", "entry:ControlChanged"]
    assert found(desk, "convoy") == ["entry:Clash"]
    assert found(desk, "abu ali") == ["entry:Clash"]
    assert found(desk, "desert monitor") == ["report:quoted"]
    assert found(desk, "syrian army") == ["actor:government-of-syria"]
    assert found(desk, "civilians") == []


def test_all_words_have_to_be_there_and_phrases_in_order(desk: Desk) -> None:
    desk.file("quoted.yaml", QUOTED)

    assert found(desk, "town took") == ["entry:ControlChanged"]
    assert found(desk, '"took the town"') == ["entry:ControlChanged"]
    assert found(desk, '"town took"') == []
    assert found(desk, "took convoy") == []
    assert found(desk, "islamic town") == ["entry:ControlChanged"]
    assert found(desk, '"khanasser is"') == []  # the words of two texts


def test_a_beginning_finds_the_words_that_begin_so(desk: Desk) -> None:
    desk.file("quoted.yaml", QUOTED)

    assert found(desk, "conv*") == ["entry:Clash"]
    assert found(desk, "conv") == []
    assert found(desk, '"was hit ne*"') == ["entry:Clash"]


@pytest.mark.parametrize(
    "sought",
    [
        "NEAR(convoy)", "convoy OR x", "words:convoy", "convoy -army", "^convoy", "{convoy}",
        "convoy:*", "'convoy' & !x", "convoy <-> was", "convoy | x", "convoy\\", "convoy;--",
        "%convoy%", "con_oy", "\x00convoy\x00", "convoy\ud800",
    ],
)  # fmt: skip
def test_what_an_engine_would_read_as_its_own_language_is_only_words(
    desk: Desk, sought: str
) -> None:
    desk.file("quoted.yaml", QUOTED)
    words = search_query(sought).words

    assert found(desk, sought) == (["entry:Clash"] if set(words) <= {"convoy", "was"} else [])


def test_a_search_for_nothing_is_refused_in_one_sentence(desk: Desk) -> None:
    with pytest.raises(InvalidSearch, match=r"^a search needs at least one word$"):
        desk.app.search.find("*")


def test_only_what_stands_then_is_found(desk: Desk) -> None:
    desk.file_world()

    assert found(desk, "clash") == []
    assert found(desk, "took", "2016-02-23") == []
    assert found(desk, "took", "2016-02-24") == ["entry:ControlChanged"]
    desk.app.amending.retract("fall", "c1", basis=Basis.SOURCE, reported="2016-02-27")
    assert found(desk, "took", "2016-02-26") == ["entry:ControlChanged"]
    assert found(desk, "took", "2016-02-27") == found(desk, "took") == []
    assert found(desk, "khanasser", "2016-01-01") == ["place:khanasser"]


def test_the_filters_of_timelines_leave_only_entries(desk: Desk) -> None:
    desk.file("quoted.yaml", QUOTED)

    assert found(desk, "ithriya", types=("Clash",)) == ["entry:Clash"]
    assert found(desk, "ithriya", types=("Airstrike",)) == []
    assert found(desk, "town", place_id="khanasser") == ["entry:ControlChanged"]
    assert found(desk, "town", place_id="ithriya") == []
    assert found(desk, "town", actor_id="islamic-state", to="2016-02-22") == []


def test_pages_make_up_the_whole_in_both_directions(desk: Desk) -> None:
    desk.file_world()
    desk.file("quoted.yaml", QUOTED)
    search, sought = desk.app.search, "khan*"
    whole = [hit.key for hit in search.find(sought).hits]

    forwards: list[HitKey] = []
    backwards: list[HitKey] = []
    page = search.find(sought, first=2)
    while True:
        forwards += [hit.key for hit in page.hits]
        if not page.has_next:
            break
        page = search.find(sought, first=2, after=forwards[-1])
    page = search.find(sought, first=2, backwards=True)
    while True:
        backwards = [hit.key for hit in page.hits] + backwards
        if not page.has_previous:
            break
        page = search.find(sought, first=2, before=backwards[0], backwards=True)

    assert len(whole) == search.count(sought) > 5
    assert forwards == backwards == whole


def test_withheld_words_are_in_no_table_and_no_byte_of_the_file(desk: Desk, tmp_path: Path) -> None:
    desk.file("quoted.yaml", QUOTED)
    assert found(desk, "convoy") == ["entry:Clash"]

    done = desk.app.withholding.withhold_report("quoted", "a person asked for it")

    assert found(desk, "convoy") == found(desk, "desert monitor") == []
    assert search_index.fault(desk.app.engine) is None
    if desk.app.engine.dialect.name == "sqlite":
        assert done.is_scrubbed
        kept = (tmp_path / "timeline.db").read_bytes()
        assert b"convoy" not in kept
        assert b"onvoy" not in kept  # an index cuts off the beginning that words have in common


def test_the_index_is_checked_and_made_anew(desk: Desk) -> None:
    desk.file("quoted.yaml", QUOTED)
    engine = desk.app.engine
    assert search_index.fault(engine) is None
    if engine.dialect.name == "postgresql":
        return

    def do(statement: str) -> None:
        with write_transaction(engine) as connection:
            connection.execute(text(statement))

    do("DROP TRIGGER search_texts_changed")
    assert search_index.fault(engine) == "search_texts_changed missing"
    search_index.renew(engine)
    assert search_index.fault(engine) is None
    do("INSERT INTO search_index (search_index) VALUES ('delete-all')")
    assert search_index.fault(engine) == "it holds other words"
    assert found(desk, "convoy") == []
    do("DELETE FROM search_index_rows WHERE kind = 'place'")
    assert search_index.fault(engine) == "it lacks rows"
    search_index.renew(engine)
    assert search_index.fault(engine) is None
    assert found(desk, "convoy") == ["entry:Clash"]


def test_a_row_that_is_updated_is_found_by_its_new_words(desk: Desk) -> None:
    desk.file("quoted.yaml", QUOTED)
    with write_transaction(desk.app.engine) as connection:
        moved = "UPDATE search_texts SET words = 'zebra' WHERE kind = 'entry' AND words LIKE '%{}%'"
        connection.execute(text(moved.format("convoy")))

    assert found(desk, "convoy") == []
    assert found(desk, "zebra") == ["entry:Clash"]
    assert search_index.fault(desk.app.engine) is None


def test_postgres_looks_words_up_in_its_index(desk: Desk) -> None:
    if desk.app.engine.dialect.name != "postgresql":
        pytest.skip("the plan of Postgres")
    desk.file("quoted.yaml", QUOTED)
    with read_transaction(desk.app.engine) as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = _plan(connection, "convoy")

    assert "search_texts_by_word" in plan


def _plan(connection: Connection, word: str) -> str:
    query = text(
        "EXPLAIN SELECT item_id FROM search_texts WHERE"
        " array_to_tsvector(string_to_array(words, ' ')) @@ CAST(:sought AS tsquery)"
    )
    return "\n".join(connection.execute(query, {"sought": f"'{word}'"}).scalars())


def test_a_downgrade_leaves_no_trace(empty_database_url: str) -> None:
    engine = connect(empty_database_url)
    migrate.upgrade(engine)
    migrate.downgrade(engine, "0005")
    sqlite = "SELECT name FROM sqlite_master WHERE name LIKE 'search%'"
    postgres = "SELECT relname FROM pg_class WHERE relname LIKE 'search%'"
    with read_transaction(engine) as connection:
        query = sqlite if engine.dialect.name == "sqlite" else postgres
        assert list(connection.execute(text(query)).scalars()) == []
    engine.dispose()


def test_graphql_answers_with_what_was_found_and_where_the_words_stand(desk: Desk) -> None:
    desk.file("quoted.yaml", QUOTED)
    query = """{ search(query: "khanasser", knownOn: "2016-03-01", last: 2) {
      totalCount
      pageInfo { hasPreviousPage hasNextPage }
      edges { node { kind match
        highlights { field text spans { start end } }
        found { __typename ... on Report { id } ... on Entry { type quote } } } } } }"""

    answer: Any = execute(desk.app.reader, desk.app.store, query)

    assert "errors" not in answer
    page = answer["data"]["search"]
    assert page["totalCount"] == 3
    assert page["pageInfo"] == {"hasPreviousPage": True, "hasNextPage": False}
    assert [edge["node"] for edge in page["edges"]] == [
        {
            "kind": "report",
            "match": "phrase",
            "highlights": [
                {
                    "field": "title",
                    "text": "Road to Khanâsser cut again",
                    "spans": [{"start": 8, "end": 17}],
                }
            ],
            "found": {"__typename": "Report", "id": "quoted"},
        },
        {
            "kind": "entry",
            "match": "phrase",
            "highlights": [
                {
                    "field": "quote",
                    "text": "took the town of Khanasser",
                    "spans": [{"start": 17, "end": 26}],
                },
                {"field": "place", "text": "Khanasser", "spans": [{"start": 0, "end": 9}]},
            ],
            "found": {
                "__typename": "Entry",
                "type": "ControlChanged",
                "quote": "took the town of Khanasser",
            },
        },
    ]
    refused: Any = execute(desk.app.reader, desk.app.store, '{ search(query: "!") { totalCount } }')
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


# -- any interleaving ---------------------------------------------------------

SAID = ("took the town", "took Khanasser back", "The army’s convoy fled", "خناصر fell")
QUERIES = ("took", '"took the"', "town", "back army", "conv*", "خناصر", "khanasser", "r1", "islam*")
DATES = (None, "2016-02-02", "2016-02-05", "2016-02-09")
REPORTS = ("r1", "r2", "r3")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("file", "revise", "correct", "retract", "drop", "withhold", "rebuild")),
        st.sampled_from(REPORTS),
        st.integers(1, 8),
        st.sampled_from(SAID),
    ),
    min_size=2,
    max_size=8,
)
CASEBOOKS = count()


def report(id_: str, day: int, said: str, updated: int | None = None) -> str:
    """A coded report of two claims that say the same words."""
    claim = {"type": "Clash", "place": {"as_named": "Khanasser"}, "occurred": f"2016-02-0{day}"}
    fields = {
        "id": id_,
        "title": f"{said} {id_}",
        "source": {"name": "Desert Monitor"},
        "published": f"2016-02-0{day}",
        "text": f"{said}. IS said so.",
        "claims": [
            {"ref": "c1", **claim, "quote": said},
            {"ref": "c2", **claim, "actors": [{"as_named": "IS", "role": "initiator"}]},
        ],
    }
    if updated is not None:
        fields["updated"] = f"2016-02-0{updated}"
    return json.dumps(fields, ensure_ascii=False)


def do(desk: Desk, step: tuple[str, str, int, str]) -> None:
    what, id_, day, said = step
    app, is_filed = desk.app, bool(desk.app.reader.report(step[1]))
    if what == "file" and not is_filed:
        desk.file(f"{id_}.yaml", report(id_, day, said))
    if not is_filed:
        return
    if what == "revise" and len(app.reader.report(id_)) == 1:
        desk.file(f"{id_}.yaml", report(id_, day, said, updated=9))
    elif what == "correct":
        place = {"place": {"as_named": "Ithriya"}}
        app.amending.correct(id_, "c2", place, basis=Basis.SOURCE, reported=f"2016-02-0{day}")
    elif what == "retract":
        app.amending.retract(id_, "c1", basis=Basis.SOURCE, reported=f"2016-02-0{day}")
    elif what == "drop":
        app.amending.retract(id_, None, basis=Basis.CODING)
    elif what == "withhold":
        app.withholding.withhold_report(id_, "a person asked for it")
    elif what == "rebuild":
        app.runner.rebuild(["search"])


def scanned(app: Application, sought: str, known_on: str | None) -> set[tuple[HitKind, str]]:
    """What a search should find, by reading everything that stands."""
    query, reader = search_query(sought), app.reader
    cutoff = reader.cutoff(known_on)
    reports = [
        version
        for id_ in REPORTS
        for version in reader.report(id_)
        if (
            version.is_current
            if cutoff is None
            else _was_current(reader.report(id_), version, cutoff)
        )
    ]
    everything: Iterable[tuple[HitKind, str, Any]] = [
        *((HitKind.PLACE, p.place_id, p) for p in reader.gazetteer().places.values()),
        *((HitKind.ACTOR, a.actor_id, a) for a in reader.actor_table().actors.values()),
        *((HitKind.REPORT, r.report_version, r) for r in reports),
        *(
            (HitKind.ENTRY, e.claim.claim_id, e)
            for e in reader.timeline(Filters(), known_on).entries
        ),
    ]
    return {
        (kind, id_)
        for kind, id_, thing in everything
        if all(
            any(spans_found(type(query)((term,)), said) for _, said in texts_of_found(thing))
            for term in query.terms
        )
    }


def _was_current(versions: Any, version: Any, cutoff: Any) -> bool:  # noqa: ANN401
    known = [v for v in versions if v.known_from <= cutoff.strftime("%Y-%m-%dT%H:%M:%S.%fZ")]
    return bool(known) and known[-1] == version


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_a_search_equals_a_scan_after_any_history(
    desk: Desk, tmp_path: Path, clock: SteppableClock, steps: list[tuple[str, str, int, str]]
) -> None:
    # A casebook of its own in the same tables, so that casebooks are kept apart too.
    settings_ = Settings(desk.app.settings.database_url, f"history-{next(CASEBOOKS)}")
    app = Application(settings_, desk.app.engine, clock)
    app.store.open_casebook("Asia/Damascus", "syria")
    app.registering.register(PLACES, ACTORS)
    other = Desk(app, tmp_path / settings_.casebook)
    for step in steps:
        do(other, step)

    for sought in QUERIES:
        for known_on in DATES:
            hits = app.search.find(sought, None, known_on).hits
            ids = {(h.kind, getattr(h.found, "report_version", h.key[2])) for h in hits}
            assert len(hits) == len(ids) == app.search.count(sought, None, known_on)
            assert ids == scanned(app, sought, known_on)
    assert search_index.fault(app.engine) is None


def test_both_engines_find_the_same_in_the_same_order(
    desk: Desk, tmp_path: Path, clock: SteppableClock, sqlite_template: Path
) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(sqlite_template.read_bytes())
    with opened_desk(f"sqlite:///{path}", tmp_path / "other", clock) as on_sqlite:
        for one in (desk, on_sqlite):
            one.file_world()
            one.file("quoted.yaml", QUOTED, **vars(Options()))
        for sought in (*QUERIES, "k*", "the"):
            keys = [[h.key for h in d.app.search.find(sought).hits] for d in (desk, on_sqlite)]
            assert keys[0] == keys[1]
