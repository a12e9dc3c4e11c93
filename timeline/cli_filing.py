"""Files many reports with progress, their prose read in several processes ahead.

A run that is broken off is gone on with by the same command: what is filed already is known by its
bytes, and is not read again.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path

from timeline.bootstrap import Application
from timeline.cli_common import progress_bar
from timeline.domain.claims import Extractor, ReportFrame
from timeline.errors import ExtractorUnavailable, InvalidReport, TimelineError
from timeline.extraction.choosing import READ_BY_MANY_PROCESSES, new_extractor
from timeline.filing.ahead import ReadingAhead
from timeline.filing.deciding import publication
from timeline.filing.filing import Filed, Filing, Options, frame_of, framed, read_draft
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

    Where prose cannot be read at all, the run ends; the reports before it are filed.

    Args:
        app: The casebook.
        paths: Reports and folders.
        chosen: What the person who files adds.
        refused: Where refusals are collected.
        jobs: How many processes read prose; `None` is by the number of reports and processors.
            Other extractors than the rules read in this one.
    """
    found = list(paths_of(paths))
    wanted = jobs or min(os.cpu_count() or 1, len(found) // REPORTS_PER_JOB_MIN)
    if app.settings.extractor not in READ_BY_MANY_PROCESSES:
        wanted = 1
    filed = []
    with ExitStack() as stack:
        filing = app.filing
        ahead: ReadingAhead | None = None
        if wanted > 1:
            places, actors = app.reader.gazetteer(), app.reader.actor_table()
            make = partial(new_extractor, app.settings.extractor)
            ahead = ReadingAhead(make, places, actors, min(wanted, JOBS_MAX))
            stack.callback(ahead.close)
            filing = Filing(app.store, app.reader, app.runner, ahead, app.clock)
        on_progress = stack.enter_context(progress_bar("filing"))
        upcoming = deque(found)
        for index, path in enumerate(found):
            while ahead and upcoming and len(found) - len(upcoming) < index + ahead.announced_max:
                asked = _asked(app, ahead, upcoming.popleft(), chosen)
                if asked is not None:
                    ahead.announce(*asked)
            try:
                filed.append(filing.file(path, chosen))
            except InvalidReport as fault:
                if refused is None:
                    raise
                refused.append(fault)
            except ExtractorUnavailable as fault:  # nor would any other report be read
                if refused is None:
                    raise
                refused.append(fault)
                break
            on_progress(index + 1, len(found))
    return filed


def _asked(
    app: Application, extractor: Extractor, path: Path, chosen: Options
) -> tuple[str, ReportFrame] | None:
    """What an extractor will be asked when a report is filed; `None` where it will not be.

    So coded reports, those that are filed already, and those that are refused.
    """
    try:
        draft = framed(read_draft(path), extractor)
        if draft.readable_text is None or draft.claims is not None or chosen.without_claims:
            return None
        digest = sha256(draft.content).hexdigest()
        known = app.reader.find_report_versions(draft.report_id, draft.url, digest)
        if any(v.report_version == digest for v in known):
            return None
        when = publication(
            draft, chosen.published, chosen.reported, undated=chosen.undated, now=app.clock()
        )
    except InvalidReport:
        return None
    return draft.readable_text, frame_of(draft, when.reported.edtf)
