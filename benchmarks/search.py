"""Measures search and archives on a generated casebook: building, asking, writing, checking.

    python -m benchmarks.search [--reports 20000] [--database URL]

Each report has three claims, each with a quote of its own; words and places are drawn by Zipf's
law. Without --database it runs on SQLite in a temporary folder. Times are of this process alone.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource as limits
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from timeline.bootstrap import all_projections
from timeline.domain.claims import ClaimType, Evidence, ProposedClaim, identified
from timeline.domain.events import (
    DocumentMention,
    ReportFiled,
    claim_from,
    encode,
    schema_version,
)
from timeline.domain.names import Name
from timeline.domain.places import PlaceKind, PlaceMention, Relation
from timeline.domain.reference_events import PlaceRegistered
from timeline.domain.time import occurred_from_edtf
from timeline.projections.reading import Reader
from timeline.projections.runner import Runner
from timeline.projections.searching import Search
from timeline.store import migrate
from timeline.store.archive import archive
from timeline.store.archive_check import verify_archive
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend

NAMESPACE = uuid.UUID("1b5c7a52-7d5e-4ad4-9d75-0a4f1f5a9c20")
VOCABULARY, PLACES, CLAIMS, REPORTS_PER_APPEND, REPEATS = 20_000, 2_000, 3, 500, 30
FIRST_DAY = date(2016, 1, 1)
WORDS = [f"w{n:05}" for n in range(VOCABULARY)]
WEIGHTS = [1 / (n + 1) for n in range(VOCABULARY)]
QUERIES = {
    "a rare word": WORDS[15_000],
    "a common word": WORDS[3],
    "two common words": f"{WORDS[3]} {WORDS[9]}",
    "a phrase of common words": f'"{WORDS[1]} {WORDS[2]}"',
    "a beginning": "w123*",
    "a place": "Town0042",
}


def events_of(stream: str, payloads: list[object]) -> StreamAppend:
    """An append of payloads under ids of their own."""
    events = []
    for number, payload in enumerate(payloads):
        type_ = type(payload).__name__
        id_ = str(uuid.uuid5(NAMESPACE, f"{stream} {number}"))
        events.append(NewEvent(id_, type_, schema_version(type_), encode(payload)))  # type: ignore[arg-type]
    return StreamAppend(stream, ANY, events)


def report(number: int, chosen: random.Random) -> tuple[StreamAppend, Document]:
    """A report whose claims quote it."""
    quotes = [
        " ".join(chosen.choices(WORDS, WEIGHTS, k=chosen.randint(8, 24))) for _ in range(CLAIMS)
    ]
    text = ". ".join(quotes)
    document = Document.of("text/plain", text.encode())
    id_, version = f"r{number}", hashlib.sha256(text.encode()).hexdigest()
    mention = DocumentMention(
        digest=document.digest, media_type="text/plain", byte_length=len(text.encode())
    )
    day = str(FIRST_DAY + timedelta(days=number % 700))
    claims, start = [], 0
    for quote in quotes:
        place = f"{min(int(chosen.paretovariate(0.6)), PLACES) - 1:04}"
        claims.append(
            ProposedClaim(
                type=ClaimType.CLASH,
                place=PlaceMention(
                    as_named=f"Town{place}", place_id=f"town-{place}", name=f"Town{place}",
                    relation=Relation.AT, geo_precision=1,
                ),
                occurred=occurred_from_edtf(day),
                evidence=Evidence(span_start=start, span_end=start + len(quote)),
            )
        )  # fmt: skip
        start += len(quote) + 2
    ids = identified(tuple(claims), version)
    filed = ReportFiled(
        report_id=id_, report_version=version, title=f"Report {number} {quotes[0][:40]}",
        published=day, reported=occurred_from_edtf(day), undated=False, document=mention,
        text_document=mention, claim_count=CLAIMS,
    )  # fmt: skip
    told = [claim_from(c, i, id_, version) for c, i in zip(claims, ids, strict=True)]
    return events_of(f"report-{id_}", [filed, *told]), document


def fill(store: EventStore, reports: int) -> None:
    """Register places and file reports, without projecting them."""
    chosen = random.Random(7)
    places = [
        PlaceRegistered(
            place_id=f"town-{n:04}", name=f"Town{n:04}", kind=PlaceKind.TOWN,
            names=(Name(name=f"بلدة {n}", language="ar"),),
        )
        for n in range(PLACES)
    ]  # fmt: skip
    store.append([events_of(f"place-{p.place_id}", [p]) for p in places])
    for start in range(0, reports, REPORTS_PER_APPEND):
        made = [report(n, chosen) for n in range(start, min(start + REPORTS_PER_APPEND, reports))]
        documents = {d.digest: d for _, d in made}
        store.append([a for a, _ in made], list(documents.values()))


def timed(what: str, events: int, do: Callable[[], object]) -> None:
    """Print how long it takes."""
    started = time.perf_counter()
    do()
    seconds = time.perf_counter() - started
    print(f"{what}: {seconds:.1f} s, {events / seconds:,.0f} events/s", flush=True)


def peak_mib() -> float:
    """The most memory that this process has had, in MiB."""
    return limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024


def latencies(search: Search, sought: str) -> Iterator[float]:
    """How long searches take, in milliseconds."""
    for _ in range(REPEATS):
        started = time.perf_counter()
        search.find(sought, first=50)
        yield (time.perf_counter() - started) * 1000


def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reports", type=int, default=20_000)
    options.add_argument("--database")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(given.database or f"sqlite:///{folder}/bench.db")
        migrate.upgrade(engine)
        store = EventStore(engine, "main", lambda: datetime.now(UTC))
        store.open_casebook("Asia/Damascus", "syria")
        fill(store, given.reports)
        events = store.head().position
        print(f"{engine.dialect.name}, {events:,} events, {given.reports:,} reports")
        # Each alone, so that each reads the log; control has a benchmark of its own.
        for projection in all_projections():
            if projection.name != "control":
                timed(f"project {projection.name}", events, Runner(store, [projection]).catch_up)
        search = Search(engine, Reader(engine, "main"))
        for what, sought in QUERIES.items():
            times = sorted(latencies(search, sought))
            told = f"median {times[REPEATS // 2]:.1f} ms, worst {times[-1]:.1f} ms"
            print(f"search for {what}: {search.count(sought):,} hits, first 50 in {told}")
        before = peak_mib()
        target = Path(folder) / "archive"
        timed("archive", events, lambda: archive(store, target))
        timed("verify --archive", events, lambda: verify_archive(target))
        size = sum(p.stat().st_size for p in target.iterdir())
        print(f"archive: {size / 2**20:.1f} MiB; peak memory {before:.0f} -> {peak_mib():.0f} MiB")
        engine.dispose()


if __name__ == "__main__":
    main()
