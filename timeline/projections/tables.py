"""Declares the projections' tables; all of them can be dropped and built again from the log.

A row's `position` is that of the event that last wrote it.

Instants are fixed-width UTC text (`instant_text`), the same on both engines, so that text order is
time order. `data` columns hold canonical JSON of domain types.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table
from sqlmodel import Field, SQLModel

from timeline.projections import (  # noqa: F401 - declared there
    identity_tables,
    incident_tables,
    search_tables,
)
from timeline.projections.columns import key, text


class CheckpointRow(SQLModel, table=True):
    """How far one projection has read: every event up to and with `position`.

    `version` is that of the rules by which the rows were made, 0 for a projection that has never
    been built. `reason` tells why the event after `position` stops it, and is null while none does.
    `builds` counts how often its rows were replaced by others that were built beside them.
    """

    __tablename__ = "checkpoints"

    casebook: str = Field(sa_column=key())
    projection: str = Field(sa_column=key())
    version: int = Field(sa_column=Column(Integer, nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str | None = Field(default=None, sa_column=text(nullable=True))
    builds: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


class EventTypeRow(SQLModel, table=True):
    """A side table of the log: at which positions events of a type stand, served by its key."""

    __tablename__ = "event_types"

    casebook: str = Field(sa_column=key())
    type: str = Field(sa_column=key())
    position: int = Field(sa_column=key(BigInteger))


class PlaceRow(SQLModel, table=True):
    """A place of the gazetteer."""

    __tablename__ = "places"
    __table_args__ = (
        Index("places_by_name", "casebook", "name", "place_id"),
        Index("places_by_position", "casebook", "position"),
    )

    casebook: str = Field(sa_column=key())
    place_id: str = Field(sa_column=key())
    name: str = Field(sa_column=text())
    kind: str = Field(sa_column=text())
    latitude: float | None = Field(sa_column=Column(Float, nullable=True))
    longitude: float | None = Field(sa_column=Column(Float, nullable=True))
    within: str | None = Field(sa_column=text(nullable=True))
    data: str = Field(sa_column=text())
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class ActorRow(SQLModel, table=True):
    """An actor with its names and affiliations."""

    __tablename__ = "actors"
    __table_args__ = (
        Index("actors_by_name", "casebook", "name", "actor_id"),
        Index("actors_by_position", "casebook", "position"),
    )

    casebook: str = Field(sa_column=key())
    actor_id: str = Field(sa_column=key())
    name: str = Field(sa_column=text())
    kind: str = Field(sa_column=text())
    data: str = Field(sa_column=text())
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class SourceRow(SQLModel, table=True):
    """A source and whom it speaks for."""

    __tablename__ = "sources"
    __table_args__ = (Index("sources_by_position", "casebook", "position"),)

    casebook: str = Field(sa_column=key())
    source_id: str = Field(sa_column=key())
    name: str = Field(sa_column=text())
    affiliated_with: str | None = Field(sa_column=text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class ReportVersionRow(SQLModel, table=True):
    """One version of a report; `known_from` is when it counts as known, as an exclusive end."""

    __tablename__ = "report_versions"
    __table_args__ = (
        Index("report_versions_by_url", "casebook", "url"),
        Index("report_versions_by_digest", "casebook", "report_version"),
    )

    casebook: str = Field(sa_column=key())
    report_id: str = Field(sa_column=key())
    report_version: str = Field(sa_column=key())
    ordinal: int = Field(sa_column=Column(Integer, nullable=False))
    title: str | None = Field(sa_column=text(nullable=True))
    url: str | None = Field(sa_column=text(nullable=True))
    source_id: str | None = Field(sa_column=text(nullable=True))
    source_name: str | None = Field(sa_column=text(nullable=True))
    reported_edtf: str | None = Field(sa_column=text(nullable=True))
    undated: bool = Field(sa_column=Column(Boolean, nullable=False))
    language: str | None = Field(sa_column=text(nullable=True))
    text_digest: str | None = Field(sa_column=text(nullable=True))
    coded_by: str | None = Field(sa_column=text(nullable=True))
    claim_count: int = Field(sa_column=Column(Integer, nullable=False))
    known_from: str = Field(sa_column=text())
    known_until: str | None = Field(sa_column=text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class WaitingAmendmentRow(SQLModel, table=True):
    """A correction or retraction whose target has not been filed yet."""

    __tablename__ = "waiting_amendments"

    casebook: str = Field(sa_column=key())
    position: int = Field(sa_column=key(BigInteger))
    report_id: str = Field(sa_column=text())
    type: str = Field(sa_column=text())
    target: str | None = Field(sa_column=text(nullable=True))


class EntryRow(SQLModel, table=True):
    """One form of a claim in a timeline, and the half-open known time during which it stands.

    `sort_key` is the order in valid time; `starts` and `ends` are the half-open bounds of when it
    happened, open where null; `moves_control` selects what the control fold reads. A claim whose
    `review` is rejected never stands: its known time is empty.
    """

    __tablename__ = "entries"
    __table_args__ = (
        Index("entries_by_place", "casebook", "place_id", "sort_key", "claim_id", "form"),
        Index("entries_by_place2", "casebook", "place2_id", "sort_key", "claim_id", "form"),
        Index("entries_by_report", "casebook", "report_id", "position"),
        Index("entries_by_time", "casebook", "sort_key", "claim_id", "form"),
        Index("entries_of_control", "casebook", "moves_control", "place_id"),
    )

    casebook: str = Field(sa_column=key())
    claim_id: str = Field(sa_column=key())
    form: int = Field(sa_column=key(Integer))
    type: str = Field(sa_column=text())
    modality: str = Field(sa_column=text())
    polarity: str = Field(sa_column=text())
    place_id: str | None = Field(sa_column=text(nullable=True))
    place2_id: str | None = Field(sa_column=text(nullable=True))
    place_as_named: str | None = Field(sa_column=text(nullable=True))
    sort_key: str = Field(sa_column=text())
    starts: str | None = Field(sa_column=text(nullable=True))
    ends: str | None = Field(sa_column=text(nullable=True))
    moves_control: bool = Field(sa_column=Column(Boolean, nullable=False))
    report_id: str = Field(sa_column=text())
    report_version: str = Field(sa_column=text())
    source_id: str | None = Field(sa_column=text(nullable=True))
    quote: str | None = Field(sa_column=text(nullable=True))
    is_amended: bool = Field(sa_column=Column(Boolean, nullable=False))
    known_from: str = Field(sa_column=text())
    known_until: str | None = Field(sa_column=text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    data: str = Field(sa_column=text())
    review: str = Field(default="unreviewed", sa_column=text(server_default="unreviewed"))


class EntryActorRow(SQLModel, table=True):
    """Which actors an entry names, in which role; `actor` is an id, or `named:<words>`."""

    __tablename__ = "entry_actors"
    __table_args__ = (Index("entry_actors_by_actor", "casebook", "actor", "claim_id", "form"),)

    casebook: str = Field(sa_column=key())
    claim_id: str = Field(sa_column=key())
    form: int = Field(sa_column=key(Integer))
    actor: str = Field(sa_column=key())
    role: str = Field(sa_column=key())
    report_id: str = Field(sa_column=text())


class ControlPlaceRow(SQLModel, table=True):
    """A place of whose control something was said at some known time.

    `digest` is the sum of its claims' digests: whoever has folded the same claims needs not again.
    """

    __tablename__ = "control_places"

    casebook: str = Field(sa_column=key())
    place_id: str = Field(sa_column=key())
    claims: int = Field(sa_column=Column(Integer, nullable=False))
    digest: str = Field(sa_column=text())


class ControlClaimRow(SQLModel, table=True):
    """What a form of a claim says of a place's control, and the known time in which it stands."""

    __tablename__ = "control_claims"
    __table_args__ = (
        Index("control_claims_by_report", "casebook", "report_id"),
        Index("control_claims_known", "casebook", "place_id", "known_from"),
        Index("control_claims_void", "casebook", "place_id", "known_to"),
        Index("control_claims_by_voice", "casebook", "source_id", "attributed_to", "root"),
    )

    casebook: str = Field(sa_column=key())
    place_id: str = Field(sa_column=key())
    claim_id: str = Field(sa_column=key())
    known_from: str = Field(sa_column=key())
    known_to: str = Field(sa_column=text())
    report_id: str = Field(sa_column=text())
    source_id: str | None = Field(sa_column=text(nullable=True))
    attributed_to: str | None = Field(sa_column=text(nullable=True))
    root: str = Field(sa_column=text())
    data: str = Field(sa_column=text())


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

    casebook: str = Field(sa_column=key())
    place_id: str = Field(sa_column=key())
    valid_from: str = Field(sa_column=key())
    known_from: str = Field(sa_column=key())
    valid_to: str = Field(sa_column=text())
    known_to: str = Field(sa_column=text())
    supports_from: str | None = Field(sa_column=text(nullable=True))
    fought_since: str | None = Field(sa_column=text(nullable=True))
    beside_since: str | None = Field(sa_column=text(nullable=True))
    pending: str | None = Field(sa_column=text(nullable=True))
    data: str = Field(sa_column=text())


class ControlLinkRow(SQLModel, table=True):
    """A claim that rectangles rest on, and the known time in which they do.

    `kind` is holds, fights or beside. `joined` is an instant and a number: when it came to support
    a state, and which of those made then. Fighting and conditions last `until` an instant.
    """

    __tablename__ = "control_links"

    casebook: str = Field(sa_column=key())
    place_id: str = Field(sa_column=key())
    kind: str = Field(sa_column=key())
    joined: str = Field(sa_column=key())
    claim_id: str = Field(sa_column=key())
    known_from: str = Field(sa_column=key())
    known_to: str = Field(sa_column=text())
    until: str = Field(sa_column=text())
    settled: str = Field(sa_column=text())
    latest: str = Field(sa_column=text())
    root: str = Field(sa_column=text())


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]


checkpoints = _table("checkpoints")
event_types = _table("event_types")
places = _table("places")
actors = _table("actors")
sources = _table("sources")
place_identities = _table("place_identities")
actor_identities = _table("actor_identities")
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
