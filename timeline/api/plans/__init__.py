"""Answers common queries by a plan: one statement a list, rows written out without resolvers."""
