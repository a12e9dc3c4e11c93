"""Tells claims about who holds places, in order of publication, for benchmarks of control."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from itertools import islice

from timeline.domain import events
from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.events import Claim
from timeline.domain.places import PlaceMention, Relation
from timeline.domain.time import end_of, occurred_from_edtf

ZONE = "Asia/Damascus"
FIRST_DAY, DAYS = date(2012, 1, 1), 1_825
ACTORS = ("government-of-syria", "islamic-state", "sdf", "al-nusra-front")
SOURCES = 30

# A claim with its source, when it is known, and None; or with when it is retracted.
Told = tuple[Claim, str, datetime, datetime | None]


class Story:
    """Claims about places in order of publication: who holds a place changes now and then."""

    def __init__(self, claims: int, places: int, changes_each: int) -> None:
        self._random = random.Random(16)
        self._count, self._places = claims, places
        weights = [1 / (n + 1) for n in range(places)]
        self._place_of = self._random.choices(range(places), weights, k=claims)
        self._change = places * changes_each / claims
        self._holders: dict[int, str] = {}
        self._weights = [1 / (n + 1) for n in range(SOURCES)]

    def __iter__(self) -> Iterator[Told]:
        """What is told and retracted, in the order in which it becomes known."""
        waiting: list[tuple[datetime, int, Told]] = []
        for number, place in enumerate(self._place_of):
            day = FIRST_DAY + timedelta(days=number * DAYS // self._count)
            told = self.claim(number, place, day)
            heappush(waiting, (told[2], number, (*told[:3], None)))
            if told[3] is not None:
                heappush(waiting, (told[3], number, told))
            now = end_of(day.isoformat(), ZONE)
            while waiting and waiting[0][0] <= now:
                yield heappop(waiting)[2]

    def claim(self, number: int, place: int, day: date, known: date | None = None) -> Told:
        """A claim about a place: 1 in 2 states the holder, 1 in 4 a change, 1 in 5 a clash.

        1 in 14 has a vague date, 1 in 5 is published days later, 1 in 100 is retracted in a month.
        """
        draw = self._random.random
        if place not in self._holders or draw() < self._change:
            self._holders[place] = self._random.choice(ACTORS)
        holder = self._holders[place] if draw() < 0.97 else self._random.choice(ACTORS)
        kind, role = _kind(draw()), ActorRole.HOLDER
        if kind == "Withdrawal":
            holder, role = self._random.choice(ACTORS), ActorRole.INITIATOR
        named = kind in ("ControlStated", "ControlChanged", "Withdrawal")
        delay = 0 if draw() < 0.8 else min(int(self._random.expovariate(0.1)), 400)
        known_from = end_of((known or day + timedelta(days=delay)).isoformat(), ZONE)
        retracted = known_from + timedelta(days=30) if draw() < 0.01 else None
        claim = events.CLAIM_TYPES[kind](
            claim_id=f"c-{number:020x}",
            report_id=f"r{number}",
            report_version="0" * 64,
            actors=(ActorMention(as_named=holder, actor_id=holder, name=holder, role=role),)
            if named
            else (),
            place=PlaceMention(
                as_named=f"p{place}", place_id=f"p{place}", relation=Relation.AT, geo_precision=1
            ),
            occurred=occurred_from_edtf(_date(day, draw())),
        )
        source = self._random.choices(range(SOURCES), self._weights)[0]
        return claim, f"s{source}", known_from, retracted


def batched(told: Iterable[Told], size: int) -> Iterator[list[Told]]:
    """So many at a time."""
    rest = iter(told)
    while part := list(islice(rest, size)):
        yield part


def _kind(drawn: float) -> str:
    for kind, until in (
        ("ControlStated", 0.5),
        ("ControlChanged", 0.75),
        ("Withdrawal", 0.77),
        ("Clash", 0.97),
        ("SiegeBegan", 0.98),
        ("SiegeEnded", 0.985),
        ("RouteCut", 0.995),
    ):
        if drawn < until:
            return kind
    return "RouteOpened"


def _date(day: date, drawn: float) -> str:
    if drawn < 0.93:
        return day.isoformat()
    if drawn < 0.98:
        return f"{(day - timedelta(days=3)).isoformat()}/{day.isoformat()}"
    return f"../{day.isoformat()}" if drawn < 0.99 else day.strftime("%Y-%m")
