"""Answers a request that comes again with the same key as it was answered the first time.

A client that lost the answer sends the request again and cannot do harm by it. The key is kept for
a day, with a digest of the input; another input under the same key is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from timeline.domain.time import instant_text
from timeline.errors import KeyReused
from timeline.store.access_tables import requests
from timeline.store.appending import Clock
from timeline.store.engine import write_transaction

KEPT = timedelta(hours=24)
# A server that was killed in the middle leaves its key taken for so long.
CARRIED_OUT_WITHIN = timedelta(minutes=2)
KEY_LENGTH_MAX = 200
KEYS_PER_CASEBOOK_MAX = 100_000


def digest_of(given: object) -> str:
    """SHA-256 of JSON-like input, in hexadecimal; the order of keys plays no part."""
    return sha256(msgspec.json.encode(given, order="deterministic")).hexdigest()


class Requests:
    """The answered requests of one casebook."""

    def __init__(self, engine: Engine, casebook: str, clock: Clock) -> None:
        self._engine, self._casebook, self._clock = engine, casebook, clock

    def once(
        self, requester: str, key: str, digest: str, do: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """What `do` came to, or what it came to when the same was asked before.

        When `do` raises, nothing is kept: the request may be tried again.

        Args:
            requester: Whose key; those of several do not meet.
            key: Given by the client, one a request.
            digest: Of the input.
            do: Carries the request out; its answer is JSON.

        Raises:
            KeyReused: the key was given with another input, or its request is being carried out.
        """
        if not 0 < len(key) <= KEY_LENGTH_MAX or not key.isprintable():
            raise KeyReused(key[:50], f"has 1 to {KEY_LENGTH_MAX} printable characters")
        found = self._taken(requester, key, digest)
        if found is not None:
            return found
        try:
            answer = do()
        except BaseException:
            with write_transaction(self._engine) as connection:
                connection.execute(delete(requests).where(*self._its(requester, key)))
            raise
        told = msgspec.json.encode(answer).decode()
        with write_transaction(self._engine) as connection:
            values = {"answer": told, "expires_at": self._until(KEPT)}
            its = self._its(requester, key)
            connection.execute(update(requests).where(*its).values(**values))
        return answer

    def _its(self, requester: str, key: str) -> tuple[Any, ...]:
        c = requests.c
        return c.casebook == self._casebook, c.requester == requester, c.request_key == key

    def _until(self, span: timedelta) -> str:
        return instant_text(self._clock() + span)

    def _taken(self, requester: str, key: str, digest: str) -> dict[str, Any] | None:
        """The first answer; `None` when the key was free, and is taken now."""
        try:
            with write_transaction(self._engine) as connection:
                self._forget_expired(connection)
                query = select(requests).where(*self._its(requester, key))
                row = connection.execute(query).mappings().one_or_none()
                if row is None:
                    connection.execute(
                        insert(requests).values(
                            casebook=self._casebook,
                            requester=requester,
                            request_key=key,
                            input_digest=digest,
                            expires_at=self._until(CARRIED_OUT_WITHIN),
                        )
                    )
                    return None
        except IntegrityError:
            raise KeyReused(key, "is being carried out just now; ask again in a moment") from None
        if row["input_digest"] != digest:
            raise KeyReused(key, "was given with another input; take a new key")
        if row["answer"] is None:
            raise KeyReused(key, "is being carried out just now; ask again in a moment")
        first: dict[str, Any] = msgspec.json.decode(row["answer"])
        return first

    def _forget_expired(self, connection: Connection) -> None:
        c = requests.c
        mine = c.casebook == self._casebook
        connection.execute(
            delete(requests).where(mine, c.expires_at <= instant_text(self._clock()))
        )
        count = connection.execute(select(func.count()).where(mine)).scalar_one()
        if count >= KEYS_PER_CASEBOOK_MAX:
            raise KeyReused("", f"cannot be kept: {KEYS_PER_CASEBOOK_MAX} keys are; ask without")
