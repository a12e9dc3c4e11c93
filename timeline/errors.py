"""Every deliberate exception, under one base; each message is one sentence a person can act on."""

from __future__ import annotations


class TimelineError(Exception):
    """The request was refused; nothing was written."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class InvalidDate(TimelineError):
    """A date could not be read, or is no day of the calendar; correct it and try again."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"date {text!r}: {reason}")
        self.text, self.reason = text, reason


class InvalidReport(TimelineError):
    """A report cannot be filed as it stands; mend the file and file it again."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class InvalidEvent(TimelineError):
    """An event does not fit its type's schema; nothing was appended."""


class UnknownEventSchema(TimelineError):
    """An event was written by a newer release; install that release to read it."""

    def __init__(self, type_: str, schema_version: int) -> None:
        super().__init__(
            f"event type {type_} with schema version {schema_version} is not known to this release;"
            " install the newer release that wrote it"
        )
        self.type, self.schema_version = type_, schema_version


class WrongExpectedVersion(TimelineError):
    """Another writer appended to the stream first; reload it and decide again."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream}: expected version {expected}, found {actual}")
        self.stream, self.expected, self.actual = stream, expected, actual


class EventIdReused(TimelineError):
    """An event id is taken by an event with other content; nothing was appended."""

    def __init__(self, event_id: str, position: int) -> None:
        super().__init__(f"event id {event_id} is taken by another event, at position {position}")
        self.event_id, self.position = event_id, position


class PlaceNotFound(TimelineError):
    """No place has that name; look it up in `timeline query '{places(first: 20) ...}'`."""

    def __init__(self, name: str, suggestions: tuple[str, ...] = ()) -> None:
        hint = f"; did you mean {', '.join(suggestions)}?" if suggestions else ""
        super().__init__(f"no place is known by the name {name!r}{hint}")
        self.name, self.suggestions = name, suggestions


class AmbiguousPlace(TimelineError):
    """Several places have that name; ask again with one of their ids."""

    def __init__(self, name: str, candidates: tuple[str, ...]) -> None:
        super().__init__(f"{name!r} may be any of {', '.join(candidates)}; ask for one by its id")
        self.name, self.candidates = name, candidates


class NotFound(TimelineError):
    """There is nothing under that id."""


class InvalidSearch(TimelineError):
    """A search asks for nothing, or for too much; give it one word or more."""


class ExtraNotInstalled(TimelineError):
    """A command needs a library that the base install leaves out; install the extra it names."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more libraries: pip install 'conflict-timeline[{extra}]'")
        self.extra = extra


class SchemaMismatch(TimelineError):
    """The database's schema is not this release's; run the command that the message names."""


class DatabaseUnavailable(TimelineError):
    """The database did not answer; start it or correct its URL and try again."""


class VerificationFailed(TimelineError):
    """The log or a projection does not hold; restore from a copy that verifies."""


class CasebookNotFound(NotFound):
    """The database holds no such casebook; make it with `timeline init --casebook NAME`."""

    def __init__(self, casebook: str) -> None:
        super().__init__(
            f"there is no casebook {casebook!r}; make it with `timeline init --casebook {casebook}`"
        )
        self.casebook = casebook


class PartlyAppended(TimelineError):
    """Some of the events are in the log and others are not; append only those that are missing."""

    def __init__(self, stream: str, present: int, missing: int) -> None:
        super().__init__(
            f"stream {stream}: {present} of the events are in the log and {missing} are not;"
            " append only the missing ones, or expect any version"
        )
        self.stream, self.present, self.missing = stream, present, missing


class InvalidDocument(TimelineError):
    """A document's bytes are not what its digest says; nothing was written."""

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(f"document {digest}: {reason}")
        self.digest, self.reason = digest, reason


class InvalidCheckpoint(TimelineError):
    """A checkpoint is not one of this casebook's; use one exactly as it was given to you."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"checkpoint {text!r}: {reason}")
        self.text, self.reason = text, reason


class InvalidSetting(TimelineError):
    """A setting of the environment cannot be used; mend it and start again."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name


class StatementTooSlow(TimelineError):
    """The database was stopped at a statement that took too long; ask for less."""

    def __init__(self) -> None:
        super().__init__(
            "the query takes the database too long; ask for smaller pages or fewer fields"
        )


class DatabaseBusy(DatabaseUnavailable):
    """Another writer held the database too long; nothing was written, try again."""


class WouldDestroyLog(TimelineError):
    """A downgrade would destroy the log; keep the database, or copy the log away first."""

    def __init__(self, events: int) -> None:
        super().__init__(f"this downgrade would destroy the log of {events} events; it was refused")
        self.events = events


class AddressUnavailable(TimelineError):
    """The server cannot listen there; free the port, or give another --host or --port."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host} port {port} ({reason}); give another --port")
        self.host, self.port = host, port


class ProjectionHalted(TimelineError):
    """A projection stands still while the log goes on; what it says is not all that is filed."""

    def __init__(self, name: str, position: int, told: str) -> None:
        super().__init__(f"{told}; see `timeline status`")
        self.name, self.position = name, position


class ProjectionFailed(TimelineError):
    """An event cannot be projected; mend what its reason names, or install a release that can."""

    def __init__(self, name: str, position: int, reason: str) -> None:
        super().__init__(f"event {position} stops the projection {name}: {reason}")
        self.name, self.position, self.reason = name, position, reason


class BuildTakenOver(TimelineError):
    """Another process began another rebuild instead, or threw this one away; run it again."""


class SwapTooLong(TimelineError):
    """Writers would wait in vain for a swap to end; rebuild when nobody files."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"writing what differs takes longer than {seconds:g} s, for which others would wait;"
            " run `timeline rebuild` when nobody files"
        )
        self.seconds = seconds


class TooManyClaims(TimelineError):
    """Linking so many claims as known on another day takes too long; ask for one place."""

    def __init__(self, claims: int, claims_max: int) -> None:
        super().__init__(
            f"{claims} claims would have to be linked as known on that day, and {claims_max} is the"
            " most; ask for one place, or leave the date of knowledge out"
        )
        self.claims, self.claims_max = claims, claims_max


class InvalidToken(TimelineError):
    """A token cannot be made like that; see `timeline token create --help`."""


class KeyReused(TimelineError):
    """An idempotency key is taken by another request; give each request a key of its own."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"the idempotency key {key!r} {reason}")
        self.key, self.reason = key, reason
