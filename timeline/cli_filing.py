"""Files many reports with progress, their prose read in several processes ahead.

A run that is broken off is gone on with by the same command: what is filed already is known by its
bytes, and is not read again.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from timeline.bootstrap import Application
from timeline.cli_common import progress_bar
from timeline.errors import InvalidReport, TimelineError
from timeline.filing.filing import Filed, Options
from timeline.filing.filing import report_paths as paths_of

# A process loads a language model of its own: fewer reports are read sooner by this one.
REPORTS_PER_JOB_MIN = 40
JOBS_MAX = 32


def file_all(
    app: Application,
    paths: Sequence[Path],
    chosen: Options,
    refused: list[TimelineError] | None = None,
    jobs: int | None = None,
) -> list[Filed]:
    """File each report; what is refused is collected, or raised when nobody collects.

    Args:
        app: The casebook.
        paths: Reports and folders.
        chosen: What the person who files adds.
        refused: Where refusals are collected.
        jobs: How many processes read prose; `None` is by the number of reports and processors.
    """
    found = list(paths_of(paths))
    wanted = jobs or min(os.cpu_count() or 1, len(found) // REPORTS_PER_JOB_MIN)
    filed = []
    with ExitStack() as stack:
        filing, ahead = app.filing, None
        if wanted > 1:
            filing, ahead = stack.enter_context(app.filing_ahead(min(wanted, JOBS_MAX)))
        on_progress = stack.enter_context(progress_bar("filing"))
        upcoming = deque(found)
        for index, path in enumerate(found):
            while ahead and upcoming and len(found) - len(upcoming) < index + ahead.announced_max:
                asked = filing.asked_of_extractor(upcoming.popleft(), chosen)
                if asked is not None:
                    ahead.announce(*asked)
            try:
                filed.append(filing.file(path, chosen))
            except InvalidReport as fault:
                if refused is None:
                    raise
                refused.append(fault)
            on_progress(index + 1, len(found))
    return filed
