"""Incidents on both engines: linked by the rule, by analysts, and as known on another day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.conftest import SteppableClock
from tests.integration.conftest import Desk, opened_desk
from timeline.api.schema import execute
from timeline.bootstrap import all_projections
from timeline.domain.events import Basis, IncidentsLinked
from timeline.errors import InvalidEvent, NotFound, TooManyClaims
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import bulk_rows, incident_queries, tables
from timeline.projections.incident_queries import IncidentFilters, IncidentReader
from timeline.projections.replaying import differing_tables
from timeline.projections.statistics import By, Dead, Statistic, statistics
from timeline.store.engine import read_transaction
from timeline.store.events import ANY, StreamAppend

STRIKE = """
id: strike
source: {name: Desert Monitor}
published: 2016-02-24
claims:
  - ref: c1
    type: Airstrike
    actors: [{as_named: Russia, role: initiator}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    fatalities: {low: 10, best: 12, high: 15}
  - {ref: c2, type: Clash, place: {as_named: Khanasser}, occurred: 2016-02-23}
"""
AGAIN = """
id: again
source: {name: Example Agency}
published: 2016-02-25
claims:
  - ref: c1
    type: Airstrike
    place: {as_named: خناصر}
    occurred: 2016-02-24
    fatalities: {best: 9}
  - {ref: c2, type: Airstrike, place: {as_named: Ithriya}, occurred: ../2016-02-24,
     fatalities: {best: 4}}
  - {ref: c3, type: Airstrike, modality: forecast, place: {as_named: Khanasser},
     occurred: 2016-02-26}
"""
DENIAL = """
id: denial
source: {name: State Wire, affiliated_with: government-of-syria}
published: 2016-02-26
claims:
  - ref: c1
    type: Airstrike
    modality: denied
    actors: [{as_named: Russia, role: initiator}]
    place: {as_named: Khanasser}
    occurred: 2016-02-23
    attributed_to: Russia
"""
RETRACTION = """
id: retraction
source: {name: Desert Monitor}
published: 2016-02-28
retractions: [{report: strike, ref: c1, reason: nobody was there, basis: source}]
"""
REPORTS = {"strike": STRIKE, "again": AGAIN, "denial": DENIAL, "retraction": RETRACTION}
QUERY = """query Q($knownOn: String) {
  incidents(placeId: "khanasser", types: [Airstrike], knownOn: $knownOn) {
    totalCount
    edges { node {
      sources denials occurred { earliest latest } place { name }
      fatalities { low best high }
      corroborating { report { id } incident { type } }
      contradicting { report { id } }
      words { isLink reason requestedBy claimIds }
    } }
  }
}"""


def file_all(desk: Desk, *names: str) -> None:
    for name in names or REPORTS:
        desk.file(f"{name}.yaml", REPORTS[name])


def reader(desk: Desk) -> IncidentReader:
    return IncidentReader(desk.app.engine, "main", "Asia/Damascus")


def ask(desk: Desk, query: str, **variables: object) -> Any:  # noqa: ANN401
    result = execute(desk.app.reader, desk.app.store, query, variables)
    assert "errors" not in result, result
    return result["data"]


def strikes(desk: Desk, known_on: str | None = None) -> list[tuple[list[str], list[str], object]]:
    """Of each strike on Khanasser who says so, who denies it, and how many died."""
    found = ask(desk, QUERY, knownOn=known_on)["incidents"]
    assert found["totalCount"] == len(found["edges"])
    return [
        (
            [c["report"]["id"] for c in node["corroborating"]],
            [c["report"]["id"] for c in node["contradicting"]],
            node["fatalities"] and tuple(node["fatalities"].values()),
        )
        for node in (edge["node"] for edge in found["edges"])
    ]


def test_two_reports_of_one_strike_and_its_denial_are_one_incident(desk: Desk) -> None:
    file_all(desk, "strike", "again", "denial")

    [edge] = ask(desk, QUERY)["incidents"]["edges"]
    assert edge["node"] == {
        "sources": 2,
        "denials": 1,
        "occurred": {"earliest": "2016-02-23", "latest": "2016-02-24"},
        "place": {"name": "Khanasser"},
        "fatalities": {"low": 9, "best": 9, "high": 15},
        "corroborating": [
            {"report": {"id": "strike"}, "incident": {"type": "Airstrike"}},
            {"report": {"id": "again"}, "incident": {"type": "Airstrike"}},
        ],
        "contradicting": [{"report": {"id": "denial"}}],
        "words": [],
    }


def test_what_is_linked_as_known_on_a_day_is_what_stood_then(desk: Desk) -> None:
    file_all(desk)

    assert strikes(desk, "2016-02-23") == []
    assert strikes(desk, "2016-02-24") == [(["strike"], [], (10, 12, 15))]
    assert strikes(desk, "2016-02-26") == [(["strike", "again"], ["denial"], (9, 9, 15))]
    assert strikes(desk, "2016-02-28") == [(["again"], ["denial"], (9, 9, 9))]
    assert strikes(desk) == strikes(desk, "2016-02-28")


def test_an_entry_tells_its_incident_as_known_then_and_a_forecast_has_none(desk: Desk) -> None:
    file_all(desk)
    query = """query Q($knownOn: String) { place(id: "khanasser") {
        timeline(knownOn: $knownOn) { edges { node { type modality incident { sources } } } } } }"""

    def told(known_on: str | None) -> list[object]:
        edges = ask(desk, query, knownOn=known_on)["place"]["timeline"]["edges"]
        return [(e["node"]["type"], e["node"]["modality"], e["node"]["incident"]) for e in edges]

    assert sorted(told("2016-02-26"), key=str) == [
        ("Airstrike", "asserted", {"sources": 2}),
        ("Airstrike", "asserted", {"sources": 2}),
        ("Airstrike", "denied", {"sources": 2}),
        ("Airstrike", "forecast", None),
        ("Clash", "asserted", {"sources": 1}),
    ]
    assert ("Airstrike", "asserted", {"sources": 1}) in told(None)


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [2, 0, 3, 1]])
def test_incidents_do_not_depend_on_the_order_of_filing(
    desk: Desk, tmp_path: Path, clock: SteppableClock, sqlite_template: Path, order: list[int]
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(sqlite_template.read_bytes())
    file_all(desk)
    with opened_desk(f"sqlite:///{other}", tmp_path, clock) as reordered:
        file_all(reordered, *(list(REPORTS)[n] for n in order))
        for known_on in (None, "2016-02-25", "2016-02-26"):
            assert strikes(desk, known_on) == strikes(reordered, known_on)


def test_analysts_link_and_unlink_and_say_why(desk: Desk) -> None:
    file_all(desk, "strike", "again")
    linked = desk.app.linking.link(
        ["strike/c1", "again/c2"], reason="one sortie", requested_by="an"
    )

    assert desk.types(desk.head - 1) == [
        ("incident-i-" + min(linked.claims)[2:], "IncidentsLinked")
    ]
    [edge] = ask(desk, QUERY)["incidents"]["edges"]
    assert edge["node"]["words"] == [
        {
            "isLink": True,
            "reason": "one sortie",
            "requestedBy": "an",
            "claimIds": list(linked.claims),
        }
    ]
    assert strikes(desk) == [(["strike", "again", "again"], [], (9, 9, 15))]

    desk.app.linking.unlink(["strike/c1", "again/c1"], reason="hours apart", requested_by="an")
    assert [found[0] for found in strikes(desk)] == [["strike", "again"], ["again"]]
    with desk.app.replay(None) as replay:
        assert differing_tables(desk.app.store, all_projections(), replay) == ()


def test_the_same_word_again_appends_nothing_and_the_contrary_does(desk: Desk) -> None:
    file_all(desk, "strike", "again")
    say: Any = {"reason": "why", "requested_by": "an"}
    first = desk.app.linking.link(["strike/c1", "again/c1"], **say)
    head = desk.head

    assert first.position == head
    assert desk.app.linking.link(["again/c1", "strike/c1"], **say).position is None
    assert desk.head == head
    assert desk.app.linking.unlink(["strike/c1", "again/c1"], **say).position == head + 1
    assert desk.app.linking.link(["strike/c1", "again/c1"], **say).position == head + 2
    assert [found[0] for found in strikes(desk)] == [["strike", "again"]]


def test_a_link_that_cannot_be_is_refused_and_nothing_is_stored(desk: Desk) -> None:
    file_all(desk, "strike", "again", "denial")
    say: Any = {"reason": "why", "requested_by": "an"}
    link, head = desk.app.linking.link, desk.head

    with pytest.raises(NotFound, match="no claim c-nothing stands"):
        link(["strike/c1", "c-nothing"], **say)
    with pytest.raises(NotFound, match="no report has the id 'lost'"):
        link(["strike/c1", "lost/c1"], **say)
    with pytest.raises(NotFound, match="report 'again' has no claim 'c9'"):
        link(["strike/c1", "again/c9"], **say)
    with pytest.raises(InvalidEvent, match="name different claims"):
        link(["strike/c1", "strike/c1"], **say)
    with pytest.raises(InvalidEvent, match="name at least two claims"):
        link(["strike/c1"], **say)
    with pytest.raises(InvalidEvent, match=r"again/c3 \(forecast Airstrike\) tells of no incident"):
        link(["strike/c1", "again/c3"], **say)
    with pytest.raises(InvalidEvent, match="say why, and who says so"):
        link(["strike/c1", "again/c1"], reason=" ", requested_by="an")
    with pytest.raises(InvalidEvent, match="50 claims at the most"):
        link(["strike/c1"] * 51, **say)
    with pytest.raises(InvalidEvent, match="IncidentsLinked does not fit its schema"):
        link(["strike/c1", "again/c1"], reason="x" * 2001, requested_by="an")
    assert desk.head == head


def test_a_link_that_would_join_what_is_kept_apart_is_refused(desk: Desk) -> None:
    file_all(desk, "strike", "again", "denial")
    say: Any = {"reason": "why", "requested_by": "an"}
    desk.app.linking.unlink(["strike/c1", "again/c1"], **say)
    desk.app.linking.link(["strike/c1", "again/c2"], **say)

    with pytest.raises(InvalidEvent, match="which are kept apart"):
        desk.app.linking.link(["again/c1", "again/c2"], **say)


def test_a_link_to_a_claim_that_is_not_filed_yet_waits_for_it(desk: Desk) -> None:
    file_all(desk, "strike")
    desk.file("again.yaml", AGAIN)
    wanted = [
        str(c.claim.claim_id)
        for name in ("strike", "again")
        for c in desk.app.reader.report_claims(name)
        if c.type == "Clash" or c.claim.ref == "c2"
    ]
    ids = tuple(sorted(wanted))
    payload = IncidentsLinked(claims=ids, reason="one battle", requested_by="an")

    def linked(other: Desk) -> list[str]:
        found = reader(other).of_claims([ids[0]])
        return sorted(next(iter(found.values())).corroborating) if found else []

    stream = "incident-i-" + ids[0][2:]
    event = new_event(payload, event_id("main", stream, "early"), {})
    desk.app.store.append([StreamAppend(stream, ANY, (event,))])
    desk.app.runner.catch_up()
    expected = linked(desk)
    assert expected == list(ids)

    folder = desk.folder.parent / "early"
    folder.mkdir()
    with opened_desk(f"sqlite:///{_copy(folder)}", folder, desk.app.clock) as early:
        early.app.store.append([StreamAppend(stream, ANY, (event,))])
        early.app.runner.catch_up()
        assert linked(early) == []
        file_all(early, "again", "strike")
        assert linked(early) == expected


def _copy(folder: Path) -> Path:
    from timeline.store import migrate
    from timeline.store.engine import connect

    path = folder / "early.db"
    engine = connect(f"sqlite:///{path}")
    migrate.upgrade(engine)
    engine.dispose()
    return path


def test_a_link_holds_for_a_revision_that_tells_the_same_claim(desk: Desk) -> None:
    file_all(desk, "strike", "again")
    desk.app.linking.link(["strike/c2", "again/c2"], reason="why", requested_by="an")
    [old] = [c for c in desk.app.reader.report_claims("again") if c.claim.ref == "c2"]
    before = reader(desk).of_claims([old.claim.claim_id])[old.claim.claim_id]
    desk.file("again.yaml", AGAIN.replace("published: 2016-02-25", "updated: 2016-02-27"))

    [new] = [c for c in desk.app.reader.report_claims("again") if c.claim.ref == "c2"]
    after = reader(desk).of_claims([new.claim.claim_id])[new.claim.claim_id]
    assert new.claim.claim_id != old.claim.claim_id
    assert len(before.corroborating) == len(after.corroborating) == 2
    named = "i-" + old.claim.claim_id[2:]
    assert reader(desk).incident(named) == after


def test_an_id_that_was_given_out_leads_to_the_incident_that_holds_its_claim(desk: Desk) -> None:
    file_all(desk, "again")
    [early] = [i for _, i in reader(desk).page(IncidentFilters("khanasser"))[0]]
    file_all(desk, "strike")
    [late] = [
        i for _, i in reader(desk).page(IncidentFilters("khanasser", types=("Airstrike",)))[0]
    ]

    assert early.incident_id != late.incident_id
    assert reader(desk).incident(early.incident_id) == late
    assert reader(desk).incident("i-" + "0" * 20) is None
    data = ask(desk, '{ incident(id: "i-nothing") { id } }')
    assert data == {"incident": None}


def test_statistics_count_each_incident_once_and_set_aside_what_may_repeat_others(
    desk: Desk,
) -> None:
    file_all(desk, "strike", "again", "denial")
    counted = statistics(reader(desk), By.TYPE, IncidentFilters(), "Asia/Damascus")

    assert counted == (
        Statistic("Airstrike", 5, 2, 1, Dead(1, 9, 9, 15), Dead(1, 4, 4, 4)),
        Statistic("Clash", 1, 1, 0, Dead(), Dead()),
    )


@pytest.mark.parametrize("by", list(By))
def test_statistics_of_today_are_those_as_known_today(desk: Desk, by: By) -> None:
    file_all(desk)
    cutoff = desk.app.reader.cutoff("2026-11-22")
    for filters in (
        IncidentFilters(),
        IncidentFilters(place_id="khanasser"),
        IncidentFilters(types=("Airstrike",), from_="2016-02-24", to="2016-02-24"),
    ):
        now = statistics(reader(desk), by, filters, "Asia/Damascus")
        assert now
        assert statistics(reader(desk), by, filters, "Asia/Damascus", cutoff) == now


def test_statistics_by_month_place_and_actor_have_their_keys(desk: Desk) -> None:
    file_all(desk, "strike", "again", "denial")
    query = """query Q($by: StatisticsBy!) { statistics(by: $by) { edges { node {
        key name claims incidents fatalities { best } setAside { best } } } } }"""

    def keys(by: str) -> list[tuple[object, ...]]:
        edges = ask(desk, query, by=by)["statistics"]["edges"]
        return [
            (n["key"], n["name"], n["claims"], n["incidents"]) for n in (e["node"] for e in edges)
        ]

    assert keys("month") == [("2016-02", "2016-02", 6, 3)]
    assert keys("place") == [("ithriya", "Ithriya", 1, 1), ("khanasser", "Khanasser", 5, 2)]
    assert keys("actor") == [("russia", "Russia", 2, 1), (None, None, 4, 2)]


def test_too_many_claims_for_another_day_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_all(desk)
    monkeypatch.setattr(incident_queries, "CLAIMS_LINKED_AT_READ_MAX", 3)
    cutoff = desk.app.reader.cutoff("2016-02-26")

    with pytest.raises(TooManyClaims, match="claims would have to be linked as known on that day"):
        reader(desk).page(IncidentFilters(), cutoff)
    result = execute(desk.app.reader, desk.app.store, QUERY, {"knownOn": "2016-02-26"})
    errors: Any = result["errors"]
    assert errors[0]["extensions"]["code"] == "QUERY_TOO_LARGE"
    assert reader(desk).page(IncidentFilters(place_id="ithriya"), cutoff)[0]


def test_pages_go_both_ways(desk: Desk) -> None:
    file_all(desk, "strike", "again", "denial")
    found, more = reader(desk).page(IncidentFilters(), first=2)
    rest, beyond = reader(desk).page(IncidentFilters(), first=2, after=found[-1][0])
    back, before = reader(desk).page(IncidentFilters(), first=2, before=rest[0][0], backwards=True)

    assert (len(found), more, len(rest), beyond, before) == (2, True, 1, False, False)
    assert back == found


def test_a_late_affiliation_makes_two_sources_one(desk: Desk) -> None:
    def sources() -> list[int]:
        found, _ = reader(desk).page(IncidentFilters("khanasser", types=("Airstrike",)))
        return [incident.sources for _, incident in found]

    file_all(desk, "strike", "again")
    assert sources() == [2]

    desk.file(
        "monitor.yaml",
        "id: monitor\nsource: {name: Desert Monitor, affiliated_with: Example Agency}\n"
        "published: 2016-02-29\nclaims: [{type: Clash, occurred: 2016-02-29}]\n",
    )
    assert sources() == [1]
    with desk.app.replay(None) as replay:
        assert differing_tables(desk.app.store, all_projections(), replay) == ()


def test_one_more_report_rewrites_only_what_is_near(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = STRIKE.replace("id: strike", "id: far").replace("2016-02-2", "2014-02-2")
    desk.file("far.yaml", far)
    file_all(desk, "strike")
    c = tables.incident_claims.c
    with read_transaction(desk.app.engine) as connection:
        untouched = set(
            connection.execute(select(c.claim_id).where(c.report_id == "far")).scalars()
        )
    seen: list[str] = []

    def noting(name: str) -> None:
        written = getattr(bulk_rows, name)

        def note(connection: Any, table: Any, *given: Any) -> Any:  # noqa: ANN401
            given = tuple(list(g) if isinstance(g, Iterator) else g for g in given)
            if table.name.startswith("incident"):
                seen.append(str(given))
            return written(connection, table, *given)

        monkeypatch.setattr(bulk_rows, name, note)

    for name in ("load", "update", "delete", "delete_keys"):
        noting(name)
    file_all(desk, "again")

    assert len(untouched) == 2
    assert any("again" in told for told in seen)
    assert [p for p in seen if any(claim_id[2:] in p for claim_id in untouched)] == []


def test_an_amendment_by_hand_relinks(desk: Desk) -> None:
    file_all(desk, "strike", "again")
    desk.app.amending.correct("again", "c1", {"occurred": "2016-03-05"}, basis=Basis.CODING)

    assert [found[0] for found in strikes(desk)] == [["strike"], ["again"]]
