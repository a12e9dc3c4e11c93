"""Declares the tables of who may do what: API tokens, and what a repeated request was answered.

They are no part of the log and are not derived from it: losing them loses no knowledge, and a new
token is made in a second.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel


def _key() -> Column[object]:
    return Column(Text, primary_key=True, nullable=False)


def _text(*, nullable: bool = False) -> Column[object]:
    return Column(Text, nullable=nullable)


class TokenRow(SQLModel, table=True):
    """One API token: the SHA-256 of its secret, and never the secret itself."""

    __tablename__ = "tokens"
    __table_args__ = (CheckConstraint("length(secret_hash) = 32", name="tokens_hash_32_bytes"),)

    casebook: str = Field(sa_column=_key())
    token_id: str = Field(sa_column=_key())
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    name: str = Field(sa_column=_text())
    role: str = Field(sa_column=_text())
    created_at: str = Field(sa_column=_text())
    expires_at: str | None = Field(default=None, sa_column=_text(nullable=True))
    revoked_at: str | None = Field(default=None, sa_column=_text(nullable=True))


class RequestRow(SQLModel, table=True):
    """What a request with an idempotency key came to; no answer while it is being carried out."""

    __tablename__ = "idempotent_requests"
    __table_args__ = (Index("idempotent_requests_by_expiry", "casebook", "expires_at"),)

    casebook: str = Field(sa_column=_key())
    requester: str = Field(sa_column=_key())
    request_key: str = Field(sa_column=_key())
    input_digest: str = Field(sa_column=_text())
    answer: str | None = Field(default=None, sa_column=_text(nullable=True))
    expires_at: str = Field(sa_column=_text())


tokens = SQLModel.metadata.tables["tokens"]
requests = SQLModel.metadata.tables["idempotent_requests"]
