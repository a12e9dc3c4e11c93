"""Decides who may ask what: which role each field needs, and who it is that asks.

The table of roles is read before anything runs, on the root fields of the operation, so that it
costs nothing a row. What is not in the table is for admins alone.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    get_operation_ast,
)

from timeline.api.errors import formatted
from timeline.api.limits import RateLimits
from timeline.api.rates import CALLERS_KEPT_MAX, Buckets
from timeline.errors import DatabaseBusy
from timeline.filing.commands import Commands
from timeline.store.events import Author
from timeline.store.tokens import Role, Token, Tokens

# For so long a token that was recognised is not looked up again: so long a revoked one may live.
TOKEN_TRUSTED_SECONDS = 1.0
TOKENS_TRUSTED_MAX = 10_000
WRITE_WAIT_SECONDS_MAX = 30.0

_READS = (
    "__schema __type __typename actor actors claim controlGeojson controlMap event events"
    " incident incidents knowledgeDiff node place placeControls places report reports search"
    " source sources statistics status timeline"
)
_STREAMS = "__typename controlChanges events timelineEntries"
_REPORTS = "extract fileReport"
_EDITS = (
    "addClaim correctActor correctClaim correctPlace linkIncidents mergeActors mergePlaces"
    " registerActor registerPlace reinstateClaim retractClaim retractReport reviewClaim"
    " stateAffiliation unlinkIncidents unmergeActors unmergePlaces"
)

ROLES: Mapping[str, Mapping[str, Role]] = {
    "query": dict.fromkeys(_READS.split(), Role.READER),
    "mutation": {
        "__typename": Role.READER,
        **dict.fromkeys(_REPORTS.split(), Role.REPORTER),
        **dict.fromkeys(_EDITS.split(), Role.EDITOR),
    },
    "subscription": dict.fromkeys(_STREAMS.split(), Role.READER),
}


@dataclass(frozen=True)
class Refused(Exception):
    """Who asks is not let in: a status, a code, and headers of the response."""

    status: int
    message: str
    code: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Caller:
    """Who asks: with which role, `None` for nobody who may ask anything.

    `commands` changes the casebook on the caller's behalf; `None` where nothing is written.
    `charge` takes the rows that an answer read from what the caller may still read.
    `is_still_valid` tells whether the token would be let in again, which costs no request; it may
    ask the database. `None` for who showed none.
    """

    role: Role | None
    commands: Callable[[], Commands] | None = None
    charge: Callable[[int], None] = lambda _rows: None
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_still_valid: Callable[[], bool] | None = None

    @contextmanager
    def writing(self) -> Iterator[Commands]:
        """The commands, for one change at a time in this process.

        Raises:
            DatabaseBusy: others were at it too long.
        """
        assert self.commands is not None  # noqa: S101 - the operation was refused before
        if not self.lock.acquire(timeout=WRITE_WAIT_SECONDS_MAX):
            raise DatabaseBusy("others are writing; nothing was written, try again")
        try:
            yield self.commands()
        finally:
            self.lock.release()


# Who asks where no server stands between: `timeline query`, and tests of reading.
LOCAL_READER = Caller(Role.READER)
NOBODY = Caller(None)
_CALLER: ContextVar[Caller] = ContextVar("caller")


@contextmanager
def asked_by(caller: Caller) -> Iterator[None]:
    """Whatever is run meanwhile, in threads too, is run for that caller."""
    kept = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(kept)


def current_caller() -> Caller:
    """Who asked what is being run."""
    return _CALLER.get(NOBODY)


def refusal(
    document: DocumentNode, operation_name: str | None, caller: Caller
) -> dict[str, object] | None:
    """The answer to an operation that the caller may not run; `None` when they may."""
    operation = get_operation_ast(document, operation_name)
    assert isinstance(operation, OperationDefinitionNode)  # noqa: S101 - found before
    needs = ROLES[operation.operation.value]
    is_change = operation.operation.value == "mutation"
    for node in _root_fields(document, operation.selection_set):
        needed = needs.get(node.name.value, Role.ADMIN)
        if caller.role is None or not caller.role.holds(needed):
            return _forbidden(node, needed, caller)
    if is_change and caller.commands is None:
        text = "nothing can be changed here"
        return {"data": None, "errors": [formatted(GraphQLError(text), "FORBIDDEN")]}
    return None


def _forbidden(node: FieldNode, needed: Role, caller: Caller) -> dict[str, object]:
    name = (node.alias or node.name).value
    if caller.role is None:
        text, code = "show a token of this casebook", "UNAUTHENTICATED"
    else:
        text, code = f"{node.name.value} needs the role {needed}", "FORBIDDEN"
    error = GraphQLError(text, nodes=node, path=[name])
    return {"data": None, "errors": [formatted(error, code)]}


def _root_fields(document: DocumentNode, selections: SelectionSetNode) -> Iterator[FieldNode]:
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    seen: set[str] = set()
    left = [selections]
    while left:
        for node in left.pop().selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, FragmentSpreadNode):
                if node.name.value not in seen:
                    seen.add(node.name.value)
                    left.append(fragments[node.name.value].selection_set)
            else:
                left.append(getattr(node, "selection_set"))  # noqa: B009 - an inline fragment


class Gate:
    """Lets callers in by the token that they show.

    Args:
        tokens: Recognises tokens of the casebook.
        commands: Makes what changes the casebook on behalf of an author.
        anonymous_read: Whether whoever shows no token may read.
        rates: How much the bearer of a token, or whoever has none at an address, may ask for.
        monotonic: Seconds of a clock that never runs back.
    """

    def __init__(
        self,
        tokens: Tokens,
        commands: Callable[[Author], Commands],
        *,
        anonymous_read: bool = True,
        rates: RateLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens, self._commands, self._monotonic = tokens, commands, monotonic
        self._anonymous_read = anonymous_read
        self._buckets = Buckets(rates or RateLimits(), monotonic)
        self._trusted: OrderedDict[str, tuple[float, Token]] = OrderedDict()
        self._trusted_lock, self._write_lock = threading.Lock(), threading.Lock()
        self._reader = lru_cache(maxsize=CALLERS_KEPT_MAX)(self._made_reader)

    def at_once(self, authorization: str | None, address: str | None = None) -> Caller | None:
        """Who asks, if no database has to be asked for that; else `None`.

        Raises:
            Refused: the caller has asked for too much.
        """
        if authorization is None:
            return self._anonymous(address) if self._anonymous_read else NOBODY
        token = self._trusted_token(authorization)
        return None if token is None else self._caller(token, authorization)

    def enter(self, authorization: str | None, address: str | None = None) -> Caller:
        """Who asks, by the header `Authorization` or by their address; may ask the database.

        Raises:
            Refused: no valid token of this casebook, or the caller has asked for too much.
            DatabaseUnavailable: the database did not answer.
        """
        known = self.at_once(authorization, address)
        if known is not None:
            return known
        assert authorization is not None  # noqa: S101 - it would be anonymous
        token = self._recognised(authorization)
        if token is None:
            raise Refused(
                401,
                "the token is not valid here",
                "UNAUTHENTICATED",
                {"www-authenticate": 'Bearer error="invalid_token"'},
            )
        return self._caller(token, authorization)

    def _trusted_token(self, authorization: str) -> Token | None:
        """The token that was recognised a moment ago."""
        with self._trusted_lock:
            since, token = self._trusted.get(authorization, (float("-inf"), None))
        return None if self._monotonic() - since > TOKEN_TRUSTED_SECONDS else token

    def _recognised(self, authorization: str) -> Token | None:
        """The token that the database knows to be valid; it is then trusted for a moment."""
        scheme, _, shown = authorization.partition(" ")
        token = self._tokens.recognise(shown.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            return None
        with self._trusted_lock:
            self._trusted[authorization] = (self._monotonic(), token)
            self._trusted.move_to_end(authorization)
            while len(self._trusted) > TOKENS_TRUSTED_MAX:
                self._trusted.popitem(last=False)
        return token

    def _still_admits(self, authorization: str) -> bool:
        return (self._trusted_token(authorization) or self._recognised(authorization)) is not None

    def _anonymous(self, address: str | None) -> Caller:
        whose = f"address {_network(address)}"
        self._take_request(whose)
        return self._reader(whose)

    def _made_reader(self, whose: str) -> Caller:
        return Caller(
            Role.READER,
            charge=lambda rows: self._buckets.take_rows(whose, rows),
            lock=self._write_lock,
        )

    def _take_request(self, whose: str) -> None:
        wait_seconds = self._buckets.take_request(whose)
        if wait_seconds > 0:
            raise Refused(
                429,
                f"too many requests or rows; ask again in {wait_seconds} s",
                "RATE_LIMITED",
                {"retry-after": str(wait_seconds)},
            )

    def _caller(self, token: Token, authorization: str) -> Caller:
        self._take_request(token.token_id)
        author = Author(token.name, "graphql", token.token_id)
        return Caller(
            role=token.role,
            commands=lambda: self._commands(author),
            charge=lambda rows: self._buckets.take_rows(token.token_id, rows),
            lock=self._write_lock,
            is_still_valid=lambda: self._still_admits(authorization),
        )


def _network(address: str | None) -> str:
    """Whose address it is: of IPv6, everybody has a network of 2**64."""
    if address is None or ":" not in address:
        return str(address)
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
