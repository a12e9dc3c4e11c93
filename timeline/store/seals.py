"""Signs the end of a log, proves single events against that, and checks both.

A seal is a signed statement of a log's length, of its last hash and of the Merkle root over all its
events' hashes. Whoever kept one can tell whether the log still begins with that history, even when
it was rewritten whole, head row and all; and one event is proved against it without the log. What
each of them proves, and what not: docs/sealing.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta, Struct
from sqlalchemy import Connection, Engine, select

from timeline.errors import CasebookNotFound, NotFound, TimelineError, VerificationFailed
from timeline.store import hashing, keys, merkle, tables
from timeline.store.engine import read_transaction
from timeline.store.verify import verify_log

FILE_BYTES_MAX = 40_000_000
_HASHES_PER_PAGE = 10_000

HashHex = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Meta(ge=1, le=2**63 - 1)]
_T = TypeVar("_T", bound=Struct)


class InvalidSeal(TimelineError):
    """A seal or a proof cannot be used as it stands; get another copy of the file."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Statement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a seal says: that this log had these events. Signed as its canonical JSON.

    `position`, `hash` and `recorded_at` are those of the last event, `merkle_root` is over the
    hashes of all events up to it. The time zone and the theatre stand in no event's hash.
    """

    format: Literal["timeline-seal/1"] = "timeline-seal/1"
    casebook: str
    time_zone: str
    theatre: str
    position: Count
    hash: HashHex
    merkle_root: HashHex
    recorded_at: str
    sealed_at: str
    key_id: str


class Seal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement, its Ed25519 signature in hex, and the key (OpenSSH) that checks it."""

    statement: Statement
    public_key: str
    signature: Annotated[str, Meta(pattern=r"^[0-9a-f]{128}$")]


@dataclass(frozen=True)
class SealResult:
    """What checking a seal or a proof came to.

    Attributes:
        holds: Whether all of it holds.
        reason: Why it does not; None when it does.
        position: The first position known not to be as sealed; None when none is.
        key_id: The fingerprint of the key that signed, as `ssh-keygen -l` prints it.
        is_trusted: Whether that key is one of those that the caller trusts.
        is_content_proved: Whether a proof brought its event's content, and it holds.
    """

    holds: bool
    reason: str | None
    position: int | None
    key_id: str
    is_trusted: bool
    is_content_proved: bool = False


def seal(engine: Engine, casebook: str, private_key: Ed25519PrivateKey, now: datetime) -> Seal:
    """Sign the end of a log, after verifying all of it.

    Raises:
        VerificationFailed: the log does not hold; what is broken is not sealed.
        NotFound: the log is empty, or there is no such casebook.
        DatabaseUnavailable: the database did not answer.
    """
    verified = verify_log(engine, casebook)
    head = verified.head
    if not verified.holds:
        raise VerificationFailed(
            f"the log does not hold at position {verified.position} ({verified.reason});"
            " it is not sealed"
        )
    if head.recorded_at is None:
        raise NotFound(f"the log of casebook {casebook!r} is empty; there is nothing to seal")
    with read_transaction(engine) as connection:
        tree, last = tree_of(connection, casebook, head.position)
        time_zone, theatre = settings_of(connection, casebook)
    if tree.size != head.position or last != head.hash:
        raise VerificationFailed("the log changed while it was being sealed; verify it")
    statement = Statement(
        casebook=casebook,
        time_zone=time_zone,
        theatre=theatre,
        position=head.position,
        hash=head.hash.hex(),
        merkle_root=tree.root().hex(),
        recorded_at=head.recorded_at,
        sealed_at=hashing.instant_text(now),
        key_id=keys.key_id(private_key.public_key()),
    )
    return Seal(
        statement=statement,
        public_key=keys.public_key_text(private_key.public_key()),
        signature=private_key.sign(hashing.canonical(statement)).hex(),
    )


def check_signature(seal: Seal, trusted_keys: Collection[Ed25519PublicKey] = ()) -> SealResult:
    """Check a seal's signature alone; with trusted keys, also that one of them made it."""
    key = keys.public_key_from(seal.public_key)
    if key is None:
        return SealResult(False, "its public key is no Ed25519 key", None, "", False)
    id_ = keys.key_id(key)
    is_trusted = id_ in {keys.key_id(one) for one in trusted_keys}
    reason = None
    if trusted_keys and not is_trusted:
        reason = f"it is signed by {id_}, which is none of the keys that you trust"
    elif seal.statement.key_id != id_:
        reason = f"it names the key {seal.statement.key_id} but carries {id_}"
    else:
        try:
            key.verify(bytes.fromhex(seal.signature), hashing.canonical(seal.statement))
        except InvalidSignature:
            reason = "its signature does not cover its statement"
    return SealResult(reason is None, reason, None, id_, is_trusted)


def verify_seal(
    engine: Engine, casebook: str, seal: Seal, trusted_keys: Collection[Ed25519PublicKey] = ()
) -> SealResult:
    """Check that a log still begins with the history that was sealed.

    It compares the stored hashes with the seal; that the hashes cover the rows is for `verify_log`
    to say, so run both. Without trusted keys the seal proves only that somebody signed it.

    Raises:
        CasebookNotFound: there is no such casebook.
        DatabaseUnavailable: the database did not answer.
    """
    signed = check_signature(seal, trusted_keys)
    if not signed.holds:
        return signed
    with read_transaction(engine) as connection:
        settings = settings_of(connection, casebook)
        tree, last = tree_of(connection, casebook, seal.statement.position)
    return check_history(seal, signed, casebook, settings, tree, last)


def check_history(
    seal: Seal,
    signed: SealResult,
    casebook: str,
    settings: tuple[str, str],
    tree: merkle.Tree,
    last: bytes,
) -> SealResult:
    """Check a seal against a log's beginning.

    Args:
        seal: The seal.
        signed: What `check_signature` said of it, which is that it holds.
        casebook: The log's casebook.
        settings: Its time zone and theatre.
        tree: Over the log's hashes up to the sealed position, as far as there are any.
        last: The last of those hashes.
    """
    position, reason = _log_fault(seal.statement, casebook, settings, tree, last)
    return SealResult(reason is None, reason, position, signed.key_id, signed.is_trusted)


def _log_fault(
    said: Statement, casebook: str, settings: tuple[str, str], tree: merkle.Tree, last: bytes
) -> tuple[int | None, str | None]:
    """The first position that is not as sealed, when one is known, and why."""
    if said.casebook != casebook:
        return None, f"it is a seal of casebook {said.casebook!r}, not of {casebook!r}"
    if tree.size < said.position:
        ended = f"the log has no event at position {tree.size + 1}"
        return tree.size + 1, f"{ended}; {said.position} events were sealed on {said.sealed_at}"
    if last.hex() != said.hash:
        return said.position, (
            f"the event at position {said.position} is not the one that was sealed on"
            f" {said.sealed_at}: it, or the log before it, was rewritten"
        )
    if tree.root().hex() != said.merkle_root:
        return None, f"hashes before position {said.position} are not those that were sealed"
    if settings != (said.time_zone, said.theatre):
        return None, (
            f"the casebook was sealed with time zone {said.time_zone} and theatre {said.theatre},"
            f" it has {settings[0]} and {settings[1]}"
        )
    return None, None


def hashes(connection: Connection, casebook: str, until: int) -> Iterator[bytes]:
    """The stored hashes of the events up to and with a position, until one is missing."""
    e = tables.events.c
    after = 0
    while after < until:
        end = min(after + _HASHES_PER_PAGE, until)
        query = select(e.position, e.hash).where(
            e.casebook == casebook, e.position > after, e.position <= end
        )
        for position, hash_ in connection.execute(query.order_by(e.position)).all():
            # SQLite lets an owner store a text in a column of bytes.
            if position != after + 1 or not isinstance(hash_, bytes):
                return
            yield hash_
            after = position
        if after < end:
            return


def tree_of(connection: Connection, casebook: str, size: int) -> tuple[merkle.Tree, bytes]:
    """The tree over the first events' hashes, as far as they are there, and the last of them."""
    tree, last = merkle.Tree(), hashing.GENESIS_HASH
    for last in hashes(connection, casebook, size):
        tree.add(last)
    return tree, last


def settings_of(connection: Connection, casebook: str) -> tuple[str, str]:
    """A casebook's time zone and theatre.

    Raises:
        CasebookNotFound: there is no such casebook.
    """
    c = tables.casebooks.c
    query = select(c.time_zone, c.theatre).where(c.casebook == casebook)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise CasebookNotFound(casebook)
    return row[0], row[1]


def as_file(value: Struct) -> bytes:
    """A seal or a proof as the JSON file that people keep."""
    return msgspec.json.format(hashing.canonical(value), indent=2) + b"\n"


def read_seal(path: Path) -> Seal:
    """The seal of a file; its signature is still to be checked.

    Raises:
        InvalidSeal: the file cannot be read or is no seal.
    """
    return read_file(path, Seal)


def read_file(path: Path, kind: type[_T]) -> _T:
    """A seal or a proof from its file.

    Raises:
        InvalidSeal: the file cannot be read, or holds something else.
    """
    name = kind.__name__.lower()
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise InvalidSeal(str(path), f"cannot be read: {fault.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise InvalidSeal(str(path), f"is too large to be a {name}")
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise InvalidSeal(str(path), f"is no {name} of this program: {fault}") from None
