"""Appends to, reads and verifies the log; keeps documents; SQLite and Postgres behind one face."""
