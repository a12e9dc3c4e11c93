"""Declares the table of the projection `search`; what `tables` says holds here too."""

from __future__ import annotations

from sqlalchemy import Index, Integer
from sqlmodel import Field, SQLModel

from timeline.projections.columns import key, text

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

    casebook: str = Field(sa_column=key())
    kind: str = Field(sa_column=key())
    item_id: str = Field(sa_column=key())
    form: int = Field(sa_column=key(Integer))
    report_id: str | None = Field(sa_column=text(nullable=True))
    words: str = Field(sa_column=text())
    sort_key: str = Field(sa_column=text())
    known_from: str = Field(sa_column=text())
    known_until: str | None = Field(sa_column=text(nullable=True))
