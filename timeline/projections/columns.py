"""Declares the columns that the projections' tables have in common."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Text


def key(type_: type[Text | Integer | BigInteger] = Text) -> Column[object]:
    """A column of a primary key; nothing counts it up."""
    return Column(type_, primary_key=True, nullable=False, autoincrement=False)


def text(*, nullable: bool = False, server_default: str | None = None) -> Column[object]:
    """A column of text."""
    return Column(Text, nullable=nullable, server_default=server_default)
