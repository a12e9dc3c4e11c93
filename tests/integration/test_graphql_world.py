"""Files a few reports straight into the log, for the GraphQL tests to ask about.

Khanasser falls to Islamic State on 23 February 2016 and is retaken on the 25th; the first report is
corrected later, and another is revised.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from timeline.api.schema import execute
from timeline.domain.actors import ActorKind, ActorMention, ActorRole, Affiliation
from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    Certainty,
    ClaimType,
    Evidence,
    Fatalities,
    Harm,
    Modality,
    Polarity,
    ProposedClaim,
    Qualifier,
    Quantity,
    StatementKind,
    identified,
)
from timeline.domain.events import (
    Basis,
    ClaimCorrected,
    DocumentMention,
    ReportFiled,
    ReportRevised,
    SourceMention,
    claim_from,
    encode,
    schema_version,
)
from timeline.domain.names import Match, Name, Tier
from timeline.domain.places import PlaceKind, PlaceMention, Relation
from timeline.domain.reference_events import (
    ActorRegistered,
    PlaceRegistered,
    SourceRegistered,
)
from timeline.domain.time import UNDATED, occurred_from_edtf
from timeline.domain.weapons import Weapon, WeaponKind
from timeline.projections.control import ControlProjection
from timeline.projections.entries import EntriesProjection
from timeline.projections.event_types import EventTypesProjection
from timeline.projections.incidents import IncidentsProjection
from timeline.projections.reading import Reader
from timeline.projections.register import ActorsProjection, PlacesProjection
from timeline.projections.reports import ReportsProjection
from timeline.projections.runner import Runner
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend

NAMESPACE = uuid.UUID("7b0f4a1e-6f0c-4c39-9a55-1d2c3b4a5968")

FALL = """Town falls

Islamic State took Khanasser on Tuesday, killing 10 to 14 soldiers. The group seized the town.
The army will bomb the road between Khanasser and Ithriya. It did not shell more than 20 villages.
An officer said: the road is ours."""


@dataclass
class World:
    """A casebook with its projections, and how to ask it."""

    store: EventStore
    runner: Runner
    reader: Reader

    def run(self, query: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        return execute(self.reader, self.store, query, variables)

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of a query that must have no errors."""
        result = self.run(query, variables)
        assert "errors" not in result, result
        data: dict[str, Any] = result["data"]
        return data

    def error(self, query: str, **variables: object) -> dict[str, Any]:
        """The one error of a query."""
        errors = self.run(query, variables)["errors"]
        assert len(errors) == 1, errors
        error: dict[str, Any] = errors[0]
        return error


def new_world(store: EventStore) -> World:
    """A casebook with places and actors, and no reports."""
    projections = (
        PlacesProjection(),
        ActorsProjection(),
        ReportsProjection(),
        EntriesProjection(),
        ControlProjection(),
        IncidentsProjection(),
        EventTypesProjection(),
    )
    world = World(store, Runner(store, projections), Reader(store.engine, store.casebook))
    put(world, "place-", "place_id", *_places())
    put(world, "actor-", "actor_id", *_actors())
    put(world, "source-", "source_id", SourceRegistered(source_id="agency", name="Agency"))
    return world


def put(world: World, prefix: str, key: str, *payloads: Struct) -> None:
    """Append payloads, each to the stream that its key names, and project them."""
    for payload in payloads:
        append(world, prefix + getattr(payload, key), [payload])


def append(
    world: World, stream: str, payloads: Sequence[Struct], documents: Sequence[Document] = ()
) -> None:
    events = []
    for payload in payloads:
        type_, data = type(payload).__name__, encode(payload)
        event_id = str(uuid.uuid5(NAMESPACE, f"{stream} {type_} {data.decode()}"))
        events.append(NewEvent(event_id, type_, schema_version(type_), data))
    world.store.append([StreamAppend(stream, ANY, events)], documents)
    world.runner.catch_up()


def _places() -> list[PlaceRegistered]:
    return [
        PlaceRegistered(
            place_id="khanasser",
            name="Khanasser",
            kind=PlaceKind.TOWN,
            latitude=35.78,
            longitude=37.5,
            within="aleppo-governorate",
            names=(Name(name="خناصر", language="ar"), Name(name="Khanasir")),
        ),
        PlaceRegistered(
            place_id="aleppo-governorate", name="Aleppo Governorate", kind=PlaceKind.GOVERNORATE
        ),
        PlaceRegistered(
            place_id="ithriya", name="Ithriya", kind=PlaceKind.VILLAGE, latitude=35.36,
            longitude=37.78,
        ),
        PlaceRegistered(place_id="tell-north", name="Tell", kind=PlaceKind.VILLAGE),
        PlaceRegistered(place_id="tell-south", name="Tell", kind=PlaceKind.VILLAGE),
    ]  # fmt: skip


def _actors() -> list[ActorRegistered]:
    return [
        ActorRegistered(
            actor_id="islamic-state",
            name="Islamic State",
            kind=ActorKind.NON_STATE_ARMED_GROUP,
            names=(Name(name="IS"), Name(name="داعش", language="ar")),
            acled=("Islamic State (Syria)",),
            ucdp=("234",),
        ),
        ActorRegistered(
            actor_id="government-of-syria",
            name="Government of Syria",
            kind=ActorKind.STATE,
            names=(Name(name="Syrian army"),),
        ),
        ActorRegistered(
            actor_id="tiger-forces",
            name="Tiger Forces",
            kind=ActorKind.STATE_FORCES,
            side="government-of-syria",
            affiliations=(
                Affiliation(
                    actor="government-of-syria",
                    relation="member_of",
                    from_="2013",
                    to="2019",
                    disputed=True,
                    according_to="analysts",
                ),
            ),
        ),
    ]


def at(place_id: str, name: str, relation: Relation = Relation.AT, **more: float) -> PlaceMention:
    """A mention that is resolved to a place."""
    match = Match(tier=Tier.EXACT, score=1.0)
    given = {"as_named": name, "place_id": place_id, "name": name, "relation": relation}
    return msgspec.convert({"geo_precision": 1, "match": match, **given, **more}, PlaceMention)


KHANASSER = at("khanasser", "Khanasser", latitude=35.78, longitude=37.5)
ARMY_HOLDS = ActorMention(
    as_named="the army", role=ActorRole.HOLDER, actor_id="government-of-syria",
    name="Government of Syria",
)  # fmt: skip
IS_HOLDS = ActorMention(
    as_named="Islamic State", role=ActorRole.HOLDER, actor_id="islamic-state", name="Islamic State"
)
IS_LOST = ActorMention(
    as_named="IS", role=ActorRole.PREVIOUS_HOLDER, actor_id="islamic-state", name="Islamic State"
)


def span(text: str, words: str) -> Evidence:
    start = text.index(words)
    return Evidence(span_start=start, span_end=start + len(words))


def file_report(
    world: World,
    report_id: str,
    published: str | None,
    claims: Sequence[ProposedClaim],
    text: str = "",
    *,
    is_revision: bool = False,
) -> tuple[str, ...]:
    """File a report with these claims; returns their ids."""
    content = (text or f"{report_id} {msgspec.json.encode(list(claims))!r}").encode()
    document = Document.of("text/plain", content)
    version = hashlib.sha256(content).hexdigest()
    mention = DocumentMention(digest=version, media_type="text/plain", byte_length=len(content))
    ids = identified(tuple(claims), version)
    report = (ReportRevised if is_revision else ReportFiled)(
        report_id=report_id,
        report_version=version,
        title=f"Title of {report_id}",
        url=f"https://example.org/{report_id}",
        source=SourceMention(source_id="agency", name="Agency"),
        published=published,
        reported=UNDATED if published is None else occurred_from_edtf(published),
        undated=published is None,
        language="en",
        document=mention,
        text_document=mention if text else None,
        coded_by="desk",
        claim_count=len(claims),
    )
    filed = [claim_from(c, i, report_id, version) for c, i in zip(claims, ids, strict=True)]
    append(world, f"report-{report_id}", [report, *filed], [document])
    return ids


def file_all(world: World) -> None:
    """File the reports that this module's docstring tells of."""
    file_report(world, "fall", "2016-02-23", _fall_claims(), FALL)
    file_report(
        world,
        "retaken",
        "2016-02-26",
        [
            ProposedClaim(
                type=ClaimType.CONTROL_CHANGED,
                place=KHANASSER,
                actors=(ARMY_HOLDS, IS_LOST),
                occurred=occurred_from_edtf("2016-02-25"),
            )
        ],
    )
    for revised, day in ((False, "2016-02-27"), (True, "2016-03-01")):
        clash = ProposedClaim(
            type=ClaimType.CLASH,
            place=at("ithriya", "Ithriya", Relation.NEAR, geo_precision=2, distance_km=3.0,
                     bearing=45.0),
            occurred=occurred_from_edtf(f"../{day}"),
            confidence=0.5,
            coded_by="rules 1",
        )  # fmt: skip
        file_report(world, "road", day, [clash], is_revision=revised)
    correction = ClaimCorrected(
        report_id="fall",
        target="shelling",
        basis=Basis.CODING,
        changes={"attributed_to": "a general"},
    )
    append(world, "report-fall", [correction])


def _fall_claims() -> list[ProposedClaim]:
    return [
        ProposedClaim(
            type=ClaimType.CONTROL_CHANGED,
            certainty=Certainty.LIKELY,
            place=KHANASSER,
            actors=(IS_HOLDS,),
            occurred=occurred_from_edtf("2016-02-23"),
            fatalities=Fatalities(low=10, best=12, high=14),
            casualties=(
                CasualtyCount(
                    harm=Harm.KILLED,
                    group=CasualtyGroup.COMBATANTS,
                    role=ActorRole.HOLDER,
                    low=10,
                    high=14,
                    as_named="10 to 14 soldiers",
                ),
            ),
            weapons=(
                Weapon(as_named="car bombs", kind=WeaponKind.EXPLOSIVES),
                Weapon(as_named="drones"),
            ),
            evidence=span(FALL, "Islamic State took Khanasser"),
            also_evidence=(span(FALL, "The group seized the town"),),
            sub_event_type="Non-state actor overtakes territory",
            plover_event="ASSAULT",
            plover_mode="seize",
        ),
        ProposedClaim(
            type=ClaimType.AIRSTRIKE,
            modality=Modality.FORECAST,
            place=at("khanasser", "Khanasser", Relation.BETWEEN, geo_precision=2),
            place2=at("ithriya", "Ithriya", Relation.BETWEEN, geo_precision=2),
            evidence=span(FALL, "will bomb the road"),
        ),
        ProposedClaim(
            ref="shelling",
            type=ClaimType.SHELLING,
            polarity=Polarity.NEGATED,
            place=PlaceMention(as_named="villages near Khanasser"),
            actors=(ActorMention(as_named="the 5th column", role=ActorRole.INITIATOR),),
            occurred=occurred_from_edtf("2016-02"),
            quantity=Quantity(value=20, unit="villages", qualifier=Qualifier.MORE_THAN),
            evidence=span(FALL, "did not shell"),
        ),
        ProposedClaim(
            type=ClaimType.STATEMENT,
            statement_kind=StatementKind.OPINION,
            place=KHANASSER,
            attributed_to="an officer",
            evidence=span(FALL, "the road is ours"),
        ),
    ]


def test_the_reports_of_this_module_are_known_to_the_reader(store: EventStore) -> None:
    world = new_world(store)
    file_all(world)

    assert [r.report_id for r in world.reader.reports(10)[0]] == ["fall", "retaken", "road"]
