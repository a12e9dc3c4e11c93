"""What all commands share: options, consoles, error lines and exit codes."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from timeline.bootstrap import Application, application
from timeline.domain.claims import Extractor
from timeline.errors import TimelineError
from timeline.extraction.choosing import account_of
from timeline.settings import Settings, settings_from
from timeline.store.events import Author

EXIT_REFUSED = 1
_DRIVES_TERMINALS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="SQLite file or Postgres URL; TIMELINE_DATABASE_URL, else sqlite:///timeline.db.",
    ),
]
Casebook = Annotated[
    str | None, typer.Option("--casebook", metavar="NAME", help="Which log; main by default.")
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="T", help="The end of this day, or an instant with offset."),
]
KnownOn = Annotated[
    str | None,
    typer.Option("--known-on", metavar="D", help="As published by this day or instant."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
ExtractorName = Annotated[
    str | None,
    typer.Option(
        "--extractor", metavar="NAME", help="What reads prose; TIMELINE_EXTRACTOR, else rules."
    ),
]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class GlobalOptions:
    """Options given before the command, which the command's own override."""

    database: str | None = None
    casebook: str | None = None


def settings_of(
    database: str | None, casebook: str | None, extractor: str | None = None
) -> Settings:
    """The settings of a command."""
    return settings_from(
        database or GlobalOptions.database,
        casebook or GlobalOptions.casebook,
        os.environ,
        extractor,
    )


def author() -> Author:
    """Who runs this command: the name under which they are logged in."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        name = "unknown"
    return Author(name[:100], "cli")


@contextmanager
def opened(
    database: str | None,
    casebook: str | None,
    *,
    extractor: str | None = None,
    caught_up: bool = True,
    warns: bool = True,
) -> Iterator[Application]:
    """The application on the command's database, its projections caught up unless told not to.

    Warns on stderr of projections that stand still, whose answers are not all that is filed.
    """
    chosen = settings_of(database, casebook, extractor)
    with application(chosen, caught_up=caught_up, author=author()) as app:
        if caught_up and warns:
            for status in app.runner.halted():
                warn(str(status))
        yield app


def print_json(value: Any) -> None:  # noqa: ANN401 - JSON may be anything
    """Print JSON for scripts: UTF-8, keys in a fixed order, two spaces a level.

    What could drive a terminal, control and direction characters, is written as JSON escapes.
    """
    written = json.dumps(value, ensure_ascii=False, indent=2)
    escaped = _DRIVES_TERMINALS.sub(lambda m: f"\\u{ord(m.group()):04x}", written)
    sys.stdout.write(escaped + "\n")
    sys.stdout.flush()


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, shown only in a terminal and only after the first report."""
    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield report


def refuse(message: str) -> int:
    """Say on stderr, in one line, why a command was refused; returns its exit code.

    A message may quote a report, so what could drive a terminal is taken out.
    """
    plain = "".join(c if c.isprintable() else " " for c in message)
    sys.stderr.write(" ".join(plain.split()) + "\n")
    return EXIT_REFUSED


def warn(message: str) -> None:
    """Say something on stderr, in one line, without refusing."""
    refuse(f"warning: {message}")


@contextmanager
def accounted(reads: Application | Extractor) -> Iterator[None]:
    """Say on stderr what an extractor has used up, however its work ends."""
    extractor = reads.extractor if isinstance(reads, Application) else reads
    try:
        yield
    finally:
        told = account_of(extractor)
        if told is not None:
            refuse(told)


def run(app: typer.Typer) -> int:
    """Run the command line; 0 done, 1 refused with one line on stderr, 2 wrong usage."""
    try:
        result = app(standalone_mode=False)
    except TimelineError as fault:
        return refuse(str(fault))
    except UnicodeEncodeError:
        return refuse("text that is not UTF-8 cannot be read or printed here; use UTF-8")
    except typer.Abort:
        return refuse("interrupted")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as fault:
        return refuse(f"cannot go on: {fault.strerror or fault}")
    except typer.TyperException as fault:
        return _usage(fault)
    return result if isinstance(result, int) else 0


def _usage(fault: typer.TyperException) -> int:
    show: Callable[[], None] = getattr(fault, "show", lambda: None)
    show()
    return int(getattr(fault, "exit_code", 2))
