"""Generates a casebook of realistic shape, fast: python benchmarks/casebook.py URL --events N.

A made-up war. 20,000 places are told of in Zipf's proportion (flattened at the top, so that the
busiest has 4 % of the claims). Reports of 1 to 15 claims, 4 on average, come in order of
publication, 1 in 20 of them up to two months late, from 200 outlets. 1 claim in 9 tells who holds
a place, which changes now and then. Of 200 reports, 8 are later corrected in one claim (half of
them by the outlet), 4 lose a claim, 2 are revised and 1 is retracted. Each report has a text in
which its claims have their spans. Each day has as many events: a log of more lasts longer.

All follows from the number of events and the seed: two databases hold the same log.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from heapq import heappop, heappush
from itertools import accumulate
from typing import Any

from msgspec import Struct

from timeline.domain import events
from timeline.domain.actors import ActorKind, ActorMention, ActorRole
from timeline.domain.claims import Evidence, Fatalities, Modality
from timeline.domain.events import (
    Basis,
    Claim,
    ClaimCorrected,
    ClaimRetracted,
    DocumentMention,
    ReportFiled,
    ReportRetracted,
    ReportRevised,
    SourceMention,
)
from timeline.domain.places import PlaceKind, PlaceMention
from timeline.domain.reference_events import (
    ActorRegistered,
    PlaceRegistered,
    SourceRegistered,
)
from timeline.domain.time import Anchor, Occurred, occurred_from_edtf, on_day
from timeline.store import hashing, migrate
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import Document, NewEvent, StreamAppend

ZONE, THEATRE = "Asia/Damascus", "syria"
BEGIN = date(2012, 1, 1)
EVENTS_PER_DAY = 550
PLACES, SOURCES = 20_000, 200
EVENTS_PER_APPEND = 20_000
ACTORS = (
    "government-of-syria", "islamic-state", "syrian-democratic-forces", "al-nusra-front",
    "syrian-opposition", "russia", "turkey", "us-led-coalition",
)  # fmt: skip
HOLDERS = ACTORS[:5]
# How often a type is told of, in a hundred.
TYPES = {
    "Clash": 26, "Shelling": 20, "Airstrike": 18, "ControlStated": 6, "ControlChanged": 4,
    "Movement": 6, "Bombing": 5, "ViolenceAgainstCivilians": 5, "Detention": 3, "RouteCut": 1,
    "Withdrawal": 1, "SiegeBegan": 1, "Agreement": 1, "AircraftLoss": 1, "OtherIncident": 2,
}  # fmt: skip
_TYPES, _TYPE_WEIGHTS = list(TYPES), list(accumulate(TYPES.values()))

Filed = tuple[str, list[NewEvent], list[Document]]
"""A stream, and what is appended to it together."""


class Town(Struct, frozen=True):
    """A place of the war."""

    place_id: str
    name: str
    latitude: float
    longitude: float


class Told(Struct, frozen=True):
    """A claim before it is filed: its type, its fields and the sentence that says it."""

    type: str
    fields: dict[str, Any]
    sentence: str


def towns(number: int) -> list[Town]:
    """Places anywhere in a country of 5 by 7 degrees, the busiest first."""
    chance = random.Random(5)
    return [
        Town(
            f"p{n}", f"Town {n}", round(chance.uniform(32, 37), 4), round(chance.uniform(36, 43), 4)
        )
        for n in range(number)
    ]


def _event(payload: Struct, *key: object) -> NewEvent:
    """An event whose id follows from a key, unchecked: what is made here is known to fit."""
    x = sha256("|".join(map(str, key)).encode()).hexdigest()
    id_ = f"{x[:8]}-{x[8:12]}-5{x[13:16]}-8{x[17:20]}-{x[20:32]}"
    name = type(payload).__name__
    data = hashing.Canonical(events.encode(payload))
    return NewEvent(id_, name, events.schema_version(name), data)


def reference(places: Iterable[Town]) -> Iterator[Filed]:
    """The places, actors and outlets."""
    for p in places:
        place = PlaceRegistered(
            place_id=p.place_id,
            name=p.name,
            kind=PlaceKind.TOWN,
            latitude=p.latitude,
            longitude=p.longitude,
        )
        yield f"place-{p.place_id}", [_event(place, "place", p.place_id)], []
    for a in ACTORS:
        actor = ActorRegistered(
            actor_id=a, name=a.replace("-", " ").title(), kind=ActorKind.STATE_FORCES
        )
        yield f"actor-{a}", [_event(actor, "actor", a)], []
    for n in range(SOURCES):
        source = SourceRegistered(source_id=f"outlet-{n}", name=f"Outlet {n}")
        yield f"source-outlet-{n}", [_event(source, "source", n)], []


class War:
    """Reports in order of filing, with the amendments of earlier ones among them; without end.

    Args:
        places: The busiest first.
        seed: Another gives another war.
    """

    def __init__(self, places: list[Town], seed: int = 5) -> None:
        self._chance = random.Random(seed)
        self._places = places
        self._weights = list(accumulate(1 / (n + 3) for n in range(len(places))))
        self._holders: dict[str, str] = {}
        self._waiting: list[tuple[date, int, Filed]] = []
        self._told = 0

    def __iter__(self) -> Iterator[Filed]:
        """One report or amendment after the other."""
        number = 0
        while True:
            today = BEGIN + timedelta(days=self._told // EVENTS_PER_DAY)
            while self._waiting and self._waiting[0][0] <= today:
                yield self._counted(heappop(self._waiting)[2])
            yield self._counted(self._report(number, today))
            number += 1

    def _counted(self, filed: Filed) -> Filed:
        self._told += len(filed[1])
        return filed

    def _report(self, number: int, today: date) -> Filed:
        draw = self._chance.random
        published = today - timedelta(days=1 + int(60 * draw())) if draw() < 0.05 else today
        told = [
            self.claim(published) for _ in range(1 + min(int(self._chance.expovariate(0.28)), 14))
        ]
        outlet = int(SOURCES * draw() ** 2)
        filed = version(f"r{number}", outlet, published, told)
        self._amend(number, outlet, today, told, filed)
        return filed

    def claim(self, day: date) -> Told:
        """Something told on a day, of the same day or the days before."""
        draw, chance = self._chance.random, self._chance
        place = chance.choices(self._places, cum_weights=self._weights)[0]
        [type_] = chance.choices(_TYPES, cum_weights=_TYPE_WEIGHTS)
        if place.place_id not in self._holders or (type_ == "ControlChanged" and draw() < 0.3):
            self._holders[place.place_id] = chance.choice(HOLDERS)
        first, second = ACTORS[int(8 * draw())], ACTORS[int(8 * draw())]
        roles = (ActorRole.INITIATOR, ActorRole.TARGET)
        if type_ in ("ControlStated", "ControlChanged"):
            first = self._holders[place.place_id] if draw() < 0.95 else first
            roles = (ActorRole.HOLDER, ActorRole.PREVIOUS_HOLDER)
        named = (first,) if type_ == "ControlStated" or first == second else (first, second)
        fields: dict[str, Any] = {
            "actors": tuple(
                ActorMention(as_named=a.replace("-", " "), actor_id=a, name=a.title(), role=r)
                for a, r in zip(named, roles, strict=False)
            ),
            "place": PlaceMention(
                as_named=place.name,
                place_id=place.place_id,
                name=place.name,
                latitude=place.latitude,
                longitude=place.longitude,
                geo_precision=1 if draw() < 0.8 else 2,
            ),
            "occurred": self._occurred(day),
            "attributed_to": "local sources" if draw() < 0.2 else None,
        }
        if draw() < 0.05:
            fields["modality"] = Modality.DENIED if draw() < 0.5 else Modality.FORECAST
        if draw() < 0.3:
            fields["fatalities"] = Fatalities(best=int(20 * draw()))
        sentence = (
            f"{type_} at {place.name} by {first} of which {outlet_words(int(1000 * draw()))} told."
        )
        return Told(type_, fields, sentence)

    def _occurred(self, day: date) -> Occurred:
        draw = self._chance.random()
        if draw < 0.9:
            return on_day(day - timedelta(days=int(30 * draw) // 10), Anchor.NARRATIVE)
        if draw < 0.97:
            return occurred_from_edtf(f"{day - timedelta(days=3)}/{day}")
        return occurred_from_edtf(f"../{day}")

    def _amend(self, number: int, outlet: int, today: date, told: list[Told], filed: Filed) -> None:
        """Lay up what is said of a report some days after it."""
        draw = self._chance.random()
        if draw >= 0.075:
            return
        later = today + timedelta(days=1 + int(20 * self._chance.random()))
        report_id, claim_id = f"r{number}", f"c-{claim_hex(filed[2][0].digest, 0)}"
        by_source = self._chance.random() < 0.5
        common: dict[str, Any] = {
            "report_id": report_id,
            "basis": Basis.SOURCE if by_source else Basis.CODING,
            "reported": on_day(later, Anchor.DATELINE),
            "by_source_id": f"outlet-{outlet}" if by_source else None,
        }
        said: Struct
        if draw < 0.04:
            day = (later - timedelta(days=25)).isoformat()
            changes = {
                "occurred": {"edtf": day, "earliest": day, "latest": day, "precision": "day"}
            }
            said = ClaimCorrected(target=claim_id, changes=changes, **common)
        elif draw < 0.06:
            said = ClaimRetracted(target=claim_id, **common)
        elif draw < 0.065:
            said = ReportRetracted(**common)
        else:
            revised = version(
                report_id, outlet, later, [*told[1:], self.claim(later)], " (updated)"
            )
            heappush(self._waiting, (later, number, revised))
            return
        amended: Filed = filed[0], [_event(said, report_id, "amended")], []
        heappush(self._waiting, (later, number, amended))


def outlet_words(number: int) -> str:
    """Words of which a search finds some seldom and some often."""
    return f"witness{number} and resident{number % 30}"


def claim_hex(digest: str, ordinal: int) -> str:
    """What a claim's id is made of."""
    return sha256(f"{digest}{ordinal}".encode()).hexdigest()[:20]


def version(
    report_id: str, outlet: int, published: date, told: list[Told], more: str = ""
) -> Filed:
    """A report with its text and claims, or with `more` in its title a revision of it."""
    begin = f"Outlet {outlet}, {published}{more}\n\n"
    document = Document.of("text/plain", (begin + " ".join(t.sentence for t in told)).encode())
    content = document.content or b""
    mention = DocumentMention(
        digest=document.digest, media_type="text/plain", byte_length=len(content)
    )
    head = (ReportRevised if more else ReportFiled)(
        report_id=report_id,
        report_version=document.digest,
        title=f"{told[0].type} near {told[0].fields['place'].name}{more}",
        source=SourceMention(source_id=f"outlet-{outlet}", name=f"Outlet {outlet}"),
        published=published.isoformat(),
        reported=on_day(published, Anchor.DATELINE),
        language="en",
        document=mention,
        text_document=mention,
        claim_count=len(told),
    )
    stream, found, at = (
        f"report-{report_id}",
        [_event(head, report_id, document.digest)],
        len(begin),
    )
    for ordinal, one in enumerate(told):
        claim: Claim = events.CLAIM_TYPES[one.type](
            claim_id=f"c-{claim_hex(document.digest, ordinal)}",
            report_id=report_id,
            report_version=document.digest,
            evidence=Evidence(span_start=at, span_end=at + len(one.sentence)),
            coded_by="casebook",
            **one.fields,
        )
        found.append(_event(claim, document.digest, ordinal))
        at += len(one.sentence) + 1
    return stream, found, [document]


class Casebook:
    """A generated log that can be filled further.

    Args:
        store: Where to; its casebook is opened.
        places: How many places there are.
    """

    def __init__(self, store: EventStore, places: int = PLACES) -> None:
        self.store = store
        store.open_casebook(ZONE, THEATRE)
        self._places = towns(places)
        self._war = iter(War(self._places))

    def fill(self, count: int) -> int:
        """Append until the log holds at least so many events; returns how many it holds."""
        head = self.store.head().position
        if head == 0:
            head = self._append(reference(self._places), None)
        return self._append(self._war, count - head) if head < count else head

    def one_more(self) -> int:
        """Append one more report; returns the head."""
        return self._append(self._war, 1)

    def _append(self, filed: Iterable[Filed], wanted: int | None) -> int:
        """Append what comes until there are so many events; `None` is all."""
        waiting: list[Filed] = []
        pending, told = 0, 0
        for one in filed:
            waiting.append(one)
            pending, told = pending + len(one[1]), told + len(one[1])
            is_enough = wanted is not None and told >= wanted
            if pending >= EVENTS_PER_APPEND or is_enough:
                self._flush(waiting)
                pending = 0
            if is_enough:
                break
        self._flush(waiting)
        return self.store.head().position

    def _flush(self, waiting: list[Filed]) -> None:
        if waiting:
            appends = [StreamAppend(stream, None, found) for stream, found, _ in waiting]
            self.store.append(appends, [d for _, _, documents in waiting for d in documents])
            waiting.clear()


def opened(url: str) -> EventStore:
    """The store of a migrated database."""
    engine = connect(url)
    migrate.upgrade(engine)
    return EventStore(engine, "main", lambda: datetime.now(UTC))


def main() -> None:
    """Fill a database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--places", type=int, default=PLACES)
    given = parser.parse_args()
    store = opened(given.url)
    started = time.perf_counter()
    head = Casebook(store, given.places).fill(given.events)
    seconds = time.perf_counter() - started
    load = os.getloadavg()[0]
    print(f"{head:,} events in {seconds:.1f} s, {head / seconds:,.0f}/s; load {load:.1f}")
    store.engine.dispose()


if __name__ == "__main__":
    main()
