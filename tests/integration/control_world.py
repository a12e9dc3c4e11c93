"""Logs of reports about one town in any order, and what is known from them by the plain fold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Engine
from sqlmodel import SQLModel

from tests.unit.control_helpers import ZONE
from tests.unit.test_control_properties import claims
from timeline.bootstrap import all_projections
from timeline.domain.control import Control, ControlClaim, control_at, control_spans
from timeline.domain.events import (
    Basis,
    Claim,
    ClaimCorrected,
    ClaimReinstated,
    ClaimRetracted,
    DocumentMention,
    ReportFiled,
    ReportRevised,
    ReportVersion,
    SourceMention,
)
from timeline.domain.standing import Fact, report_standing, standing_on
from timeline.domain.time import UNDATED, moment_end, occurred_from_edtf
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import tables
from timeline.projections.control_reading import read_controls
from timeline.projections.reading import Reader
from timeline.projections.replaying import checksum
from timeline.projections.runner import Runner
from timeline.store.engine import connect, read_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, StreamAppend

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAYS = [f"2016-02-{day:02}" for day in range(19, 30)]
CONTROL_TABLES = (
    tables.control_places,
    tables.control_claims,
    tables.control_rectangles,
    tables.control_links,
)
# What is filed at once: events of one report's stream.
Filing = tuple[Struct, ...]


def report(
    number: int, told: Sequence[ControlClaim], day: str, *, source: str = "a", version: int = 0
) -> Filing:
    """A version of a report, published on a day, with its claims."""
    digest = f"{number:032x}{version:032x}"
    made: type[ReportVersion] = ReportRevised if version else ReportFiled
    filed = made(
        report_id=f"r{number}",
        report_version=digest,
        source=SourceMention(source_id=source, name=source),
        reported=occurred_from_edtf(day),
        document=DocumentMention(digest=digest, media_type="text/plain", byte_length=1),
    )
    return filed, *(
        replace(
            c.claim,
            claim_id=f"c-{number:010x}{version:05x}{at:05x}",
            report_id=f"r{number}",
            report_version=digest,
        )
        for at, c in enumerate(told)
    )


def amendment(
    type_: type[ClaimRetracted | ClaimReinstated | ClaimCorrected],
    claim: Claim,
    day: str | None,
    **fields: Any,  # noqa: ANN401
) -> Filing:
    """What the source says of a claim on a day, or we do when there is none."""
    return (
        type_(
            report_id=claim.report_id,
            target=claim.claim_id,
            basis=Basis.SOURCE if day else Basis.CODING,
            reported=occurred_from_edtf(day) if day else UNDATED,
            **fields,
        ),
    )


def redated(claim: Claim, to: str, day: str | None) -> Filing:
    """That it was on another day."""
    changes = {"occurred": {"edtf": to, "earliest": to, "latest": to, "precision": "day"}}
    return amendment(ClaimCorrected, claim, day, changes=changes)


@st.composite
def filings(draw: st.DrawFn) -> list[Filing]:
    """Reports, with revisions and amendments by their source or by us."""
    days = st.sampled_from(DAYS)
    found: list[Filing] = []
    for number in range(draw(st.integers(1, 6))):
        source = draw(st.sampled_from("abc"))
        told = draw(st.lists(claims(), min_size=1, max_size=2))
        day = draw(days)
        first = report(number, told, day, source=source)
        found.append(first)
        claim = first[1]
        assert isinstance(claim, Claim)
        kind = draw(st.integers(0, 8))
        if kind == 1:
            found.append(amendment(ClaimRetracted, claim, draw(days)))
        elif kind == 2:
            found.append(amendment(ClaimRetracted, claim, None))
        elif kind == 3:
            found.append(redated(claim, draw(days), draw(st.none() | days)))
        elif kind == 4:
            again = draw(st.lists(claims(), max_size=2))
            found.append(report(number, again, draw(days), source=source, version=1))
        elif kind == 5:
            found.append(amendment(ClaimRetracted, claim, "2016-02-24"))
            found.append(amendment(ClaimReinstated, claim, "2016-02-26"))
    return found


class World:
    """A log in memory with its projections."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.store = EventStore(engine, "main", lambda: NOW)
        self.store.open_casebook(ZONE, "syria")
        self.runner = Runner(self.store, all_projections())
        self.reader = Reader(engine, "main")
        self._filed = 0

    def file(self, *filed: Filing) -> None:
        """Append, and catch up once."""
        for payloads in filed:
            self._filed += 1
            stream = f"report-{getattr(payloads[0], 'report_id', '')}"
            events = tuple(
                new_event(p, event_id("main", stream, str(self._filed), str(n)), {})
                for n, p in enumerate(payloads)
            )
            self.store.append([StreamAppend(stream, ANY, events)])
        self.runner.catch_up()

    def checksums(self) -> dict[str, str]:
        """Of the tables of control."""
        with read_transaction(self.engine) as connection:
            return {t.name: checksum(connection, t, "main") for t in CONTROL_TABLES}

    def controls(self, days: Iterable[str], known: Iterable[str | None]) -> list[Control]:
        """Who held the town on each day, as known on each."""
        cutoffs = [moment_end(on, ZONE) if on else None for on in known]
        moments = [moment_end(at, ZONE) for at in days]
        town = ["khanasser"]
        with read_transaction(self.engine) as connection:
            return [
                read_controls(connection, "main", town, at, on).get(town[0], Control())
                for on in cutoffs
                for at in moments
            ]


@contextmanager
def opened_world() -> Iterator[World]:
    """A world in memory."""
    engine = connect("sqlite://")
    try:
        SQLModel.metadata.create_all(engine)
        yield World(engine)
    finally:
        engine.dispose()


def folded(filed: Sequence[Filing], at: str, known_on: str | None) -> Control:
    """Who held the town on a day, by a fold over the claims that stand on another."""
    streams: dict[str, list[Struct]] = {}
    for payloads in filed:
        streams.setdefault(getattr(payloads[0], "report_id", ""), []).extend(payloads)
    cutoff = moment_end(known_on, ZONE) if known_on else None
    standing: list[ControlClaim] = []
    for of_report in streams.values():
        facts = [
            Fact(payload=p, position=n, recorded_at="2026-11-22T12:00:00.000000Z")
            for n, p in enumerate(of_report, 1)
        ]
        source = next(p.source for p in of_report if isinstance(p, ReportVersion))
        assert source is not None
        standing += [
            ControlClaim(claim=s.claim, root=f"source:{source.source_id}", known_from=s.known_from)
            for s in standing_on(report_standing(facts, ZONE).claims, cutoff)
        ]
    return control_at(control_spans(standing, ZONE), moment_end(at, ZONE))
