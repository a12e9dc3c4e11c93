"""The commands that travel through the log and through knowledge: replay and diff."""

from __future__ import annotations

from typing import Annotated

import typer

from timeline import presentation, presentation_changes
from timeline.bootstrap import Application
from timeline.cli_common import (
    AsJson,
    Casebook,
    Database,
    opened,
    out,
    print_json,
    progress_bar,
)
from timeline.domain.places import Place
from timeline.projections.reading import Filters, Reader

Until = Annotated[
    str | None,
    typer.Option("--until", metavar="POSITION|TIME", help="The end of the log when not given."),
]
OnePlace = Annotated[str | None, typer.Option("--place", metavar="P", help="Only this one.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (replay, diff):
        app.command()(command)


def replay(
    until: Until = None,
    place: OnePlace = None,
    steps: Annotated[
        bool, typer.Option("--steps", help="Also tell what each event changed.")
    ] = False,
    since: Annotated[
        int, typer.Option("--from", metavar="POSITION", min=1, help="Tell steps from here on.")
    ] = 1,
    as_json: AsJson = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Replay the log in memory and show the state at that point of the record axis."""
    with opened(database, casebook) as app:
        if steps:
            _step_through(app, since, until, place, as_json=as_json)
            return
        with progress_bar("replaying") as on_progress, app.replay(until, on_progress) as done:
            told = _State(done.reader, place)
        if as_json:
            print_json({"position": done.position, "events": done.events, "places": told.json()})
            return
        told.print(done.events, done.position, done.recorded_at)


class _State:
    """What a replay came to, for all places or one."""

    def __init__(self, reader: Reader, name: str | None) -> None:
        self._place = None if name is None else reader.find_place(name)
        if self._place is None:
            self._held = reader.control_map()
        else:
            place = self._place[0]
            self._held = ((place, reader.control(place.place_id)),)
            self._page = reader.timeline(Filters(place_id=place.place_id))

    def json(self) -> list[dict[str, object]]:
        return [
            {"place_id": p.place_id, "name": p.name, "control": presentation.control_json(c)}
            for p, c in self._held
        ]

    def print(self, events: int, position: int, recorded_at: str | None) -> None:
        out.print(
            f"replayed {events} events, to position {position} of {recorded_at or 'an empty log'}\n"
        )
        if self._place is None:
            out.print(presentation.control_table(self._held))
        else:
            found, match = self._place
            out.print(presentation.show_text(found, match, self._held[0][1], self._page))


def _step_through(
    app: Application, since: int, until: str | None, place: str | None, *, as_json: bool
) -> None:
    wanted = _known_place(app, place)
    gazetteer = app.reader.gazetteer()
    ids = (wanted.place_id, *gazetteer.merged_into(wanted.place_id)) if wanted else None
    with app.stepping(since, until) as (replay_, steps):
        if as_json:
            told = presentation_changes.steps_json(steps, ids)
            places = _State(replay_.reader, place).json()
            print_json(
                {
                    "position": replay_.position,
                    "events": replay_.events,
                    "steps": told,
                    "places": places,
                }
            )
            return
        time_zone = replay_.reader.time_zone
        for step in steps:
            if ids is None or step.touches(ids):
                for line in presentation_changes.step_lines(step, time_zone):
                    out.print(line, soft_wrap=True)
        out.print("")
        state = _State(replay_.reader, place)
        state.print(replay_.events, replay_.position, replay_.recorded_at)


def _known_place(app: Application, name: str | None) -> Place | None:
    """The place by today's gazetteer, before a long replay begins."""
    return None if name is None else app.reader.find_place(name)[0]


def diff(
    known_on: Annotated[
        str, typer.Option("--known-on", metavar="D1", help="As published by this day or instant.")
    ],
    and_on: Annotated[str, typer.Option("--and", metavar="D2", help="And by this later one.")],
    place: OnePlace = None,
    as_json: AsJson = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Say what changed in what was known between two dates, and which reports changed it."""
    with opened(database, casebook) as app:
        wanted = _known_place(app, place)
        found = app.knowledge.between(known_on, and_on, wanted.place_id if wanted else None)
        time_zone = app.reader.time_zone
    if as_json:
        print_json(presentation_changes.diff_json(known_on, and_on, found))
        return
    if not found:
        out.print(f"nothing became known otherwise between {known_on} and {and_on}")
    for line in presentation_changes.diff_lines(found, time_zone):
        out.print(line, soft_wrap=True)
