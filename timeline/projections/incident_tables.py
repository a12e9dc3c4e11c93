"""Declares the tables of the projection `incidents`; what `tables` says holds here too."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer
from sqlmodel import Field, SQLModel

from timeline.projections.columns import key, text


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

    casebook: str = Field(sa_column=key())
    claim_id: str = Field(sa_column=key())
    form: int = Field(sa_column=key(Integer))
    report_id: str = Field(sa_column=text())
    stance: str = Field(sa_column=text())
    telling: str = Field(sa_column=text())
    bucket: str | None = Field(sa_column=text(nullable=True))
    source_id: str | None = Field(sa_column=text(nullable=True))
    attributed_to: str | None = Field(sa_column=text(nullable=True))
    root: str = Field(sa_column=text())
    known_from: str = Field(sa_column=text())
    known_until: str | None = Field(sa_column=text(nullable=True))
    rule_group: str | None = Field(sa_column=text(nullable=True))
    incident_id: str | None = Field(sa_column=text(nullable=True))
    data: str = Field(sa_column=text())


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

    casebook: str = Field(sa_column=key())
    incident_id: str = Field(sa_column=key())
    type: str = Field(sa_column=text())
    place_id: str | None = Field(sa_column=text(nullable=True))
    sort_key: str = Field(sa_column=text())
    earliest: str | None = Field(sa_column=text(nullable=True))
    latest: str | None = Field(sa_column=text(nullable=True))
    claims: int = Field(sa_column=Column(Integer, nullable=False))
    sources: int = Field(sa_column=Column(Integer, nullable=False))
    denials: int = Field(sa_column=Column(Integer, nullable=False))
    low: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    best: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    high: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    counts: bool = Field(sa_column=Column(Boolean, nullable=False))
    data: str = Field(sa_column=text())


class IncidentWordRow(SQLModel, table=True):
    """An analyst's word on two or more claims, one row for each of them."""

    __tablename__ = "incident_words"
    __table_args__ = (Index("incident_words_by_claim", "casebook", "claim_id"),)

    casebook: str = Field(sa_column=key())
    position: int = Field(sa_column=key(BigInteger))
    claim_id: str = Field(sa_column=key())
    is_link: bool = Field(sa_column=Column(Boolean, nullable=False))
    reason: str = Field(sa_column=text())
    requested_by: str = Field(sa_column=text())
