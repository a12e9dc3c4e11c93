"""Proves that an event is in a sealed log, or that one seal continues another, and checks that.

Proofs follow RFC 6962; they are made in one pass over the log's hashes and checked without the log.
An event's leaf is its hash, which the proof lets anyone compute from the event's header and digest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta, Struct
from sqlalchemy import Connection, Engine, select

from timeline.errors import CasebookNotFound, NotFound, VerificationFailed
from timeline.store import hashing, merkle, tables
from timeline.store.engine import read_transaction
from timeline.store.events import Head
from timeline.store.seals import (
    Count,
    HashHex,
    Seal,
    SealResult,
    Statement,
    check_signature,
    hashes,
    read_file,
    settings_of,
)

AuditPath = Annotated[tuple[HashHex, ...], Meta(max_length=merkle.PATH_LENGTH_MAX)]


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of an event that is hashed beside its content; see docs/log.md."""

    casebook: str
    event_id: str
    metadata: str
    position: Count
    recorded_at: str
    schema_version: int
    stream: str
    type: str
    version: int


class Content(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event's content with the salt (hex) that its digest covers."""

    data: str
    salt: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]


class Proof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That an event is in a log of `tree_size` events; `content` is None when withheld."""

    format: Literal["timeline-proof/1"] = "timeline-proof/1"
    header: Header
    digest: HashHex
    previous_hash: HashHex
    tree_size: Count
    audit_path: AuditPath
    content: Content | None


class Consistency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a log of `older_size` events is the beginning of one of `newer_size`."""

    format: Literal["timeline-consistency/1"] = "timeline-consistency/1"
    casebook: str
    older_size: Count
    newer_size: Count
    path: AuditPath


def proof(
    engine: Engine,
    casebook: str,
    position: int,
    end: Seal | Head | None = None,
    *,
    with_content: bool = True,
) -> Proof:
    """Prove that an event is in the log, in a form that is checked without the log.

    Args:
        engine: The log's database.
        casebook: Whose log.
        position: Which event.
        end: The seal that the proof is to be checked against; a head, or the present one for None,
            when the log up to there is still to be sealed.
        with_content: Whether to put the event's content into the proof, unless it is withheld.

    Raises:
        NotFound: the log, up to the seal, has no such event; or there is no such casebook.
        VerificationFailed: the log no longer begins with the history that was sealed.
        DatabaseUnavailable: the database did not answer.
    """
    e = tables.events.c
    with read_transaction(engine) as connection:
        size = _size(connection, casebook, end)
        if not 1 <= position <= size:
            raise NotFound(f"the log up to position {size} has no event at position {position}")
        query = select(tables.events).where(e.casebook == casebook, e.position == position)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise VerificationFailed(f"the event at position {position} is missing")
        path = _roots(connection, casebook, size, merkle.inclusion_ranges(position - 1, size))
    content = None
    if with_content and row["data"] is not None:
        content = Content(data=row["data"], salt=row["salt"].hex())
    made = Proof(
        header=Header(**{name: row[name] for name in Header.__struct_fields__}),
        digest=row["digest"].hex(),
        previous_hash=row["previous_hash"].hex(),
        tree_size=size,
        audit_path=path,
        content=content,
    )
    if isinstance(end, Seal):
        fault = _proof_fault(made, end.statement)
        if fault is not None:
            raise VerificationFailed(
                f"no proof of position {position}: {fault}; see `timeline verify --seal`"
            )
    return made


def verify_proof(
    proof: Proof, seal: Seal, trusted_keys: Collection[Ed25519PublicKey] = ()
) -> SealResult:
    """Check a proof against a seal; needs neither the log nor any database."""
    signed = check_signature(seal, trusted_keys)
    if not signed.holds:
        return signed
    reason = _proof_fault(proof, seal.statement)
    return SealResult(
        holds=reason is None,
        reason=reason,
        position=None,
        key_id=signed.key_id,
        is_trusted=signed.is_trusted,
        is_content_proved=reason is None and proof.content is not None,
    )


def _proof_fault(proof: Proof, said: Statement) -> str | None:
    if proof.header.casebook != said.casebook:
        return f"it is of casebook {proof.header.casebook!r}, the seal of {said.casebook!r}"
    if proof.tree_size != said.position:
        return f"it is made for a log of {proof.tree_size} events, {said.position} were sealed"
    content = proof.content
    if content is not None:
        digest = hashing.content_digest(bytes.fromhex(content.salt), content.data.encode())
        if digest.hex() != proof.digest:
            return "its content does not have the event's digest"
    # The header's keys are those that are hashed, so its canonical JSON is what was hashed.
    hash_ = hashing.chained_hash(
        bytes.fromhex(proof.previous_hash),
        hashing.canonical(proof.header),
        bytes.fromhex(proof.digest),
    )
    found = merkle.root_from_inclusion(
        hash_, proof.header.position - 1, proof.tree_size, _bytes(proof.audit_path)
    )
    if found is None or found.hex() != said.merkle_root:
        return "it does not lead to the root that was sealed"
    return None


def consistency(engine: Engine, casebook: str, older: Seal, newer: Seal) -> Consistency:
    """Prove that what one seal covers is the beginning of what another covers.

    Raises:
        VerificationFailed: it is not, or the log no longer begins with either.
        NotFound: the older seal covers more than the newer; or there is no such casebook.
        DatabaseUnavailable: the database did not answer.
    """
    first, second = older.statement.position, newer.statement.position
    if first > second:
        raise NotFound(f"the seal of {first} events is no beginning of the one of {second}")
    with read_transaction(engine) as connection:
        settings_of(connection, casebook)
        ranges = merkle.consistency_ranges(first, second)
        path = _roots(connection, casebook, second, ranges)
    made = Consistency(casebook=casebook, older_size=first, newer_size=second, path=path)
    fault = _consistency_fault(made, older.statement, newer.statement)
    if fault is not None:
        raise VerificationFailed(f"the two seals cannot be joined: {fault}")
    return made


def verify_consistency(
    proof: Consistency, older: Seal, newer: Seal, trusted_keys: Collection[Ed25519PublicKey] = ()
) -> SealResult:
    """Check that two seals are of one history; needs neither the log nor any database."""
    for one in (older, newer):
        signed = check_signature(one, trusted_keys)
        if not signed.holds:
            return signed
    reason = _consistency_fault(proof, older.statement, newer.statement)
    return SealResult(reason is None, reason, None, signed.key_id, signed.is_trusted)


def _consistency_fault(proof: Consistency, older: Statement, newer: Statement) -> str | None:
    if not proof.casebook == older.casebook == newer.casebook:
        return "it and the seals are not of one casebook"
    if (proof.older_size, proof.newer_size) != (older.position, newer.position):
        return "it is made for other seals"
    roots = merkle.roots_from_consistency(
        proof.older_size,
        proof.newer_size,
        bytes.fromhex(older.merkle_root),
        _bytes(proof.path),
    )
    if roots is None or [r.hex() for r in roots] != [older.merkle_root, newer.merkle_root]:
        return "it does not lead to the roots that were sealed"
    return None


def _size(connection: Connection, casebook: str, end: Seal | Head | None) -> int:
    if isinstance(end, Seal):
        return end.statement.position
    if end is not None:
        return end.position
    c = tables.casebooks.c
    query = select(c.position).where(c.casebook == casebook)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise CasebookNotFound(casebook)
    return int(found)


def _roots(
    connection: Connection, casebook: str, size: int, ranges: list[merkle.Range]
) -> tuple[str, ...]:
    try:
        found = merkle.subtree_roots(hashes(connection, casebook, size), ranges)
    except ValueError:
        raise VerificationFailed(
            f"the log does not hold all of its first {size} events; see `timeline verify`"
        ) from None
    return tuple(one.hex() for one in found)


def _bytes(path: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in path]


def read_proof(path: Path) -> Proof:
    """The proof of a file.

    Raises:
        InvalidSeal: the file cannot be read or is no proof.
    """
    return read_file(path, Proof)


def read_consistency(path: Path) -> Consistency:
    """The consistency proof of a file.

    Raises:
        InvalidSeal: the file cannot be read or is no consistency proof.
    """
    return read_file(path, Consistency)
