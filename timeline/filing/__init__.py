"""The one way in: commands that decide which events a report or a register entry becomes."""
