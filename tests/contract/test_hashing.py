"""The frozen format: the worked example of docs/log.md, and what canonical JSON refuses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from timeline.errors import InvalidEvent
from timeline.store import hashing

DOCUMENT = Path(__file__).parents[2] / "docs" / "log.md"


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    return dict(re.findall(r"^([a-z_]+ [12]) \| `(.*)`$", DOCUMENT.read_text(), re.MULTILINE))


def test_the_worked_example_of_the_document_is_complete(example: dict[str, str]) -> None:
    assert len(example) == 12


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_documents_digest_is_ours(example: dict[str, str], number: str) -> None:
    salt, data = bytes.fromhex(example[f"salt {number}"]), example[f"data {number}"].encode()

    assert hashing.content_digest(salt, data).hex() == example[f"digest {number}"]
    assert hashing.is_canonical(data)


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_documents_header_is_ours(example: dict[str, str], number: str) -> None:
    said = msgspec.json.decode(example[f"header {number}"])
    ours = hashing.header(type_=said.pop("type"), **said)

    assert ours.decode() == example[f"header {number}"]


@pytest.mark.parametrize("number", ["1", "2"])
def test_the_documents_hash_is_ours(example: dict[str, str], number: str) -> None:
    previous = bytes.fromhex(example[f"previous_hash {number}"])
    header = example[f"header {number}"].encode()
    digest = bytes.fromhex(example[f"digest {number}"])

    assert hashing.chained_hash(previous, header, digest).hex() == example[f"hash {number}"]


def test_the_documents_example_is_a_chain_from_the_genesis_hash(example: dict[str, str]) -> None:
    assert example["previous_hash 1"] == "00" * 32 == hashing.GENESIS_HASH.hex()
    assert example["previous_hash 2"] == example["hash 1"]


def test_the_hash_is_plain_sha_256_of_the_three_parts_joined() -> None:
    previous, header, digest = b"p" * 32, b"{}", b"d" * 32

    assert (
        hashing.chained_hash(previous, header, digest)
        == sha256(b"p" * 32 + b"{}" + b"d" * 32).digest()
    )


def test_canonical_json_sorts_keys_keeps_unicode_and_has_no_spaces() -> None:
    assert hashing.canonical({"b": [1, {"d": None, "c": "خناصر/"}], "a": "\n\x01"}) == (
        '{"a":"\\n\\u0001","b":[1,{"c":"خناصر/","d":null}]}'.encode()
    )


def test_canonical_json_sorts_the_fields_of_a_struct_too() -> None:
    class Claim(msgspec.Struct):
        type: str
        actor: str

    assert hashing.canonical(Claim("Clash", "x")) == b'{"actor":"x","type":"Clash"}'


@pytest.mark.parametrize(
    "value",
    [{"a": float("nan")}, {"a": [1.0, float("inf")]}, {"a": {"b": float("-inf")}}, {"a": "\ud800"}],
)
def test_canonical_json_refuses_what_json_does_not_have(value: object) -> None:
    with pytest.raises(InvalidEvent):
        hashing.canonical(value)


def test_canonical_json_takes_null() -> None:
    assert hashing.canonical({"a": None, "b": 1.5}) == b'{"a":null,"b":1.5}'


@pytest.mark.parametrize(
    "encoded",
    [b'{"a": 1}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":"\\u0041"}', b"[1]", b"{", b"\xff"],
)
def test_other_spellings_of_json_are_not_canonical(encoded: bytes) -> None:
    assert not hashing.is_canonical(encoded)


def test_an_instant_is_written_in_utc_with_six_decimals() -> None:
    damascus = timezone(timedelta(hours=3))

    assert (
        hashing.instant_text(datetime(2026, 11, 22, 23, 31, tzinfo=damascus))
        == "2026-11-22T20:31:00.000000Z"
    )
    assert hashing.instant_text(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == (
        "2026-01-02T03:04:05.000006Z"
    )


def test_a_naive_record_time_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        hashing.instant_text(datetime(2026, 1, 2))  # noqa: DTZ001 - that it is naive is the point


@pytest.mark.parametrize("value", [[], "text", 1, None])
def test_canonical_json_of_no_object_is_no_events_data(value: object) -> None:
    assert not hashing.is_canonical(hashing.canonical(value))


def test_what_is_made_of_canonical_bytes_is_looked_at_again() -> None:
    written = hashing.canonical({"a": 1})

    assert hashing.is_canonical(written)
    assert type(written[:]) is bytes
    assert not hashing.is_canonical(written + b" ")
    assert not hashing.is_canonical(written.replace(b":", b": "))
