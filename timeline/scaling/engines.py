"""Runs the tasks of a stage on this machine's cores, on a Dask cluster or on Spark.

All three call the same function with a folder, a stage and a number, and give back what it returns;
a task whose worker was lost is run again. The libraries are extras, imported where they are used.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from typing import Any, Protocol

from timeline.errors import ExtraNotInstalled, TimelineError
from timeline.scaling.tasks import run_task

WORKERS_LOST_MAX = 3
SCHEDULER_SECONDS_MAX = 10
SPARK_MASTER = "local[*]"


class EngineName(StrEnum):
    """What runs the tasks of a rebuild."""

    LOCAL = "local"
    DASK = "dask"
    SPARK = "spark"


class EngineUnavailable(TimelineError):
    """What should run the tasks does not answer; start it, or give another address."""


@dataclass(frozen=True)
class EngineOptions:
    """Which engine, and where it is.

    Attributes:
        name: Which.
        workers: How many processes on this machine; `None` is one a core. Not for a cluster.
        scheduler: Of Dask; `None` starts workers on this machine.
        master: Of Spark.
    """

    name: EngineName = EngineName.LOCAL
    workers: int | None = None
    scheduler: str | None = None
    master: str = SPARK_MASTER


class Engine(Protocol):
    """Runs tasks; `workers` is about how many at once."""

    workers: int

    def run(self, folder: str, stage: str, numbers: Sequence[int]) -> Iterator[bytes]:
        """What the tasks of a stage return, as they are done."""


@contextmanager
def opened(options: EngineOptions) -> Iterator[Engine]:
    """An engine, for as long as the context lasts.

    Raises:
        ExtraNotInstalled: its library is not there.
        EngineUnavailable: it cannot be reached, or started.
    """
    if options.name is EngineName.DASK:
        with _dask_client(options) as client:
            yield _Dask(client)
    elif options.name is EngineName.SPARK:
        with _spark_context(options.master) as context:
            yield _Spark(context)
    else:
        with closing(_Local(options.workers or os.cpu_count() or 1)) as engine:
            yield engine


class _Local:
    """Processes of this machine, which live through all stages."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def run(self, folder: str, stage: str, numbers: Sequence[int]) -> Iterator[bytes]:
        waiting = set(numbers)
        for _ in range(WORKERS_LOST_MAX):
            self._pool = self._pool or ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn")
            )
            try:
                futures = {
                    self._pool.submit(run_task, folder, stage, n): n for n in sorted(waiting)
                }
                for future in as_completed(futures):
                    done = future.result()
                    waiting.discard(futures[future])
                    yield done
            except BrokenProcessPool:
                self.close()  # a process was killed, and the pool with it: what is left runs again
            else:
                return
        raise EngineUnavailable(
            f"workers were killed {WORKERS_LOST_MAX} times; is there memory for so many --workers?"
        )

    def close(self) -> None:
        """End the processes; tasks that have not begun are not run."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None


class _Dask:
    """A Dask cluster, which runs a lost worker's tasks on another."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - an optional library
        self._client = client
        self.workers = max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)

    def run(self, folder: str, stage: str, numbers: Sequence[int]) -> Iterator[bytes]:
        from distributed import KilledWorker
        from distributed import as_completed as completed

        futures = [self._client.submit(run_task, folder, stage, n, pure=False) for n in numbers]
        try:
            for future in completed(futures, loop=self._client.loop):
                yield future.result()
        except (KilledWorker, OSError) as fault:
            raise EngineUnavailable(f"the Dask cluster gave a task up: {fault}") from None
        finally:
            self._client.cancel(futures)


@contextmanager
def _dask_client(options: EngineOptions) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ExtraNotInstalled("the engine dask", "dask") from None
    if options.scheduler is not None:
        try:
            client = Client(options.scheduler, timeout=SCHEDULER_SECONDS_MAX, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as fault:
            raise EngineUnavailable(f"no Dask scheduler answers at {options.scheduler}") from fault
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=options.workers or os.cpu_count() or 1,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


class _Spark:
    """Spark, one task a partition of a list of numbers: nothing goes through its own shuffle."""

    def __init__(self, context: Any) -> None:  # noqa: ANN401 - an optional library
        self._context = context
        self.workers = max(int(context.defaultParallelism), 1)

    def run(self, folder: str, stage: str, numbers: Sequence[int]) -> Iterator[bytes]:
        if not numbers:
            return
        from py4j.protocol import Py4JError

        def of_partition(some: Iterable[int]) -> Iterator[bytes]:
            return (run_task(folder, stage, number) for number in some)

        tasks = self._context.parallelize(numbers, len(numbers)).mapPartitions(of_partition)
        try:
            yield from tasks.collect()
        except Py4JError as fault:
            told = (str(fault).splitlines() or [""])[0]
            raise EngineUnavailable(f"Spark gave a task up: {told}") from None


@contextmanager
def _spark_context(master: str) -> Iterator[Any]:
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException, PySparkRuntimeError
    except ImportError:
        raise ExtraNotInstalled("the engine spark", "spark") from None
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = SparkConf().setMaster(master).setAppName("timeline rebuild")
    conf.set("spark.ui.enabled", "false").set("spark.ui.showConsoleProgress", "false")
    conf.set("spark.log.level", "ERROR")
    if path := os.environ.get("PYTHONPATH"):
        conf.set("spark.executorEnv.PYTHONPATH", path)
    try:
        context = SparkContext(conf=conf)
    except (Py4JError, PySparkException, PySparkRuntimeError, OSError) as fault:
        told = next((w for w in str(fault).splitlines() if w.strip()), type(fault).__name__)
        raise EngineUnavailable(f"Spark does not start with {master}: {told}") from None
    try:
        yield context
    finally:
        context.stop()
