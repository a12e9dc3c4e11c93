"""A casebook for the engines of a rebuild: whatever is hard to compute in parts is in it.

Besides the desk's world there are three months of fighting in a row of villages, near enough to one
another that claims of different days and villages are linked; outlets that turn out to speak for
others; corrections that move a claim to another day or place, revisions, retractions and claims
without a place; analysts' links and their opposite; and content that is withheld.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from tests.integration.conftest import Desk
from timeline.domain.actors import ActorKind, ActorMention, ActorRole
from timeline.domain.claims import Fatalities, Modality, Verdict
from timeline.domain.events import (
    CLAIM_TYPES,
    Basis,
    Claim,
    ClaimCorrected,
    ClaimRetracted,
    ClaimReviewed,
    DocumentMention,
    IncidentsLinked,
    IncidentsUnlinked,
    ReportFiled,
    ReportRetracted,
    ReportRevised,
    SourceMention,
)
from timeline.domain.places import PlaceKind, PlaceMention
from timeline.domain.reference_events import (
    ActorRegistered,
    ActorsMerged,
    AffiliationStated,
    PlaceCorrected,
    PlaceRegistered,
    PlacesMerged,
    PlacesUnmerged,
    SourceAffiliated,
    SourceRegistered,
)
from timeline.domain.time import UNDATED, on_day
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.store.events import ANY, StreamAppend

BEGIN = date(2016, 3, 1)
DAYS, REPORTS, OUTLETS = 90, 120, 6
TYPES = ("Clash", "Clash", "Airstrike", "Airstrike", "ControlChanged", "ControlStated")
ACTORS = ("islamic-state", "government-of-syria", "russia")
REASON = "an analyst compared the footage"
TEXT = """
id: testimony
published: 2016-03-05
text: Umm Salim saw the strike on Khanasser.
claims: [{ref: c1, type: Airstrike, place: {as_named: Khanasser}, occurred: 2016-03-04,
  quote: Umm Salim saw the strike}]
"""


def mention(chance: random.Random) -> PlaceMention | None:
    """A village of a row, each 12 km from the next; at times none, or one without a point."""
    number = chance.randrange(-2, 5)
    if number == -2:
        return None
    if number == -1:
        return PlaceMention(as_named="somewhere", place_id="ithriya", geo_precision=3)
    return PlaceMention(
        as_named=f"Village {number}",
        place_id=f"village-{number}",
        latitude=35.0,
        longitude=37.0 + number * 0.13,
        geo_precision=chance.choice((1, 1, 2)),
    )


def claims(number: int, version: str, published: date, chance: random.Random) -> Iterator[Claim]:
    """The claims of a version of a report."""
    for index in range(chance.randint(1, 4)):
        when = on_day(published - timedelta(days=chance.randrange(4)))
        roles = (ActorRole.HOLDER, ActorRole.TARGET)
        who = chance.sample(ACTORS, chance.choice((0, 1, 1, 2)))
        yield CLAIM_TYPES[chance.choice(TYPES)](
            claim_id="c-" + hashlib.sha256(f"{version}.{index}".encode()).hexdigest()[:20],
            report_id=f"r{number}",
            report_version=version,
            modality=chance.choice([Modality.ASSERTED] * 8 + [Modality.DENIED, Modality.FORECAST]),
            place=mention(chance),
            place2=mention(chance) if index == 3 else None,
            occurred=UNDATED if chance.random() < 0.05 else when,
            actors=tuple(
                ActorMention(as_named=a, actor_id=a, name=a, role=r)
                for a, r in zip(who, roles, strict=False)
            ),
            attributed_to=chance.choice((None, None, "Russia", "Outlet 3", "activists")),
            ref=f"c{index}",
            fatalities=Fatalities(best=chance.randrange(20)) if index == 0 else None,
        )


def amended(claim: Claim, published: date, chance: random.Random) -> Struct:
    """A correction or retraction of a claim, by its source or by us."""
    told: dict[str, Any] = {
        "report_id": claim.report_id,
        "reported": on_day(published + timedelta(days=chance.randrange(1, 20))),
        "basis": chance.choice((Basis.SOURCE, Basis.CODING)),
    }
    if chance.random() < 0.3:
        return ClaimRetracted(target=claim.claim_id, reason="nobody was there", **told)
    changes: dict[str, object] = {"occurred": on_day(published - timedelta(days=9))}
    if chance.random() < 0.5:
        changes = {"place": PlaceMention(as_named="Khanasser", place_id="khanasser")}
    return ClaimCorrected(target=claim.claim_id, changes=changes, **told)


def villages() -> Iterator[tuple[str, Struct]]:
    """Three of the villages are places of the gazetteer, and can be merged."""
    for number in range(3):
        yield (
            f"place-village-{number}",
            PlaceRegistered(
                place_id=f"village-{number}",
                name=f"Village {number}",
                kind=PlaceKind.VILLAGE,
                latitude=35.0,
                longitude=37.0 + number * 0.13,
            ),
        )
    isil = ActorRegistered(actor_id="isil", name="ISIL", kind=ActorKind.NON_STATE_ARMED_GROUP)
    yield "actor-isil", isil


def claim_rejected(claim: Claim) -> tuple[str, Struct]:
    """A person finds that the words do not say it."""
    review = ClaimReviewed(
        report_id=claim.report_id,
        target=claim.claim_id,
        verdict=Verdict.REJECTED,
        basis=Basis.CODING,
        reason="it is not said",
        requested_by="us",
    )
    return f"report-{claim.report_id}", review


def merged(kind: type[Struct], of: str, id_: str, into: str) -> Iterator[tuple[str, Struct]]:
    """A merge, or its opposite, in both streams."""
    told = {f"{of}_id": id_, "into": into, "requested_by": "us"}
    yield from ((f"{of}-{one}", kind(**told)) for one in (id_, into))


# After which report what is mended: a chain of merges, one that is taken back, one of actors, and
# a village that lies elsewhere under another name.
MENDED = {
    40: tuple(merged(PlacesMerged, "place", "village-1", "village-2")),
    60: (
        *merged(PlacesMerged, "place", "village-0", "khanasser"),
        *merged(ActorsMerged, "actor", "islamic-state", "isil"),
    ),
    80: (
        *merged(PlacesMerged, "place", "village-2", "ithriya"),
        *merged(PlacesUnmerged, "place", "village-0", "khanasser"),
    ),
    100: (
        (
            "place-village-0",
            PlaceCorrected(
                place_id="village-0",
                changes={"name": "Old Village", "longitude": 37.2},
                requested_by="us",
            ),
        ),
    ),
}


def fighting(chance: random.Random) -> Iterator[tuple[str, Struct]]:
    """Streams and payloads, in the order of the log."""
    yield from villages()
    for outlet in range(OUTLETS):
        yield "source-all", SourceRegistered(source_id=f"outlet-{outlet}", name=f"Outlet {outlet}")
    told: list[Claim] = []
    for number in range(REPORTS):
        published = BEGIN + timedelta(days=number * DAYS // REPORTS)
        outlet = chance.randrange(OUTLETS)
        stream = f"report-r{number}"
        for kind in (ReportFiled, ReportRevised)[: 2 if number % 10 == 0 else 1]:
            version = hashlib.sha256(f"{number}{kind.__name__}".encode()).hexdigest()
            mine = list(claims(number, version, published, chance))
            yield (
                stream,
                kind(
                    report_id=f"r{number}",
                    report_version=version,
                    source=SourceMention(source_id=f"outlet-{outlet}", name=f"Outlet {outlet}"),
                    reported=on_day(published),
                    document=DocumentMention(
                        digest=version, media_type="text/plain", byte_length=1
                    ),
                    claim_count=len(mine),
                ),
            )
            yield from ((stream, claim) for claim in mine)
            told += mine
            published += timedelta(days=3)
        for claim in chance.sample(told, 1) if number % 4 == 0 else ():
            yield f"report-{claim.report_id}", amended(claim, published, chance)
        if number % 40 == 7:
            said_on, by = on_day(published), Basis.SOURCE
            yield (
                stream,
                ReportRetracted(
                    report_id=f"r{number}", reason="withdrawn", basis=by, reported=said_on
                ),
            )
        if number % 20 == 5:
            yield claim_rejected(told[-1])
        if number in MENDED:
            yield from MENDED[number]
        if number % 30 == 20:
            linked = tuple(c.claim_id for c in chance.sample(told, 3))
            said = {"reason": REASON, "requested_by": "us"}
            word = IncidentsLinked if number % 60 == 20 else IncidentsUnlinked
            yield f"incident-{number}", word(claims=linked, **said)
    yield "source-all", SourceAffiliated(source_id="outlet-1", affiliated_with="outlet-2")
    part: dict[str, Any] = {"actor_id": "islamic-state", "actor": "russia", "relation": "part_of"}
    yield "actor-is", AffiliationStated(**part)


def file_all(desk: Desk) -> None:
    """File all of it; some of it is withheld in the end."""
    desk.file_world()
    desk.file("testimony.yaml", TEXT)
    told = fighting(random.Random(4))
    desk.app.store.append(
        [
            StreamAppend(stream, ANY, [new_event(p, event_id("main", stream, str(n)), {})])
            for n, (stream, p) in enumerate(told)
        ]
    )
    desk.app.runner.catch_up()
    desk.app.linking.link(["fall/c1", "r8/c0"], reason=REASON, requested_by="us")
    desk.app.withholding.withhold_report("testimony", REASON)
