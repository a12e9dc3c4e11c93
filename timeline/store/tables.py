"""Declares the log's three tables: the casebooks' heads, the events and the documents.

The models serve the schema and single rows; streams of rows go through SQLAlchemy Core on the
tables at the end of this module. Every key holds `casebook`, and nothing here is numbered by the
database: that lets the same schema run on Postgres distributed by Citus. `events` is frozen.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel


class CasebookRow(SQLModel, table=True):
    """One casebook and the head of its log: the last position, its hash and its record time."""

    __tablename__ = "casebooks"
    __table_args__ = (
        CheckConstraint("position >= 0", name="casebooks_position_from_0"),
        CheckConstraint("length(hash) = 32", name="casebooks_hash_32_bytes"),
    )

    casebook: str = Field(sa_column=Column(Text, primary_key=True, nullable=False))
    time_zone: str = Field(sa_column=Column(Text, nullable=False))
    theatre: str = Field(sa_column=Column(Text, nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    recorded_at: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class EventRow(SQLModel, table=True):
    """One event as stored; `data` and `salt` are None only when its content is withheld."""

    __tablename__ = "events"
    __table_args__ = (
        PrimaryKeyConstraint("casebook", "position", name="events_by_position"),
        UniqueConstraint("casebook", "stream", "version", name="events_by_stream"),
        UniqueConstraint("casebook", "event_id", name="events_by_id"),
        CheckConstraint("position >= 1", name="events_position_from_1"),
        CheckConstraint("version >= 1", name="events_version_from_1"),
        CheckConstraint("(data IS NULL) = (salt IS NULL)", name="events_withheld_whole"),
        CheckConstraint("length(salt) = 16", name="events_salt_16_bytes"),
        CheckConstraint("length(digest) = 32", name="events_digest_32_bytes"),
        CheckConstraint("length(previous_hash) = 32", name="events_previous_hash_32_bytes"),
        CheckConstraint("length(hash) = 32", name="events_hash_32_bytes"),
    )

    casebook: str = Field(sa_column=Column(Text, nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False, autoincrement=False))
    event_id: str = Field(sa_column=Column(Text, nullable=False))
    stream: str = Field(sa_column=Column(Text, nullable=False))
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    type: str = Field(sa_column=Column(Text, nullable=False))
    schema_version: int = Field(sa_column=Column(Integer, nullable=False))
    data: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    salt: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # `metadata` is taken by SQLAlchemy on every model; the column keeps the name.
    metadata_json: str = Field(sa_column=Column("metadata", Text, nullable=False))
    recorded_at: str = Field(sa_column=Column(Text, nullable=False))
    previous_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class DocumentRow(SQLModel, table=True):
    """One document by the SHA-256 of its bytes; `content` is None only when it is withheld."""

    __tablename__ = "documents"
    __table_args__ = (
        PrimaryKeyConstraint("casebook", "digest", name="documents_by_digest"),
        CheckConstraint("length(digest) = 64", name="documents_digest_64_digits"),
        CheckConstraint("length(content) = byte_length", name="documents_whole"),
    )

    casebook: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False))
    media_type: str = Field(sa_column=Column(Text, nullable=False))
    byte_length: int = Field(sa_column=Column(BigInteger, nullable=False))
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


metadata: MetaData = SQLModel.metadata
casebooks: Table = metadata.tables["casebooks"]
events: Table = metadata.tables["events"]
documents: Table = metadata.tables["documents"]
