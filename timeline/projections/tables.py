"""Declares the projections' tables; all of them can be dropped and built again from the log.

A row's `position` is that of the event that last wrote it.

Instants are fixed-width UTC text (`instant_text`), the same on both engines, so that text order is
time order. `data` columns hold canonical JSON of domain types.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text
from sqlmodel import Field, SQLModel


def _key(type_: type[Text | Integer | BigInteger] = Text) -> Column[object]:
    return Column(type_, primary_key=True, nullable=False, autoincrement=False)


def _text(*, nullable: bool = False) -> Column[object]:
    return Column(Text, nullable=nullable)


class CheckpointRow(SQLModel, table=True):
    """How far one projection has read: every event up to and with `position`.

    `version` is that of the rules by which the rows were made, 0 for a projection that has never
    been built. `reason` tells why the event after `position` stops it, and is null while none does.
    `builds` counts how often its rows were replaced by others that were built beside them.
    """

    __tablename__ = "checkpoints"

    casebook: str = Field(sa_column=_key())
    projection: str = Field(sa_column=_key())
    version: int = Field(sa_column=Column(Integer, nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str | None = Field(default=None, sa_column=_text(nullable=True))
    builds: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


class EventTypeRow(SQLModel, table=True):
    """A side table of the log: at which positions events of a type stand, served by its key."""

    __tablename__ = "event_types"

    casebook: str = Field(sa_column=_key())
    type: str = Field(sa_column=_key())
    position: int = Field(sa_column=_key(BigInteger))


class PlaceRow(SQLModel, table=True):
    """A place of the gazetteer."""

    __tablename__ = "places"
    __table_args__ = (
        Index("places_by_name", "casebook", "name", "place_id"),
        Index("places_by_position", "casebook", "position"),
    )

    casebook: str = Field(sa_column=_key())
    place_id: str = Field(sa_column=_key())
    name: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    latitude: float | None = Field(sa_column=Column(Float, nullable=True))
    longitude: float | None = Field(sa_column=Column(Float, nullable=True))
    within: str | None = Field(sa_column=_text(nullable=True))
    data: str = Field(sa_column=_text())
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class ActorRow(SQLModel, table=True):
    """An actor with its names and affiliations."""

    __tablename__ = "actors"
    __table_args__ = (
        Index("actors_by_name", "casebook", "name", "actor_id"),
        Index("actors_by_position", "casebook", "position"),
    )

    casebook: str = Field(sa_column=_key())
    actor_id: str = Field(sa_column=_key())
    name: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    data: str = Field(sa_column=_text())
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class SourceRow(SQLModel, table=True):
    """A source and whom it speaks for."""

    __tablename__ = "sources"
    __table_args__ = (Index("sources_by_position", "casebook", "position"),)

    casebook: str = Field(sa_column=_key())
    source_id: str = Field(sa_column=_key())
    name: str = Field(sa_column=_text())
    affiliated_with: str | None = Field(sa_column=_text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class ReportVersionRow(SQLModel, table=True):
    """One version of a report; `known_from` is when it counts as known, as an exclusive end."""

    __tablename__ = "report_versions"
    __table_args__ = (
        Index("report_versions_by_url", "casebook", "url"),
        Index("report_versions_by_digest", "casebook", "report_version"),
    )

    casebook: str = Field(sa_column=_key())
    report_id: str = Field(sa_column=_key())
    report_version: str = Field(sa_column=_key())
    ordinal: int = Field(sa_column=Column(Integer, nullable=False))
    title: str | None = Field(sa_column=_text(nullable=True))
    url: str | None = Field(sa_column=_text(nullable=True))
    source_id: str | None = Field(sa_column=_text(nullable=True))
    source_name: str | None = Field(sa_column=_text(nullable=True))
    reported_edtf: str | None = Field(sa_column=_text(nullable=True))
    undated: bool = Field(sa_column=Column(Boolean, nullable=False))
    language: str | None = Field(sa_column=_text(nullable=True))
    text_digest: str | None = Field(sa_column=_text(nullable=True))
    coded_by: str | None = Field(sa_column=_text(nullable=True))
    claim_count: int = Field(sa_column=Column(Integer, nullable=False))
    known_from: str = Field(sa_column=_text())
    known_until: str | None = Field(sa_column=_text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class WaitingAmendmentRow(SQLModel, table=True):
    """A correction or retraction whose target has not been filed yet."""

    __tablename__ = "waiting_amendments"

    casebook: str = Field(sa_column=_key())
    position: int = Field(sa_column=_key(BigInteger))
    report_id: str = Field(sa_column=_text())
    type: str = Field(sa_column=_text())
    target: str | None = Field(sa_column=_text(nullable=True))


class EntryRow(SQLModel, table=True):
    """One form of a claim in a timeline, and the half-open known time during which it stands.

    `sort_key` is the order in valid time; `starts` and `ends` are the half-open bounds of when it
    happened, open where null; `moves_control` selects what the control fold reads.
    """

    __tablename__ = "entries"
    __table_args__ = (
        Index("entries_by_place", "casebook", "place_id", "sort_key", "claim_id", "form"),
        Index("entries_by_place2", "casebook", "place2_id", "sort_key", "claim_id", "form"),
        Index("entries_by_report", "casebook", "report_id", "position"),
        Index("entries_by_time", "casebook", "sort_key", "claim_id", "form"),
        Index("entries_of_control", "casebook", "moves_control", "place_id"),
    )

    casebook: str = Field(sa_column=_key())
    claim_id: str = Field(sa_column=_key())
    form: int = Field(sa_column=_key(Integer))
    type: str = Field(sa_column=_text())
    modality: str = Field(sa_column=_text())
    polarity: str = Field(sa_column=_text())
    place_id: str | None = Field(sa_column=_text(nullable=True))
    place2_id: str | None = Field(sa_column=_text(nullable=True))
    place_as_named: str | None = Field(sa_column=_text(nullable=True))
    sort_key: str = Field(sa_column=_text())
    starts: str | None = Field(sa_column=_text(nullable=True))
    ends: str | None = Field(sa_column=_text(nullable=True))
    moves_control: bool = Field(sa_column=Column(Boolean, nullable=False))
    report_id: str = Field(sa_column=_text())
    report_version: str = Field(sa_column=_text())
    source_id: str | None = Field(sa_column=_text(nullable=True))
    quote: str | None = Field(sa_column=_text(nullable=True))
    is_amended: bool = Field(sa_column=Column(Boolean, nullable=False))
    known_from: str = Field(sa_column=_text())
    known_until: str | None = Field(sa_column=_text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    data: str = Field(sa_column=_text())


class EntryActorRow(SQLModel, table=True):
    """Which actors an entry names, in which role; `actor` is an id, or `named:<words>`."""

    __tablename__ = "entry_actors"
    __table_args__ = (Index("entry_actors_by_actor", "casebook", "actor", "claim_id", "form"),)

    casebook: str = Field(sa_column=_key())
    claim_id: str = Field(sa_column=_key())
    form: int = Field(sa_column=_key(Integer))
    actor: str = Field(sa_column=_key())
    role: str = Field(sa_column=_key())
    report_id: str = Field(sa_column=_text())


class ControlPlaceRow(SQLModel, table=True):
    """A place of whose control something was said at some known time.

    `digest` is the sum of its claims' digests: whoever has folded the same claims needs not again.
    """

    __tablename__ = "control_places"

    casebook: str = Field(sa_column=_key())
    place_id: str = Field(sa_column=_key())
    claims: int = Field(sa_column=Column(Integer, nullable=False))
    digest: str = Field(sa_column=_text())


class ControlClaimRow(SQLModel, table=True):
    """What a form of a claim says of a place's control, and the known time in which it stands."""

    __tablename__ = "control_claims"
    __table_args__ = (
        Index("control_claims_by_report", "casebook", "report_id"),
        Index("control_claims_known", "casebook", "place_id", "known_from"),
        Index("control_claims_void", "casebook", "place_id", "known_to"),
        Index("control_claims_by_voice", "casebook", "source_id", "attributed_to", "root"),
    )

    casebook: str = Field(sa_column=_key())
    place_id: str = Field(sa_column=_key())
    claim_id: str = Field(sa_column=_key())
    known_from: str = Field(sa_column=_key())
    known_to: str = Field(sa_column=_text())
    report_id: str = Field(sa_column=_text())
    source_id: str | None = Field(sa_column=_text(nullable=True))
    attributed_to: str | None = Field(sa_column=_text(nullable=True))
    root: str = Field(sa_column=_text())
    data: str = Field(sa_column=_text())


class ControlRectangleRow(SQLModel, table=True):
    """A stretch of valid time by a stretch of known time with one answer to who held a place.

    Both are half-open; `valid_to` and `known_to` are "infinity", which sorts after every instant,
    while they last. Of what a moment of valid time is known at one of known time stands in the
    rectangle with the last `valid_from` of those that were known then. `supports_from`,
    `fought_since`, `beside_since` and `pending` say which `control_links` it rests on.
    """

    __tablename__ = "control_rectangles"
    __table_args__ = (
        Index("control_rectangles_at_the_end", "casebook", "place_id", "valid_to", "known_from"),
    )

    casebook: str = Field(sa_column=_key())
    place_id: str = Field(sa_column=_key())
    valid_from: str = Field(sa_column=_key())
    known_from: str = Field(sa_column=_key())
    valid_to: str = Field(sa_column=_text())
    known_to: str = Field(sa_column=_text())
    supports_from: str | None = Field(sa_column=_text(nullable=True))
    fought_since: str | None = Field(sa_column=_text(nullable=True))
    beside_since: str | None = Field(sa_column=_text(nullable=True))
    pending: str | None = Field(sa_column=_text(nullable=True))
    data: str = Field(sa_column=_text())


class ControlLinkRow(SQLModel, table=True):
    """A claim that rectangles rest on, and the known time in which they do.

    `kind` is holds, fights or beside. `joined` is an instant and a number: when it came to support
    a state, and which of those made then. Fighting and conditions last `until` an instant.
    """

    __tablename__ = "control_links"

    casebook: str = Field(sa_column=_key())
    place_id: str = Field(sa_column=_key())
    kind: str = Field(sa_column=_key())
    joined: str = Field(sa_column=_key())
    claim_id: str = Field(sa_column=_key())
    known_from: str = Field(sa_column=_key())
    known_to: str = Field(sa_column=_text())
    until: str = Field(sa_column=_text())
    settled: str = Field(sa_column=_text())
    latest: str = Field(sa_column=_text())
    root: str = Field(sa_column=_text())


class IncidentClaimRow(SQLModel, table=True):
    """One form of a claim that tells of an incident, and in which incident it is now.

    `bucket` is where the rule looks for it, null when it is never linked by the rule. `rule_group`
    is the claim that heads its group by the rule alone, `incident_id` its incident with the
    analysts' links; both are null while the form does not stand by what is known now.
    """

    __tablename__ = "incident_claims"
    __table_args__ = (
        Index("incident_claims_by_bucket", "casebook", "bucket"),
        Index("incident_claims_by_report", "casebook", "report_id"),
        Index("incident_claims_by_incident", "casebook", "incident_id"),
        Index("incident_claims_by_group", "casebook", "rule_group"),
        Index("incident_claims_by_telling", "casebook", "telling"),
    )

    casebook: str = Field(sa_column=_key())
    claim_id: str = Field(sa_column=_key())
    form: int = Field(sa_column=_key(Integer))
    report_id: str = Field(sa_column=_text())
    stance: str = Field(sa_column=_text())
    telling: str = Field(sa_column=_text())
    bucket: str | None = Field(sa_column=_text(nullable=True))
    source_id: str | None = Field(sa_column=_text(nullable=True))
    attributed_to: str | None = Field(sa_column=_text(nullable=True))
    root: str = Field(sa_column=_text())
    known_from: str = Field(sa_column=_text())
    known_until: str | None = Field(sa_column=_text(nullable=True))
    rule_group: str | None = Field(sa_column=_text(nullable=True))
    incident_id: str | None = Field(sa_column=_text(nullable=True))
    data: str = Field(sa_column=_text())


class IncidentRow(SQLModel, table=True):
    """An incident by what is known now.

    `sort_key` is its first possible day, or the last where the first is open. `low`, `best` and
    `high` count the dead; `counts` tells whether they may be summed with other incidents'.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index("incidents_by_time", "casebook", "sort_key", "incident_id"),
        Index("incidents_by_place", "casebook", "place_id", "sort_key", "incident_id"),
    )

    casebook: str = Field(sa_column=_key())
    incident_id: str = Field(sa_column=_key())
    type: str = Field(sa_column=_text())
    place_id: str | None = Field(sa_column=_text(nullable=True))
    sort_key: str = Field(sa_column=_text())
    earliest: str | None = Field(sa_column=_text(nullable=True))
    latest: str | None = Field(sa_column=_text(nullable=True))
    claims: int = Field(sa_column=Column(Integer, nullable=False))
    sources: int = Field(sa_column=Column(Integer, nullable=False))
    denials: int = Field(sa_column=Column(Integer, nullable=False))
    low: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    best: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    high: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    counts: bool = Field(sa_column=Column(Boolean, nullable=False))
    data: str = Field(sa_column=_text())


class IncidentWordRow(SQLModel, table=True):
    """An analyst's word on two or more claims, one row for each of them."""

    __tablename__ = "incident_words"
    __table_args__ = (Index("incident_words_by_claim", "casebook", "claim_id"),)

    casebook: str = Field(sa_column=_key())
    position: int = Field(sa_column=_key(BigInteger))
    claim_id: str = Field(sa_column=_key())
    is_link: bool = Field(sa_column=Column(Boolean, nullable=False))
    reason: str = Field(sa_column=_text())
    requested_by: str = Field(sa_column=_text())


# What the GIN index on Postgres holds of a row; a search asks for just this expression.
SEARCH_VECTOR = "array_to_tsvector(string_to_array(words, ' '))"


class SearchTextRow(SQLModel, table=True):
    """The words by which a search finds something, and the known time during which it stands.

    `kind` is place, actor, report or entry; `item_id` its id; `form` the form of an entry, the
    ordinal of a report's version, and 0 else. `words` are `indexed_words`; an empty `known_from` is
    for what is known at every time. Each engine's own index follows from this table: on Postgres a
    GIN index on SEARCH_VECTOR, on SQLite an FTS5 table that triggers keep (migration 0006).
    """

    __tablename__ = "search_texts"
    __table_args__ = (Index("search_texts_by_report", "casebook", "report_id"),)

    casebook: str = Field(sa_column=_key())
    kind: str = Field(sa_column=_key())
    item_id: str = Field(sa_column=_key())
    form: int = Field(sa_column=_key(Integer))
    report_id: str | None = Field(sa_column=_text(nullable=True))
    words: str = Field(sa_column=_text())
    sort_key: str = Field(sa_column=_text())
    known_from: str = Field(sa_column=_text())
    known_until: str | None = Field(sa_column=_text(nullable=True))


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]


checkpoints = _table("checkpoints")
event_types = _table("event_types")
places = _table("places")
actors = _table("actors")
sources = _table("sources")
report_versions = _table("report_versions")
waiting_amendments = _table("waiting_amendments")
entries = _table("entries")
entry_actors = _table("entry_actors")
control_places = _table("control_places")
control_claims = _table("control_claims")
control_rectangles = _table("control_rectangles")
control_links = _table("control_links")
incident_claims = _table("incident_claims")
incidents = _table("incidents")
incident_words = _table("incident_words")
search_texts = _table("search_texts")
