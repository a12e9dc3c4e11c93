"""Makes, lists, revokes and recognises the API tokens of a casebook.

A token is `tl_<id>_<secret>`: the id finds its row, and the secret, 256 random bits, is compared
with the SHA-256 that the row holds. So many random bits need no slow hash. A role holds what the
one before it holds.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Engine, func, insert, select, update

from timeline.domain.time import instant_text, moment_end
from timeline.errors import InvalidDate, InvalidToken, NotFound
from timeline.store.access_tables import tokens
from timeline.store.appending import Clock
from timeline.store.engine import read_transaction, write_transaction

TOKENS_PER_CASEBOOK_MAX = 1_000
NAME_LENGTH_MAX = 100
ID_BYTES = 6
SECRET_BYTES = 32
_FORM = re.compile(r"tl_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOBODYS_HASH = bytes(32)


class Role(StrEnum):
    """What the bearer of a token may do; each holds what the one before it holds."""

    READER = "reader"
    REPORTER = "reporter"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return list(Role).index(self)

    def holds(self, needed: Role) -> bool:
        """Whether whoever has this role may do what `needed` is asked for."""
        return self.rank >= needed.rank


@dataclass(frozen=True)
class Token:
    """A token as it can be shown: without its secret. Instants are RFC 3339 in UTC."""

    token_id: str
    name: str
    role: Role
    created_at: str
    expires_at: str | None
    revoked_at: str | None

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_at is not None and self.expires_at <= instant_text(now)
        return "expired" if is_over else "valid"


class Tokens:
    """The tokens of one casebook."""

    def __init__(self, engine: Engine, casebook: str, clock: Clock) -> None:
        self._engine, self._casebook, self._clock = engine, casebook, clock

    def create(self, name: str, role: Role, expires: str | None, zone: str) -> tuple[Token, str]:
        """Make a token; returns it with the text that its bearer shows, which is kept nowhere.

        Args:
            name: Of whom or what will bear it; every change that it makes is recorded under it.
            role: What it may do.
            expires: The day at whose end, or the instant with offset at which, it expires; `None`
                never does.
            zone: The casebook's time zone.

        Raises:
            InvalidToken: the name is none, or there are too many tokens.
            InvalidDate: `expires` is no date, or is past.
        """
        name = name.strip()
        if not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
            raise InvalidToken(f"a token's name has 1 to {NAME_LENGTH_MAX} printable characters")
        now = instant_text(self._clock())
        end = None if expires is None else instant_text(moment_end(expires, zone))
        if expires is not None and end is not None and end <= now:
            raise InvalidDate(expires, "is past already")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        made = Token(secrets.token_hex(ID_BYTES), name, role, now, end, None)
        c = tokens.c
        count = select(func.count()).where(c.casebook == self._casebook, c.revoked_at.is_(None))
        with write_transaction(self._engine) as connection:
            if connection.execute(count).scalar_one() >= TOKENS_PER_CASEBOOK_MAX:
                raise InvalidToken(
                    f"the casebook has {TOKENS_PER_CASEBOOK_MAX} tokens already; revoke some first"
                )
            connection.execute(
                insert(tokens).values(
                    casebook=self._casebook,
                    token_id=made.token_id,
                    secret_hash=sha256(secret.encode()).digest(),
                    name=name,
                    role=role.value,
                    created_at=now,
                    expires_at=end,
                )
            )
        return made, f"tl_{made.token_id}_{secret}"

    def all(self) -> tuple[Token, ...]:
        """Every token, oldest first, the revoked and expired ones among them."""
        c = tokens.c
        query = select(tokens).where(c.casebook == self._casebook)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(c.created_at, c.token_id)).mappings()
            return tuple(_token(dict(row)) for row in rows)

    def revoke(self, token_id: str) -> bool:
        """Take a token's powers for good; returns whether it had any left.

        Raises:
            NotFound: the casebook has no such token.
        """
        c = tokens.c
        its = (c.casebook == self._casebook, c.token_id == token_id)
        with write_transaction(self._engine) as connection:
            if connection.execute(select(c.token_id).where(*its)).first() is None:
                raise NotFound(f"no token has the id {token_id!r}; see `timeline token list`")
            done = connection.execute(
                update(tokens)
                .where(*its, c.revoked_at.is_(None))
                .values(revoked_at=instant_text(self._clock()))
            )
        return done.rowcount > 0

    def recognise(self, shown: str) -> Token | None:
        """The token that somebody shows; `None` when it is none of this casebook's valid ones.

        It does not tell why: not one that has expired from one that never was.

        Raises:
            DatabaseUnavailable: the database did not answer.
        """
        form = _FORM.fullmatch(shown)
        if form is None:
            return None
        c = tokens.c
        query = select(tokens).where(c.casebook == self._casebook, c.token_id == form[1])
        with read_transaction(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        kept = _NOBODYS_HASH if row is None else bytes(row["secret_hash"])
        is_same = hmac.compare_digest(sha256(form[2].encode()).digest(), kept)
        if row is None or not is_same:
            return None
        found = _token(dict(row))
        return found if found.state(self._clock()) == "valid" else None


def _token(row: dict[str, object]) -> Token:
    def told(name: str) -> str | None:
        value = row[name]
        return None if value is None else str(value)

    return Token(
        token_id=str(row["token_id"]),
        name=str(row["name"]),
        role=Role(str(row["role"])),
        created_at=str(row["created_at"]),
        expires_at=told("expires_at"),
        revoked_at=told("revoked_at"),
    )
