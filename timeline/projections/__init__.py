"""Replays the log into tables that questions are answered from; nothing here is the truth."""
