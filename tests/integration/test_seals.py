"""A seal holds while the log keeps its history, and tells when it does not, on both engines."""

from __future__ import annotations

import os
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.contract.support import put, unguarded
from timeline.errors import CasebookNotFound, NotFound, VerificationFailed
from timeline.store import hashing, merkle
from timeline.store.event_store import EventStore
from timeline.store.keys import (
    InvalidKey,
    generate_key,
    key_id,
    load_private_key,
    load_public_keys,
    public_key_from,
    public_key_text,
)
from timeline.store.proofs import consistency, read_consistency, verify_consistency
from timeline.store.seals import (
    InvalidSeal,
    Seal,
    as_file,
    check_signature,
    read_seal,
    seal,
    verify_seal,
)

NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
# The public key and fingerprint of KEY as `ssh-keygen` tells them.
KEY_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


@pytest.fixture
def full(store: EventStore) -> EventStore:
    put(store, "report-a", "a1", "a2", "a3")
    put(store, "report-b", "b1", "b2")
    return store


def test_a_seal_says_where_the_log_ends(full: EventStore) -> None:
    sealed = seal(full.engine, "main", KEY, NOW)

    said = sealed.statement
    assert (said.casebook, said.position, said.hash) == ("main", 5, full.head().hash.hex())
    assert said.merkle_root == merkle.root(event.hash for event in full.read()).hex()
    assert (said.time_zone, said.theatre) == ("Asia/Damascus", "syria")
    assert said.recorded_at == "2026-11-22T20:30:00.000000Z"
    assert said.sealed_at == "2026-11-22T21:00:00.000000Z"
    assert sealed.public_key == KEY_LINE


def test_a_seal_signs_the_canonical_json_of_its_statement(full: EventStore) -> None:
    sealed = seal(full.engine, "main", KEY, NOW)

    signed = hashing.canonical(msgspec.to_builtins(sealed.statement))
    KEY.public_key().verify(bytes.fromhex(sealed.signature), signed)
    assert b'"format":"timeline-seal/1"' in signed


def test_a_seal_holds_on_the_log_that_it_was_made_of(full: EventStore) -> None:
    result = verify_seal(full.engine, "main", seal(full.engine, "main", KEY, NOW))

    assert (result.holds, result.reason, result.is_trusted) == (True, None, False)
    assert result.key_id == key_id(KEY.public_key())


def test_a_seal_holds_after_the_log_has_grown(full: EventStore) -> None:
    sealed = seal(full.engine, "main", KEY, NOW)
    put(full, "report-a", *(f"later {number}" for number in range(20)))

    result = verify_seal(full.engine, "main", sealed, [KEY.public_key()])

    assert (result.holds, result.is_trusted) == (True, True)


def test_a_seal_of_another_key_is_refused_where_a_key_is_trusted(full: EventStore) -> None:
    forged = seal(full.engine, "main", OTHER_KEY, NOW)

    result = verify_seal(full.engine, "main", forged, [KEY.public_key()])

    assert not result.holds
    assert result.reason is not None
    assert "none of the keys that you trust" in result.reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position", 4),
        ("hash", "00" * 32),
        ("merkle_root", "00" * 32),
        ("sealed_at", "2020-01-01T00:00:00.000000Z"),
        ("casebook", "other"),
        ("time_zone", "UTC"),
    ],
)
def test_a_changed_statement_is_not_what_was_signed(
    full: EventStore, field: str, value: object
) -> None:
    sealed = seal(full.engine, "main", KEY, NOW)
    changed = msgspec.structs.replace(sealed.statement, **{field: value})

    result = check_signature(msgspec.structs.replace(sealed, statement=changed))

    assert not result.holds
    assert result.reason == "its signature does not cover its statement"


def test_a_seal_that_names_one_key_and_carries_another_is_refused(full: EventStore) -> None:
    sealed = seal(full.engine, "main", KEY, NOW)
    swapped = msgspec.structs.replace(sealed, public_key=public_key_text(OTHER_KEY.public_key()))

    assert not check_signature(swapped).holds
    assert not check_signature(msgspec.structs.replace(sealed, public_key="ssh-rsa AAAA")).holds


def test_a_seal_of_another_casebook_does_not_hold(full: EventStore) -> None:
    other = EventStore(full.engine, "other", lambda: NOW)
    other.open_casebook("UTC", "syria")
    put(other, "report-a", "a1", "a2", "a3", "a4", "a5")

    result = verify_seal(full.engine, "other", seal(full.engine, "main", KEY, NOW))

    assert result.reason == "it is a seal of casebook 'main', not of 'other'"
    with pytest.raises(CasebookNotFound):
        verify_seal(full.engine, "missing", seal(full.engine, "main", KEY, NOW))


def test_an_empty_log_is_not_sealed(store: EventStore) -> None:
    with pytest.raises(NotFound, match="nothing to seal"):
        seal(store.engine, "main", KEY, NOW)


def test_a_log_that_does_not_hold_is_not_sealed(full: EventStore) -> None:
    with unguarded(full.engine) as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{}' WHERE position = 2")

    with pytest.raises(VerificationFailed, match="does not hold at position 2"):
        seal(full.engine, "main", KEY, NOW)


def test_a_seal_comes_back_from_its_file(full: EventStore, tmp_path: Path) -> None:
    sealed = seal(full.engine, "main", KEY, NOW)
    path = tmp_path / "main.seal.json"
    path.write_bytes(as_file(sealed))

    assert read_seal(path) == sealed
    assert path.stat().st_size < 2_000


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"not json", b"[]", b'{"statement":{},"public_key":"","signature":""}', b"\xff"],
)
def test_a_file_that_is_no_seal_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)

    with pytest.raises(InvalidSeal, match="is no seal of this program"):
        read_seal(path)


def test_a_seal_of_a_newer_format_is_refused(full: EventStore, tmp_path: Path) -> None:
    path = tmp_path / "newer.json"
    newer = as_file(seal(full.engine, "main", KEY, NOW)).replace(b"seal/1", b"seal/2")
    path.write_bytes(newer)

    with pytest.raises(InvalidSeal, match="timeline-seal/2"):
        read_seal(path)


def test_a_missing_seal_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidSeal, match="cannot be read"):
        read_seal(tmp_path / "missing.json")


def two_seals(store: EventStore) -> tuple[Seal, Seal]:
    older = seal(store.engine, "main", KEY, NOW)
    put(store, "report-b", "b3", "b4", "b5", "b6")
    return older, seal(store.engine, "main", OTHER_KEY, NOW)


def test_two_seals_of_one_history_are_joined_without_the_log(
    full: EventStore, tmp_path: Path
) -> None:
    older, newer = two_seals(full)
    path = tmp_path / "joined.json"
    path.write_bytes(as_file(consistency(full.engine, "main", older, newer)))
    joined = read_consistency(path)
    trusted = [KEY.public_key(), OTHER_KEY.public_key()]

    assert verify_consistency(joined, older, newer, trusted).holds
    assert not verify_consistency(joined, newer, older).holds
    assert not verify_consistency(joined, older, newer, [KEY.public_key()]).holds
    broken = msgspec.structs.replace(joined, path=joined.path[1:])
    assert not verify_consistency(broken, older, newer).holds


def test_seals_of_two_histories_are_not_joined(full: EventStore) -> None:
    older, newer = two_seals(full)
    said = msgspec.structs.replace(older.statement, merkle_root="11" * 32)
    signature = KEY.sign(hashing.canonical(said)).hex()
    other_history = Seal(statement=said, public_key=older.public_key, signature=signature)

    with pytest.raises(VerificationFailed, match="cannot be joined"):
        consistency(full.engine, "main", other_history, newer)
    with pytest.raises(NotFound):
        consistency(full.engine, "main", newer, older)


def test_a_generated_key_signs_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    public = generate_key(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_private_key(path).public_key() == public
    assert load_public_keys(tmp_path / "seal.key.pub") == (public,)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    generate_key(tmp_path / "seal.key")
    (tmp_path / "other.key.pub").touch()

    for name in ("seal.key", "other.key"):
        with pytest.raises(InvalidKey, match="never overwritten"):
            generate_key(tmp_path / name)


def test_a_key_with_a_passphrase_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    public = generate_key(path, "correct horse")

    assert load_private_key(path, "correct horse").public_key() == public
    for wrong in (None, "battery staple"):
        with pytest.raises(InvalidKey, match="passphrase"):
            load_private_key(path, wrong)


def test_a_private_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    generate_key(path)
    path.chmod(0o644)

    with pytest.raises(InvalidKey, match="chmod 600"):
        load_private_key(path)


def test_a_key_of_openssh_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    encoding, format_ = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    path.write_bytes(KEY.private_bytes(encoding, format_, serialization.NoEncryption()))
    path.chmod(0o600)

    assert load_private_key(path).public_key() == KEY.public_key()


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rsa.key"
    key = rsa.generate_private_key(65537, 2048)
    encoding, format_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(encoding, format_, serialization.NoEncryption()))
    path.chmod(0o600)

    with pytest.raises(InvalidKey, match="not an Ed25519 key"):
        load_private_key(path)


def test_trusted_keys_are_openssh_lines_or_one_pem(tmp_path: Path) -> None:
    lines, pem = tmp_path / "trusted", tmp_path / "key.pem"
    other = public_key_text(OTHER_KEY.public_key())
    lines.write_text(f"# the desk's keys\n{KEY_LINE} desk 2025\n\n{other} desk 2026\n")
    encoding, format_ = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem.write_bytes(KEY.public_key().public_bytes(encoding, format_))

    assert load_public_keys(lines) == (KEY.public_key(), OTHER_KEY.public_key())
    assert load_public_keys(pem) == (KEY.public_key(),)


@pytest.mark.parametrize("content", ["", "# none\n", "ssh-rsa AAAA\n", KEY_LINE[:-5] + "\n"])
def test_a_file_without_a_usable_public_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "trusted"
    path.write_text(content)

    with pytest.raises(InvalidKey):
        load_public_keys(path)


def test_a_key_id_is_the_fingerprint_that_ssh_keygen_prints(tmp_path: Path) -> None:
    public = public_key_from(KEY_LINE)
    assert public == KEY.public_key()
    assert key_id(KEY.public_key()).startswith("SHA256:")
    path = tmp_path / "key.pub"
    path.write_text(KEY_LINE + "\n")
    try:
        printed = subprocess.run(
            ["ssh-keygen", "-lf", os.fspath(path)], capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError:
        pytest.skip("ssh-keygen is not installed")
    assert printed.split()[1] == key_id(KEY.public_key())
