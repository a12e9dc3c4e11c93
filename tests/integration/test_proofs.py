"""An inclusion proof holds against a seal without the database, and nothing else does."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Engine

from tests.contract.support import event, put, unguarded
from timeline.errors import CasebookNotFound, NotFound, VerificationFailed
from timeline.store import hashing, merkle
from timeline.store.engine import write_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, StreamAppend
from timeline.store.proofs import Content, Header, Proof, proof, read_proof, verify_proof
from timeline.store.seals import InvalidSeal, Seal, as_file, read_seal, seal

NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture
def full(store: EventStore) -> EventStore:
    put(store, "report-خناصر", *(f"n{number}" for number in range(1, 12)))
    return store


@pytest.fixture
def sealed(full: EventStore) -> Seal:
    return seal(full.engine, "main", KEY, NOW)


@pytest.mark.parametrize("position", range(1, 12))
def test_every_sealed_event_is_proved(full: EventStore, sealed: Seal, position: int) -> None:
    put(full, "report-b", "later")

    result = verify_proof(proof(full.engine, "main", position, sealed), sealed, [KEY.public_key()])

    assert (result.holds, result.is_trusted, result.is_content_proved) == (True, True, True)


def test_a_proof_is_checked_from_two_files_alone(
    full: EventStore, sealed: Seal, tmp_path: Path
) -> None:
    (tmp_path / "seal.json").write_bytes(as_file(sealed))
    (tmp_path / "proof.json").write_bytes(as_file(proof(full.engine, "main", 4, sealed)))
    full.engine.dispose()

    read = read_proof(tmp_path / "proof.json")

    assert verify_proof(read, read_seal(tmp_path / "seal.json"), [KEY.public_key()]).holds
    assert read.content is not None
    assert read.content.data == '{"name":"n4"}'
    assert read.header.stream == "report-خناصر"


def independent_check(proof_file: bytes, seal_file: bytes) -> None:
    """What a person without this program does, from docs/sealing.md: the standard library, and
    an Ed25519 library."""

    def canonical(value: object) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    told, sealed = json.loads(proof_file), json.loads(seal_file)
    said = sealed["statement"]
    key = Ed25519PublicKey.from_public_bytes(KEY.public_key().public_bytes_raw())
    key.verify(bytes.fromhex(sealed["signature"]), canonical(said))

    content = bytes.fromhex(told["content"]["salt"]) + told["content"]["data"].encode()
    assert sha256(content).hexdigest() == told["digest"]
    leaf = sha256(
        bytes.fromhex(told["previous_hash"])
        + canonical(told["header"])
        + bytes.fromhex(told["digest"])
    ).digest()
    node, index, last = sha256(b"\0" + leaf).digest(), told["header"]["position"] - 1, None
    last = told["tree_size"] - 1
    for sibling in map(bytes.fromhex, told["audit_path"]):
        if index % 2 or index == last:
            node = sha256(b"\1" + sibling + node).digest()
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            node = sha256(b"\1" + node + sibling).digest()
        index, last = index // 2, last // 2
    assert last == 0
    assert node.hex() == said["merkle_root"]


@pytest.mark.parametrize("position", [1, 2, 5, 8, 9, 10, 11])
def test_a_proof_is_checked_with_the_standard_library_too(
    full: EventStore, sealed: Seal, position: int
) -> None:
    made = proof(full.engine, "main", position, sealed)

    independent_check(as_file(made), as_file(sealed))


def test_the_headers_canonical_json_is_what_the_chain_hashes(full: EventStore) -> None:
    made = proof(full.engine, "main", 3)
    fields = msgspec.to_builtins(made.header)

    assert hashing.canonical(made.header) == hashing.header(type_=fields.pop("type"), **fields)
    assert set(Header.__struct_fields__) == set(json.loads(hashing.canonical(made.header)))


def replaced(made: Proof, **changes: object) -> Proof:
    return msgspec.structs.replace(made, **changes)


def with_header(**changes: object) -> Callable[[Proof], Proof]:
    return lambda made: replaced(made, header=msgspec.structs.replace(made.header, **changes))


@pytest.mark.parametrize(
    "forge",
    [
        with_header(position=5),
        with_header(casebook="other"),
        with_header(event_id="6f2b1d0e-8c3a-5b7e-9d41-0a1b2c3d4e5f"),
        with_header(metadata="{}"),
        with_header(recorded_at="2020-01-01T00:00:00.000000Z"),
        with_header(schema_version=2),
        with_header(stream="report-b"),
        with_header(type="Clash"),
        with_header(version=1),
        lambda made: replaced(made, digest="00" * 32, content=None),
        lambda made: replaced(made, previous_hash="00" * 32),
        lambda made: replaced(made, tree_size=10),
        lambda made: replaced(made, audit_path=made.audit_path[1:]),
        lambda made: replaced(made, audit_path=(*made.audit_path, "00" * 32)),
        lambda made: replaced(made, audit_path=made.audit_path[::-1]),
        lambda made: replaced(made, content=Content(data='{"name":"nX"}', salt="00" * 16)),
    ],
)
def test_a_forged_proof_does_not_hold(
    full: EventStore, sealed: Seal, forge: Callable[[Proof], Proof]
) -> None:
    forged = forge(proof(full.engine, "main", 4, sealed))

    result = verify_proof(forged, sealed)

    assert not result.holds
    assert not result.is_content_proved
    assert result.reason is not None


def test_a_proof_does_not_hold_against_a_seal_of_another_key(full: EventStore) -> None:
    forged = seal(full.engine, "main", OTHER_KEY, NOW)

    result = verify_proof(proof(full.engine, "main", 4, forged), forged, [KEY.public_key()])

    assert not result.holds


def test_a_proof_holds_after_its_event_is_withheld(full: EventStore, sealed: Seal) -> None:
    before = proof(full.engine, "main", 4, sealed)
    with write_transaction(full.engine) as connection:
        connection.exec_driver_sql("UPDATE events SET data = NULL, salt = NULL WHERE position = 4")
        marker = event("m", type_="ContentWithheld", positions=[4])
        full.append_in(connection, [StreamAppend("report-خناصر", ANY, [marker])])

    after = proof(full.engine, "main", 4, sealed)

    assert after.content is None
    assert after == replaced(before, content=None)
    result = verify_proof(after, sealed, [KEY.public_key()])
    assert (result.holds, result.is_content_proved) == (True, False)


def test_a_proof_may_leave_the_content_out(full: EventStore, sealed: Seal) -> None:
    made = proof(full.engine, "main", 4, sealed, with_content=False)

    assert made.content is None
    assert verify_proof(made, sealed).holds


def test_a_proof_of_the_present_head_holds_against_a_seal_made_of_it(full: EventStore) -> None:
    made = proof(full.engine, "main", 4)
    by_head = proof(full.engine, "main", 4, full.head())

    assert made == by_head
    assert verify_proof(made, seal(full.engine, "main", KEY, NOW)).holds


@pytest.mark.parametrize("position", [0, 12, -1])
def test_a_position_outside_the_seal_has_no_proof(
    full: EventStore, sealed: Seal, position: int
) -> None:
    put(full, "report-b", "later")

    with pytest.raises(NotFound, match="up to position 11"):
        proof(full.engine, "main", position, sealed)


def test_a_missing_casebook_has_no_proof(full: EventStore, sealed: Seal) -> None:
    with pytest.raises(CasebookNotFound):
        proof(full.engine, "idlib", 1)


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM events WHERE position = 7",
        "DELETE FROM events WHERE position = 4",
        "UPDATE events SET hash = previous_hash WHERE position = 7",
        "UPDATE events SET data = '{}' WHERE position = 4",
    ],
)
def test_a_log_that_was_tampered_with_gives_no_proof(
    full: EventStore, sealed: Seal, tampering: str
) -> None:
    with unguarded(full.engine) as connection:
        connection.exec_driver_sql(tampering)

    with pytest.raises(VerificationFailed):
        proof(full.engine, "main", 4, sealed)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format":"timeline-proof/2"}'])
def test_a_file_that_is_no_proof_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(content)

    with pytest.raises(InvalidSeal, match="is no proof of this program"):
        read_proof(path)


def test_an_audit_path_longer_than_any_tree_is_refused(
    full: EventStore, sealed: Seal, tmp_path: Path
) -> None:
    path = tmp_path / "proof.json"
    made = proof(full.engine, "main", 4, sealed)
    path.write_bytes(as_file(replaced(made, audit_path=("00" * 32,) * 65)))

    with pytest.raises(InvalidSeal):
        read_proof(path)


def test_a_proof_over_many_events_keeps_few_of_them_in_memory(engine: Engine) -> None:
    store = EventStore(engine, "main", lambda: NOW)
    store.open_casebook("UTC", "syria")
    events = [event(f"n{number}") for number in range(30_000)]
    for start in range(0, len(events), 5_000):
        store.append([StreamAppend("report-a", ANY, events[start : start + 5_000])])
    del events

    tracemalloc.start()
    made = proof(engine, "main", 12_345)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(made.audit_path) <= 15
    assert peak_bytes < 6_000_000


DOCUMENTS = Path(__file__).parents[2] / "docs"


def test_the_worked_example_of_the_document_holds() -> None:
    told = (DOCUMENTS / "sealing.md").read_text()
    values = dict(re.findall(r"^(leaf 1|leaf 2|root|signed bytes) \| `(.*)`$", told, re.MULTILINE))
    log = (DOCUMENTS / "log.md").read_text()
    in_log = dict(re.findall(r"^([a-z_]+ [12]) \| `(.*)`$", log, re.MULTILINE))
    files = [block.encode() for block in re.findall(r"```json\n(.*?\n)```", told, re.DOTALL)]
    sealed, made = (
        msgspec.json.decode(files[0], type=Seal),
        msgspec.json.decode(files[1], type=Proof),
    )
    hashes = [bytes.fromhex(in_log["hash 1"]), bytes.fromhex(in_log["hash 2"])]

    assert [as_file(sealed), as_file(made)] == files
    assert hashing.canonical(sealed.statement).decode() == values["signed bytes"]
    assert [merkle.leaf_hash(one).hex() for one in hashes] == [values["leaf 1"], values["leaf 2"]]
    assert merkle.root(hashes).hex() == values["root"] == sealed.statement.merkle_root
    assert hashing.canonical(made.header).decode() == in_log["header 1"]
    assert verify_proof(made, sealed, [KEY.public_key()]).is_content_proved
    independent_check(files[1], files[0])
