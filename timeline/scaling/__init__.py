"""Rebuilds projections by many processes or machines, from an archive of the log."""
