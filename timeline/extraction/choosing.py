"""Chooses who reads prose: the rules, or another extractor that a package offers by entry point.

A package offers one in the group `timeline.extractors`: a name, and a callable without arguments
that gives an `Extractor` of the domain. This package's own are found without its metadata, so that
a checkout needs no new installation to have them.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from timeline.domain.claims import Extractor
from timeline.errors import ExtractorNotFound, ExtractorUnavailable, TimelineError
from timeline.settings import DEFAULT_EXTRACTOR

GROUP = "timeline.extractors"
OWN = {
    "llm": "timeline.extraction.llm:LlmExtractor",
    "rules": "timeline.extraction.extractor:RuleExtractor",
}
# What these make of a text does not depend on where they run, nor do they spend anybody's money.
READ_BY_MANY_PROCESSES = frozenset({"rules"})


def installed() -> tuple[str, ...]:
    """The names that an extractor can be chosen by, in order."""
    return tuple(sorted({*OWN, *entry_points(group=GROUP).names}))


def new_extractor(name: str = DEFAULT_EXTRACTOR) -> Extractor:
    """The extractor of that name; a model is loaded when it first reads.

    Raises:
        ExtractorNotFound: none is installed under that name; the message lists those that are.
        ExtractorUnavailable: it cannot be loaded.
        TimelineError: as the extractor says, such as a setting that it needs.
    """
    try:
        extractor: Extractor = _entry_point(name).load()()
    except TimelineError:
        raise
    except Exception as fault:  # another package's code may fail in any way
        raise ExtractorUnavailable(
            f"extractor {name!r}", f"it cannot be loaded: {fault}"
        ) from fault
    return extractor


def _entry_point(name: str) -> EntryPoint:
    if name in OWN:  # nobody else's may stand in for it
        return EntryPoint(name, OWN[name], GROUP)
    found = entry_points(group=GROUP, name=name)
    if not found:
        raise ExtractorNotFound(name, installed())
    return next(iter(found))


def account_of(extractor: Extractor) -> str | None:
    """What an extractor has used up, in a line; `None` for one that keeps no account of it."""
    account = getattr(extractor, "account", None)
    return account() if callable(account) else None
