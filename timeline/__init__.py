"""An event-sourced timeline database for conflict reporting."""

from importlib.metadata import version

__version__ = version("conflict-timeline")
