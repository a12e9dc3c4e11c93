"""The composition root: puts store, projections, extractor and commands together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial

from sqlalchemy import Engine, event
from starlette.applications import Starlette

from timeline.api.serving import ServerSettings
from timeline.domain.claims import Extractor
from timeline.domain.events import EVENT_TYPES
from timeline.domain.time import check_time_zone, instant_text, moment_end
from timeline.domain.upcast import check_chains
from timeline.errors import InvalidEvent, VerificationFailed
from timeline.extraction.choosing import new_extractor
from timeline.filing.amending import Amending
from timeline.filing.commands import Commands
from timeline.filing.filing import Filing
from timeline.filing.linking import Linking
from timeline.filing.mending import Mender
from timeline.filing.recoding import Recoding
from timeline.filing.registering import Registering
from timeline.filing.reviewing import Reviewing
from timeline.filing.theatres import theatre_actors, theatre_places
from timeline.filing.withholding import Withholding
from timeline.projections.auditing import replayed_place
from timeline.projections.control import ControlProjection
from timeline.projections.entries import EntriesProjection
from timeline.projections.event_types import EventTypesProjection
from timeline.projections.incidents import IncidentsProjection
from timeline.projections.knowledge import KnowledgeDiff
from timeline.projections.outdated import Outdated, outdated
from timeline.projections.reading import Reader
from timeline.projections.register import ActorsProjection, PlacesProjection
from timeline.projections.replaying import Replay, replayed
from timeline.projections.reports import ReportsProjection
from timeline.projections.runner import Projection, Rebuilt, Runner
from timeline.projections.search import SearchProjection
from timeline.projections.searching import Search
from timeline.projections.stepping import Step, Stepping, stepping
from timeline.scaling import rebuilding
from timeline.settings import DEFAULT_THEATRE, DEFAULT_TIME_ZONE, Settings, normal_url
from timeline.store import migrate
from timeline.store.copying import Copied, casebooks_of, copy_casebook
from timeline.store.engine import connect
from timeline.store.event_store import EventStore
from timeline.store.events import Author
from timeline.store.idempotency import Requests
from timeline.store.tokens import Tokens
from timeline.store.verify import verify_log

POSITION_DIGITS_MAX = 18  # fits the 64 bits that a database has for it


def system_clock() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)


def all_projections() -> tuple[Projection, ...]:
    """Every projection, each after those whose tables it reads."""
    return (
        EventTypesProjection(),
        PlacesProjection(),
        ActorsProjection(),
        ReportsProjection(),
        EntriesProjection(),
        ControlProjection(),
        IncidentsProjection(),
        SearchProjection(),
    )


@dataclass
class Application:
    """One casebook of one database, with everything that can be done to it."""

    settings: Settings
    engine: Engine
    clock: Callable[[], datetime] = system_clock
    author: Author | None = None

    @cached_property
    def store(self) -> EventStore:
        """The log."""
        return EventStore(self.engine, self.settings.casebook, self.clock, self.author)

    @cached_property
    def tokens(self) -> Tokens:
        """Who may do what by GraphQL."""
        return Tokens(self.engine, self.settings.casebook, self.clock)

    @cached_property
    def _writing_runner(self) -> Runner:
        """Of those who write, one at a time; the other may catch up at the same moment."""
        return Runner(self.store, all_projections())

    def commands(self, author: Author) -> Commands:
        """What changes the casebook on behalf of an author."""
        store = EventStore(self.engine, self.settings.casebook, self.clock, author)
        reader, runner = self.reader, self._writing_runner
        return Commands(
            author=author,
            store=store,
            filing=Filing(store, reader, runner, self.extractor, self.clock),
            amending=Amending(store, reader, runner, self.clock),
            registering=Registering(store, reader, runner),
            mending=Mender(store, reader, runner),
            linking=Linking(store, reader, runner),
            reviewing=Reviewing(store, reader, runner),
            requests=Requests(self.engine, self.settings.casebook, self.clock),
        )

    @cached_property
    def reader(self) -> Reader:
        """Answers from the projections."""
        return Reader(self.engine, self.settings.casebook)

    @cached_property
    def runner(self) -> Runner:
        """Keeps the projections."""
        return Runner(self.store, all_projections())

    def rebuild(
        self,
        names: Collection[str],
        on_progress: Callable[[int, int], None],
        options: rebuilding.Options | None = None,
        on_stage: rebuilding.Progress = lambda _stage, _done, _total: None,
    ) -> Rebuilt:
        """Rebuild projections (all, when none is named), by many workers if `options` say how.

        Raises:
            TimelineError: as `Runner.rebuild` and `rebuilding.prepare` tell.
        """
        archived = 0

        def prepare(wanted: Collection[str]) -> None:
            nonlocal archived
            if options is not None:
                projections = all_projections()
                archived = rebuilding.prepare(self.store, projections, wanted, options, on_stage)

        rebuilt = self.runner.rebuild(names, on_progress, prepare)
        return replace(rebuilt, events=archived + rebuilt.events)

    @cached_property
    def extractor(self) -> Extractor:
        """Reads prose."""
        return new_extractor(self.settings.extractor)

    @cached_property
    def filing(self) -> Filing:
        """Files reports."""
        return Filing(self.store, self.reader, self.runner, self.extractor, self.clock)

    @cached_property
    def amending(self) -> Amending:
        """Corrects and retracts."""
        return Amending(self.store, self.reader, self.runner, self.clock)

    @cached_property
    def reviewing(self) -> Reviewing:
        """Signs claims."""
        return Reviewing(self.store, self.reader, self.runner)

    @cached_property
    def recoding(self) -> Recoding:
        """Stores second opinions."""
        return Recoding(self.store, self.reader, self.runner, self.extractor)

    @cached_property
    def registering(self) -> Registering:
        """Registers places and actors."""
        return Registering(self.store, self.reader, self.runner)

    @cached_property
    def linking(self) -> Linking:
        """Links claims of one incident."""
        return Linking(self.store, self.reader, self.runner)

    @cached_property
    def withholding(self) -> Withholding:
        """Destroys content that must not be kept."""
        return Withholding(self.store, self.reader, self.runner)

    @contextmanager
    def replay(
        self,
        until: str | None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Replay]:
        """The log replayed in memory until a position, or a day or instant of the record axis.

        Raises:
            InvalidDate: `until` is neither a position, nor a day, nor an instant with offset.
        """
        position, before = self._bounds(until)
        with replayed(
            self.store,
            all_projections(),
            until=position,
            recorded_before=before,
            on_progress=on_progress,
        ) as replay:
            yield replay

    def _bounds(self, until: str | None) -> tuple[int | None, str | None]:
        """The last position, and the end of the record time, that `until` means."""
        if until is None:
            return None, None
        if until.isascii() and until.isdecimal():
            beyond_any_log = len(until) > POSITION_DIGITS_MAX
            return None if beyond_any_log else int(until), None
        return None, self._record_end(until)

    @contextmanager
    def stepping(self, since: int, until: str | None) -> Iterator[tuple[Stepping, Iterator[Step]]]:
        """A replay in memory event by event, and its steps from a position on.

        Raises:
            InvalidDate: `until` is neither a position, nor a day, nor an instant with offset.
        """
        position, before = self._bounds(until)
        with stepping(self.store, all_projections()) as replay:
            yield replay, replay.steps(since=since, until=position, recorded_before=before)

    @cached_property
    def knowledge(self) -> KnowledgeDiff:
        """Compares what was known at two moments."""
        return KnowledgeDiff(self.store, self.reader)

    @cached_property
    def search(self) -> Search:
        """Finds by words."""
        return Search(self.engine, self.reader)

    def _record_end(self, moment: str) -> str:
        zone = self.store.casebook_row().time_zone
        return instant_text(moment_end(moment, zone))

    @contextmanager
    def replay_recorded_at(self, moment: str, place: str) -> Iterator[Replay]:
        """What bears on one place, as the log stood at the end of a day or at an instant.

        Raises:
            InvalidDate: `moment` is neither a day nor an instant with offset.
            PlaceNotFound: no place was called so then.
            AmbiguousPlace: several were.
        """
        shown = (ReportsProjection(), EntriesProjection(), ControlProjection())
        with replayed_place(self.store, shown, place, self._record_end(moment)) as replay:
            yield replay


@contextmanager
def application(
    settings: Settings, *, caught_up: bool = True, author: Author | None = None
) -> Iterator[Application]:
    """An application on a database whose schema is this release's.

    Args:
        settings: Which database and casebook.
        caught_up: Whether to bring the projections up to the end of the log first.
        author: Who makes the changes that are made with it.

    Raises:
        SchemaMismatch: the database is empty, older or newer; the message names the command.
        CasebookNotFound: the casebook has not been made.
        DatabaseUnavailable: the database did not answer.
    """
    check_chains(EVENT_TYPES)
    engine = connect(settings.database_url)
    try:
        migrate.require_file(engine)
        migrate.require_current(engine)
        app = Application(settings, engine, author=author)
        app.store.casebook_row()
        if caught_up:
            app.runner.catch_up()
        yield app
    finally:
        engine.dispose()


def outdated_projections(engine: Engine) -> tuple[Outdated, ...]:
    """The projections of any casebook that are of an older version than this release's."""
    return outdated(engine, all_projections())


def initialise(
    settings: Settings,
    *,
    time_zone: str | None = None,
    theatre: str | None = None,
    clock: Callable[[], datetime] = system_clock,
) -> int:
    """Migrate a database to head, make the casebook, and register the seeds' places and actors.

    Doing so again adds only what is missing; a casebook keeps its time zone and theatre.

    Returns:
        How many places and actors were new.

    Raises:
        InvalidDate: no such time zone.
        InvalidEvent: the casebook has another time zone or theatre.
        SchemaMismatch: a newer release has migrated the database.
        DatabaseUnavailable: the database did not answer.
    """
    check_time_zone(time_zone or DEFAULT_TIME_ZONE)
    engine = connect(settings.database_url)
    try:
        migrate.upgrade(engine)
        app = Application(settings, engine, clock)
        made = app.store.open_casebook(time_zone or DEFAULT_TIME_ZONE, theatre or DEFAULT_THEATRE)
        if time_zone not in (None, made.time_zone) or theatre not in (None, made.theatre):
            raise InvalidEvent(
                f"casebook {made.casebook} has the time zone {made.time_zone} and the theatre"
                f" {made.theatre}, which stay; give another --casebook"
            )
        return app.registering.register(theatre_places(made.theatre), theatre_actors(made.theatre))
    finally:
        engine.dispose()


@dataclass(frozen=True)
class CopiedCasebook:
    """What copying one casebook came to; `verified` counts the events that hold in the target."""

    casebook: str
    copied: Copied
    verified: int


def copy_database(
    source: Settings,
    target_url: str,
    casebook: str | None,
    progress: Callable[[str], AbstractContextManager[Callable[[int, int], None]]],
) -> Iterator[CopiedCasebook]:
    """Copy one casebook, or all, to another database; verify and project them there.

    Raises:
        CopyRefused: the target holds something else.
        VerificationFailed: one of the logs does not hold.
        SchemaMismatch: the source is not of this release.
        DatabaseUnavailable: one of the databases did not answer.
    """
    engine, target_engine = connect(source.database_url), connect(normal_url(target_url))
    try:
        migrate.require_file(engine)
        migrate.require_current(engine)
        migrate.upgrade(target_engine)
        for name in (casebook,) if casebook else casebooks_of(engine):
            target = Application(Settings(target_url, name), target_engine)
            with progress(f"copying {name}") as on_progress:
                copied = copy_casebook(
                    EventStore(engine, name, system_clock), target.store, on_progress
                )
            verified = verify_log(target_engine, name)
            if not verified.holds or verified.head != copied.head:
                raise VerificationFailed(
                    f"the copy does not hold at position {verified.position}: {verified.reason}"
                )
            target.runner.catch_up()
            yield CopiedCasebook(name, copied, verified.checked)
    finally:
        engine.dispose()
        target_engine.dispose()


def api_app(
    app: Application, settings: ServerSettings | None = None, *, anonymous_read: bool = True
) -> Starlette:
    """The HTTP server's application; what a request reads is given less time than what projects.

    With `anonymous_read` whoever shows no token may read.
    """
    from timeline.api.access import Gate
    from timeline.api.app import create_app

    settings = settings or ServerSettings()
    reading = connect(app.settings.database_url, settings.statement_seconds)
    event.listen(app.engine, "engine_disposed", lambda _: reading.dispose())
    casebook = app.settings.casebook
    reader, store = Reader(reading, casebook), EventStore(reading, casebook, app.clock)

    def build(should_stop: Callable[[], bool]) -> object:
        return app.runner.build_outdated(should_stop=should_stop)

    check_schema = partial(migrate.require_current, app.engine)
    gate = Gate(app.tokens, app.commands, anonymous_read=anonymous_read)
    return create_app(reader, store, app.runner.catch_up, build, settings, check_schema, gate)
