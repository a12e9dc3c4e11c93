"""A casebook of another theatre than Syria: its places and actors, and what is read by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from timeline.bootstrap import application, initialise
from timeline.errors import PlaceNotFound
from timeline.filing.filing import Options
from timeline.settings import Settings


def test_a_casebook_knows_the_places_of_its_theatre_alone(tmp_path: Path) -> None:
    settings = Settings(f"sqlite:///{tmp_path}/iraq.db", "main")
    report = tmp_path / "report.md"
    report.write_text(
        "BAGHDAD, 14 November 2015 — Peshmerga took Sinjar from Islamic State on Friday.\n"
    )

    initialise(settings, theatre="iraq")
    with application(settings) as app:
        filed = app.filing.file(report, Options())
        place, _ = app.reader.find_place("Sinjar")
        held = app.reader.control(place.place_id, None, None)
        with pytest.raises(PlaceNotFound):
            app.reader.find_place("Khanasser")

    assert filed.claims == 1
    assert [h.actor_id for h in held.holders] == ["peshmerga"]
