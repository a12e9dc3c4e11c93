"""The log: casebooks with their heads, events, documents, and the guards on all three.

Revision: 0001, the first. `events` is frozen from here on; what is derived goes to other tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from timeline.errors import WouldDestroyLog
from timeline.store import guards
from timeline.store.plans import Measured, Plan

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PLAN = Plan(
    does="makes the log's tables, their keys and the guards on them",
    locks="nothing: the tables are new",
    touches=(),
    rebuilds=(),
    measured=(
        Measured("SQLite 3.40", events=0, seconds=0.05),
        Measured("Postgres 18", events=0, seconds=0.10),
    ),
)

# Keys compare byte by byte on Postgres as on SQLite: an index under a locale's collation breaks
# when the operating system's locale data change, and this log outlives many of those.
TYPES = {
    "sqlite": {"text": "TEXT", "bytes": "BLOB"},
    "postgresql": {"text": 'TEXT COLLATE "C"', "bytes": "BYTEA"},
}

CREATE_CASEBOOKS = """
CREATE TABLE casebooks (
    casebook {text} NOT NULL,
    time_zone {text} NOT NULL,
    theatre {text} NOT NULL,
    position BIGINT NOT NULL,
    hash {bytes} NOT NULL,
    recorded_at {text},
    PRIMARY KEY (casebook),
    CONSTRAINT casebooks_position_from_0 CHECK (position >= 0),
    CONSTRAINT casebooks_hash_32_bytes CHECK (length(hash) = 32)
)
"""

CREATE_EVENTS = """
CREATE TABLE events (
    casebook {text} NOT NULL,
    position BIGINT NOT NULL,
    event_id {text} NOT NULL,
    stream {text} NOT NULL,
    version BIGINT NOT NULL,
    type {text} NOT NULL,
    schema_version INTEGER NOT NULL,
    data {text},
    salt {bytes},
    digest {bytes} NOT NULL,
    metadata {text} NOT NULL,
    recorded_at {text} NOT NULL,
    previous_hash {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    CONSTRAINT events_by_position PRIMARY KEY (casebook, position),
    CONSTRAINT events_by_stream UNIQUE (casebook, stream, version),
    CONSTRAINT events_by_id UNIQUE (casebook, event_id),
    CONSTRAINT events_position_from_1 CHECK (position >= 1),
    CONSTRAINT events_version_from_1 CHECK (version >= 1),
    CONSTRAINT events_withheld_whole CHECK ((data IS NULL) = (salt IS NULL)),
    CONSTRAINT events_salt_16_bytes CHECK (length(salt) = 16),
    CONSTRAINT events_digest_32_bytes CHECK (length(digest) = 32),
    CONSTRAINT events_previous_hash_32_bytes CHECK (length(previous_hash) = 32),
    CONSTRAINT events_hash_32_bytes CHECK (length(hash) = 32)
)
"""

CREATE_DOCUMENTS = """
CREATE TABLE documents (
    casebook {text} NOT NULL,
    digest {text} NOT NULL,
    media_type {text} NOT NULL,
    byte_length BIGINT NOT NULL,
    content {bytes},
    CONSTRAINT documents_by_digest PRIMARY KEY (casebook, digest),
    CONSTRAINT documents_digest_64_digits CHECK (length(digest) = 64),
    CONSTRAINT documents_whole CHECK (length(content) = byte_length)
)
"""


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    types = TYPES[dialect]
    for create in (CREATE_CASEBOOKS, CREATE_EVENTS, CREATE_DOCUMENTS):
        op.execute(create.format(**types))
    for statement in guards.statements(dialect):
        op.execute(statement)


def downgrade() -> None:
    stored = op.get_bind().execute(sa.text("SELECT count(*) FROM events")).scalar_one()
    if stored:
        raise WouldDestroyLog(stored)
    for table in ("documents", "events", "casebooks"):
        op.drop_table(table)
    if op.get_context().dialect.name == "postgresql":
        for table in ("documents", "events", "casebooks"):
            op.execute(f"DROP FUNCTION {table}_guard()")
