"""An actor's activity counts what is said to have happened, in the month in which it did."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import Desk
from timeline.api.schema import execute
from timeline.domain.events import Basis
from timeline.projections.activity import Activity, ActivityCount, Seen, activities

REPORT = """
id: busy
published: 2016-04-01
claims:
  - {ref: c1, type: Clash, occurred: 2016-01-31, actors: [{as_named: IS, role: initiator}]}
  - {ref: c2, type: Clash, occurred: 2016-02-01, actors: [{as_named: IS, role: initiator},
     {as_named: Islamic State, role: target}]}
  - {ref: c3, type: Clash, occurred: 2016-02, actors: [{as_named: IS, role: initiator}]}
  - {ref: c4, type: Clash, occurred: 2016-02-28/2016-03-02,
     actors: [{as_named: IS, role: initiator}]}
  - {ref: c5, type: Airstrike, occurred: ../2016-01-15, actors: [{as_named: IS, role: target}]}
  - {ref: c6, type: Airstrike, actors: [{as_named: IS, role: target}]}
  - {ref: c7, type: Airstrike, occurred: 2016-03-20, modality: forecast,
     actors: [{as_named: IS, role: target}]}
  - {ref: c8, type: Airstrike, occurred: 2016-03-21, polarity: negated,
     actors: [{as_named: IS, role: target}]}
"""


def of(desk: Desk, actor: str = "islamic-state", known_on: str | None = None) -> Activity:
    return activities(desk.app.engine, desk.app.reader, [actor], known_on)[actor]


def test_claims_are_counted_by_month_type_and_role(desk: Desk) -> None:
    desk.file("busy.yaml", REPORT)

    found = of(desk)

    # Damascus is east of Greenwich: its February begins on 31 January, UTC.
    assert found.counts == (
        ActivityCount("2016-01", "Clash", "initiator", 1),
        ActivityCount("2016-02", "Clash", "initiator", 2),
        ActivityCount("2016-02", "Clash", "target", 1),
        ActivityCount(None, "Airstrike", "target", 2),
        ActivityCount(None, "Clash", "initiator", 1),
    )
    assert (found.claims, found.other_claims) == (6, 2)
    assert found.first_seen == Seen(None, "2016-01-15")
    assert found.last_seen == Seen("2016-02-28", "2016-03-02")


def test_activity_is_as_known_on_a_day(desk: Desk) -> None:
    desk.file("busy.yaml", REPORT)
    desk.app.amending.retract("busy", "c5", basis=Basis.SOURCE, reported="2016-04-03")

    assert of(desk, known_on="2016-03-31") == Activity(0, 0, None, None, ())
    assert of(desk, known_on="2016-04-02").first_seen == Seen(None, "2016-01-15")
    assert of(desk).first_seen == Seen("2016-01-31", "2016-01-31")
    assert of(desk).claims == 5


def test_an_actor_that_nobody_named_did_nothing(desk: Desk) -> None:
    assert of(desk, "russia") == Activity(0, 0, None, None, ())


def test_graphql_tells_an_actors_activity(desk: Desk) -> None:
    desk.file_world()
    query = """{ actor(id: "islamic-state") { activity(knownOn: "2016-02-24") { claims otherClaims
      firstSeen { earliest latest } lastSeen { earliest latest }
      byMonth { month type role claims } } } }"""

    answer: Any = execute(desk.app.reader, desk.app.store, query)

    day = {"earliest": "2016-02-23", "latest": "2016-02-23"}
    assert answer == {
        "data": {
            "actor": {
                "activity": {
                    "claims": 1,
                    "otherClaims": 0,
                    "firstSeen": day,
                    "lastSeen": day,
                    "byMonth": [
                        {
                            "month": "2016-02",
                            "type": "ControlChanged",
                            "role": "holder",
                            "claims": 1,
                        }
                    ],
                }
            }
        }
    }
