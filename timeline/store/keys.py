"""Makes, reads and names the Ed25519 keys that seals are signed with.

Private keys are PEM (PKCS #8) or OpenSSH files, public ones OpenSSH lines, so that `ssh-keygen` and
`openssl` read them too. A key's id is its OpenSSH fingerprint, as `ssh-keygen -l` prints it.
"""

from __future__ import annotations

import base64
import os
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from timeline.errors import TimelineError

KEY_FILE_BYTES_MAX = 100_000
KEYS_PER_FILE_MAX = 1_000
PRIVATE_MODE = 0o600
PUBLIC_MODE = 0o644
_OTHERS = 0o077


class InvalidKey(TimelineError):
    """A key file cannot be used as it stands; mend it or name another."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


def generate_key(path: Path, passphrase: str | None = None) -> Ed25519PublicKey:
    """Make a key pair: the private key in `path`, the public one beside it in `path`.pub.

    Args:
        path: Where; no file is ever overwritten. Only its owner may read the private key.
        passphrase: Encrypts the private key when given.

    Raises:
        InvalidKey: one of the files exists, or cannot be written.
    """
    public_path = path.with_name(path.name + ".pub")
    for one in (path, public_path):
        if one.exists():
            raise InvalidKey(str(one), "exists; a key is never overwritten, name another file")
    key = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    public = public_key_text(key.public_key()) + "\n"
    _write_new(path, private, PRIVATE_MODE)
    _write_new(public_path, public.encode(), PUBLIC_MODE)
    return key.public_key()


def load_private_key(path: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """The private key of a PEM or OpenSSH file.

    Raises:
        InvalidKey: it cannot be read, is no Ed25519 key, or others may read it too.
    """
    content = _read(path)
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        raise InvalidKey(str(path), f"can be read by others; run `chmod 600 {path}`")
    password = passphrase.encode() if passphrase else None
    is_openssh = b"OPENSSH PRIVATE KEY" in content
    load = serialization.load_ssh_private_key if is_openssh else serialization.load_pem_private_key
    try:
        key = load(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise InvalidKey(
            str(path), f"is no private key, or its passphrase is missing or wrong ({fault})"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey(str(path), "is not an Ed25519 key")
    return key


def load_public_keys(path: Path) -> tuple[Ed25519PublicKey, ...]:
    """The public keys to trust: one PEM, or OpenSSH lines, with # for comments.

    Raises:
        InvalidKey: it cannot be read, or holds something else, nothing, or too many keys.
    """
    content = _read(path)
    if content.lstrip().startswith(b"-----BEGIN PUBLIC KEY-----"):
        try:
            key = serialization.load_pem_public_key(content)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise InvalidKey(str(path), "holds no Ed25519 public key")
        return (key,)
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    told = [(number, line) for number, line in enumerate(lines, 1) if line and line[0] != "#"]
    if not 0 < len(told) <= KEYS_PER_FILE_MAX:
        raise InvalidKey(str(path), f"holds {len(told)} public keys; 1 to {KEYS_PER_FILE_MAX} go")
    keys = []
    for number, line in told:
        found = public_key_from(line)
        if found is None:
            raise InvalidKey(str(path), f"line {number} is no Ed25519 public key of OpenSSH")
        keys.append(found)
    return tuple(keys)


def public_key_text(key: Ed25519PublicKey) -> str:
    """A public key as one OpenSSH line without a comment."""
    encoding, format_ = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return key.public_bytes(encoding, format_).decode()


def public_key_from(text: str) -> Ed25519PublicKey | None:
    """The Ed25519 public key of an OpenSSH line; None when it is none."""
    try:
        key = serialization.load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def key_id(key: Ed25519PublicKey) -> str:
    """A key's OpenSSH fingerprint: `SHA256:` and 43 characters of base64."""
    wire = base64.b64decode(public_key_text(key).split()[1])
    return "SHA256:" + base64.b64encode(sha256(wire).digest()).decode().rstrip("=")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(KEY_FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise InvalidKey(str(path), f"cannot be read: {fault.strerror}") from None
    if len(content) > KEY_FILE_BYTES_MAX:
        raise InvalidKey(str(path), "is too large to be a key file")
    return content


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as fault:
        raise InvalidKey(str(path), f"cannot be written: {fault.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
