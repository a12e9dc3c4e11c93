"""Declares which place or actor an id means; what `tables` says holds here too.

Only ids that were ever mended have rows, and the tables of places and actors hold those alone that
ids mean. So whoever reads those tables sees nothing of what was merged into another.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from timeline.projections.columns import key, text


class PlaceIdentityRow(SQLModel, table=True):
    """What was registered under the id of a place that was ever mended, and whom it means.

    `data` is what is registered under it by itself; `into_id` the id that it is merged into, null
    when it means itself; `family` the least of the ids that were ever merged with it; `located` the
    points by which its claims may have been located.
    """

    __tablename__ = "place_identities"

    casebook: str = Field(sa_column=key())
    id: str = Field(sa_column=key())
    family: str = Field(sa_column=text())
    into_id: str | None = Field(sa_column=text(nullable=True))
    data: str = Field(sa_column=text())
    located: str = Field(sa_column=text())
    reason: str | None = Field(sa_column=text(nullable=True))
    requested_by: str | None = Field(sa_column=text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class ActorIdentityRow(SQLModel, table=True):
    """The same of an actor; nothing is located by it."""

    __tablename__ = "actor_identities"

    casebook: str = Field(sa_column=key())
    id: str = Field(sa_column=key())
    family: str = Field(sa_column=text())
    into_id: str | None = Field(sa_column=text(nullable=True))
    data: str = Field(sa_column=text())
    located: str = Field(sa_column=text())
    reason: str | None = Field(sa_column=text(nullable=True))
    requested_by: str | None = Field(sa_column=text(nullable=True))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
