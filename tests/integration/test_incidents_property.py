"""Whatever is filed, in whatever portions, incidents are those of one fold over all that stands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from sqlalchemy import Connection

from tests.integration.conftest import Desk, opened_desk
from timeline.domain.actors import ActorMention, ActorRole
from timeline.domain.claims import Modality
from timeline.domain.events import (
    Airstrike,
    Basis,
    Claim,
    ClaimCorrected,
    ClaimReinstated,
    ClaimRetracted,
    Clash,
    DocumentMention,
    IncidentsLinked,
    IncidentsUnlinked,
    ReportFiled,
    SourceMention,
)
from timeline.domain.incidents import incidents
from timeline.domain.places import PlaceMention
from timeline.domain.reference_events import (
    AffiliationStated,
    SourceAffiliated,
    SourceRegistered,
)
from timeline.domain.time import UNDATED, moment_end, occurred_from_edtf
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import batches, incident_rows
from timeline.projections.incident_linking import groups_around, standing
from timeline.projections.incident_rows import read_rows, read_words
from timeline.projections.replaying import checksum
from timeline.store.engine import read_transaction
from timeline.store.events import ANY, StreamAppend

# A row of villages, each 12 km from the next, so that chains of them could go on for ever.
VILLAGES = [(f"village-{n}", 35.0, 37.0 + n * 0.13) for n in range(8)]
ACTORS = ["islamic-state", "government-of-syria", "russia"]
TIMES = [None, "2016-03-03", "2016-03-06"]


@st.composite
def reports(draw: st.DrawFn) -> tuple[str, int, list[dict[str, object]]]:
    source = draw(st.sampled_from(["a", "b", "c"]))
    claims = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "village": st.integers(-1, len(VILLAGES) - 1),
                    "precision": st.sampled_from([1, 1, 2, 3]),
                    "type": st.sampled_from([Clash, Airstrike]),
                    "day": st.integers(0, 9),
                    "span": st.sampled_from([0, 0, 1, 2, 5]),
                    "actors": st.lists(st.sampled_from(ACTORS), max_size=2, unique=True),
                    "modality": st.sampled_from([Modality.ASSERTED] * 3 + [Modality.DENIED]),
                }
            ),
            min_size=1,
            max_size=3,
        )
    )
    return source, draw(st.integers(1, 8)), claims


def claim_id(report: int, index: int) -> str:
    return "c-" + hashlib.sha256(f"{report}.{index}".encode()).hexdigest()[:20]


def filed(number: int, told: tuple[str, int, list[dict[str, object]]]) -> list[Struct]:
    source, day, claims = told
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    payloads: list[Struct] = [
        ReportFiled(
            report_id=f"r{number}",
            report_version=digest,
            source=SourceMention(source_id=source, name=source),
            reported=occurred_from_edtf(f"2016-03-0{day}"),
            document=DocumentMention(digest=digest, media_type="text/plain", byte_length=1),
        )
    ]
    return payloads + [claim(number, i, digest, c) for i, c in enumerate(claims)]


def claim(number: int, index: int, digest: str, told: dict[str, object]) -> Claim:
    first = int(str(told["day"])) + 10
    last = first + int(str(told["span"]))
    village = int(str(told["village"]))
    place = None
    if village >= 0:
        id_, latitude, longitude = VILLAGES[village]
        precision = int(str(told["precision"]))
        place = PlaceMention(
            as_named=id_,
            place_id=id_,
            latitude=latitude,
            longitude=longitude,
            geo_precision=precision,
        )
    type_ = told["type"]
    assert isinstance(type_, type)
    actors = told["actors"]
    assert isinstance(actors, list)
    made = type_(
        claim_id=claim_id(number, index),
        report_id=f"r{number}",
        report_version=digest,
        ref=f"c{index}",
        modality=told["modality"],
        place=place,
        occurred=occurred_from_edtf(f"2016-02-{first}/2016-02-{last}") if first < 19 else UNDATED,
        actors=tuple(
            ActorMention(as_named=a, actor_id=a, name=a, role=ActorRole.INITIATOR) for a in actors
        ),
    )
    assert isinstance(made, Claim)
    return made


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, list[Struct]]]:
    """Events with their streams: reports first, then words about them; shuffled."""
    told = draw(st.lists(reports(), min_size=2, max_size=9))
    appends = [(f"report-r{n}", filed(n, report)) for n, report in enumerate(told)]
    ids = [(n, i) for n, report in enumerate(told) for i in range(len(report[2]))]
    some = st.lists(st.sampled_from(ids), min_size=2, max_size=3, unique=True)
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.integers(0, 6))
        report, index = draw(st.sampled_from(ids))
        common: dict[str, Any] = {
            "report_id": f"r{report}",
            "target": f"c{index}",
            "reason": f"word {number}",
        }
        if kind <= 2 and len(ids) >= 2:
            type_ = IncidentsUnlinked if kind == 2 else IncidentsLinked
            named = tuple(sorted(claim_id(*one) for one in draw(some)))
            payload: Struct = type_(claims=named, reason=str(number), requested_by="anna")
            appends.append((f"incident-{named[0]}", [payload]))
        elif kind == 3:
            payload = ClaimRetracted(
                basis=Basis.SOURCE, reported=occurred_from_edtf("2016-03-05"), **common
            )
            appends.append((f"report-r{report}", [payload]))
        elif kind == 4:
            payload = ClaimReinstated(
                basis=Basis.SOURCE, reported=occurred_from_edtf("2016-03-07"), **common
            )
            appends.append((f"report-r{report}", [payload]))
        elif kind == 5:
            changes = {"occurred": {"edtf": "2016-02-12", "earliest": "2016-02-12"}}
            changes["occurred"] |= {"latest": "2016-02-12", "precision": "day"}
            payload = ClaimCorrected(basis=Basis.CODING, changes=changes, **common)
            appends.append((f"report-r{report}", [payload]))
        else:
            stated = AffiliationStated(actor_id="russia", actor=ACTORS[1], relation="part_of")
            other = SourceAffiliated(source_id="a", affiliated_with="b")
            appends.append(("source-a", [other]) if number % 2 else ("actor-russia", [stated]))
    shuffled = draw(st.permutations(appends))
    registered: list[Struct] = [SourceRegistered(source_id=s, name=s) for s in "abc"]
    return [("source-abc", registered), *shuffled]


@contextmanager
def told_desk(
    folder: Path,
    template: Path,
    clock: Callable[[], datetime],
    story: list[tuple[str, list[Struct]]],
) -> Iterator[Desk]:
    path = folder / "story.db"
    for old in folder.glob("story.db*"):
        old.unlink()
    path.write_bytes(template.read_bytes())
    with opened_desk(f"sqlite:///{path}", folder, clock) as desk:
        for number, (stream, payloads) in enumerate(story):
            events = [
                new_event(p, event_id("main", stream, str(number), str(i)), {})
                for i, p in enumerate(payloads)
            ]
            desk.app.store.append([StreamAppend(stream, ANY, events)])
        yield desk


def folded(connection: Connection, known_on: str | None) -> set[tuple[str, ...]]:
    """One fold over everything that stands."""
    cutoff = None if known_on is None else moment_end(known_on, "Asia/Damascus")
    claims = [row.claim for row in read_rows(connection, "main", standing(cutoff))]
    found = incidents(claims, read_words(connection, "main"))
    return {tuple(c.claim_id for c in group) for group in found}


def stored(connection: Connection) -> set[tuple[str, ...]]:
    groups: dict[str, list[tuple[tuple[str, str], str]]] = {}
    for row in read_rows(connection, "main", standing(None)):
        groups.setdefault(str(row.incident_id), []).append((row.claim.order, row.claim.claim_id))
    assert all(i == "i-" + min(g)[1][2:] for i, g in groups.items())
    return {tuple(id_ for _, id_ in sorted(group)) for group in groups.values()}


def around_each(connection: Connection, known_on: str | None) -> set[tuple[str, ...]]:
    cutoff = None if known_on is None else moment_end(known_on, "Asia/Damascus")
    found: set[tuple[str, ...]] = set()
    for row in list(read_rows(connection, "main", standing(cutoff))):
        [group] = groups_around(connection, "main", cutoff, [row])
        found.add(tuple(c.claim_id for c in group))
    return found


def checksums(connection: Connection) -> Sequence[str]:
    from timeline.projections.incidents import IncidentsProjection

    return [checksum(connection, table, "main") for table in IncidentsProjection.tables]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(story=stories(), size=st.sampled_from([1, 3, 1000]), portion=st.sampled_from([1, 500]))
def test_incidents_are_those_of_one_fold_over_all_that_stands(
    tmp_path: Path,
    sqlite_template: Path,
    clock: Callable[[], datetime],
    story: list[tuple[str, list[Struct]]],
    size: int,
    portion: int,
) -> None:
    with (
        pytest.MonkeyPatch.context() as patched,
        told_desk(tmp_path, sqlite_template, clock, story) as desk,
    ):
        patched.setattr(batches, "EVENTS_PER_BATCH", size)
        patched.setattr(incident_rows, "KEYS_PER_READ_MAX", portion)
        desk.app.runner.catch_up()
        with read_transaction(desk.app.engine) as connection:
            expected = checksums(connection)
            assert stored(connection) == folded(connection, None)
            for known_on in TIMES:
                assert around_each(connection, known_on) == folded(connection, known_on)
        patched.setattr(batches, "EVENTS_PER_BATCH", 1000)
        patched.setattr(incident_rows, "KEYS_PER_READ_MAX", 500)
        desk.app.runner.rebuild(["incidents"])
        with read_transaction(desk.app.engine) as connection:
            assert checksums(connection) == expected
